// What is worth telling the person when the room changed: pure, from before and after to notices.

/** @typedef {import('../types.js').Participant} Participant */
/** @typedef {import('../types.js').PresentScene} PresentScene */
/** @typedef {{key: string, values?: Record<string, string|number>}} Notice */

/** More arrivals or departures at once are a move of many, which nobody wants read out one by one. */
const MAX_AT_ONCE = 3;

/**
 * @param {Map<number, Participant>} before
 * @param {Map<number, Participant>} after
 * @param {number|null} self
 * @param {(id: number) => string} nameOf
 * @returns {Notice[]}
 */
export function rosterNotices(before, after, self, nameOf) {
  /** @type {Notice[]} */
  const notices = [];
  for (const person of after.values()) {
    if (person.id === self) continue;
    const known = before.get(person.id);
    const name = nameOf(person.id);
    if (person.waiting) continue; // has a place of its own on the page
    if (!known || known.waiting) notices.push({ key: 'notice_joined', values: { name } });
    else if (!known.sources.includes('screen') && person.sources.includes('screen')) notices.push({ key: 'notice_shares', values: { name } });
  }
  for (const person of before.values()) {
    if (!after.has(person.id) && person.id !== self && !person.waiting) notices.push({ key: 'notice_left', values: { name: nameOf(person.id) } });
  }
  return notices.length > MAX_AT_ONCE ? [] : notices;
}

/**
 * @param {PresentScene} before
 * @param {PresentScene} after
 * @param {number|null} self
 * @param {(id: number) => string} nameOf
 * @returns {Notice[]}
 */
export function sceneNotices(before, after, self, nameOf) {
  /** @type {Notice[]} */
  const notices = [];
  const staff = after.staff !== undefined;
  if (before.you.role !== after.you.role) notices.push({ key: `notice_you_are_${after.you.role}` });
  if (before.you.breakout !== after.you.breakout) {
    const room = after.breakouts?.rooms.find(({ id }) => id === after.you.breakout);
    notices.push(room ? { key: 'notice_moved', values: { name: room.name } } : { key: 'notice_moved_back' });
  }
  if (before.direction !== after.direction) notices.push({ key: `notice_${after.direction}${staff ? '_staff' : ''}` });
  if (before.locked !== after.locked && staff) notices.push({ key: after.locked ? 'notice_locked' : 'notice_unlocked' });
  if (after.spotlight !== null && before.spotlight !== after.spotlight) {
    notices.push(after.spotlight === self ? { key: 'notice_spotlight_you' } : { key: 'notice_spotlight', values: { name: nameOf(after.spotlight) } });
  }
  for (const id of after.hands) if (id !== self && !before.hands.includes(id)) notices.push({ key: 'notice_hand', values: { name: nameOf(id) } });
  if (before.you.hand && !after.you.hand) notices.push({ key: 'notice_hand_lowered' });
  for (const source of /** @type {const} */ (['microphone', 'camera', 'screen'])) {
    const [was, is] = [before.you.locked.includes(source), after.you.locked.includes(source)];
    if (was !== is) notices.push({ key: `notice_${source}_${is ? 'locked' : 'allowed'}` });
  }
  const helped = (/** @type {PresentScene} */ scene) => (scene.breakouts?.rooms ?? []).flatMap(({ help }) => help ?? []);
  if (staff) {
    const already = helped(before);
    for (const id of helped(after)) if (!already.includes(id) && id !== self) notices.push({ key: 'notice_help', values: { name: nameOf(id) } });
  }
  return notices;
}
