//! Leaves layers out of one encoding: frame by frame, so that what goes on can always be decoded, and without a trace in the numbers.
//!
//! Down is free: a layer ends between two pictures. Up needs a frame from which the new layer can be decoded: in time a frame that says so
//! (VP8 Y, VP9 U, a switch in the dependency descriptor), in space one that refers to no earlier picture of its layer. A keyframe is both.

use wire::codec::{Codec, FrameInfo};
use wire::seq::distance;

use crate::Inbound;
use crate::quality::{MAX_SPATIAL, MAX_TEMPORAL};
use crate::runs::{Run, Runs};
use crate::window::Window;

/// Decisions remembered: two seconds of a picture in 30 ms, longer than most losses take to repair.
const REMEMBERED: usize = 64;

/// A highest spatial and temporal layer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Limits {
    pub(crate) spatial: u8,
    pub(crate) temporal: u8,
}

impl Limits {
    /// Everything there is.
    pub(crate) const ALL: Self = Self { spatial: MAX_SPATIAL as u8 - 1, temporal: MAX_TEMPORAL as u8 - 1 };
    /// The least that can be decoded.
    pub(crate) const BASE: Self = Self { spatial: 0, temporal: 0 };

    fn include(&self, frame: &FrameInfo) -> bool {
        frame.spatial <= self.spatial && frame.temporal <= self.temporal
    }
}

/// What becomes of a packet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Placed {
    /// It goes on, as part of this run.
    On(Run),
    /// It does not, but it has a place that must be filled: it was missing when others were left out.
    Fills(Run),
    /// It is left out.
    Out,
}

/// The layers of one encoding in one slot.
#[derive(Debug)]
pub(crate) struct Thinning {
    limits: Limits,
    runs: Runs,
    /// Newest number and timestamp of the publisher.
    newest: u64,
    timestamp: u32,
    /// The newest packet was the last of its picture.
    ended: bool,
    /// Highest spatial layer that was offered since the last keyframe.
    top_spatial: u8,
    decisions: [Decision; REMEMBERED],
    decided: usize,
    /// Picture that was left out last.
    picture_out: Option<u16>,
    /// With dependency descriptors: the newest frame number, and those of the frames that were left out, and that went on.
    frame: u64,
    out: Option<Box<Window>>,
    on: Option<Box<Window>>,
}

/// Of one frame that is not of the lowest layers; those always go on.
#[derive(Clone, Copy, Default, Debug)]
struct Decision {
    timestamp: u32,
    spatial: u8,
    on: bool,
}

impl Thinning {
    pub(crate) fn new() -> Self {
        Self {
            limits: Limits::ALL,
            runs: Runs::default(),
            newest: 0,
            timestamp: 0,
            ended: false,
            top_spatial: 0,
            decisions: [Decision::default(); REMEMBERED],
            decided: 0,
            picture_out: None,
            frame: 0,
            out: None,
            on: None,
        }
    }

    /// A segment begins with `inbound`.
    pub(crate) fn begin(&mut self, inbound: &Inbound<'_>, goal: Limits) {
        // Upper spatial layers follow within the same picture: as many as it says, or if they can.
        self.limits = Limits { spatial: told_spatial(inbound).min(goal.spatial), temporal: goal.temporal };
        self.runs.begin(Run { from: inbound.ext_seq, spatial: self.limits.spatial, temporal: goal.temporal, ..Run::default() });
        self.newest = inbound.ext_seq + inbound.behind;
        (self.timestamp, self.ended) = (inbound.timestamp, false);
        self.top_spatial = 0;
        self.decided = 0;
        self.picture_out = None;
        (self.out, self.on) = (None, None);
        if let Some(dependency) = &inbound.dependency {
            self.frame = 1 << 16 | u64::from(dependency.number);
            self.rise_by_descriptor(inbound, goal);
        }
    }

    /// What goes on now.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Highest spatial layer that was offered since the last keyframe: after one there may be fewer.
    pub(crate) fn top_spatial(&self) -> u8 {
        self.top_spatial
    }

    /// The runs of the segment.
    #[inline]
    pub(crate) fn runs(&self) -> &Runs {
        &self.runs
    }

