// Writes connection details into the tiles that ask for them, once a second, and does nothing while none does.

import { lang, t } from '../words/i18n.js';
import { bitrate, lossBetween, read } from '../media/stats.js';

/** @typedef {import('../media/stats.js').Reading} Reading */
/** @typedef {import('./tiles.js').MeetingTile} MeetingTile */
/** @typedef {[string, string][]} Lines */

const EVERY_MS = 1000;

/** What browsers count sound in. */
const SAMPLES_PER_SECOND = 48_000;

export class Details {
  #meeting;
  #tiles;
  /** @type {Reading|null} */
  #before = null;
  /** @type {number|undefined} */
  #timer;

  /**
   * @param {import('../call/meeting.js').Meeting} meeting
   * @param {() => MeetingTile[]} tiles
   */
  constructor(meeting, tiles) {
    this.#meeting = meeting;
    this.#tiles = tiles;
  }

  /** Starts or stops reading, as the tiles need. */
  refresh() {
    const needed = this.#tiles().some((tile) => tile.detailsShown);
    if (needed && this.#timer === undefined) {
      this.#timer = setInterval(() => void this.#update(), EVERY_MS);
      void this.#update();
    } else if (!needed) {
      this.stop();
    }
  }

  stop() {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#before = null;
  }

  async #update() {
    const { session } = this.#meeting;
    if (!session) return;
    const now = await read(session.pc);
    const before = this.#before;
    this.#before = now;
    for (const tile of this.#tiles()) {
      if (!tile.detailsShown || !tile.state) continue;
      tile.showDetails(tile.state.you ? ownLines(now, before, session.sources()) : this.#linesOf(tile.state, now, before));
    }
  }

  /**
   * @param {import('./tiles.js').TileState} state
   * @param {Reading} now
   * @param {Reading|null} before
   * @returns {Lines}
   */
  #linesOf(state, now, before) {
    const slot = state.participant === null ? null : this.#meeting.slotOf(state.participant, state.source);
    const sound = state.participant === null ? null
      : this.#meeting.slotOf(state.participant, state.source === 'screen' ? 'screen_audio' : 'microphone');
    /** @type {Lines} */
    const lines = [];
    const video = now.inbound.find((s) => s.mid === slot?.mid);
    if (video) {
      lines.push([t('d_picture'), join(size(video), fps(video), video.codec)]);
      lines.push([t('d_bitrate'), rateLine(video, now, before)]);
      lines.push([t('d_loss'), percent(lossBetween(video, before?.inbound.find((s) => s.mid === video.mid)))]);
      if (slot?.layer) lines.push([t('d_layer'), t(`layer_${slot.layer}`)]);
      lines.push([t('d_quality'), t(`quality_${slot?.limited ?? 'fits'}`)]);
      if (video.freezeCount > 0) lines.push([t('d_freezes'), `${video.freezeCount} (${decimal(video.totalFreezesDuration)} s)`]);
    } else {
      lines.push([t('d_picture'), t('d_none')]);
      if (slot?.limited) lines.push([t('d_quality'), t(`quality_${slot.limited}`)]);
    }
    const audio = now.inbound.find((s) => s.mid === sound?.mid);
    if (audio) {
      const earlier = before?.inbound.find((s) => s.mid === audio.mid);
      const loss = lossBetween(audio, earlier);
      lines.push([t('d_sound'), join(rateLine(audio, now, before), audio.codec, loss === null ? null : t('d_lost', { loss: percent(loss) }))]);
      const concealed = concealedBetween(audio, earlier);
      if (concealed !== null && concealed > 0) lines.push([t('d_concealed'), percent(concealed)]);
    }
    lines.push([t('d_rtt'), milliseconds(now.rtt)]);
    return lines;
  }
}

/**
 * Share of the sound that the browser made up, because nothing was there to be played.
 * @param {import('../media/stats.js').Inbound} now
 * @param {import('../media/stats.js').Inbound|undefined} before
 */
function concealedBetween(now, before) {
  const played = now.totalSamplesDuration - (before?.totalSamplesDuration ?? 0);
  const concealed = (now.concealedSamples - (before?.concealedSamples ?? 0)) / SAMPLES_PER_SECOND;
  return before && played > 0 ? concealed / played : null;
}

/**
 * What we send: one line for each layer.
 * @param {Reading} now
 * @param {Reading|null} before
 * @param {Record<string, import('../types.js').Source>} sources
 * @returns {Lines}
 */
function ownLines(now, before, sources) {
  /** @type {Lines} */
  const lines = [];
  const sent = now.outbound.filter((s) => s.bytesSent > 0);
  for (const s of sent) {
    const earlier = before?.outbound.find((b) => b.mid === s.mid && b.rid === s.rid);
    const rate = bitrate(s.bytesSent, earlier?.bytesSent, now.at - (before?.at ?? 0));
    const name = join(t(`source_${sources[s.mid] ?? 'camera'}`), s.rid && t(`layer_${s.rid}`));
    lines.push([name, s.kind === 'audio' ? join(kilobits(rate), s.codec) : join(size(s), fps(s), kilobits(rate), s.codec)]);
  }
  const worst = sent.reduce((/** @type {number|null} */ max, s) => (s.lost === null ? max : Math.max(max ?? 0, s.lost)), null);
  lines.push([t('d_loss'), percent(worst)]);
  lines.push([t('d_rtt'), milliseconds(now.rtt)]);
  if (now.availableOut !== null) lines.push([t('d_available'), kilobits(now.availableOut)]);
  const limit = sent.find((s) => s.limited === 'cpu' || s.limited === 'bandwidth')?.limited;
  if (limit) lines.push([t('d_limited'), t(`limited_${limit}`)]);
  if (now.path) lines.push([t('d_path'), now.path]);
  return lines;
}

/**
 * @param {import('../media/stats.js').Inbound} stat
 * @param {Reading} now
 * @param {Reading|null} before
 */
function rateLine(stat, now, before) {
  const earlier = before?.inbound.find((s) => s.mid === stat.mid);
  return kilobits(bitrate(stat.bytesReceived, earlier?.bytesReceived, now.at - (before?.at ?? 0)));
}

/** @param {...(string|null|undefined)} parts */
function join(...parts) {
  return parts.filter(Boolean).join(' · ');
}

/** @param {{frameWidth: number, frameHeight: number}} s */
function size(s) {
  return s.frameWidth > 0 ? `${s.frameWidth}×${s.frameHeight}` : null;
}

/** @param {{framesPerSecond: number}} s */
function fps(s) {
  return s.framesPerSecond > 0 ? t('d_fps', { fps: Math.round(s.framesPerSecond) }) : null;
}

/** @param {number|null} bits */
function kilobits(bits) {
  return bits === null ? '…' : `${Math.round(bits / 1000)} kbit/s`;
}

/**
 * With one decimal, as the language writes it.
 * @param {number} value
 */
function decimal(value) {
  return value.toLocaleString(lang(), { minimumFractionDigits: 1, maximumFractionDigits: 1 });
}

/** @param {number|null} fraction */
function percent(fraction) {
  return fraction === null ? '–' : `${decimal(fraction * 100)} %`;
}

/** @param {number|null} seconds */
function milliseconds(seconds) {
  return seconds === null ? '–' : `${Math.round(seconds * 1000)} ms`;
}
