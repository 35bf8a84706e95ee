// The person's own camera, microphone and screen: choosing devices, turning them on and off, stand-ins where there is none.

import { recall, remember } from '../ui/store.js';
import { testPicture, testTone } from './testsource.js';

/** @typedef {'audio'|'video'} Kind */
/** @typedef {'denied'|'missing'|'busy'|'insecure'} Problem */

/** @type {readonly Kind[]} */
const KINDS = ['audio', 'video'];
/** The choice that is no device. */
export const TEST = 'test';

/** @type {Record<Kind, 'microphone'|'camera'>} */
const SETTING = { audio: 'microphone', video: 'camera' };

/**
 * One kind of input.
 * @typedef {object} Input
 * @property {MediaStreamTrack|null} track  null while a camera is off: then its light is off too
 * @property {string} choice   device id, `test`, or '' for the system's default
 * @property {boolean} on
 * @property {Problem|null} problem  why the last attempt to open a device failed
 */

/**
 * Events: `change` (an input changed), `devices` (something was plugged in or out), `lost` (detail: Kind; the device went away),
 * `speaker` (another loudspeaker was chosen).
 */
export class LocalMedia extends EventTarget {
  /** @type {Record<Kind, Input>} */
  inputs = {
    audio: { track: null, choice: recall('microphone') ?? '', on: true, problem: null },
    video: { track: null, choice: recall('camera') ?? '', on: true, problem: null },
  };
  /** Device id of the loudspeaker, '' for the system's default. */
  speaker = recall('speaker') ?? '';
  /** What the test picture shows. */
  name = '';
  /** Counts attempts per kind: the result of one that was overtaken is thrown away. */
  #attempts = { audio: 0, video: 0 };

  constructor() {
    super();
    navigator.mediaDevices?.addEventListener('devicechange', () => this.dispatchEvent(new Event('devices')));
  }

  /**
   * First opening, with one question for both devices where the browser asks.
   * @param {{audio: boolean, video: boolean, test: boolean}} wish  what to start with, and whether to use no devices at all
   */
  async start({ audio, video, test }) {
    this.inputs.audio.on = audio;
    this.inputs.video.on = video;
    if (test) {
      this.inputs.audio.choice = this.inputs.video.choice = TEST;
    }
    await this.#openAll(KINDS.filter((kind) => this.inputs[kind].on));
    const { audio: a, video: v } = this.inputs;
    // Somebody who has a camera but no usable microphone does not want to send a beep. A machine with neither wants to be tried.
    if (!test && a.problem && a.choice === TEST && !(a.problem === 'missing' && v.problem === 'missing')) this.setAudio(false);
  }

  /** Tries the devices again that could not be opened: the person may have allowed them, or plugged them in. */
  async retry() {
    const failed = KINDS.filter((kind) => this.inputs[kind].problem);
    for (const kind of failed) Object.assign(this.inputs[kind], { choice: '', on: true });
    await this.#openAll(failed);
  }

  /**
   * @param {Kind} kind
   * @param {string} choice
   */
  async choose(kind, choice) {
    const input = this.inputs[kind];
    input.choice = choice;
    if (choice !== TEST) remember(SETTING[kind], choice);
    if (input.on || kind === 'audio') await this.#open(kind);
    else this.#changed();
  }

  /** @param {string} id */
  chooseSpeaker(id) {
    this.speaker = id;
    remember('speaker', id);
    this.dispatchEvent(new Event('speaker'));
  }

  /**
   * The microphone stays open while muted, so that unmuting is instant; nothing of it leaves the page.
   * @param {boolean} on
   */
  setAudio(on) {
    this.inputs.audio.on = on;
    if (on && !this.inputs.audio.track) void this.#open('audio');
    else this.#changed();
  }

  /**
   * A camera that is off is closed, and its light goes out.
   * @param {boolean} on
   */
  async setVideo(on) {
    const input = this.inputs.video;
    input.on = on;
    if (on && !input.track) {
      await this.#open('video');
      return;
    }
    if (!on) {
      this.#attempts.video += 1;
      release(input);
    }
    this.#changed();
  }

