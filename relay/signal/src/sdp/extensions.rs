//! RTP header extensions of an offer (RFC 8285 section 5): which are accepted, and that an id has one meaning in the whole bundle.

use std::collections::BTreeMap;

use rtc_sdp::MediaDescription;
use wire::ext::{Ext, ExtMap};

use super::SdpError;
use super::line::Direction;

/// An accepted extension of one m-line, as the answer writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extension {
    pub(super) id: u8,
    pub(super) ext: Ext,
    /// The relay's direction; `None` when the offer names none.
    pub(super) direction: Option<Direction>,
}

impl Extension {
    /// Whether the relay may write it: it may where the offer names no direction.
    pub(super) fn is_written(&self) -> bool {
        matches!(self.direction, None | Some(Direction::SendRecv | Direction::SendOnly))
    }
}

/// Collects the extensions of all m-lines.
#[derive(Debug)]
pub(super) struct Extensions<'a> {
    pub(super) map: ExtMap,
    /// Also of unknown extensions: their ids must not be taken for known ones on another line.
    uris: BTreeMap<u8, &'a str>,
    mixed: bool,
}

impl<'a> Extensions<'a> {
    /// `mixed`: the session allows two-byte headers, and with them ids above 14.
    pub(super) fn new(mixed: bool) -> Self {
        Self { map: ExtMap::new(), uris: BTreeMap::new(), mixed }
    }

    /// The known extensions of an m-line, in the client's order.
    pub(super) fn add(&mut self, media: &'a MediaDescription) -> Result<Vec<Extension>, SdpError> {
        let mixed = self.mixed || media.has_attribute("extmap-allow-mixed");
        let mut accepted: Vec<Extension> = Vec::new();
        for attribute in media.attributes.iter().filter(|attribute| attribute.key == "extmap") {
            let Some((id, direction, uri)) = attribute.value.as_deref().and_then(parse) else { continue };
            // 15 is reserved, ids from 4096 on ask for a free id (RFC 8285 section 5): no browser needs them.
            let Some(id) = u8::try_from(id).ok().filter(|&id| matches!(id, 1..=14) || mixed && id > 15) else { continue };
            if *self.uris.entry(id).or_insert(uri) != uri {
                return Err(SdpError::ExtensionConflict(id));
            }
            let Some(ext) = Ext::from_uri(uri).filter(|_| direction != Some(Direction::Inactive)) else { continue };
            self.map.insert(id, ext).map_err(|_| SdpError::ExtensionConflict(id))?;
            if accepted.iter().all(|extension| extension.ext != ext) {
                accepted.push(Extension { id, ext, direction: direction.map(Direction::reversed) });
            }
        }
        Ok(accepted)
    }
}

/// `<id>["/"<direction>] <URI> [<attributes>]`
fn parse(value: &str) -> Option<(u16, Option<Direction>, &str)> {
    let mut words = value.split_ascii_whitespace();
    let first = words.next()?;
    let (id, direction) = match first.split_once('/') {
        Some((id, direction)) => (id, Some(Direction::named(direction)?)),
        None => (first, None),
    };
    Some((id.parse().ok()?, direction, words.next()?))
}
