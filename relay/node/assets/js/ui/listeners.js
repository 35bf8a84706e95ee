// Listeners that are taken off together, when the view that put them on goes.

export class Listeners {
  /** @type {(() => void)[]} */
  #undo = [];

  /**
   * @param {EventTarget} target
   * @param {string} types  one or more, separated by spaces
   * @param {(detail: any) => void} handler  gets a CustomEvent's detail
   */
  on(target, types, handler) {
    const listener = (/** @type {Event} */ event) => handler(/** @type {CustomEvent} */ (event).detail);
    for (const type of types.split(' ')) {
      target.addEventListener(type, listener);
      this.#undo.push(() => target.removeEventListener(type, listener));
    }
  }

  /** @param {() => void} undo  done with the others */
  also(undo) {
    this.#undo.push(undo);
  }

  close() {
    for (const undo of this.#undo.splice(0)) undo();
  }
}
