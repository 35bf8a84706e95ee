// Every total of every worker, with its rate now.

import { get } from './api.js';
import { h, write } from './dom.js';
import { count, duration, rate } from './format.js';
import { t } from './language.js';
import { Rates } from './rates.js';
import { Table } from './table.js';

/** @typedef {{group: 'counters'|'io', name: string, total: number, rate: number|null, each: number[]}} Row */

const rates = new Rates();

export class CountersView {
  title = t('counters');
  #place = h('div');
  #workers = workersTable();
  /** @type {Table<Row>|null} */
  #totals = null;
  #count = 0;
  #uptime = h('p', { class: 'note' });
  element = h('div', {}, h('h1', {}, t('counters')), this.#uptime, this.#workers.element, this.#place);

  /** @param {AbortSignal} signal */
  async refresh(signal) {
    /** @type {import('./overview.js').Node} */
    const node = await get('/node', signal);
    const now = performance.now();
    write(this.#uptime, t('counters_note', { time: duration(node.uptime_seconds) }));
    this.#workers.update(node.workers);
    if (this.#totals === null || this.#count !== node.workers.length) {
      this.#count = node.workers.length;
      this.#totals = totalsTable(this.#count);
      this.#place.replaceChildren(this.#totals.element);
    }
    this.#totals.update([...rows(node.workers, 'counters', now), ...rows(node.workers, 'io', now)]);
  }
}

/**
 * @param {import('./overview.js').Worker[]} workers
 * @param {'counters'|'io'} group
 * @param {number} now
 * @returns {Row[]}
 */
function rows(workers, group, now) {
  return Object.keys(workers[0]?.[group] ?? {}).map((name) => {
    const each = workers.map((worker) => worker[group][name] ?? 0);
    const total = each.reduce((sum, value) => sum + value, 0);
    return { group, name, total, rate: rates.next(`${group} ${name}`, total, now), each };
  });
}

/** @returns {Table<import('./overview.js').Worker>} */
function workersTable() {
  return new Table({
    caption: t('workers'),
    empty: t('workers_none'),
    key: (row) => String(row.worker),
    columns: [
      { label: t('worker'), kind: 'number', cell: (row) => count(row.worker) },
      { label: t('rooms'), kind: 'number', cell: (row) => count(row.rooms) },
      { label: t('peers'), kind: 'number', cell: (row) => count(row.peers) },
      { label: t('sessions'), kind: 'number', cell: (row) => count(row.sessions) },
      { label: t('seen'), kind: 'number', cell: (row) => t('seconds_ago', { seconds: row.silent_seconds.toFixed(1) }) },
    ],
  });
}

/**
 * @param {number} workers
 * @returns {Table<Row>}
 */
function totalsTable(workers) {
  const each = Array.from({ length: workers }, (_, worker) => ({
    label: t('worker_n', { worker }), kind: /** @type {const} */ ('number'), cell: (/** @type {Row} */ row) => count(row.each[worker]),
  }));
  return new Table({
    caption: t('totals'),
    note: t('totals_note'),
    empty: t('workers_none'),
    key: (row) => `${row.group} ${row.name}`,
    columns: [
      { label: t('counter'), kind: 'code', cell: (row) => row.name },
      { label: t('group'), cell: (row) => t(`group_${row.group}`) },
      { label: t('total'), kind: 'number', cell: (row) => count(row.total) },
      { label: t('now'), kind: 'number', cell: (row) => rate(row.rate) },
      ...each,
    ],
  });
}
