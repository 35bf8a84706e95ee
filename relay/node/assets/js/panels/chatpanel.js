// <chat-panel>: what was written, and a field to write, to whom the room allows.

import { timeOfDay } from '../call/clock.js';
import { freshId, h, KeyedList, setChildren } from '../ui/dom.js';
import { label, t } from '../words/i18n.js';
import { icon } from '../ui/icons.js';
import { SidePanel } from './sidepanel.js';

/** @typedef {import('../call/chatlog.js').Entry} Entry */
/** @typedef {import('../types.js').PresentScene} PresentScene */

/** The relay takes no longer ones. */
const MAX_TEXT = 1000;
/** To be told from a person's id in the list of recipients. */
const ALL = 'all';
/** Everybody, in whichever breakout. */
export const EVERYWHERE = 'everywhere';
/** Closer to the end than this, px, the list follows what arrives. */
const AT_END = 60;

export class ChatPanel extends SidePanel {
  #list = h('ul', { class: 'chat-list' });
  #log = h('div', { class: 'panel-body chat-log', role: 'log', 'aria-live': 'polite', tabindex: '0', tLabel: 'chat' });
  #empty = h('p', { class: 'chat-empty', t: 'chat_empty' });
  #rows = new KeyedList(this.#list, (/** @type {Entry} */ entry) => entry.key, (entry) => this.#row(entry));
  #to = h('select', { id: freshId(), onchange: () => this.#showRule() });
  #rule = h('p', { class: 'hint', id: freshId() });
  #text = h('textarea', {
    id: freshId(), rows: 2, maxlength: MAX_TEXT, 'aria-describedby': this.#rule.id, tLabel: 'chat_text', tPlaceholder: 'chat_text',
    onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event),
  });
  #send = h('button', { type: 'submit', class: 'primary', tLabel: 'chat_send', tTitle: 'chat_send' }, icon('send'));
  #form = h('form', { class: 'panel-foot chat-form', onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    void this.#say();
  } }, h('div', { class: 'chat-to' }, h('label', { for: this.#to.id, t: 'chat_to' }), this.#to), h('div', { class: 'chat-write' }, this.#text, this.#send), this.#rule);

  build() {
    this.#log.append(this.#empty, this.#list);
    return [this.#log, this.#form];
  }

  connectedCallback() {
    super.connectedCallback();
    this.listeners.on(this.meeting.chat, 'change', () => this.refresh());
  }

  show() {
    super.show();
    this.meeting.chat.reading = true;
    this.meeting.chat.markRead();
    this.#log.scrollTop = this.#log.scrollHeight;
    if (!this.#text.disabled) this.#text.focus();
  }

  hide() {
    super.hide();
    this.meeting.chat.reading = false;
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    this.meeting.chat.reading = false;
  }

  /** @param {number|string} to  somebody to write to alone, or EVERYWHERE */
  writeTo(to) {
    this.#to.value = String(to);
    this.#showRule();
    this.#text.focus();
  }

  /** @param {PresentScene} scene */
  render(scene) {
    const { entries } = this.meeting.chat;
    const atEnd = this.#log.scrollHeight - this.#log.scrollTop - this.#log.clientHeight < AT_END;
    this.#rows.show(entries);
    this.#empty.hidden = entries.length > 0;
    if (atEnd) this.#log.scrollTop = this.#log.scrollHeight;
    this.#showRecipients(scene);
    return t('chat');
  }

  /** @param {PresentScene} scene */
  #showRecipients({ you, staff }) {
    const others = this.meeting.roster().filter((p) => p.id !== this.meeting.self);
    const alone = staff ? others : others.filter((p) => p.role !== 'participant');
    const options = [
      [ALL, t(staff || you.chat === 'everyone' ? 'chat_all' : 'chat_staff')],
      ...(staff ? [[EVERYWHERE, t('chat_everywhere')]] : []),
      ...alone.map((p) => [String(p.id), t('chat_only', { name: this.meeting.nameOf(p.id) })]),
    ];
    const same = options.length === this.#to.length && options.every(([value, text], i) => this.#to.options[i].value === value && this.#to.options[i].text === text);
    if (!same) {
      const chosen = this.#to.value;
      setChildren(this.#to, options.map(([value, text]) => h('option', { value }, text)));
      this.#to.value = options.some(([value]) => value === chosen) ? chosen : ALL;
    }
    const closed = you.chat === 'off';
    this.#form.classList.toggle('closed', closed);
    this.#text.disabled = closed;
    this.#to.disabled = closed;
    this.#send.disabled = closed;
    this.#showRule();
  }

  #showRule() {
    const scene = this.meeting.present;
    const to = this.#to.value;
    const key = !scene || scene.you.chat === 'off' ? 'chat_rule_off'
      : to === EVERYWHERE ? 'chat_rule_everywhere'
      : to !== ALL ? 'chat_rule_one'
      : scene.you.breakout !== null ? 'chat_rule_group'
      : !scene.staff && scene.you.chat === 'to_staff' ? 'chat_rule_staff' : 'chat_rule_all';
    label(this.#rule, 'text', key);
  }

  /** @param {Entry} entry */
  #row(entry) {
    const head = h('span', { class: 'chat-from' });
    const time = h('time', { class: 'chat-time' }, timeOfDay(entry.at));
    const own = entry.from === this.meeting.self && entry.kind === 'chat';
    const announced = entry.kind === 'announcement';
    const element = h('li', { class: `chat-line ${own ? 'own' : ''} ${announced ? 'announced' : ''} ${entry.to !== null || entry.toStaff ? 'private' : ''}` },
      h('p', { class: 'chat-head' }, announced ? icon('megaphone') : null, head, time), h('p', { class: 'chat-words' }, entry.text));
    return {
      element,
      update: () => {
        head.textContent = this.#heading(entry, own);
      },
    };
  }

  /**
   * @param {Entry} entry
   * @param {boolean} own
   */
  #heading(entry, own) {
    const name = own ? t('chat_you') : this.meeting.nameOf(entry.from);
    if (entry.kind === 'announcement') return t('announcement_from', { name });
    if (entry.to !== null) return own ? t('chat_you_to', { name: this.meeting.nameOf(entry.to) }) : t('chat_to_you', { name });
    return entry.toStaff ? t('chat_to_staff', { name }) : name;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  async #say() {
    const text = this.#text.value.trim();
    if (!text) return;
    const to = this.#to.value;
    const done = to === EVERYWHERE
      ? await this.meeting.act('broadcast', { text })
      : await this.meeting.act('say', to === ALL ? { text } : { text, to: Number(to) });
    if (done && this.#text.value.trim() === text) this.#text.value = '';
  }
}

customElements.define('chat-panel', ChatPanel);
