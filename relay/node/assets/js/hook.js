// `window.relayMeeting`: what automated tests may look at and do. Documented in README.md; nothing of the page depends on it.

import { read } from './media/stats.js';

/**
 * @typedef {object} View
 * @property {import('./call/meeting.js').Meeting|null} meeting
 * @property {import('./media/media.js').LocalMedia} media
 * @property {import('./call/actions.js').Actions|null} actions
 * @property {() => void} leave
 */

/** @param {View} view  the page's present state; read anew at each call */
export function installHook(view) {
  const hook = {
    version: 2,
    /** `prejoin`, `joining`, `connected`, `reconnecting`, `left` or `failed`. */
    state: () => view.meeting?.phase ?? 'prejoin',
    /** Whether media can flow (ICE and DTLS are up). */
    path: () => view.meeting?.path ?? false,
    get peerConnection() {
      return view.meeting?.session?.pc ?? null;
    },
    get participant() {
      return view.meeting?.self ?? null;
    },
    get roster() {
      return structuredClone(view.meeting?.roster() ?? []);
    },
    get slots() {
      return structuredClone(view.meeting?.slots ?? []);
    },
    /** The room or the waiting page as the relay tells it: `scene.state` is `present` or `waiting`; null before. */
    get scene() {
      return structuredClone(view.meeting?.scene ?? null);
    },
    /** What was written in the chat, announcements among it. */
    get chat() {
      return structuredClone(view.meeting?.chat.entries ?? []);
    },
    /**
     * Asks something of the room. Resolves to the relay's `done` or `refused` message; never rejects.
     * @param {import('./types.js').Command} command
     */
    command: (command) => view.meeting?.command(command) ?? Promise.resolve({ type: 'refused', code: 'disconnected', message: 'not in a meeting' }),
    /** Sizes by mid, as they were last told to the relay. */
    get tiles() {
      return structuredClone(view.meeting?.tilesTold ?? {});
    },
    get speaker() {
      return view.meeting?.speaker ?? null;
    },
    /** performance.now() of `offered`, `answered`, `connected` of the present session. */
    get timings() {
      return { ...view.meeting?.session?.timings };
    },
    /** One reading of stats.js; `inbound` also says who is in the slot, `outbound` which source it carries. */
    async stats() {
      const session = view.meeting?.session;
      if (!session) return null;
      const reading = await read(session.pc);
      const sources = session.sources();
      return {
        ...reading,
        inbound: reading.inbound.map((s) => ({ participant: null, source: null, ...view.meeting?.slots.find((slot) => slot.mid === s.mid), ...s })),
        outbound: reading.outbound.map((s) => ({ ...s, source: sources[s.mid] ?? null })),
      };
    },
    /** @param {boolean} on */
    setMicrophone: (on) => view.media.setAudio(on),
    /** @param {boolean} on */
    setCamera: (on) => view.media.setVideo(on),
    /**
     * Shares a given stream as the screen, or stops.
     * @param {MediaStream|null} stream
     */
    setScreen: (stream) => (stream ? view.actions?.shareScreen(stream) : view.actions?.stopScreen()),
    /** Drops the WebSocket as a broken network would; the page then resumes. */
    cutSignalling: () => view.meeting?.cutSignalling(),
    restartIce: () => view.meeting?.restartIce(),
    leave: () => view.leave(),
  };
  Object.defineProperty(window, 'relayMeeting', { value: Object.freeze(hook), configurable: true });
}
