// The menu behind "More": what is seldom needed, and on narrow windows what has no room in the bar.

import { PictureInPicture } from '../stage/pip.js';

/** Below this width the style sheet takes the roomy buttons out of the bar. */
const NARROW = '(max-width: 44rem)';

/**
 * @param {import('./room.js').MeetingRoom} room
 * @returns {import('../ui/menu.js').MenuItem[]}
 */
export function moreItems(room) {
  const { controls, pip, panels } = room;
  const narrow = matchMedia(NARROW).matches;
  const sharing = room.meeting.own.isOn('screen');
  /** @type {(import('../ui/menu.js').MenuItem|false)[]} */
  const items = [
    narrow && controls.canShare && { words: sharing ? 'share_stop' : 'share_start', icon: 'screen', onSelect: () => void room.actions.toggleScreen() },
    narrow && !controls.groups.element.hidden && { words: 'groups', icon: 'groups', onSelect: () => panels.show('groups') },
    { words: 'settings', icon: 'settings', onSelect: () => room.settings.show() },
    PictureInPicture.supported && { words: 'pip', icon: 'pip', checked: pip.open, onSelect: () => void pip.toggle() },
    { words: 'minimal', icon: 'shrink', onSelect: () => room.setMinimal(true) },
    { words: 'details', icon: 'pulse', checked: room.detailsShown, onSelect: () => room.toggleDetails() },
    { words: 'help', icon: 'help', onSelect: () => room.help.showModal() },
  ];
  return items.filter((item) => item !== false);
}
