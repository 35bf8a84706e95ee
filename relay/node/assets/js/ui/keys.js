// Single-key shortcuts. They can be switched off (WCAG 2.1.4), and never take a key from somebody who types.

import { recall, remember } from './store.js';

/** Key, and the dictionary key of what it does; the help dialog lists them. */
export const SHORTCUTS = /** @type {const} */ ([
  ['m', 'shortcut_microphone'],
  ['v', 'shortcut_camera'],
  ['s', 'shortcut_screen'],
  ['h', 'shortcut_hand'],
  ['p', 'shortcut_people'],
  ['c', 'shortcut_chat'],
  ['g', 'shortcut_groups'],
  ['o', 'shortcut_manage'],
  ['d', 'shortcut_details'],
  ['?', 'shortcut_help'],
]);

export function shortcutsOn() {
  return recall('shortcuts') !== 'off';
}

/** @param {boolean} on */
export function setShortcuts(on) {
  remember('shortcuts', on ? null : 'off');
}

/**
 * @param {Record<string, () => void>} actions  by key
 * @returns {() => void}  unbinds
 */
export function bindKeys(actions) {
  const onKey = (/** @type {KeyboardEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented || event.isComposing) return;
    if (!shortcutsOn() || typing(event.target) || document.querySelector('dialog[open]')) return;
    const action = actions[event.key.toLowerCase()];
    if (!action) return;
    event.preventDefault();
    action();
  };
  document.addEventListener('keydown', onKey);
  return () => document.removeEventListener('keydown', onKey);
}

/** @param {EventTarget|null} target */
function typing(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.matches('input:not([type=checkbox], [type=radio]), select, textarea'));
}
