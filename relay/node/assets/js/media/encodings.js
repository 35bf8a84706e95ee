// What a camera or a screen is encoded as: simulcast layers, scalable streams, bit rates.

/** Simulcast, highest first: the order tells the relay what is preferred. Bit rates in bit/s: of 720, 360 and 180 lines. */
const CAMERA_LAYERS = [
  { rid: 'h', scaleResolutionDownBy: 1, maxBitrate: 1_400_000 },
  { rid: 'm', scaleResolutionDownBy: 2, maxBitrate: 400_000 },
  { rid: 'l', scaleResolutionDownBy: 4, maxBitrate: 120_000 },
];
/**
 * A screen must stay sharp: who has the line gets all of it, and who has little gets pictures less often, not fewer of its lines, through
 * temporal layers. The second encoding is for a line that carries not even that, and for a tile where nobody could read it anyway.
 */
const SCREEN_LAYERS = [
  { rid: 'h', scaleResolutionDownBy: 1, maxBitrate: 2_500_000 },
  { rid: 'l', scaleResolutionDownBy: 2, maxBitrate: 350_000, maxFramerate: 5 },
];
/** Three layers in time: whoever has a poor line gets every second or fourth picture rather than a smaller one or none. */
const TEMPORAL = 'L1T3';

/**
 * @typedef {object} Manner  how pictures are encoded
 * @property {boolean} simulcast
 * @property {string|null} svc    e.g. `L3T3_KEY`: one scalable stream instead of simulcast
 */

/**
 * @param {'camera'|'screen'} source
 * @param {Manner} manner
 * @returns {import('../types.js').Encoding[]}
 */
export function encodingsOf(source, { simulcast, svc }) {
  const layers = source === 'camera' ? CAMERA_LAYERS : SCREEN_LAYERS;
  if (svc && source === 'camera') return [{ maxBitrate: layers[0].maxBitrate, scalabilityMode: svc }];
  // Without a mode of their own, browsers turn several VP9 or AV1 encodings into one spatially scalable stream.
  if (!simulcast) return [{ maxBitrate: layers[0].maxBitrate, scalabilityMode: TEMPORAL }];
  return layers.map((layer) => ({ ...layer, scalabilityMode: TEMPORAL }));
}

/**
 * One stream alone, made as small as is needed: its scale, and the most bits a second it may take.
 * @param {number} lines   of what is captured, the smaller dimension
 * @param {number} needed  of the largest picture anybody shows
 */
export function shrunk(lines, needed) {
  const fit = CAMERA_LAYERS.findLast(({ scaleResolutionDownBy: scale }) => lines / scale >= needed) ?? CAMERA_LAYERS[0];
  return { scale: fit.scaleResolutionDownBy, bitrate: fit.maxBitrate };
}
