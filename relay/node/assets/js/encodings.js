// What a camera or a screen is encoded as: simulcast layers, bit rates, and the order of codecs.

/** Highest first: the order tells the relay what is preferred. Bit rates in bit/s. */
const CAMERA_LAYERS = [
  { rid: 'h', scaleResolutionDownBy: 1, maxBitrate: 1_700_000 },
  { rid: 'm', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
  { rid: 'l', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
];
const SCREEN_BITRATE = 2_500_000;

/**
 * @param {boolean} simulcast
 * @param {string|null} codec
 * @returns {RTCRtpEncodingParameters[]}
 */
export function cameraEncodings(simulcast, codec) {
  if (!simulcast) return [{ maxBitrate: CAMERA_LAYERS[0].maxBitrate }];
  // Without a mode of their own, browsers turn several VP9 or AV1 encodings into one spatially scalable stream.
  const mode = codec === 'vp9' || codec === 'av1' ? { scalabilityMode: 'L1T3' } : {};
  return CAMERA_LAYERS.map((layer) => /** @type {RTCRtpEncodingParameters} */ ({ ...layer, ...mode }));
}

/** @returns {RTCRtpEncodingParameters[]} */
export function screenEncodings() {
  return [{ maxBitrate: SCREEN_BITRATE }];
}

/**
 * Puts one codec first. The others stay, so that a relay or a peer without it still finds common ground.
 * @param {RTCRtpTransceiver} transceiver
 * @param {string|null} codec  `vp8`, `h264`, `vp9`, `av1`; null leaves the browser's order
 */
export function preferCodec(transceiver, codec) {
  if (!codec || !transceiver.setCodecPreferences) return;
  const known = RTCRtpReceiver.getCapabilities('video')?.codecs ?? [];
  const wanted = known.filter((c) => c.mimeType.toLowerCase() === `video/${codec}`);
  if (wanted.length === 0) return;
  transceiver.setCodecPreferences([...wanted, ...known.filter((c) => !wanted.includes(c))]);
}

/**
 * Text on a shared screen must stay sharp: rather fewer frames than fewer pixels.
 * @param {RTCRtpSender} sender
 */
export async function keepSharp(sender) {
  const parameters = sender.getParameters();
  Object.assign(parameters, { degradationPreference: 'maintain-resolution' });
  await sender.setParameters(parameters).catch(() => {}); // not known everywhere; the content hint then has to do
}
