// <manage-panel>: what host and deputy decide for all: direction, layout, the door, rules, a message, the end.

import { ask } from '../ui/dialogs.js';
import { DirectionSwitch } from './directionswitch.js';
import { freshId, h } from '../ui/dom.js';
import { label, t } from '../words/i18n.js';
import { icon, setIcon } from '../ui/icons.js';
import { LayoutPicker } from '../stage/layoutpicker.js';
import { Rules } from '../call/rules.js';
import { SidePanel } from './sidepanel.js';

const MAX_TEXT = 1000;

export class ManagePanel extends SidePanel {
  #direction = new DirectionSwitch((direction) => void this.#set('set_direction', { direction }));
  #layouts = new LayoutPicker((layout) => void this.#set('set_layout', { layout }));
  #lockIcon = icon('unlock');
  #lockWords = h('span');
  #lock = h('button', { type: 'button', class: 'secondary wide', 'aria-pressed': 'false', onclick: () => void this.meeting.act(this.#locked ? 'unlock' : 'lock') }, this.#lockIcon, this.#lockWords);
  #lockNow = h('p', { class: 'hint' });
  #rules = new Rules((settings) => void this.#set('change', { settings }));
  #text = h('textarea', { id: freshId(), rows: 2, maxlength: MAX_TEXT });
  #spotlight = h('div', { class: 'spotlight-now', hidden: true });
  #spotlightName = h('span');

  get #locked() {
    return this.meeting.present?.locked ?? false;
  }

  build() {
    this.#spotlight.append(icon('star'), this.#spotlightName,
      h('button', { type: 'button', class: 'secondary small', t: 'spotlight_end', onclick: () => void this.meeting.act('spotlight', { participant: null }) }));
    const message = h('form', { class: 'field', onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.#broadcast();
    } }, h('label', { for: this.#text.id, t: 'broadcast' }), h('span', { class: 'hint', t: 'broadcast_hint' }), this.#text,
    h('button', { type: 'submit', class: 'secondary small', t: 'broadcast_send' }));
    return [h('div', { class: 'panel-body manage' },
      section('direction', this.#direction.element),
      section('layout', this.#layouts.element, this.#spotlight),
      section('door', this.#lock, this.#lockNow),
      h('section', {}, h('details', { class: 'more' }, h('summary', { t: 'rules' }), this.#rules.element)),
      h('section', {}, message),
      h('section', {}, h('button', { type: 'button', class: 'primary danger wide', t: 'end_meeting', onclick: () => void this.#end() }))),
    ];
  }

  /** @param {import('../types.js').PresentScene} scene */
  render(scene) {
    this.#direction.show(scene.direction);
    this.#layouts.show(scene.layout);
    this.#spotlight.hidden = scene.spotlight === null;
    this.#spotlightName.textContent = scene.spotlight === null ? '' : t('spotlight_now', { name: this.meeting.nameOf(scene.spotlight) });
    this.#lock.setAttribute('aria-pressed', String(scene.locked));
    setIcon(this.#lockIcon, scene.locked ? 'lock' : 'unlock');
    label(this.#lockWords, 'text', scene.locked ? 'unlock' : 'lock');
    label(this.#lockNow, 'text', scene.locked ? 'door_locked' : scene.staff?.full ? 'door_full' : 'door_open');
    this.#rules.show(scene.staff?.settings ?? {});
    return t('manage_title');
  }

  /**
   * A choice that was refused goes back to what holds.
   * @param {string} type
   * @param {Record<string, unknown>} fields
   */
  async #set(type, fields) {
    if (!(await this.meeting.act(type, fields))) this.refresh();
  }

  async #broadcast() {
    const text = this.#text.value.trim();
    if (text && (await this.meeting.act('broadcast', { text }))) {
      this.#text.value = '';
      this.meeting.tell('done_broadcast');
    }
  }

  async #end() {
    if (await ask({ title: 'end_title', text: 'end_text', confirm: 'end_meeting' })) await this.meeting.act('end_meeting');
  }
}

/**
 * @param {string} titleKey
 * @param {...Node} content
 */
function section(titleKey, ...content) {
  return h('section', {}, h('h3', { t: titleKey }), ...content);
}

customElements.define('manage-panel', ManagePanel);
