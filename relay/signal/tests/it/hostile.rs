//! Offers that are wrong, on purpose or by accident: typed errors, at once, and never a panic.

use std::collections::{BTreeMap, BTreeSet};

use signal::sdp::{MAX_LINES, MAX_SDP, MAX_TEXT_LINES, SdpError};
use wire::ids::Mid;

use crate::support::*;

fn mid(text: &str) -> Mid {
    Mid::new(text).unwrap()
}

/// What the costliest of them cost is counted by the instruction gate (`signal/refusal of the costliest offer`).
#[test]
fn sdp_bombs_are_refused() {
    let head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n";
    let line = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n";
    let attribute_lines = 100_000;
    let fitting = |unit: &str| format!("{head}{}", unit.repeat((MAX_SDP - head.len()) / unit.len()));
    for (offer, expected) in [
        (format!("{head}a={}\r\n", "x".repeat(2 << 20)), None),
        (format!("{head}{}", line.repeat(5_000)), None),
        (format!("{head}{}", "a=\r\n".repeat(attribute_lines)), None),
        (fitting(line), Some(SdpError::TooManyLines)),
        (fitting("a=\r\n"), Some(SdpError::TooLong)),
        (fitting("a=group:BUNDLE 0 1\r\n"), Some(SdpError::TooLong)),
        (fitting("t=0 0\r\n"), Some(SdpError::TooLong)),
        (format!("{head}{line}{}", "a=ssrc-group:FID 1 2\r\n".repeat(2_500)), Some(SdpError::NoMedia)),
        (
            format!("{head}{line}a=rtpmap:111 opus/48000/2\r\na=mid:0\r\n{}", "a=ssrc:1 x\r\n".repeat(4_000)),
            Some(SdpError::NotBundled(mid("0"))),
        ),
        (format!("{head}m=audio 9 UDP/TLS/RTP/SAVPF{}\r\n", " 111".repeat(15_000)), Some(SdpError::NoMedia)),
        (format!("{head}{}", "a=\r\n".repeat(MAX_TEXT_LINES - 4)), Some(SdpError::NoMedia)),
        (format!("{head}{}", "a=\r\n".repeat(MAX_TEXT_LINES - 3)), Some(SdpError::TooLong)),
        ("\n".repeat(MAX_SDP), Some(SdpError::Syntax)),
        ("=".repeat(MAX_SDP), Some(SdpError::Syntax)),
        (String::new(), Some(SdpError::Syntax)),
    ] {
        let expected = expected.unwrap_or(SdpError::TooLarge(offer.len()));
        assert_eq!(refusal(&offer), expected, "{:.80}", offer);
    }
}

#[test]
fn as_many_lines_as_allowed_are_answered_one_more_is_not() {
    let section = &sections(chromium_viewer)[1];
    let build = |count: usize| {
        let mut text = join(&[sections(chromium_viewer)[0].clone()]);
        let mids: Vec<String> = (0..count).map(|index| format!("n{index}")).collect();
        text = text.replace("BUNDLE 0 1", &format!("BUNDLE {}", mids.join(" ")));
        for mid in &mids {
            // Short as a page can make it that offers only what it needs.
            let lines = section.iter().filter(|line| !line.contains("extmap:") && !line.contains("telephone") && !line.contains("G722"));
            text.extend(lines.map(|line| format!("{}\r\n", line.replace("a=mid:0", &format!("a=mid:{mid}")))));
        }
        text
    };
    assert_eq!(answer(&build(MAX_LINES)).session.slots.len(), MAX_LINES);
    assert_eq!(refusal(&build(MAX_LINES + 1)), SdpError::TooManyLines);
}

