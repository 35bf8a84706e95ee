// The frame of a panel beside the stage: a title, a way to close it, and drawing that follows the meeting only while it is seen.

import { freshId, h } from '../ui/dom.js';
import { language } from '../words/i18n.js';
import { icon } from '../ui/icons.js';
import { Listeners } from '../ui/listeners.js';

export class SidePanel extends HTMLElement {
  #title = h('h2', { id: freshId(), tabindex: '-1' });
  #built = false;
  #onClose;
  /** Open until the panel leaves the document. */
  listeners = new Listeners();

  /**
   * @param {import('../call/meeting.js').Meeting} meeting
   * @param {() => void} onClose
   */
  constructor(meeting, onClose) {
    super();
    this.meeting = meeting;
    this.#onClose = onClose;
    this.hidden = true;
  }

  connectedCallback() {
    if (!this.#built) {
      this.#built = true;
      this.classList.add('side-panel');
      this.setAttribute('role', 'complementary');
      this.setAttribute('aria-labelledby', this.#title.id);
      const close = h('button', { type: 'button', class: 'icon-button', tLabel: 'close', tTitle: 'close', onclick: this.#onClose }, icon('close'));
      this.append(h('div', { class: 'panel-head' }, this.#title, close), ...this.build());
      this.addEventListener('keydown', (event) => event.key === 'Escape' && !event.defaultPrevented && this.#onClose());
    }
    const render = () => this.refresh();
    this.listeners.on(this.meeting, 'people scene', render);
    this.listeners.on(language, 'change', render);
    this.refresh();
  }

  disconnectedCallback() {
    this.listeners.close();
  }

  show() {
    this.hidden = false;
    this.refresh();
    this.#title.focus();
  }

  hide() {
    this.hidden = true;
  }

  /** Draws what the meeting is now, if anybody sees it. */
  refresh() {
    if (!this.hidden && this.#built && this.meeting.present) this.#title.textContent = this.render(this.meeting.present);
  }

  /**
   * The panel's parts, once.
   * @returns {Node[]}
   */
  build() {
    return [];
  }

  /**
   * @param {import('../types.js').PresentScene} _scene
   * @returns {string}  the title
   */
  render(_scene) {
    return '';
  }
}
