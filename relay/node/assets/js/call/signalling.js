// The WebSocket: hello and resume, keep-alive, reconnecting with back-off. It knows messages, not media.

import { MeetingError, roomUrl } from './api.js';
import { device } from './device.js';

/** @typedef {import('../types.js').ServerMessage} ServerMessage */
/** @typedef {import('../types.js').ClientMessage} ClientMessage */

const VERSION = 1;
/** The first retry is immediate: most drops are a changed network, already usable again. */
const RETRY_MS = [0, 400, 1000, 2000, 4000, 6000];
const JITTER_MS = 400;
/** Without a `welcome` in this time the attempt is given up. */
const WELCOME_TIMEOUT_MS = 8000;
const PING_EVERY_MS = 5000;
const PONG_TIMEOUT_MS = 5000;
/** After a hint that the network changed, an answer must come sooner. */
const PROBE_TIMEOUT_MS = 2000;
/** Attempts before a first join is reported as failed. */
const FIRST_JOIN_ATTEMPTS = 3;
/** After these there is nothing to come back to. */
const FINAL = ['left', 'replaced', 'removed', 'denied', 'ended'];
/** Codes of errors and refusals before `welcome`, as dictionary keys. @type {Record<string, string>} */
const REFUSALS = {
  unauthorized: 'error_not_allowed', forbidden: 'error_not_allowed', full: 'error_full', unsupported_version: 'error_version',
  removed: 'removed', ended: 'ended', not_open: 'error_not_open', not_found: 'error_no_room',
};

/**
 * Events: `message` (detail: ServerMessage), `up` (welcome came; detail: Welcome), `down` (connection lost, trying again),
 * `ended` (detail: {reason} for good, no more attempts; reason is a bye reason or a dictionary key of an error).
 */
export class Signalling extends EventTarget {
  /** @type {WebSocket|null} */
  #socket = null;
  #room;
  #getToken;
  /** @type {string|null} */
  #resume = null;
  #attempt = 0;
  #up = false;
  #everUp = false;
  #ended = false;
  /** A refused token is replaced once per connection, not for ever. */
  #freshToken = false;
  #pingId = 0;
  #awaitingPong = false;
  /** @type {Record<'retry'|'welcome'|'ping'|'pong', number|undefined>} */
  #timers = { retry: undefined, welcome: undefined, ping: undefined, pong: undefined };

  /**
   * @param {string} room
   * @param {(fresh: boolean) => Promise<string>} getToken  `fresh`: the earlier one was refused
   */
  constructor(room, getToken) {
    super();
    this.#room = room;
    this.#getToken = getToken;
  }

  get up() {
    return this.#up;
  }

  open() {
    void this.#connect();
  }

