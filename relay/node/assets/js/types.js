// The shapes of the signalling protocol (relay/signal/src/message.rs) and of the page's own values. Types only, no code.

/** @typedef {'microphone'|'camera'|'screen'|'screen_audio'} Source */

/**
 * One person, as others may see them.
 * @typedef {object} Participant
 * @property {number} id       unique within the room's life
 * @property {string} name
 * @property {string} role     host, deputy or participant
 * @property {Source[]} sources  sources that flow now
 */

/**
 * What is in a slot (a recvonly m-line).
 * @typedef {object} Slot
 * @property {string} mid
 * @property {number|null} participant
 * @property {Source|null} source
 * @property {string} [layer]  the simulcast layer that is forwarded
 */

/**
 * @typedef {{type:'welcome', version:number, room:string, participant:number, resume:string, resumed:boolean, roster:Participant[]}} Welcome
 * @typedef {{type:'answer', id:number, sdp:string}} Answer
 * @typedef {{type:'error', code:string, message:string, field?:string, id?:number}} ProtocolError
 * @typedef {{type:'bye', reason:string}} Bye
 * @typedef {{type:'joined'|'updated', participant:Participant}} PersonMessage
 * @typedef {{type:'left', participant:number}} LeftMessage
 * @typedef {{type:'slots', slots:Slot[]}} SlotsMessage
 * @typedef {{type:'slots_wanted', audio:number, video:number}} SlotsWanted
 * @typedef {{type:'speaker', participant:number|null}} SpeakerMessage
 * @typedef {{type:'pong', id:number}} Pong
 * @typedef {Welcome|Answer|ProtocolError|Bye|PersonMessage|LeftMessage|SlotsMessage|SlotsWanted|SpeakerMessage|Pong} ServerMessage
 */

/**
 * @typedef {{type:'offer', id:number, sdp:string, sources:Record<string, Source>}} Offer
 * @typedef {Offer|{type:'set_source', source:Source, active:boolean}|{type:'leave'}|{type:'ping', id:number}} ClientMessage
 */

/**
 * Where a meeting stands. `reconnecting`: the signalling connection is away, media may still flow.
 * @typedef {'prejoin'|'joining'|'connected'|'reconnecting'|'left'|'failed'} Phase
 */

export {};
