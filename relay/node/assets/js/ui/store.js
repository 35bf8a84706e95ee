// Settings remembered in this browser. Never a token, never anything about a meeting.

/** @typedef {'lang'|'name'|'microphone'|'camera'|'speaker'|'shortcuts'} Setting */

const PREFIX = 'relay.';

/**
 * @param {Setting} key
 * @returns {string|null}
 */
export function recall(key) {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null; // storage may be blocked; then nothing is remembered
  }
}

/**
 * @param {Setting} key
 * @param {string|null} value  null forgets it
 */
export function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch {
    // as above
  }
}
