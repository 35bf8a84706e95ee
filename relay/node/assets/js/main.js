// Where the page starts: from the form into the meeting, and out again.

import { Actions } from './call/actions.js';
import { MeetingError, requestToken } from './call/api.js';
import { syncClock } from './call/clock.js';
import { MeetingEnded } from './views/ended.js';
import { installHook } from './hook.js';
import { language, startLanguage, t } from './words/i18n.js';
import { LocalMedia } from './media/media.js';
import { Meeting } from './call/meeting.js';
import { hideToken, keep, kept, readParams } from './params.js';
import { MeetingPrejoin } from './views/prejoin.js';
import { MeetingRoom } from './views/room.js';
import { recall, remember } from './ui/store.js';
import { MeetingWaiting } from './views/waiting.js';

const app = /** @type {HTMLElement} */ (document.getElementById('app'));
const params = readParams(new URL(location.href));
const media = new LocalMedia();
/** @type {import('./hook.js').View} */
const view = { media, meeting: null, actions: null, leave: () => leave() };

hideToken();
void syncClock();
startLanguage(params.lang);
params.name ||= recall('name') ?? '';
if (params.autojoin) params.name ||= t('guest');
installHook(view);
language.addEventListener('change', showTitle);
addEventListener('pagehide', () => leave()); // so that the others see at once that we are gone
showPrejoin({ join: params.autojoin });

/** @param {{join: boolean}} options  join: without waiting for the button */
function showPrejoin({ join }) {
  const prejoin = new MeetingPrejoin(params, media, enter);
  app.replaceChildren(prejoin);
  showTitle();
  const { audio, video } = params;
  void media.start({ audio, video, test: params.testMedia });
  if (join) void prejoin.join();
}

/**
 * @param {import('./views/prejoin.js').Entry} entry
 * @throws {import('./call/api.js').MeetingError}
 */
async function enter({ name, room, pin }) {
  if (!params.autojoin) remember('name', name);
  params.name = name;
  params.room = room;
  const token = await tokenFor(name, room, pin);
  const meeting = new Meeting(params, name, token, (old) => renewed(name, room, pin, old));
  const actions = new Actions(meeting, media);
  view.meeting = meeting;
  view.actions = actions;
  try {
    await meeting.join();
  } catch (error) {
    actions.close();
    view.meeting = view.actions = null;
    throw error;
  }
  keep({ came: { name, room, token: meeting.token } });
  meeting.addEventListener('ended', (event) => close(/** @type {CustomEvent} */ (event).detail.reason));
  meeting.addEventListener('scene', () => showScene(meeting, actions));
  showScene(meeting, actions);
}

/**
 * A PIN gives a token; else the link's own does, or the one from before. Whoever brings an earlier token stays the same person.
 * @param {string} name
 * @param {string} room
 * @param {string} pin  empty: none
 * @returns {Promise<string|null>}  null: to be asked for
 */
async function tokenFor(name, room, pin) {
  const { came } = kept();
  const earlier = params.token ?? (came?.name === name && came.room === room ? came.token : null);
  return pin ? requestToken(room, { name, pin, token: earlier ?? undefined }) : earlier;
}

/**
 * Another token for one that is refused, or the first.
 * @param {string} name
 * @param {string} room
 * @param {string} pin
 * @param {string|null} old
 */
async function renewed(name, room, pin, old) {
  try {
    return await requestToken(room, { name, pin: pin || undefined, token: old ?? undefined });
  } catch (error) {
    // Whoever came by a link has nothing else to show.
    const expired = params.token !== null && error instanceof MeetingError && error.key === 'error_token_required';
    throw expired ? new MeetingError('error_link_expired') : error;
  }
}

/**
 * The waiting page or the meeting, as the relay says.
 * @param {Meeting} meeting
 * @param {Actions} actions
 */
function showScene(meeting, actions) {
  if (view.meeting !== meeting) return;
  const View = meeting.scene?.state === 'waiting' ? MeetingWaiting : MeetingRoom;
  if (app.firstElementChild instanceof View) return;
  app.replaceChildren(new View(meeting, media, actions, leave));
  showTitle();
}

function leave() {
  if (!view.meeting) return;
  const inside = view.meeting.phase === 'connected' || view.meeting.phase === 'reconnecting';
  view.meeting.leave();
  if (inside) close('left');
}

/** @param {string} reason */
function close(reason) {
  // Come back as one was: whoever had turned the camera off does not want it on.
  params.audio = media.inputs.audio.on;
  params.video = media.inputs.video.on;
  view.actions?.close();
  media.stop();
  app.replaceChildren(new MeetingEnded(reason, () => showPrejoin({ join: false })));
  showTitle();
}

function showTitle() {
  const page = app.firstElementChild;
  if (page instanceof MeetingRoom) document.title = `${page.heading} – ${t('product')}`;
  else document.title = page instanceof MeetingWaiting ? `${t('waiting_title')} – ${t('product')}` : t('product');
}
