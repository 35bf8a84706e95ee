// One room: people, publications and their layers, slots, and for one viewer the reason for each source.

import { get, path } from './api.js';
import { EventsTable } from './events.js';
import { h, setChildren, write } from './dom.js';
import { bitrate, count, loss } from './format.js';
import { known, t } from './language.js';
import { Table } from './table.js';

/**
 * @typedef {{rid: string|null, packets: number, lost: number, bits_per_second: number, keyframe_requests: number}} Layer
 * @typedef {{source: string, active: boolean, layers: Layer[]}} Publication
 * @typedef {{mid: string, participant: number|null, source: string|null, layer: string|null, packets: number, resent: number}} Slot
 * @typedef {{participant: number, pseudonym: string, role: string, viewer: boolean, waiting: boolean, breakout: number|null,
 *   connected: boolean, publications: Publication[], slots: Slot[]}} Person
 * @typedef {{participant: number, source: string, shown: boolean, reason: string, sentence: string, slot: string|null,
 *   layer: string|null}} Reason
 */

/** @param {number|null} participant */
const id = (participant) => (participant === null ? '–' : String(participant));
/** @param {string|null} source */
const sourceName = (source) => (source === null ? '–' : t(`source_${source}`));
/** @param {Reason} row */
const sentence = (row) => (known(`why_${row.reason}`) ? t(`why_${row.reason}`) : { text: row.sentence, lang: 'en' });

/** @param {boolean} yes */
const yesNo = (yes) => (yes ? t('yes') : { text: t('no'), tone: /** @type {const} */ ('soft') });

export class RoomView {
  title;
  #room;
  #viewer;
  #facts = h('p', { class: 'note' });
  #choice = h('select', { id: 'viewer', onchange: () => this.#choose() });
  #hint = h('p', { class: 'empty' }, t('why_choose'));
  #people;
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
      this.#people.element, this.#publications.element, this.#slots.element,
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

/**
 * One row for each layer; one without figures for a source of which nothing came yet.
 * @param {Person} person
 */
function layersOf(person) {
  return person.publications.flatMap((publication) => {
    const { source, active } = publication;
    /** @type {(Layer|null)[]} */
    const layers = publication.layers.length > 0 ? publication.layers : [null];
    return layers.map((layer) => ({ participant: person.participant, source, active, layer }));
  });
}

/** @returns {Table<{participant: number, source: string, active: boolean, layer: Layer|null}>} */
function publicationsTable() {
  return new Table({
    caption: t('publications'),
    note: t('publications_note'),
    empty: t('publications_none'),
    key: (row) => `${row.participant} ${row.source} ${row.layer?.rid ?? ''}`,
    columns: [
      { label: t('participant'), kind: 'code', cell: (row) => id(row.participant) },
      { label: t('source'), cell: (row) => sourceName(row.source) },
      { label: t('layer'), kind: 'code', cell: (row) => row.layer?.rid ?? '–' },
      { label: t('flows'), cell: (row) => yesNo(row.active) },
      { label: t('bitrate'), kind: 'number', cell: (row) => bitrate(row.layer?.bits_per_second) },
      { label: t('packets'), kind: 'number', cell: (row) => count(row.layer?.packets) },
      { label: t('lost'), kind: 'number', cell: (row) => count(row.layer?.lost) },
      { label: t('loss'), kind: 'number', cell: (row) => (row.layer ? loss(row.layer.lost, row.layer.packets) : '–') },
      { label: t('keyframes'), kind: 'number', cell: (row) => count(row.layer?.keyframe_requests) },
    ],
  });
}

/** @returns {Table<Slot & {viewer: number}>} */
function slotsTable() {
  return new Table({
    caption: t('slots'),
    note: t('slots_note'),
    empty: t('slots_none'),
    key: (row) => `${row.viewer} ${row.mid}`,
    columns: [
      { label: t('viewer'), kind: 'code', cell: (row) => id(row.viewer) },
      { label: t('slot'), kind: 'code', cell: (row) => row.mid },
      { label: t('shows'), kind: 'code', cell: (row) => (row.participant === null ? { text: t('nobody'), tone: 'soft' } : id(row.participant)) },
      { label: t('source'), cell: (row) => sourceName(row.source) },
      { label: t('layer'), kind: 'code', cell: (row) => row.layer ?? '–' },
      { label: t('packets'), kind: 'number', cell: (row) => count(row.packets) },
      { label: t('resent'), kind: 'number', cell: (row) => count(row.resent) },
    ],
  });
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
    ],
  });
}
