// <people-panel>: everybody in the meeting as a list, with what each one sends.

import { h, setChildren } from './dom.js';
import { language, t } from './i18n.js';
import { icon } from './icons.js';
import { initials } from './tiles.js';
import { nameHash } from './testsource.js';

/** @typedef {import('./types.js').Participant} Participant */

const HUES = 6;

export class PeoplePanel extends HTMLElement {
  #list = h('ul', { class: 'people-list' });
  #title = h('h2', { id: 'people-title', tabindex: '-1' });
  #render = () => this.#show();

  /**
   * @param {import('./meeting.js').Meeting} meeting
   * @param {() => void} onClose
   */
  constructor(meeting, onClose) {
    super();
    this.meeting = meeting;
    this.onClose = onClose;
  }

  connectedCallback() {
    if (!this.#list.isConnected) {
      this.setAttribute('role', 'complementary');
      this.setAttribute('aria-labelledby', 'people-title');
      const close = h('button', { type: 'button', class: 'icon-button', tLabel: 'close', tTitle: 'close', onclick: this.onClose }, icon('close'));
      this.append(h('div', { class: 'panel-head' }, this.#title, close), this.#list);
      this.addEventListener('keydown', (event) => event.key === 'Escape' && this.onClose());
    }
    this.meeting.addEventListener('people', this.#render);
    language.addEventListener('change', this.#render);
    this.#show();
  }

  disconnectedCallback() {
    this.meeting.removeEventListener('people', this.#render);
    language.removeEventListener('change', this.#render);
  }

  focusTitle() {
    this.#title.focus();
  }

  #show() {
    const roster = this.meeting.roster();
    this.#title.textContent = t('people_count', { n: roster.length });
    // Nothing in the list takes focus, so it may simply be drawn anew.
    setChildren(this.#list, roster.map((person) => this.#item(person)));
  }

  /** @param {Participant} person */
  #item(person) {
    const has = (/** @type {import('./types.js').Source} */ source) => person.sources.includes(source);
    const you = person.id === this.meeting.self;
    const role = person.role === 'host' || person.role === 'deputy' ? h('span', { class: 'role' }, t(`role_${person.role}`)) : null;
    return h(
      'li',
      { class: this.meeting.speaker === person.id ? 'speaking' : '' },
      h('span', { class: `avatar hue-${nameHash(person.name) % HUES}`, 'aria-hidden': 'true' }, initials(person.name)),
      h('span', { class: 'person' }, h('span', { class: 'person-name' }, you ? t('you', { name: person.name }) : person.name), role),
      has('screen') && sign('screen', 'shares_screen', true),
      sign(has('microphone') ? 'mic' : 'mic-off', has('microphone') ? 'microphone_on' : 'microphone_off', has('microphone')),
      sign(has('camera') ? 'camera' : 'camera-off', has('camera') ? 'camera_on' : 'camera_off', has('camera')),
    );
  }
}

/**
 * @param {string} name
 * @param {string} words
 * @param {boolean} on
 */
function sign(name, words, on) {
  return h('span', { class: on ? 'sign' : 'sign off', title: t(words) }, icon(name), h('span', { class: 'sr-only' }, t(words)));
}

customElements.define('people-panel', PeoplePanel);
