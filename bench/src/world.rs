//! A worker with one publisher and some viewers, all connected, and an endless trace of sealed VP8 packets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use transport::Certificate;
use wire::ntp::Ntp;
use wire::rtp::{RtpFields, write_header};
use worker::{Limits, Worker, WorkerConfig};

use crate::person::{Part, Person, VP8, camera};

/// Payload bytes of a packet: with header and tag a datagram of about 1,200 bytes.
pub const PAYLOAD: usize = 1_160;
/// Packets of a frame; 30 frames of 5 packets are 1.5 Mbit/s.
const FRAME: u64 = 5;
/// The time between two packets of the trace.
const SPACING: Duration = Duration::from_micros(6_667);

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
        let certificate = Arc::new(Certificate::generate().expect("the crypto library makes a key"));
        let config =
            WorkerConfig { certificate: certificate.clone(), epoch: (now, Ntp(1 << 40)), seed: [1; 32], limits: Limits::default() };
        let mut worker = Worker::new(config);
        let publisher = Person::connect(&mut worker, now, 0, Part::PUBLISHER, &certificate);
        let viewers = (1..=viewers).map(|number| Person::connect(&mut worker, now, number, Part::VIEWER, &certificate)).collect();
        while worker.poll_event().is_some() {}
        Self { worker, publisher, viewers, now, consent_at: now, next: 0 }
    }

    /// The next `count` packets of the trace, sealed.
    ///
    /// # Panics
    /// Never, unless sealing fails.
    pub fn packets(&mut self, count: usize) -> Vec<Vec<u8>> {
        (0..count).map(|_| self.packet()).collect()
    }

    /// Hands one packet to the worker and drops what it would send; gives the number of datagrams.
    pub fn forward(&mut self, packet: &mut [u8]) -> usize {
        self.now += SPACING;
        self.worker.handle_datagram(self.now, self.publisher.path, packet);
        let sent = self.worker.outbox().len();
        self.worker.outbox().clear();
        sent
    }

    /// Runs timers as the node would between batches, unmeasured.
    pub fn pause(&mut self) {
        if self.now >= self.consent_at {
            self.consent_at = self.now + CONSENT;
            for person in self.viewers.iter().chain([&self.publisher]) {
                person.consent(&mut self.worker, self.now);
            }
        }
        self.worker.handle_timeout(self.now);
        self.worker.outbox().clear();
        while self.worker.poll_event().is_some() {}
    }

    fn packet(&mut self) -> Vec<u8> {
        let packet = self.publisher.seal(plain_packet(self.next));
        self.next += 1;
        packet
    }
}

/// Packet `index` of the trace, in clear: VP8 with a 15-bit picture id, the first frame a keyframe.
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
    let keyframe = u8::from(frame != 0);
    packet[header..header + 5].copy_from_slice(&[0x80 | start, 0x80, high, low, keyframe]);
    packet.truncate(header + PAYLOAD);
    packet
}
