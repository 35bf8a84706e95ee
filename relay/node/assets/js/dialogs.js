// The settings and help dialogs. The browser's own <dialog> keeps focus inside and gives it back.

import { DeviceMenus } from './devices.js';
import { freshId, h } from './dom.js';
import { icon } from './icons.js';
import { setShortcuts, SHORTCUTS, shortcutsOn } from './keys.js';
import { languageSwitch } from './languages.js';
import { LevelMeter } from './meter.js';

/**
 * @param {string} titleKey
 * @param {...Node} content
 */
function dialog(titleKey, ...content) {
  const title = freshId();
  const element = h('dialog', { 'aria-labelledby': title, class: 'dialog' });
  const close = h('button', { type: 'button', class: 'icon-button', tLabel: 'close', tTitle: 'close', onclick: () => element.close() }, icon('close'));
  element.append(h('div', { class: 'dialog-head' }, h('h2', { id: title, t: titleKey }), close), ...content);
  // A click beside the dialog, which lands on its backdrop, closes it.
  element.addEventListener('click', (event) => event.target === element && element.close());
  return element;
}

/**
 * @param {import('./media.js').LocalMedia} media
 */
export function settingsDialog(media) {
  const menus = new DeviceMenus(media);
  const meter = new LevelMeter();
  const element = dialog(
    'settings',
    menus.element,
    h('div', { class: 'field' }, h('span', { class: 'field-label', t: 'microphone_level' }), meter),
    h('div', { class: 'field' }, h('span', { class: 'field-label', t: 'language' }), languageSwitch()),
  );
  const track = () => {
    meter.track = element.open && media.inputs.audio.on ? media.inputs.audio.track : null;
  };
  media.addEventListener('change', track);
  element.addEventListener('close', track);
  return {
    element,
    show() {
      void menus.refresh();
      element.showModal();
      track();
    },
    close() {
      media.removeEventListener('change', track);
      menus.close();
    },
  };
}

export function helpDialog() {
  const check = h('input', { type: 'checkbox', id: freshId(), onchange: () => setShortcuts(check.checked) });
  check.checked = shortcutsOn();
  const keys = SHORTCUTS.map(([key, words]) => h('div', {}, h('dt', {}, h('kbd', {}, key === '?' ? '?' : key.toUpperCase())), h('dd', { t: words })));
  return dialog(
    'help',
    h('h3', { t: 'help_trouble' }),
    h('ul', { class: 'help-list' }, ...['help_not_heard', 'help_hear_nothing', 'help_no_picture', 'help_bad_connection'].map((key) => h('li', { t: key }))),
    h('h3', { t: 'shortcuts' }),
    h('dl', { class: 'shortcuts' }, ...keys),
    h('div', { class: 'check' }, check, h('label', { for: check.id, t: 'shortcuts_use' })),
    h('h3', { t: 'help_privacy' }),
    h('p', { t: 'privacy' }),
  );
}