    /// Decides about a packet of the segment; no more than `goal` is to go on.
    #[inline]
    pub(crate) fn place(&mut self, inbound: &Inbound<'_>, goal: Limits) -> Placed {
        if inbound.ext_seq <= self.newest {
            return self.place_late(inbound);
        }
        let before = std::mem::replace(&mut self.newest, inbound.ext_seq);
        let ended = std::mem::replace(&mut self.ended, inbound.marker);
        let picture_begins = std::mem::replace(&mut self.timestamp, inbound.timestamp) != inbound.timestamp;
        if picture_begins && (goal.spatial < self.limits.spatial || goal.temporal < self.limits.temporal) {
            let Limits { spatial, temporal } = self.limits;
            // Of what is missing in between, the picture's own first packets must not be taken for part of a larger one.
            let from = if ended { before + 1 } else { inbound.ext_seq };
            self.set_limits(from, spatial.min(goal.spatial), temporal.min(goal.temporal));
        }
        if self.decide(inbound, goal) {
            return Placed::On(self.runs.last());
        }
        let picture = inbound.vp8.and(inbound.picture_id);
        let first = picture.is_some() && self.picture_out != picture;
        self.picture_out = picture;
        self.runs.skip(inbound.ext_seq, first);
        Placed::Out
    }

    /// One place more right behind this packet. False if anything newer may yet have a place.
    pub(crate) fn add_place(&mut self, ext_seq: u64) -> bool {
        self.runs.add_place(self.newest, ext_seq)
    }

    /// Whether a frame that came late, or comes out of the store, goes on.
    pub(crate) fn passes(&self, run: Run, timestamp: u32, frame: &FrameInfo) -> bool {
        if is_base(frame) {
            // Unless the rest of its picture was left out.
            return self.decision(timestamp, 0) != Some(false);
        }
        self.decision(timestamp, frame.spatial).unwrap_or(Limits { spatial: run.spatial, temporal: run.temporal }.include(frame))
    }

    #[cold]
    fn place_late(&mut self, inbound: &Inbound<'_>) -> Placed {
        let Some(run) = self.runs.of(inbound.ext_seq) else { return Placed::Out };
        if is_base(&inbound.frame) {
            if !self.passes(run, inbound.timestamp, &inbound.frame) {
                return Placed::Fills(run);
            }
            self.base_goes_on(inbound);
            return Placed::On(run);
        }
        let known = self.decision(inbound.timestamp, inbound.frame.spatial);
        let on = known.unwrap_or_else(|| self.passes(run, inbound.timestamp, &inbound.frame) && self.can_be_decoded(inbound));
        if known.is_none() {
            self.remember(inbound, on);
        }
        if on { Placed::On(run) } else { Placed::Fills(run) }
    }

    /// Whether a packet newer than all goes on: as the frame does that it belongs to.
    #[inline]
    fn decide(&mut self, inbound: &Inbound<'_>, goal: Limits) -> bool {
        let frame = &inbound.frame;
        self.top_spatial = if frame.keyframe { frame.spatial } else { self.top_spatial.max(frame.spatial) };
        let base = is_base(frame);
        if !base && let Some(on) = self.decision(inbound.timestamp, frame.spatial) {
            return on;
        }
        // Of the lowest layers only a keyframe, or a descriptor, can say that there is a way up.
        if self.limits != goal && (!base || frame.keyframe || inbound.dependency.is_some()) {
            self.rise(inbound, goal);
        }
        if base {
            self.base_goes_on(inbound);
            return true;
        }
        let on = self.limits.include(frame) && self.can_be_decoded(inbound);
        self.remember(inbound, on);
        on
    }

    /// Goes up with this frame, if it allows.
    #[cold]
    fn rise(&mut self, inbound: &Inbound<'_>, goal: Limits) {
        if inbound.dependency.is_some_and(|dependency| dependency.layered) {
            return self.rise_by_descriptor(inbound, goal);
        }
        let (frame, Limits { spatial, temporal }) = (&inbound.frame, self.limits);
        if frame.keyframe {
            let told = told_spatial(inbound).min(goal.spatial);
            if told > spatial || goal.temporal > temporal {
                self.set_limits(inbound.ext_seq, told.max(spatial), temporal.max(goal.temporal));
            }
        } else if frame.spatial == 0 && frame.temporal <= goal.temporal && frame.temporal.checked_sub(1) == Some(temporal) {
            // One layer after the other: a frame of the third layer may say that it rests on the first, but the second's may not.
            if frame.switch_up {
                self.set_limits(inbound.ext_seq, spatial, frame.temporal);
            }
        } else if frame.spatial <= goal.spatial && frame.spatial.checked_sub(1) == Some(spatial) {
            let independent = frame.start && inbound.vp9.is_some_and(|descriptor| !descriptor.inter_picture);
            if independent && frame.temporal <= temporal {
                self.set_limits(inbound.ext_seq, frame.spatial, temporal);
            }
        }
    }

