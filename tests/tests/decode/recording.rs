//! A scalable stream as Chromium sent it, over and over: a few groups of pictures of one encoding with three spatial and three temporal
//! layers, recorded in `tests/fixtures/decode/*.rtp`.
//!
//! Each file is a run of `u16 length, RTP packet`, as Chromium 156 wrote them into its log with `WebRTC-Debugging-RtpDump` enabled: VP9 in
//! flexible mode or AV1, 960x540 at 15 pictures a second, with dependency descriptors, asked for a keyframe every 0.8 s.

use media::CodecIn;
use wire::codec::Codec;
use wire::ids::{Rid, Ssrc};
use wire::rtp::RtpHeader;

use super::feed::{Feed, PT, Packet};

/// What the recordings call the dependency descriptor.
pub(crate) const DESCRIPTOR_ID: u8 = 13;
/// Spatial layers in a recording.
pub(crate) const SPATIAL: usize = 3;
/// Templates of one spatial layer in the structures L3T3 and L3T3_KEY, where the spatial layers come one after the other.
const TEMPLATES: u8 = 5;
const SSRC: Ssrc = Ssrc(0x2000);

/// One recorded packet, and where in it the numbers are that must go on when the recording begins anew.
#[derive(Clone)]
struct Recorded {
    bytes: Vec<u8>,
    payload: usize,
    /// The dependency descriptor's frame number.
    frame: usize,
    spatial: usize,
}

pub(crate) struct Recording {
    codec: Codec,
    pictures: Vec<Vec<Recorded>>,
    sequence: u16,
    picture_id: u16,
    /// What is added to the recorded frame numbers.
    frames: u16,
}

impl Recording {
    /// Reads a file of `tests/fixtures/decode`.
    pub(crate) fn open(codec: Codec, name: &str) -> Self {
        let path = format!("{}/fixtures/decode/{name}.rtp", env!("CARGO_MANIFEST_DIR"));
        let file = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let mut rest = &file[..];
        let mut pictures: Vec<Vec<Recorded>> = vec![Vec::new()];
        while let Some((len, next)) = rest.split_first_chunk::<2>() {
            let (packet, next) = next.split_at(usize::from(u16::from_be_bytes(*len)));
            rest = next;
            let header = RtpHeader::parse(packet).expect("a recorded packet");
            pictures.last_mut().expect("never empty").push(recorded(packet, &header));
            if header.marker && !rest.is_empty() {
                pictures.push(Vec::new());
            }
        }
        Self { codec, pictures, sequence: 65_000, picture_id: 0x7ff0, frames: 0xff00 }
    }

    /// Payloads of the nth picture up to a spatial layer.
    pub(crate) fn payloads(&self, nth: usize, spatial: usize) -> Vec<Vec<u8>> {
        let packets = self.pictures[nth].iter().filter(|packet| packet.spatial <= spatial);
        packets.map(|packet| packet.bytes[packet.payload..].to_vec()).collect()
    }
}

impl Feed for Recording {
    fn codec_in(&self) -> CodecIn {
        CodecIn { pt: PT, codec: self.codec, clock_rate: 90_000, rtx: None }
    }

    fn stream(&self) -> (Option<Rid>, Ssrc, u32) {
        (None, SSRC, 0)
    }

    fn len(&self) -> usize {
        self.pictures.len()
    }

    fn packets(&mut self, nth: usize) -> Vec<Packet> {
        let at = nth % self.pictures.len();
        if at == 0 && nth > 0 {
            self.frames = self.frames.wrapping_add((self.pictures.len() * SPATIAL) as u16 + 1);
        }
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        let mut packets = Vec::new();
        let first = self.pictures[0][0].number();
        for recorded in &self.pictures[at] {
            let Recorded { mut bytes, payload, frame, spatial } = recorded.clone();
            bytes[1] = bytes[1] & 0x80 | PT;
            bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
            bytes[4..8].copy_from_slice(&(3_000 * nth as u32).to_be_bytes());
            bytes[8..12].copy_from_slice(&SSRC.0.to_be_bytes());
            let number = recorded.number().wrapping_sub(first).wrapping_add(self.frames);
            bytes[frame..frame + 2].copy_from_slice(&number.to_be_bytes());
            if self.codec == Codec::Vp9 {
                // Flexible mode with 15 bits of picture id, and no TL0PICIDX.
                bytes[payload + 1..payload + 3].copy_from_slice(&(self.picture_id | 0x8000).to_be_bytes());
            }
            self.sequence = self.sequence.wrapping_add(1);
            packets.push(Packet { bytes, spatial });
        }
        packets
    }
}

impl Recorded {
    fn number(&self) -> u16 {
        u16::from_be_bytes([self.bytes[self.frame], self.bytes[self.frame + 1]])
    }
}

/// The descriptor begins with flags and template (one byte), then the frame number.
fn recorded(packet: &[u8], header: &RtpHeader) -> Recorded {
    let payload = header.payload(packet).expect("a recorded packet has a payload");
    let descriptor = header.extensions(packet).find(|(id, _)| *id == DESCRIPTOR_ID).expect("a recorded packet has a descriptor").1;
    let frame = descriptor.as_ptr() as usize - packet.as_ptr() as usize + 1;
    let spatial = usize::from((descriptor[0] & 0x3f) / TEMPLATES);
    Recorded { bytes: packet.to_vec(), payload: payload.as_ptr() as usize - packet.as_ptr() as usize, frame, spatial }
}
