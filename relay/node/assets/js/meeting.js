// One meeting: who is there, who is in which slot, what of ours flows, and how it all comes back after a break.

import { MeetingError, requestToken } from './api.js';
import { Recovery } from './recovery.js';
import { Session, SOURCES } from './session.js';
import { Signalling } from './signalling.js';

/** @typedef {import('./types.js').Participant} Participant */
/** @typedef {import('./types.js').ServerMessage} ServerMessage */
/** @typedef {import('./types.js').Slot} Slot */
/** @typedef {import('./types.js').Source} Source */
/** @typedef {import('./types.js').Welcome} Welcome */

/**
 * What the relay assumes of a newcomer until told otherwise.
 * @type {Record<Source, boolean>}
 */
const RELAY_DEFAULTS = { microphone: true, camera: true, screen: false, screen_audio: false };

/**
 * Events: `phase`; `people` (roster, sources or speaker changed); `slots`; `session` (a new peer connection);
 * `path` (detail: whether media can flow); `notice` (detail: {key, values}, something to tell);
 * `ended` (detail: {reason}).
 */
export class Meeting extends EventTarget {
  /** @type {import('./types.js').Phase} */
  phase = 'joining';
  /** @type {number|null} our own participant id */
  self = null;
  /** @type {Map<number, Participant>} */
  people = new Map();
  /** @type {Slot[]} */
  slots = [];
  /** @type {number|null} */
  speaker = null;
  /** @type {Session|null} */
  session = null;
  /** Whether media can flow now. */
  path = false;

  #params;
  /** @type {string|null} */
  #token;
  /** @type {Map<Source, {track: MediaStreamTrack|null, on: boolean}>} what the person wants to send */
  #own = new Map();
  #signalling;
  /** @type {Recovery|null} */
  #recovery = null;

  /**
   * @param {import('./params.js').Params} params
   * @param {string} name
   */
  constructor(params, name) {
    super();
    this.#params = params;
    this.name = name;
    this.room = params.room;
    this.#token = params.token;
    for (const source of SOURCES) this.#own.set(source, { track: null, on: false });
    this.#signalling = new Signalling(params.room, (fresh) => this.#getToken(fresh));
    this.#on(this.#signalling, 'up', (/** @type {Welcome} */ welcome) => this.#welcomed(welcome));
    this.#on(this.#signalling, 'down', () => this.#setPhase('reconnecting'));
    this.#on(this.#signalling, 'message', (/** @type {ServerMessage} */ message) => this.#received(message));
    this.#on(this.#signalling, 'ended', ({ reason }) => this.#ended(reason));
  }

  /**
   * Resolves when the relay let us in.
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
   * What flows from us. The relay is told as well as the browser, so that a mute holds whatever the browser does.
   * @param {Source} source
   * @param {MediaStreamTrack|null} track
   * @param {boolean} on
   */
  async setSource(source, track, on) {
    const before = this.#own.get(source);
    this.#own.set(source, { track, on });
    if (before?.on !== on) this.#signalling.send({ type: 'set_source', source, active: on });
    this.dispatchEvent(new Event('people'));
    await this.session?.publish(source, track);
  }

  /** @param {Source} source */
  isOn(source) {
    return this.#own.get(source)?.on ?? false;
  }

  /** Everybody present, ourselves first, then in order of arrival. Our own sources are what we know, not what came back. */
  roster() {
    const people = [...this.people.values()].sort((a, b) => a.id - b.id);
    const own = people.find((p) => p.id === this.self);
    const others = people.filter((p) => p !== own);
    return own ? [{ ...own, sources: SOURCES.filter((s) => this.isOn(s)) }, ...others] : others;
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

  /** @param {boolean} fresh */
  async #getToken(fresh) {
    if (this.#params.token !== null) {
      if (fresh) throw new MeetingError('error_link_expired'); // a token from a link cannot be renewed here
      return this.#params.token;
    }
    if (fresh || this.#token === null) this.#token = await requestToken(this.room, this.name);
    return this.#token;
  }

  /** @param {Welcome} welcome */
  #welcomed(welcome) {
    const back = this.phase === 'reconnecting';
    this.self = welcome.participant;
    this.people = new Map(welcome.roster.map((p) => [p.id, p]));
    this.#setPhase('connected');
    if (welcome.resumed && this.session && this.#recovery) {
      this.#tellSources(null);
      void this.session.offerAgain({ iceRestart: !this.#recovery.connected });
      this.#recovery.signallingBack();
    } else {
      this.#startSession();
    }
    if (back) this.#notice('notice_back');
    this.dispatchEvent(new Event('people'));
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
    // Before any media: what is muted here must be muted there from the first packet on.
    this.#tellSources(RELAY_DEFAULTS);
    for (const [source, { track }] of this.#own) void session.publish(source, track);
    void session.offer();
  }

  /** @param {Record<Source, boolean>|null} known  what the relay already knows; null tells it everything */
  #tellSources(known) {
    for (const [source, { on }] of this.#own) {
      if (known?.[source] !== on) this.#signalling.send({ type: 'set_source', source, active: on });
    }
  }

  /** @param {ServerMessage} message */
  #received(message) {
    switch (message.type) {
      case 'answer':
        this.session?.accept(message.id, message.sdp).catch((error) => this.#mediaFailed(error));
        break;
      case 'joined':
      case 'updated':
        this.#personChanged(message.participant);
        break;
      case 'left':
        this.#personLeft(message.participant);
        break;
      case 'slots':
        this.slots = message.slots;
        this.dispatchEvent(new Event('slots'));
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

  /** @param {Participant} person */
  #personChanged(person) {
    const known = this.people.get(person.id);
    this.people.set(person.id, person);
    if (person.id !== this.self) {
      if (!known) this.#notice('notice_joined', { name: person.name });
      else if (!known.sources.includes('screen') && person.sources.includes('screen')) {
        this.#notice('notice_shares', { name: person.name });
      }
    }
    this.dispatchEvent(new Event('people'));
  }

  /** @param {number} id */
  #personLeft(id) {
    const person = this.people.get(id);
    if (!person) return;
    this.people.delete(id);
    if (this.speaker === id) this.speaker = null;
    if (id !== this.self) this.#notice('notice_left', { name: person.name });
    this.dispatchEvent(new Event('people'));
  }

  /** @param {import('./types.js').ProtocolError} error */
  #relayRefused(error) {
    console.warn('the relay refused:', error.code, error.message, error.field ?? '');
    if (error.id !== undefined) void this.session?.refused(error.id);
    if (error.code === 'bad_offer' && this.session?.timings.answered === undefined) this.#notice('notice_media_refused');
    else if (error.code === 'forbidden') this.#notice('notice_forbidden');
  }

  /** @param {unknown} error */
  #mediaFailed(error) {
    console.error('the answer could not be applied:', error);
    this.#notice('notice_media_refused');
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

  /** @param {import('./types.js').Phase} phase */
  #setPhase(phase) {
    if (this.phase === phase) return;
    this.phase = phase;
    this.dispatchEvent(new Event('phase'));
  }

  /**
   * @param {string} key
   * @param {Record<string, string>} [values]
   */
  #notice(key, values = {}) {
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
