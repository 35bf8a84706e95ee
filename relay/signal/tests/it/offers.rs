//! First offers of real clients: what is accepted, what the answer says, what the worker is told.

use signal::message::Source;
use signal::sdp::{SdpError, ufrag_worker};
use signal::session::{H264_BASELINE, H264_CONSTRAINED_BASELINE, H264_MAIN, MediaKind};
use wire::codec::Codec;
use wire::ext::Ext;

use crate::support::*;

const MEETING_SOURCES: &[(&str, Source)] =
    &[("0", Source::Microphone), ("1", Source::Camera), ("2", Source::Screen), ("3", Source::ScreenAudio)];

#[test]
fn every_offer_is_answered_line_by_line() {
    for (name, offer) in FIXTURES {
        let answered = answer(offer);
        let (theirs, ours) = (sections(offer), sections(&answered.sdp));
        assert_eq!(theirs.len(), ours.len(), "{name}");
        for (theirs, ours) in theirs.iter().zip(&ours).skip(1) {
            let media = |line: &str| line.split(' ').next().unwrap_or_default().to_owned();
            assert_eq!(media(theirs[0]), media(ours[0]), "{name}");
            assert_eq!(values(theirs, "mid"), values(ours, "mid"), "{name}");
        }
        assert!(!answered.ice_restarted, "{name}");
        assert_eq!(answered.session.local_ice.ufrag.len(), 12);
        assert_eq!(ufrag_worker(&answered.session.local_ice.ufrag), Some(3), "{name}");
        assert!(!answered.sdp.contains("goog-remb") && !answered.sdp.contains("stereo"), "{name}");
    }
}

#[test]
fn the_answer_is_ice_lite_passive_bundled_and_muxed() {
    let answered = answer(chromium_meeting);
    let sections = sections(&answered.sdp);
    assert!(sections[0].contains(&"a=ice-lite"));
    assert_eq!(values(&sections[0], "group"), ["BUNDLE 0 1 2 3 4 5 6 7 8"]);
    for section in &sections[1..] {
        for line in ["a=setup:passive", "a=rtcp-mux", "a=rtcp-rsize"] {
            assert!(section.contains(&line), "{line} in {section:#?}");
        }
        assert_eq!(values(section, "ice-ufrag"), [answered.session.local_ice.ufrag.as_str()]);
        assert_eq!(values(section, "ice-pwd"), [answered.session.local_ice.pwd.as_str()]);
        assert!(values(section, "fingerprint")[0].starts_with("sha-256 5A:5A:"));
    }
    let candidates = ["1 1 udp 2130706431 192.0.2.1 7882 typ host", "2 1 udp 2130706175 2001:db8::1 7882 typ host"];
    assert_eq!(values(&sections[1], "candidate"), candidates, "the first m-line carries the bundle's candidates");
    assert!(sections[1].contains(&"a=end-of-candidates"));
    assert!(sections[2..].iter().all(|section| values(section, "candidate").is_empty()));
}

#[test]
fn publishing_lines_become_recvonly_slots_sendonly_and_paused_lines_stay() {
    let answered = Client::new().offer_with(chromium_meeting, MEETING_SOURCES).unwrap();
    let sections = sections(&answered.sdp);
    let directions = ["recvonly", "recvonly", "recvonly", "inactive", "sendonly", "sendonly", "sendonly", "sendonly", "sendonly"];
    for (section, direction) in sections[1..].iter().zip(directions) {
        assert!(section.contains(&format!("a={direction}").as_str()), "{section:#?}");
    }
    let published: Vec<_> = answered.session.publishing.iter().map(|line| (line.mid.as_str(), line.source, line.kind)).collect();
    assert_eq!(
        published,
        [("0", Source::Microphone, MediaKind::Audio), ("1", Source::Camera, MediaKind::Video), ("2", Source::Screen, MediaKind::Video)]
    );
    let slots: Vec<_> = answered.session.slots.iter().map(|slot| (slot.mid.as_str(), slot.kind, slot.index)).collect();
    let (audio, video) = (MediaKind::Audio, MediaKind::Video);
    assert_eq!(slots, [("4", audio, 0), ("5", audio, 1), ("6", video, 0), ("7", video, 1), ("8", video, 2)]);
}

