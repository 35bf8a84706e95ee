//! The table: who may do what, where, in which state of the room. Written from the specification, not from the code.

use serde_json::{Value, json};

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Caller {
    /// A service for every room, for this room, for another one.
    Service,
    ServiceHere,
    ServiceElsewhere,
    /// People in the room.
    Host,
    Deputy,
    Guest,
    Waiting,
    /// Removed by the host.
    Removed,
    /// Somebody who receives only (WHEP).
    Viewer,
    /// No token, one that expired, one for another room.
    Nobody,
    Expired,
    Elsewhere,
}

impl Caller {
    /// In the order of the columns below.
    pub(crate) const ALL: [Self; 12] = [
        Self::Service,
        Self::ServiceHere,
        Self::ServiceElsewhere,
        Self::Host,
        Self::Deputy,
        Self::Guest,
        Self::Waiting,
        Self::Removed,
        Self::Viewer,
        Self::Nobody,
        Self::Expired,
        Self::Elsewhere,
    ];
}

/// Where they ask.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// A command over the WebSocket.
    Socket,
    /// A command over `POST …/commands`.
    Commands,
}

/// How the room is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Open,
    Locked,
    OneWay,
    Breakouts,
}

impl State {
    pub(crate) const ALL: [Self; 4] = [Self::Open, Self::Locked, Self::OneWay, Self::Breakouts];
}

/// Ids that commands name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ids {
    pub(crate) host: u64,
    /// Another guest, in the same place as the one who asks.
    pub(crate) other: u64,
    pub(crate) waiting: u64,
    pub(crate) removed: u64,
}

/// Nobody in any room has this id: ids stay below 2^31.
const NOBODY: u64 = 1 << 40;

/// One command.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// Service, Host, Deputy, Guest, Waiting: the initials of those who may. Nobody else may anything.
    pub(crate) may: &'static str,
    pub(crate) command: fn(&Ids) -> Value,
    /// What those who may then get.
    outcome: fn(Caller, State) -> Option<&'static str>,
    /// Changes what later rows build on.
    pub(crate) drastic: bool,
}

/// The only right answer: `None` is success, else the code. `Err` for a cell that cannot be: a viewer has no WebSocket.
pub(crate) fn expected(row: &Row, caller: Caller, place: Place, state: State) -> Result<Option<&'static str>, &'static str> {
    let initial = match caller {
        Caller::ServiceElsewhere | Caller::Nobody | Caller::Expired | Caller::Elsewhere => return Ok(Some("unauthorized")),
        Caller::Viewer if place == Place::Socket => return Err("a viewer has no WebSocket"),
        // At the door over the WebSocket; over REST their token is good, but they are not there.
        Caller::Removed => return Ok(Some(if place == Place::Socket { "removed" } else { "not_found" })),
        Caller::Viewer => return Ok(Some("forbidden")),
        Caller::Service | Caller::ServiceHere => 'S',
        Caller::Host => 'H',
        Caller::Deputy => 'D',
        Caller::Guest => 'G',
        Caller::Waiting => 'W',
    };
    Ok(if row.may.contains(initial) { (row.outcome)(caller, state) } else { Some("forbidden") })
}

fn done(_: Caller, _: State) -> Option<&'static str> {
    None
}

fn forbidden(_: Caller, _: State) -> Option<&'static str> {
    Some("forbidden")
}

fn unknown(_: Caller, _: State) -> Option<&'static str> {
    Some("not_found")
}

fn not_here(_: Caller, _: State) -> Option<&'static str> {
    Some("not_allowed_here")
}

fn invalid(_: Caller, _: State) -> Option<&'static str> {
    Some("invalid")
}

/// Only where breakouts are open.
fn when_open(_: Caller, state: State) -> Option<&'static str> {
    (state != State::Breakouts).then_some("not_allowed_here")
}

/// The staff is in the main room, the guest in a breakout when they are open.
fn from_a_breakout(caller: Caller, state: State) -> Option<&'static str> {
    (caller != Caller::Guest || state != State::Breakouts).then_some("not_allowed_here")
}

/// Guests may not choose; the staff may where breakouts are open.
fn into_a_breakout(caller: Caller, state: State) -> Option<&'static str> {
    (caller == Caller::Guest || state != State::Breakouts).then_some("not_allowed_here")
}

fn to_the_main_room(caller: Caller, _: State) -> Option<&'static str> {
    (caller == Caller::Guest).then_some("not_allowed_here")
}

