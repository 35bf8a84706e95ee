// <meeting-prejoin>: name, room, a look at oneself, devices, and the way in.

import { MeetingError } from '../call/api.js';
import { DeviceMenus } from '../media/devices.js';
import { freshId, h } from '../ui/dom.js';
import { label, language, t } from '../words/i18n.js';
import { icon } from '../ui/icons.js';
import { languageSwitch } from '../words/languages.js';
import { Preview } from '../media/preview.js';

const MAX_NAME = 80;
/** Digits of the longest PIN. */
const MAX_PIN = 9;
/** Reasons that are pages of their own once one was in, and sentences before. */
const REFUSED = ['removed', 'denied', 'ended'];
/** Refusals after which the PIN is what the person has to look at. */
const PIN_ERRORS = ['error_token_required', 'error_pin_wrong', 'error_too_many_tries'];

/** @typedef {{name: string, room: string, pin: string}} Entry */

export class MeetingPrejoin extends HTMLElement {
  #name = this.#input({ autocomplete: 'name' });
  #room = this.#input({ autocomplete: 'off', autocapitalize: 'none' });
  #pin = this.#input({ autocomplete: 'off', inputmode: 'numeric', pattern: '[0-9]*', maxlength: String(MAX_PIN) });
  #pinField = h('details', { class: 'more pin' }, h('summary', { t: 'pin_have' }));
  #error = h('p', { class: 'form-error', role: 'alert', id: freshId(), hidden: true });
  #problemWords = h('p', { role: 'status' });
  #problem = h('div', { class: 'device-problem', hidden: true }, this.#problemWords,
    h('button', { type: 'button', class: 'secondary', t: 'try_again', onclick: () => void this.media.retry() }));
  #button = h('button', { type: 'submit', class: 'primary join', t: 'join' });
  #preview = new Preview(() => this.media.setAudio(!this.media.inputs.audio.on), () => void this.media.setVideo(!this.media.inputs.video.on));
  #menus;
  #show = () => this.#showMedia();

  /**
   * @param {import('../params.js').Params} params
   * @param {import('../media/media.js').LocalMedia} media
   * @param {(entry: Entry) => Promise<void>} onJoin  rejects with a MeetingError
   */
  constructor(params, media, onJoin) {
    super();
    this.params = params;
    this.media = media;
    this.onJoin = onJoin;
    this.#menus = new DeviceMenus(media);
    this.#name.value = params.name;
    this.#room.value = params.room;
  }

  connectedCallback() {
    this.#build();
    this.media.addEventListener('change', this.#show);
    language.addEventListener('change', this.#show);
    this.#typed();
    this.#showMedia();
    if (!this.#name.value) this.#name.focus();
  }

  disconnectedCallback() {
    this.media.removeEventListener('change', this.#show);
    language.removeEventListener('change', this.#show);
    this.#menus.close();
    this.#preview.release();
  }

  /** Goes in with what the form says. */
  async join() {
    if (this.#button.getAttribute('aria-disabled') === 'true') return;
    const name = this.#name.value.trim();
    const room = this.#room.value.trim();
    const missing = !name ? this.#name : !room ? this.#room : null;
    if (missing) {
      this.#fail(missing === this.#name ? 'name_missing' : 'room_missing');
      missing.setAttribute('aria-invalid', 'true');
      missing.focus();
      return;
    }
    this.#busy(true);
    try {
      await this.onJoin({ name, room, pin: this.#pin.value.replaceAll(/\s/g, '') });
    } catch (error) {
      if (!(error instanceof MeetingError)) console.error(error);
      const key = error instanceof MeetingError ? error.key : 'error_server';
      this.#busy(false);
      this.#fail(REFUSED.includes(key) ? `error_${key}` : key);
      if (PIN_ERRORS.includes(key)) this.#askPin();
    }
  }

  /** The meeting has a PIN, or another one than was typed. */
  #askPin() {
    this.#pinField.open = true;
    this.#pin.setAttribute('aria-invalid', 'true');
    this.#pin.select();
    this.#pin.focus();
  }

  #build() {
    this.#pinField.append(this.#field('pin_code', this.#pin, 'pin_hint'));
    const form = h('form', { novalidate: true, class: 'join-form', onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      void this.join();
    } },
    h('h1', { t: 'ready_title' }),
    h('p', { class: 'lead', t: 'ready_lead' }),
    this.#field('name', this.#name, 'name_hint'),
    this.params.roomGiven
      ? h('p', { class: 'given-room' }, h('span', { class: 'field-label', t: 'room' }), this.params.room)
      : this.#field('room', this.#room, 'room_hint'),
    this.#pinField,
    h('details', { class: 'more' }, h('summary', { t: 'devices' }), this.#menus.element),
    this.#error,
    this.#button,
    h('p', { class: 'privacy' }, icon('lock'), h('span', { t: 'privacy' })));
    this.append(
      h('header', { class: 'top' },
        h('div', { class: 'brand' }, h('img', { src: 'favicon.svg', alt: '', width: 34, height: 34 }), h('span', { t: 'product' })),
        languageSwitch()),
      h('main', { class: 'prejoin-main' },
        h('section', { class: 'preview', tLabel: 'preview' },
          this.#preview.frame,
          this.#preview.controls(),
          this.#problem),
        form),
    );
  }

  /** @param {Record<string, string>} attributes */
  #input(attributes) {
    const fixed = { id: freshId(), type: 'text', maxlength: MAX_NAME, spellcheck: 'false', required: true };
    return h('input', { ...fixed, ...attributes, oninput: () => this.#typed() });
  }

  /**
   * @param {string} key
   * @param {HTMLInputElement} input
   * @param {string} hintKey
   */
  #field(key, input, hintKey) {
    const hint = h('span', { class: 'hint', id: freshId(), t: hintKey });
    input.setAttribute('aria-describedby', `${hint.id} ${this.#error.id}`);
    return h('div', { class: 'field' }, h('label', { for: input.id, t: key }), hint, input);
  }

  #typed() {
    this.media.name = this.#name.value.trim() || t('guest');
    for (const input of [this.#name, this.#room, this.#pin]) input.removeAttribute('aria-invalid');
    this.#error.hidden = true;
  }

  /** @param {string} key */
  #fail(key) {
    label(this.#error, 'text', key);
    this.#error.hidden = false;
  }

  /** @param {boolean} busy  the button keeps its focus, so it is not really disabled */
  #busy(busy) {
    this.#button.setAttribute('aria-disabled', String(busy));
    label(this.#button, 'text', busy ? 'joining' : 'join');
    if (busy) this.#error.hidden = true;
  }

  #showMedia() {
    const { audio, video } = this.media.inputs;
    this.#preview.show(this.media.inputs);
    void this.#menus.refresh();
    const words = problemWords(audio.problem, video.problem);
    if (this.#problemWords.textContent !== words) this.#problemWords.textContent = words;
    this.#problem.hidden = words === '';
  }
}

/**
 * What is wrong with the devices and what to do about it, as one text.
 * @param {import('../media/media.js').Problem|null} audio
 * @param {import('../media/media.js').Problem|null} video
 */
function problemWords(audio, video) {
  if (!audio && !video) return '';
  const same = audio === video;
  const parts = same ? [problem('both', video)] : [problem('camera', video), problem('microphone', audio)];
  parts.push(video ? t('problem_stand_in_picture') : t('problem_stand_in_tone'));
  return parts.filter(Boolean).join(' ');
}

/**
 * @param {'camera'|'microphone'|'both'} device
 * @param {import('../media/media.js').Problem|null} kind
 */
function problem(device, kind) {
  if (!kind) return '';
  if (kind === 'missing') return t(`problem_missing_${device}`);
  const what = t(`a_${device}`);
  return t(`problem_${kind}`, { what, What: what[0].toLocaleUpperCase() + what.slice(1) });
}

customElements.define('meeting-prejoin', MeetingPrejoin);
