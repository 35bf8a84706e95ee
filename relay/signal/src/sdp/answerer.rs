//! The answerer: one per client, remembers what was agreed, turns each offer into an answer and a `Session`.

use std::collections::BTreeMap;

use wire::ids::Fingerprint;

use super::{Candidate, Fragment, SdpError};
use crate::message::Source;
use crate::session::Session;

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
    /// The answering fragment.
    pub fragment: String,
    /// The session with the new credentials, otherwise unchanged.
    pub session: Session,
}

/// Answers the offers of one client, in order. A refused offer changes nothing.
#[derive(Clone, Debug)]
pub struct Answerer {
    local: Local,
}

impl Answerer {
    /// An answerer that has not seen an offer yet.
    #[must_use]
    pub fn new(local: Local) -> Self {
        Self { local }
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
        let _ = (&self.local, offer, sources, entropy);
        Err(SdpError::NoMedia)
    }

    /// Takes the credentials of a trickle fragment. `None` when they are the ones in use (the fragment only brought candidates, which
    /// an ICE-lite agent does not need); otherwise ICE restarts.
    ///
    /// # Errors
    /// [`SdpError::NoSession`] before the first offer.
    pub fn restart(&mut self, fragment: &Fragment, entropy: &mut dyn FnMut(&mut [u8])) -> Result<Option<Restarted>, SdpError> {
        let _ = (fragment, entropy);
        Err(SdpError::NoSession)
    }
}
