// The most important picture in a small window of its own, above other programs: through the browser's document window, or its
// video window where there is only that.

import { h } from '../ui/dom.js';
import { t } from '../words/i18n.js';
import { Listeners } from '../ui/listeners.js';
import { Picture } from './picture.js';

/** First size of the window, px; the person may change it. */
const SIZE = { width: 360, height: 203 };

/** @typedef {{requestWindow: (options: {width: number, height: number}) => Promise<Window>}} DocumentWindows */

/** Events: `change` (opened, closed, resized, or another person is shown). */
export class PictureInPicture extends EventTarget {
  #stage;
  /** @type {Window|null} */
  #window = null;
  /** The browser's own window stays with the tile it was opened for. @type {{tile: import('./tiles.js').MeetingTile, size: PictureInPictureWindow}|null} */
  #video = null;
  #name = h('p', { class: 'pip-name' });
  #frame = h('div', { class: 'pip-frame' });
  #picture = new Picture(this.#frame);
  #listeners = new Listeners();

  /** @param {import('./stage.js').MeetingStage} stage */
  constructor(stage) {
    super();
    this.#stage = stage;
    this.#frame.append(this.#name);
    this.#listeners.on(stage, 'placed', () => this.#follow());
  }

  /** Whether the browser has any such window. */
  static get supported() {
    return 'documentPictureInPicture' in window || document.pictureInPictureEnabled === true;
  }

  get open() {
    return this.#window !== null || this.#video !== null;
  }

  /** Must be called from a click or a key. */
  async toggle() {
    if (this.open) {
      this.stop();
      return;
    }
    try {
      if ('documentPictureInPicture' in window) await this.#openDocument(/** @type {any} */ (window).documentPictureInPicture);
      else await this.#openVideo();
    } catch (error) {
      console.warn('no picture in picture:', error); // refused by the browser; the person sees that nothing opened
    }
  }

  stop() {
    this.#window?.close();
    if (this.#video) document.exitPictureInPicture().catch(() => {}); // closed by the person meanwhile
  }

  close() {
    this.stop();
    this.#listeners.close();
  }

  /** What is shown there, and how large. */
  shown() {
    const tile = this.#video?.tile ?? this.#stage.mainTile;
    const mid = tile?.state?.mid;
    if (!mid) return null;
    const { video } = tile;
    if (this.#window) return { mid, video, width: this.#window.innerWidth, height: this.#window.innerHeight, ratio: this.#window.devicePixelRatio };
    return this.#video ? { mid, video, width: this.#video.size.width, height: this.#video.size.height, ratio: devicePixelRatio } : null;
  }

  /** @param {DocumentWindows} windows */
  async #openDocument(windows) {
    const opened = await windows.requestWindow(SIZE);
    this.#window = opened;
    for (const sheet of ['css/base.css', 'css/pip.css']) {
      opened.document.head.append(h('link', { rel: 'stylesheet', href: new URL(sheet, document.baseURI).href }));
    }
    opened.document.title = t('pip');
    opened.document.documentElement.lang = document.documentElement.lang;
    opened.document.body.append(this.#frame);
    opened.addEventListener('resize', () => this.dispatchEvent(new Event('change')));
    opened.addEventListener('pagehide', () => {
      this.#window = null;
      this.#picture.show(null);
      this.dispatchEvent(new Event('change'));
    });
    this.#follow();
  }

  async #openVideo() {
    const tile = this.#stage.mainTile;
    const video = tile?.video;
    if (!tile || !video) return;
    video.disablePictureInPicture = false;
    video.addEventListener('leavepictureinpicture', () => {
      this.#video = null;
      this.dispatchEvent(new Event('change'));
    }, { once: true });
    const size = await video.requestPictureInPicture();
    size.addEventListener('resize', () => this.dispatchEvent(new Event('change')));
    this.#video = { tile, size };
    this.dispatchEvent(new Event('change'));
  }

  #follow() {
    if (!this.#window) return;
    const tile = this.#stage.mainTile;
    this.#picture.show(tile?.track ?? null);
    this.#frame.classList.toggle('mirrored', tile?.state?.mirrored ?? false);
    this.#name.textContent = tile?.state?.name ?? '';
    this.dispatchEvent(new Event('change'));
  }
}
