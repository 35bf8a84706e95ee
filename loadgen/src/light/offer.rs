//! Writes the client's SDP offer.

use std::fmt::Write as _;
use std::net::SocketAddr;

use wire::codec::Codec;
use wire::ext::Ext;
use wire::ids::{Fingerprint, IceCredentials, Rid, Ssrc};

use super::setup::{Feedback, Numbering};

/// Priority of a host candidate (RFC 8445 section 5.1.2.1).
const HOST: u32 = (126 << 24) | (65_535 << 8) | 255;

/// One m-line of an offer.
#[derive(Clone, Debug)]
pub(super) struct OfferLine {
    pub(super) mid: String,
    pub(super) audio: bool,
    /// In what the pictures that it sends are coded, or what it can read.
    pub(super) codec: Codec,
    pub(super) direction: Direction,
    /// Simulcast encodings, highest first.
    pub(super) rids: Vec<Rid>,
    /// Announced media and RTX SSRC where the line sends without rids.
    pub(super) ssrc: Option<(Ssrc, Option<Ssrc>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Send,
    Receive,
}

/// What the session level and every m-line repeat.
pub(super) struct OfferHead<'a> {
    pub(super) session: u64,
    pub(super) version: u32,
    pub(super) ice: &'a IceCredentials,
    /// Where we are, for servers that are no ICE-lite agents and want to know.
    pub(super) candidate: Option<SocketAddr>,
    pub(super) fingerprint: Fingerprint,
    pub(super) numbering: &'a Numbering,
    /// Redundant sound may come; and what is lost of sound is asked for again.
    pub(super) red: bool,
    pub(super) sound_nack: bool,
    pub(super) feedback: Feedback,
}

pub(super) fn write(head: &OfferHead<'_>, lines: &[OfferLine]) -> String {
    let mut sdp = String::with_capacity(512 + 1024 * lines.len());
    let mids: Vec<&str> = lines.iter().map(|line| line.mid.as_str()).collect();
    // Writing to a String cannot fail.
    let _ = write!(
        sdp,
        "v=0\r\no=- {} {} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS\r\n",
        head.session,
        head.version,
        mids.join(" ")
    );
    for line in lines {
        write_line(&mut sdp, head, line);
    }
    sdp
}

fn write_line(sdp: &mut String, head: &OfferHead<'_>, line: &OfferLine) {
    let numbers = head.numbering;
    let (kind, types) = match line.audio {
        true if head.red => ("audio", format!("{} {}", numbers.opus, numbers.red)),
        true => ("audio", format!("{}", numbers.opus)),
        false => {
            let types: Vec<String> = video_codecs(line, numbers).iter().map(|(_, pt, rtx)| format!("{pt} {rtx}")).collect();
            ("video", types.join(" "))
        }
    };
    let _ = write!(
        sdp,
        "m={kind} 9 UDP/TLS/RTP/SAVPF {types}\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:{}\r\na=ice-pwd:{}\r\n\
         {}a=fingerprint:sha-256 {}\r\na=setup:{}\r\na=mid:{}\r\n",
        head.ice.ufrag,
        head.ice.pwd,
        candidate(head.candidate),
        head.fingerprint,
        // Who looks for paths itself would take the DTLS client's role as well, which is the only one that this client plays.
        if head.candidate.is_some() { "active" } else { "actpass" },
        line.mid
    );
    for (id, ext) in numbers.extensions.iter().filter(|(_, ext)| fits(*ext, line, head.feedback)) {
        let _ = write!(sdp, "a=extmap:{id} {}\r\n", ext.uri());
    }
    let direction = match line.direction {
        Direction::Send => "a=sendonly\r\na=msid:- ",
        Direction::Receive => "a=recvonly\r\n",
    };
    sdp.push_str(direction);
    if line.direction == Direction::Send {
        let _ = write!(sdp, "track-{}\r\n", line.mid);
    }
    sdp.push_str("a=rtcp-mux\r\na=rtcp-rsize\r\n");
    write_codecs(sdp, head, line);
    write_streams(sdp, line);
}

/// Our one candidate (RFC 8839 section 5.1), or the promise of some that a server learns of by checks.
pub(super) fn candidate(address: Option<SocketAddr>) -> String {
    address.map_or_else(
        || "a=ice-options:trickle\r\n".to_owned(),
        |at| format!("a=candidate:1 1 udp {HOST} {} {} typ host\r\na=end-of-candidates\r\n", at.ip(), at.port()),
    )
}

