// Tells the relay how large each picture is drawn, so that it sends no more than can be seen, and nothing to a hidden page.

import { Listeners } from '../ui/listeners.js';

/** Sizes change in bursts while a window is dragged: the first change is told this late, and those that follow as far apart. */
const SETTLE_MS = 60;
const MAX_SIZE = 0xffff;

export class TileReport {
  #meeting;
  #stage;
  #pip;
  #panels;
  #last = '';
  /** @type {number|undefined} */
  #timer;
  #listeners = new Listeners();
  #ratioListeners = new Listeners();

  /**
   * @param {import('../call/meeting.js').Meeting} meeting
   * @param {import('./stage.js').MeetingStage} stage
   * @param {import('./pip.js').PictureInPicture} pip
   * @param {import('../panels/panels.js').Panels} panels
   */
  constructor(meeting, stage, pip, panels) {
    this.#meeting = meeting;
    this.#stage = stage;
    this.#pip = pip;
    this.#panels = panels;
    this.#listeners.on(stage, 'placed picture', () => this.#soon());
    this.#listeners.on(stage, 'scroll', () => this.#soon());
    this.#listeners.on(pip, 'change', () => this.#soon());
    this.#listeners.on(panels, 'change', () => this.#soon());
    this.#listeners.on(document, 'visibilitychange', () => this.#soon());
    this.#listeners.on(meeting, 'phase session', () => {
      this.#last = ''; // a new connection knows nothing
      this.#soon();
    });
    this.#watchRatio();
    this.#soon();
  }

  close() {
    clearTimeout(this.#timer);
    this.#listeners.close();
    this.#ratioListeners.close();
  }

  /** By mid, for the slots that hold a picture; physical pixels of the whole picture, of which a tile may show a part. */
  sizes() {
    /** @type {Record<string, [number, number]>} */
    const sizes = {};
    for (const { mid, participant, source } of this.#meeting.slots) {
      if (participant !== null && (source === 'camera' || source === 'screen')) sizes[mid] = [0, 0];
    }
    if (!document.hidden && !this.#panels.cover) {
      for (const tile of this.#stage.tiles()) {
        const mid = tile.state?.mid;
        if (mid && mid in sizes && !tile.hidden && tile.rect && this.#inSight(tile.rect)) {
          sizes[mid] = physical(drawn(tile.video, tile.rect, tile.state?.source === 'camera'), devicePixelRatio);
        }
      }
    }
    const pip = this.#pip.shown();
    if (pip && pip.mid in sizes) {
      const size = physical(drawn(pip.video, pip, false), pip.ratio);
      sizes[pip.mid] = size[0] > sizes[pip.mid][0] ? size : sizes[pip.mid];
    }
    return sizes;
  }

  /** Whether the stage is scrolled so that one can see it. @param {import('./layout.js').Rect} rect */
  #inSight({ y, height }) {
    const { scrollTop, clientHeight } = this.#stage;
    return y < scrollTop + clientHeight && y + height > scrollTop;
  }

  /** A window that goes to another screen keeps its size but not its pixels; one question is for one ratio. */
  #watchRatio() {
    this.#ratioListeners.close();
    this.#ratioListeners.on(matchMedia(`(resolution: ${devicePixelRatio}dppx)`), 'change', () => {
      this.#watchRatio();
      this.#soon();
    });
  }

  #soon() {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#send();
    }, SETTLE_MS);
  }

  #send() {
    const sizes = this.sizes();
    const text = JSON.stringify(sizes);
    if (text !== this.#last && this.#meeting.reportTiles(sizes)) this.#last = text;
  }
}

/**
 * How large the whole picture is drawn in a box: a phone held upright fills a wide tile with a part of a picture that is much taller.
 * @param {HTMLVideoElement|null} video  that has no size before its first picture: then it is as large as the box
 * @param {{width: number, height: number}} box
 * @param {boolean} fills  the box, so that some of it is cut off; else all of it is seen
 */
function drawn(video, { width, height }, fills) {
  if (!video?.videoWidth || !video.videoHeight) return { width, height };
  const across = width / video.videoWidth;
  const down = height / video.videoHeight;
  const scale = fills ? Math.max(across, down) : Math.min(across, down);
  return { width: video.videoWidth * scale, height: video.videoHeight * scale };
}

/**
 * @param {{width: number, height: number}} size
 * @param {number} ratio  physical pixels for each one
 * @returns {[number, number]}
 */
function physical({ width, height }, ratio) {
  const size = (/** @type {number} */ n) => Math.min(Math.max(Math.round(n * ratio), 1), MAX_SIZE);
  return [size(width), size(height)];
}
