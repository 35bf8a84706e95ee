//! The other way round: the server offers what it will send, and the client answers, as active DTLS client and controlling ICE agent, so
//! that everything behind the answer is as after an offer of its own.

use std::fmt::Write as _;
use std::time::Instant;

use wire::ext::{Ext, ExtMap};

use super::answer::{Answer, AnswerError};
use super::client::Client;
use super::offer;
use super::slot::InSlot;

/// Header extensions that the client reads or writes where it receives.
const UNDERSTOOD: [Ext; 3] = [Ext::TransportCc, Ext::Mid, Ext::AudioLevel];
/// Codecs that the client can decode, and what repairs them.
const DECODED: [&str; 3] = ["opus", "VP8", "rtx"];

/// One m-line of the offer.
struct Section<'a> {
    audio: bool,
    lines: Vec<&'a str>,
}

impl<'a> Section<'a> {
    fn attributes(&self, name: &'static str) -> impl Iterator<Item = &'a str> + '_ {
        self.lines.iter().filter_map(move |line| line.strip_prefix("a=")?.strip_prefix(name))
    }

    /// Payload types of the codecs that are taken, in the offer's order, with what their `rtpmap` says.
    fn codecs(&self) -> Vec<(u8, &'a str)> {
        let parse = |value: &'a str| {
            let (payload_type, codec) = value.split_once(' ')?;
            let name = codec.split('/').next()?;
            let taken = DECODED.iter().any(|known| known.eq_ignore_ascii_case(name));
            taken.then_some((payload_type.parse().ok()?, codec))
        };
        self.attributes("rtpmap:").filter_map(parse).collect()
    }

    /// Numbers of the understood header extensions.
    fn extensions(&self) -> Vec<(u8, Ext)> {
        let parse = |value: &str| {
            let mut words = value.split(' ');
            let id = words.next()?.split('/').next()?.parse().ok()?;
            Ext::from_uri(words.next()?).filter(|ext| UNDERSTOOD.contains(ext)).map(|ext| (id, ext))
        };
        self.attributes("extmap:").filter_map(parse).collect()
    }
}

impl Client {
    /// The server's offer of what it sends; gives the answer. Each accepted m-line is a slot. Later offers add m-lines, or say that some
    /// have fallen silent. For a client without own m-lines, [`Setup::viewer`](super::Setup::viewer) with no slots.
    ///
    /// # Errors
    /// [`AnswerError`]; nothing was changed.
    pub fn accept(&mut self, now: Instant, sdp: &str) -> Result<String, AnswerError> {
        let offer = Answer::parse_offer(sdp)?;
        if self.secure.is_other(offer.fingerprint) {
            return Err(AnswerError::Malformed("another fingerprint than in the first offer".to_owned()));
        }
        let sections = sections(sdp);
        let mut extensions = ExtMap::default();
        for (id, ext) in sections.iter().flat_map(Section::extensions) {
            // The same number again on the next m-line of a bundle.
            let _ = extensions.insert(id, ext);
        }
        self.extensions = extensions;
        for (section, line) in sections.iter().zip(&offer.lines).filter(|(_, line)| line.accepted) {
            let Some(ssrc) = line.ssrc else {
                self.unbound.add(&line.mid, section.audio);
                continue;
            };
            if !self.slots.iter().any(|slot| slot.mid == line.mid && slot.ssrc == ssrc) {
                self.slots.push(InSlot::new(self.epoch, &self.setup, line.mid.clone(), section.audio, ssrc, line.rtx));
            }
        }
        self.version += 1;
        let answer = self.write_answer(&offer, &sections);
        (self.relay, self.compound) = (Some(offer.fingerprint), !offer.reduced_size);
        self.ice.set_remote(now, &offer.ice, &offer.candidates);
        self.handle_timeout(now);
        Ok(answer)
    }

