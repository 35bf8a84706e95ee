// How the connection is: a word in the header, and a banner when something is broken.

import { h } from '../ui/dom.js';
import { label } from '../words/i18n.js';
import { icon } from '../ui/icons.js';
import { Listeners } from '../ui/listeners.js';

export class Banner {
  element = h('div', { class: 'banner', role: 'alert', hidden: true });
  status = h('span', { class: 'status' }, icon('lock'), h('span', { t: 'connected' }));
  #listeners = new Listeners();
  #meeting;

  /** @param {import('../call/meeting.js').Meeting} meeting */
  constructor(meeting) {
    this.#meeting = meeting;
    this.#listeners.on(meeting, 'phase path', () => this.#show());
    this.#show();
  }

  close() {
    this.#listeners.close();
  }

  #show() {
    const { phase, path, session } = this.#meeting;
    const reconnecting = phase === 'reconnecting';
    const broken = phase === 'connected' && session?.timings.connected !== undefined && !path;
    const key = reconnecting ? 'banner_reconnecting' : broken ? 'banner_path' : '';
    this.element.hidden = key === '';
    if (this.element.dataset.key !== key) {
      this.element.dataset.key = key;
      this.element.replaceChildren(...(key ? [icon('warning'), h('span', { t: key })] : []));
    }
    const words = this.status.lastElementChild;
    if (words) label(words, 'text', path && phase === 'connected' ? 'connected' : 'connecting');
    this.status.classList.toggle('waiting', !path || reconnecting);
  }
}
