//! Which source each publishing m-line carries: what the client says, else what the line carried before, else by order of appearance.

use std::collections::BTreeMap;

use wire::ids::{MAX_TOKEN, Mid};

use super::SdpError;
use super::line::{Body, Direction, Line};
use crate::message::Source;
use crate::session::MediaKind;

/// The source of each live publishing m-line. `earlier`: what the lines carried last time they were live.
pub(super) fn assign(
    lines: &[Line],
    said: &BTreeMap<String, Source>,
    earlier: &BTreeMap<Mid, Source>,
) -> Result<BTreeMap<Mid, Source>, SdpError> {
    for (mid, &source) in said {
        named(lines, mid, source)?;
    }
    let publishing = || lines.iter().filter_map(|line| line.body.as_ref()).filter(|body| body.direction.client_sends());
    let mut assigned: BTreeMap<Mid, Source> = BTreeMap::new();
    let mut give = |body: &Body, source: Source| {
        if assigned.values().any(|&taken| taken == source) {
            return Err(SdpError::DuplicateSource(body.mid));
        }
        assigned.insert(body.mid, source);
        Ok(())
    };
    let known = |body: &Body| said.get(body.mid.as_str()).or_else(|| earlier.get(&body.mid)).copied();
    for body in publishing() {
        if let Some(source) = known(body) {
            give(body, source)?;
        }
    }
    for body in publishing().filter(|body| known(body).is_none()) {
        if !in_order(body.kind).into_iter().any(|source| give(body, source).is_ok()) {
            return Err(SdpError::DuplicateSource(body.mid));
        }
    }
    Ok(assigned)
}

/// The sources of a kind, in the order in which unnamed m-lines get them.
fn in_order(kind: MediaKind) -> [Source; 2] {
    match kind {
        MediaKind::Audio => [Source::Microphone, Source::ScreenAudio],
        MediaKind::Video => [Source::Camera, Source::Screen],
    }
}

/// Checks one entry of `sources`. It may name a line that is paused or rejected now, but not one that receives.
fn named(lines: &[Line], mid: &str, source: Source) -> Result<(), SdpError> {
    let Some(line) = lines.iter().find(|line| line.mid.is_some_and(|own| own.as_str() == mid)) else {
        // Cut, so that an error message cannot be made to carry a megabyte back.
        return Err(SdpError::UnknownSource(mid.chars().take(MAX_TOKEN).collect()));
    };
    let Some(body) = &line.body else { return Ok(()) };
    if body.direction == Direction::RecvOnly {
        return Err(SdpError::UnknownSource(mid.to_owned()));
    }
    if in_order(body.kind).contains(&source) { Ok(()) } else { Err(SdpError::WrongSource(body.mid)) }
}
