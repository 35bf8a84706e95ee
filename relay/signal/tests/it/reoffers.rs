//! Later offers of the same client: lines grow, pause and come back; slots and credentials stay; ICE restarts; nothing else may change.

use signal::message::Source;
use signal::sdp::SdpError;
use wire::ids::Mid;

use crate::support::*;

/// The offer with more m-lines: copies of one, with new mids.
fn grown(offer: &str, copied: usize, mids: &[&str]) -> String {
    let all = sections(offer);
    let mid = values(&all[copied + 1], "mid")[0];
    let mut text = offer.to_owned();
    for new in mids {
        text.push_str(&join(&[all[copied + 1].clone()]).replace(&format!("a=mid:{mid}\r\n"), &format!("a=mid:{new}\r\n")));
    }
    text.replacen("a=group:BUNDLE", &format!("a=group:BUNDLE {}", mids.join(" ")), 1)
}

/// The offer with the direction of one m-line changed.
fn turned(offer: &str, index: usize, from: &str, to: &str) -> String {
    let mut all = sections(offer);
    let line = all[index + 1].iter_mut().find(|line| **line == from).unwrap();
    *line = to;
    join(&all)
}

/// The offer with one m-line switched off.
fn switched_off(offer: &str, index: usize) -> String {
    let mut all = sections(offer);
    let line = all[index + 1][0].replacen(" 9 ", " 0 ", 1);
    all[index + 1][0] = &line;
    join(&all)
}

fn restarted(offer: &str) -> String {
    let all = sections(offer);
    let (ufrag, pwd) = (values(&all[1], "ice-ufrag")[0], values(&all[1], "ice-pwd")[0]);
    offer.replace(ufrag, "newU").replace(pwd, "newPasswordOf24Characters")
}

fn mid(text: &str) -> Mid {
    Mid::new(text).unwrap()
}

#[test]
fn slots_grow_and_keep_what_they_have() {
    let mut client = Client::new();
    let first = client.offer(chromium_meeting).unwrap();
    let second = client.offer(&grown(chromium_meeting, 8, &["9", "10"])).unwrap();
    assert!(!second.ice_restarted);
    assert_eq!(second.session.local_ice, first.session.local_ice);
    assert_eq!(second.session.publishing, first.session.publishing);
    assert_eq!(second.session.slots[..5], first.session.slots[..]);
    let new: Vec<_> = second.session.slots[5..].iter().map(|slot| (slot.mid.as_str(), slot.index)).collect();
    assert_eq!(new, [("9", 3), ("10", 4)]);
    assert!(first.sdp.contains("o=- 4711 1 ") && second.sdp.contains("o=- 4711 2 "), "each answer is a new version");
}

#[test]
fn a_line_pauses_and_comes_back_with_its_source_and_ssrc() {
    let mut client = Client::new();
    let sources = [("1", Source::Screen), ("2", Source::Camera)];
    let first = client.offer_with(chromium_meeting, &sources).unwrap().session;
    let paused = turned(&turned(chromium_meeting, 6, "a=recvonly", "a=inactive"), 1, "a=sendonly", "a=inactive");
    let second = client.offer(&paused).unwrap();
    assert!(second.session.slots.iter().all(|slot| slot.mid != mid("6")));
    assert!(second.session.publishing.iter().all(|line| line.mid != mid("1")));
    assert!(sections(&second.sdp)[7].contains(&"a=inactive"));
    let third = client.offer(chromium_meeting).unwrap().session;
    assert_eq!((third.slots, third.publishing), (first.slots, first.publishing));
}

#[test]
fn a_new_slot_does_not_take_the_place_of_a_paused_one() {
    let mut client = Client::new();
    let first = client.offer(chromium_meeting).unwrap().session;
    let paused = turned(&grown(chromium_meeting, 8, &["9"]), 6, "a=recvonly", "a=inactive");
    let second = client.offer(&paused).unwrap().session;
    assert_eq!(second.slots.last().map(|slot| slot.index), Some(3));
    assert!(first.slots.iter().all(|slot| second.slots.last().is_some_and(|new| new.ssrc != slot.ssrc)));
}

#[test]
fn changed_credentials_restart_ice_and_nothing_else() {
    let mut client = Client::new();
    let first = client.offer(chromium_meeting).unwrap().session;
    let second = client.offer(&restarted(chromium_meeting)).unwrap();
    assert!(second.ice_restarted);
    assert_eq!(second.session.remote_ice.ufrag, "newU");
    assert_ne!(second.session.local_ice.ufrag, first.local_ice.ufrag);
    assert_ne!(second.session.local_ice.pwd, first.local_ice.pwd);
    assert_eq!((second.session.slots, second.session.publishing), (first.slots, first.publishing));
    assert!(!client.offer(&restarted(chromium_meeting)).unwrap().ice_restarted, "once");
}

