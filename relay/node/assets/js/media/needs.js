// What anybody needs of our pictures, applied to what is sent: layers that nobody looks at are not encoded, and come back at once.

import { shrunk } from './encodings.js';

/** @typedef {import('../types.js').Encoding} Encoding */
/** @typedef {import('../types.js').Needed} Needed */
/** @typedef {import('../types.js').Source} Source */

/** So little is always tried: an encoder with less makes nothing one can look at. Bit/s. */
const LEAST_BITRATE = 50_000;
/** `L3T3_KEY`: three spatial layers, each of twice the lines of the one below. */
const SCALABLE = /^L([1-3])(T[1-3])(_KEY)?$/;

/** Changes are made one at a time, since a browser refuses the second of two that overlap; what is needed last is what stays. */
export class Needs {
  /** @type {Map<Source, Needed>} */
  #needed = new Map();
  /** @type {Map<Source, {sender: RTCRtpSender, made: Encoding[]}>} */
  #senders = new Map();
  #work = Promise.resolve();

  /**
   * @param {Source} source
   * @param {RTCRtpSender} sender
   * @param {Encoding[]} made  what it was made with: what is sent when all of it is needed
   */
  add(source, sender, made) {
    this.#senders.set(source, { sender, made });
  }

  /** @param {Needed[]} sources  the relay's word */
  told(sources) {
    for (const needed of sources) {
      this.#needed.set(needed.source, needed);
      this.again(needed.source);
    }
  }

  /** A new offer, or another track: all of them, or the source in question. @param {Source} [source] */
  again(source) {
    const sources = source ? [source] : [...this.#senders.keys()];
    for (const each of sources) this.#work = this.#work.then(() => this.#apply(each));
    return this.#work;
  }

  /** @param {Source} source */
  async #apply(source) {
    const { sender, made } = this.#senders.get(source) ?? { sender: null, made: [] };
    if (!sender) return;
    const parameters = sender.getParameters();
    const before = JSON.stringify(parameters);
    const needed = this.#needed.get(source);
    if (needed && parameters.encodings?.length === made.length) {
      const lines = linesOf(sender.track);
      parameters.encodings.forEach((encoding, i) => Object.assign(encoding, wanted(needed, made[i], made.length, lines)));
    }
    // Text on a shared screen must stay sharp: rather fewer frames than fewer pixels.
    if (source === 'screen') Object.assign(parameters, { degradationPreference: 'maintain-resolution' });
    if (JSON.stringify(parameters) === before) return;
    // Nothing a person could do about it: then more is sent than is needed.
    await sender.setParameters(parameters).catch((error) => console.warn(`what is sent of the ${source} stays as it was:`, error));
  }
}

/**
 * How one encoding is sent.
 * @param {Needed} needed
 * @param {Encoding} made
 * @param {number} count  of encodings
 * @param {number} lines  of what is captured; 0: not known
 * @returns {Partial<Encoding>}
 */
function wanted(needed, made, count, lines) {
  const active = needed.layers.find(({ rid }) => rid === made.rid)?.active ?? needed.height > 0;
  const most = Math.max(needed.max_bitrate ?? Infinity, LEAST_BITRATE);
  const limit = (/** @type {number} */ bitrate) => ({ maxBitrate: Math.min(bitrate, most) });
  if (count > 1) return { active, ...limit(made.maxBitrate ?? most) };
  if (!active || lines === 0 || needed.source === 'screen') return { active, ...limit(made.maxBitrate ?? most) };
  const { scale, bitrate } = shrunk(lines, needed.height);
  const [, spatial, temporal, key = ''] = SCALABLE.exec(made.scalabilityMode ?? '') ?? [];
  if (!spatial || spatial === '1') return { active, ...limit(bitrate), scaleResolutionDownBy: scale };
  // The upper layers of a scalable stream go, those that stay keep their sizes.
  const left = Math.max(Number(spatial) - Math.log2(scale), 1);
  return { active, ...limit(bitrate), scaleResolutionDownBy: scale, scalabilityMode: `L${left}${temporal}${left > 1 ? key : ''}` };
}

/** @param {MediaStreamTrack|null} track */
function linesOf(track) {
  const { width = 0, height = 0 } = track?.getSettings() ?? {};
  return Math.min(width, height);
}
