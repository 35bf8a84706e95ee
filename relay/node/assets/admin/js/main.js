// The operator page: an address in the fragment chooses the view, and every two seconds the view asks the relay again.

import { Refused } from './api.js';
import { CountersView } from './counters.js';
import { h, write } from './dom.js';
import { clock } from './format.js';
import { lang, setLang, t } from './language.js';
import { OverviewView } from './overview.js';
import { RoomView } from './room.js';

/**
 * A view: `element` is made once per language, `refresh` asks the relay and writes what it said.
 * @typedef {{title: string, element: HTMLElement, refresh: (signal: AbortSignal) => Promise<void>}} View
 */

const EVERY_MS = 2000;
const LANGUAGES = /** @type {const} */ ({ en: 'English', da: 'Dansk' });

const app = /** @type {HTMLElement} */ (document.getElementById('app'));
const main = h('main', { id: 'view', tabindex: -1 });
const alert = h('p', { class: 'alert', role: 'alert', hidden: true });
const updated = h('span', { class: 'updated' });

/** @type {View} */
let view;
let paused = false;
let abort = new AbortController();
let timer = 0;

/** @returns {View} */
function viewOfAddress() {
  const [address, query] = location.hash.replace(/^#\/?/, '').split('?');
  const parts = address.split('/').map(decode);
  if (parts[0] === 'counters') return new CountersView();
  if (parts[0] === 'rooms' && parts[1]) return new RoomView(parts[1], parts[2] ?? null);
  return new OverviewView(new URLSearchParams(query).get('after'));
}

/** @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // a stray `%` typed by hand
  }
}

/** Shows the view of the address. @param {boolean} moved  by a link: then the focus goes to the new view */
function show(moved) {
  view = viewOfAddress();
  document.documentElement.lang = lang();
  document.title = `${view.title} · ${t('product')}`;
  main.replaceChildren(view.element);
  if (moved) main.focus({ preventScroll: true });
  if (moved) scrollTo(0, 0);
  ask();
}

/** Asks now, and again every two seconds unless paused or out of sight. */
async function ask() {
  abort.abort();
  clearTimeout(timer);
  const mine = (abort = new AbortController());
  try {
    await view.refresh(mine.signal);
    if (mine.signal.aborted) return;
    alert.hidden = true;
    write(updated, t('updated', { time: clock(Date.now()) }));
  } catch (error) {
    if (mine.signal.aborted) return;
    const missing = error instanceof Refused && error.status === 404;
    write(alert, missing ? t('gone') : t('unreachable'));
    alert.hidden = false;
  }
  if (!paused && !document.hidden) timer = setTimeout(ask, EVERY_MS);
}

function header() {
  const pause = h('button', { type: 'button', class: 'secondary small', 'aria-pressed': String(paused), onclick: toggle }, t('pause'));
  function toggle() {
    paused = !paused;
    pause.setAttribute('aria-pressed', String(paused));
    if (paused) clearTimeout(timer);
    else ask();
  }
  const languages = Object.entries(LANGUAGES).map(([code, name]) =>
    h('button', { type: 'button', lang: code, 'aria-pressed': String(code === lang()), onclick: () => speak(/** @type {'en'|'da'} */ (code)) }, name));
  return h('header', { class: 'bar' },
    h('a', { class: 'skip', href: '#view', onclick: skip }, t('skip')),
    h('a', { class: 'brand', href: '#/' }, t('product')),
    h('nav', { 'aria-label': t('navigation') }, h('a', { href: '#/' }, t('overview')), h('a', { href: '#/counters' }, t('counters'))),
    h('div', { class: 'tools' }, updated, pause, h('div', { class: 'segmented', role: 'group', 'aria-label': t('language') }, ...languages)));
}

/** The fragment is the page's address, so a skip link may not change it. @param {Event} event */
function skip(event) {
  event.preventDefault();
  main.focus();
}

/** @param {'en'|'da'} next */
function speak(next) {
  setLang(next);
  build();
  /** @type {HTMLElement|null} */ (document.querySelector(`.segmented [lang=${next}]`))?.focus();
}

function build() {
  app.replaceChildren(header(), alert, main);
  show(false);
}

addEventListener('hashchange', () => show(true));
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && !paused) ask();
});
build();