  /**
   * Sends if the connection is up; a message lost while it is down is made good by the caller after `up`.
   * @param {ClientMessage} message
   * @returns {boolean}
   */
  send(message) {
    if (!this.#up || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** The network may have changed: try now instead of waiting, or make sure the connection still answers. */
  nudge() {
    if (this.#ended) return;
    if (this.#up) this.#ping(PROBE_TIMEOUT_MS);
    else if (this.#timers.retry !== undefined) {
      this.#attempt = 0;
      void this.#connect();
    }
  }

  /** Gives up the session on the relay, and comes back as a new one. */
  startOver() {
    this.#resume = null;
    this.#drop();
  }

  /** Cuts the connection as a broken network would; the session is then resumed. */
  cut() {
    this.#drop();
  }

  /** Leaves for good. */
  leave() {
    this.send({ type: 'leave' });
    this.#end(null);
  }

  async #connect() {
    this.#clear('retry');
    this.#attempt += 1;
    /** @type {string} */
    let token;
    try {
      token = await this.#getToken(this.#freshToken);
    } catch (error) {
      this.#tokenFailed(error);
      return;
    }
    if (this.#ended || this.#socket) return;
    const url = roomUrl(this.#room, 'connect');
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#timers.welcome = setTimeout(() => this.#drop(), WELCOME_TIMEOUT_MS);
    socket.onopen = () => {
      const hello = { type: 'hello', version: VERSION, token, device: device() };
      socket.send(JSON.stringify(this.#resume ? { ...hello, resume: this.#resume } : hello));
    };
    socket.onmessage = ({ data }) => this.#receive(data);
    socket.onclose = () => this.#drop();
  }

  /** @param {unknown} error */
  #tokenFailed(error) {
    const key = error instanceof MeetingError ? error.key : 'error_server';
    // Once in the meeting an unreachable relay is waited for; a refusal, or a failing first join, is told.
    if (key === 'error_network' && this.#everUp) this.#drop();
    else this.#end(key);
  }

  /** @param {unknown} data */
  #receive(data) {
    /** @type {ServerMessage} */
    let message;
    try {
      message = JSON.parse(String(data));
    } catch {
      return; // not ours to understand; the ping decides whether the connection is sound
    }
    this.#awaitingPong = false;
    this.#clear('pong');
    if (message.type === 'welcome') this.#welcomed(message);
    else if (message.type === 'bye') this.#bye(message.reason);
    else if ((message.type === 'error' || message.type === 'refused') && !this.#up) this.#refused(message);
    else this.#emit('message', message);
  }

  /** @param {import('../types.js').Welcome} message */
  #welcomed(message) {
    this.#clear('welcome');
    this.#resume = message.resume;
    this.#up = true;
    this.#everUp = true;
    this.#attempt = 0;
    this.#freshToken = false;
    this.#timers.ping = setInterval(() => this.#ping(PONG_TIMEOUT_MS), PING_EVERY_MS);
    this.#emit('up', message);
  }

  /**
   * An error or a refusal before `welcome`.
   * @param {import('../types.js').ProtocolError|import('../types.js').Refused} error
   */
  #refused(error) {
    if (error.code === 'unauthorized' && !this.#freshToken) {
      this.#freshToken = true;
      this.#resume = null;
      this.#drop();
      return;
    }
    if (error.code === 'rate_limited') this.#drop();
    else this.#end(REFUSALS[error.code] ?? 'error_server');
  }

  /** @param {string} reason */
  #bye(reason) {
    if (FINAL.includes(reason)) {
      this.#end(reason);
      return;
    }
    // The relay has let the session go; a new one is asked for, on this node or, when it stops, on another.
    this.startOver();
  }

  /** @param {number} timeout  ms until silence counts as a broken connection */
  #ping(timeout) {
    if (this.#awaitingPong && timeout === PONG_TIMEOUT_MS) return;
    this.#pingId += 1;
    this.send({ type: 'ping', id: this.#pingId });
    this.#awaitingPong = true;
    this.#clear('pong');
    this.#timers.pong = setTimeout(() => this.#drop(), timeout);
  }

  /** The connection is gone or given up; the next attempt is planned. */
  #drop() {
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    this.#clear('welcome');
    this.#clear('ping');
    this.#clear('pong');
    this.#awaitingPong = false;
    const wasUp = this.#up;
    this.#up = false;
    if (this.#ended) return;
    if (!this.#everUp && this.#attempt >= FIRST_JOIN_ATTEMPTS) {
      this.#end('error_network');
      return;
    }
    if (wasUp) this.#emit('down', null);
    this.#clear('retry');
    const base = RETRY_MS[Math.min(this.#attempt, RETRY_MS.length - 1)];
    const delay = base === 0 ? 0 : base + Math.random() * JITTER_MS;
    this.#timers.retry = setTimeout(() => void this.#connect(), delay);
  }

  /** @param {string|null} reason  null: the person left, nobody needs telling */
  #end(reason) {
    if (this.#ended) return;
    this.#ended = true;
    this.#drop();
    this.#clear('retry');
    if (reason !== null) this.#emit('ended', { reason });
  }

  /** @param {'retry'|'welcome'|'ping'|'pong'} name */
  #clear(name) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = undefined;
  }

  /**
   * @param {string} type
   * @param {unknown} detail
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
