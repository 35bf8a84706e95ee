// Builds elements without markup strings: nothing a person types can become HTML, and a strict CSP holds.

import { label } from '../words/i18n.js';

/**
 * @typedef {Record<string, any> & {
 *   t?: string, tLabel?: string, tTitle?: string, tPlaceholder?: string, class?: string
 * }} Props  `t…` are dictionary keys, kept in step with the language; `on…` are listeners; the rest are attributes
 */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Props} [props]
 * @param {...(Node|string|null|undefined|false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) element.addEventListener(key.slice(2), value);
    else if (key === 't') label(element, 'text', value);
    else if (key === 'tLabel') label(element, 'aria-label', value);
    else if (key === 'tTitle') label(element, 'title', value);
    else if (key === 'tPlaceholder') label(element, 'placeholder', value);
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

/**
 * Replaces children only when they differ, so that focus and scroll position survive.
 * @param {Element} parent
 * @param {Node[]} children
 */
export function setChildren(parent, children) {
  const same = parent.childNodes.length === children.length && children.every((c, i) => parent.childNodes[i] === c);
  if (!same) parent.replaceChildren(...children);
}

/**
 * Keeps one element for each item for as long as the item is there, so that focus and what is typed survive.
 * @template T
 */
export class KeyedList {
  #parent;
  #keyOf;
  #create;
  /** @type {Map<string|number, {element: HTMLElement, update: (item: T) => void}>} */
  #rows = new Map();

  /**
   * @param {Element} parent  holds nothing else
   * @param {(item: T) => string|number} keyOf
   * @param {(item: T) => {element: HTMLElement, update: (item: T) => void}} create
   */
  constructor(parent, keyOf, create) {
    this.#parent = parent;
    this.#keyOf = keyOf;
    this.#create = create;
  }

  /** @param {T[]} items */
  show(items) {
    const keys = new Set(items.map(this.#keyOf));
    for (const [key, { element }] of this.#rows) {
      if (keys.has(key)) continue;
      element.remove();
      this.#rows.delete(key);
    }
    items.forEach((item, i) => {
      const key = this.#keyOf(item);
      const row = this.#rows.get(key) ?? this.#create(item);
      this.#rows.set(key, row);
      row.update(item);
      const there = this.#parent.children[i];
      if (there === row.element) return;
      const focused = row.element.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
      this.#parent.insertBefore(row.element, there ?? null);
      focused?.focus(); // moving an element takes the focus away
    });
  }
}

let counter = 0;

/** A fresh id for `for`, `aria-labelledby` and the like. */
export function freshId() {
  counter += 1;
  return `m${counter}`;
}
