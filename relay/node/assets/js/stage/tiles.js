// <meeting-tile>: one person, or one shared screen: picture or initials, name, state, connection details on demand.

import { avatar, showAvatar } from './avatar.js';
import { h, setChildren } from '../ui/dom.js';
import { language, t } from '../words/i18n.js';
import { icon, setIcon } from '../ui/icons.js';
import { Picture } from './picture.js';

/**
 * @typedef {object} TileState
 * @property {number|null} participant
 * @property {'camera'|'screen'} source
 * @property {string} name
 * @property {boolean} you
 * @property {boolean} microphone  heard now
 * @property {boolean} flows       the source is on
 * @property {boolean} speaking
 * @property {boolean} mirrored
 * @property {string|null} mid     the slot, null for ourselves or without one
 * @property {MediaStreamTrack|null} track
 * @property {number} settle       see Picture.show
 * @property {number} hand         place among the raised hands, from 1; 0: not raised
 * @property {boolean} pinned      by ourselves
 * @property {boolean} spotlight   for all
 * @property {string} closed       dictionary key of why there is no picture, or empty
 */

export class MeetingTile extends HTMLElement {
  /** @type {TileState|null} */
  state = null;
  /** Where it stands, px; kept here because a transition may still be moving it. @type {import('./layout.js').Rect|null} */
  rect = null;
  #avatar = avatar();
  #name = h('span', { class: 'tile-name' });
  #muted = h('span', { class: 'tile-muted' }, icon('mic-off'));
  #handOrder = h('span');
  #hand = h('div', { class: 'tile-hand', 'aria-hidden': 'true', hidden: true }, icon('hand'), this.#handOrder);
  #pinIcon = icon('pin');
  #pin = h('span', { class: 'tile-pin' }, this.#pinIcon);
  #closed = h('p', { class: 'tile-closed', 'aria-hidden': 'true' });
  #menuButton = h('button', {
    type: 'button', class: 'tile-menu', 'aria-haspopup': 'menu',
    onclick: () => this.dispatchEvent(new CustomEvent('menu', { bubbles: true, detail: { tile: this, anchor: this.#menuButton } })),
  }, icon('more'));
  #details = h('dl', { class: 'tile-details', tabindex: '0', hidden: true }); // takes focus because it may have to scroll
  /** @type {Picture|null} */
  #picture = null;
  #relabel = () => this.#label();

  connectedCallback() {
    if (!this.#picture) {
      this.className = 'tile';
      this.setAttribute('role', 'group');
      this.append(this.#avatar);
      this.#picture = new Picture(this);
      this.#picture.video.addEventListener('resize', () => this.dispatchEvent(new Event('picture', { bubbles: true })));
      this.append(this.#closed, this.#hand, h('div', { class: 'tag', 'aria-hidden': 'true' }, this.#muted, this.#pin, this.#name), this.#details, this.#menuButton);
    }
    language.addEventListener('change', this.#relabel);
    if (this.state) this.update(this.state);
  }

  disconnectedCallback() {
    language.removeEventListener('change', this.#relabel);
    this.#picture?.show(null);
  }

  get detailsShown() {
    return !this.#details.hidden;
  }

  /** @param {boolean} [shown] */
  toggleDetails(shown = !this.detailsShown) {
    this.#details.hidden = !shown;
    this.dispatchEvent(new Event('details', { bubbles: true }));
  }

  /** The track that is shown, for a picture elsewhere. */
  get track() {
    return this.state?.flows ? this.state.track : null;
  }

  /** The element with the picture. */
  get video() {
    return this.#picture?.video ?? null;
  }

  /** @param {TileState} state */
  update(state) {
    this.state = state;
    this.dataset.participant = String(state.participant ?? '');
    this.dataset.source = state.source;
    this.dataset.mid = state.mid ?? '';
    this.classList.toggle('you', state.you);
    this.classList.toggle('speaking', state.speaking);
    this.classList.toggle('mirrored', state.mirrored);
    this.classList.toggle('muted', !state.microphone && state.source === 'camera');
    showAvatar(this.#avatar, state.name);
    this.#hand.hidden = state.hand === 0;
    this.#handOrder.textContent = String(state.hand);
    this.#pin.hidden = !state.pinned && !state.spotlight;
    setIcon(this.#pinIcon, state.spotlight ? 'star' : 'pin');
    this.#picture?.show(state.flows ? state.track : null, state.settle);
    this.#label();
  }

  /** @param {[string, string][]} lines  term and value */
  showDetails(lines) {
    const items = lines.map(([term, value]) => h('div', {}, h('dt', {}, term), h('dd', {}, value)));
    setChildren(this.#details, items);
  }

  #label() {
    const { state } = this;
    if (!state) return;
    const shown = state.you ? t('you', { name: state.name }) : state.name;
    const screen = state.source === 'screen';
    this.#name.textContent = screen ? t('screen_of', { name: state.name }) : shown;
    const parts = screen
      ? [t('screen_of', { name: state.name })]
      : [shown, t(state.microphone ? 'microphone_on' : 'microphone_off'), t(state.flows ? 'camera_on' : 'camera_off')];
    if (state.speaking) parts.push(t('speaking'));
    if (state.hand > 0) parts.push(t('hand_up', { n: state.hand }));
    if (state.spotlight) parts.push(t('spotlit'));
    else if (state.pinned) parts.push(t('pinned'));
    if (state.closed) parts.push(t(state.closed));
    this.#closed.textContent = state.closed ? t(state.closed) : '';
    this.setAttribute('aria-label', parts.join(', '));
    const actions = t('actions_for', { name: this.#name.textContent });
    this.#menuButton.setAttribute('aria-label', actions);
    this.#menuButton.title = actions;
    this.#details.setAttribute('aria-label', t('details_of', { name: this.#name.textContent }));
  }
}

customElements.define('meeting-tile', MeetingTile);
