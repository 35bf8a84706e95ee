//! A worker with one publisher and some viewers, all connected, and an endless trace of sealed VP8 packets.

use std::time::{Duration, Instant};

use transport::Path;
use wire::rtp::{RtpFields, write_header};
use worker::Worker;

use crate::person::{Part, Person, VP8, camera, empty_worker};

/// Payload bytes of a packet: with header and tag a datagram of about 1,200 bytes.
pub const PAYLOAD: usize = 1_160;
/// Packets of a frame; 30 frames of 5 packets are 1.5 Mbit/s.
const FRAME: u64 = 5;
/// The time between two packets of the trace.
const SPACING: Duration = Duration::from_micros(6_667);

/// One frame of so many is a keyframe: the trace does not listen to requests, and whoever is found a line waits for one.
const KEYFRAMES: u64 = 50;

/// How long the viewers' lines are found out about, and how often a viewer reports meanwhile.
const SETTLING: Duration = Duration::from_secs(6);
const REPORT: Duration = Duration::from_millis(100);
/// How often timers run meanwhile.
const STEP: Duration = Duration::from_millis(1);

/// How often everyone renews consent.
const CONSENT: Duration = Duration::from_secs(5);

/// One publisher, some viewers.
pub struct World {
    /// The real thing.
    pub worker: Worker,
    publisher: Person,
    viewers: Vec<Person>,
    now: Instant,
    consent_at: Instant,
    next: u64,
}

impl World {
    /// Connects one publisher and `viewers` others.
    ///
    /// # Panics
    /// When the handshakes fail.
    #[must_use]
    pub fn new(now: Instant, viewers: u16) -> Self {
        let (mut worker, certificate) = empty_worker(now);
        let publisher = Person::connect(&mut worker, now, 0, Part::PUBLISHER, &certificate);
        let viewers = (1..=viewers).map(|number| Person::connect(&mut worker, now, number, Part::VIEWER, &certificate)).collect();
        while worker.poll_event().is_some() {}
        let mut world = Self { worker, publisher, viewers, now, consent_at: now, next: 0 };
        world.settle();
        world
    }

    /// The next `count` packets of the trace, sealed.
    ///
    /// # Panics
    /// Never, unless sealing fails.
    pub fn packets(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| self.packet()).collect()
    }

    /// Lets time pass with packets, reports and probes, until the viewers' lines are known to carry the picture.
    pub fn settle(&mut self) {
        let (begin, mut packet_at, mut report_at) = (self.now, self.now, self.now);
        while self.now < begin + SETTLING {
            self.now += STEP;
            if self.now >= packet_at {
                packet_at += SPACING;
                let mut packet = self.packet();
                self.worker.handle_datagram(self.now, self.publisher.path, &mut packet);
            }
            if self.now >= report_at {
                report_at += REPORT;
                self.report();
            }
            self.worker.handle_timeout(self.now);
            self.hear();
        }
        self.pause();
    }

    /// Every viewer's report, ready to be handed to the worker.
    pub fn reports(&mut self) -> Vec<(Path, Vec<u8>)> {
        self.viewers.iter_mut().filter_map(|viewer| Some((viewer.path, viewer.report()?))).collect()
    }

    fn report(&mut self) {
        for (path, mut report) in self.reports() {
            self.worker.handle_datagram(self.now, path, &mut report);
        }
    }

    /// What waits to be sent reaches the viewers; gives the number of datagrams.
    pub fn hear(&mut self) -> usize {
        let sent = self.worker.outbox().len();
        for (path, bytes) in self.worker.outbox().iter() {
            if let Some(viewer) = self.viewers.iter_mut().find(|viewer| viewer.path.remote == path.remote) {
                viewer.hear(self.now, bytes);
            }
        }
        self.worker.outbox().clear();
        sent
    }

    /// Moves the clock to the next packet of the trace.
    pub fn advance(&mut self) -> Instant {
        self.now += SPACING;
        self.now
    }

    /// Where packets of the trace come from.
    #[must_use]
    pub fn publisher(&self) -> Path {
        self.publisher.path
    }

    /// Hands one packet to the worker and drops what it would send; gives the number of datagrams.
    pub fn forward(&mut self, packet: &mut [u8]) -> usize {
        self.now += SPACING;
        self.worker.handle_datagram(self.now, self.publisher.path, packet);
        let sent = self.worker.outbox().len();
        self.worker.outbox().clear();
        sent
    }

    /// Runs timers as the node would between batches, unmeasured. The viewers report what came since the last pause, of which they hear
    /// by one more packet of the trace.
    pub fn pause(&mut self) {
        let mut packet = self.packet();
        self.now += SPACING;
        self.worker.handle_datagram(self.now, self.publisher.path, &mut packet);
        self.hear();
        self.report();
        if self.now >= self.consent_at {
            self.consent_at = self.now + CONSENT;
            for person in self.viewers.iter().chain([&self.publisher]) {
                person.consent(&mut self.worker, self.now);
            }
        }
        self.worker.handle_timeout(self.now);
        self.hear();
        while self.worker.poll_event().is_some() {}
    }

    fn packet(&mut self) -> Vec<u8> {
        let packet = self.publisher.seal(plain_packet(self.next));
        self.next += 1;
        packet
    }
}

/// Packet `index` of the trace, in clear: VP8 with a 15-bit picture id, one frame of fifty a keyframe.
///
/// # Panics
/// Never: the buffer is large enough.
#[must_use]
pub fn plain_packet(index: u64) -> Vec<u8> {
    picture_packet(0, index)
}

/// Packet `index` of the camera of person `number`, in clear.
///
/// # Panics
/// Never: the buffer is large enough.
#[must_use]
pub fn picture_packet(number: u16, index: u64) -> Vec<u8> {
    let (frame, part) = (index / FRAME, index % FRAME);
    let fields = RtpFields {
        marker: part == FRAME - 1,
        payload_type: VP8,
        sequence: index as u16,
        timestamp: (frame * 3_000) as u32,
        ssrc: camera(number),
    };
    let mut packet = vec![0; 1_500];
    let transport_seq = (index as u16).to_be_bytes();
    let header = write_header(&mut packet, &fields, &[(3, &transport_seq), (4, b"0")]).expect("fits");
    let picture = (frame as u16) & 0x7fff | 0x8000;
    let start = if part == 0 { 0x10 } else { 0 };
    let [high, low] = picture.to_be_bytes();
    // X and S bits, I bit, picture id; then a VP8 frame header whose lowest bit is 0 for a keyframe.
    let keyframe = u8::from(!frame.is_multiple_of(KEYFRAMES));
    packet[header..header + 5].copy_from_slice(&[0x80 | start, 0x80, high, low, keyframe]);
    packet.truncate(header + PAYLOAD);
    packet
}