#[test]
fn a_slot_announces_its_streams_and_shares_the_msid_of_its_number() {
    let answered = answer(chromium_meeting);
    let sections = sections(&answered.sdp);
    let [audio, video] = [&answered.session.slots[1], &answered.session.slots[3]];
    assert_eq!(values(&sections[6], "msid"), ["slot-1 audio-1"]);
    assert_eq!(values(&sections[8], "msid"), ["slot-1 video-1"]);
    assert_eq!(audio.rtx, None, "audio has no RTX");
    let (ssrc, rtx) = (video.ssrc.0, video.rtx.unwrap().0);
    assert_eq!(values(&sections[8], "ssrc-group"), [format!("FID {ssrc} {rtx}")]);
    let expected = [ssrc, rtx].map(|ssrc| [format!("{ssrc} cname:relay"), format!("{ssrc} msid:slot-1 video-1")]).concat();
    assert_eq!(values(&sections[8], "ssrc"), expected);
    assert!(sections[1..5].iter().all(|section| values(section, "ssrc").is_empty() && values(section, "msid").is_empty()));
}

#[test]
fn audio_prefers_red_where_the_client_sends() {
    let answered = answer(chromium_meeting);
    let sections = sections(&answered.sdp);
    assert_eq!(sections[1][0], "m=audio 9 UDP/TLS/RTP/SAVPF 63 111");
    assert_eq!(values(&sections[1], "fmtp"), ["63 111/111", "111 minptime=10;useinbandfec=1;usedtx=1"]);
    assert_eq!(values(&sections[1], "rtcp-fb"), ["111 transport-cc"]);
    let codecs: Vec<_> = answered.session.publishing[0].codecs.iter().map(|codec| (codec.pt, codec.codec, codec.clock_rate)).collect();
    assert_eq!(codecs, [(63, Codec::Red, 48_000), (111, Codec::Opus, 48_000)]);
    assert_eq!(sections[5][0], "m=audio 9 UDP/TLS/RTP/SAVPF 111 63", "a slot keeps the client's order");
    let red_of_pcmu = answer(&chromium_meeting.replace("a=fmtp:63 111/111", "a=fmtp:63 111/0"));
    assert_eq!(crate::support::sections(&red_of_pcmu.sdp)[1][0], "m=audio 9 UDP/TLS/RTP/SAVPF 111", "RED of nothing but Opus");
}

#[test]
fn video_keeps_the_clients_order_profiles_and_rtx() {
    let answered = answer(chromium_simulcast);
    let sections = sections(&answered.sdp);
    let codecs: Vec<_> = answered.session.publishing[1]
        .codecs
        .iter()
        .map(|codec| (codec.pt, codec.codec, codec.format.profile, codec.format.packetization_mode, codec.rtx))
        .collect();
    assert_eq!(
        codecs,
        [
            (96, Codec::Vp8, 0, 0, Some(97)),
            (102, Codec::H264, H264_BASELINE, 1, Some(103)),
            (104, Codec::H264, H264_BASELINE, 0, Some(107)),
            (108, Codec::H264, H264_CONSTRAINED_BASELINE, 1, Some(109)),
            (114, Codec::H264, H264_CONSTRAINED_BASELINE, 0, Some(115)),
            (116, Codec::H264, H264_MAIN, 1, Some(117)),
            (39, Codec::H264, H264_MAIN, 0, Some(40)),
            (45, Codec::Av1, 0, 0, Some(46)),
            (98, Codec::Vp9, 0, 0, Some(99)),
        ],
        "VP9 profile 2, RED and ULPFEC of video are left out"
    );
    let feedback: Vec<_> = values(&sections[2], "rtcp-fb").into_iter().filter(|value| value.starts_with("96 ")).collect();
    assert_eq!(feedback, ["96 nack", "96 nack pli", "96 ccm fir", "96 transport-cc"]);
    assert!(values(&sections[2], "fmtp").contains(&"108 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"));
    assert!(values(&sections[2], "fmtp").contains(&"97 apt=96"));
}

#[test]
fn simulcast_layers_are_accepted_in_the_clients_order_paused_ones_too() {
    for (offer, list) in [(chromium_simulcast, "recv h;m;l"), (chromium_meeting, "recv h;~m;l")] {
        let answered = answer(offer);
        let sections = sections(&answered.sdp);
        let rids: Vec<_> = answered.session.publishing[1].rids.iter().map(wire::ids::Rid::as_str).collect();
        assert_eq!(rids, ["h", "m", "l"]);
        assert_eq!(values(&sections[2], "rid"), ["h recv", "m recv", "l recv"]);
        assert_eq!(values(&sections[2], "simulcast"), [list]);
    }
    let alternatives = chromium_simulcast.replace("send h;m;l", "send h,m;l;x recv q");
    let rids: Vec<_> = answer(&alternatives).session.publishing[1].rids.iter().map(|rid| rid.as_str().to_owned()).collect();
    assert_eq!(rids, ["h", "l"], "the first alternative, and no rid without a=rid");
}

