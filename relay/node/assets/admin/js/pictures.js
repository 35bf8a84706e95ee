// What is published and what is shown: the layers of each source, and what each slot gets of them.

import { bitrate, count, loss } from './format.js';
import { known, t } from './language.js';
import { Table } from './table.js';

/**
 * @typedef {{rid: string|null, packets: number, lost: number, bits_per_second: number, height: number|null, wanted: boolean,
 *   keyframe_requests: number, keyframe_wishes: {start: number, switch: number, loss: number}}} Layer
 * @typedef {{source: string, active: boolean, wanted_height: number|null, max_bits_per_second: number|null, layers: Layer[]}} Publication
 * @typedef {{height: number, pictures_per_second: number, spatial: number, temporal: number, bits_per_second: number}} Granted
 * @typedef {{mid: string, participant: number|null, source: string|null, layer: string|null, granted: Granted|null, shown: number|null,
 *   limited: string|null, packets: number, resent: number}} Slot
 */

/** @param {number|null} participant */
export const id = (participant) => (participant === null ? '–' : String(participant));
/** @param {string|null} source */
export const sourceName = (source) => (source === null ? '–' : t(`source_${source}`));
/** @param {number|null} height */
const lines = (height) => (height === null ? '–' : count(height));
/** @param {boolean} yes */
const yesNo = (yes) => (yes ? t('yes') : { text: t('no'), tone: /** @type {const} */ ('soft') });

/** Lines, pictures a second, layers in space and time. @param {Granted|null} granted */
export function gets(granted) {
  if (granted === null) return '–';
  const { height, pictures_per_second: fps, spatial, temporal, bits_per_second: rate } = granted;
  return t('granted_as', { height: count(height), fps: count(fps), layers: `S${spatial} T${temporal}`, rate: bitrate(rate) });
}

/** Whether anybody needs the layer, and how large the largest picture of it is. @param {{height: number|null, layer: Layer|null}} row */
function wanted({ height, layer }) {
  if (!layer || height === null) return '–';
  return layer.wanted && height > 0 ? t('wanted_at', { height: count(height) }) : yesNo(false);
}

/** Who began to watch, changed the layer, lost the picture. @param {Layer} layer */
function wishes({ keyframe_wishes: { start, switch: change, loss: lost } }) {
  return [start, change, lost].map(count).join(' / ');
}

/** @param {Slot} slot */
function limit({ limited, shown, layer }) {
  if (limited !== null) return known(`limited_${limited}`) ? t(`limited_${limited}`) : limited;
  return shown === null || layer === null ? '–' : t('limited_fits');
}

/**
 * One row for each layer; one without figures for a source of which nothing came yet.
 * @param {import('./room.js').Person} person
 */
export function layersOf(person) {
  return person.publications.flatMap((publication) => {
    const { source, active } = publication;
    /** @type {(Layer|null)[]} */
    const layers = publication.layers.length > 0 ? publication.layers : [null];
    const { wanted_height: height, max_bits_per_second: most } = publication;
    return layers.map((layer) => ({ participant: person.participant, source, active, height, most, layer }));
  });
}

/** @returns {Table<{participant: number, source: string, active: boolean, height: number|null, most: number|null, layer: Layer|null}>} */
export function publicationsTable() {
  return new Table({
    caption: t('publications'),
    note: t('publications_note'),
    empty: t('publications_none'),
    key: (row) => `${row.participant} ${row.source} ${row.layer?.rid ?? ''}`,
    columns: [
      { label: t('participant'), kind: 'code', cell: (row) => id(row.participant) },
      { label: t('source'), cell: (row) => sourceName(row.source) },
      { label: t('layer'), kind: 'code', cell: (row) => row.layer?.rid ?? '–' },
      { label: t('height'), kind: 'number', cell: (row) => lines(row.layer?.height ?? null) },
      { label: t('wanted'), cell: (row) => wanted(row) },
      { label: t('most'), kind: 'number', cell: (row) => bitrate(row.most) },
      { label: t('flows'), cell: (row) => yesNo(row.active) },
      { label: t('bitrate'), kind: 'number', cell: (row) => bitrate(row.layer?.bits_per_second) },
      { label: t('packets'), kind: 'number', cell: (row) => count(row.layer?.packets) },
      { label: t('lost'), kind: 'number', cell: (row) => count(row.layer?.lost) },
      { label: t('loss'), kind: 'number', cell: (row) => (row.layer ? loss(row.layer.lost, row.layer.packets) : '–') },
      { label: t('keyframes'), kind: 'number', cell: (row) => count(row.layer?.keyframe_requests) },
      { label: t('wishes'), kind: 'number', cell: (row) => (row.layer ? wishes(row.layer) : '–') },
    ],
  });
}

/** @returns {Table<Slot & {viewer: number}>} */
export function slotsTable() {
  return new Table({
    caption: t('slots'),
    note: t('slots_note'),
    empty: t('slots_none'),
    key: (row) => `${row.viewer} ${row.mid}`,
    columns: [
      { label: t('viewer'), kind: 'code', cell: (row) => id(row.viewer) },
      { label: t('slot'), kind: 'code', cell: (row) => row.mid },
      { label: t('shows'), kind: 'code', cell: (row) => (row.participant === null ? { text: t('nobody'), tone: 'soft' } : id(row.participant)) },
      { label: t('source'), cell: (row) => sourceName(row.source) },
      { label: t('layer'), kind: 'code', cell: (row) => row.layer ?? '–' },
      { label: t('shown_at'), kind: 'number', cell: (row) => (row.shown === 0 ? { text: t('out_of_sight'), tone: 'soft' } : lines(row.shown)) },
      { label: t('granted'), kind: 'text', cell: (row) => gets(row.granted) },
      { label: t('limited'), kind: 'text', cell: (row) => limit(row) },
      { label: t('packets'), kind: 'number', cell: (row) => count(row.packets) },
      { label: t('resent'), kind: 'number', cell: (row) => count(row.resent) },
    ],
  });
}
