// <meeting-ended>: what happened, and the way back in.

import { h } from './dom.js';
import { languageSwitch } from './languages.js';

export class MeetingEnded extends HTMLElement {
  /**
   * @param {string} reason  `left`, `replaced`, or the dictionary key of an error
   * @param {() => void} onRejoin
   */
  constructor(reason, onRejoin) {
    super();
    this.reason = reason;
    this.onRejoin = onRejoin;
  }

  connectedCallback() {
    const known = this.reason === 'left' || this.reason === 'replaced';
    const title = h('h1', { tabindex: '-1', t: known ? `${this.reason}_title` : 'failed_title' });
    this.append(
      h('header', { class: 'top' },
        h('div', { class: 'brand' }, h('img', { src: 'favicon.svg', alt: '', width: 34, height: 34 }), h('span', { t: 'product' })),
        languageSwitch()),
      h('main', { class: 'ended-main' }, title, h('p', { class: 'lead', t: known ? `${this.reason}_text` : this.reason }),
        h('button', { type: 'button', class: 'primary', t: 'rejoin', onclick: this.onRejoin })),
    );
    title.focus();
  }
}

customElements.define('meeting-ended', MeetingEnded);
