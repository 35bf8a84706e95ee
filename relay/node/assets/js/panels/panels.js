// The panels beside the stage, one of which may be open, and the buttons that open them.

import { ChatPanel, EVERYWHERE } from './chatpanel.js';
import { GroupsPanel } from './groupspanel.js';
import { ManagePanel } from './managepanel.js';
import { PeoplePanel } from './people.js';

/** @typedef {'people'|'chat'|'groups'|'manage'} PanelName */
/** @typedef {import('./sidepanel.js').SidePanel} SidePanel */

/** Events: `change` (another is open, or none). */
export class Panels extends EventTarget {
  #buttons;
  /** @type {PanelName|null} */
  #open = null;
  /** @type {Record<PanelName, SidePanel>} */
  #panels;
  #chat;

  /**
   * @param {import('../call/meeting.js').Meeting} meeting
   * @param {() => Record<PanelName, import('../views/controls.js').Toggle>} buttons
   */
  constructor(meeting, buttons) {
    super();
    this.#buttons = buttons;
    const close = () => this.show(null);
    this.#chat = new ChatPanel(meeting, close);
    this.#panels = {
      people: new PeoplePanel(meeting, close, (id) => this.writeTo(id)),
      chat: this.#chat,
      groups: new GroupsPanel(meeting, close, () => this.writeTo(EVERYWHERE)),
      manage: new ManagePanel(meeting, close),
    };
  }

  get elements() {
    return Object.values(this.#panels);
  }

  get open() {
    return this.#open;
  }

  /** Whether the open one lies over the stage, as on a narrow page, and not beside it. */
  get cover() {
    return this.#open !== null && getComputedStyle(this.#panels[this.#open]).position === 'absolute';
  }

  /** @param {PanelName} name */
  toggle(name) {
    this.show(this.#open === name ? null : name);
  }

  /** @param {PanelName|null} name  null closes; the focus goes back to the button */
  show(name) {
    const before = this.#open;
    if (before === name) return;
    this.#open = name;
    if (before) {
      const had = this.#panels[before].contains(document.activeElement);
      this.#panels[before].hide();
      if (had && name === null) this.#buttons()[before].element.focus();
    }
    for (const key of /** @type {PanelName[]} */ (Object.keys(this.#panels))) this.#buttons()[key].set(key === name);
    if (name) this.#panels[name].show();
    this.dispatchEvent(new Event('change'));
  }

  /** @param {number|string} to  a person's id, or EVERYWHERE */
  writeTo(to) {
    this.show('chat');
    this.#chat.writeTo(to);
  }
}
