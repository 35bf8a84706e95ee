// Which codecs and header extensions an m-line offers.

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
