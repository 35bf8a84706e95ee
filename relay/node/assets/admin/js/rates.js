// Rates per second of totals that only grow, from one poll to the next.

export class Rates {
  /** @type {Map<string, {value: number, at: number, rate: number|null}>} */
  #seen = new Map();

  /**
   * The rate since the total was last given; `null` the first time, and after a restart of the relay.
   * @param {string} key
   * @param {number} value
   * @param {number} at  milliseconds, of any steady clock
   * @returns {number|null}
   */
  next(key, value, at) {
    const before = this.#seen.get(key);
    // Asked twice within one poll, for instance after a change of language: the same answer.
    if (before && at === before.at) return before.rate;
    const rate = before && value >= before.value ? (1000 * (value - before.value)) / (at - before.at) : null;
    this.#seen.set(key, { value, at, rate });
    return rate;
  }
}
