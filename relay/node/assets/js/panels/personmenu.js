// What one may do with a person, as a menu: for oneself (pin), and for host and deputy everything else. The relay decides again.

import { ask } from '../ui/dialogs.js';

/** @typedef {import('../ui/menu.js').MenuItem} MenuItem */
/** @typedef {import('../types.js').Participant} Participant */

/**
 * @param {import('../call/meeting.js').Meeting} meeting
 * @param {Participant} person
 * @param {{writeTo: (id: number) => void}} on
 * @returns {MenuItem[]}
 */
export function personItems(meeting, person, { writeTo }) {
  const scene = meeting.present;
  if (!scene) return [];
  if (person.id === meeting.self) return scene.staff ? [spotlightItem(meeting, scene, person.id)] : [];
  const pinned = scene.you.pin === person.id;
  const here = (person.breakout ?? null) === scene.you.breakout;
  const staff = scene.staff !== undefined;
  /** @type {MenuItem[]} */
  const items = [];
  if (here) {
    items.push({ words: 'pin', icon: 'pin', checked: pinned, onSelect: () => void meeting.act('pin', { participant: pinned ? null : person.id }) });
  }
  const mayWrite = staff || (scene.you.chat !== 'off' && person.role !== 'participant');
  if (mayWrite) items.push({ words: 'write_to', values: { name: meeting.nameOf(person.id) }, icon: 'chat', onSelect: () => writeTo(person.id) });
  return staff ? [...items, ...staffItems(meeting, scene, person)] : items;
}

/**
 * @param {import('../call/meeting.js').Meeting} meeting
 * @param {import('../types.js').PresentScene} scene
 * @param {Participant} person
 * @returns {MenuItem[]}
 */
function staffItems(meeting, scene, person) {
  const participant = person.id;
  const item = (/** @type {string} */ type, /** @type {string} */ icon, more = {}) =>
    ({ words: `do_${type}`, icon, onSelect: () => void meeting.act(type, { participant }), ...more });
  const spotlight = { ...spotlightItem(meeting, scene, participant), apart: true };
  if (person.role === 'host') return [spotlight]; // nobody has power over the host
  const flows = (/** @type {import('../types.js').Source} */ source) => person.sources.includes(source);
  const locked = (/** @type {import('../types.js').Source} */ source) => person.locked?.includes(source) ?? false;
  /** @type {(MenuItem|false)[]} */
  const items = [
    spotlight,
    !locked('microphone') && item('mute', 'mic-off'),
    !flows('microphone') && item('unmute', 'mic'),
    locked('camera') ? item('allow_camera', 'camera') : item('deny_camera', 'camera-off'),
    flows('screen') && item('stop_screen', 'screen-stop'),
    scene.hands.includes(participant) && item('lower_hand', 'hand'),
    ...moves(meeting, scene, person),
    scene.you.role === 'host' && (person.role === 'deputy' ? undelegate(meeting) : item('delegate', 'deputy', { apart: true })),
    { words: 'do_remove', icon: 'deny', danger: true, apart: true, onSelect: () => void remove(meeting, participant) },
  ];
  return items.filter((entry) => entry !== false);
}

/**
 * @param {import('../call/meeting.js').Meeting} meeting
 * @param {import('../types.js').PresentScene} scene
 * @param {number} participant
 * @returns {MenuItem}
 */
function spotlightItem(meeting, scene, participant) {
  const checked = scene.spotlight === participant;
  return { words: 'do_spotlight', icon: 'star', checked, onSelect: () => void meeting.act('spotlight', { participant: checked ? null : participant }) };
}

/**
 * @param {import('../call/meeting.js').Meeting} meeting
 * @returns {MenuItem}
 */
function undelegate(meeting) {
  return { words: 'do_undelegate', icon: 'deputy', apart: true, onSelect: () => void meeting.act('undelegate') };
}

/**
 * @param {import('../call/meeting.js').Meeting} meeting
 * @param {import('../types.js').PresentScene} scene
 * @param {Participant} person
 * @returns {MenuItem[]}
 */
function moves(meeting, scene, person) {
  if (!scene.breakouts?.open) return [];
  const at = person.breakout ?? null;
  const rooms = scene.breakouts.rooms.filter(({ id }) => id !== at).map(({ id, name }, i) => ({
    words: 'do_move', values: { name }, icon: 'move', apart: i === 0, onSelect: () => void meeting.act('assign', { participant: person.id, breakout: id }),
  }));
  const home = { words: 'do_recall', icon: 'back', onSelect: () => void meeting.act('recall', { participant: person.id }) };
  return at === null ? rooms : [...rooms, home];
}

/**
 * @param {import('../call/meeting.js').Meeting} meeting
 * @param {number} participant
 */
async function remove(meeting, participant) {
  const values = { name: meeting.nameOf(participant) };
  if (await ask({ title: 'remove_title', text: 'remove_text', confirm: 'do_remove', values })) await meeting.act('remove', { participant });
}
