// <meeting-ended>: what happened, and the way back in.

import { h } from '../ui/dom.js';
import { languageSwitch } from '../words/languages.js';

/** Each has a title and a text of its own. */
const REASONS = ['left', 'replaced', 'removed', 'denied', 'ended'];

export class MeetingEnded extends HTMLElement {
  /**
   * @param {string} reason  one of REASONS, or the dictionary key of an error
   * @param {() => void} onRejoin
   */
  constructor(reason, onRejoin) {
    super();
    this.reason = reason;
    this.onRejoin = onRejoin;
  }

  connectedCallback() {
    const known = REASONS.includes(this.reason);
    const title = h('h1', { tabindex: '-1', t: known ? `${this.reason}_title` : 'failed_title' });
    const again = this.reason === 'removed' ? null
      : h('button', { type: 'button', class: this.reason === 'ended' ? 'secondary' : 'primary', t: this.reason === 'denied' ? 'ask_again' : 'rejoin', onclick: this.onRejoin });
    this.append(
      h('header', { class: 'top' },
        h('div', { class: 'brand' }, h('img', { src: 'favicon.svg', alt: '', width: 34, height: 34 }), h('span', { t: 'product' })),
        languageSwitch()),
      h('main', { class: 'ended-main' }, title, h('p', { class: 'lead', t: known ? `${this.reason}_text` : this.reason }), again ?? ''),
    );
    title.focus();
  }
}

customElements.define('meeting-ended', MeetingEnded);