    fn write_answer(&self, offer: &Answer, sections: &[Section<'_>]) -> String {
        let mids: Vec<&str> = offer.lines.iter().filter(|line| line.accepted).map(|line| line.mid.as_str()).collect();
        let mut sdp = format!(
            "v=0\r\no=- {} {} IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {}\r\na=msid-semantic: WMS\r\n",
            self.session,
            self.version,
            mids.join(" ")
        );
        let ice = self.ice.local();
        for (section, line) in sections.iter().zip(&offer.lines) {
            let (kind, codecs) = (if section.audio { "audio" } else { "video" }, section.codecs());
            let types: Vec<String> = codecs.iter().map(|(payload_type, _)| payload_type.to_string()).collect();
            let direction = if line.accepted && !codecs.is_empty() { "recvonly" } else { "inactive" };
            // Writing to a String cannot fail.
            let _ = write!(
                sdp,
                "m={kind} 9 UDP/TLS/RTP/SAVPF {}\r\nc=IN IP4 0.0.0.0\r\na={direction}\r\na=mid:{}\r\na=rtcp-mux\r\n{}a=ice-ufrag:{}\r\n\
                 a=ice-pwd:{}\r\n{}a=fingerprint:sha-256 {}\r\na=setup:active\r\n",
                types.join(" "),
                line.mid,
                if offer.reduced_size { "a=rtcp-rsize\r\n" } else { "" },
                ice.ufrag,
                ice.pwd,
                offer::candidate(self.candidate),
                self.fingerprint
            );
            for (id, ext) in section.extensions() {
                let _ = write!(sdp, "a=extmap:{id} {}\r\n", ext.uri());
            }
            for (payload_type, codec) in &codecs {
                let _ = write!(sdp, "a=rtpmap:{payload_type} {codec}\r\n");
            }
            for name in ["fmtp:", "rtcp-fb:"] {
                let of_ours = |value: &&str| types.iter().any(|ours| value.split(' ').next() == Some(ours));
                section.attributes(name).filter(of_ours).for_each(|value| sdp.push_str(&format!("a={name}{value}\r\n")));
            }
        }
        sdp
    }
}

fn sections(sdp: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for line in sdp.lines().map(str::trim_end) {
        if let Some(media) = line.strip_prefix("m=") {
            sections.push(Section { audio: media.starts_with("audio"), lines: Vec::new() });
        } else if let Some(section) = sections.last_mut() {
            section.lines.push(line);
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use transport::Certificate;
    use wire::ids::Ssrc;
    use wire::ntp::Ntp;

    use super::*;
    use crate::light::Setup;

    const HEAD: &str = "v=0\r\no=- 1 1 IN IP4 127.9.0.1\r\ns=x\r\nt=0 0\r\na=group:BUNDLE 0 1\r\na=ice-lite\r\n\
        a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF\r\n";
    const TRANSPORT: &str = "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\na=setup:actpass\r\n\
        a=candidate:1 1 udp 2015363327 127.9.0.1 20000 typ host\r\n";

    fn client() -> Client {
        let certificate = Arc::new(Certificate::generate().expect("a certificate"));
        Client::new(Instant::now(), Ntp::from_unix(Duration::from_secs(1_800_000_000)), Setup::viewer(1, 0, 0), certificate)
    }

    fn offer(second: &str) -> String {
        format!(
            "{HEAD}m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=sendonly\r\na=mid:0\r\n{TRANSPORT}a=rtpmap:111 opus/48000/2\r\n\
             a=extmap:7 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=ssrc:5 cname:janus\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96 97 98\r\na={second}\r\na=mid:1\r\n{TRANSPORT}a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack pli\r\n\
             a=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\na=rtpmap:98 H264/90000\r\na=ssrc-group:FID 6 7\r\na=ssrc:6 cname:janus\r\n"
        )
    }

    #[test]
    fn an_offer_is_answered_line_by_line_with_what_can_be_decoded() {
        let mut client = client();
        let answer = client.accept(Instant::now(), &offer("sendonly")).expect("a good offer");
        assert_eq!(answer.matches("a=recvonly").count(), 2, "{answer}");
        assert_eq!(answer.matches("a=setup:active").count(), 2, "{answer}");
        assert!(answer.contains("m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n") && answer.contains("a=fmtp:97 apt=96"), "{answer}");
        assert!(answer.contains("a=rtcp-fb:96 nack pli") && answer.contains("a=extmap:7 urn:ietf:params:rtp-hdrext:sdes:mid"), "{answer}");
        assert_eq!(client.slots().map(|slot| (slot.audio, slot.ssrc)).collect::<Vec<_>>(), [(true, Ssrc(5)), (false, Ssrc(6))]);
        let again = client.accept(Instant::now(), &offer("inactive")).expect("a second offer");
        assert!(again.matches("a=inactive").count() == 1 && again.contains("BUNDLE 0\r\n"), "{again}");
        assert_eq!(client.slots().count(), 2, "a slot that falls silent keeps its record");
    }

    #[test]
    fn an_offer_that_takes_the_clients_role_is_refused() {
        let active = offer("sendonly").replace("actpass", "active");
        assert_eq!(client().accept(Instant::now(), &active).err(), Some(AnswerError::NotPassive("active".to_owned())));
    }
}
