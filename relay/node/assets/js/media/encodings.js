// What a camera or a screen is encoded as: simulcast layers, bit rates; and which codecs and extensions are offered.

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
 * Codecs that the relay forwards, in the one form of each that browsers share. All forms of all codecs, on every m-line, would
 * make the offer of a large meeting longer than the relay reads.
 * @param {{mimeType: string, sdpFmtpLine?: string}} codec
 */
function isUseful({ mimeType, sdpFmtpLine = '' }) {
  switch (mimeType.toLowerCase()) {
    case 'audio/opus':
    case 'audio/red':
    case 'video/vp8':
    case 'video/rtx':
      return true;
    case 'video/vp9':
      return !/profile-id=[1-3]/.test(sdpFmtpLine);
    case 'video/av1':
      return !/profile=[12]/.test(sdpFmtpLine);
    case 'video/h264':
      // Constrained baseline and constrained high, packets in mode 1.
      return /packetization-mode=1/.test(sdpFmtpLine) && /profile-level-id=(42e0|640c)/i.test(sdpFmtpLine);
    default:
      return false;
  }
}

/** Header extensions nobody reads on a slot. */
const IDLE_EXTENSIONS = /toffset|video-timing|color-space|video-content-type|rtp-stream-id$/;

/**
 * Makes an m-line offer no more than is useful; a codec asked for comes first, the others stay as common ground.
 * @param {RTCRtpTransceiver} transceiver
 * @param {'audio'|'video'} kind
 * @param {string|null} first  `vp8`, `h264`, `vp9`, `av1`; null leaves the browser's order
 */
export function trim(transceiver, kind, first) {
  const useful = (RTCRtpReceiver.getCapabilities(kind)?.codecs ?? []).filter(isUseful);
  const isFirst = (/** @type {{mimeType: string}} */ c) => first !== null && c.mimeType.toLowerCase() === `video/${first}`;
  const sorted = [...useful.filter(isFirst), ...useful.filter((c) => !isFirst(c))];
  if (sorted.length > 0) transceiver.setCodecPreferences?.(sorted);
  const extended = /** @type {any} */ (transceiver); // not known to every browser, nor to the type library
  if (transceiver.direction !== 'recvonly' || !extended.setHeaderExtensionsToNegotiate) return;
  const extensions = extended.getHeaderExtensionsToNegotiate();
  for (const extension of extensions) if (IDLE_EXTENSIONS.test(extension.uri)) extension.direction = 'stopped';
  extended.setHeaderExtensionsToNegotiate(extensions);
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
