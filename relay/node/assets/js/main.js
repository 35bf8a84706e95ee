// Where the page starts: from the form into the meeting, and out again.

import { Actions } from './actions.js';
import { MeetingEnded } from './ended.js';
import { installHook } from './hook.js';
import { language, startLanguage, t } from './i18n.js';
import { LocalMedia } from './media.js';
import { Meeting } from './meeting.js';
import { hideToken, readParams } from './params.js';
import { MeetingPrejoin } from './prejoin.js';
import { MeetingRoom } from './room.js';
import { recall, remember } from './store.js';

const app = /** @type {HTMLElement} */ (document.getElementById('app'));
const params = readParams(new URL(location.href));
const media = new LocalMedia();
/** @type {import('./hook.js').View} */
const view = { media, meeting: null, actions: null, leave: () => leave() };

hideToken();
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
 * @param {string} name
 * @param {string} room
 * @throws {import('./api.js').MeetingError}
 */
async function enter(name, room) {
  if (!params.autojoin) remember('name', name);
  params.name = name;
  params.room = room;
  const meeting = new Meeting(params, name);
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
  meeting.addEventListener('ended', (event) => close(/** @type {CustomEvent} */ (event).detail.reason));
  app.replaceChildren(new MeetingRoom(meeting, media, actions, leave));
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
  const inside = app.firstElementChild instanceof MeetingRoom;
  document.title = inside ? `${params.room} – ${t('product')}` : t('product');
}
