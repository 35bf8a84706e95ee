// One person as a line of a list: initials, name, role, what they send, and buttons.

import { avatar, showAvatar } from '../stage/avatar.js';
import { h, setChildren } from '../ui/dom.js';
import { t } from '../words/i18n.js';
import { icon } from '../ui/icons.js';

/** @typedef {import('../types.js').Participant} Participant */
/** @typedef {import('../types.js').Source} Source */

/**
 * @typedef {object} RowParts
 * @property {string} name
 * @property {string} [note]         beneath the name
 * @property {Node[]} [signs]
 * @property {boolean} [speaking]
 */

/**
 * @param {...HTMLElement} buttons  stay with the row
 */
export function personRow(...buttons) {
  const disc = avatar();
  const name = h('span', { class: 'person-name' });
  const note = h('span', { class: 'role' });
  const signs = h('span', { class: 'signs' });
  const element = h('li', {}, disc, h('span', { class: 'person' }, name, note), signs, ...buttons);
  return {
    element,
    /** @param {RowParts} parts */
    show({ name: words, note: line = '', signs: shown = [], speaking = false }) {
      showAvatar(disc, words);
      name.textContent = words;
      note.textContent = line;
      note.hidden = line === '';
      element.classList.toggle('speaking', speaking);
      setChildren(signs, shown);
    },
  };
}

/**
 * What somebody sends, as signs with words for those who cannot see them.
 * @param {Participant} person
 * @returns {Node[]}
 */
export function sourceSigns(person) {
  const has = (/** @type {Source} */ source) => person.sources.includes(source);
  const locked = (/** @type {Source} */ source) => person.locked?.includes(source) ?? false;
  const words = (/** @type {'microphone'|'camera'} */ source) => `${source}_${locked(source) ? 'closed' : has(source) ? 'on' : 'off'}`;
  return [
    ...(has('screen') ? [sign('screen', 'shares_screen', '')] : []),
    sign(has('microphone') ? 'mic' : 'mic-off', words('microphone'), has('microphone') ? '' : locked('microphone') ? 'off closed' : 'off'),
    sign(has('camera') ? 'camera' : 'camera-off', words('camera'), has('camera') ? '' : locked('camera') ? 'off closed' : 'off'),
  ];
}

/**
 * @param {string} name
 * @param {string} words
 * @param {string} kind
 */
function sign(name, words, kind) {
  return h('span', { class: `sign ${kind}`, title: t(words) }, icon(name), h('span', { class: 'sr-only' }, t(words)));
}

/**
 * A small button of a row; what it does is said with the person's name.
 * @param {string} name
 * @param {(button: HTMLButtonElement) => void} onPress
 */
export function rowButton(name, onPress) {
  const button = h('button', { type: 'button', class: 'icon-button small', onclick: () => onPress(button) }, icon(name));
  return button;
}

/**
 * @param {HTMLElement} button
 * @param {string} words
 */
export function nameButton(button, words) {
  button.setAttribute('aria-label', words);
  button.title = words;
}
