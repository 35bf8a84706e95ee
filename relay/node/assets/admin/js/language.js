// The language: English or Danish, from the address, from this browser's memory, or from the browser's own setting.

import { WORDS } from './words.js';

/** @typedef {'en'|'da'} Lang */

const KEY = 'relay.admin.lang';

/** @type {Lang} */
let current = start();

/** @returns {Lang} */
function start() {
  const asked = new URLSearchParams(location.search).get('lang') ?? kept();
  if (asked === 'en' || asked === 'da') return asked;
  return navigator.languages.some((tag) => /^da\b/i.test(tag)) ? 'da' : 'en';
}

function kept() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // storage may be blocked; then nothing is remembered
  }
}

export function lang() {
  return current;
}

/** @param {Lang} next */
export function setLang(next) {
  current = next;
  try {
    localStorage.setItem(KEY, next);
  } catch {
    // as above
  }
}

/**
 * The words for a key; `{name}` in them is replaced by `values.name`. The key itself when there are none.
 * @param {string} key
 * @param {Record<string, string|number>} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  return (WORDS[current][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? ''));
}

/**
 * Whether there are words for a key.
 * @param {string} key
 */
export function known(key) {
  return key in WORDS[current];
}
