// What the person does with their own sources: joins the devices (media.js) to the meeting (meeting.js).

import { toast } from '../ui/notify.js';
import { captureScreen } from '../media/media.js';

export class Actions {
  #meeting;
  #media;
  /** @type {MediaStream|null} */
  #screen = null;
  #choosingScreen = false;
  #publish = () => this.#publishDevices();
  #imposed = (/** @type {Event} */ event) => this.#follow(/** @type {CustomEvent} */ (event).detail);
  #refused = (/** @type {Event} */ event) => toast(`refused_${/** @type {CustomEvent} */ (event).detail.code}`);
  #lost = (/** @type {Event} */ event) => {
    toast(/** @type {CustomEvent} */ (event).detail === 'audio' ? 'notice_microphone_lost' : 'notice_camera_lost');
  };

  /**
   * @param {import('./meeting.js').Meeting} meeting
   * @param {import('../media/media.js').LocalMedia} media
   */
  constructor(meeting, media) {
    this.#meeting = meeting;
    this.#media = media;
    media.addEventListener('change', this.#publish);
    media.addEventListener('lost', this.#lost);
    meeting.own.addEventListener('imposed', this.#imposed);
    meeting.own.addEventListener('refused', this.#refused);
    this.#publishDevices();
  }

  toggleMicrophone() {
    const { on } = this.#media.inputs.audio;
    if (this.#mayTurn('microphone', on)) this.#media.setAudio(!on);
  }

  toggleCamera() {
    const { on } = this.#media.inputs.video;
    return this.#mayTurn('camera', on) ? this.#media.setVideo(!on) : undefined;
  }

  async toggleScreen() {
    if (this.#screen) {
      await this.stopScreen();
      return;
    }
    if (this.#choosingScreen || !this.#isOpen('screen')) return;
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
      this.#meeting.own.set('screen', video, true),
      this.#meeting.own.set('screen_audio', audio, audio !== null),
    ]);
  }

  async stopScreen() {
    const stream = this.#screen;
    this.#screen = null;
    for (const track of stream?.getTracks() ?? []) track.stop();
    await Promise.all([this.#meeting.own.set('screen', null, false), this.#meeting.own.set('screen_audio', null, false)]);
  }

  /** The meeting is over: nothing more is published. */
  close() {
    this.#media.removeEventListener('change', this.#publish);
    this.#media.removeEventListener('lost', this.#lost);
    this.#meeting.own.removeEventListener('imposed', this.#imposed);
    this.#meeting.own.removeEventListener('refused', this.#refused);
    for (const track of this.#screen?.getTracks() ?? []) track.stop();
    this.#screen = null;
  }

  /**
   * Off is always possible: what is off while the staff holds it closed does not come on when they let go.
   * @param {'microphone'|'camera'} source
   * @param {boolean} on  as it is now
   */
  #mayTurn(source, on) {
    if (!on) return this.#isOpen(source);
    if (this.#meeting.own.isLocked(source)) toast(`stays_off_${source}`);
    return true;
  }

  /**
   * Says why not, where the staff or the room has closed it.
   * @param {import('../types.js').Source} source
   */
  #isOpen(source) {
    const locked = this.#meeting.own.isLocked(source);
    if (locked) toast(`locked_${source}`);
    return !locked;
  }

  /** @param {{source: import('../types.js').Source, on: boolean}} change  the staff or the room decided */
  #follow({ source, on }) {
    if (source === 'microphone') {
      toast(on ? 'notice_microphone_opened' : 'notice_microphone_closed');
      this.#media.setAudio(on);
    } else if (source === 'camera') void this.#media.setVideo(on);
    else if (source === 'screen' && !on && this.#screen) {
      toast('notice_share_stopped');
      void this.stopScreen();
    }
  }

  #publishDevices() {
    const { audio, video } = this.#media.inputs;
    void this.#meeting.own.set('microphone', audio.track, audio.on && audio.track !== null);
    void this.#meeting.own.set('camera', video.track, video.on && video.track !== null);
  }
}
