// What the person does with their own sources: joins the devices (media.js) to the meeting (meeting.js).

import { toast } from './notify.js';
import { captureScreen } from './media.js';

export class Actions {
  #meeting;
  #media;
  /** @type {MediaStream|null} */
  #screen = null;
  #choosingScreen = false;
  #publish = () => this.#publishDevices();
  #lost = (/** @type {Event} */ event) => {
    toast(/** @type {CustomEvent} */ (event).detail === 'audio' ? 'notice_microphone_lost' : 'notice_camera_lost');
  };

  /**
   * @param {import('./meeting.js').Meeting} meeting
   * @param {import('./media.js').LocalMedia} media
   */
  constructor(meeting, media) {
    this.#meeting = meeting;
    this.#media = media;
    media.addEventListener('change', this.#publish);
    media.addEventListener('lost', this.#lost);
    this.#publishDevices();
  }

  toggleMicrophone() {
    this.#media.setAudio(!this.#media.inputs.audio.on);
  }

  toggleCamera() {
    return this.#media.setVideo(!this.#media.inputs.video.on);
  }

  async toggleScreen() {
    if (this.#screen) {
      await this.stopScreen();
      return;
    }
    if (this.#choosingScreen) return;
    this.#choosingScreen = true;
    const stream = await captureScreen();
    this.#choosingScreen = false;
    if (stream) await this.shareScreen(stream);
  }

  /** @param {MediaStream} stream */
  async shareScreen(stream) {
    this.#screen = stream;
    const [video] = stream.getVideoTracks();
    const audio = stream.getAudioTracks()[0] ?? null;
    // The browser has a "stop sharing" button of its own.
    video.addEventListener('ended', () => this.#screen === stream && void this.stopScreen());
    await Promise.all([
      this.#meeting.setSource('screen', video, true),
      this.#meeting.setSource('screen_audio', audio, audio !== null),
    ]);
  }

  async stopScreen() {
    const stream = this.#screen;
    this.#screen = null;
    for (const track of stream?.getTracks() ?? []) track.stop();
    await Promise.all([this.#meeting.setSource('screen', null, false), this.#meeting.setSource('screen_audio', null, false)]);
  }

  /** The meeting is over: nothing more is published. */
  close() {
    this.#media.removeEventListener('change', this.#publish);
    this.#media.removeEventListener('lost', this.#lost);
    for (const track of this.#screen?.getTracks() ?? []) track.stop();
    this.#screen = null;
  }

  #publishDevices() {
    const { audio, video } = this.#media.inputs;
    void this.#meeting.setSource('microphone', audio.track, audio.on && audio.track !== null);
    void this.#meeting.setSource('camera', video.track, video.on && video.track !== null);
  }
}
