//! A person's sound as it is sent: how loud, with silence left out, with copies of earlier packets.

use std::collections::VecDeque;

use wire::codec::red;

use super::encoder;
use super::pattern::Stamp;
use super::setup::{Numbering, Voice};

/// RFC 6464: voice, at -30 dBov.
const SPEAKING: u8 = 0x80 | 30;
/// A voice as quiet as the room, -58 dBov.
const SOFT: u8 = 0x80 | 58;
/// No voice, silence.
const SILENT: u8 = 127;
/// With silence left out one packet of so many is sent, 400 ms apart (RFC 6716 section 2.1.9).
const COMFORT: u32 = 20;

/// One talker.
#[derive(Debug)]
pub(super) struct Talker {
    voice: Voice,
    opus: u8,
    red: u8,
    /// Packets since speech or silence began.
    turn: u32,
    spoke: bool,
    /// Earlier packets, newest first, each with when it was captured.
    earlier: VecDeque<(Stamp, Vec<u8>)>,
    payload: Vec<u8>,
}

impl Talker {
    pub(super) fn new(voice: Voice, numbering: &Numbering) -> Self {
        let (opus, red) = (numbering.opus, numbering.red);
        Self { voice, opus, red, turn: 0, spoke: true, earlier: VecDeque::new(), payload: Vec::new() }
    }

    /// The level of the next packet, RFC 6464; `None` if silence is left out.
    pub(super) fn next(&mut self, speaking: bool) -> Option<u8> {
        self.turn = if self.spoke == speaking { self.turn.saturating_add(1) } else { 0 };
        self.spoke = speaking;
        let soft = self.turn < self.voice.soft;
        match speaking {
            false if self.voice.dtx && !self.turn.is_multiple_of(COMFORT) => None,
            false => Some(SILENT),
            true => Some(if soft { SOFT } else { SPEAKING + self.voice.quieter }),
        }
    }

    /// The payload with its type.
    pub(super) fn pack(&mut self, stamp: &Stamp) -> (u8, &[u8]) {
        let mut sound = Vec::with_capacity(80);
        encoder::sound(&mut sound, stamp);
        if self.voice.copies == 0 {
            self.payload = sound;
            return (self.opus, &self.payload);
        }
        let offset = |earlier: &Stamp| (stamp.captured.saturating_sub(earlier.captured).as_micros() * 48 / 1000) as u32;
        let block = |(earlier, data): &'_ (Stamp, Vec<u8>)| (offset(earlier), data.clone());
        let earlier: Vec<(u32, Vec<u8>)> = self.earlier.iter().rev().map(block).collect();
        let blocks: Vec<_> = earlier.iter().map(|(offset, data)| red::Block { payload_type: self.opus, offset: *offset, data }).collect();
        self.payload.resize(1200, 0);
        // There is room for fifteen times what a packet holds.
        let len =
            red::write(&blocks, &red::Block { payload_type: self.opus, offset: 0, data: &sound }, &mut self.payload).unwrap_or_default();
        self.payload.truncate(len);
        self.earlier.push_front((*stamp, sound));
        self.earlier.truncate(usize::from(self.voice.copies));
        (self.red, &self.payload)
    }
}
