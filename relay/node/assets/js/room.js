// <meeting-room>: the view during a meeting. It lays out the parts and passes events between them; it decides nothing itself.

import { AudioOutput } from './audio.js';
import { controls } from './controls.js';
import { Details } from './details.js';
import { helpDialog, settingsDialog } from './dialogs.js';
import { h } from './dom.js';
import { label } from './i18n.js';
import { icon } from './icons.js';
import { bindKeys } from './keys.js';
import { languageSwitch } from './languages.js';
import { toast } from './notify.js';
import { PeoplePanel } from './people.js';
import { MeetingStage } from './stage.js';

export class MeetingRoom extends HTMLElement {
  #audio = new AudioOutput();
  #banner = h('div', { class: 'banner', role: 'alert', hidden: true });
  #status = h('span', { class: 'status' }, icon('lock'), h('span', { t: 'connected' }));
  #soundBar = h('div', { class: 'bar-note', hidden: true }, icon('sound'), h('span', { t: 'sound_blocked' }),
    h('button', { type: 'button', class: 'primary', t: 'sound_start', onclick: () => this.#audio.resume() }));
  #shareBar = h('div', { class: 'bar-note', hidden: true }, icon('screen'), h('span', { t: 'you_share' }),
    h('button', { type: 'button', class: 'secondary', t: 'share_stop', onclick: () => void this.actions.stopScreen() }));
  #detailsButton = h('button', {
    type: 'button', class: 'icon-button', 'aria-pressed': 'false', 'aria-keyshortcuts': 'd', tLabel: 'details', tTitle: 'details',
    onclick: () => this.#toggleDetails(),
  }, icon('pulse'));
  /** @type {(() => void)[]} */
  #undo = [];

  /**
   * @param {import('./meeting.js').Meeting} meeting
   * @param {import('./media.js').LocalMedia} media
   * @param {import('./actions.js').Actions} actions
   * @param {() => void} onLeave
   */
  constructor(meeting, media, actions, onLeave) {
    super();
    this.meeting = meeting;
    this.media = media;
    this.actions = actions;
    this.stage = new MeetingStage(meeting, media);
    this.details = new Details(meeting, () => this.stage.tiles());
    this.settings = settingsDialog(media);
    this.help = helpDialog();
    this.panel = new PeoplePanel(meeting, () => this.#togglePeople(false));
    this.controls = controls({
      microphone: () => this.actions.toggleMicrophone(),
      camera: () => void this.actions.toggleCamera(),
      screen: () => void this.actions.toggleScreen(),
      people: () => this.#togglePeople(),
      settings: () => this.settings.show(),
      leave: onLeave,
    });
  }

  connectedCallback() {
    this.#build();
    this.#listen();
    this.#showInputs();
    this.#showPhase();
    this.#playSound();
    this.#keepAwake();
    this.querySelector('h1')?.focus();
  }

  disconnectedCallback() {
    for (const undo of this.#undo) undo();
    this.#audio.play([]);
    this.details.stop();
    this.settings.close();
  }

  #build() {
    this.panel.hidden = true;
    const help = h('button', {
      type: 'button', class: 'icon-button', tLabel: 'help', tTitle: 'help', 'aria-haspopup': 'dialog', onclick: () => this.help.showModal(),
    }, icon('help'));
    this.append(
      h('header', { class: 'top' },
        h('div', { class: 'where' }, h('h1', { tabindex: '-1' }, this.meeting.room), this.#status),
        h('div', { class: 'tools' }, languageSwitch(), this.#detailsButton, help)),
      h('div', { class: 'room-main' },
        h('main', { class: 'stage-area', tLabel: 'people' }, this.#banner, this.#soundBar, this.#shareBar, this.stage),
        this.panel),
      h('footer', { class: 'bottom' }, this.controls.element),
      this.settings.element,
      this.help,
    );
  }

  #listen() {
    const { meeting, media } = this;
    this.#on(meeting, 'phase', () => this.#showPhase());
    this.#on(meeting, 'path', () => this.#showPhase());
    this.#on(meeting, 'people', () => this.#showInputs());
    this.#on(meeting, 'notice', ({ key, values }) => toast(key, values));
    this.#on(meeting, 'session', () => this.#playSound());
    this.#on(media, 'change', () => this.#showInputs());
    this.#on(media, 'speaker', () => this.#audio.setSpeaker(media.speaker));
    this.#on(this.#audio, 'blocked', (blocked) => {
      this.#soundBar.hidden = !blocked;
    });
    this.#on(this.stage, 'details', () => this.details.refresh());
    this.#on(window, 'online', () => meeting.nudge({ networkChanged: true }));
    this.#on(document, 'visibilitychange', () => !document.hidden && meeting.nudge());
    const connection = /** @type {any} */ (navigator).connection;
    if (connection instanceof EventTarget) this.#watchNetwork(/** @type {EventTarget & {type?: string}} */ (connection));
    this.#undo.push(bindKeys({
      m: () => this.actions.toggleMicrophone(),
      v: () => void this.actions.toggleCamera(),
      s: () => !this.controls.screen.element.hidden && void this.actions.toggleScreen(),
      p: () => this.#togglePeople(),
      d: () => this.#toggleDetails(),
      '?': () => this.help.showModal(),
    }));
  }

  /** @param {EventTarget & {type?: string}} connection  it also fires for mere estimates of speed */
  #watchNetwork(connection) {
    let type = connection.type;
    this.#on(connection, 'change', () => {
      if (connection.type !== type) this.meeting.nudge({ networkChanged: true });
      type = connection.type;
    });
  }

  #playSound() {
    const { session } = this.meeting;
    if (!session) return;
    const play = () => this.#audio.play(session.audioTracks());
    session.addEventListener('slots', play);
    this.#audio.setSpeaker(this.media.speaker);
    play();
  }

  #showInputs() {
    this.controls.microphone.set(this.media.inputs.audio.on);
    this.controls.camera.set(this.media.inputs.video.on);
    const sharing = this.meeting.isOn('screen');
    this.controls.screen.set(sharing);
    this.#shareBar.hidden = !sharing;
  }

  #showPhase() {
    const { phase, path, session } = this.meeting;
    const reconnecting = phase === 'reconnecting';
    const broken = phase === 'connected' && session?.timings.connected !== undefined && !path;
    this.#banner.hidden = !reconnecting && !broken;
    const key = reconnecting ? 'banner_reconnecting' : 'banner_path';
    if (!this.#banner.hidden && this.#banner.dataset.key !== key) {
      this.#banner.dataset.key = key;
      this.#banner.replaceChildren(icon('warning'), h('span', { t: key }));
    }
    if (this.#banner.hidden) {
      this.#banner.dataset.key = '';
      this.#banner.replaceChildren();
    }
    const words = this.#status.lastElementChild;
    if (words) label(words, 'text', path && phase === 'connected' ? 'connected' : 'connecting');
    this.#status.classList.toggle('waiting', !path || reconnecting);
  }

  /** @param {boolean} [open] */
  #togglePeople(open = Boolean(this.panel.hidden)) {
    this.panel.hidden = !open;
    this.controls.people.element.setAttribute('aria-expanded', String(open));
    if (open) this.panel.focusTitle();
    else this.controls.people.element.focus();
  }

  #toggleDetails() {
    const shown = this.#detailsButton.getAttribute('aria-pressed') !== 'true';
    this.#detailsButton.setAttribute('aria-pressed', String(shown));
    this.stage.showDetails(shown);
  }

  /** A phone that dims in the middle of a conversation would look like a dropped call. */
  #keepAwake() {
    const request = () => {
      if (!document.hidden) navigator.wakeLock?.request('screen').then((lock) => this.#undo.push(() => void lock.release()), () => {});
    };
    request();
    this.#on(document, 'visibilitychange', request); // the browser takes the lock away from a hidden page
  }

  /**
   * @param {EventTarget} target
   * @param {string} type
   * @param {(detail: any) => void} handler
   */
  #on(target, type, handler) {
    const listener = (/** @type {Event} */ event) => handler(/** @type {CustomEvent} */ (event).detail);
    target.addEventListener(type, listener);
    this.#undo.push(() => target.removeEventListener(type, listener));
  }
}

customElements.define('meeting-room', MeetingRoom);