#[test]
fn extensions_are_accepted_with_the_clients_ids() {
    let answered = answer(chromium_meeting);
    let map = &answered.session.extensions;
    let ids = [Ext::AudioLevel, Ext::AbsSendTime, Ext::TransportCc, Ext::Mid, Ext::VideoLayersAllocation];
    assert_eq!(ids.map(|ext| map.id(ext)), [Some(1), Some(2), Some(3), Some(4), Some(9)]);
    assert_eq!([Ext::Rid, Ext::RepairedRid, Ext::DependencyDescriptor].map(|ext| map.id(ext)), [Some(10), Some(11), Some(12)]);
    assert_eq!(map.id(Ext::AbsCaptureTime), None, "not offered");
    let sections = sections(&answered.sdp);
    let camera = values(&sections[2], "extmap");
    assert!(camera.contains(&"12 https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension"), "{camera:#?}");
    assert!(camera.contains(&"9 http://www.webrtc.org/experiments/rtp-hdrext/video-layers-allocation00"));
    assert!(camera.contains(&"10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"));
    assert!(!camera.iter().any(|value| value.contains("toffset") || value.contains("color-space")), "unknown ones are not accepted");
    assert!(
        chromium_meeting.contains("video-orientation") && !answered.sdp.contains("video-orientation"),
        "the sender turns its pictures itself"
    );
    assert!(sections[7..].iter().all(|section| !section.iter().any(|line| line.contains("stream-id"))), "slots have no rids");
}

