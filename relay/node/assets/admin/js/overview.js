// The node and its rooms.

import { get, path } from './api.js';
import { h, setChildren, write } from './dom.js';
import { bitrate, count, duration, rate } from './format.js';
import { t } from './language.js';
import { Rates } from './rates.js';
import { Table } from './table.js';

/** Rooms on one page; the relay looks into each of them at every poll. */
const PAGE = 50;

/**
 * @typedef {{worker: number, rooms: number, peers: number, sessions: number, silent_seconds: number,
 *   counters: Record<string, number>, io: Record<string, number>}} Worker
 * @typedef {{ready: boolean, reasons: string[], uptime_seconds: number, sessions: number, rooms: number,
 *   websockets: {open: number, limit: number}, slow_readers: number, workers: Worker[]}} Node
 * @typedef {{room: string, worker: number, sessions: number, people?: number, waiting?: number, publications?: number,
 *   bits_per_second?: number}} RoomRow
 */

// Kept over a change of view or language.
const rates = new Rates();

export class OverviewView {
  title = t('overview');
  #after;
  #state = h('p', { class: 'state' });
  #reasons = h('ul', { class: 'reasons' });
  /** @type {Map<string, HTMLElement>} */
  #figures = new Map();
  /** @type {Table<RoomRow>} */
  #rooms = new Table({
    caption: t('rooms'),
    empty: t('rooms_none'),
    key: (row) => row.room,
    columns: [
      { label: t('room'), kind: 'code', cell: (row) => ({ text: row.room, href: `#${path('rooms', row.room)}` }) },
      { label: t('worker'), kind: 'number', cell: (row) => count(row.worker) },
      { label: t('people'), kind: 'number', cell: (row) => count(row.people) },
      { label: t('waiting'), kind: 'number', cell: (row) => count(row.waiting) },
      { label: t('publications'), kind: 'number', cell: (row) => count(row.publications) },
      { label: t('incoming'), kind: 'number', cell: (row) => bitrate(row.bits_per_second) },
    ],
  });
  #pages = h('nav', { class: 'pages', 'aria-label': t('pages'), hidden: true });
  element;

  /** @param {string|null} after  the last room of the page before */
  constructor(after) {
    this.#after = after;
    const keys = ['uptime', 'rooms', 'sessions', 'websockets', 'incoming', 'outgoing', 'packets_out', 'resent', 'keyframes', 'slow', 'crossed', 'panics'];
    const figures = keys.map((key) => {
      const value = h('dd', {}, '–');
      this.#figures.set(key, value);
      return h('div', { 'data-figure': key }, h('dt', {}, t(`figure_${key}`)), value);
    });
    this.element = h('div', {},
      h('h1', {}, t('overview')), this.#state, this.#reasons, h('dl', { class: 'figures' }, ...figures), this.#rooms.element, this.#pages);
  }

  /** @param {AbortSignal} signal */
  async refresh(signal) {
    const query = new URLSearchParams({ detail: 'true', limit: String(PAGE) });
    if (this.#after !== null) query.set('after', this.#after);
    const [node, rooms] = await Promise.all([get('/node', signal), get(`/rooms?${query}`, signal)]);
    this.#node(node, performance.now());
    this.#rooms.update(rooms);
    this.#paging(rooms);
  }

  /**
   * @param {Node} node
   * @param {number} now
   */
  #node(node, now) {
    write(this.#state, node.ready ? t('ready') : t('not_ready'));
    this.#state.dataset.tone = node.ready ? 'good' : 'bad';
    setChildren(this.#reasons, node.reasons.map((reason) => h('li', { lang: 'en' }, reason)));
    /** @param {'counters'|'io'} group @param {string} name */
    const total = (group, name) => node.workers.reduce((sum, worker) => sum + (worker[group][name] ?? 0), 0);
    /** @param {'counters'|'io'} group @param {string} name */
    const perSecond = (group, name) => rates.next(name, total(group, name), now);
    const bits = (/** @type {string} */ name) => {
      const bytes = perSecond('io', name);
      return bitrate(bytes === null ? null : 8 * bytes);
    };
    this.#figure('uptime', duration(node.uptime_seconds));
    this.#figure('rooms', count(node.rooms));
    this.#figure('sessions', count(node.sessions));
    this.#figure('websockets', t('of', { part: count(node.websockets.open), whole: count(node.websockets.limit) }));
    this.#figure('incoming', bits('bytes_received'));
    this.#figure('outgoing', bits('bytes_sent'));
    this.#figure('packets_out', rate(perSecond('counters', 'rtp_forwarded')));
    this.#figure('resent', rate(perSecond('counters', 'rtp_resent')));
    this.#figure('keyframes', rate(perSecond('counters', 'keyframes_asked')));
    this.#figure('slow', count(node.slow_readers));
    this.#alarm('crossed', total('counters', 'crossed_zero_bit'));
    this.#alarm('panics', total('io', 'panics'));
  }

  /**
   * @param {string} key
   * @param {string} text
   */
  #figure(key, text) {
    const value = this.#figures.get(key);
    if (value) write(value, text);
  }

  /** A figure that must stay 0; in words too, not by colour alone. @param {string} key @param {number} value */
  #alarm(key, value) {
    this.#figure(key, value === 0 ? t('zero_good') : t('nonzero_bad', { count: count(value) }));
    const tile = this.#figures.get(key);
    if (tile) tile.dataset.tone = value === 0 ? 'good' : 'bad';
  }

  /** @param {RoomRow[]} rooms */
  #paging(rooms) {
    const last = rooms.at(-1);
    const first = this.#after !== null && this.#link('first_page', '#/');
    const next = rooms.length === PAGE && last && this.#link('next_page', `#/?after=${encodeURIComponent(last.room)}`);
    const links = [first, next].filter((link) => link instanceof Element);
    this.#pages.hidden = links.length === 0;
    setChildren(this.#pages, links);
  }

  /** @type {Map<string, HTMLAnchorElement>} */
  #links = new Map();

  /** The same element each time, so that it keeps the focus. @param {string} key @param {string} href */
  #link(key, href) {
    const link = this.#links.get(key) ?? h('a', {}, t(key));
    link.setAttribute('href', href);
    this.#links.set(key, link);
    return link;
  }
}
