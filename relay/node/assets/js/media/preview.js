// The look at oneself before one is in: picture, sound level, and the switches of microphone and camera.

import { cameraToggle, microphoneToggle } from '../views/controls.js';
import { h } from '../ui/dom.js';
import { TEST } from './media.js';
import { LevelMeter } from './meter.js';
import { Picture } from '../stage/picture.js';

export class Preview {
  frame = h('div', { class: 'preview-frame' }, h('p', { class: 'preview-off', t: 'camera_is_off' }));
  #picture = new Picture(this.frame);
  #meter = new LevelMeter();
  #microphone;
  #camera;

  /**
   * @param {() => void} toggleMicrophone
   * @param {() => void} toggleCamera
   */
  constructor(toggleMicrophone, toggleCamera) {
    this.#microphone = microphoneToggle(toggleMicrophone);
    this.#camera = cameraToggle(toggleCamera);
  }

  /**
   * The row below the picture.
   * @param {Node[]} more  what comes after switches and level
   */
  controls(...more) {
    return h('div', { class: 'preview-controls' }, this.#microphone.element, this.#camera.element,
      h('div', { class: 'level' }, h('span', { class: 'field-label', t: 'microphone_level' }), this.#meter), ...more);
  }

  /** @param {import('./media.js').LocalMedia['inputs']} inputs */
  show({ audio, video }) {
    this.#microphone.set(audio.on);
    this.#camera.set(video.on);
    this.#picture.show(video.on ? video.track : null);
    this.frame.classList.toggle('mirrored', video.choice !== TEST);
    this.frame.classList.toggle('off', !video.on);
    this.#meter.track = audio.on ? audio.track : null;
  }

  /** Lets go of the devices' tracks. */
  release() {
    this.#picture.show(null);
    this.#meter.track = null;
  }
}
