// A menu of actions that opens beside a button. A <dialog>, so that the browser keeps the focus inside and gives it back.

import { h, setChildren } from './dom.js';
import { t } from '../words/i18n.js';
import { icon } from './icons.js';

/**
 * @typedef {object} MenuItem
 * @property {string} words     dictionary key
 * @property {Record<string, string|number>} [values]
 * @property {string} icon
 * @property {boolean} [checked]  an item that is on or off
 * @property {boolean} [danger]
 * @property {boolean} [apart]    begins a new group
 * @property {() => void} onSelect
 */

const MARGIN = 8;

export class Menu {
  #list = h('div', { role: 'menu', class: 'menu-list' });
  #title = h('p', { class: 'menu-title', 'aria-hidden': 'true' });
  element = h('dialog', { class: 'menu', onclick: (/** @type {Event} */ event) => event.target === this.element && this.element.close() }, this.#title, this.#list);

  constructor() {
    this.#list.addEventListener('keydown', (event) => this.#key(event));
  }

  /**
   * @param {HTMLElement} anchor
   * @param {string} title  what the actions are for
   * @param {MenuItem[]} items
   */
  open(anchor, title, items) {
    if (!this.element.isConnected) document.body.append(this.element);
    this.#title.textContent = title;
    this.element.setAttribute('aria-label', title);
    this.#list.setAttribute('aria-label', title);
    setChildren(this.#list, items.map((item) => this.#item(item)));
    this.element.showModal();
    this.#place(anchor.getBoundingClientRect());
    this.#buttons()[0]?.focus();
  }

  /** @param {MenuItem} item */
  #item(item) {
    const checkable = item.checked !== undefined;
    return h('button', {
      type: 'button', tabindex: '-1', class: `${item.danger ? 'danger' : ''} ${item.apart ? 'apart' : ''}`,
      role: checkable ? 'menuitemcheckbox' : 'menuitem', 'aria-checked': checkable ? String(item.checked) : undefined,
      onclick: () => {
        this.element.close();
        item.onSelect();
      },
    }, icon(item.icon), h('span', {}, t(item.words, item.values)));
  }

  /** @param {DOMRect} anchor  on a narrow window the style sheet puts the menu at the foot instead */
  #place(anchor) {
    const { offsetWidth: width, offsetHeight: height } = this.element;
    const left = Math.min(Math.max(anchor.right - width, MARGIN), innerWidth - width - MARGIN);
    const below = anchor.bottom + 4;
    const top = below + height + MARGIN > innerHeight ? Math.max(anchor.top - height - 4, MARGIN) : below;
    this.element.style.left = `${left}px`;
    this.element.style.top = `${top}px`;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const buttons = this.#buttons();
    const at = buttons.indexOf(/** @type {HTMLButtonElement} */ (document.activeElement));
    /** @type {Record<string, number>} */
    const to = { ArrowDown: (at + 1) % buttons.length, ArrowUp: (at - 1 + buttons.length) % buttons.length, Home: 0, End: buttons.length - 1 };
    if (event.key === 'Tab') this.element.close();
    else if (event.key in to) buttons[to[event.key]]?.focus();
    else return;
    event.preventDefault();
  }

  #buttons() {
    return [...this.#list.querySelectorAll('button')];
  }
}
