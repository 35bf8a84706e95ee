// The page's dialogs: settings, help, and questions. The browser's own <dialog> keeps focus inside and gives it back.

import { DeviceMenus } from '../media/devices.js';
import { freshId, h } from './dom.js';
import { t } from '../words/i18n.js';
import { icon } from './icons.js';
import { setShortcuts, SHORTCUTS, shortcutsOn } from './keys.js';
import { languageSwitch } from '../words/languages.js';
import { LevelMeter } from '../media/meter.js';

/**
 * @param {string} titleKey
 * @param {...Node} content
 */
function dialog(titleKey, ...content) {
  const title = freshId();
  const element = h('dialog', { 'aria-labelledby': title, class: 'dialog' });
  const close = h('button', { type: 'button', class: 'icon-button', tLabel: 'close', tTitle: 'close', onclick: () => element.close() }, icon('close'));
  element.append(h('div', { class: 'dialog-head' }, h('h2', { id: title, t: titleKey }), close), ...content);
  // A click beside the dialog, which lands on its backdrop, closes it.
  element.addEventListener('click', (event) => event.target === element && element.close());
  return element;
}

/**
 * @param {import('../media/media.js').LocalMedia} media
 */
export function settingsDialog(media) {
  const menus = new DeviceMenus(media);
  const meter = new LevelMeter();
  const element = dialog(
    'settings',
    menus.element,
    h('div', { class: 'field' }, h('span', { class: 'field-label', t: 'microphone_level' }), meter),
    h('div', { class: 'field' }, h('span', { class: 'field-label', t: 'language' }), languageSwitch()),
  );
  const track = () => {
    meter.track = element.open && media.inputs.audio.on ? media.inputs.audio.track : null;
  };
  media.addEventListener('change', track);
  element.addEventListener('close', track);
  return {
    element,
    show() {
      void menus.refresh();
      element.showModal();
      track();
    },
    close() {
      media.removeEventListener('change', track);
      menus.close();
    },
  };
}

export function helpDialog() {
  const check = h('input', { type: 'checkbox', id: freshId(), onchange: () => setShortcuts(check.checked) });
  check.checked = shortcutsOn();
  const keys = SHORTCUTS.map(([key, words]) => h('div', {}, h('dt', {}, h('kbd', {}, key === '?' ? '?' : key.toUpperCase())), h('dd', { t: words })));
  return dialog(
    'help',
    h('h3', { t: 'help_trouble' }),
    h('ul', { class: 'help-list' }, ...['help_not_heard', 'help_hear_nothing', 'help_no_picture', 'help_bad_connection'].map((key) => h('li', { t: key }))),
    h('h3', { t: 'shortcuts' }),
    h('dl', { class: 'shortcuts' }, ...keys),
    h('div', { class: 'check' }, check, h('label', { for: check.id, t: 'shortcuts_use' })),
    h('h3', { t: 'help_privacy' }),
    h('p', { t: 'privacy' }),
  );
}

/**
 * Asks before something that cannot be undone. Nothing is done by a stray key: the focus begins on the way out.
 * @param {object} question
 * @param {string} question.title    dictionary key
 * @param {string} question.text     dictionary key
 * @param {string} question.confirm  dictionary key of the button that does it
 * @param {string} [question.refuse]  dictionary key of the way out
 * @param {Record<string, string|number>} [question.values]
 * @param {boolean} [question.danger]
 * @returns {Promise<boolean>}
 */
export function ask({ title, text, confirm, refuse = 'cancel', values = {}, danger = true }) {
  return new Promise((resolve) => {
    const [titleId, textId] = [freshId(), freshId()];
    const element = h('dialog', { class: 'dialog question', role: 'alertdialog', 'aria-labelledby': titleId, 'aria-describedby': textId });
    const cancel = h('button', { type: 'button', class: 'secondary', autofocus: true, t: refuse, onclick: () => element.close() });
    const yes = h('button', { type: 'button', class: danger ? 'primary danger' : 'primary', t: confirm, onclick: () => element.close('yes') });
    element.append(h('h2', { id: titleId }, t(title, values)), h('p', { id: textId }, t(text, values)), h('div', { class: 'buttons' }, cancel, yes));
    element.addEventListener('close', () => {
      element.remove();
      resolve(element.returnValue === 'yes');
    });
    document.body.append(element);
    element.showModal();
    cancel.focus();
  });
}
