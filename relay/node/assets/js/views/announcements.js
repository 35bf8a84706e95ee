// What the staff says to everyone, shown over the stage until it has been read. It is in the chat as well.

import { h } from '../ui/dom.js';
import { t } from '../words/i18n.js';
import { icon } from '../ui/icons.js';

const MAX_SHOWN = 3;

export class Announcements {
  element = h('div', { class: 'announcements', role: 'log', 'aria-live': 'assertive', tLabel: 'announcements' });
  #meeting;

  /** @param {import('../call/meeting.js').Meeting} meeting */
  constructor(meeting) {
    this.#meeting = meeting;
  }

  /** @param {import('../types.js').Announcement} announcement */
  show({ from, text }) {
    while (this.element.childElementCount >= MAX_SHOWN) this.element.firstElementChild?.remove();
    const close = h('button', { type: 'button', class: 'icon-button small', tLabel: 'close', tTitle: 'close', onclick: () => element.remove() }, icon('close'));
    const element = h('div', { class: 'announcement' }, icon('megaphone'),
      h('div', { class: 'announcement-words' }, h('p', { class: 'announcement-from' }, t('announcement_from', { name: this.#meeting.nameOf(from) })), h('p', {}, text)), close);
    this.element.append(element);
  }
}
