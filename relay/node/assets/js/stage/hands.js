// Raised hands over the stage, in order and large enough to be read from across a room.

import { h, KeyedList } from '../ui/dom.js';
import { t } from '../words/i18n.js';
import { icon } from '../ui/icons.js';

const MAX_SHOWN = 4;

export class Hands {
  #list = h('ol', { class: 'hands-list', role: 'list' });
  #more = h('span');
  element = h('div', { class: 'hands', role: 'group', tLabel: 'people_hands', hidden: true }, this.#list, this.#more);
  #rows = new KeyedList(this.#list, (/** @type {{id: number, order: number, name: string}} */ hand) => hand.id, () => {
    const name = h('span');
    const order = h('span', { class: 'order' });
    return {
      element: h('li', {}, icon('hand'), order, name),
      update: (hand) => {
        order.textContent = `${hand.order}.`;
        name.textContent = hand.name;
      },
    };
  });
  #meeting;

  /** @param {import('../call/meeting.js').Meeting} meeting */
  constructor(meeting) {
    this.#meeting = meeting;
  }

  refresh() {
    const { self, people } = this.#meeting;
    const hands = (this.#meeting.present?.hands ?? []).filter((id) => people.has(id));
    this.element.hidden = hands.length === 0;
    const name = (/** @type {number} */ id) => (id === self ? t('your_hand') : this.#meeting.nameOf(id));
    this.#rows.show(hands.slice(0, MAX_SHOWN).map((id, i) => ({ id, order: i + 1, name: name(id) })));
    const rest = hands.length - MAX_SHOWN;
    this.#more.textContent = rest > 0 ? t('more_hands', { n: rest }) : '';
  }
}
