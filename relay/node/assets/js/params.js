// Reads what the address says: the URL parameters of README.md, and the token in the fragment.

/**
 * @typedef {object} Params
 * @property {string} room
 * @property {boolean} roomGiven  the address names the room, so nobody needs to type it
 * @property {string} name
 * @property {string|null} token   from `#token=`; null when the page has to ask for one
 * @property {boolean} autojoin
 * @property {boolean} testMedia   publish the test picture and tone even where there are devices
 * @property {boolean} video       start with the camera on
 * @property {boolean} audio       start with the microphone on
 * @property {boolean} simulcast
 * @property {string|null} svc      scalability mode of the camera, instead of simulcast
 * @property {'vp8'|'h264'|'vp9'|'av1'|null} codec  video codec to send
 * @property {'da'|'en'|null} lang
 * @property {boolean} minimal     start with the main picture alone
 * @property {number} slots        audio and video slots offered at join
 */

export const DEFAULT_ROOM = 'demo';
/** Slots of each kind at join: a meeting has 2.3 to 2.8 people on average, so most never ask for more. */
export const DEFAULT_SLOTS = 4;
/** Spatially scalable streams that the relay takes apart; for VP9 and AV1. */
const SVC_MODES = /** @type {const} */ (['l1t3', 'l2t3', 'l3t3', 'l2t3_key', 'l3t3_key']);
/** 33 people and one shared screen. */
export const MAX_SLOTS = 34;

/**
 * @template {string} T
 * @param {string|null} value
 * @param {readonly T[]} allowed
 * @returns {T|null}
 */
function oneOf(value, allowed) {
  return allowed.find((item) => item === value?.toLowerCase()) ?? null;
}

/**
 * Reads the claims of a JWT without checking them: only to fill in the form. The relay checks the token.
 * @param {string|null} token
 * @returns {Record<string, unknown>}
 */
function claims(token) {
  try {
    const body = (token ?? '').split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
    const bytes = Uint8Array.from(atob(body), (c) => c.charCodeAt(0));
    const value = JSON.parse(new TextDecoder().decode(bytes));
    return value && typeof value === 'object' ? value : {};
  } catch {
    return {};
  }
}

/**
 * @param {URL} url
 * @returns {Params}
 */
export function readParams(url) {
  const query = url.searchParams;
  const token = new URLSearchParams(url.hash.slice(1)).get('token') ?? kept().link ?? null;
  const claimed = claims(token);
  const room = query.get('room')?.trim() || (typeof claimed.room === 'string' ? claimed.room : '');
  const slots = Number.parseInt(query.get('slots') ?? '', 10);
  return {
    room: room || DEFAULT_ROOM,
    roomGiven: room !== '',
    name: query.get('name')?.trim() || (typeof claimed.name === 'string' ? claimed.name : ''),
    token,
    autojoin: query.get('autojoin') === '1',
    testMedia: query.get('media') === 'test',
    video: query.get('video') !== '0',
    audio: query.get('audio') !== '0',
    simulcast: query.get('simulcast') !== '0',
    svc: oneOf(query.get('svc'), SVC_MODES)?.toUpperCase() ?? null,
    codec: oneOf(query.get('codec'), ['vp8', 'h264', 'vp9', 'av1']),
    lang: oneOf(query.get('lang'), ['da', 'en']),
    minimal: query.get('minimal') === '1',
    slots: Number.isNaN(slots) ? DEFAULT_SLOTS : Math.min(Math.max(slots, 0), MAX_SLOTS),
  };
}

/**
 * What this window's history entry remembers: it outlives a reload, so that whoever reloads is the same person to the room, and
 * unlike the address it is neither bookmarked, shared nor photographed.
 * @typedef {object} Kept
 * @property {string} [link]  the token of the link
 * @property {{name: string, room: string, token: string|null}} [came]  what we last came in with
 */

/** @returns {Kept} */
export function kept() {
  const state = history.state?.relay;
  return state && typeof state === 'object' ? state : {};
}

/** @param {Kept} more */
export function keep(more) {
  history.replaceState({ relay: { ...kept(), ...more } }, '', location.pathname + location.search);
}

/** Takes the token out of the address bar. */
export function hideToken() {
  const link = new URLSearchParams(location.hash.slice(1)).get('token');
  if (link !== null) history.replaceState({ relay: { link } }, '', location.pathname + location.search);
}
