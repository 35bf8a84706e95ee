// <people-panel>: who waits, whose hand is up, who is here and in which breakout; and for host and deputy what to do about it.

import { h, KeyedList } from '../ui/dom.js';
import { t } from '../words/i18n.js';
import { Menu } from '../ui/menu.js';
import { personItems } from './personmenu.js';
import { nameButton, personRow, rowButton, sourceSigns } from './personrow.js';
import { SidePanel } from './sidepanel.js';

/** @typedef {import('../types.js').Participant} Participant */
/** @typedef {import('../types.js').PresentScene} PresentScene */

export class PeoplePanel extends SidePanel {
  #menu = new Menu();
  #waiting = section('people_waiting', button('admit_all', () => void this.meeting.act('admit_all')));
  #waitingRows = new KeyedList(this.#waiting.list, (/** @type {number} */ id) => id, (id) => this.#waitingRow(id));
  #hands = section('people_hands', button('lower_all', () => void this.meeting.act('lower_hands')));
  #handRows = new KeyedList(this.#hands.list, (/** @type {number} */ id) => id, (id) => this.#handRow(id));
  #places = h('div', { class: 'places' });
  #placeSections = new KeyedList(this.#places, (/** @type {{id: number, name: string, people: Participant[]}} */ place) => place.id, () => this.#place());
  #absent = section('people_absent');
  #absentRows = new KeyedList(this.#absent.list, (/** @type {{key: number, name: string}} */ item) => item.key, () => {
    const row = personRow();
    return { element: row.element, update: ({ name }) => row.show({ name }) };
  });
  #removed = section('people_removed');
  #removedRows = new KeyedList(this.#removed.list, (/** @type {[number, string]} */ [id]) => id, ([id]) => this.#removedRow(id));
  #all = h('div', { class: 'panel-foot for-all', role: 'group', tLabel: 'for_all' },
    button('mute_all', () => void this.#forAll('mute_all')), button('unmute_all', () => void this.#forAll('unmute_all')),
    button('deny_cameras', () => void this.#forAll('deny_cameras')), button('allow_cameras', () => void this.#forAll('allow_cameras')));

  /**
   * @param {import('../call/meeting.js').Meeting} meeting
   * @param {() => void} onClose
   * @param {(id: number) => void} writeTo
   */
  constructor(meeting, onClose, writeTo) {
    super(meeting, onClose);
    this.writeTo = writeTo;
  }

  build() {
    const lists = [this.#waiting, this.#hands].map(({ element }) => element);
    const after = [this.#absent, this.#removed].map(({ element }) => element);
    return [h('div', { class: 'panel-body' }, ...lists, this.#places, ...after), this.#all];
  }

  /** @param {PresentScene} scene */
  render(scene) {
    const { staff, hands } = scene;
    const known = (/** @type {number} */ id) => this.meeting.people.has(id);
    const waiting = (staff?.waiting ?? []).filter(known);
    this.#waiting.element.hidden = waiting.length === 0;
    this.#waitingRows.show(waiting);
    const raised = hands.filter(known);
    this.#hands.element.hidden = raised.length === 0;
    this.#hands.tool.hidden = !staff;
    this.#handRows.show(raised);
    const absent = scene.absent ?? [];
    this.#absent.element.hidden = absent.length === 0;
    this.#absentRows.show(absent.map((name, key) => ({ key, name })));
    const removed = staff?.removed ?? [];
    this.#removed.element.hidden = removed.length === 0;
    this.#removedRows.show(removed);
    this.#all.hidden = !staff;
    const places = this.#byPlace(scene);
    this.#placeSections.show(places);
    return t('people_count', { n: places.reduce((sum, { people }) => sum + people.length, 0) });
  }

  /**
   * The main room first; breakouts only while people are in them.
   * @param {PresentScene} scene
   */
  #byPlace(scene) {
    const roster = this.meeting.roster();
    const rooms = scene.breakouts?.open ? scene.breakouts.rooms : [];
    const within = (/** @type {number|null} */ id) => roster.filter((p) => (p.breakout ?? null) === id);
    const known = rooms.map(({ id, name }) => ({ id, name, people: within(id) }));
    const main = { id: 0, name: rooms.length > 0 ? t('main_room') : '', people: roster.filter((p) => !known.some(({ people }) => people.includes(p))) };
    return [main, ...known].filter(({ people, id }) => people.length > 0 || id === 0);
  }

  #place() {
    const title = h('h3');
    const list = h('ul', { class: 'people-list' });
    const rows = new KeyedList(list, (/** @type {Participant} */ person) => person.id, (person) => this.#row(person.id));
    return {
      element: h('section', {}, title, list),
      update: (/** @type {{name: string, people: Participant[]}} */ { name, people }) => {
        title.textContent = name;
        title.hidden = name === '';
        rows.show(people);
      },
    };
  }

  /** @param {number} id */
  #row(id) {
    const more = rowButton('more', (anchor) => {
      const person = this.meeting.people.get(id);
      if (person) this.#menu.open(anchor, this.meeting.nameOf(id), personItems(this.meeting, person, { writeTo: this.writeTo }));
    });
    more.setAttribute('aria-haspopup', 'menu');
    const row = personRow(more);
    return {
      element: row.element,
      update: (/** @type {Participant} */ person) => {
        const name = this.meeting.nameOf(id);
        const you = id === this.meeting.self;
        const own = you ? { ...person, locked: this.meeting.present?.you.locked } : person;
        row.show({
          name: you ? t('you', { name }) : name,
          note: person.role === 'participant' ? '' : t(`role_${person.role}`),
          signs: sourceSigns(own),
          speaking: this.meeting.speaker === id,
        });
        more.classList.toggle('absent', personItems(this.meeting, person, { writeTo: this.writeTo }).length === 0);
        nameButton(more, t('actions_for', { name }));
      },
    };
  }

  /** @param {number} participant */
  #waitingRow(participant) {
    const admit = h('button', { type: 'button', class: 'primary small', onclick: () => void this.meeting.act('admit', { participant }) });
    const deny = h('button', { type: 'button', class: 'secondary small', onclick: () => void this.meeting.act('deny', { participant }) });
    const row = personRow(admit, deny);
    row.element.classList.add('waits');
    return {
      element: row.element,
      update: () => {
        const name = this.meeting.nameOf(participant);
        row.show({ name });
        for (const [element, key] of /** @type {const} */ ([[admit, 'admit'], [deny, 'deny']])) {
          element.textContent = t(key);
          element.setAttribute('aria-label', t(`${key}_name`, { name }));
        }
      },
    };
  }

  /** @param {number} participant */
  #handRow(participant) {
    const lower = rowButton('close', () => void this.meeting.act('lower_hand', { participant }));
    const order = h('span', { class: 'hand-order' });
    const row = personRow(lower);
    row.element.prepend(order);
    return {
      element: row.element,
      update: () => {
        const scene = this.meeting.present;
        const name = this.meeting.nameOf(participant);
        const room = scene?.breakouts?.rooms.find(({ id }) => id === this.meeting.people.get(participant)?.breakout);
        order.textContent = String((scene?.hands.indexOf(participant) ?? 0) + 1);
        row.show({ name: participant === this.meeting.self ? t('you', { name }) : name, note: room?.name ?? '' });
        lower.classList.toggle('absent', !scene?.staff && participant !== this.meeting.self);
        nameButton(lower, t('lower_name', { name }));
      },
    };
  }

  /** @param {number} participant */
  #removedRow(participant) {
    const back = h('button', { type: 'button', class: 'secondary small', onclick: () => void this.meeting.act('allow_back', { participant }) });
    const row = personRow(back);
    return {
      element: row.element,
      update: (/** @type {[number, string]} */ [, given]) => {
        const name = given || t('unnamed');
        row.show({ name });
        back.textContent = t('allow_back');
        back.setAttribute('aria-label', t('allow_back_name', { name }));
      },
    };
  }

  /** @param {string} type */
  async #forAll(type) {
    if (await this.meeting.act(type)) this.meeting.tell(`done_${type}`);
  }
}

/**
 * @param {string} titleKey
 * @param {HTMLElement} [tool]
 */
function section(titleKey, tool = h('span')) {
  const list = h('ul', { class: 'people-list' });
  return { element: h('section', {}, h('div', { class: 'section-head' }, h('h3', { t: titleKey }), tool), list), list, tool };
}

/**
 * @param {string} words
 * @param {() => void} onPress
 */
function button(words, onPress) {
  return h('button', { type: 'button', class: 'secondary small', t: words, onclick: onPress });
}

customElements.define('people-panel', PeoplePanel);
