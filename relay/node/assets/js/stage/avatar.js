// Initials on a coloured disc, for people without a picture.

import { h } from '../ui/dom.js';

/** Colours of initials, as classes `hue-0` and on. */
const HUES = 6;

export function avatar() {
  return h('span', { class: 'avatar', 'aria-hidden': 'true' });
}

/**
 * @param {HTMLElement} element  from {@link avatar}
 * @param {string} name
 */
export function showAvatar(element, name) {
  const hue = `hue-${nameHash(name) % HUES}`;
  if (!element.classList.contains(hue)) element.className = `avatar ${hue}`;
  const letters = initials(name);
  if (element.textContent !== letters) element.textContent = letters;
}

/**
 * A number from a name, the same on every machine.
 * @param {string} name
 */
export function nameHash(name) {
  let hash = 2166136261;
  for (const char of name) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 16777619) >>> 0;
  return hash;
}

/**
 * Up to two letters: of the first and the last word.
 * @param {string} name
 */
function initials(name) {
  const words = name.split(/\s+/).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  const letters = [words[0], words.length > 1 ? words[words.length - 1] : undefined];
  return letters.map((word) => (word ? [...word][0].toLocaleUpperCase('da') : '')).join('') || '–';
}
