// <meeting-waiting>: what somebody sees who waits to be let in. Devices can be put right meanwhile; everything is connected already.

import { relayNow, timeOfDay } from '../call/clock.js';
import { settingsDialog } from '../ui/dialogs.js';
import { h } from '../ui/dom.js';
import { label, language, suggestLanguage, t } from '../words/i18n.js';
import { icon } from '../ui/icons.js';
import { languageSwitch } from '../words/languages.js';
import { Listeners } from '../ui/listeners.js';
import { toast } from '../ui/notify.js';
import { Preview } from '../media/preview.js';

/** Where a logo may come from: the relay itself, or the address itself. Nothing is fetched from elsewhere. */
const LOGO = /^(data:image\/|\/(?!\/))/;

export class MeetingWaiting extends HTMLElement {
  #logo = h('img', { class: 'waiting-logo', alt: '', hidden: true });
  #brand = h('div', { class: 'brand' }, h('img', { src: 'favicon.svg', alt: '', width: 34, height: 34 }), h('span', { t: 'product' }));
  #text = h('p', { class: 'lead waiting-text' });
  #place = h('p', { class: 'waiting-place', role: 'status', hidden: true });
  #opens = h('p', { class: 'waiting-opens', hidden: true });
  #connection = h('p', { class: 'hint', role: 'status' });
  #preview = new Preview(() => this.actions.toggleMicrophone(), () => void this.actions.toggleCamera());
  #listeners = new Listeners();

  /**
   * @param {import('../call/meeting.js').Meeting} meeting
   * @param {import('../media/media.js').LocalMedia} media
   * @param {import('../call/actions.js').Actions} actions
   * @param {() => void} onLeave
   */
  constructor(meeting, media, actions, onLeave) {
    super();
    this.meeting = meeting;
    this.media = media;
    this.actions = actions;
    this.onLeave = onLeave;
    this.settings = settingsDialog(media);
  }

  connectedCallback() {
    const title = h('h1', { tabindex: '-1', t: 'waiting_title' });
    this.append(
      h('header', { class: 'top' }, h('div', {}, this.#logo, this.#brand), languageSwitch()),
      h('main', { class: 'prejoin-main waiting-main' },
        h('section', { class: 'waiting-words' }, h('span', { class: 'waiting-pulse', 'aria-hidden': 'true' }, h('i'), h('i'), h('i')),
          title, this.#text, this.#place, this.#opens, h('p', { class: 'hint', t: 'waiting_stay' }), this.#connection,
          h('button', { type: 'button', class: 'secondary', onclick: this.onLeave }, h('span', { t: 'waiting_leave' }))),
        h('section', { class: 'preview', tLabel: 'preview' }, this.#preview.frame,
          this.#preview.controls(
            h('button', { type: 'button', class: 'icon-button', tLabel: 'settings', tTitle: 'settings', 'aria-haspopup': 'dialog', onclick: () => this.settings.show() }, icon('settings'))),
          h('p', { class: 'privacy' }, icon('lock'), h('span', { t: 'waiting_privacy' })))),
      this.settings.element,
    );
    this.#listeners.on(this.meeting, 'scene phase', () => this.#show());
    this.#listeners.on(this.meeting, 'notice', ({ key, values }) => toast(key, values));
    this.#listeners.on(this.media, 'change', () => this.#preview.show(this.media.inputs));
    this.#listeners.on(language, 'change', () => this.#show());
    this.#listeners.on(window, 'online', () => this.meeting.nudge({ networkChanged: true }));
    this.#listeners.on(document, 'visibilitychange', () => !document.hidden && this.meeting.nudge());
    this.#show();
    this.#preview.show(this.media.inputs);
    title.focus();
  }

  disconnectedCallback() {
    this.#listeners.close();
    this.settings.close();
    this.#preview.release();
  }

  #show() {
    const { scene, phase } = this.meeting;
    label(this.#connection, 'text', phase === 'reconnecting' ? 'banner_reconnecting' : 'waiting_connected');
    if (scene?.state !== 'waiting') return;
    suggestLanguage(scene.languages ?? []);
    this.#text.textContent = scene.text || t('waiting_text');
    const hasLogo = LOGO.test(scene.logo);
    this.#logo.hidden = !hasLogo;
    this.#brand.hidden = hasLogo;
    if (hasLogo && this.#logo.getAttribute('src') !== scene.logo) this.#logo.src = scene.logo;
    this.#place.hidden = scene.position === undefined;
    this.#place.textContent = scene.position === undefined ? '' : t('waiting_position', { n: scene.position });
    const later = scene.opens_at !== undefined && scene.opens_at > relayNow();
    this.#opens.hidden = !later;
    this.#opens.textContent = later && scene.opens_at !== undefined ? t('waiting_opens', { time: timeOfDay(scene.opens_at) }) : '';
  }
}

customElements.define('meeting-waiting', MeetingWaiting);