macro_rules! rows {
    ($($name:literal $may:literal $outcome:ident $drastic:literal |$ids:pat_param| $command:tt;)*) => {
        pub(crate) const ROWS: &[Row] = &[$(
            Row { name: $name, may: $may, command: |$ids| json!($command), outcome: $outcome, drastic: $drastic },
        )*];
    };
}

rows! {
    // For oneself.
    "set_source microphone"    "HDGW" done            false |_| { "type": "set_source", "source": "microphone", "active": true };
    "set_source camera off"    "HDGW" done            false |_| { "type": "set_source", "source": "camera", "active": false };
    "set_source screen"        "HDG"  done            false |_| { "type": "set_source", "source": "screen", "active": true };
    "set_source screen_audio"  "HDG"  done            false |_| { "type": "set_source", "source": "screen_audio", "active": true };
    "raise_hand"               "HDG"  done            false |_| { "type": "raise_hand" };
    "lower_hand own"           "HDG"  done            false |_| { "type": "lower_hand" };
    "say to all"               "HDG"  done            false |_| { "type": "say", "text": "hello" };
    "say to one"               "HDG"  done            false |ids| { "type": "say", "text": "hello", "to": (ids.other) };
    "say to nobody"            "HDG"  unknown         false |_| { "type": "say", "text": "hello", "to": NOBODY };
    "say nothing"              "HDG"  invalid         false |_| { "type": "say", "text": " " };
    "pin"                      "HDG"  done            false |ids| { "type": "pin", "participant": (ids.other) };
    "pin nobody"               "HDG"  unknown         false |_| { "type": "pin", "participant": NOBODY };
    "pin no more"              "HDG"  done            false |_| { "type": "pin", "participant": null };
    "ask_help"                 "HDG"  from_a_breakout false |_| { "type": "ask_help", "wanted": true };
    "ask_help no more"         "HDG"  done            false |_| { "type": "ask_help", "wanted": false };
    "go"                       "HDG"  into_a_breakout true  |_| { "type": "go", "breakout": 1 };
    "go back"                  "HDG"  to_the_main_room true |_| { "type": "go", "breakout": null };
    // The host's powers.
    "lower_hand other"         "SHD"  done            false |ids| { "type": "lower_hand", "participant": (ids.other) };
    "mute"                     "SHD"  done            false |ids| { "type": "mute", "participant": (ids.other) };
    "mute nobody"              "SHD"  unknown         false |_| { "type": "mute", "participant": NOBODY };
    "mute the host"            "SHD"  forbidden       false |ids| { "type": "mute", "participant": (ids.host) };
    "unmute"                   "SHD"  done            false |ids| { "type": "unmute", "participant": (ids.other) };
    "mute_all"                 "SHD"  done            false |_| { "type": "mute_all" };
    "unmute_all"               "SHD"  done            false |_| { "type": "unmute_all" };
    "deny_camera"              "SHD"  done            false |ids| { "type": "deny_camera", "participant": (ids.other) };
    "deny_camera of the host"  "SHD"  forbidden       false |ids| { "type": "deny_camera", "participant": (ids.host) };
    "allow_camera"             "SHD"  done            false |ids| { "type": "allow_camera", "participant": (ids.other) };
    "deny_cameras"             "SHD"  done            false |_| { "type": "deny_cameras" };
    "allow_cameras"            "SHD"  done            false |_| { "type": "allow_cameras" };
    "stop_screen"              "SHD"  done            false |ids| { "type": "stop_screen", "participant": (ids.other) };
    "set_always_heard"         "SHD"  done            false |ids| { "type": "set_always_heard", "participant": (ids.other), "on": true };
    "set_layout"               "SHD"  done            false |_| { "type": "set_layout", "layout": "host_large" };
    "set_direction"            "SHD"  done            true  |_| { "type": "set_direction", "direction": "two_way" };
    "change"                   "SHD"  done            true  |_| { "type": "change", "settings": { "chat": "to_staff", "hands": false } };
    "change of the logo"       "SHD"  not_here        false |_| { "type": "change", "settings": { "waiting_logo": "" } };
    "change out of range"      "SHD"  invalid         false |_| { "type": "change", "settings": { "screens": 9 } };
    "lock"                     "SHD"  done            true  |_| { "type": "lock" };
    "unlock"                   "SHD"  done            true  |_| { "type": "unlock" };
    "admit"                    "SHD"  done            true  |ids| { "type": "admit", "participant": (ids.waiting) };
    "admit_all"                "SHD"  done            true  |_| { "type": "admit_all" };
    "deny"                     "SHD"  done            true  |ids| { "type": "deny", "participant": (ids.waiting) };
    "deny the host"            "SHD"  forbidden       false |ids| { "type": "deny", "participant": (ids.host) };
    "deny somebody present"    "SHD"  invalid         false |ids| { "type": "deny", "participant": (ids.other) };
    "remove"                   "SHD"  done            true  |ids| { "type": "remove", "participant": (ids.other) };
    "remove the host"          "SHD"  forbidden       false |ids| { "type": "remove", "participant": (ids.host) };
    "remove nobody"            "SHD"  unknown         false |_| { "type": "remove", "participant": NOBODY };
    "allow_back"               "SHD"  done            true  |ids| { "type": "allow_back", "participant": (ids.removed) };
    "allow_back nobody"        "SHD"  unknown         false |_| { "type": "allow_back", "participant": NOBODY };
    "end_meeting"              "SHD"  done            true  |_| { "type": "end_meeting" };
    "spotlight"                "SHD"  done            false |ids| { "type": "spotlight", "participant": (ids.other) };
    "spotlight nobody"         "SHD"  unknown         false |_| { "type": "spotlight", "participant": NOBODY };
    "lower_hands"              "SHD"  done            false |_| { "type": "lower_hands" };
    "broadcast"                "SHD"  done            false |_| { "type": "broadcast", "text": "hello" };
    "broadcast of nothing"     "SHD"  invalid         false |_| { "type": "broadcast", "text": "" };
    // The host's alone, and services'.
    "delegate"                 "SH"   done            true  |ids| { "type": "delegate", "participant": (ids.other) };
    "undelegate"               "SH"   done            true  |_| { "type": "undelegate" };
    // Breakouts.
    "create_breakouts"         "SHD"  done            false |_| { "type": "create_breakouts", "names": ["C"] };
    "create_breakouts unnamed" "SHD"  invalid         false |_| { "type": "create_breakouts", "names": [""] };
    "rename_breakout"          "SHD"  done            false |_| { "type": "rename_breakout", "breakout": 1, "name": "D" };
    "rename_breakout unknown"  "SHD"  unknown         false |_| { "type": "rename_breakout", "breakout": 99, "name": "D" };
    "delete_breakout"          "SHD"  done            true  |_| { "type": "delete_breakout", "breakout": 1 };
    "delete_breakout unknown"  "SHD"  unknown         false |_| { "type": "delete_breakout", "breakout": 99 };
    "assign"                   "SHD"  done            true  |ids| { "type": "assign", "participant": (ids.other), "breakout": 2 };
    "assign to unknown"        "SHD"  unknown         false |ids| { "type": "assign", "participant": (ids.other), "breakout": 99 };
    "assign_random"            "SHD"  done            true  |_| { "type": "assign_random" };
    "open_breakouts"           "SHD"  done            true  |_| { "type": "open_breakouts", "self_choice": true };
    "open_breakouts too long"  "SHD"  invalid         false |_| { "type": "open_breakouts", "seconds": 86401 };
    "set_timer"                "SHD"  when_open       true  |_| { "type": "set_timer", "seconds": 60 };
    "set_timer to none"        "SHD"  done            false |_| { "type": "set_timer", "seconds": null };
    "recall"                   "SHD"  done            true  |ids| { "type": "recall", "participant": (ids.other) };
    "recall_all"               "SHD"  done            true  |_| { "type": "recall_all" };
    "recall_all too long"      "SHD"  invalid         false |_| { "type": "recall_all", "seconds": 301 };
}

