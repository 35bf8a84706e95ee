// <meeting-stage>: keeps one tile for each person and each shared screen, and places them as the relay's scene says.

import { h } from '../ui/dom.js';
import { arrange } from './layout.js';
import { lineup } from './lineup.js';
import { Listeners } from '../ui/listeners.js';
import { language, t } from '../words/i18n.js';
import { TEST } from '../media/media.js';
import { MeetingTile } from './tiles.js';

/** @typedef {import('./lineup.js').Seat} Seat */
/** @typedef {import('./tiles.js').TileState} TileState */

/**
 * After a slot went from one person to another, frames of the first may still be under way (`slots` and media travel apart).
 * They must not be seen under the other's name.
 */
const SETTLE_MS = 250;

/** Events: `placed` (tiles came, went or changed their size); `picture` (what comes for one has another size), of the tile. */
export class MeetingStage extends HTMLElement {
  /** @type {Map<string, MeetingTile>} by `participant:source` */
  #tiles = new Map();
  /** @type {{mains: string[], smalls: string[], own: string|null}} keys of those that are shown, in order */
  #order = { mains: [], smalls: [], own: null };
  /** @type {Map<string, {key: string, since: number}>} who was put into each slot, and when, if somebody else was there before */
  #occupants = new Map();
  #details = false;
  #minimal = false;
  #field = h('div', { class: 'tiles' });
  #alone = h('div', { class: 'alone' }, h('p', { class: 'alone-title', t: 'alone_title' }), h('p', { t: 'alone_text' }));
  #more = h('p', { class: 'more-people', hidden: true });
  #resize = new ResizeObserver(() => this.#place());
  #listeners = new Listeners();

  /**
   * @param {import('../call/meeting.js').Meeting} meeting
   * @param {import('../media/media.js').LocalMedia} media
   */
  constructor(meeting, media) {
    super();
    this.meeting = meeting;
    this.media = media;
  }

  connectedCallback() {
    if (!this.#field.isConnected) this.append(this.#field, this.#alone, this.#more);
    this.#listeners.on(this.meeting, 'people slots session scene', () => this.#render());
    this.#listeners.on(language, 'change', () => this.#render());
    this.#resize.observe(this);
    this.#render();
  }

  disconnectedCallback() {
    this.#listeners.close();
    this.#resize.disconnect();
  }

  /** @param {boolean} shown  on all tiles, and on those still to come */
  showDetails(shown) {
    this.#details = shown;
    for (const tile of this.tiles()) tile.toggleDetails(shown);
  }

  /** Only the first large tile, so that a small window is of use beside another program. */
  set minimal(/** @type {boolean} */ minimal) {
    this.#minimal = minimal;
    this.#render();
  }

  tiles() {
    return [...this.#tiles.values()];
  }

  /** The tile that matters most: the first large one, else the first, else ourselves. */
  get mainTile() {
    const { mains, smalls, own } = this.#order;
    return this.#tiles.get(mains[0] ?? smalls[0] ?? own ?? '') ?? null;
  }

  #render() {
    if (this.meeting.session === null) return; // the meeting is over; what is seen stays until the view goes
    this.#noteOccupants();
    const { mains, smalls, more } = lineup(this.meeting);
    /** @type {Map<string, TileState>} */
    const wanted = new Map();
    for (const seat of [...mains, ...smalls]) wanted.set(keyOf(seat), this.#state(seat));
    const { self } = this.meeting;
    const own = self === null ? null : keyOf({ participant: self, source: 'camera' });
    if (self !== null && own !== null) wanted.set(own, this.#ownState(self));
    this.#order = { mains: mains.map(keyOf), smalls: smalls.map(keyOf), own };
    for (const [key, tile] of this.#tiles) {
      if (wanted.has(key)) continue;
      tile.remove();
      this.#tiles.delete(key);
    }
    for (const [key, state] of wanted) (this.#tiles.get(key) ?? this.#add(key, state)).update(state);
    // In one-way video the clinic sees us although nobody is to be seen; and others may be in a breakout.
    this.#alone.hidden = this.meeting.roster().length > 1 || this.meeting.present?.breakouts?.open === true || this.#seenByOthers();
    this.#more.hidden = more === 0 || this.#minimal;
    this.#more.textContent = t('more_people', { n: more });
    this.#place();
  }

  #seenByOthers() {
    const scene = this.meeting.present;
    return scene !== null && scene.direction === 'one_way' && scene.staff === undefined;
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
   * @param {Seat} seat
   * @returns {TileState}
   */
  #state({ participant, source }) {
    const { meeting } = this;
    const person = meeting.people.get(participant);
    const sources = person?.sources ?? [];
    const scene = meeting.present;
    const mid = meeting.slotOf(participant, source)?.mid ?? null;
    const since = mid === null ? 0 : (this.#occupants.get(mid)?.since ?? 0);
    const camera = source === 'camera';
    return {
      participant,
      source,
      name: meeting.nameOf(participant),
      you: false,
      microphone: sources.includes('microphone'),
      flows: sources.includes(source),
      speaking: meeting.speaker === participant && camera && sources.includes('microphone'),
      mirrored: false,
      mid,
      track: mid === null ? null : (meeting.session?.slotTrack(mid) ?? null),
      settle: Math.max(since + SETTLE_MS - performance.now(), 0),
      hand: camera ? (scene?.hands.indexOf(participant) ?? -1) + 1 : 0,
      pinned: camera && scene?.you.pin === participant,
      spotlight: camera && scene?.spotlight === participant,
      closed: '',
    };
  }

  /**
   * @param {number} self
   * @returns {TileState}
   */
  #ownState(self) {
    const { own } = this.meeting;
    const { track, choice } = this.media.inputs.video;
    const locked = own.isLocked('camera');
    return {
      ...this.#state({ participant: self, source: 'camera' }),
      you: true,
      microphone: own.flowing().includes('microphone'),
      flows: own.isOn('camera') && !locked,
      mirrored: choice !== TEST,
      mid: null,
      track,
      settle: 0,
      closed: locked ? 'locked_camera' : '',
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
    const { mains, smalls, own } = this.#order;
    const only = this.#minimal ? this.mainTile : null;
    const shown = only
      ? arrange(1, 0, false, clientWidth, clientHeight)
      : arrange(mains.length, smalls.length, own !== null, clientWidth, clientHeight);
    this.dataset.mode = only ? 'minimal' : shown.mode;
    this.#field.style.height = `${shown.height}px`;
    for (const tile of this.tiles()) tile.hidden = only !== null && tile !== only;
    if (only) stand(only, shown.mains[0]);
    else {
      mains.forEach((key, i) => stand(this.#tiles.get(key), shown.mains[i]));
      smalls.forEach((key, i) => stand(this.#tiles.get(key), shown.smalls[i]));
      if (own !== null) stand(this.#tiles.get(own), shown.own);
    }
    this.dispatchEvent(new Event('placed'));
  }
}

/** @param {Seat} seat */
function keyOf({ participant, source }) {
  return `${participant}:${source}`;
}

/**
 * @param {MeetingTile|undefined} tile
 * @param {import('./layout.js').Rect|null|undefined} rect
 */
function stand(tile, rect) {
  if (!tile || !rect) return;
  tile.rect = rect;
  tile.style.left = `${rect.x}px`;
  tile.style.top = `${rect.y}px`;
  tile.style.width = `${rect.width}px`;
  tile.style.height = `${rect.height}px`;
}

customElements.define('meeting-stage', MeetingStage);
