// The peer connection: publishing m-lines, receive slots, offers. The page offers, the relay answers; one offer at a time.

import { trim } from './codecs.js';
import { encodingsOf } from './encodings.js';
import { Needs } from './needs.js';
import { MAX_SLOTS } from '../params.js';

/** @typedef {import('../types.js').Source} Source */
/** @typedef {import('../types.js').Offer} Offer */

/** @type {Source[]} */
export const SOURCES = ['microphone', 'camera', 'screen', 'screen_audio'];

/**
 * Events: `slots` (there are more or fewer slots).
 */
export class Session extends EventTarget {
  pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', rtcpMuxPolicy: 'require' });
  /** performance.now() of the first time each step was reached, ms. @type {Record<string, number>} */
  timings = {};
  /** What of ours is sent. */
  needs = new Needs();

  /** @type {Map<Source, RTCRtpTransceiver>} */
  #publishing = new Map();
  /** What each was last asked to carry: the sender says it only once the browser has done it. @type {Map<Source, MediaStreamTrack|null>} */
  #carried = new Map();
  /** @type {{audio: RTCRtpTransceiver[], video: RTCRtpTransceiver[]}} */
  #slots = { audio: [], video: [] };
  /** How many slots the relay takes, as far as we know. */
  #most = { audio: MAX_SLOTS, video: MAX_SLOTS };
  #send;
  #offerId = 0;
  /** @type {number|null} the offer that waits for its answer */
  #pending = null;
  #again = false;
  #restart = false;
  #closed = false;

  /**
   * @param {import('../params.js').Params} params
   * @param {(offer: Offer) => boolean} send
   */
  constructor(params, send) {
    super();
    this.#send = send;
    const { pc } = this;
    this.#addSource('microphone', 'audio', [{}], null);
    this.#addSource('camera', 'video', encodingsOf('camera', params), params.codec);
    this.#addSource('screen', 'video', encodingsOf('screen', params), params.codec);
    this.#addSource('screen_audio', 'audio', [{}], null);
    this.#addSlots(params.slots, params.slots);
    pc.addEventListener('connectionstatechange', () => {
      if (pc.connectionState === 'connected') this.#mark('connected');
    });
  }

  /**
   * Puts a track on a source's m-line, or takes it off. Needs no offer.
   * @param {Source} source
   * @param {MediaStreamTrack|null} track
   */
  async publish(source, track) {
    const sender = this.#publishing.get(source)?.sender;
    if (!sender || this.#closed || (this.#carried.get(source) ?? null) === track) return;
    this.#carried.set(source, track);
    try {
      await sender.replaceTrack(track);
    } catch (error) {
      this.#carried.delete(source);
      throw error;
    }
    if (track?.kind === 'video') await this.needs.again(source); // another camera has another size
  }

  /**
   * The track of a slot, whoever is in it.
   * @param {string} mid
   */
  slotTrack(mid) {
    return [...this.#slots.video, ...this.#slots.audio].find((s) => s.mid === mid)?.receiver.track ?? null;
  }

  /** Tracks of all audio slots, for playing. */
  audioTracks() {
    return this.#slots.audio.map((slot) => slot.receiver.track);
  }

  /** Which source each publishing m-line carries, by mid; complete once an offer was made. */
  sources() {
    /** @type {Record<string, Source>} */
    const sources = {};
    for (const [source, { mid }] of this.#publishing) if (mid !== null) sources[mid] = source;
    return sources;
  }

  /**
   * Grows to at least so many slots and offers them, if that is more than there are.
   * @param {number} audio
   * @param {number} video
   * @returns {boolean}  whether there was anything to add
   */
  wantSlots(audio, video) {
    if (this.#closed || !this.#addSlots(audio, video)) return false;
    void this.offer();
    return true;
  }

  /**
   * Makes an offer; while one is under way, the next follows its answer.
   * @param {{iceRestart?: boolean}} [options]
   */
  async offer({ iceRestart = false } = {}) {
    if (this.#closed) return;
    this.#restart ||= iceRestart;
    if (this.#pending !== null) {
      this.#again = true;
      return;
    }
    this.#offerId += 1;
    const id = this.#offerId;
    this.#pending = id;
    this.#again = false;
    const restart = this.#restart;
    this.#restart = false;
    try {
      await this.pc.setLocalDescription(await this.pc.createOffer({ iceRestart: restart }));
    } catch (error) {
      if (!this.#closed) throw error;
    }
    if (this.#closed || this.#pending !== id) return;
    // No waiting for candidates: the relay learns our addresses from our connectivity checks (ICE-lite).
    this.#mark('offered');
    this.#send({ type: 'offer', id, sdp: this.pc.localDescription?.sdp ?? '', sources: this.sources() });
  }

  /** The signalling connection is back: an answer that was lost with the old one will not come any more. */
  async offerAgain({ iceRestart = false } = {}) {
    const lost = this.#pending !== null;
    this.#pending = null;
    if (lost || iceRestart || this.#again) await this.offer({ iceRestart });
  }

  /**
   * @param {number} id
   * @param {string} sdp
   */
  async accept(id, sdp) {
    if (this.#closed || id !== this.#pending) return; // an answer to an offer we have given up
    await this.pc.setRemoteDescription({ type: 'answer', sdp });
    this.#pending = null;
    this.#mark('answered');
    void this.needs.again();
    if (this.#again) await this.offer();
  }

  /**
   * The relay refused an offer. What was agreed before stays in force; slots it did not want are given up.
   * @param {number} id
   */
  async refused(id) {
    if (this.#closed || id !== this.#pending) return;
    this.#pending = null;
    this.#again = false;
    if (this.pc.signalingState !== 'have-local-offer') return;
    await this.pc.setLocalDescription({ type: 'rollback' });
    for (const kind of /** @type {const} */ (['audio', 'video'])) {
      for (const slot of this.#slots[kind]) if (slot.mid === null) slot.stop();
      this.#slots[kind] = this.#slots[kind].filter((slot) => slot.mid !== null);
      this.#most[kind] = this.#slots[kind].length;
    }
    this.dispatchEvent(new Event('slots'));
  }

  close() {
    this.#closed = true;
    this.pc.close();
  }

  /**
   * All sources are negotiated at join, so that sharing a screen later needs no offer.
   * @param {Source} source
   * @param {'audio'|'video'} kind
   * @param {RTCRtpEncodingParameters[]} sendEncodings
   * @param {string|null} codec
   */
  #addSource(source, kind, sendEncodings, codec) {
    const transceiver = this.pc.addTransceiver(kind, { direction: 'sendonly', sendEncodings });
    trim(transceiver, kind, codec);
    this.#publishing.set(source, transceiver);
    if (kind === 'video') this.needs.add(source, transceiver.sender, sendEncodings);
  }

  /**
   * @param {number} audio
   * @param {number} video
   * @returns {boolean}
   */
  #addSlots(audio, video) {
    let added = false;
    // In pairs, so that audio slot i and video slot i stand side by side.
    for (let i = 0; i < Math.max(audio, video); i += 1) {
      for (const [kind, count] of /** @type {const} */ ([['audio', audio], ['video', video]])) {
        if (i < Math.min(count, this.#most[kind]) && i >= this.#slots[kind].length) {
          const slot = this.pc.addTransceiver(kind, { direction: 'recvonly' });
          trim(slot, kind, null);
          this.#slots[kind].push(slot);
          added = true;
        }
      }
    }
    if (added) this.dispatchEvent(new Event('slots'));
    return added;
  }

  /** @param {string} step */
  #mark(step) {
    this.timings[step] ??= performance.now();
  }
}
