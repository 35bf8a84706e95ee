// The room's settings that may change while people are in it. Shown as the relay says they are; changed one at a time.

import { freshId, h } from '../ui/dom.js';

/**
 * Names and values are those of relay/room/src/settings.rs; `true` and `false` for settings that are on or off.
 * @type {readonly (readonly [string, readonly (string|boolean)[]])[]}
 */
const RULES = [
  ['waiting_room', ['off', 'until_host', 'admit']],
  ['guest_microphone', ['on', 'muted', 'off']],
  ['guest_camera', [true, false]],
  ['guests_hear_guests', [true, false]],
  ['host_unmute', ['ask', 'open']],
  ['screen_share', ['everyone', 'staff', 'off']],
  ['chat', ['everyone', 'to_staff', 'off']],
  ['chat_history', [true, false]],
  ['hands', [true, false]],
  ['names', ['first', 'full', 'hidden']],
  ['name_list', [true, false]],
];

export class Rules {
  /** @type {Map<string, {field: HTMLElement, show: (value: any) => void}>} */
  #fields = new Map();
  element;

  /** @param {(settings: Record<string, unknown>) => void} onChange */
  constructor(onChange) {
    for (const [name, values] of RULES) this.#fields.set(name, values.length === 2 && values[0] === true ? check(name, onChange) : choice(name, values, onChange));
    this.element = h('div', { class: 'rules' }, ...[...this.#fields.values()].map(({ field }) => field));
  }

  /** @param {Record<string, any>} settings  those that are left out cannot be changed here */
  show(settings) {
    for (const [name, { field, show }] of this.#fields) {
      field.hidden = settings[name] === undefined || settings[name] === null;
      if (!field.hidden) show(settings[name]);
    }
  }
}

/**
 * @param {string} name
 * @param {(settings: Record<string, unknown>) => void} onChange
 */
function check(name, onChange) {
  const input = h('input', { type: 'checkbox', id: freshId(), 'data-setting': name, onchange: () => onChange({ [name]: input.checked }) });
  const field = h('div', { class: 'check' }, input, h('label', { for: input.id, t: `rule_${name}` }));
  return { field, show: (/** @type {boolean} */ value) => void (input.checked = value) };
}

/**
 * @param {string} name
 * @param {readonly (string|boolean)[]} values
 * @param {(settings: Record<string, unknown>) => void} onChange
 */
function choice(name, values, onChange) {
  const select = h('select', { id: freshId(), 'data-setting': name, onchange: () => onChange({ [name]: select.value }) },
    ...values.map((value) => h('option', { value, t: `rule_${name}_${value}` })));
  const field = h('div', { class: 'field' }, h('label', { for: select.id, t: `rule_${name}` }), select);
  return { field, show: (/** @type {string} */ value) => void (select.value = value) };
}
