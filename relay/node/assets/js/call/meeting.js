// One meeting: who is there, who is in which slot, what of ours flows, and how it all comes back after a break.

import { MeetingError } from './api.js';
import { rosterNotices, sceneNotices } from './changes.js';
import { ChatLog } from './chatlog.js';
import { Commands } from './commands.js';
import { t } from '../words/i18n.js';
import { OwnSources } from './own.js';
import { Recovery } from '../media/recovery.js';
import { Session } from '../media/session.js';
import { Signalling } from './signalling.js';

/** @typedef {import('../types.js').Participant} Participant */
/** @typedef {import('../types.js').Scene} Scene */
/** @typedef {import('../types.js').ServerMessage} ServerMessage */
/** @typedef {import('../types.js').Slot} Slot */
/** @typedef {import('../types.js').Source} Source */
/** @typedef {import('../types.js').Welcome} Welcome */

/**
 * Events: `phase`; `people` (roster, sources or speaker changed); `scene`; `slots`; `session` (a new peer connection);
 * `path` (detail: whether media can flow); `notice` (detail: {key, values}, something to tell); `unmute_asked`;
 * `announcement` (detail: Announcement); `ended` (detail: {reason}). Others are on `chat` and `own`.
 */
export class Meeting extends EventTarget {
  /** @type {import('../types.js').Phase} */
  phase = 'joining';
  /** @type {number|null} our own participant id */
  self = null;
  /** @type {Map<number, Participant>} */
  people = new Map();
  /** @type {Scene|null} */
  scene = null;
  /** @type {Slot[]} */
  slots = [];
  /** @type {number|null} */
  speaker = null;
  /** @type {Session|null} */
  session = null;
  /** Whether media can flow now. */
  path = false;
  /** How large slots are shown, as the relay knows it. @type {Record<string, [number, number]>} */
  tilesTold = {};
  chat = new ChatLog();
  own = new OwnSources((command) => this.command(command));

  #params;
  /** @type {string|null} */
  #token;
  #renew;
  /** @type {Map<number, string>} names we were told, also of those who left: their messages are still in the chat */
  #names = new Map();
  #signalling;
  #commands;
  /** @type {Recovery|null} */
  #recovery = null;

  /**
   * @param {import('../params.js').Params} params
   * @param {string} name
   * @param {string|null} token  from the link or the form, or kept from before; null asks for one
   * @param {(old: string|null) => Promise<string>} renew  gets a token instead of one that is refused; rejects with a MeetingError
   */
  constructor(params, name, token, renew) {
    super();
    this.#params = params;
    this.name = name;
    this.room = params.room;
    this.#token = token;
    this.#renew = renew;
    this.#signalling = new Signalling(params.room, (fresh) => this.#getToken(fresh));
    this.#commands = new Commands((message) => this.#signalling.send(message));
    this.own.addEventListener('change', () => this.dispatchEvent(new Event('people')));
    this.#on(this.#signalling, 'up', (/** @type {Welcome} */ welcome) => this.#welcomed(welcome));
    this.#on(this.#signalling, 'down', () => this.#lost());
    this.#on(this.#signalling, 'message', (/** @type {ServerMessage} */ message) => this.#received(message));
    this.#on(this.#signalling, 'ended', ({ reason }) => this.#ended(reason));
  }

  /** Whether the address asks for the main picture alone. */
  get startMinimal() {
    return this.#params.minimal;
  }

  /** The token we came in with: whoever goes in again is then the same person to the room. */
  get token() {
    return this.#token;
  }

  /** The room as it is, or null while we wait. */
  get present() {
    return this.scene?.state === 'present' ? this.scene : null;
  }

  /** What only host and deputy see; null for everybody else. */
  get staff() {
    return this.present?.staff ?? null;
  }

  /**
   * Resolves when the relay let us in, be it to wait.
   * @returns {Promise<void>}
   * @throws {MeetingError}
   */
  join() {
    return new Promise((resolve, reject) => {
      this.addEventListener('phase', () => this.phase === 'connected' && resolve());
      this.addEventListener('ended', (event) => {
        reject(new MeetingError(/** @type {CustomEvent} */ (event).detail.reason));
      });
      this.#signalling.open();
    });
  }

  leave() {
    this.#signalling.leave();
    this.#close('left');
  }

  /**
   * Asks something of the room. Never rejects: a refusal is an answer.
   * @param {import('../types.js').Command} command
   */
  command(command) {
    return this.#commands.ask(command);
  }

