// <meeting-stage>: keeps one tile for each person and each shared screen, and places them.

import { h } from './dom.js';
import { arrange } from './layout.js';
import { TEST } from './media.js';
import { MeetingTile } from './tiles.js';

/** @typedef {import('./tiles.js').TileState} TileState */
/** @typedef {import('./types.js').Participant} Participant */

/**
 * After a slot went from one person to another, frames of the first may still be under way (`slots` and media travel apart).
 * They must not be seen under the other's name.
 */
const SETTLE_MS = 250;

export class MeetingStage extends HTMLElement {
  /** @type {Map<string, MeetingTile>} by `participant:source` */
  #tiles = new Map();
  /** @type {Map<string, {key: string, since: number}>} who was put into each slot, and when, if somebody else was there before */
  #occupants = new Map();
  #details = false;
  #field = h('div', { class: 'tiles' });
  #alone = h('div', { class: 'alone' }, h('p', { class: 'alone-title', t: 'alone_title' }), h('p', { t: 'alone_text' }));
  #resize = new ResizeObserver(() => this.#place());

  /**
   * @param {import('./meeting.js').Meeting} meeting
   * @param {import('./media.js').LocalMedia} media
   */
  constructor(meeting, media) {
    super();
    this.meeting = meeting;
    this.media = media;
    const render = () => this.#render();
    for (const type of ['people', 'slots', 'session']) meeting.addEventListener(type, render);
  }

  connectedCallback() {
    if (!this.#field.isConnected) this.append(this.#field, this.#alone);
    this.#resize.observe(this);
    this.#render();
  }

  disconnectedCallback() {
    this.#resize.disconnect();
  }

  /** @param {boolean} shown  on all tiles, and on those still to come */
  showDetails(shown) {
    this.#details = shown;
    for (const tile of this.tiles()) tile.toggleDetails(shown);
  }

  tiles() {
    return [...this.#tiles.values()];
  }

  #render() {
    if (this.meeting.session === null) return; // the meeting is over; what is seen stays until the view goes
    this.#noteOccupants();
    /** @type {Map<string, TileState>} */
    const wanted = new Map();
    for (const person of this.meeting.roster()) {
      const you = person.id === this.meeting.self;
      if (person.sources.includes('screen') && !you) wanted.set(`${person.id}:screen`, this.#state(person, 'screen'));
      wanted.set(`${person.id}:camera`, you ? this.#ownState(person) : this.#state(person, 'camera'));
    }
    for (const [key, tile] of this.#tiles) {
      if (wanted.has(key)) continue;
      tile.remove();
      this.#tiles.delete(key);
    }
    for (const [key, state] of wanted) (this.#tiles.get(key) ?? this.#add(key, state)).update(state);
    this.#place();
  }

  /**
   * In the document: screens first, ourselves last, so that reading order and what is seen agree. Nothing is ever moved.
   * @param {string} key
   * @param {TileState} state
   */
  #add(key, state) {
    const tile = new MeetingTile();
    const tiles = /** @type {MeetingTile[]} */ ([...this.#field.children]);
    const before = state.source === 'screen'
      ? tiles.find((other) => other.state?.source !== 'screen')
      : tiles.find((other) => other.state?.you && !state.you);
    tile.state = state;
    this.#field.insertBefore(tile, before ?? null);
    this.#tiles.set(key, tile);
    if (this.#details) tile.toggleDetails(true);
    return tile;
  }

  /**
   * @param {Participant} person
   * @param {'camera'|'screen'} source
   * @returns {TileState}
   */
  #state(person, source) {
    const mid = this.meeting.slotOf(person.id, source)?.mid ?? null;
    const since = mid === null ? 0 : (this.#occupants.get(mid)?.since ?? 0);
    return {
      participant: person.id,
      source,
      name: person.name,
      you: false,
      microphone: person.sources.includes('microphone'),
      flows: person.sources.includes(source),
      speaking: this.meeting.speaker === person.id && source === 'camera' && person.sources.includes('microphone'),
      mirrored: false,
      mid,
      track: mid === null ? null : (this.meeting.session?.slotTrack(mid) ?? null),
      settle: Math.max(since + SETTLE_MS - performance.now(), 0),
    };
  }

  /**
   * @param {Participant} person
   * @returns {TileState}
   */
  #ownState(person) {
    const { track, choice } = this.media.inputs.video;
    return {
      ...this.#state(person, 'camera'),
      you: true,
      mirrored: choice !== TEST,
      mid: null,
      track,
      settle: 0,
    };
  }

  #noteOccupants() {
    for (const { mid, participant, source } of this.meeting.slots) {
      if (participant === null) continue; // an emptied slot still holds the last frame of whoever left it
      const key = `${participant}:${source}`;
      const before = this.#occupants.get(mid);
      if (before?.key !== key) this.#occupants.set(mid, { key, since: before ? performance.now() : 0 });
    }
  }

  #place() {
    const { clientWidth, clientHeight } = this;
    if (clientWidth === 0) return;
    const tiles = /** @type {MeetingTile[]} */ ([...this.#field.children]);
    const screens = tiles.filter((tile) => tile.state?.source === 'screen').length;
    const others = tiles.length - screens - 1;
    const { mode, rects, height } = arrange(screens, others, clientWidth, clientHeight);
    this.dataset.mode = mode;
    this.#field.style.height = `${height}px`;
    tiles.forEach((tile, i) => {
      const rect = rects[i];
      tile.style.left = `${rect.x}px`;
      tile.style.top = `${rect.y}px`;
      tile.style.width = `${rect.width}px`;
      tile.style.height = `${rect.height}px`;
    });
  }
}

customElements.define('meeting-stage', MeetingStage);
