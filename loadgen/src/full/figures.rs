//! What independent clients counted.

use std::time::Duration;

use crate::measure::Histogram;
use crate::summary::{Clients, JOIN_TIMES};

/// Sound or pictures.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Voices, and the sound of shared screens.
    Audio,
    /// Cameras and shared screens.
    Video,
}

/// What came of one kind in the measured time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Received {
    /// Packets, each once.
    pub packets: u64,
    /// Numbers by which the streams moved on: so many should have come.
    pub expected: u64,
    /// Pictures that could be decoded.
    pub pictures: u64,
    /// Pictures that could not, as parts of them or of what they refer to never came.
    pub incomplete: u64,
    /// Times a picture stood still for over 200 ms.
    pub freezes: u64,
    /// How long altogether.
    pub frozen: Duration,
}

impl Received {
    /// Adds another stream's.
    pub fn add(&mut self, other: &Self) {
        self.packets += other.packets;
        self.expected += other.expected;
        self.pictures += other.pictures;
        self.incomplete += other.incomplete;
        self.freezes += other.freezes;
        self.frozen += other.frozen;
    }
}

/// Of one person, or of all together.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// How many there are; `peak` is not known here.
    pub clients: Clients,
    /// Times of joins, in the order of [`JOIN_TIMES`].
    pub joins: [Histogram; JOIN_TIMES.len()],
    /// By [`Kind`].
    pub received: [Received; 2],
    /// Packets sent in the measured time.
    pub sent: u64,
    /// Keyframes that were asked for.
    pub keyframe_requests: u64,
    /// How late packets left, against their schedule, in the measured time.
    pub lateness: Histogram,
    /// What went wrong, in words.
    pub complaints: Vec<String>,
}

impl Figures {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.clients.planned += other.clients.planned;
        self.clients.joined += other.clients.joined;
        self.clients.failed += other.clients.failed;
        self.joins.iter_mut().zip(&other.joins).for_each(|(mine, more)| mine.add(more));
        self.received.iter_mut().zip(&other.received).for_each(|(mine, more)| mine.add(more));
        self.sent += other.sent;
        self.keyframe_requests += other.keyframe_requests;
        self.lateness.add(&other.lateness);
        self.complaints.extend(other.complaints.iter().cloned());
    }
}