  /**
   * Asks something of the room, and tells the person when it is refused.
   * @param {string} type
   * @param {Record<string, unknown>} [fields]
   * @returns {Promise<boolean>}  whether it was done
   */
  async act(type, fields = {}) {
    const answer = await this.command({ type, ...fields });
    if (answer.type === 'refused') this.tell(`refused_${answer.code}`);
    return answer.type === 'done';
  }

  /** @param {Record<string, [number, number]>} tiles  sizes by mid, physical pixels */
  reportTiles(tiles) {
    const sent = this.#signalling.send({ type: 'tiles', tiles });
    if (sent) this.tilesTold = tiles;
    return sent;
  }

  /** Everybody present, ourselves first, then in order of arrival. Our own sources are what we know, not what came back. */
  roster() {
    const people = [...this.people.values()].filter((p) => !p.waiting || p.id === this.self);
    const own = people.find((p) => p.id === this.self);
    const others = people.filter((p) => p !== own);
    return own ? [{ ...own, sources: this.own.flowing() }, ...others] : others;
  }

  /** {@link roster}, without those who are in another place than we are. */
  here() {
    const place = this.present?.you.breakout ?? null;
    return this.roster().filter((p) => p.id === this.self || (p.breakout ?? null) === place);
  }

  /**
   * A name to show; those whose name we may not know are called by what they are.
   * @param {number|null} id
   */
  nameOf(id) {
    if (id === null) return t('the_staff');
    const person = this.people.get(id);
    const name = person?.name || this.#names.get(id);
    if (name) return name;
    return person && person.role !== 'participant' ? t(`role_${person.role}`) : t('unnamed');
  }

  /**
   * The slot that holds somebody's source.
   * @param {number} participant
   * @param {Source} source
   */
  slotOf(participant, source) {
    return this.slots.find((s) => s.participant === participant && s.source === source) ?? null;
  }

  /** The network may have changed, or the page came to the front: see that everything still stands. */
  nudge({ networkChanged = false } = {}) {
    this.#signalling.nudge();
    if (networkChanged) this.#recovery?.networkChanged();
  }

  /** Drops the WebSocket as a broken network would. For tests. */
  cutSignalling() {
    this.#signalling.cut();
  }

  /** Offers an ICE restart now. For tests. */
  restartIce() {
    return this.session?.offer({ iceRestart: true });
  }

  /** @param {boolean} fresh  the one we had was refused */
  async #getToken(fresh) {
    if (fresh || this.#token === null) this.#token = await this.#renew(this.#token);
    return this.#token;
  }

  /** @param {Welcome} welcome */
  #welcomed(welcome) {
    const back = this.phase === 'reconnecting';
    this.self = welcome.participant;
    this.#setPeople(welcome.roster, false);
    this.scene = welcome.scene;
    if (welcome.resumed && this.session && this.#recovery) {
      this.own.welcomed(this.present?.you ?? null, true);
      void this.session.offerAgain({ iceRestart: !this.#recovery.connected });
      this.#recovery.signallingBack();
    } else {
      this.#startSession();
    }
    this.#setPhase('connected');
    if (back) this.tell('notice_back');
    this.dispatchEvent(new Event('scene'));
    this.dispatchEvent(new Event('people'));
  }

  #lost() {
    this.#commands.lost();
    this.#setPhase('reconnecting');
  }

