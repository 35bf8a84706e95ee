// The shapes of the signalling protocol (relay/signal/src/message.rs, relay/room) and of the page's own values. Types only, no code.

/** @typedef {'microphone'|'camera'|'screen'|'screen_audio'} Source */
/** @typedef {'host'|'deputy'|'participant'} Role */
/** @typedef {'off'|'to_staff'|'everyone'} ChatRule */
/** @typedef {'two_way'|'one_way'} Direction */
/** @typedef {'source'|'hidden'|'bandwidth'|'waits'|'no_room'|'no_media'|'codec'} Limited */
/** @typedef {RTCRtpEncodingParameters & {scalabilityMode?: string}} Encoding  not yet whole in the type library */
/** @typedef {number|null} Place  a breakout's id; null is the main room */

/**
 * @typedef {'host_only'|'host_large'|'equal'|'one_main_zero_pips'|'one_main_seven_pips'|'one_main_twentyone_pips'
 *   |'two_mains_twentyone_pips'|'one_main_thirtythree_pips'|'four_mains_zero_pips'|'nine_mains_zero_pips'
 *   |'sixteen_mains_zero_pips'|'twentyfive_mains_zero_pips'|'five_mains_seven_pips'} Layout
 */

/**
 * One person, as others may see them.
 * @typedef {object} Participant
 * @property {number} id       unique within the room's life
 * @property {string} name     empty where we may not know it
 * @property {Role} role
 * @property {Source[]} sources  sources that flow now
 * @property {Source[]} [locked] sources that the staff closed
 * @property {boolean} [waiting] waits to be let in; only the staff is told
 * @property {Place} [breakout]
 */

/**
 * What is in a slot (a recvonly m-line).
 * @typedef {object} Slot
 * @property {string} mid
 * @property {number|null} participant
 * @property {Source|null} source
 * @property {string} [layer]  the simulcast layer that is forwarded
 * @property {Limited} [limited]  why the picture is not as good as its tile is large; left out when it is
 */

/**
 * What anybody needs of one of our sources.
 * @typedef {object} Needed
 * @property {Source} source
 * @property {number} height  lines of the largest picture anybody shows; 0: nobody gets it
 * @property {{rid: string, active: boolean}[]} layers  none without simulcast
 * @property {number} [max_bitrate]  bit/s; the only viewer's line carries no more
 */

/**
 * What those who wait see. Times are ms since 1970 by the relay's clock.
 * @typedef {object} WaitingScene
 * @property {'waiting'} state
 * @property {string} text
 * @property {string} logo
 * @property {number} [position]
 * @property {number} [opens_at]
 * @property {string[]} [languages]
 */

/**
 * What those who are in see.
 * @typedef {object} PresentScene
 * @property {'present'} state
 * @property {string} title
 * @property {You} you
 * @property {Layout} layout
 * @property {Direction} direction
 * @property {boolean} locked
 * @property {SceneTile[]} tiles
 * @property {number|null} spotlight
 * @property {number[]} hands
 * @property {ChatRule} chat
 * @property {string[]} [absent]
 * @property {Breakouts} [breakouts]
 * @property {number} [ends_at]
 * @property {number} [abandoned_until]
 * @property {StaffView} [staff]
 */
/** @typedef {WaitingScene|PresentScene} Scene */

/**
 * @typedef {object} You
 * @property {Role} role
 * @property {Source[]} on      switched on by ourselves
 * @property {Source[]} locked  closed by the staff or the settings
 * @property {boolean} hand
 * @property {number|null} pin
 * @property {Place} breakout
 * @property {ChatRule} chat
 */

/** @typedef {{participant:number, source:Source, main:boolean, width:number, height:number}} SceneTile */
/** @typedef {{id:number, name:string, assigned?:number[], help?:number[]}} Breakout */
/** @typedef {{open:boolean, self_choice:boolean, closes_at:number|null, rooms:Breakout[]}} Breakouts */
/** @typedef {{waiting:number[], removed:[number, string][], full:boolean, settings:Record<string, any>}} StaffView */
/** @typedef {{id:number, from:number, to:number|null, to_staff:boolean, place:Place, at:number, text:string}} ChatMessage */
/** @typedef {{from:number|null, at:number, text:string}} Announcement */

/** @typedef {{type:string, [field:string]:any}} Command  see relay/room/src/command.rs */
/** @typedef {{type:'done', id:number}} Done */
/** @typedef {{type:'refused', id?:number, code:string, message:string, field?:string}} Refused */

/**
 * @typedef {object} Welcome
 * @property {'welcome'} type
 * @property {number} version
 * @property {string} room
 * @property {number} participant
 * @property {string} resume
 * @property {boolean} resumed
 * @property {Participant[]} roster
 * @property {Scene} scene
 */

/**
 * @typedef {{type:'answer', id:number, sdp:string}} Answer
 * @typedef {{type:'error', code:string, message:string, field?:string, id?:number}} ProtocolError
 * @typedef {{type:'bye', reason:string}} Bye
 * @typedef {{type:'scene', scene:Scene}} SceneMessage
 * @typedef {{type:'roster', roster:Participant[]}} RosterMessage
 * @typedef {{type:'joined'|'updated', participant:Participant}} PersonMessage
 * @typedef {{type:'left', participant:number}} LeftMessage
 * @typedef {{type:'slots', slots:Slot[]}} SlotsMessage
 * @typedef {{type:'send', sources:Needed[]}} SendMessage
 * @typedef {{type:'slots_wanted', audio:number, video:number}} SlotsWanted
 * @typedef {{type:'speaker', participant:number|null}} SpeakerMessage
 * @typedef {{type:'chat', message:ChatMessage, earlier?:boolean}} ChatArrival
 * @typedef {{type:'announcement', message:Announcement}} AnnouncementMessage
 * @typedef {{type:'unmute_asked'}} UnmuteAsked
 * @typedef {{type:'pong', id:number}} Pong
 * @typedef {Welcome|Answer|ProtocolError|Bye|SceneMessage|RosterMessage|PersonMessage|LeftMessage|SlotsMessage|SendMessage|SlotsWanted
 *   |SpeakerMessage|ChatArrival|AnnouncementMessage|UnmuteAsked|Done|Refused|Pong} ServerMessage
 */

/**
 * @typedef {{type:'offer', id:number, sdp:string, sources:Record<string, Source>}} Offer
 * @typedef {Offer|{type:'command', id:number, command:Command}|{type:'tiles', tiles:Record<string, [number, number]>}
 *   |{type:'leave'}|{type:'ping', id:number}} ClientMessage
 */

/**
 * Where a meeting stands. `reconnecting`: the signalling connection is away, media may still flow. Whether we wait to be let in
 * is the scene's matter.
 * @typedef {'prejoin'|'joining'|'connected'|'reconnecting'|'left'|'failed'} Phase
 */

export {};
