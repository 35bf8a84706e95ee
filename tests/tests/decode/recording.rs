//! A scalable stream as Chromium sent it, over and over: a few groups of pictures of one encoding with three spatial and three temporal
//! layers, recorded in `tests/fixtures/decode/*.rtp`.
//!
//! Each file is a run of `u16 length, RTP packet`, as Chromium 156 wrote them into its log with `WebRTC-Debugging-RtpDump` enabled: VP9 in
//! flexible mode or AV1, 960x540 at 15 pictures a second, with dependency descriptors, asked for a keyframe every 0.8 s.

use media::CodecIn;
use wire::codec::Codec;
use wire::codec::dependency::brings_structure;
use wire::ids::{Rid, Ssrc};
use wire::rtp::RtpHeader;

use super::feed::{DESCRIPTOR_ID, Feed, PT, Packet, Picture};

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
    /// It brings the structure: its picture is a keyframe.
    key: bool,
}

pub(crate) struct Recording {
    codec: Codec,
    pictures: Vec<Vec<Recorded>>,
    /// Picture that comes next.
    next: usize,
    sequence: u16,
    picture_id: u16,
    /// The newest frame number, and what is added to the recorded ones.
    frame: u16,
    shift: u16,
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
        Self { codec, pictures, next: 0, sequence: 65_000, picture_id: 0x7ff0, frame: 0xff00, shift: 0 }
    }

    /// Pictures in it.
    pub(crate) fn len(&self) -> usize {
        self.pictures.len()
    }

    fn key(&self, at: usize) -> bool {
        self.pictures[at].iter().any(|packet| packet.key)
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

    fn layers(&self) -> (usize, usize) {
        (SPATIAL, 3)
    }

    fn ask(&mut self) {
        let len = self.pictures.len();
        self.next = (self.next..self.next + len).map(|at| at % len).find(|&at| self.key(at)).expect("a recording begins with a keyframe");
    }

    fn picture(&mut self, nth: usize) -> Picture {
        let at = self.next;
        self.next = (at + 1) % self.pictures.len();
        let key = self.key(at);
        if key {
            // Whatever was jumped over: to the viewer it is one stream.
            self.shift = self.frame.wrapping_add(1).wrapping_sub(self.pictures[at][0].number());
        }
        self.picture_id = (self.picture_id + 1) & 0x7fff;
        let mut packets = Vec::new();
        for (index, recorded) in self.pictures[at].iter().enumerate() {
            let Recorded { mut bytes, payload, frame, spatial, .. } = recorded.clone();
            bytes[1] = bytes[1] & 0x80 | PT;
            bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
            bytes[4..8].copy_from_slice(&(3_000 * nth as u32).to_be_bytes());
            bytes[8..12].copy_from_slice(&SSRC.0.to_be_bytes());
            self.frame = recorded.number().wrapping_add(self.shift);
            bytes[frame..frame + 2].copy_from_slice(&self.frame.to_be_bytes());
            if self.codec == Codec::Vp9 {
                // Flexible mode with 15 bits of picture id, and no TL0PICIDX.
                bytes[payload + 1..payload + 3].copy_from_slice(&(self.picture_id | 0x8000).to_be_bytes());
            }
            self.sequence = self.sequence.wrapping_add(1);
            packets.push(Packet { bytes, spatial, first: index == 0 });
        }
        Picture { at, key, packets }
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
    let key = brings_structure(descriptor);
    Recorded { bytes: packet.to_vec(), payload: payload.as_ptr() as usize - packet.as_ptr() as usize, frame, spatial, key }
}