#[test]
fn every_rule_has_its_error() {
    let sdp = chromium_simulcast;
    let fingerprint = sections(sdp)[1].iter().copied().find(|line| line.starts_with("a=fingerprint")).unwrap();
    let pwd = sections(sdp)[1].iter().copied().find(|line| line.starts_with("a=ice-pwd")).unwrap();
    let once = |from: &str, to: &str| sdp.replacen(from, to, 1);
    let second_line = |from: &str, to: &str| {
        let at = sdp.find("m=video").unwrap();
        format!("{}{}", &sdp[..at], sdp[at..].replacen(from, to, 1))
    };
    for (offer, expected) in [
        (sdp.replace("a=group", "a=grape"), SdpError::NotBundled(mid("0"))),
        (sdp.replace("BUNDLE 0 1", "BUNDLE 0"), SdpError::NotBundled(mid("1"))),
        (once("a=rtcp-mux\r\n", ""), SdpError::NoRtcpMux(mid("0"))),
        (second_line("a=rtcp-mux\r\n", ""), SdpError::NoRtcpMux(mid("1"))),
        (sdp.replace("a=mid:1", "a=mid:0"), SdpError::DuplicateMid(mid("0"))),
        (sdp.replace("a=mid:1\r\n", ""), SdpError::BadMid(1)),
        (sdp.replace("a=mid:1", "a=mid:12345678901234567"), SdpError::BadMid(1)),
        (sdp.replace("a=ice-ufrag", "a=ice-frag"), SdpError::BadCredentials),
        (sdp.replace(pwd, "a=ice-pwd:short"), SdpError::BadCredentials),
        (second_line(pwd, "a=ice-pwd:anotherPasswordOf24Chars+"), SdpError::BadCredentials),
        (sdp.replace("sha-256", "sha-1"), SdpError::BadFingerprint),
        (sdp.replace(fingerprint, "a=fingerprint:sha-256 AB:CD"), SdpError::BadFingerprint),
        (second_line("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 00:"), SdpError::BadFingerprint),
        (sdp.replace("setup:actpass", "setup:passive"), SdpError::BadSetup),
        (sdp.replace("a=setup:actpass\r\n", ""), SdpError::BadSetup),
        (sdp.replace("a=mid:0", "a=mid:0\r\na=ice-lite").replace("s=-\r\nt=0 0", "s=-\r\nt=0 0\r\na=ice-lite"), SdpError::BothLite),
        (sdp.replace("a=rid:l send", "a=rid:l send\r\na=rid:x send\r\na=rid:y send"), SdpError::BadRids(mid("1"))),
        (sdp.replace("a=rid:l send", "a=rid:12345678901234567 send"), SdpError::BadRids(mid("1"))),
        (
            second_line("a=mid:1", &(0..17).fold("a=mid:1".to_owned(), |text, ssrc| format!("{text}\r\na=ssrc:{ssrc} cname:x"))),
            SdpError::BadSsrcs(mid("1")),
        ),
        (second_line("a=mid:1", "a=mid:1\r\na=ssrc:4294967296 cname:x"), SdpError::BadSsrcs(mid("1"))),
        (second_line("a=extmap:3 ", "a=extmap:1 "), SdpError::ExtensionConflict(1)),
        (second_line("a=extmap:14 ", "a=extmap:1 "), SdpError::ExtensionConflict(1)),
        (second_line("a=extmap:3 ", "a=extmap:30 "), SdpError::ExtensionConflict(30)),
        (
            sdp.replace("RTP/SAVPF 96 97 ", "RTP/SAVPF 96 111 ").replace("rtpmap:97 rtx", "rtpmap:111 rtx").replace("fmtp:97", "fmtp:111"),
            SdpError::PayloadTypeConflict(111),
        ),
        (sdp.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), SdpError::NoMedia),
    ] {
        assert_eq!(refusal(&offer), expected);
    }
}

#[test]
fn a_reserved_extension_id_is_not_accepted() {
    let offer = chromium_simulcast.replace("a=extmap:3 ", "a=extmap:15 ");
    assert_eq!(answer(&offer).session.extensions.id(wire::ext::Ext::TransportCc), None);
}

#[test]
fn slots_have_ssrcs_of_their_own_even_with_bad_entropy() {
    let mut client = Client::new();
    for (byte, taken) in [(0, 1), (0xff, u32::MAX)] {
        let offer = chromium_meeting.replace("2376088503", &taken.to_string());
        let session = client.answerer.clone().answer(&offer, &BTreeMap::new(), &mut |buffer| buffer.fill(byte)).unwrap().session;
        let ssrcs: BTreeSet<u32> = session.slots.iter().flat_map(|slot| [Some(slot.ssrc.0), slot.rtx.map(|rtx| rtx.0)]).flatten().collect();
        assert_eq!(ssrcs.len(), 8, "2 of audio, 3 of video, 3 of RTX");
        assert!(!ssrcs.contains(&taken) && !ssrcs.contains(&0), "{ssrcs:?}");
    }
    assert!(client.offer(chromium_meeting).is_ok());
}

#[test]
fn errors_carry_no_secrets() {
    let (ufrag, pwd) = ("kD3v", "ceMwXJp0kIVQpQy0uVqkCX");
    for bad in [obs_whip.replace("a=mid:1", "a=mid:0"), obs_whip.replacen(pwd, "ceMwXJp0kIVQpQy0uVqkC?", 1), obs_whip.replace("t=0 0", pwd)]
    {
        let error = refusal(&bad);
        let text = format!("{error} {error:?}");
        assert!(!text.contains(ufrag) && !text.contains("ceMwXJp0") && !text.contains("192.0.2"), "{text}");
    }
}

/// Deterministic damage to recorded offers: bytes flipped, lines dropped, doubled, moved. The fuzz body checks what the answers promise.
#[test]
fn damaged_offers_never_break_a_promise() {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as usize % below
    };
    let mut answered = 0;
    for round in 0..1_500 {
        let (_, offer) = FIXTURES[round % FIXTURES.len()];
        let mut lines: Vec<String> = offer.lines().map(str::to_owned).collect();
        for _ in 0..=random(4) {
            let (at, other) = (random(lines.len()), random(lines.len()));
            match random(5) {
                0 => drop(lines.remove(at)),
                1 => lines.insert(other, lines[at].clone()),
                2 => lines.swap(at, other),
                3 => lines[at] = lines[at].replace(char::from(b'0' + random(10) as u8), &random(300).to_string()),
                _ => {
                    let mut bytes = lines[at].clone().into_bytes();
                    if let Some(byte) = bytes.len().checked_sub(1).and_then(|last| bytes.get_mut(random(last + 1))) {
                        *byte = random(128) as u8;
                    }
                    lines[at] = String::from_utf8_lossy(&bytes).into_owned();
                }
            }
        }
        let text = lines.join("\r\n") + "\r\n";
        signal::fuzz::sdp(text.as_bytes());
        answered += usize::from(Client::new().offer(&text).is_ok());
    }
    assert!((100..1_400).contains(&answered), "the damage must leave some offers acceptable and some not: {answered}");
}

#[test]
fn every_cut_of_an_offer_is_survived() {
    for end in 0..obs_whip.len() {
        signal::fuzz::sdp(&obs_whip.as_bytes()[..end]);
    }
    signal::fuzz::sdp(&[0xff; 100]);
    signal::fuzz::sdp(b"a=ice-ufrag:EsAw\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\n");
}
