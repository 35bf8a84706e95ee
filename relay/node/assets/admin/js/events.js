// What happened in the room lately, newest first.

import { get, path, Refused } from './api.js';
import { clock } from './format.js';
import { known, t } from './language.js';
import { Table } from './table.js';

/** Lines shown. */
const LINES = 50;

/**
 * @typedef {{type: 'service'}|{type: 'person', participant: number, role: string, pseudonym: string}} Party
 * @typedef {{seq: number, at: string, actor: Party|null, subject?: Party, type: string} & Record<string, any>} Line
 */

/** Fields of a line that have a column of their own, or are plain from the view. */
const COLUMNS = ['room', 'seq', 'at', 'actor', 'subject', 'type'];

export class EventsTable {
  /** @type {Table<Line>} */
  #table = new Table({
    caption: t('events'),
    note: t('events_note'),
    empty: t('events_none'),
    key: (line) => String(line.seq),
    columns: [
      { label: t('number'), kind: 'number', cell: (line) => String(line.seq) },
      { label: t('time'), cell: (line) => clock(new Date(line.at)) },
      { label: t('event'), cell: (line) => (known(`event_${line.type}`) ? t(`event_${line.type}`) : line.type) },
      { label: t('details'), kind: 'text', cell: details },
      { label: t('actor'), kind: 'code', cell: actor },
    ],
  });
  element = this.#table.element;

  /**
   * @param {string} room
   * @param {AbortSignal} signal
   */
  async refresh(room, signal) {
    try {
      const lines = await get(`${path('rooms', room, 'events')}?last=${LINES}`, signal);
      this.#table.update(lines.reverse());
    } catch (error) {
      // A log that cannot be read now must not hide the rest of the room.
      if (!(error instanceof Refused)) throw error;
    }
  }
}

/** @param {Line} line */
function actor({ actor }) {
  if (actor === null) return { text: t('actor_none'), tone: /** @type {const} */ ('soft') };
  return actor.type === 'service' ? t('actor_service') : String(actor.participant);
}

/** The change's own fields, as the API names them. @param {Line} line */
function details(line) {
  const fields = Object.entries(line).filter(([key, value]) => !COLUMNS.includes(key) && value !== null);
  return fields.map(([key, value]) => `${key} ${typeof value === 'object' ? JSON.stringify(value) : value}`).join(', ') || '–';
}
