// The three device menus, used before the meeting and in its settings.

import { freshId, h, setChildren } from '../ui/dom.js';
import { language, t } from '../words/i18n.js';
import { TEST } from './media.js';

/** @typedef {import('./media.js').LocalMedia} LocalMedia */

export class DeviceMenus {
  #media;
  #microphone = h('select', { id: freshId(), onchange: () => void this.#media.choose('audio', this.#microphone.value) });
  #camera = h('select', { id: freshId(), onchange: () => void this.#media.choose('video', this.#camera.value) });
  #speaker = h('select', { id: freshId(), onchange: () => this.#media.chooseSpeaker(this.#speaker.value) });
  #speakerField = field('speaker', this.#speaker);
  element = h('div', { class: 'devices' }, field('camera', this.#camera), field('microphone', this.#microphone), this.#speakerField);
  #refresh = () => void this.refresh();

  /** @param {LocalMedia} media */
  constructor(media) {
    this.#media = media;
    media.addEventListener('devices', this.#refresh);
    media.addEventListener('change', this.#refresh);
    language.addEventListener('change', this.#refresh);
  }

  close() {
    this.#media.removeEventListener('devices', this.#refresh);
    this.#media.removeEventListener('change', this.#refresh);
    language.removeEventListener('change', this.#refresh);
  }

  async refresh() {
    const { audio, video, speakers } = await this.#media.devices();
    const { inputs, speaker } = this.#media;
    fill(this.#microphone, audio, 'microphone', inputs.audio.choice, inUse(inputs.audio.track), t('test_tone'));
    fill(this.#camera, video, 'camera', inputs.video.choice, inUse(inputs.video.track), t('test_picture'));
    fill(this.#speaker, speakers, 'speaker', speaker, '', null);
    const canChoose = 'setSinkId' in HTMLMediaElement.prototype && speakers.length > 0;
    this.#speakerField.hidden = !canChoose;
  }
}

/**
 * @param {string} key
 * @param {HTMLSelectElement} select
 */
function field(key, select) {
  return h('div', { class: 'field' }, h('label', { for: select.id, t: key }), select);
}

/** @param {MediaStreamTrack|null} track */
function inUse(track) {
  return track?.getSettings().deviceId ?? '';
}

/**
 * @param {HTMLSelectElement} select
 * @param {MediaDeviceInfo[]} devices
 * @param {string} kind
 * @param {string} choice
 * @param {string} used     the device that is open, where the choice was left to the system
 * @param {string|null} test  words for the stand-in
 */
function fill(select, devices, kind, choice, used, test) {
  const options = devices.map((d, i) => option(d.deviceId, d.label || t('device_numbered', { kind: t(kind), number: i + 1 })));
  if (options.length === 0) options.push(option('', t('device_default')));
  if (test !== null) options.push(option(TEST, test));
  const same = options.length === select.length && options.every((o, i) => o.value === select.options[i].value && o.text === select.options[i].text);
  if (!same) setChildren(select, options);
  const wanted = [choice, used, 'default'].find((id) => options.some((o) => o.value === id));
  select.value = wanted ?? options[0].value;
}

/**
 * @param {string} value
 * @param {string} text
 */
function option(value, text) {
  return h('option', { value }, text);
}
