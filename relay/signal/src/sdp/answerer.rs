//! The answerer: one per client, remembers what was agreed, turns each offer into an answer and a `Session`.

use std::collections::BTreeMap;

use wire::ids::{Fingerprint, IceCredentials, Mid};

use super::answer::{End, Text, media_line};
use super::line::Line;
use super::offer::Offer;
use super::slots::Slots;
use super::{Candidate, Fragment, SdpError, ice, sources};
use crate::message::Source;
use crate::session::{PublishLine, Session, SlotLine};

/// What the relay says about itself in every answer to one client.
#[derive(Clone, Debug)]
pub struct Local {
    /// Begins every ufrag: [`super::ufrag_prefix`] of the worker that owns the client.
    pub ufrag_prefix: String,
    /// Of the relay's DTLS certificate.
    pub fingerprint: Fingerprint,
    /// Where the media socket is reached, most preferred first.
    pub candidates: Vec<Candidate>,
    /// For the `o=` line; unique and stable for the client's session, below 2^63.
    pub session_id: u64,
}

/// An offer was accepted.
#[derive(Clone, Debug)]
#[must_use]
pub struct Answered {
    /// The answer, to be sent to the client.
    pub sdp: String,
    /// What it means, to be given to the worker.
    pub session: Session,
    /// The client's ICE credentials changed, and with them the relay's. Never true for the first offer.
    pub ice_restarted: bool,
}

/// A fragment restarted ICE.
#[derive(Clone, Debug)]
#[must_use]
pub struct Restarted {
    /// The answering fragment, `application/trickle-ice-sdpfrag`.
    pub fragment: String,
    /// The session with the new credentials, otherwise unchanged.
    pub session: Session,
}

/// Answers the offers of one client, in the order in which they came. A refused offer changes nothing.
#[derive(Clone, Debug)]
pub struct Answerer {
    local: Local,
    agreed: Option<Agreed>,
}

/// What the last answer settled.
#[derive(Clone, Debug)]
struct Agreed {
    session: Session,
    /// Of the `o=` line; grows by one with each answer (RFC 8829 section 5.3.2).
    version: u64,
    /// By place: mid and `<media>` of lines that are alive, `None` for rejected ones, whose place may be taken anew (RFC 8829 section 5.2.2).
    lines: Vec<Option<(Mid, String)>>,
    slots: Slots,
    /// What each line carried when it was last live; only of lines that exist.
    sources: BTreeMap<Mid, Source>,
    /// Mids of the bundle, the one that carries the transport first, and that one's m-line.
    bundle: Vec<Mid>,
    tagged: String,
}

impl Answerer {
    /// An answerer that has not seen an offer yet.
    #[must_use]
    pub fn new(local: Local) -> Self {
        Self { local, agreed: None }
    }

    /// Answers an offer. `sources` says by mid what each publishing m-line carries; lines without an entry keep what they carried or
    /// become microphone, then screen audio, or camera, then screen. `entropy` fills a buffer with random bytes.
    ///
    /// # Errors
    /// When the offer breaks a limit or a rule named in [`SdpError`]; the earlier session stays as it was.
    pub fn answer(
        &mut self,
        offer: &str,
        sources: &BTreeMap<String, Source>,
        entropy: &mut dyn FnMut(&mut [u8]),
    ) -> Result<Answered, SdpError> {
        let offer = Offer::parse(offer)?;
        let earlier = self.agreed.as_ref();
        if let Some(earlier) = earlier {
            earlier.check(&offer)?;
        }
        let none = BTreeMap::new();
        let live = sources::assign(&offer.lines, sources, earlier.map_or(&none, |earlier| &earlier.sources))?;

        let ice_restarted = earlier.is_some_and(|earlier| earlier.session.remote_ice != offer.remote.ice);
        let local_ice = match earlier {
            Some(earlier) if !ice_restarted => earlier.session.local_ice.clone(),
            _ => ice::fresh(&self.local.ufrag_prefix, entropy),
        };
        let slots = earlier.map(|earlier| earlier.slots.clone()).unwrap_or_default().after(&offer.lines, entropy);
        let version = earlier.map_or(1, |earlier| earlier.version + 1);
        let session = session(&offer, local_ice, &live, &slots);
        let agreed = Agreed {
            version,
            lines: offer.lines.iter().map(|line| line.body.as_ref().map(|body| (body.mid, line.media.clone()))).collect(),
            sources: remembered(&offer.lines, earlier.map_or(&none, |earlier| &earlier.sources), live),
            bundle: offer.lines.iter().filter_map(|line| line.body.as_ref()).map(|body| body.mid).collect(),
            tagged: offer.lines.iter().find_map(|line| Some(media_line(line, line.body.as_ref()?))).unwrap_or_default(),
            slots,
            session: session.clone(),
        };
        let sdp = self.write(&offer, &agreed);
        self.agreed = Some(agreed);
        Ok(Answered { sdp, session, ice_restarted })
    }

