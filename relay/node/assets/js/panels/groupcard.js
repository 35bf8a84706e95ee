// One breakout room (or the main room) as a card: who is meant for it or in it, and how to move them: by dragging or by a menu.

import { ask } from '../ui/dialogs.js';
import { freshId, h, KeyedList } from '../ui/dom.js';
import { t } from '../words/i18n.js';
import { icon } from '../ui/icons.js';
import { nameButton, rowButton } from './personrow.js';

/** @typedef {import('../types.js').Breakout} Breakout */
/** @typedef {import('../types.js').Participant} Participant */
/** @typedef {import('../types.js').PresentScene} PresentScene */

const MAX_NAME = 40;
/** The scene with the move comes within these, or the focus stays where it is. */
const FOLLOW_FRAMES = 60;
/** What is dragged: nothing another page could read as text. */
const DRAGGED = 'application/x-relay-participant';

export class GroupCard {
  #meeting;
  #id;
  #title = h('h3', { id: freshId() });
  #rename = rowButton('pencil', () => this.#edit(true));
  #delete = rowButton('trash', () => void this.#remove());
  #go = h('button', { type: 'button', class: 'secondary small', onclick: () => void this.#meeting.act('go', { breakout: this.#id }) });
  #input = h('input', { type: 'text', maxlength: MAX_NAME, tLabel: 'group_name', onkeydown: (/** @type {KeyboardEvent} */ event) => this.#key(event), onblur: () => this.#edit(false) });
  #help = h('p', { class: 'group-help', hidden: true });
  #list = h('ul', { class: 'chips' });
  #chips = new KeyedList(this.#list, (/** @type {Participant} */ person) => person.id, (person) => this.#chip(person.id));
  #empty = h('p', { class: 'hint' });
  element = h('section', { class: 'group-card', 'aria-labelledby': this.#title.id },
    h('div', { class: 'section-head' }, this.#title, this.#input, this.#rename, this.#delete, this.#go), this.#help, this.#list, this.#empty);

  /**
   * @param {import('../call/meeting.js').Meeting} meeting
   * @param {number|null} id  null: the main room
   */
  constructor(meeting, id) {
    this.#meeting = meeting;
    this.#id = id;
    this.#input.hidden = true;
    this.element.addEventListener('dragover', (event) => this.#over(event));
    this.element.addEventListener('dragleave', () => this.element.classList.remove('over'));
    this.element.addEventListener('drop', (event) => this.#dropped(event));
  }

  /** @param {Breakout|null} room */
  update(room) {
    const scene = this.#meeting.present;
    if (!scene?.breakouts) return;
    const staff = scene.staff !== undefined;
    const { open } = scene.breakouts;
    const here = scene.you.breakout === this.#id;
    const name = room?.name ?? t(open ? 'main_room' : 'group_unassigned');
    this.#title.textContent = name;
    this.#rename.classList.toggle('absent', !staff || room === null);
    this.#delete.classList.toggle('absent', !staff || room === null);
    nameButton(this.#rename, t('group_rename', { name }));
    nameButton(this.#delete, t('group_delete', { name }));
    this.#go.hidden = !open || here || !(staff || scene.breakouts.self_choice);
    this.#go.textContent = t(staff && room !== null ? 'group_visit' : 'group_enter');
    this.#go.setAttribute('aria-label', `${this.#go.textContent}: ${name}`);
    this.element.classList.toggle('here', open && here);
    const people = this.#people(scene, room);
    this.#chips.show(people);
    this.#empty.hidden = people.length > 0;
    this.#empty.textContent = t(staff ? 'group_empty_staff' : 'group_empty');
    const help = room?.help ?? [];
    this.#help.hidden = help.length === 0 || !staff;
    this.#help.replaceChildren(icon('hand'), t('group_help', { names: help.map((id) => this.#meeting.nameOf(id)).join(', ') }));
  }

  /**
   * Before the breakouts open: who is meant for this one; afterwards: who is in it.
   * @param {PresentScene} scene
   * @param {Breakout|null} room
   */
  #people(scene, room) {
    const roster = this.#meeting.roster();
    if (scene.breakouts?.open) return roster.filter((p) => (p.breakout ?? null) === this.#id);
    const assigned = new Set(scene.breakouts?.rooms.flatMap((other) => other.assigned ?? []));
    if (room) return roster.filter((p) => room.assigned?.includes(p.id));
    return roster.filter((p) => !assigned.has(p.id) && p.role === 'participant');
  }

  /** @param {number} participant */
  #chip(participant) {
    const name = h('span', { class: 'chip-name' });
    const select = h('select', { onchange: () => void this.#choose(participant, select) });
    const element = h('li', { class: 'chip', 'data-participant': participant }, h('span', { class: 'grip', 'aria-hidden': 'true' }), name, select);
    element.addEventListener('dragstart', (event) => {
      event.dataTransfer?.setData(DRAGGED, String(participant));
      element.classList.add('dragged');
    });
    element.addEventListener('dragend', () => element.classList.remove('dragged'));
    return {
      element,
      update: (/** @type {Participant} */ person) => {
        const scene = this.#meeting.present;
        const movable = scene?.staff !== undefined && person.role === 'participant';
        const words = this.#meeting.nameOf(participant);
        name.textContent = participant === this.#meeting.self ? t('you', { name: words }) : words;
        element.draggable = movable;
        element.classList.toggle('fixed', !movable);
        select.hidden = !movable;
        select.setAttribute('aria-label', t('group_of', { name: words }));
        this.#choices(select, scene?.breakouts?.rooms ?? [], scene?.breakouts?.open ?? false);
      },
    };
  }

  /**
   * @param {HTMLSelectElement} select
   * @param {Breakout[]} rooms
   * @param {boolean} open
   */
  #choices(select, rooms, open) {
    const choices = [['', t(open ? 'main_room' : 'group_unassigned')], ...rooms.map(({ id, name }) => [String(id), name])];
    const same = choices.length === select.length && choices.every(([value, text], i) => select.options[i].value === value && select.options[i].text === text);
    if (!same) select.replaceChildren(...choices.map(([value, text]) => h('option', { value }, text)));
    if (document.activeElement !== select || !same) select.value = this.#id === null ? '' : String(this.#id);
  }

  /**
   * @param {number} participant
   * @param {number|null} breakout
   */
  async #move(participant, breakout) {
    await this.#meeting.act('assign', { participant, breakout });
  }

  /**
   * The line is drawn anew in another card; whoever used the keyboard goes on there.
   * @param {number} participant
   * @param {HTMLSelectElement} select
   */
  async #choose(participant, select) {
    await this.#move(participant, select.value === '' ? null : Number(select.value));
    let frames = 0;
    const follow = () => {
      frames += 1;
      const now = /** @type {HTMLElement|null} */ (document.querySelector(`.chip[data-participant="${participant}"] select`));
      if (now && now !== select && document.activeElement === document.body) now.focus();
      else if (frames < FOLLOW_FRAMES && (select.isConnected || !now)) requestAnimationFrame(follow);
    };
    follow();
  }

  /** @param {DragEvent} event */
  #over(event) {
    if (!event.dataTransfer?.types.includes(DRAGGED)) return;
    event.preventDefault();
    this.element.classList.add('over');
  }

  /** @param {DragEvent} event */
  #dropped(event) {
    this.element.classList.remove('over');
    const participant = Number(event.dataTransfer?.getData(DRAGGED));
    if (!participant) return;
    event.preventDefault();
    void this.#move(participant, this.#id);
  }

  /** @param {boolean} on */
  #edit(on) {
    if (this.#input.hidden === !on) return;
    this.#input.hidden = !on;
    this.#title.hidden = on;
    if (!on) return;
    this.#input.value = this.#title.textContent ?? '';
    this.#input.select();
    this.#input.focus();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key !== 'Enter' && event.key !== 'Escape') return;
    event.preventDefault();
    const name = this.#input.value.trim();
    if (event.key === 'Enter' && name && this.#id !== null) void this.#meeting.act('rename_breakout', { breakout: this.#id, name });
    this.#edit(false);
    this.#rename.focus();
  }

  async #remove() {
    const name = this.#title.textContent ?? '';
    const occupied = this.#list.childElementCount > 0;
    if (occupied && !(await ask({ title: 'group_delete_title', text: 'group_delete_text', confirm: 'group_delete_do', values: { name } }))) return;
    await this.#meeting.act('delete_breakout', { breakout: this.#id });
  }
}
