// The operators' JSON. Every request ends within a few seconds, one way or the other.

const PATIENCE_MS = 8000;

/** The relay answered, but not with what was asked for. */
export class Refused extends Error {
  /** @param {number} status */
  constructor(status) {
    super(`status ${status}`);
    this.status = status;
  }
}

/**
 * @param {string} path
 * @param {AbortSignal} signal  ends the request when nobody wants its answer any more
 * @returns {Promise<any>}
 */
export async function get(path, signal) {
  const answer = await fetch(path, { signal: AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]), cache: 'no-store' });
  // `/node` says 503 nowhere, so anything but 200 is a refusal.
  if (!answer.ok) throw new Refused(answer.status);
  return answer.json();
}

/**
 * A path with its parts escaped.
 * @param {...(string|number)} parts
 */
export function path(...parts) {
  return `/${parts.map((part) => encodeURIComponent(part)).join('/')}`;
}
