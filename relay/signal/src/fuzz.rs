//! Fuzz bodies: whatever a client sends, the parsers do not panic, and what they accept obeys the crate's own promises.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use rtc_sdp::SessionDescription;
use serde_json::Value;
use wire::ids::Fingerprint;

use crate::message::parse_client;
use crate::sdp::{Answered, Answerer, Candidate, Local, MAX_LINES, MAX_RIDS, parse_fragment, ufrag_prefix};

/// Treats `data` as an offer, as a re-offer, and as a trickle fragment.
///
/// # Panics
/// When the answer to an accepted offer breaks a promise: that is the bug being looked for.
pub fn sdp(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut answerer = answerer();
    let mut counter = 0_u8;
    let mut entropy = |buffer: &mut [u8]| {
        for byte in buffer {
            counter = counter.wrapping_mul(167).wrapping_add(13);
            *byte = counter;
        }
    };
    if let Ok(first) = answerer.answer(&text, &BTreeMap::new(), &mut entropy) {
        check_answer(&text, &first);
        // The same offer again is always acceptable and changes nothing.
        let again = answerer.answer(&text, &BTreeMap::new(), &mut entropy).ok();
        assert_eq!(again.map(|again| again.session), Some(first.session), "the same offer twice");
    }
    if let Ok(fragment) = parse_fragment(&text)
        && let Ok(Some(restarted)) = answerer.restart(&fragment, &mut entropy)
    {
        assert_eq!(restarted.session.remote_ice.ufrag, fragment.ufrag);
        assert!(restarted.fragment.contains(&restarted.session.local_ice.pwd), "the client must learn the new password");
    }
}

/// Treats `data` as a client's message.
///
/// # Panics
/// When something else than an object was read, or a message that was read is not read the same after it was written.
pub fn signalling(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(message) = parse_client(text) {
        assert!(serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object()), "only objects are messages");
        let written = serde_json::to_string(&message).unwrap_or_default();
        assert_eq!(parse_client(&written).as_ref(), Ok(&message));
    }
}

fn answerer() -> Answerer {
    let address = std::net::SocketAddr::from(([192, 0, 2, 1], 7882));
    Answerer::new(Local {
        ufrag_prefix: ufrag_prefix(7),
        fingerprint: Fingerprint([0xab; 32]),
        candidates: vec![Candidate { address }],
        session_id: 1,
    })
}

fn check_answer(offer: &str, answered: &Answered) {
    let session = &answered.session;
    let answer = SessionDescription::unmarshal(&mut Cursor::new(&answered.sdp));
    let offer = SessionDescription::unmarshal(&mut Cursor::new(offer));
    let (Ok(answer), Ok(offer)) = (answer, offer) else { panic!("an answer that cannot be read, or to an offer that cannot") };
    assert_eq!(answer.media_descriptions.len(), offer.media_descriptions.len(), "each m-line is answered in its place");
    assert!(answer.media_descriptions.len() <= MAX_LINES);
    for (ours, theirs) in answer.media_descriptions.iter().zip(&offer.media_descriptions) {
        assert_eq!(ours.media_name.media, theirs.media_name.media);
        let formats = &theirs.media_name.formats;
        assert!(ours.media_name.formats.iter().all(|format| formats.contains(format)), "a format that was not offered");
    }
    let mut ssrcs = BTreeSet::new();
    assert!(session.slots.iter().flat_map(|slot| [Some(slot.ssrc), slot.rtx]).flatten().all(|ssrc| ssrcs.insert(ssrc)));
    let mut sources = BTreeSet::new();
    assert!(session.publishing.iter().all(|line| sources.insert(line.source)));
    assert!(session.publishing.iter().all(|line| line.rids.len() <= MAX_RIDS));
}
