// Numbers for people to read, in the language of the page.

import { lang, t } from './language.js';

/** @param {number|null|undefined} value */
export function count(value) {
  return value === null || value === undefined ? '–' : value.toLocaleString(lang());
}

/**
 * @param {number} value
 * @param {number} digits
 */
function fixed(value, digits) {
  return value.toLocaleString(lang(), { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** @param {number|null|undefined} bitsPerSecond */
export function bitrate(bitsPerSecond) {
  if (bitsPerSecond === null || bitsPerSecond === undefined) return '–';
  if (bitsPerSecond >= 999_500) return `${fixed(bitsPerSecond / 1e6, 2)} Mbit/s`;
  return `${fixed(bitsPerSecond / 1e3, 0)} kbit/s`;
}

/**
 * Loss as a share of what should have come.
 * @param {number} lost
 * @param {number} received
 */
export function loss(lost, received) {
  const expected = lost + received;
  return expected === 0 ? '–' : share(lost / expected);
}

/** @param {number} fraction  0 to 1 */
export function share(fraction) {
  return `${fixed(100 * fraction, 2)} %`;
}

/** @param {number|null|undefined} perSecond */
export function rate(perSecond) {
  return perSecond === null || perSecond === undefined ? '–' : `${fixed(perSecond, perSecond < 10 ? 1 : 0)}/s`;
}

/** @param {number} seconds */
export function duration(seconds) {
  const days = Math.floor(seconds / 86_400);
  const hours = Math.floor((seconds % 86_400) / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  if (days > 0) return t('days_hours', { days, hours });
  if (hours > 0) return t('hours_minutes', { hours, minutes });
  return minutes > 0 ? t('minutes', { minutes }) : t('seconds', { seconds: Math.floor(seconds) });
}

/** @param {number|Date} at  milliseconds since 1970 */
export function clock(at) {
  return new Intl.DateTimeFormat(lang(), { timeStyle: 'medium' }).format(at);
}
