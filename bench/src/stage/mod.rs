//! The stages of the relay one by one, each set up, warm, and repeatable for ever. `benches/stages.rs` times them, the instruction gate
//! counts them: the same code, so that a change of one figure can be looked up in the other.

mod allocating;
mod estimating;
mod forwarding;
mod negotiating;
mod reading;
mod rewriting;
mod sealing;
mod traffic;

use crate::meter::Meter;

/// One round of a stage: prepares without counting, then marks what counts.
pub type Round = Box<dyn FnMut(&mut Meter)>;

/// A stage of the relay.
pub struct Stage {
    /// `group/what`, as in criterion's reports and in `config/budgets.toml`.
    pub name: &'static str,
    /// What one round handles (packets, copies, reports, joins); figures are per element.
    pub elements: u64,
    /// Whether the instruction gate counts it. Not what draws on randomness so much that two runs differ.
    pub counted: bool,
    /// Sets it up and warms it.
    pub make: fn() -> Round,
}

impl Stage {
    const fn new(name: &'static str, elements: u64, make: fn() -> Round) -> Self {
        Self { name, elements, counted: true, make }
    }
}

/// Packets of one round where nothing else asks for another number: a receive batch.
const BATCH: u64 = 32;

/// All of them, in the order in which a packet meets them.
pub const STAGES: &[Stage] = &[
    Stage::new("wire/demux, RTP header and extensions", BATCH, reading::rtp),
    Stage::new("wire/TWCC report on 100 packets, read", 1, reading::report),
    Stage::new("wire/connectivity check, verified", BATCH, reading::check),
    Stage::new("srtp/open AEAD_AES_128_GCM", BATCH, sealing::open_gcm_128),
    Stage::new("srtp/open AEAD_AES_256_GCM", BATCH, sealing::open_gcm_256),
    Stage::new("srtp/open AES128_CM_HMAC_SHA1_80", BATCH, sealing::open_cm),
    Stage::new("srtp/seal AEAD_AES_128_GCM", BATCH, sealing::seal_gcm_128),
    Stage::new("srtp/seal AEAD_AES_256_GCM", BATCH, sealing::seal_gcm_256),
    Stage::new("srtp/seal AES128_CM_HMAC_SHA1_80", BATCH, sealing::seal_cm),
    Stage::new("receive/VP8, into the store", BATCH, rewriting::receive),
    Stage::new("rewrite/Opus", BATCH * rewriting::VIEWERS, rewriting::opus),
    Stage::new("rewrite/VP8", BATCH * rewriting::VIEWERS, rewriting::vp8),
    Stage::new("rewrite/VP9", BATCH * rewriting::VIEWERS, rewriting::vp9),
    Stage::new("rewrite/H264", BATCH * rewriting::VIEWERS, rewriting::h264),
    Stage::new("rewrite/AV1", BATCH * rewriting::VIEWERS, rewriting::av1),
    Stage::new("store/found and sent again", BATCH, rewriting::resend),
    Stage::new("estimator/sent, 100 packets", 1, estimating::sent),
    Stage::new("estimator/report on 100 packets, used", 1, estimating::report),
    Stage::new("estimator/report on 100 packets, every tenth lost", 1, estimating::lossy_report),
    Stage::new("allocator/34 tiles of 9 rungs, 500 kbit/s", 1, allocating::narrow),
    Stage::new("allocator/34 tiles of 9 rungs, 3 Mbit/s", 1, allocating::tight),
    Stage::new("allocator/34 tiles of 9 rungs, 8 Mbit/s", 1, allocating::middling),
    Stage::new("allocator/34 tiles of 9 rungs, 60 Mbit/s", 1, allocating::wide),
    Stage::new("worker/1 to 1", BATCH, forwarding::to_1),
    Stage::new("worker/1 to 9", BATCH * 9, forwarding::to_9),
    Stage::new("signal/answer to a browser's meeting offer", 1, negotiating::meeting),
    Stage::new("signal/answer to an offer with 68 slots", 1, negotiating::crowd),
    Stage::new("signal/refusal of the costliest offer", 1, negotiating::bomb),
    Stage { counted: false, ..Stage::new("join/ICE, DTLS and keys, the relay's part", 1, negotiating::join) },
];

/// The stage of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Stage> {
    STAGES.iter().find(|stage| stage.name == name)
}