/// Extensions that make no sense on a line are not offered there.
fn fits(ext: Ext, line: &OfferLine, feedback: Feedback) -> bool {
    match ext {
        Ext::TransportCc => match feedback {
            Feedback::TransportCc | Feedback::Mute => true,
            Feedback::OfPictures => !line.audio,
            Feedback::Ccfb | Feedback::Remb | Feedback::Reports => line.direction == Direction::Send,
        },
        // Of use for whoever estimates alone.
        Ext::AbsSendTime => feedback == Feedback::Remb && line.direction == Direction::Receive,
        Ext::AudioLevel => line.audio,
        Ext::Rid | Ext::RepairedRid => !line.audio,
        _ => true,
    }
}

/// The name of the congestion feedback a line speaks.
fn congestion(direction: Direction, feedback: Feedback) -> &'static str {
    match (direction, feedback) {
        (Direction::Send, _) | (_, Feedback::TransportCc | Feedback::OfPictures | Feedback::Mute) => "transport-cc",
        (_, Feedback::Ccfb) => "ack ccfb",
        (_, Feedback::Remb) => "goog-remb",
        (_, Feedback::Reports) => "ccm tmmbr",
    }
}

/// The codecs of pictures on a line, best first: name and payload types. Whoever reads VP9 reads VP8 too.
fn video_codecs(line: &OfferLine, numbers: &Numbering) -> Vec<(&'static str, u8, u8)> {
    let vp8 = |name| (name, numbers.vp8, numbers.rtx);
    let vp9 = ("VP9", numbers.vp9, numbers.vp9_rtx);
    match (line.codec, line.direction) {
        (Codec::H264, _) => vec![vp8("H264")],
        (Codec::Av1, _) => vec![vp8("AV1")],
        (Codec::Vp9, Direction::Send) => vec![vp9],
        (Codec::Vp9, Direction::Receive) => vec![vp9, vp8("VP8")],
        _ => vec![vp8("VP8")],
    }
}

fn write_codecs(sdp: &mut String, head: &OfferHead<'_>, line: &OfferLine) {
    let (numbers, audio, congestion) = (head.numbering, line.audio, congestion(line.direction, head.feedback));
    if audio && head.red {
        let _ = write!(sdp, "a=rtpmap:{} red/48000/2\r\na=fmtp:{} {}/{}\r\n", numbers.red, numbers.red, numbers.opus, numbers.opus);
    }
    if audio && head.sound_nack {
        let _ = write!(sdp, "a=rtcp-fb:{} nack\r\n", numbers.opus);
    }
    if audio {
        let opus = numbers.opus;
        let _ =
            write!(sdp, "a=rtpmap:{opus} opus/48000/2\r\na=rtcp-fb:{opus} {congestion}\r\na=fmtp:{opus} minptime=10;useinbandfec=1\r\n");
        return;
    }
    for (name, pt, rtx) in video_codecs(line, numbers) {
        let _ = write!(
            sdp,
            "a=rtpmap:{pt} {name}/90000\r\na=rtcp-fb:{pt} {congestion}\r\na=rtcp-fb:{pt} ccm fir\r\na=rtcp-fb:{pt} nack\r\n\
             a=rtcp-fb:{pt} nack pli\r\n{}a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={pt}\r\n",
            if name == "VP9" { format!("a=fmtp:{pt} profile-id=0\r\n") } else { String::new() }
        );
    }
}

fn write_streams(sdp: &mut String, line: &OfferLine) {
    if line.direction == Direction::Send && !line.rids.is_empty() {
        for rid in &line.rids {
            let _ = write!(sdp, "a=rid:{} send\r\n", rid.as_str());
        }
        let rids: Vec<&str> = line.rids.iter().map(Rid::as_str).collect();
        let _ = write!(sdp, "a=simulcast:send {}\r\n", rids.join(";"));
        return;
    }
    let Some((ssrc, rtx)) = line.ssrc else { return };
    if let Some(rtx) = rtx {
        let _ = write!(sdp, "a=ssrc-group:FID {} {}\r\n", ssrc.0, rtx.0);
    }
    for ssrc in [Some(ssrc), rtx].into_iter().flatten() {
        let _ = write!(sdp, "a=ssrc:{} cname:light\r\na=ssrc:{} msid:- track-{}\r\n", ssrc.0, ssrc.0, line.mid);
    }
}
