// The bar of buttons under the stage. Names stay, `aria-pressed` says the state, and each state has its own icon.

import { freshId, h } from '../ui/dom.js';
import { device } from '../call/device.js';
import { label, language, t } from '../words/i18n.js';
import { icon, setIcon } from '../ui/icons.js';
import { canShareScreen } from '../media/media.js';

/**
 * A button that is on or off.
 * @typedef {object} Toggle
 * @property {HTMLButtonElement} element
 * @property {(on: boolean) => void} set
 * @property {(reasonKey: string|null) => void} lock  looks disabled and says why; it still takes focus and clicks
 * @property {(n: number, wordsKey: string) => void} badge  a number on the button, said in words; 0 takes it away
 */

/**
 * @param {object} options
 * @param {string} options.words    dictionary key of the visible name
 * @param {[string, string]} options.icons  when on, when off
 * @param {[string, string]} [options.hints]  dictionary keys of the tooltip when on, when off
 * @param {string} [options.shortcut]
 * @param {string} [options.kind]   class
 * @param {boolean} [options.opens]  opens and closes something, instead of being on or off
 * @param {() => void} options.onPress
 * @returns {Toggle}
 */
export function toggle({ words, icons, hints, shortcut, kind = '', opens = false, onPress }) {
  const svg = icon(icons[1]);
  const badge = h('span', { class: 'badge', 'aria-hidden': 'true', hidden: true });
  const badgeWords = h('span', { class: 'sr-only' });
  const reason = h('span', { class: 'sr-only', id: freshId() });
  const element = h('button', { type: 'button', class: `control ${kind}`, 'aria-keyshortcuts': shortcut, onclick: onPress },
    h('span', { class: 'control-face' }, svg, badge), h('span', { class: 'control-name', t: words }), badgeWords);
  const attribute = opens ? 'aria-expanded' : 'aria-pressed';
  let state = false;
  /** @type {string|null} */
  let locked = null;
  let count = { n: 0, key: '' };
  const draw = () => {
    const text = t(locked ?? (hints ? hints[state ? 0 : 1] : words));
    element.title = shortcut ? `${text} (${shortcut.toUpperCase()})` : text;
    element.setAttribute(attribute, String(state));
    setIcon(svg, icons[state ? 0 : 1]);
    badge.hidden = count.n === 0;
    badge.textContent = count.n > 99 ? '99+' : String(count.n);
    badgeWords.textContent = count.n === 0 ? '' : `, ${t(count.key, { n: count.n })}`;
  };
  language.addEventListener('change', draw);
  draw();
  return {
    element,
    set(on) {
      state = on;
      draw();
    },
    lock(key) {
      if (key === locked) return;
      locked = key;
      if (key === null) {
        element.removeAttribute('aria-disabled');
        element.removeAttribute('aria-describedby');
        reason.remove();
      } else {
        element.setAttribute('aria-disabled', 'true');
        element.setAttribute('aria-describedby', reason.id);
        element.after(reason);
        label(reason, 'text', key);
      }
      draw();
    },
    badge(n, key) {
      count = { n, key };
      draw();
    },
  };
}

/**
 * @param {() => void} onPress
 * @param {string} [shortcut]
 */
export function microphoneToggle(onPress, shortcut) {
  return toggle({ words: 'microphone_short', icons: ['mic', 'mic-off'], hints: ['mute', 'unmute'], shortcut, kind: 'input', onPress });
}

/**
 * @param {() => void} onPress
 * @param {string} [shortcut]
 */
export function cameraToggle(onPress, shortcut) {
  return toggle({ words: 'camera', icons: ['camera', 'camera-off'], hints: ['camera_stop', 'camera_start'], shortcut, kind: 'input', onPress });
}

/**
 * @typedef {object} ControlHandlers
 * @property {() => void} microphone
 * @property {() => void} camera
 * @property {() => void} screen
 * @property {() => void} hand
 * @property {() => void} people
 * @property {() => void} chat
 * @property {() => void} groups
 * @property {() => void} manage
 * @property {(anchor: HTMLElement) => void} more
 * @property {() => void} leave
 */

/** @param {ControlHandlers} on */
export function controls(on) {
  const microphone = microphoneToggle(on.microphone, 'm');
  const camera = cameraToggle(on.camera, 'v');
  const screen = toggle({
    words: 'share', icons: ['screen-stop', 'screen'], hints: ['share_stop', 'share_start'], shortcut: 's', kind: 'share roomy', onPress: on.screen,
  });
  const hand = toggle({ words: 'hand', icons: ['hand', 'hand'], hints: ['hand_lower', 'hand_raise'], shortcut: 'h', kind: 'raise', onPress: on.hand });
  const panel = (/** @type {string} */ words, /** @type {string} */ svg, /** @type {string} */ shortcut, /** @type {() => void} */ onPress, kind = '') =>
    toggle({ words, icons: [svg, svg], shortcut, opens: true, kind, onPress });
  const people = panel('people', 'people', 'p', on.people);
  const chat = panel('chat', 'chat', 'c', on.chat);
  const groups = panel('groups', 'groups', 'g', on.groups, 'roomy');
  const manage = panel('manage', 'manage', 'o', on.manage);
  const more = h('button', { type: 'button', class: 'control', 'aria-haspopup': 'menu', onclick: () => on.more(more) },
    h('span', { class: 'control-face' }, icon('more')), h('span', { class: 'control-name', t: 'more' }));
  const leave = h('button', { type: 'button', class: 'control leave', onclick: on.leave },
    h('span', { class: 'control-face' }, icon('leave')), h('span', { class: 'control-name', t: 'leave' }));
  const canShare = canShareScreen() && device() === 'desktop';
  screen.element.hidden = !canShare;
  const element = h('div', { class: 'controls', role: 'group', tLabel: 'controls' },
    ...[microphone, camera, screen, hand, people, chat, groups, manage].map((control) => control.element), more, leave);
  return { element, microphone, camera, screen, hand, people, chat, groups, manage, more, canShare };
}
