// The HTTP side: trades a name for a short-lived token, and turns refusals into words that say what to do next.

/** A failure the page can explain: `key` is a dictionary key. */
export class MeetingError extends Error {
  /**
   * @param {string} key
   * @param {string} [detail]  for a developer's eyes
   */
  constructor(key, detail = '') {
    super(detail || key);
    this.key = key;
  }
}

const JOIN_TIMEOUT_MS = 10_000;

/**
 * @param {string} room
 * @param {string} action
 * @returns {URL}  relative to the page, so that a path prefix in front of the relay works
 */
export function roomUrl(room, action) {
  return new URL(`v1/rooms/${encodeURIComponent(room)}/${action}`, document.baseURI);
}

/**
 * Asks for a token for the room.
 * @param {string} room
 * @param {{name: string, pin?: string, token?: string}} who  a PIN where the room has one; a token one came with
 * @returns {Promise<string>}
 * @throws {MeetingError}
 */
export async function requestToken(room, who) {
  /** @type {Response} */
  let response;
  try {
    response = await fetch(roomUrl(room, 'join'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(who),
      cache: 'no-store',
      credentials: 'omit',
      signal: AbortSignal.timeout(JOIN_TIMEOUT_MS),
    });
  } catch (error) {
    throw new MeetingError('error_network', String(error));
  }
  const body = await response.json().catch(() => null);
  if (!response.ok) {
    const code = String(body?.error?.code ?? '');
    throw new MeetingError(KEYS[code] ?? keyForStatus(response.status), `${response.status} ${code} ${body?.error?.message ?? ''}`.trim());
  }
  if (typeof body?.token !== 'string') throw new MeetingError('error_server', 'no token in the answer');
  return body.token;
}

/** Codes of refusals, as dictionary keys. @type {Record<string, string>} */
const KEYS = {
  pin_wrong: 'error_pin_wrong', too_many_tries: 'error_too_many_tries', token_required: 'error_token_required',
  not_open: 'error_not_open', ended: 'ended', removed: 'removed',
};

/** @param {number} status */
function keyForStatus(status) {
  if (status === 404 || status === 410) return 'error_no_room';
  if (status === 401 || status === 403) return 'error_not_allowed';
  if (status === 400 || status === 422) return 'error_bad_name';
  if (status === 409 || status === 503) return 'error_full';
  if (status === 429) return 'error_too_many';
  return 'error_server';
}
