// One room: people and their lines, publications and their layers, slots, and for one viewer the reason for each source.

import { get, path } from './api.js';
import { EventsTable } from './events.js';
import { h, setChildren, write } from './dom.js';
import { count } from './format.js';
import { known, t } from './language.js';
import { linesTable } from './lines.js';
import { gets, id, layersOf, publicationsTable, slotsTable, sourceName } from './pictures.js';
import { Table } from './table.js';

/**
 * @typedef {{participant: number, pseudonym: string, role: string, viewer: boolean, waiting: boolean, breakout: number|null,
 *   connected: boolean, publications: import('./pictures.js').Publication[], slots: import('./pictures.js').Slot[],
 *   line: import('./lines.js').Line|null}} Person
 * @typedef {{participant: number, source: string, shown: boolean, reason: string, sentence: string, slot: string|null,
 *   layer: string|null, granted: import('./pictures.js').Granted|null, limited: string|null}} Reason
 */

/** The rule that decided, and what keeps the picture from being better. @param {Reason} row */
function sentence({ reason, sentence: text, limited }) {
  if (!known(`why_${reason}`) || (limited !== null && !known(`limited_${limited}`))) return { text, lang: 'en' };
  return limited !== null && reason === 'shown' ? `${t(`why_${reason}`)} ${t(`limited_${limited}`)}` : t(`why_${reason}`);
}

export class RoomView {
  title;
  #room;
  #viewer;
  #facts = h('p', { class: 'note' });
  #choice = h('select', { id: 'viewer', onchange: () => this.#choose() });
  #hint = h('p', { class: 'empty' }, t('why_choose'));
  #people;
  #lines = linesTable();
  #publications = publicationsTable();
  #slots = slotsTable();
  #why = whyTable();
  #events = new EventsTable();
  element;

  /**
   * @param {string} room
   * @param {string|null} viewer  participant id
   */
  constructor(room, viewer) {
    this.title = t('room_title', { room });
    this.#room = room;
    this.#viewer = viewer;
    this.#people = peopleTable(room, viewer);
    const choose = h('div', { class: 'field choose' }, h('label', { for: 'viewer' }, t('why_viewer')), this.#choice);
    this.element = h('div', {},
      h('p', { class: 'back' }, h('a', { href: '#/' }, t('back'))),
      h('h1', {}, t('room'), ' ', h('code', {}, room)), this.#facts,
      this.#people.element, this.#lines.element, this.#publications.element, this.#slots.element,
      h('section', { class: 'block why' }, h('h2', { id: 'why' }, t('why')), h('p', { class: 'note' }, t('why_note')), choose, this.#hint, this.#why.element),
      this.#events.element);
    this.#why.element.hidden = viewer === null;
    this.#hint.hidden = viewer !== null;
  }

  /** @param {AbortSignal} signal */
  async refresh(signal) {
    const place = path('rooms', this.#room);
    const viewer = this.#viewer;
    const [room, why] = await Promise.all([
      get(place, signal),
      viewer === null ? null : get(`${place}/why?viewer=${encodeURIComponent(viewer)}`, signal).catch(() => null),
      this.#events.refresh(this.#room, signal),
    ]);
    /** @type {Person[]} */
    const people = room.people;
    const sources = people.reduce((sum, person) => sum + person.publications.length, 0);
    write(this.#facts, t('room_facts', { worker: count(room.worker), people: count(people.length), publications: count(sources) }));
    this.#people.update(people);
    this.#lines.update(people.flatMap(({ participant, line }) => (line ? [{ participant, ...line }] : [])));
    this.#publications.update(people.flatMap(layersOf));
    this.#slots.update(people.flatMap((person) => person.slots.map((slot) => ({ viewer: person.participant, ...slot }))));
    this.#choices(people);
    if (viewer === null) return;
    this.#why.update(why ? why.rows : []);
    // Whoever has left is no viewer any more.
    this.#hint.hidden = why !== null;
    write(this.#hint, why === null ? t('why_gone') : '');
    this.#why.element.hidden = why === null;
  }

  /** @param {Person[]} people */
  #choices(people) {
    const wanted = [['', t('why_nobody')], ...people.map((person) => [id(person.participant), `${person.participant} · ${t(`role_${person.role}`)}`])];
    const present = [...this.#choice.options];
    const same = wanted.length === present.length && wanted.every(([value, text], i) => present[i].value === value && present[i].text === text);
    if (same || document.activeElement === this.#choice) return;
    setChildren(this.#choice, wanted.map(([value, text]) => h('option', { value }, text)));
    this.#choice.value = this.#viewer ?? '';
  }

  #choose() {
    const viewer = this.#choice.value;
    location.hash = viewer === '' ? path('rooms', this.#room) : path('rooms', this.#room, viewer);
  }
}

/**
 * @param {string} room
 * @param {string|null} viewer
 * @returns {Table<Person>}
 */
function peopleTable(room, viewer) {
  return new Table({
    caption: t('people'),
    note: t('people_note'),
    empty: t('people_none'),
    key: (person) => id(person.participant),
    columns: [
      { label: t('participant'), kind: 'code', cell: (person) => id(person.participant) },
      { label: t('pseudonym'), kind: 'code', cell: (person) => person.pseudonym },
      { label: t('role'), cell: (person) => t(`role_${person.role}`) },
      { label: t('presence'), cell: presence },
      { label: t('place'), cell: (person) => (person.breakout === null ? t('place_main') : t('place_breakout', { id: person.breakout })) },
      { label: t('connected'), cell: (person) => (person.connected ? { text: t('yes'), tone: 'good' } : { text: t('no'), tone: 'bad' }) },
      { label: t('publications'), kind: 'number', cell: (person) => count(person.publications.length) },
      { label: t('slots_filled'), kind: 'number', cell: slotsFilled },
      {
        label: t('why'),
        cell: (person) => ({ text: t('why_show'), href: `#${path('rooms', room, person.participant)}`, current: id(person.participant) === viewer }),
      },
    ],
  });
}

/** @param {Person} person */
function presence(person) {
  if (person.waiting) return t('presence_waiting');
  return person.viewer ? t('presence_viewer') : t('presence_present');
}

/** @param {Person} person */
function slotsFilled(person) {
  const filled = person.slots.filter((slot) => slot.participant !== null).length;
  return t('of', { part: count(filled), whole: count(person.slots.length) });
}

/** @returns {Table<Reason>} */
function whyTable() {
  return new Table({
    caption: t('why_caption'),
    empty: t('why_none'),
    key: (row) => `${row.participant} ${row.source}`,
    columns: [
      { label: t('participant'), kind: 'code', cell: (row) => id(row.participant) },
      { label: t('source'), cell: (row) => sourceName(row.source) },
      { label: t('shown'), cell: (row) => (row.shown ? { text: t('yes'), tone: 'good' } : t('no')) },
      { label: t('reason'), kind: 'text', cell: sentence },
      { label: t('slot'), kind: 'code', cell: (row) => row.slot ?? '–' },
      { label: t('layer'), kind: 'code', cell: (row) => row.layer ?? '–' },
      { label: t('granted'), kind: 'text', cell: (row) => gets(row.granted) },
    ],
  });
}
