// The language switch: two buttons, each named in its own language.

import { h } from '../ui/dom.js';
import { lang, language, setLanguage } from './i18n.js';

const NAMES = /** @type {const} */ ({ da: 'Dansk', en: 'English' });

export function languageSwitch() {
  const buttons = Object.entries(NAMES).map(([code, name]) =>
    h('button', { type: 'button', lang: code, 'data-lang': code, onclick: () => setLanguage(/** @type {'da'|'en'} */ (code)) }, name));
  const show = () => {
    for (const button of buttons) button.setAttribute('aria-pressed', String(button.dataset.lang === lang()));
  };
  language.addEventListener('change', show);
  show();
  return h('div', { class: 'segmented', role: 'group', tLabel: 'language' }, ...buttons);
}