#[test]
fn each_slot_has_one_way_of_congestion_feedback_and_opus_is_resent_where_that_is_offered() {
    let feedback = |offer: &str, line: usize, pt: &str| {
        let answered = answer(offer);
        let values: Vec<String> = values(&sections(&answered.sdp)[line], "rtcp-fb").into_iter().map(str::to_owned).collect();
        values.into_iter().filter_map(|value| value.strip_prefix(pt).map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(feedback(chromium_viewer, 2, "96 "), ["nack", "nack pli", "ccm fir", "transport-cc"]);
    let remb_only = chromium_viewer.replace("a=rtcp-fb:96 transport-cc\r\n", "");
    assert_eq!(feedback(&remb_only, 2, "96 "), ["nack", "nack pli", "ccm fir", "goog-remb"]);
    let by_stream = remb_only.replace("a=rtcp-fb:96 nack\r\n", "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 ack ccfb\r\n");
    assert_eq!(feedback(&by_stream, 2, "96 "), ["nack", "nack pli", "ccm fir", "ack ccfb"]);
    // The numbers that transport-cc speaks of stand in an extension.
    let numbered = |offer: &str| answer(offer).session.tells_by_number;
    let untold: String = chromium_viewer.split_inclusive('\n').filter(|line| !line.ends_with(" transport-cc\r\n")).collect();
    assert_eq!([chromium_viewer, firefox_meeting, &untold].map(numbered), [true, true, false]);
    let unnumbered = chromium_viewer.replace("transport-wide-cc-extensions-01", "transport-wide-cc-extensions-99");
    assert_eq!(feedback(&unnumbered, 2, "96 "), ["nack", "nack pli", "ccm fir", "goog-remb"]);
    // To a publisher the relay writes nothing but transport-cc.
    let publisher = chromium_meeting.replace("a=rtcp-fb:96 transport-cc\r\n", "a=rtcp-fb:96 ack ccfb\r\n");
    assert_eq!(feedback(&publisher, 2, "96 "), ["nack", "nack pli", "ccm fir"]);
    let resent = chromium_viewer.replace("a=rtcp-fb:111 transport-cc\r\n", "a=rtcp-fb:111 transport-cc\r\na=rtcp-fb:111 nack\r\n");
    assert_eq!(feedback(&resent, 1, "111 "), ["nack", "transport-cc"]);
}

#[test]
fn an_svc_publisher_announces_its_ssrcs() {
    let line = &answer(chromium_svc).session.publishing[1];
    assert_eq!(line.codecs.iter().map(|codec| codec.codec).collect::<Vec<_>>(), [Codec::Av1, Codec::Vp9]);
    assert!(line.rids.is_empty());
    assert_eq!(line.ssrcs.len(), 1);
    assert_eq!((line.ssrcs[0].ssrc.0, line.ssrcs[0].rtx.map(|rtx| rtx.0)), (3_730_893_142, Some(2_662_463_233)));
}

#[test]
fn a_data_channel_is_rejected_in_its_place_and_left_out_of_the_bundle() {
    let answered = answer(chromium_data_channel);
    let sections = sections(&answered.sdp);
    assert_eq!(sections[3], ["m=application 0 UDP/DTLS/SCTP webrtc-datachannel", "c=IN IP4 0.0.0.0", "a=mid:2", "a=inactive"]);
    assert_eq!(values(&sections[0], "group"), ["BUNDLE 0 1"]);
    // First in the offer, the rejected line still carries the client's transport; the answer's candidates move to the next line.
    let mut lines = crate::support::sections(chromium_data_channel);
    lines.rotate_right(1);
    lines.swap(0, 1);
    let answered = answer(&join(&lines));
    let sections = crate::support::sections(&answered.sdp);
    assert!(sections[1][0].starts_with("m=application 0"));
    assert_eq!(values(&sections[2], "candidate").len(), 2);
}

#[test]
fn lines_without_a_usable_codec_are_rejected_one_by_one() {
    let only_g722 = chromium_simulcast.replace("opus/48000/2", "opus/48000").replace("red/48000/2", "red/8000");
    let answered = answer(&only_g722);
    assert!(sections(&answered.sdp)[1][0].starts_with("m=audio 0 "));
    assert_eq!(answered.session.publishing.len(), 1);
    let nothing = only_g722.replace("/90000", "/80000");
    assert_eq!(refusal(&nothing), SdpError::NoMedia);
}

#[test]
fn firefox_bundles_later_lines_and_directs_extensions() {
    let answered = answer(firefox_meeting);
    let sections = sections(&answered.sdp);
    assert_eq!(values(&sections[0], "group"), ["BUNDLE 0 1 2 3"]);
    let camera = values(&sections[2], "extmap");
    assert!(camera.contains(&"8/recvonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"), "{camera:#?}");
    assert!(
        firefox_meeting.contains("playout-delay") && !answered.sdp.contains("playout-delay"),
        "whoever sends it would hold up the picture of whoever is in the slot next"
    );
    assert_eq!(answered.session.publishing[1].rids.len(), 3);
    assert_eq!(answered.session.slots.len(), 2);
    let [sound, picture] = [0, 1].map(|slot| &answered.session.slots[slot]);
    assert_eq!([sound, picture].map(|slot| slot.extensions.id(Ext::TransportCc)), [None, Some(7)], "{picture:#?}");
    assert_eq!([sound, picture].map(|slot| slot.extensions.id(Ext::Mid)), [Some(3); 2], "{picture:#?}");
    let rtx: Vec<_> = answered.session.slots[1].codecs.iter().map(|codec| (codec.pt, codec.rtx)).collect();
    assert_eq!(
        rtx,
        [(120, Some(124)), (121, Some(125)), (126, Some(127)), (97, Some(98)), (105, Some(106)), (103, Some(104)), (99, Some(100))]
    );
}

#[test]
fn whip_clients_need_no_sources() {
    let obs = answer(obs_whip).session;
    assert_eq!(obs.publishing.iter().map(|line| line.source).collect::<Vec<_>>(), [Source::Microphone, Source::Camera]);
    assert_eq!(obs.publishing[0].ssrcs[0].ssrc.0, 1_471_921_836);
    assert_eq!(obs.extensions.id(Ext::Mid), None);
    let gstreamer = answer(gstreamer_whip);
    let lines: Vec<_> = gstreamer.session.publishing.iter().map(|line| (line.mid.as_str(), line.source)).collect();
    assert_eq!(lines, [("video0", Source::Camera), ("audio1", Source::Microphone)]);
    let rtx = gstreamer.session.publishing[0].ssrcs[0].rtx;
    assert_eq!(rtx.map(|ssrc| ssrc.0), Some(1_050_739_331));
    assert!(sections(&gstreamer.sdp)[2].contains(&"a=rtcp-fb:98 transport-cc"));
}

#[test]
fn a_viewer_has_only_slots() {
    let session = answer(chromium_viewer).session;
    assert!(session.publishing.is_empty());
    assert_eq!(session.slots.iter().map(|slot| slot.index).collect::<Vec<_>>(), [0, 0]);
}

#[test]
fn the_answer_follows_from_offer_and_entropy_alone() {
    for (name, offer) in FIXTURES {
        assert_eq!(answer(offer).sdp, answer(offer).sdp, "{name}");
    }
}

#[test]
fn the_whole_answer_to_a_small_offer() {
    assert_eq!(answer(obs_whip).sdp, include_str!("../fixtures/obs_whip.answer.sdp"));
}
