// The relay's clock, as far as it can be told from here: countdowns must be right on a computer whose own clock is wrong.

/** Less than this is not worth correcting: the `Date` header knows seconds only. */
const TOLERANCE_MS = 2000;
const TIMEOUT_MS = 5000;

let offset = 0;

/** Compares the clocks once. Without an answer the computer's own clock has to do. */
export async function syncClock() {
  try {
    const before = Date.now();
    const response = await fetch(new URL('livez', document.baseURI), { method: 'HEAD', cache: 'no-store', credentials: 'omit', signal: AbortSignal.timeout(TIMEOUT_MS) });
    const header = Date.parse(response.headers.get('date') ?? '');
    const difference = header + 500 - (before + Date.now()) / 2; // the header is cut to the second: half of one is its mean error
    if (Math.abs(difference) > TOLERANCE_MS) offset = difference;
  } catch {
    // as said above
  }
}

/** ms since 1970, as the relay counts. */
export function relayNow() {
  return Date.now() + offset;
}

/**
 * `4:05`, or `1:04:05`; never below zero.
 * @param {number} until  ms since 1970 by the relay's clock
 */
export function timeLeft(until) {
  const seconds = Math.max(Math.ceil((until - relayNow()) / 1000), 0);
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
}

/**
 * Time of day of a moment by the relay's clock, in the reader's own time zone.
 * @param {number} at
 */
export function timeOfDay(at) {
  return new Date(at - offset).toLocaleTimeString(document.documentElement.lang, { hour: '2-digit', minute: '2-digit' });
}
