// Decides what a broken media path needs: wait, an ICE restart, or a whole new session.

/** A short dip heals itself; checks run every few seconds. */
const DISCONNECTED_GRACE_MS = 1500;
/** Time for a restart to succeed before the next one. */
const RESTART_EVERY_MS = 5000;
const MAX_RESTARTS = 3;
/** A session that never connected at all is started over after this. */
const CONNECT_TIMEOUT_MS = 15_000;

/**
 * Events: `path` (detail: boolean, whether media can flow), `restart` (make an offer with an ICE restart),
 * `rejoin` (restarts do not help).
 */
export class Recovery extends EventTarget {
  #pc;
  #canSignal;
  #restarts = 0;
  #good = false;
  /** @type {number|undefined} */
  #timer;
  #closed = false;

  /**
   * @param {RTCPeerConnection} pc
   * @param {() => boolean} canSignal  whether an offer would reach the relay now
   */
  constructor(pc, canSignal) {
    super();
    this.#pc = pc;
    this.#canSignal = canSignal;
    pc.addEventListener('connectionstatechange', () => this.#changed());
    this.#timer = setTimeout(() => this.#act(), CONNECT_TIMEOUT_MS);
  }

  get connected() {
    return this.#pc.connectionState === 'connected';
  }

  /** The network changed under us: the old path may be dead although nobody noticed yet. */
  networkChanged() {
    if (this.#closed || !this.#good || !this.#canSignal()) return;
    this.#restarts = 0;
    this.#restart();
  }

  /** Signalling is back after a break, and an ICE restart was offered. */
  signallingBack() {
    if (this.#closed || this.connected) return;
    this.#restarts = 0;
    this.#plan(RESTART_EVERY_MS);
  }

  close() {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #changed() {
    if (this.#closed) return;
    const state = this.#pc.connectionState;
    if (state === 'connected') {
      clearTimeout(this.#timer);
      this.#restarts = 0;
      this.#tell(true);
    } else if (state === 'disconnected') {
      this.#plan(DISCONNECTED_GRACE_MS);
    } else if (state === 'failed') {
      this.#tell(false);
      this.#act();
    }
  }

  #act() {
    if (this.#closed || this.connected) return;
    this.#tell(false);
    if (!this.#canSignal()) {
      this.#plan(RESTART_EVERY_MS); // `signallingBack` comes sooner
      return;
    }
    const dtlsFailed = this.#pc.connectionState === 'failed' && this.#pc.iceConnectionState !== 'failed';
    if (dtlsFailed || this.#restarts >= MAX_RESTARTS) {
      this.close();
      this.dispatchEvent(new Event('rejoin'));
      return;
    }
    this.#restart();
  }

  #restart() {
    this.#restarts += 1;
    this.#plan(RESTART_EVERY_MS);
    this.dispatchEvent(new Event('restart'));
  }

  /** @param {number} delay */
  #plan(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#act(), delay);
  }

  /** @param {boolean} good */
  #tell(good) {
    if (good === this.#good) return;
    this.#good = good;
    this.dispatchEvent(new CustomEvent('path', { detail: good }));
  }
}
