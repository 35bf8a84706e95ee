// The lines above the stage: what is unusual right now, and what can be done about it. They stand in one live region, so that each
// is read out when it appears or changes, and not while its clock runs.

import { relayNow, timeLeft } from '../call/clock.js';
import { h } from '../ui/dom.js';
import { language, t } from '../words/i18n.js';
import { icon } from '../ui/icons.js';
import { Listeners } from '../ui/listeners.js';

/** The end of the meeting is told from so long before, ms. */
const END_NEAR_MS = 5 * 60_000;
const EVERY_MS = 500;

/**
 * @typedef {object} Note
 * @property {string} id
 * @property {string} icon
 * @property {string} text
 * @property {number} [until]   counts down to this moment by the relay's clock
 * @property {{words: string, primary?: boolean, pressed?: boolean, onPress: () => void}[]} [actions]
 * @property {'info'|'warn'|'calm'|'wait'} [kind]
 */

export class Notes {
  element = h('div', { class: 'notes', 'aria-live': 'polite' });
  #listeners = new Listeners();
  #meeting;
  #showPeople;
  /** @type {Map<string, {element: HTMLElement, signature: string, clock: HTMLElement|null, until: number}>} */
  #shown = new Map();
  #timer;

  /**
   * @param {import('../call/meeting.js').Meeting} meeting
   * @param {() => void} showPeople
   */
  constructor(meeting, showPeople) {
    this.#meeting = meeting;
    this.#showPeople = showPeople;
    this.#listeners.on(meeting, 'people scene', () => this.refresh());
    this.#listeners.on(language, 'change', () => this.refresh());
    this.#timer = setInterval(() => this.#tick(), EVERY_MS);
    this.refresh();
  }

  close() {
    clearInterval(this.#timer);
    this.#listeners.close();
  }

  refresh() {
    const notes = this.#notes();
    for (const [id, { element }] of this.#shown) {
      if (notes.some((note) => note.id === id)) continue;
      element.remove();
      this.#shown.delete(id);
    }
    notes.forEach((note, i) => this.#show(note, i));
    this.#tick();
  }

  /** @returns {Note[]} */
  #notes() {
    const scene = this.#meeting.present;
    if (!scene) return [];
    return [this.#waiting(scene), this.#direction(scene), this.#place(scene), this.#groupsClose(scene), ...ends(scene)].filter((note) => note !== null);
  }

  /**
   * @param {import('../types.js').PresentScene} scene
   * @returns {Note|null}
   */
  #waiting({ staff }) {
    const waiting = (staff?.waiting ?? []).filter((id) => this.#meeting.people.has(id));
    if (waiting.length === 0) return null;
    const [first] = waiting;
    const admit = waiting.length === 1
      ? { words: 'admit', primary: true, onPress: () => void this.#meeting.act('admit', { participant: first }) }
      : { words: 'admit_all', primary: true, onPress: () => void this.#meeting.act('admit_all') };
    return {
      id: 'waiting', icon: 'people', kind: 'wait',
      text: t('note_waiting', { n: waiting.length, name: this.#meeting.nameOf(first) }),
      actions: [admit, { words: 'show', onPress: () => this.#showPeople() }],
    };
  }

  /**
   * @param {import('../types.js').PresentScene} scene
   * @returns {Note|null}
   */
  #direction({ direction, staff }) {
    if (direction !== 'one_way') return null;
    const twoWay = { words: 'two_way_now', onPress: () => void this.#meeting.act('set_direction', { direction: 'two_way' }) };
    return { id: 'one_way', icon: 'one-way', kind: 'info', text: t(staff ? 'note_one_way_staff' : 'note_one_way'), actions: staff ? [twoWay] : [] };
  }

  /**
   * @param {import('../types.js').PresentScene} scene
   * @returns {Note|null}
   */
  #place({ you, breakouts, staff }) {
    const room = breakouts?.rooms.find(({ id }) => id === you.breakout);
    if (!breakouts || !room) return null;
    const asked = (room.help ?? []).includes(this.#meeting.self ?? -1);
    const help = { words: asked ? 'help_asked' : 'help_ask', pressed: asked, onPress: () => void this.#meeting.act('ask_help', { wanted: !asked }) };
    const back = { words: 'back_to_main', onPress: () => void this.#meeting.act('go', { breakout: null }) };
    return {
      id: 'place', icon: 'groups', kind: 'info', text: t('note_place', { name: room.name }),
      actions: [...(staff ? [] : [help]), ...(staff || breakouts.self_choice ? [back] : [])],
    };
  }

  /**
   * @param {import('../types.js').PresentScene} scene
   * @returns {Note|null}
   */
  #groupsClose({ breakouts }) {
    if (!breakouts?.open || breakouts.closes_at === null) return null;
    return { id: 'groups_close', icon: 'clock', text: t('note_groups_close'), until: breakouts.closes_at };
  }

  /**
   * @param {Note} note
   * @param {number} at
   */
  #show(note, at) {
    const signature = JSON.stringify([note.text, note.kind, note.actions?.map(({ words, pressed }) => [t(words), pressed])]);
    let shown = this.#shown.get(note.id);
    if (!shown) {
      shown = { element: h('div', { class: 'note', 'data-note': note.id }), signature: '', clock: null, until: 0 };
      this.#shown.set(note.id, shown);
    }
    shown.until = note.until ?? 0;
    if (this.element.children[at] !== shown.element) this.element.insertBefore(shown.element, this.element.children[at] ?? null);
    if (shown.signature === signature) return;
    const focused = [...shown.element.querySelectorAll('button')].findIndex((button) => button === document.activeElement);
    shown.signature = signature;
    shown.element.className = `note ${note.kind ?? 'calm'}`;
    shown.clock = note.until === undefined ? null : h('span', { class: 'clock', role: 'timer', 'aria-live': 'off' });
    const buttons = (note.actions ?? []).map(({ words, primary, pressed, onPress }) =>
      h('button', { type: 'button', class: `${primary ? 'primary' : 'secondary'} small`, 'aria-pressed': pressed === undefined ? undefined : String(pressed), onclick: onPress }, t(words)));
    shown.element.replaceChildren(icon(note.icon), h('span', { class: 'note-text' }, note.text, shown.clock ? ' ' : null, shown.clock), ...buttons);
    buttons[focused]?.focus();
  }

  #tick() {
    for (const { clock, until } of this.#shown.values()) if (clock) clock.textContent = timeLeft(until);
    const near = this.#endIsNear();
    if (near !== this.#shown.has('ends')) this.refresh();
  }

  #endIsNear() {
    const at = this.#meeting.present?.ends_at;
    return at !== undefined && isNear(at);
  }
}

/**
 * @param {import('../types.js').PresentScene} scene
 * @returns {(Note|null)[]}
 */
function ends({ ends_at: endsAt, abandoned_until: abandoned }) {
  return [
    endsAt !== undefined && isNear(endsAt) ? { id: 'ends', icon: 'clock', kind: 'warn', text: t('note_ends'), until: endsAt } : null,
    abandoned !== undefined ? { id: 'abandoned', icon: 'clock', kind: 'warn', text: t('note_abandoned'), until: abandoned } : null,
  ];
}

/** @param {number} at */
function isNear(at) {
  return at - relayNow() <= END_NEAR_MS;
}
