// <meeting-room>: the view during a meeting. It lays out the parts and passes events between them; it decides nothing itself.

import { Announcements } from './announcements.js';
import { AudioOutput } from '../media/audio.js';
import { Banner } from './banner.js';
import { controls } from './controls.js';
import { Details } from '../stage/details.js';
import { ask, helpDialog, settingsDialog } from '../ui/dialogs.js';
import { h } from '../ui/dom.js';
import { Hands } from '../stage/hands.js';
import { icon } from '../ui/icons.js';
import { bindKeys } from '../ui/keys.js';
import { languageSwitch } from '../words/languages.js';
import { Listeners } from '../ui/listeners.js';
import { Menu } from '../ui/menu.js';
import { moreItems } from './moremenu.js';
import { Notes } from './notes.js';
import { toast } from '../ui/notify.js';
import { Panels } from '../panels/panels.js';
import { personItems } from '../panels/personmenu.js';
import { PictureInPicture } from '../stage/pip.js';
import { MeetingStage } from '../stage/stage.js';
import { TileReport } from '../stage/tilereport.js';

/** Longer messages are cut in the short notice of them; the chat has the whole. */
const NOTICE_TEXT = 80;

export class MeetingRoom extends HTMLElement {
  #audio = new AudioOutput();
  #listeners = new Listeners();
  #title = h('h1', { tabindex: '-1' });
  #soundBar = h('div', { class: 'note calm', hidden: true }, icon('sound'), h('span', { class: 'note-text', t: 'sound_blocked' }),
    h('button', { type: 'button', class: 'primary small', t: 'sound_start', onclick: () => this.#audio.resume() }));
  #shareBar = h('div', { class: 'note calm', hidden: true }, icon('screen'), h('span', { class: 'note-text', t: 'you_share' }),
    h('button', { type: 'button', class: 'secondary small', t: 'share_stop', onclick: () => void this.actions.stopScreen() }));
  #minimalOut = h('button', { type: 'button', class: 'icon-button minimal-out', tLabel: 'minimal_end', tTitle: 'minimal_end', onclick: () => this.setMinimal(false) }, icon('shrink'));
  #menu = new Menu();
  #details = false;
  #asking = false;

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
    this.stage = new MeetingStage(meeting, media);
    this.pip = new PictureInPicture(this.stage);
    this.details = new Details(meeting, () => this.stage.tiles());
    this.settings = settingsDialog(media);
    this.help = helpDialog();
    this.hands = new Hands(meeting);
    this.announcements = new Announcements(meeting);
    this.banner = new Banner(meeting);
    this.panels = new Panels(meeting, () => this.controls);
    this.notes = new Notes(meeting, () => this.panels.show('people'));
    this.controls = controls({
      microphone: () => this.actions.toggleMicrophone(),
      camera: () => void this.actions.toggleCamera(),
      screen: () => void this.actions.toggleScreen(),
      hand: () => this.toggleHand(),
      people: () => this.panels.toggle('people'),
      chat: () => this.panels.toggle('chat'),
      groups: () => this.panels.toggle('groups'),
      manage: () => this.panels.toggle('manage'),
      more: (anchor) => this.#menu.open(anchor, this.heading, moreItems(this)),
      leave: onLeave,
    });
  }

  /** The name of the meeting. */
  get heading() {
    return this.meeting.present?.title || this.meeting.room;
  }

  get detailsShown() {
    return this.#details;
  }

  connectedCallback() {
    this.#build();
    this.#listen();
    this.report = new TileReport(this.meeting, this.stage, this.pip, this.panels);
    this.#showInputs();
    this.#showScene();
    this.#playSound();
    this.#keepAwake();
    if (this.meeting.startMinimal) this.setMinimal(true);
    else this.#title.focus();
  }

  disconnectedCallback() {
    this.#listeners.close();
    this.report?.close();
    this.pip.close();
    this.notes.close();
    this.banner.close();
    this.#audio.play([]);
    this.details.stop();
    this.settings.close();
  }

  toggleHand() {
    void this.meeting.act(this.meeting.present?.you.hand ? 'lower_hand' : 'raise_hand');
  }

