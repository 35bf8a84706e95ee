// The line to each person: what the relay thinks it carries, and what is given out of it.

import { bitrate, count, share } from './format.js';
import { known, t } from './language.js';
import { Table } from './table.js';

/**
 * @typedef {{estimate_bits_per_second: number, limit: string, loss: number, rtt_ms: number|null, queue_ms: number,
 *   granted_bits_per_second: number, wished_bits_per_second: number, sound_bits_per_second: number, sound_copies: number}} Line
 */

/** Pictures that wait so long are late for a conversation, ms. */
const LONG_QUEUE_MS = 100;

/** @param {number|null} ms */
const milliseconds = (ms) => (ms === null ? '–' : t('milliseconds', { ms: count(ms) }));

/** More is wished for than is given: in words too, not by colour alone. @param {Line} line */
function enough(line) {
  const less = line.granted_bits_per_second < line.wished_bits_per_second;
  return less ? { text: t('line_short'), tone: /** @type {const} */ ('bad') } : { text: t('line_enough'), tone: /** @type {const} */ ('good') };
}

/** @returns {Table<Line & {participant: number}>} */
export function linesTable() {
  return new Table({
    caption: t('lines'),
    note: t('lines_note'),
    empty: t('lines_none'),
    key: (row) => String(row.participant),
    columns: [
      { label: t('viewer'), kind: 'code', cell: (row) => String(row.participant) },
      { label: t('line_estimate'), kind: 'number', cell: (row) => bitrate(row.estimate_bits_per_second) },
      { label: t('line_limit'), cell: (row) => (known(`line_limit_${row.limit}`) ? t(`line_limit_${row.limit}`) : row.limit) },
      { label: t('loss'), kind: 'number', cell: (row) => share(row.loss) },
      { label: t('line_rtt'), kind: 'number', cell: (row) => milliseconds(row.rtt_ms) },
      {
        label: t('line_queue'), kind: 'number',
        cell: (row) => (row.queue_ms > LONG_QUEUE_MS ? { text: milliseconds(row.queue_ms), tone: 'bad' } : milliseconds(row.queue_ms)),
      },
      { label: t('line_wished'), kind: 'number', cell: (row) => bitrate(row.wished_bits_per_second) },
      { label: t('line_granted'), kind: 'number', cell: (row) => bitrate(row.granted_bits_per_second) },
      { label: t('line_state'), cell: enough },
      { label: t('line_sound'), kind: 'number', cell: (row) => bitrate(row.sound_bits_per_second) },
      { label: t('line_copies'), kind: 'number', cell: (row) => count(row.sound_copies) },
    ],
  });
}
