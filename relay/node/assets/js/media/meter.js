// <level-meter>: shows how loud a track is, so that people see that their microphone works before anybody listens.

import { audioContext } from './testsource.js';

const SEGMENTS = 12;
/** Levels shown run from silence, -60 dB, to -12 dB, which is loud speech. */
const FLOOR_DB = -60;
const CEILING_DB = -12;
const EVERY_MS = 60;

export class LevelMeter extends HTMLElement {
  /** @type {MediaStreamTrack|null} */
  #track = null;
  /** @type {MediaStreamAudioSourceNode|null} */
  #source = null;
  /** @type {AnalyserNode|null} */
  #analyser = null;
  /** @type {number|undefined} */
  #timer;

  connectedCallback() {
    if (this.childElementCount === 0) {
      for (let i = 0; i < SEGMENTS; i += 1) this.append(document.createElement('span'));
    }
    this.#timer = setInterval(() => this.#show(this.#level()), EVERY_MS);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    this.track = null;
  }

  /** @param {MediaStreamTrack|null} track */
  set track(track) {
    if (track === this.#track) return;
    this.#track = track;
    this.#source?.disconnect();
    this.#source = this.#analyser = null;
    if (!track) return;
    const context = audioContext();
    this.#source = context.createMediaStreamSource(new MediaStream([track]));
    this.#analyser = new AnalyserNode(context, { fftSize: 1024 });
    this.#source.connect(this.#analyser);
  }

  /** @returns {number} 0 to 1 */
  #level() {
    if (!this.#analyser) return 0;
    const samples = new Float32Array(this.#analyser.fftSize);
    this.#analyser.getFloatTimeDomainData(samples);
    const power = samples.reduce((sum, s) => sum + s * s, 0) / samples.length;
    const db = 10 * Math.log10(power + 1e-12);
    return Math.min(Math.max((db - FLOOR_DB) / (CEILING_DB - FLOOR_DB), 0), 1);
  }

  /** @param {number} level */
  #show(level) {
    const lit = Math.round(level * SEGMENTS);
    [...this.children].forEach((segment, i) => segment.classList.toggle('lit', i < lit));
  }
}

customElements.define('level-meter', LevelMeter);
