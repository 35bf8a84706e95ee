// <groups-panel>: breakout rooms. Host and deputy make, fill, open and close them; guests choose where they may.

import { GroupCard } from './groupcard.js';
import { freshId, h, KeyedList } from '../ui/dom.js';
import { t } from '../words/i18n.js';
import { icon } from '../ui/icons.js';
import { SidePanel } from './sidepanel.js';

/** @typedef {import('../types.js').Breakout} Breakout */
/** @typedef {import('../types.js').PresentScene} PresentScene */

/** The relay takes more, but nobody hands out more at once. */
const MAX_AT_ONCE = 20;
const MINUTES = [5, 10, 15, 20, 30, 45, 60];
/** Seconds between the call back and the move. */
const COUNTDOWNS = [0, 10, 30, 60];

export class GroupsPanel extends SidePanel {
  #count = h('input', { type: 'number', id: freshId(), min: 1, max: MAX_AT_ONCE, value: 2, inputmode: 'numeric' });
  #create = h('form', { class: 'group-create', onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    void this.#make();
  } }, h('label', { for: this.#count.id, t: 'groups_count' }), this.#count, h('button', { type: 'submit', class: 'secondary small', t: 'groups_create' }));
  #intro = h('p', { class: 'hint', t: 'groups_intro' });
  #cards = h('div', { class: 'group-cards' });
  #cardList = new KeyedList(this.#cards, (/** @type {Breakout|null} */ room) => room?.id ?? 0, (room) => new GroupCard(this.meeting, room?.id ?? null));
  #selfChoice = h('input', { type: 'checkbox', id: freshId() });
  #timer = h('select', { id: freshId() });
  #countdown = h('select', { id: freshId() });
  #closed = h('div', { class: 'panel-foot' },
    h('button', { type: 'button', class: 'secondary small', onclick: () => void this.meeting.act('assign_random') }, icon('shuffle'), h('span', { t: 'groups_random' })),
    h('div', { class: 'check' }, this.#selfChoice, h('label', { for: this.#selfChoice.id, t: 'groups_self_choice' })),
    h('div', { class: 'inline-field' }, h('label', { for: this.#timer.id, t: 'groups_timer' }), this.#timer),
    h('button', { type: 'button', class: 'primary', t: 'groups_open', onclick: () => void this.#open() }));
  #newTimer = h('select', { id: freshId(), onchange: () => void this.#setTimer() });
  #opened = h('div', { class: 'panel-foot' },
    h('div', { class: 'inline-field' }, h('label', { for: this.#newTimer.id, t: 'groups_timer' }), this.#newTimer),
    h('div', { class: 'inline-field' }, h('label', { for: this.#countdown.id, t: 'groups_countdown' }), this.#countdown),
    h('button', { type: 'button', class: 'secondary small', onclick: () => this.writeToAll() }, icon('megaphone'), h('span', { t: 'broadcast' })),
    h('button', { type: 'button', class: 'primary', t: 'groups_recall', onclick: () => void this.meeting.act('recall_all', { seconds: Number(this.#countdown.value) }) }));

  /**
   * @param {import('../call/meeting.js').Meeting} meeting
   * @param {() => void} onClose
   * @param {() => void} writeToAll  wherever they are
   */
  constructor(meeting, onClose, writeToAll) {
    super(meeting, onClose);
    this.writeToAll = writeToAll;
  }

  build() {
    return [h('div', { class: 'panel-body groups' }, this.#intro, this.#create, this.#cards), this.#closed, this.#opened];
  }

  /** @param {PresentScene} scene */
  render(scene) {
    const { breakouts, staff } = scene;
    const rooms = breakouts?.rooms ?? [];
    this.#intro.hidden = rooms.length > 0 || !staff;
    this.#create.hidden = !staff || breakouts?.open === true;
    this.#closed.hidden = !staff || rooms.length === 0 || breakouts?.open === true;
    this.#opened.hidden = !staff || !breakouts?.open;
    const withMain = rooms.length > 0 && (staff || breakouts?.self_choice);
    this.#cardList.show(withMain ? [null, ...rooms] : rooms);
    this.#words(breakouts?.closes_at ?? null);
    return t('groups');
  }

  /** @param {number|null} closesAt */
  #words(closesAt) {
    options(this.#timer, [['', t('timer_none')], ...MINUTES.map((n) => /** @type {[string, string]} */ ([String(n * 60), t('minutes', { n })]))]);
    const keep = closesAt === null ? t('timer_none') : t('timer_stop');
    options(this.#newTimer, [['keep', closesAt === null ? t('timer_none') : t('timer_runs')], ...(closesAt === null ? [] : [/** @type {[string, string]} */ (['', keep])]),
      ...MINUTES.map((n) => /** @type {[string, string]} */ ([String(n * 60), t('minutes', { n })]))]);
    if (document.activeElement !== this.#newTimer) this.#newTimer.value = 'keep';
    options(this.#countdown, COUNTDOWNS.map((n) => [String(n), n === 0 ? t('at_once') : t('after_seconds', { n })]));
  }

  async #make() {
    const count = Math.min(Math.max(Math.round(this.#count.valueAsNumber) || 1, 1), MAX_AT_ONCE);
    const taken = this.meeting.present?.breakouts?.rooms.length ?? 0;
    const names = Array.from({ length: count }, (_, i) => t('group_numbered', { n: taken + i + 1 }));
    await this.meeting.act('create_breakouts', { names });
  }

  async #open() {
    const seconds = this.#timer.value === '' ? null : Number(this.#timer.value);
    await this.meeting.act('open_breakouts', { self_choice: this.#selfChoice.checked, ...(seconds === null ? {} : { seconds }) });
  }

  async #setTimer() {
    const { value } = this.#newTimer;
    if (value !== 'keep') await this.meeting.act('set_timer', { seconds: value === '' ? null : Number(value) });
    this.#newTimer.value = 'keep';
  }
}

/**
 * Keeps the choice while the words change.
 * @param {HTMLSelectElement} select
 * @param {[string, string][]} choices
 */
function options(select, choices) {
  const same = select.length === choices.length && choices.every(([value, text], i) => select.options[i].value === value && select.options[i].text === text);
  if (same) return;
  const { value } = select;
  select.replaceChildren(...choices.map(([key, text]) => h('option', { value: key }, text)));
  if (choices.some(([key]) => key === value)) select.value = value;
}

customElements.define('groups-panel', GroupsPanel);
