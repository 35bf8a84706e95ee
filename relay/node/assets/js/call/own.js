// Our own sources: what the person wants to send, what the relay knows of it, and what the staff has closed.

import { SOURCES } from '../media/session.js';

/** @typedef {import('../types.js').Source} Source */
/** @typedef {import('../types.js').You} You */

/**
 * What the relay assumes of a newcomer until told otherwise, or until it says otherwise itself.
 * @type {Record<Source, boolean>}
 */
const RELAY_DEFAULTS = { microphone: true, camera: true, screen: false, screen_audio: false };

/**
 * Events: `change`; `imposed` (detail: {source, on}: it is now so, by the staff or the room, and devices must follow);
 * `refused` (detail: {source, code}).
 */
export class OwnSources extends EventTarget {
  /** @type {Map<Source, {track: MediaStreamTrack|null, on: boolean}>} */
  #own = new Map();
  /** @type {Map<Source, number>} changes of ours that the relay has not answered: meanwhile its word is old */
  #pending = new Map();
  /** @type {You|null} */
  #you = null;
  /** @type {import('../media/session.js').Session|null} */
  #session = null;
  #ask;

  /** @param {(command: import('../types.js').Command) => Promise<import('./commands.js').Answer>} ask */
  constructor(ask) {
    super();
    this.#ask = ask;
    for (const source of SOURCES) this.#own.set(source, { track: null, on: false });
  }

  /** @param {Source} source */
  isOn(source) {
    return this.#own.get(source)?.on ?? false;
  }

  /** @param {Source} source */
  isLocked(source) {
    return this.#you?.locked.includes(source) ?? false;
  }

  /** What the others get of us. */
  flowing() {
    return SOURCES.filter((source) => this.isOn(source) && !this.isLocked(source));
  }

  /**
   * The relay is told as well as the browser, so that a mute holds whatever the browser does.
   * @param {Source} source
   * @param {MediaStreamTrack|null} track
   * @param {boolean} on
   */
  async set(source, track, on) {
    const before = this.isOn(source);
    this.#own.set(source, { track, on });
    if (before !== on) void this.#tell(source, on);
    this.dispatchEvent(new Event('change'));
    await this.#publish(source);
  }

  /** @param {import('../media/session.js').Session} session  a new peer connection: everything is put on it */
  attach(session) {
    this.#session = session;
    for (const source of SOURCES) void this.#publish(source);
  }

  /**
   * The relay let us in, or took us up again. Before any media: what is muted here must be muted there from the first packet on.
   * @param {You|null} you  null while we wait; then the relay does not say what it knows
   * @param {boolean} resumed
   */
  welcomed(you, resumed) {
    this.#pending.clear();
    if (!resumed || !you) this.#you = null;
    if (you) {
      this.follow(you, { back: true });
      return;
    }
    for (const source of SOURCES) if (resumed || this.isOn(source) !== RELAY_DEFAULTS[source]) void this.#tell(source, this.isOn(source));
  }

  /**
   * What the relay says about us now.
   * @param {You} you
   * @param {{back?: boolean}} [options]  back: after a break, in which the person may have changed something
   */
  follow(you, { back = false } = {}) {
    const before = this.#you;
    this.#you = you;
    for (const source of SOURCES) {
      const there = you.on.includes(source);
      const changed = before === null || before.on.includes(source) !== there;
      if (there !== this.isOn(source) && !this.#pending.get(source)) {
        if (changed) this.#settle(source, there, before === null);
        else if (back) void this.#tell(source, !there);
      }
      if ((before?.locked.includes(source) ?? false) !== you.locked.includes(source)) void this.#publish(source);
    }
    this.dispatchEvent(new Event('change'));
  }

  /**
   * Here and there differ: who is right?
   * @param {Source} source
   * @param {boolean} there
   * @param {boolean} first  nothing was agreed before
   */
  #settle(source, there, first) {
    // A microphone that the room keeps closed at the start, or closed when we were here before, stays closed. What the relay
    // closes later it has a reason for; and only a microphone may be opened from there, where the room allows it.
    const follow = there ? source === 'microphone' && !first : !first || source === 'microphone' || this.isLocked(source);
    if (follow) this.#impose(source, there);
    else void this.#tell(source, !there);
  }

  /**
   * @param {Source} source
   * @param {boolean} active
   */
  async #tell(source, active) {
    const pending = this.#pending;
    pending.set(source, (pending.get(source) ?? 0) + 1);
    const answer = await this.#ask({ type: 'set_source', source, active });
    pending.set(source, Math.max((pending.get(source) ?? 0) - 1, 0));
    if (answer.type === 'done' || answer.code === 'disconnected' || !this.isOn(source)) return;
    this.dispatchEvent(new CustomEvent('refused', { detail: { source, code: answer.code } }));
    this.#impose(source, false);
  }

  /**
   * @param {Source} source
   * @param {boolean} on
   */
  #impose(source, on) {
    const { track } = this.#own.get(source) ?? { track: null };
    this.#own.set(source, { track, on });
    this.dispatchEvent(new CustomEvent('imposed', { detail: { source, on } }));
  }

  /** @param {Source} source  nothing is sent that the relay would drop */
  async #publish(source) {
    const { track } = this.#own.get(source) ?? { track: null };
    await this.#session?.publish(source, this.isLocked(source) ? null : track);
  }
}
