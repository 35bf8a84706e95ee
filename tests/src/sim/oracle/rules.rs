//! The rules of ROOMS.md in the oracle's own words. Written from the specification, not from the relay's `room`; shares no code with it.
//!
//! ```text
//!  one-way       to staff          to guest                     layout A      to guest
//!  of staff      all               screen and its sound         of staff      all
//!  of guest      all               nothing                      of guest      sound, if the room says so
//! ```

use room::{Chat, Device, Direction, GuestMicrophone, Layout, Names, ParticipantId, Role, ScreenShare, Source, WaitingRoom};

use super::meeting::{Meeting, Resident, Standing};

/// Whether a source of `from` may reach `to`, whatever its owner does with it at present.
#[must_use]
pub(super) fn may_get(meeting: &Meeting, from: &Resident, to: &Resident, source: Source) -> bool {
    let (Standing::In(here), Standing::In(there)) = (from.standing, to.standing) else { return false };
    if from.author == to.author || from.viewer || here != there {
        return false;
    }
    if !to.is_guest() {
        return true;
    }
    let screen = matches!(source, Source::Screen | Source::ScreenAudio);
    let one_way = meeting.settings.direction == Direction::OneWay;
    if !from.is_guest() {
        return !one_way || screen;
    }
    let host_only = meeting.settings.layout == Layout::HostOnly;
    !one_way && (!host_only || source == Source::Microphone && meeting.settings.guests_hear_guests)
}

/// Whether anything of a source may come in at all.
#[must_use]
pub(super) fn may_send(meeting: &Meeting, from: &Resident, source: Source) -> bool {
    let bits = from.own[source as usize] && !from.closed[source as usize];
    // The sound of a screen goes with its screen.
    let with = source != Source::ScreenAudio || from.own[Source::Screen as usize];
    bits && with && from.is_in() && !from.viewer && room_lets_send(meeting, from, source)
}

fn room_lets_send(meeting: &Meeting, from: &Resident, source: Source) -> bool {
    let settings = &meeting.settings;
    match source {
        Source::Microphone => !from.is_guest() || settings.guest_microphone != GuestMicrophone::Off,
        Source::Camera => !from.is_guest() || settings.guest_camera,
        Source::Screen | Source::ScreenAudio => match settings.screen_share {
            ScreenShare::Off => false,
            ScreenShare::Staff => !from.is_guest() && from.device == Device::Desktop,
            ScreenShare::Everyone => from.device == Device::Desktop,
        },
    }
}

/// Whether somebody new has to wait.
#[must_use]
pub(super) fn must_wait(meeting: &Meeting, identity: &str, role: Role, host_token: bool, viewer: bool) -> bool {
    if !viewer && (role.is_staff() || host_token) {
        return false;
    }
    if meeting.fallen {
        return true;
    }
    if meeting.known.get(identity).is_some_and(|memory| memory.admitted) {
        return false;
    }
    !may_come_by_itself(meeting)
}

/// Whether a rule, rather than a person, may let somebody in now.
#[must_use]
pub(super) fn may_come_by_itself(meeting: &Meeting) -> bool {
    let open = match meeting.settings.waiting_room {
        WaitingRoom::Off => !meeting.fallen || meeting.has_staff(),
        WaitingRoom::UntilHost => meeting.has_staff(),
        WaitingRoom::Admit => false,
    };
    open && !meeting.locked && meeting.admitted() < meeting.settings.max_participants as usize
}

/// The role somebody gets on arrival: at most one host, at most one deputy.
#[must_use]
pub(super) fn role_on_arrival(meeting: &Meeting, identity: &str, host_token: bool, viewer: bool) -> Role {
    let deputy_was = meeting.seats[1].as_deref() == Some(identity);
    match (meeting.holds(Role::Host), meeting.holds(Role::Deputy)) {
        _ if viewer => Role::Participant,
        (false, _) if host_token => Role::Host,
        (_, false) if host_token || deputy_was => Role::Deputy,
        _ => Role::Participant,
    }
}

/// The name of `other` as `viewer` may see it. `None`: either of two is fine.
#[must_use]
pub(super) fn name_for<'a>(meeting: &Meeting, viewer: &Resident, other: &'a Resident) -> Option<&'a str> {
    if viewer.author == other.author {
        return None;
    }
    if !viewer.is_guest() || !other.is_guest() {
        return Some(&other.name);
    }
    Some(match meeting.settings.names {
        Names::Full => &other.name,
        Names::First => other.name.split_whitespace().next().unwrap_or_default(),
        Names::Hidden => "",
    })
}

/// Whether `viewer` may know that `other` is here.
#[must_use]
pub(super) fn may_know(meeting: &Meeting, viewer: &Resident, other: &Resident) -> bool {
    if viewer.author == other.author {
        return true;
    }
    if !viewer.is_in() || other.viewer {
        return false;
    }
    if !viewer.is_guest() {
        return true;
    }
    let related = Source::ALL.into_iter().any(|source| may_get(meeting, other, viewer, source)) || may_read(meeting, other, viewer, false);
    viewer.standing == other.standing && (!other.is_guest() || meeting.settings.name_list || related)
}

/// Whether `reader` may read what `writer` writes, to all or (`direct`) to this reader alone.
#[must_use]
pub(super) fn may_read(meeting: &Meeting, writer: &Resident, reader: &Resident, direct: bool) -> bool {
    let (Standing::In(here), Standing::In(there)) = (writer.standing, reader.standing) else { return false };
    if writer.author == reader.author {
        return true;
    }
    let settings = &meeting.settings;
    let as_staff = |person: &Resident| settings.invitees.iter().any(|invitee| invitee.id == person.identity && invitee.chat_as_staff);
    match (writer.is_guest() && !as_staff(writer), reader.is_guest()) {
        (false, _) => settings.chat != Chat::Off && (here == there || direct),
        (true, false) => settings.chat != Chat::Off && (here == there || direct),
        (true, true) => settings.chat == Chat::Everyone && here == there,
    }
}

/// Whether `viewer` may see the raised hand of `other`.
#[must_use]
pub(super) fn may_see_hand(meeting: &Meeting, viewer: &Resident, other: ParticipantId) -> bool {
    let Some(other) = meeting.by_id(other) else { return false };
    viewer.author == other.author || !viewer.is_guest() || viewer.standing == other.standing
}
