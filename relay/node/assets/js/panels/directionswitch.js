// One-way or two-way video: two choices with a drawing each, and a sentence that says what holds now.

import { freshId, h } from '../ui/dom.js';
import { label } from '../words/i18n.js';
import { icon } from '../ui/icons.js';

/** @typedef {import('../types.js').Direction} Direction */

/** @type {readonly Direction[]} */
const DIRECTIONS = ['two_way', 'one_way'];

export class DirectionSwitch {
  #name = freshId();
  #now = h('p', { class: 'hint', 'aria-live': 'polite' });
  /** @type {Map<string, HTMLInputElement>} */
  #inputs = new Map();
  element;

  /** @param {(direction: Direction) => void} onChoose */
  constructor(onChoose) {
    const choices = DIRECTIONS.map((direction) => {
      const input = h('input', { type: 'radio', class: 'sr-only', name: this.#name, value: direction, onchange: () => onChoose(direction) });
      this.#inputs.set(direction, input);
      return h('label', { class: 'direction-choice', 'data-direction': direction }, input,
        h('span', { class: 'direction-picture', 'aria-hidden': 'true' }, h('b', { t: 'direction_guest' }), icon(direction === 'one_way' ? 'one-way' : 'two-way'), h('b', { t: 'direction_clinic' })),
        h('span', { t: `direction_${direction}` }));
    });
    this.element = h('div', {}, h('div', { class: 'directions', role: 'radiogroup', tLabel: 'direction' }, ...choices), this.#now);
  }

  /** @param {Direction} direction */
  show(direction) {
    const input = this.#inputs.get(direction);
    if (input) input.checked = true;
    label(this.#now, 'text', `direction_${direction}_now`);
  }
}