    /// Takes the credentials of a trickle fragment. `None` when they are the ones in use (the fragment only brought candidates, which
    /// an ICE-lite agent does not need); otherwise ICE restarts with new credentials on both sides. Whether a late fragment of an earlier
    /// ICE session is meant must be told by the caller's entity tags (RFC 9725 section 4.3.2).
    ///
    /// # Errors
    /// [`SdpError::NoSession`] before the first offer.
    pub fn restart(&mut self, fragment: &Fragment, entropy: &mut dyn FnMut(&mut [u8])) -> Result<Option<Restarted>, SdpError> {
        let agreed = self.agreed.as_mut().ok_or(SdpError::NoSession)?;
        let remote = IceCredentials { ufrag: fragment.ufrag.clone(), pwd: fragment.pwd.clone() };
        if remote == agreed.session.remote_ice {
            return Ok(None);
        }
        agreed.session.remote_ice = remote;
        agreed.session.local_ice = ice::fresh(&self.local.ufrag_prefix, entropy);
        let end = End { ice: &agreed.session.local_ice, fingerprint: self.local.fingerprint, candidates: &self.local.candidates };
        let fragment = Text::fragment(&agreed.bundle, &agreed.tagged, end);
        Ok(Some(Restarted { fragment, session: agreed.session.clone() }))
    }

    fn write(&self, offer: &Offer, agreed: &Agreed) -> String {
        let end = End { ice: &agreed.session.local_ice, fingerprint: self.local.fingerprint, candidates: &self.local.candidates };
        let mut text = Text::answer(self.local.session_id, agreed.version, &agreed.bundle, offer.mixed_extensions);
        for line in &offer.lines {
            match &line.body {
                Some(body) => {
                    let slot = agreed.slots.line(body);
                    text.accepted(line, body, slot.as_ref(), end, agreed.bundle.first() == Some(&body.mid));
                }
                None => text.rejected(line),
            }
        }
        text.finish()
    }
}

impl Agreed {
    /// What a later offer may not change.
    fn check(&self, offer: &Offer) -> Result<(), SdpError> {
        for (index, earlier) in self.lines.iter().enumerate() {
            let line = offer.lines.get(index).ok_or(SdpError::LineChanged(index))?;
            // A line that lives must stay what it was; it may be switched off with port 0.
            if let (Some((mid, media)), true) = (earlier, line.body.is_some())
                && (line.mid != Some(*mid) || line.media != *media)
            {
                return Err(SdpError::LineChanged(index));
            }
        }
        // RFC 8842 section 5.1: another certificate means a new DTLS association, which one session does not outlive.
        if offer.remote.fingerprint != self.session.remote_fingerprint {
            return Err(SdpError::FingerprintChanged);
        }
        Ok(())
    }
}

fn session(offer: &Offer, local_ice: IceCredentials, live: &BTreeMap<Mid, Source>, slots: &Slots) -> Session {
    let bodies = || offer.lines.iter().filter_map(|line| line.body.as_ref());
    let publishing = bodies().filter_map(|body| {
        Some(PublishLine {
            mid: body.mid,
            kind: body.kind,
            source: *live.get(&body.mid)?,
            codecs: body.codec_lines(),
            rids: body.layers.rids.clone(),
            ssrcs: body.ssrcs.clone(),
        })
    });
    let slot_lines: Vec<SlotLine> = bodies().filter_map(|body| slots.line(body)).collect();
    Session {
        local_ice,
        remote_ice: offer.remote.ice.clone(),
        remote_fingerprint: offer.remote.fingerprint,
        extensions: offer.extensions,
        tells_by_number: slot_lines.iter().any(SlotLine::is_numbered),
        publishing: publishing.collect(),
        slots: slot_lines,
    }
}

/// The sources of all lines that exist: those that are live now, and those that were and may be again.
fn remembered(lines: &[Line], earlier: &BTreeMap<Mid, Source>, mut live: BTreeMap<Mid, Source>) -> BTreeMap<Mid, Source> {
    for (mid, source) in earlier {
        if lines.iter().any(|line| line.mid == Some(*mid)) {
            live.entry(*mid).or_insert(*source);
        }
    }
    live
}
