// Plays what arrives: one <audio> element for each audio slot, all on the chosen loudspeaker.

/** Events: `blocked` (detail: boolean; the browser wants a click before it plays sound). */
export class AudioOutput extends EventTarget {
  /** @type {Map<MediaStreamTrack, HTMLAudioElement>} */
  #players = new Map();
  #sink = '';
  #blocked = false;

  /** @param {MediaStreamTrack[]} tracks  of all audio slots; others are dropped */
  play(tracks) {
    for (const [track, player] of this.#players) {
      if (tracks.includes(track)) continue;
      player.srcObject = null;
      this.#players.delete(track);
    }
    for (const track of tracks) {
      if (this.#players.has(track)) continue;
      const player = new Audio();
      player.srcObject = new MediaStream([track]);
      this.#players.set(track, player);
      this.#route(player);
      void this.#start(player);
    }
  }

  /** After a click: starts whatever the browser held back. */
  resume() {
    this.#setBlocked(false);
    for (const player of this.#players.values()) void this.#start(player);
  }

  /** @param {string} deviceId  '' for the system's default */
  setSpeaker(deviceId) {
    this.#sink = deviceId;
    for (const player of this.#players.values()) this.#route(player);
  }

  /** @param {HTMLAudioElement} player */
  #route(player) {
    // Not every browser lets a page choose; and a remembered device may be gone: then the default plays.
    if ('setSinkId' in player) player.setSinkId(this.#sink).catch(() => {});
  }

  /** @param {HTMLAudioElement} player */
  async #start(player) {
    try {
      await player.play();
    } catch (error) {
      if (error instanceof DOMException && error.name === 'NotAllowedError') this.#setBlocked(true);
    }
  }

  /** @param {boolean} blocked */
  #setBlocked(blocked) {
    if (blocked === this.#blocked) return;
    this.#blocked = blocked;
    this.dispatchEvent(new CustomEvent('blocked', { detail: blocked }));
  }
}
