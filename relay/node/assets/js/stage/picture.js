// One video element that can be pointed at another track without showing black, or somebody else's last frame.

/** The held frame gives way to the avatar when nothing new comes. */
const HOLD_MS = 1500;

export class Picture {
  #host;
  #video = document.createElement('video');
  #held = document.createElement('canvas');
  /** @type {MediaStreamTrack|null} */
  #track = null;
  #shown = false;
  /** Counts changes: a frame that was waited for in an earlier state must not reveal anything. */
  #epoch = 0;
  /** @type {number|undefined} */
  #holdTimer;

  /** @param {HTMLElement} host  gets the class `has-picture` while there is something to see */
  constructor(host) {
    this.#host = host;
    this.#video.muted = true; // sound has elements of its own
    this.#video.autoplay = true;
    this.#video.playsInline = true;
    this.#video.disablePictureInPicture = true;
    this.#video.tabIndex = -1;
    this.#held.className = 'held';
    this.#held.hidden = true;
    host.append(this.#video, this.#held);
  }

  get video() {
    return this.#video;
  }

  /**
   * @param {MediaStreamTrack|null} track  null: nothing to see
   * @param {number} [settle]  ms during which frames are still those of whoever was in the slot before
   */
  show(track, settle = 0) {
    if (track === this.#track) return;
    this.#epoch += 1;
    if (track && this.#shown) this.#hold();
    else this.#reveal(false);
    this.#track = track;
    this.#video.srcObject = track ? new MediaStream([track]) : null;
    if (!track) {
      this.#release();
      return;
    }
    this.#video.play().catch(() => {}); // muted pictures may always play; `autoplay` tries again
    this.#await(this.#epoch, performance.now() + settle);
  }

  /**
   * @param {number} epoch
   * @param {number} from  performance.now() from which a frame counts
   */
  #await(epoch, from) {
    const onFrame = () => {
      if (epoch !== this.#epoch) return;
      if (performance.now() < from) {
        this.#await(epoch, from);
        return;
      }
      this.#reveal(true);
      this.#release();
    };
    if ('requestVideoFrameCallback' in this.#video) this.#video.requestVideoFrameCallback(onFrame);
    else setTimeout(() => this.#video.addEventListener('timeupdate', onFrame, { once: true }), from - performance.now());
  }

  #hold() {
    const { videoWidth, videoHeight } = this.#video;
    this.#held.width = videoWidth;
    this.#held.height = videoHeight;
    this.#held.getContext('2d')?.drawImage(this.#video, 0, 0);
    this.#held.hidden = false;
    clearTimeout(this.#holdTimer);
    this.#holdTimer = setTimeout(() => {
      this.#reveal(false);
      this.#release();
    }, HOLD_MS);
  }

  #release() {
    clearTimeout(this.#holdTimer);
    this.#held.hidden = true;
  }

  /** @param {boolean} shown */
  #reveal(shown) {
    this.#shown = shown;
    this.#host.classList.toggle('has-picture', shown);
  }
}
