// Short messages: seen as toasts, and heard by screen readers because their container is a live region.

import { h } from './dom.js';
import { t } from '../words/i18n.js';

const SHOWN_MS = 6000;
const MAX_TOASTS = 4;

/**
 * @param {string} key
 * @param {Record<string, string|number>} [values]
 */
export function toast(key, values = {}) {
  const container = document.getElementById('toasts');
  if (!container) return;
  const message = h('p', { class: 'toast' }, t(key, values));
  while (container.childElementCount >= MAX_TOASTS) container.firstElementChild?.remove();
  container.append(message);
  let timer = setTimeout(() => message.remove(), SHOWN_MS);
  // Whoever points at a message is still reading it.
  message.addEventListener('pointerenter', () => clearTimeout(timer));
  message.addEventListener('pointerleave', () => {
    timer = setTimeout(() => message.remove(), SHOWN_MS);
  });
}
