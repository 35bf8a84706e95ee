// A table that keeps its rows: an update changes only the cells that differ, so focus, selection and scroll position stay.

import { h, setChildren, write } from './dom.js';

let ids = 0;

/**
 * What a cell shows: a text, or a text with a tone, a link, or a mark for assistive technology.
 * @typedef {string|{text: string, tone?: 'good'|'bad'|'soft', href?: string, current?: boolean, lang?: string}} Cell
 */

/**
 * @template Row
 * @typedef {{label: string, cell: (row: Row) => Cell, kind?: 'number'|'code'|'text'}} Column
 */

/** @template Row */
export class Table {
  /** The table with its caption, and a sentence instead of rows where there are none. */
  element;
  #columns;
  #key;
  #body = h('tbody');
  #empty;
  #scroller;
  /** @type {Map<string, HTMLTableRowElement>} */
  #rows = new Map();

  /**
   * @param {{caption: string, note?: string, empty: string, columns: Column<Row>[], key: (row: Row) => string}} options
   */
  constructor({ caption, note, empty, columns, key }) {
    this.#columns = columns;
    this.#key = key;
    ids += 1;
    const title = h('h2', { id: `table${ids}` }, caption);
    const head = columns.map((column) => h('th', { scope: 'col', class: column.kind }, column.label));
    const table = h('table', { 'aria-labelledby': title.id }, h('thead', {}, h('tr', {}, ...head)), this.#body);
    // Wide tables scroll sideways in a box of their own; with the keyboard too.
    this.#scroller = h('div', { class: 'scroller', role: 'region', tabindex: 0, 'aria-labelledby': title.id }, table);
    this.#empty = h('p', { class: 'empty' }, empty);
    this.element = h('section', { class: 'block' }, title, note && h('p', { class: 'note' }, note), this.#scroller, this.#empty);
    this.update([]);
  }

  /** @param {Row[]} rows */
  update(rows) {
    const kept = new Map();
    for (const row of rows) {
      const key = this.#key(row);
      const element = this.#rows.get(key) ?? this.#blank();
      this.#columns.forEach((column, i) => fill(element.cells[i], column.cell(row)));
      kept.set(key, element);
    }
    this.#rows = kept;
    setChildren(this.#body, [...kept.values()]);
    this.#scroller.hidden = rows.length === 0;
    this.#empty.hidden = rows.length > 0;
  }

  #blank() {
    const cells = this.#columns.map((column, i) =>
      i === 0 ? h('th', { scope: 'row', class: column.kind }) : h('td', { class: column.kind }));
    return h('tr', {}, ...cells);
  }
}

/**
 * @param {HTMLTableCellElement} element
 * @param {Cell} cell
 */
function fill(element, cell) {
  const { text, tone, href, current, lang } = typeof cell === 'string' ? { text: cell } : cell;
  attribute(element, 'data-tone', tone);
  attribute(element, 'lang', lang);
  if (!href) {
    write(element, text);
    return;
  }
  const link = element.querySelector('a') ?? element.appendChild(h('a'));
  attribute(link, 'href', href);
  attribute(link, 'aria-current', current ? 'true' : undefined);
  write(link, text);
}

/**
 * @param {Element} element
 * @param {string} name
 * @param {string|undefined} value
 */
function attribute(element, name, value) {
  if (value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}
