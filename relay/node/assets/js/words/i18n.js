// The language: one dictionary each for Danish and English, and the elements that must follow a change.

import { da } from './da.js';
import { en } from './en.js';
import { daRoom } from './room.da.js';
import { enRoom } from './room.en.js';
import { recall, remember } from '../ui/store.js';

/** @typedef {'da'|'en'} Lang */
/** @typedef {'text'|'aria-label'|'title'|'placeholder'} Place */

/** @type {Record<Lang, Record<string, string>>} */
const WORDS = { da: { ...da, ...daRoom }, en: { ...en, ...enRoom } };
const ATTRIBUTE = { text: 'data-t', 'aria-label': 'data-t-label', title: 'data-t-title', placeholder: 'data-t-placeholder' };

/** Fires `change` after the language changed, for views that compose sentences. */
export const language = new EventTarget();

/** @type {Lang} */
let current = 'da';
/** The person said so, here or in the address. */
let chosen = false;

export function lang() {
  return current;
}

/**
 * The language to start in: asked for, remembered, or the browser's; Danish for Nordic readers, English for others.
 * @param {Lang|null} asked
 */
export function startLanguage(asked) {
  const kept = recall('lang');
  chosen = asked !== null || kept !== null;
  const nordic = navigator.languages.some((tag) => /^(da|nb|nn|no|sv|fo|kl)\b/i.test(tag));
  apply(asked ?? (kept === 'da' || kept === 'en' ? kept : nordic ? 'da' : 'en'));
}

/**
 * The room's own languages count where the person has not said what they want.
 * @param {string[]} languages  best first
 */
export function suggestLanguage(languages) {
  const [best] = languages.filter((code) => code in WORDS);
  if (!chosen && best && !languages.includes(current)) apply(/** @type {Lang} */ (best));
}

/** @param {Lang} next */
export function setLanguage(next) {
  chosen = true;
  remember('lang', next);
  apply(next);
}

/** @param {Lang} next */
function apply(next) {
  current = next;
  document.documentElement.lang = next;
  for (const place of /** @type {Place[]} */ (Object.keys(ATTRIBUTE))) {
    for (const element of document.querySelectorAll(`[${ATTRIBUTE[place]}]`)) write(element, place);
  }
  language.dispatchEvent(new Event('change'));
}

/**
 * The words for a key. `{name}` in the words is replaced by `values.name`; with `values.n === 1` the key `key_one` is used.
 * @param {string} key
 * @param {Record<string, string|number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const words = WORDS[current];
  const text = (values.n === 1 ? words[`${key}_one`] : undefined) ?? words[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}

/**
 * Writes the words of a key into an element, now and after each change of language.
 * @param {Element} element
 * @param {Place} place
 * @param {string} key
 */
export function label(element, place, key) {
  if (element.getAttribute(ATTRIBUTE[place]) === key) return;
  element.setAttribute(ATTRIBUTE[place], key);
  write(element, place);
}

/**
 * @param {Element} element
 * @param {Place} place
 */
function write(element, place) {
  const text = t(element.getAttribute(ATTRIBUTE[place]) ?? '');
  if (place === 'text') element.textContent = text;
  else element.setAttribute(place, text);
}