  #startSession() {
    this.#closeSession();
    this.slots = [];
    this.speaker = null;
    const session = new Session(this.#params, (offer) => this.#signalling.send(offer));
    const recovery = new Recovery(session.pc, () => this.#signalling.up);
    this.session = session;
    this.#recovery = recovery;
    this.#on(recovery, 'path', (good) => {
      this.path = good;
      this.dispatchEvent(new CustomEvent('path', { detail: good }));
    });
    this.#on(recovery, 'restart', () => void session.offerAgain({ iceRestart: true }));
    this.#on(recovery, 'rejoin', () => this.#signalling.startOver());
    this.dispatchEvent(new Event('session'));
    this.own.welcomed(this.present?.you ?? null, false);
    this.own.attach(session);
    void session.offer();
  }

  /** @param {ServerMessage} message */
  #received(message) {
    switch (message.type) {
      case 'answer':
        this.session?.accept(message.id, message.sdp).catch((error) => this.#mediaFailed(error));
        break;
      case 'joined':
      case 'updated':
        this.#setPeople([...[...this.people.values()].filter((p) => p.id !== message.participant.id), message.participant], true);
        break;
      case 'left':
        this.#setPeople([...this.people.values()].filter((p) => p.id !== message.participant), true);
        break;
      case 'roster':
        this.#setPeople(message.roster, true);
        break;
      case 'scene':
        this.#setScene(message.scene);
        break;
      case 'done':
      case 'refused':
        this.#commands.answered(message);
        break;
      case 'chat':
        this.chat.chat(message.message, message.earlier ?? false, message.message.from === this.self);
        break;
      case 'announcement':
        this.chat.announce(message.message);
        this.dispatchEvent(new CustomEvent('announcement', { detail: message.message }));
        break;
      case 'unmute_asked':
        this.dispatchEvent(new Event('unmute_asked'));
        break;
      case 'slots':
        this.slots = message.slots;
        this.dispatchEvent(new Event('slots'));
        break;
      case 'send':
        this.session?.needs.told(message.sources);
        break;
      case 'slots_wanted':
        this.session?.wantSlots(message.audio, message.video);
        break;
      case 'speaker':
        this.speaker = message.participant;
        this.dispatchEvent(new Event('people'));
        break;
      case 'error':
        this.#relayRefused(message);
        break;
      default: // `pong` has done its work; unknown types are for newer pages
    }
  }

  /**
   * @param {Participant[]} people
   * @param {boolean} tell  whether comings and goings are news
   */
  #setPeople(people, tell) {
    const before = this.people;
    // `Map` keeps the order in which people came, which an update must not change.
    const next = new Map([...before.keys()].flatMap((id) => people.filter((p) => p.id === id)).map((p) => [p.id, p]));
    for (const person of people) next.set(person.id, person);
    this.people = next;
    if (this.speaker !== null && !next.has(this.speaker)) this.speaker = null;
    // Whoever goes to a breakout has not left the meeting, although guests see no more of them.
    const moving = this.present?.breakouts?.open === true;
    if (tell) for (const { key, values } of rosterNotices(before, next, this.self, (id) => this.nameOf(id))) if (!moving) this.tell(key, values);
    for (const { id, name } of people) if (name) this.#names.set(id, name);
    this.dispatchEvent(new Event('people'));
  }

  /** @param {Scene} scene */
  #setScene(scene) {
    const before = this.present;
    this.scene = scene;
    if (scene.state === 'present') {
      if (before) {
        this.own.follow(scene.you);
        for (const { key, values } of sceneNotices(before, scene, this.self, (id) => this.nameOf(id))) this.tell(key, values);
      } else {
        this.own.welcomed(scene.you, true);
        this.tell('notice_admitted');
      }
    }
    this.dispatchEvent(new Event('scene'));
    this.dispatchEvent(new Event('people'));
  }

  /** @param {import('../types.js').ProtocolError} error */
  #relayRefused(error) {
    console.warn('the relay refused:', error.code, error.message, error.field ?? '');
    if (error.id !== undefined) void this.session?.refused(error.id);
    if (error.code === 'bad_offer' && this.session?.timings.answered === undefined) this.tell('notice_media_refused');
    else if (error.code === 'forbidden') this.tell('notice_forbidden');
  }

  /** @param {unknown} error */
  #mediaFailed(error) {
    console.error('the answer could not be applied:', error);
    this.tell('notice_media_refused');
  }

  /** @param {string} reason */
  #ended(reason) {
    this.#close(reason === 'left' ? 'left' : 'failed');
    this.dispatchEvent(new CustomEvent('ended', { detail: { reason } }));
  }

  /** @param {'left'|'failed'} phase */
  #close(phase) {
    this.#closeSession();
    this.#setPhase(phase);
  }

  #closeSession() {
    this.#recovery?.close();
    this.session?.close();
    this.#recovery = null;
    this.session = null;
    this.path = false;
  }

  /** @param {import('../types.js').Phase} phase */
  #setPhase(phase) {
    if (this.phase === phase) return;
    this.phase = phase;
    this.dispatchEvent(new Event('phase'));
  }

  /**
   * Something the person should know.
   * @param {string} key
   * @param {Record<string, string|number>} [values]
   */
  tell(key, values = {}) {
    this.dispatchEvent(new CustomEvent('notice', { detail: { key, values } }));
  }

  /**
   * @param {EventTarget} target
   * @param {string} type
   * @param {(detail: any) => void} handler
   */
  #on(target, type, handler) {
    target.addEventListener(type, (event) => handler(/** @type {CustomEvent} */ (event).detail));
  }
}