#[test]
fn a_fragment_restarts_ice_or_brings_only_candidates() {
    let fragment = |ufrag: &str, pwd: &str| {
        format!("a=ice-ufrag:{ufrag}\r\na=ice-pwd:{pwd}\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=end-of-candidates\r\n")
    };
    let mut client = Client::new();
    assert_eq!(client.restart(&fragment("kD3v", "ceMwXJp0kIVQpQy0uVqkCX")).unwrap_err(), SdpError::NoSession);
    let first = client.offer(obs_whip).unwrap().session;
    assert!(client.restart(&fragment("kD3v", "ceMwXJp0kIVQpQy0uVqkCX")).unwrap().is_none(), "the credentials in use");
    let restarted = client.restart(&fragment("newU", "newPasswordOf24Characters")).unwrap().unwrap();
    let ice = &restarted.session.local_ice;
    assert_ne!(*ice, first.local_ice);
    assert_eq!(restarted.session.remote_ice.ufrag, "newU");
    assert_eq!(restarted.session.publishing, first.publishing);
    let expected = format!(
        "a=ice-lite\r\na=ice-options:ice2 trickle\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
         a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host\r\n\
         a=candidate:2 1 udp 2130706175 2001:db8::1 7882 typ host\r\na=end-of-candidates\r\n",
        ice.ufrag, ice.pwd
    );
    assert_eq!(restarted.fragment, expected);
    let offer = obs_whip.replace("kD3v", "newU").replace("ceMwXJp0kIVQpQy0uVqkCX", "newPasswordOf24Characters");
    assert!(!client.offer(&offer).unwrap().ice_restarted, "an offer after the restart goes on with its credentials");
}

#[test]
fn lines_never_vanish_and_never_become_others() {
    let mut client = Client::new();
    let _ = client.offer(chromium_meeting).unwrap();
    assert_eq!(client.offer(&without_line(chromium_meeting, 8)).unwrap_err(), SdpError::LineChanged(8));
    assert_eq!(client.offer(&without_line(chromium_meeting, 3)).unwrap_err(), SdpError::LineChanged(3));
    let renamed = chromium_meeting.replace("a=mid:5\r\n", "a=mid:x\r\n").replace("BUNDLE", "BUNDLE x");
    assert_eq!(client.offer(&renamed).unwrap_err(), SdpError::LineChanged(5));
    assert!(client.offer(chromium_meeting).is_ok(), "refused offers changed nothing");
}

#[test]
fn a_switched_off_line_frees_its_place_and_its_slot() {
    let mut client = Client::new();
    let first = client.offer(chromium_meeting).unwrap().session;
    let off = switched_off(chromium_meeting, 6);
    let second = client.offer(&off).unwrap();
    assert!(sections(&second.sdp)[7][0].starts_with("m=video 0 "));
    assert!(!values(&sections(&second.sdp)[0], "group")[0].contains('6'));
    let reused = chromium_meeting.replace("a=mid:6\r\n", "a=mid:new\r\n").replace("BUNDLE", "BUNDLE new");
    let third = client.offer(&reused).unwrap().session;
    let slot = third.slots.iter().find(|slot| slot.mid == mid("new")).unwrap();
    assert_eq!(slot.index, 0, "the lowest free place");
    assert!(first.slots.iter().all(|old| old.ssrc != slot.ssrc), "a new slot is a new stream");
}

#[test]
fn another_certificate_is_refused() {
    let mut client = Client::new();
    let _ = client.offer(obs_whip).unwrap();
    assert_eq!(client.offer(&obs_whip.replace("A1:B2", "A1:B3")).unwrap_err(), SdpError::FingerprintChanged);
}

#[test]
fn sources_are_checked() {
    let refused = |sources: &[(&str, Source)]| Client::new().offer_with(chromium_meeting, sources).unwrap_err();
    assert_eq!(refused(&[("99", Source::Camera)]), SdpError::UnknownSource("99".to_owned()));
    assert_eq!(refused(&[("4", Source::Microphone)]), SdpError::UnknownSource("4".to_owned()), "a slot has no source");
    assert_eq!(refused(&[("0", Source::Camera)]), SdpError::WrongSource(mid("0")));
    assert_eq!(refused(&[("1", Source::Screen), ("2", Source::Screen)]), SdpError::DuplicateSource(mid("2")));
    let third_video = grown(chromium_svc, 1, &["8", "9"]);
    let third_video = third_video.replace("3730893142", "1").replace("2662463233", "2");
    assert!(matches!(Client::new().offer(&third_video).unwrap_err(), SdpError::BadSsrcs(_)), "copied lines repeat their SSRCs");
    let mut all = sections(&third_video);
    for section in &mut all[3..] {
        section.retain(|line| !line.starts_with("a=ssrc"));
    }
    assert_eq!(Client::new().offer(&join(&all)).unwrap_err(), SdpError::DuplicateSource(mid("9")), "there are two video sources");
    let named_first = Client::new().offer_with(chromium_meeting, &[("2", Source::Camera)]).unwrap().session;
    assert_eq!(named_first.publishing[1].source, Source::Screen, "a line without entry gets what is free");
}
