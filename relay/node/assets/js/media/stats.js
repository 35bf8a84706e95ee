// Reads getStats once and sorts it by m-line; computes rates between two readings.

/**
 * @typedef {object} Inbound  what arrives on a slot; counters since the slot exists
 * @property {string} mid
 * @property {'audio'|'video'} kind
 * @property {string|null} codec
 * @property {number} packetsReceived
 * @property {number} packetsLost
 * @property {number} bytesReceived
 * @property {number} framesDecoded
 * @property {number} keyFramesDecoded
 * @property {number} framesPerSecond
 * @property {number} frameWidth
 * @property {number} frameHeight
 * @property {number} freezeCount
 * @property {number} totalFreezesDuration  s
 * @property {number} totalAudioEnergy
 * @property {number} totalSamplesDuration  s
 * @property {number} concealedSamples
 * @property {number} jitter  s
 * @property {number} nackCount
 * @property {number} pliCount
 */

/**
 * @typedef {object} Outbound  one encoding that is sent
 * @property {string} mid
 * @property {string|null} rid
 * @property {'audio'|'video'} kind
 * @property {string|null} codec
 * @property {number} packetsSent
 * @property {number} bytesSent
 * @property {number} framesEncoded
 * @property {number} framesPerSecond
 * @property {number} frameWidth
 * @property {number} frameHeight
 * @property {string|null} limited  cpu, bandwidth, other, none
 * @property {string|null} encoder
 * @property {number|null} lost     fraction the relay reported lost, 0 to 1
 */

/**
 * @typedef {object} Reading
 * @property {number} at  ms
 * @property {number|null} rtt  s, of the path in use
 * @property {string|null} path  e.g. `udp host → host`
 * @property {number|null} availableOut  bit/s
 * @property {Inbound[]} inbound
 * @property {Outbound[]} outbound
 */

/**
 * @param {RTCPeerConnection} pc
 * @returns {Promise<Reading>}
 */
export async function read(pc) {
  const report = await pc.getStats();
  /** @type {Map<string, any>} */
  const all = new Map();
  report.forEach((value, key) => all.set(key, value));
  const codec = (/** @type {any} */ s) => all.get(s.codecId)?.mimeType?.split('/')[1] ?? null;
  const values = [...all.values()];
  const inbound = values.filter((s) => s.type === 'inbound-rtp').map((s) => inboundOf(s, codec(s), midOf(pc, s)));
  const outbound = values.filter((s) => s.type === 'outbound-rtp').map((s) => outboundOf(s, codec(s), all.get(s.remoteId)));
  return { at: performance.now(), ...pathOf(values, all), inbound, outbound };
}

/**
 * @param {RTCPeerConnection} pc
 * @param {any} s
 * @returns {string}
 */
function midOf(pc, s) {
  return s.mid ?? pc.getTransceivers().find((tr) => tr.receiver.track.id === s.trackIdentifier)?.mid ?? '';
}

/**
 * @param {any} s
 * @param {string|null} codec
 * @param {string} mid
 * @returns {Inbound}
 */
function inboundOf(s, codec, mid) {
  const n = (/** @type {string} */ key) => s[key] ?? 0;
  return {
    mid, kind: s.kind, codec,
    packetsReceived: n('packetsReceived'), packetsLost: n('packetsLost'), bytesReceived: n('bytesReceived'),
    framesDecoded: n('framesDecoded'), keyFramesDecoded: n('keyFramesDecoded'), framesPerSecond: n('framesPerSecond'),
    frameWidth: n('frameWidth'), frameHeight: n('frameHeight'),
    freezeCount: n('freezeCount'), totalFreezesDuration: n('totalFreezesDuration'),
    totalAudioEnergy: n('totalAudioEnergy'), totalSamplesDuration: n('totalSamplesDuration'),
    concealedSamples: n('concealedSamples'), jitter: n('jitter'), nackCount: n('nackCount'), pliCount: n('pliCount'),
  };
}

/**
 * @param {any} s
 * @param {string|null} codec
 * @param {any} remote  the relay's report about it
 * @returns {Outbound}
 */
function outboundOf(s, codec, remote) {
  const n = (/** @type {string} */ key) => s[key] ?? 0;
  return {
    mid: s.mid ?? '', rid: s.rid ?? null, kind: s.kind, codec,
    packetsSent: n('packetsSent'), bytesSent: n('bytesSent'),
    framesEncoded: n('framesEncoded'), framesPerSecond: n('framesPerSecond'),
    frameWidth: n('frameWidth'), frameHeight: n('frameHeight'),
    limited: s.qualityLimitationReason ?? null, encoder: s.encoderImplementation ?? null,
    lost: remote?.fractionLost ?? null,
  };
}

/**
 * @param {any[]} values
 * @param {Map<string, any>} all
 */
function pathOf(values, all) {
  const chosen = values.find((s) => s.type === 'transport')?.selectedCandidatePairId;
  const pair = all.get(chosen) ?? values.find((s) => s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded');
  if (!pair) return { rtt: null, path: null, availableOut: null };
  const local = all.get(pair.localCandidateId);
  const remote = all.get(pair.remoteCandidateId);
  return {
    rtt: pair.currentRoundTripTime ?? null,
    path: local && remote ? `${local.protocol} ${local.candidateType} → ${remote.candidateType}` : null,
    availableOut: pair.availableOutgoingBitrate ?? null,
  };
}

/**
 * Bits per second between two readings of a counter of bytes; null without an earlier one.
 * @param {number} bytes
 * @param {number|undefined} before
 * @param {number} ms
 */
export function bitrate(bytes, before, ms) {
  return before === undefined || ms <= 0 ? null : Math.max(((bytes - before) * 8000) / ms, 0);
}

/**
 * Fraction lost between two readings, 0 to 1; null when nothing arrived.
 * @param {Inbound} now
 * @param {Inbound|undefined} before
 */
export function lossBetween(now, before) {
  const lost = Math.max(now.packetsLost - (before?.packetsLost ?? 0), 0);
  const received = Math.max(now.packetsReceived - (before?.packetsReceived ?? 0), 0);
  return lost + received === 0 ? null : lost / (lost + received);
}
