//! The viewer: an independent depacketiser, and real decoders. What they show is compared with what the publisher's own stream shows.

use bytes::Bytes;
use rtp::codec::{av1::Av1Depacketizer, h264::H264Packet, vp8::Vp8Packet, vp9::Vp9Packet};
use rtp::packetizer::Depacketizer;
use wire::codec::Codec;

use super::clip::{ffmpeg, ivf};

/// What a decoder made of a stream.
pub(crate) struct Shown {
    /// A hash of each picture it showed, sizes included.
    pub(crate) pictures: Vec<String>,
    /// What it complained about.
    pub(crate) complaints: String,
}

/// Puts the packets of one picture together again.
pub(crate) fn assemble(codec: Codec, payloads: &[Vec<u8>]) -> Result<Vec<u8>, String> {
    let mut h264 = H264Packet::default();
    let mut av1 = Av1Depacketizer::default();
    // The temporal delimiter of AV1 is not sent.
    let mut picture = if codec == Codec::Av1 { vec![0x12, 0x00] } else { Vec::new() };
    for payload in payloads {
        let payload = Bytes::copy_from_slice(payload);
        let part = match codec {
            Codec::Vp8 => Vp8Packet::default().depacketize(&payload),
            Codec::Vp9 => Vp9Packet::default().depacketize(&payload),
            Codec::H264 => h264.depacketize(&payload),
            _ => av1.depacketize(&payload),
        };
        picture.extend_from_slice(&part.map_err(|error| error.to_string())?);
    }
    Ok(picture)
}

/// Decodes pictures of any sizes, one after the other.
pub(crate) fn decode(codec: Codec, pictures: &[Vec<u8>]) -> Shown {
    let (input, format, decoder) = match codec {
        Codec::H264 => (pictures.concat(), "h264", "h264"),
        Codec::Vp8 => (ivf(codec, pictures), "ivf", "libvpx"),
        Codec::Vp9 => (ivf(codec, pictures), "ivf", "libvpx-vp9"),
        _ => (ivf(codec, pictures), "ivf", "libdav1d"),
    };
    let arguments =
        ["-v", "error", "-threads", "1", "-f", format, "-c:v", decoder, "-i", "-", "-fps_mode", "passthrough", "-autoscale", "0"];
    let (lines, complaints) = ffmpeg(&[&arguments[..], &["-f", "framemd5", "-"]].concat(), &input);
    let lines = String::from_utf8_lossy(&lines).into_owned();
    let hash = |line: &str| line.rsplit(',').take(2).map(str::trim).collect::<Vec<_>>().join(" ");
    Shown { pictures: lines.lines().filter(|line| !line.starts_with('#')).map(hash).collect(), complaints }
}
