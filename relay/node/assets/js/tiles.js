// <meeting-tile>: one person, or one shared screen: picture or initials, name, state, connection details on demand.

import { h, setChildren } from './dom.js';
import { language, t } from './i18n.js';
import { icon } from './icons.js';
import { Picture } from './picture.js';
import { nameHash } from './testsource.js';

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
 */

/** Colours of initials, as classes `hue-0` and on. */
const HUES = 6;

export class MeetingTile extends HTMLElement {
  /** @type {TileState|null} */
  state = null;
  #avatar = h('span', { class: 'avatar', 'aria-hidden': 'true' });
  #name = h('span', { class: 'tile-name' });
  #muted = h('span', { class: 'tile-muted' }, icon('mic-off'));
  #infoButton = h('button', {
    type: 'button', class: 'tile-info', 'aria-pressed': 'false', onclick: () => this.toggleDetails(),
  }, icon('pulse'));
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
      this.append(h('div', { class: 'tag', 'aria-hidden': 'true' }, this.#muted, this.#name), this.#details, this.#infoButton);
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
    this.#infoButton.setAttribute('aria-pressed', String(shown));
    this.dispatchEvent(new Event('details', { bubbles: true }));
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
    const hue = `hue-${nameHash(state.name) % HUES}`;
    if (!this.#avatar.classList.contains(hue)) this.#avatar.className = `avatar ${hue}`;
    this.#avatar.textContent = initials(state.name);
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
    this.setAttribute('aria-label', parts.join(', '));
    const info = t('details_of', { name: this.#name.textContent });
    this.#infoButton.setAttribute('aria-label', info);
    this.#infoButton.title = info;
    this.#details.setAttribute('aria-label', info);
  }
}

/**
 * Up to two letters: of the first and the last word.
 * @param {string} name
 */
export function initials(name) {
  const words = name.split(/\s+/).filter((word) => /^[\p{L}\p{N}]/u.test(word));
  const letters = [words[0], words.length > 1 ? words[words.length - 1] : undefined];
  return letters.map((word) => (word ? [...word][0].toLocaleUpperCase('da') : '')).join('') || '–';
}

customElements.define('meeting-tile', MeetingTile);
