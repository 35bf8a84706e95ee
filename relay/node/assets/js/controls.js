// The bar of buttons under the stage. Names stay, `aria-pressed` says the state, and each state has its own icon.

import { h } from './dom.js';
import { language, t } from './i18n.js';
import { icon, setIcon } from './icons.js';
import { canShareScreen } from './media.js';

/**
 * A button that is on or off.
 * @typedef {{element: HTMLButtonElement, set: (on: boolean) => void}} Toggle
 */

/**
 * @param {object} options
 * @param {string} options.words    dictionary key of the visible name
 * @param {[string, string]} options.icons  when on, when off
 * @param {[string, string]} [options.hints]  dictionary keys of the tooltip when on, when off
 * @param {string} [options.shortcut]
 * @param {string} [options.kind]   class
 * @param {() => void} options.onPress
 * @returns {Toggle}
 */
export function toggle({ words, icons, hints, shortcut, kind = '', onPress }) {
  const svg = icon(icons[1]);
  const element = h('button', { type: 'button', class: `control ${kind}`, 'aria-pressed': 'false', 'aria-keyshortcuts': shortcut, onclick: onPress },
    h('span', { class: 'control-face' }, svg), h('span', { class: 'control-name', t: words }));
  let state = false;
  const hint = () => {
    const text = t(hints ? hints[state ? 0 : 1] : words);
    element.title = shortcut ? `${text} (${shortcut.toUpperCase()})` : text;
  };
  language.addEventListener('change', hint);
  hint();
  return {
    element,
    set(on) {
      state = on;
      element.setAttribute('aria-pressed', String(on));
      setIcon(svg, icons[on ? 0 : 1]);
      hint();
    },
  };
}

/**
 * @param {() => void} onPress
 * @param {string} [shortcut]
 */
export function microphoneToggle(onPress, shortcut) {
  return toggle({ words: 'microphone', icons: ['mic', 'mic-off'], hints: ['mute', 'unmute'], shortcut, kind: 'input', onPress });
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
 * @property {() => void} people
 * @property {() => void} settings
 * @property {() => void} leave
 */

/** @param {ControlHandlers} on */
export function controls(on) {
  const microphone = microphoneToggle(on.microphone, 'm');
  const camera = cameraToggle(on.camera, 'v');
  const screen = toggle({
    words: 'share', icons: ['screen-stop', 'screen'], hints: ['share_stop', 'share_start'], shortcut: 's', kind: 'share', onPress: on.screen,
  });
  const people = toggle({ words: 'people', icons: ['people', 'people'], shortcut: 'p', onPress: on.people });
  const settings = h('button', { type: 'button', class: 'control', 'aria-haspopup': 'dialog', onclick: on.settings },
    h('span', { class: 'control-face' }, icon('settings')), h('span', { class: 'control-name', t: 'settings' }));
  const leave = h('button', { type: 'button', class: 'control leave', onclick: on.leave },
    h('span', { class: 'control-face' }, icon('leave')), h('span', { class: 'control-name', t: 'leave' }));
  screen.element.hidden = !canShareScreen(); // phones cannot
  people.element.setAttribute('aria-expanded', 'false');
  people.element.removeAttribute('aria-pressed');
  const element = h('div', { class: 'controls', role: 'group', tLabel: 'controls' },
    microphone.element, camera.element, screen.element, people.element, settings, leave);
  return { element, microphone, camera, screen, people };
}