    /// Up to the best choice that can be decoded from this frame on.
    fn rise_by_descriptor(&mut self, inbound: &Inbound<'_>, goal: Limits) {
        let Some(dependency) = &inbound.dependency else { return };
        // What has not come yet may be left out; and what passed by before the segment began is not known to have been there.
        let frame = self.extend(dependency.number);
        let goes_on = |diff: &u16| self.on.as_ref().is_some_and(|on| on.contains(frame.wrapping_sub(u64::from(*diff))));
        if !dependency.diffs().iter().all(goes_on) {
            return;
        }
        // Of a layer that the stream does not have no frame says that it can be entered.
        let (top_spatial, top_temporal) = dependency.top;
        let (highest, fastest) = (goal.spatial.min(top_spatial), goal.temporal.min(top_temporal));
        for spatial in (self.limits.spatial..=highest).rev() {
            for temporal in (self.limits.temporal.min(fastest)..=fastest).rev() {
                let better = spatial > self.limits.spatial || temporal > self.limits.temporal;
                if better && dependency.switches_to(spatial, temporal) {
                    return self.set_limits(inbound.ext_seq, spatial, temporal);
                }
            }
        }
    }

    fn set_limits(&mut self, ext_seq: u64, spatial: u8, temporal: u8) {
        self.limits = Limits { spatial, temporal };
        self.runs.limit(ext_seq, spatial, temporal);
    }

    /// Whether nothing that the frame refers to was left out, as far as that is known.
    fn can_be_decoded(&self, inbound: &Inbound<'_>) -> bool {
        let (Some(dependency), Some(out)) = (&inbound.dependency, &self.out) else { return true };
        let frame = self.extend(dependency.number);
        dependency.diffs().iter().all(|&diff| !out.contains(frame.wrapping_sub(u64::from(diff))))
    }

    fn decision(&self, timestamp: u32, spatial: u8) -> Option<bool> {
        let count = self.decided.min(REMEMBERED);
        let mut newest_first = (self.decided - count..self.decided).rev().map(|nth| self.decisions[nth % REMEMBERED]);
        newest_first.find(|decision| decision.timestamp == timestamp && decision.spatial == spatial).map(|decision| decision.on)
    }

    #[inline]
    fn base_goes_on(&mut self, inbound: &Inbound<'_>) {
        self.number(inbound, true);
        if inbound.codec == Codec::H264 && inbound.dependency.is_none() && inbound.frame.start {
            // What stands before the slices of a picture does not tell its layer. As it goes on, so do they.
            self.remember(inbound, true);
        }
    }

    fn remember(&mut self, inbound: &Inbound<'_>, on: bool) {
        self.decisions[self.decided % REMEMBERED] = Decision { timestamp: inbound.timestamp, spatial: inbound.frame.spatial, on };
        self.decided += 1;
        self.number(inbound, on);
    }

    /// Remembers by its number what became of a frame.
    fn number(&mut self, inbound: &Inbound<'_>, on: bool) {
        let Some(dependency) = inbound.dependency.as_ref().filter(|dependency| dependency.layered) else { return };
        let frame = self.extend(dependency.number);
        self.frame = self.frame.max(frame);
        let frames = if on { &mut self.on } else { &mut self.out };
        frames.get_or_insert_with(|| Box::new(Window::new())).insert(frame);
    }

    /// A frame number near the newest in 64 bits.
    fn extend(&self, number: u16) -> u64 {
        self.frame.wrapping_add_signed(i64::from(distance(number, self.frame as u16)))
    }
}

/// Highest spatial layer of the picture that begins here, as far as its payload says so.
fn told_spatial(inbound: &Inbound<'_>) -> u8 {
    let vp9 = inbound.vp9.filter(|_| inbound.dependency.is_none());
    vp9.and_then(|descriptor| descriptor.top_spatial()).unwrap_or(0)
}

/// The lowest layers go on whatever the limits are.
#[inline]
fn is_base(frame: &FrameInfo) -> bool {
    frame.spatial == 0 && frame.temporal == 0
}
