// Commands under way: each gets an id, and its answer finds the promise that waits for it.

/** @typedef {import('../types.js').Command} Command */
/** @typedef {import('../types.js').Done|import('../types.js').Refused} Answer */

export class Commands {
  #send;
  #id = 0;
  /** @type {Map<number, (answer: Answer) => void>} */
  #waiting = new Map();

  /** @param {(message: import('../types.js').ClientMessage) => boolean} send */
  constructor(send) {
    this.#send = send;
  }

  /**
   * Never rejects: a refusal is an answer, and so is a connection that is away (`code` is then `disconnected`).
   * @param {Command} command
   * @returns {Promise<Answer>}
   */
  ask(command) {
    this.#id += 1;
    const id = this.#id;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      if (!this.#send({ type: 'command', id, command })) this.answered(lost(id));
    });
  }

  /** @param {Answer} answer */
  answered(answer) {
    if (answer.id === undefined) return;
    this.#waiting.get(answer.id)?.(answer);
    this.#waiting.delete(answer.id);
  }

  /** The connection is gone, and the answers with it. */
  lost() {
    for (const id of [...this.#waiting.keys()]) this.answered(lost(id));
  }
}

/**
 * @param {number} id
 * @returns {Answer}
 */
function lost(id) {
  return { type: 'refused', id, code: 'disconnected', message: 'the connection to the relay is away' };
}