/// One thing that may be asked of the API beside commands, with the answer for each caller in the order of [`Caller::ALL`]:
/// `.` done, `u` unauthorized, `f` forbidden, `n` not_found, `t` token_required, `o` bad_offer.
pub(crate) struct Resource {
    pub(crate) name: &'static str,
    pub(crate) method: &'static str,
    /// As documented; `{room}` is the stage's.
    pub(crate) path: &'static str,
    pub(crate) query: &'static str,
    pub(crate) body: Option<(&'static str, &'static str)>,
    pub(crate) answers: &'static str,
    pub(crate) drastic: bool,
}

const JSON: &str = "application/json";
const SDP: &str = "application/sdp";
const FRAGMENT: &str = "application/trickle-ice-sdpfrag";

macro_rules! resources {
    ($($name:literal $method:ident $path:literal $query:literal $body:expr, $answers:literal $drastic:literal;)*) => {
        pub(crate) const RESOURCES: &[Resource] = &[$(Resource {
            name: $name, method: stringify!($method), path: $path, query: $query, body: $body, answers: $answers, drastic: $drastic,
        },)*];
    };
}

//                                                                                                              S hH e H D G W R V N X E
resources! {
    "list rooms"        GET    "/v1/rooms" ""                       None,                                        "...uuuuuuuuu" false;
    "create elsewhere"  POST   "/v1/rooms" ""                       Some((JSON, "{\"id\": \"{room}-new\"}")),    ".ffuuuuuuuuu" true;
    "create again"      POST   "/v1/rooms" ""                       Some((JSON, "{\"id\": \"{room}\"}")),        "..fuuuuuuuuu" false;
    "create instant"    POST   "/v1/rooms" ""                       Some((JSON, "{}")),                          ".ffuuuuuuuuu" true;
    "show"              GET    "/v1/rooms/{room}" ""                None,                                        "..nuuuuuuuuu" false;
    "change"            PATCH  "/v1/rooms/{room}" ""                Some((JSON, "{\"settings\": {\"title\": \"A\"}}")), "..nuuuuuuuuu" true;
    "change dry"        PATCH  "/v1/rooms/{room}" "?dry_run=true"   Some((JSON, "{\"settings\": {\"title\": \"A\"}}")), "..nuuuuuuuuu" false;
    "change template"   PATCH  "/v1/rooms/{room}" ""                Some((JSON, "{\"template\": null}")),        ".fnuuuuuuuuu" false;
    "delete"            DELETE "/v1/rooms/{room}" ""                None,                                        "..nuuuuuuuuu" true;
    "list templates"    GET    "/v1/templates" ""                   None,                                        ".ffuuuuuuuuu" false;
    "show template"     GET    "/v1/templates/{template}" ""        None,                                        ".ffuuuuuuuuu" false;
    "put template"      PUT    "/v1/templates/{template}" ""        Some((JSON, "{\"settings\": {\"title\": \"B\"}}")), ".ffuuuuuuuuu" true;
    "put template dry"  PUT    "/v1/templates/{template}" "?dry_run=true" Some((JSON, "{}")),                    ".ffuuuuuuuuu" false;
    "delete template"   DELETE "/v1/templates/{template}" ""        None,                                        ".ffuuuuuuuuu" true;
    "tokens"            POST   "/v1/rooms/{room}/tokens" ""         Some((JSON, "{\"identity\": \"x\", \"role\": \"host\"}")), "..uuuuuuuuuu" false;
    "join"              POST   "/v1/rooms/{room}/join" ""           Some((JSON, "{\"name\": \"X\"}")),           "tttttttttttt" false;
    "events"            GET    "/v1/rooms/{room}/events" ""         None,                                        "..u.fffffuuu" false;
    "why"               GET    "/v1/rooms/{room}/why" "?viewer={host}" None,                                     "..uuuuuuuuuu" false;
    "publish"           POST   "/v1/rooms/{room}/whip" ""           Some((SDP, "v=0")),                          "uuuoooooouuu" false;
    "play"              POST   "/v1/rooms/{room}/whep" ""           Some((SDP, "v=0")),                          "uuuoooooouuu" false;
    "change publish"    PATCH  "/v1/rooms/{room}/whip/{resource}" "" Some((FRAGMENT, "a=ice-ufrag:x")),          "uuunnnnnnuuu" false;
    "change play"       PATCH  "/v1/rooms/{room}/whep/{resource}" "" Some((FRAGMENT, "a=ice-ufrag:x")),          "uuunnnnnnuuu" false;
    "end publish"       DELETE "/v1/rooms/{room}/whip/{resource}" "" None,                                       "uuunnnnnnuuu" false;
    "end play"          DELETE "/v1/rooms/{room}/whep/{resource}" "" None,                                       "uuunnnnnnuuu" false;
}

/// The only right answer of a resource.
pub(crate) fn answer(resource: &Resource, caller: Caller) -> Option<&'static str> {
    let column = Caller::ALL.iter().position(|other| *other == caller).unwrap();
    match resource.answers.as_bytes()[column] {
        b'.' => None,
        b'u' => Some("unauthorized"),
        b'f' => Some("forbidden"),
        b'n' => Some("not_found"),
        b't' => Some("token_required"),
        b'o' => Some("bad_offer"),
        other => panic!("{other}"),
    }
}