  toggleDetails() {
    this.#details = !this.#details;
    this.stage.showDetails(this.#details);
  }

  /** @param {boolean} on  only the main picture, for a small window beside another program */
  setMinimal(on) {
    this.classList.toggle('minimal', on);
    this.stage.minimal = on;
    if (on) this.panels.show(null);
    (on ? this.#minimalOut : this.controls.more).focus();
  }

  #build() {
    this.append(
      h('header', { class: 'top' },
        h('div', { class: 'where' }, this.#title, this.banner.status),
        h('div', { class: 'tools' }, languageSwitch())),
      h('div', { class: 'room-main' },
        h('main', { class: 'stage-area', tLabel: 'people' }, this.banner.element, this.notes.element, this.#soundBar, this.#shareBar,
          this.announcements.element, this.hands.element, this.stage, this.#minimalOut),
        ...this.panels.elements),
      h('footer', { class: 'bottom' }, this.controls.element),
      this.settings.element,
      this.help,
    );
  }

  #listen() {
    const { meeting, media } = this;
    const { on } = { on: this.#listeners.on.bind(this.#listeners) };
    on(meeting, 'people', () => this.#showInputs());
    on(meeting, 'scene people', () => this.#showScene());
    on(meeting, 'notice', ({ key, values }) => toast(key, values));
    on(meeting, 'session', () => this.#playSound());
    on(meeting, 'unmute_asked', () => void this.#askUnmute());
    on(meeting, 'announcement', (announcement) => this.announcements.show(announcement));
    on(meeting.chat, 'change', () => this.controls.chat.badge(meeting.chat.unread, 'unread'));
    on(meeting.chat, 'arrived', (entry) => this.#chatArrived(entry));
    on(media, 'change', () => this.#showInputs());
    on(media, 'speaker', () => this.#audio.setSpeaker(media.speaker));
    on(this.#audio, 'blocked', (blocked) => {
      this.#soundBar.hidden = !blocked;
    });
    on(this.stage, 'details', () => this.details.refresh());
    on(this.stage, 'menu', (detail) => this.#tileMenu(detail));
    on(window, 'online', () => meeting.nudge({ networkChanged: true }));
    on(document, 'visibilitychange', () => !document.hidden && meeting.nudge());
    const connection = /** @type {any} */ (navigator).connection;
    if (connection instanceof EventTarget) this.#watchNetwork(/** @type {EventTarget & {type?: string}} */ (connection));
    const { controls: { screen, groups, manage, hand } } = this;
    const shown = (/** @type {import('./controls.js').Toggle} */ control, /** @type {() => void} */ act) => () => void (control.element.hidden || act());
    this.#listeners.also(bindKeys({
      m: () => this.actions.toggleMicrophone(),
      v: () => void this.actions.toggleCamera(),
      s: shown(screen, () => void this.actions.toggleScreen()),
      h: shown(hand, () => this.toggleHand()),
      p: () => this.panels.toggle('people'),
      c: () => this.panels.toggle('chat'),
      g: shown(groups, () => this.panels.toggle('groups')),
      o: shown(manage, () => this.panels.toggle('manage')),
      d: () => this.toggleDetails(),
      '?': () => this.help.showModal(),
    }));
  }

  /** @param {EventTarget & {type?: string}} connection  it also fires for mere estimates of speed */
  #watchNetwork(connection) {
    let type = connection.type;
    this.#listeners.on(connection, 'change', () => {
      if (connection.type !== type) this.meeting.nudge({ networkChanged: true });
      type = connection.type;
    });
  }

  #playSound() {
    const { session } = this.meeting;
    if (!session) return;
    const play = () => this.#audio.play(session.audioTracks());
    this.#listeners.on(session, 'slots', play);
    this.#audio.setSpeaker(this.media.speaker);
    play();
  }

  #showInputs() {
    const { own } = this.meeting;
    const locked = (/** @type {import('../types.js').Source} */ source) => (own.isLocked(source) ? `locked_${source}` : null);
    this.controls.microphone.set(this.media.inputs.audio.on && !own.isLocked('microphone'));
    this.controls.microphone.lock(locked('microphone'));
    this.controls.camera.set(this.media.inputs.video.on && !own.isLocked('camera'));
    this.controls.camera.lock(locked('camera'));
    const sharing = own.isOn('screen');
    this.controls.screen.set(sharing);
    this.controls.screen.lock(sharing ? null : locked('screen'));
    this.#shareBar.hidden = !sharing;
  }

  #showScene() {
    const scene = this.meeting.present;
    if (!scene) return;
    this.#title.textContent = this.heading;
    const staff = scene.staff !== undefined;
    const { hand, people, groups, manage } = this.controls;
    // Where hands are switched off, raising one is refused; the button stays until the relay says so.
    hand.element.hidden = staff;
    hand.set(scene.you.hand);
    manage.element.hidden = !staff;
    groups.element.hidden = !(staff ? scene.staff?.settings.breakouts !== false : scene.breakouts);
    const waiting = scene.staff?.waiting.length ?? 0;
    people.badge(waiting || (staff ? scene.hands.length : 0), waiting ? 'waiting_count' : 'hands_count');
    groups.badge(staff ? (scene.breakouts?.rooms ?? []).reduce((sum, { help }) => sum + (help?.length ?? 0), 0) : 0, 'help_count');
    this.hands.refresh();
    const { open } = this.panels;
    if ((open === 'manage' && manage.element.hidden) || (open === 'groups' && groups.element.hidden)) this.panels.show(null);
  }

  /** @param {{tile: import('../stage/tiles.js').MeetingTile, anchor: HTMLElement}} detail */
  #tileMenu({ tile, anchor }) {
    const id = tile.state?.participant ?? null;
    const person = id === null ? undefined : this.meeting.people.get(id);
    const details = { words: 'details_one', icon: 'pulse', checked: tile.detailsShown, onSelect: () => tile.toggleDetails() };
    const items = person ? personItems(this.meeting, person, { writeTo: (to) => this.panels.writeTo(to) }) : [];
    this.#menu.open(anchor, this.meeting.nameOf(id), [details, ...items]);
  }

  /** @param {import('../call/chatlog.js').Entry} entry */
  #chatArrived({ kind, from, text }) {
    if (kind !== 'chat' || this.meeting.chat.reading) return;
    const short = text.length > NOTICE_TEXT ? `${text.slice(0, NOTICE_TEXT)} …` : text;
    toast('notice_chat', { name: this.meeting.nameOf(from), text: short });
  }

  /** The microphone opens only if the person says so. */
  async #askUnmute() {
    if (this.#asking || (this.media.inputs.audio.on && !this.meeting.own.isLocked('microphone'))) return;
    this.#asking = true;
    const yes = await ask({ title: 'unmute_title', text: 'unmute_text', confirm: 'unmute_yes', refuse: 'unmute_no', danger: false });
    this.#asking = false;
    if (yes && this.isConnected) this.media.setAudio(true);
  }

  /** A phone that dims in the middle of a conversation would look like a dropped call. */
  #keepAwake() {
    const request = () => {
      if (!document.hidden) navigator.wakeLock?.request('screen').then((lock) => this.#listeners.also(() => void lock.release()), () => {});
    };
    request();
    this.#listeners.on(document, 'visibilitychange', request); // the browser takes the lock away from a hidden page
  }
}

customElements.define('meeting-room', MeetingRoom);
