// What was written in this meeting, as far as we may read it; kept only while the page is open.

/** Older messages are forgotten: a page that stays open for days must not grow. */
const MAX_KEPT = 500;

/**
 * @typedef {object} Entry
 * @property {string} key
 * @property {'chat'|'announcement'} kind
 * @property {number|null} from
 * @property {number|null} to
 * @property {boolean} toStaff
 * @property {import('../types.js').Place} place
 * @property {number} at
 * @property {string} text
 * @property {boolean} earlier  written before we came
 */

/** Events: `change`; `arrived` (detail: Entry; somebody else wrote just now). */
export class ChatLog extends EventTarget {
  /** @type {Entry[]} */
  entries = [];
  unread = 0;
  /** Somebody reads: what arrives counts as read. */
  reading = false;
  #announcements = 0;

  /**
   * @param {import('../types.js').ChatMessage} message
   * @param {boolean} earlier
   * @param {boolean} own
   */
  chat({ id, from, to, to_staff: toStaff, place, at, text }, earlier, own) {
    const key = `c${id}:${at}`; // ids begin anew when the room does
    if (this.entries.some((entry) => entry.key === key)) return; // told again after a reconnect
    this.#add({ key, kind: 'chat', from, to, toStaff, place, at, text, earlier }, own);
  }

  /** @param {import('../types.js').Announcement} message */
  announce({ from, at, text }) {
    this.#announcements += 1;
    this.#add({ key: `a${this.#announcements}`, kind: 'announcement', from, to: null, toStaff: false, place: null, at, text, earlier: false }, false);
  }

  markRead() {
    this.unread = 0;
    this.dispatchEvent(new Event('change'));
  }

  /**
   * @param {Entry} entry
   * @param {boolean} own
   */
  #add(entry, own) {
    this.entries.push(entry);
    this.entries.sort((a, b) => a.at - b.at);
    this.entries.splice(0, this.entries.length - MAX_KEPT);
    const fresh = !own && !entry.earlier;
    if (fresh && !this.reading) this.unread += 1;
    this.dispatchEvent(new Event('change'));
    if (fresh) this.dispatchEvent(new CustomEvent('arrived', { detail: entry }));
  }
}