  /** What can be chosen. Names are empty until the person has allowed a device. */
  async devices() {
    const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
    const of = (/** @type {MediaDeviceKind} */ kind) => all.filter((d) => d.kind === kind && d.deviceId !== '');
    return { audio: of('audioinput'), video: of('videoinput'), speakers: of('audiooutput') };
  }

  /** Closes everything. */
  stop() {
    for (const kind of KINDS) {
      this.#attempts[kind] += 1;
      release(this.inputs[kind]);
    }
  }

  /** @param {Kind[]} kinds  both are asked for at once, so that the browser asks the person once */
  async #openAll(kinds) {
    const both = kinds.length === KINDS.length && kinds.every((kind) => this.inputs[kind].choice !== TEST);
    const stream = both ? await capture({ audio: this.#constraints('audio'), video: this.#constraints('video') }) : null;
    if (stream instanceof MediaStream) {
      this.#use('audio', stream.getAudioTracks()[0]);
      this.#use('video', stream.getVideoTracks()[0]);
      return;
    }
    for (const kind of kinds) await this.#open(kind);
  }

  /** @param {Kind} kind */
  async #open(kind) {
    const input = this.inputs[kind];
    this.#attempts[kind] += 1;
    const attempt = this.#attempts[kind];
    const result = input.choice === TEST ? null : await capture({ [kind]: this.#constraints(kind) });
    if (attempt !== this.#attempts[kind]) {
      if (result instanceof MediaStream) for (const track of result.getTracks()) track.stop();
      return;
    }
    if (result instanceof MediaStream) {
      this.#use(kind, result.getTracks()[0]);
      return;
    }
    input.choice = TEST;
    this.#use(kind, kind === 'video' ? testPicture(() => this.name) : testTone(this.name));
    input.problem = result;
    this.#changed();
  }

  /**
   * @param {Kind} kind
   * @param {MediaStreamTrack} track
   */
  #use(kind, track) {
    const input = this.inputs[kind];
    release(input);
    input.track = track;
    input.problem = null;
    if (kind === 'video' && input.choice !== TEST) track.contentHint = 'motion';
    track.addEventListener('ended', () => {
      if (input.track === track) void this.#lost(kind);
    });
    this.#changed();
  }

  /** @param {Kind} kind */
  async #lost(kind) {
    const input = this.inputs[kind];
    input.choice = ''; // the system's default may be another device by now
    input.on = kind === 'audio' && input.on;
    release(input);
    if (kind === 'audio') {
      await this.#open('audio');
      if (input.problem) this.setAudio(false);
    }
    this.#changed();
    this.dispatchEvent(new CustomEvent('lost', { detail: kind }));
  }

  #changed() {
    const { track, on } = this.inputs.audio;
    if (track) track.enabled = on;
    this.dispatchEvent(new Event('change'));
  }

  /**
   * @param {Kind} kind
   * @returns {MediaTrackConstraints}
   */
  #constraints(kind) {
    const id = this.inputs[kind].choice;
    const device = id && id !== TEST ? { deviceId: { ideal: id } } : {};
    if (kind === 'audio') return { ...device, echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    return { ...device, width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
  }
}

/**
 * A shared screen, window or tab, with its sound where the browser offers it; null when the person thought better of it.
 * @returns {Promise<MediaStream|null>}
 */
export async function captureScreen() {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { max: 30 } }, audio: true });
    for (const track of stream.getVideoTracks()) track.contentHint = 'detail';
    return stream;
  } catch {
    return null;
  }
}

export function canShareScreen() {
  return typeof navigator.mediaDevices?.getDisplayMedia === 'function';
}

/** @param {Input} input */
function release(input) {
  const { track } = input;
  input.track = null;
  track?.stop();
}

/**
 * @param {MediaStreamConstraints} constraints
 * @returns {Promise<MediaStream|Problem>}
 */
async function capture(constraints) {
  if (!navigator.mediaDevices?.getUserMedia) return 'insecure'; // browsers hide it on pages without https
  try {
    return await navigator.mediaDevices.getUserMedia(constraints);
  } catch (error) {
    const name = error instanceof DOMException ? error.name : '';
    if (name === 'NotAllowedError' || name === 'SecurityError') return 'denied';
    return name === 'NotReadableError' || name === 'AbortError' ? 'busy' : 'missing';
  }
}
