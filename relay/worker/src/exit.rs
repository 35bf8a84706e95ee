//! Where a viewer's packets leave: written into the outbox, sealed in place, and told to the estimator of the viewer's line.

use std::time::Instant;

use media::Flight;
use media::bandwidth::{Purpose, Sent};
use transport::{Path, Transport};
use wire::ids::Ssrc;

use crate::downlink::Downlink;
use crate::outbox::Outbox;
use crate::peer::{Link, OutSlot};

/// Bytes that a packet's header, extensions and SRTP tag add to its payload, for pacing: 12, about 20, and 16.
pub(crate) const OVERHEAD: usize = 48;

/// What sending over one link takes, but for slots and line.
pub(crate) struct Exit<'l> {
    path: Path,
    transport: &'l mut Transport,
    twcc: &'l mut u16,
    /// What is sent is told of by transport-wide numbers, but for lines that have none.
    by_number: bool,
}

/// Takes a link apart: slots write, the downlink paces and estimates, the exit seals.
pub(crate) fn exit(link: &mut Link, path: Path) -> (&mut [OutSlot], &mut Downlink, Exit<'_>) {
    let Link { slots, downlink, transport, session, twcc, .. } = link;
    (slots, downlink, Exit { path, transport, twcc, by_number: session.tells_by_number })
}

impl Exit<'_> {
    /// The transport-wide number of the next packet.
    pub(crate) fn number(&self) -> u16 {
        *self.twcc
    }

    /// Sends what `write` writes: it is given the transport-wide counter and the room, and says how long the packet became. False when nothing was sent. `purpose`: `None` for what the estimator is not told of. `repairable`: what is to be sent again
    /// if this is lost.
    #[inline]
    pub(crate) fn push(
        &mut self,
        now: Instant,
        (purpose, repairable): (Option<Purpose>, Option<(Ssrc, u16)>),
        downlink: &mut Downlink,
        outbox: &mut Outbox,
        write: impl FnOnce(&mut u16, &mut [u8]) -> Option<usize>,
    ) -> bool {
        let Self { path, transport, twcc, by_number } = self;
        let number = **twcc;
        outbox.push(*path, |buf| {
            let len = write(twcc, buf)?;
            let (sequence, ssrc) = identity(buf)?;
            let bytes = transport.seal_rtp(buf, len).ok()?;
            // Of what has no number where numbers are reported nobody will ever hear.
            if *by_number && **twcc == number {
                return Some(bytes);
            }
            if let Some(purpose) = purpose {
                downlink.estimator.sent(now, &Sent { number, ssrc, sequence, bytes, purpose });
            }
            if let Some((stream, sequence)) = repairable {
                downlink.flights.sent(number, Flight { stream, sequence, sent: now });
            }
            Some(bytes)
        })
    }
}

/// Sequence number and SSRC of a packet that has just been written (RFC 3550 section 5.1).
#[inline]
fn identity(packet: &[u8]) -> Option<(u16, Ssrc)> {
    let sequence = u16::from_be_bytes(*packet.get(2..)?.first_chunk()?);
    Some((sequence, Ssrc(u32::from_be_bytes(*packet.get(8..)?.first_chunk()?))))
}
