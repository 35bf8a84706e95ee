// Who has a tile, large or small: what the relay's scene says, and initials for those whose camera is off, as far as the layout has room.

import { LAYOUTS } from './layouts.js';

/** @typedef {{participant: number, source: 'camera'|'screen'}} Seat */

/**
 * @typedef {object} Lineup
 * @property {Seat[]} mains
 * @property {Seat[]} smalls
 * @property {number} more  people here who have no tile
 */

/**
 * @param {import('../call/meeting.js').Meeting} meeting
 * @returns {Lineup}
 */
export function lineup(meeting) {
  const scene = meeting.present;
  if (!scene) return { mains: [], smalls: [], more: 0 };
  const others = meeting.here().filter(({ id }) => id !== meeting.self);
  const tiles = scene.tiles.filter(({ participant, source }) =>
    (source === 'camera' || source === 'screen') && others.some(({ id }) => id === participant));
  const seat = (/** @type {import('../types.js').SceneTile} */ { participant, source }) => /** @type {Seat} */ ({ participant, source });
  const mains = tiles.filter(({ main }) => main).map(seat);
  const smalls = tiles.filter(({ main }) => !main).map(seat);
  const guest = scene.staff === undefined;
  if (guest && scene.direction === 'one_way') return { mains, smalls, more: 0 }; // the others are not to be seen, not even as initials
  const room = LAYOUTS.find(({ name }) => name === scene.layout) ?? LAYOUTS[0];
  const faceless = others.filter(({ id }) => !tiles.some((tile) => tile.participant === id && tile.source === 'camera'));
  let more = 0;
  for (const person of faceless) {
    const staff = person.role !== 'participant';
    if (guest && scene.layout === 'host_only' && !staff) continue;
    const isLarge = scene.layout === 'host_large' && guest ? staff : smalls.length === 0 || mains.length === 0;
    const place = { participant: person.id, source: /** @type {const} */ ('camera') };
    if (person.sources.includes('camera')) more += 1; // the layout, or our slots, did not reach so far
    else if (isLarge && mains.length < room.mains) mains.push(place);
    else if (smalls.length < room.pips || (room.pips === 0 && smalls.length > 0)) smalls.push(place);
    else more += 1;
  }
  return { mains, smalls, more };
}
