// The arrangements to choose from, each with its picture. Radio buttons, so that arrow keys work and one is always chosen.

import { freshId, h } from '../ui/dom.js';
import { LAYOUTS, layoutPicture } from './layouts.js';

export class LayoutPicker {
  #name = freshId();
  /** @type {Map<string, HTMLInputElement>} */
  #inputs = new Map();
  element;

  /** @param {(layout: import('../types.js').Layout) => void} onChoose */
  constructor(onChoose) {
    const choices = LAYOUTS.map(({ name }) => {
      const input = h('input', { type: 'radio', class: 'sr-only', name: this.#name, value: name, onchange: () => onChoose(name) });
      this.#inputs.set(name, input);
      return h('label', { class: 'layout-choice', 'data-layout': name, tTitle: `layout_${name}` }, input, layoutPicture(name), h('span', { t: `layout_${name}` }));
    });
    const [own, vdx] = [choices.slice(0, 3), choices.slice(3)];
    this.element = h('div', { role: 'radiogroup', tLabel: 'layout' },
      h('div', { class: 'layouts main-layouts' }, ...own),
      h('details', { class: 'more' }, h('summary', { t: 'layout_more' }), h('div', { class: 'layouts' }, ...vdx)));
  }

  /** @param {import('../types.js').Layout} layout */
  show(layout) {
    const input = this.#inputs.get(layout);
    if (!input) return;
    input.checked = true;
    const details = input.closest('details');
    if (details) details.open = true;
  }
}
