//! Reads the relay's SDP answer: where it is, who it is, which lines it took and which SSRCs its slots have.

use std::net::{IpAddr, SocketAddr};

use wire::ids::{Fingerprint, IceCredentials, Ssrc};

/// What a client needs of an answer.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    /// The relay's credentials.
    pub(super) ice: IceCredentials,
    /// The certificate it must show.
    pub(super) fingerprint: Fingerprint,
    /// Where it can be reached over UDP, in the answer's order.
    pub(super) candidates: Vec<SocketAddr>,
    /// Feedback may come without a report in front of it (RFC 5506).
    pub(super) reduced_size: bool,
    /// One for each m-line of the offer, in its order.
    pub(super) lines: Vec<AnswerLine>,
}

/// One m-line of the answer.
#[derive(Clone, Debug, Default)]
pub(super) struct AnswerLine {
    /// Its mid.
    pub(super) mid: String,
    /// False when the relay refused the line (port 0) or made it inactive.
    pub(super) accepted: bool,
    /// The slot's SSRC.
    pub(super) ssrc: Option<Ssrc>,
    /// The slot's RTX SSRC.
    pub(super) rtx: Option<Ssrc>,
}

/// Why an answer cannot be used.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AnswerError {
    /// A value that every answer must have is not there.
    #[error("the answer has no {0}")]
    Missing(&'static str),
    /// A value is there and cannot be read.
    #[error("the answer has a malformed line: {0}")]
    Malformed(String),
    /// The other side claims the DTLS client's role, or leaves it open.
    #[error("the answer says a=setup:{0}, not passive")]
    NotPassive(String),
    /// Another number of m-lines than the offer had.
    #[error("the offer has {offered} m-lines, the answer {answered}")]
    LineCount {
        /// In the offer.
        offered: usize,
        /// In the answer.
        answered: usize,
    },
}

impl Answer {
    /// Reads an answer to an offer of `offered` m-lines.
    pub(super) fn parse(sdp: &str, offered: usize) -> Result<Self, AnswerError> {
        let (answer, setup) = Self::read(sdp)?;
        if let Some(role) = setup.filter(|role| role != "passive") {
            return Err(AnswerError::NotPassive(role));
        }
        if answer.lines.len() != offered {
            return Err(AnswerError::LineCount { offered, answered: answer.lines.len() });
        }
        Ok(answer)
    }

    /// The same of an offer, in which the other side must leave us the DTLS client's role.
    pub(super) fn parse_offer(sdp: &str) -> Result<Self, AnswerError> {
        let (offer, setup) = Self::read(sdp)?;
        match setup.filter(|role| role == "active") {
            Some(role) => Err(AnswerError::NotPassive(role)),
            None => Ok(offer),
        }
    }

    fn read(sdp: &str) -> Result<(Self, Option<String>), AnswerError> {
        let mut reader = Reader::default();
        for line in sdp.lines() {
            reader.read(line.trim_end()).ok_or_else(|| AnswerError::Malformed(line.to_owned()))?;
        }
        let ufrag = reader.ufrag.ok_or(AnswerError::Missing("ice-ufrag"))?;
        let pwd = reader.pwd.ok_or(AnswerError::Missing("ice-pwd"))?;
        let fingerprint = reader.fingerprint.ok_or(AnswerError::Missing("SHA-256 fingerprint"))?;
        let ice = IceCredentials { ufrag, pwd };
        let Reader { candidates, reduced_size, lines, setup, .. } = reader;
        Ok((Self { ice, fingerprint, candidates, reduced_size, lines }, setup))
    }
}

#[derive(Default)]
struct Reader {
    ufrag: Option<String>,
    pwd: Option<String>,
    fingerprint: Option<Fingerprint>,
    setup: Option<String>,
    candidates: Vec<SocketAddr>,
    reduced_size: bool,
    lines: Vec<AnswerLine>,
}

impl Reader {
    /// `None` when a line that matters cannot be read; lines that do not matter are skipped.
    fn read(&mut self, line: &str) -> Option<()> {
        if let Some(media) = line.strip_prefix("m=") {
            let port: u16 = media.split(' ').nth(1)?.parse().ok()?;
            self.lines.push(AnswerLine { accepted: port != 0, ..AnswerLine::default() });
            return Some(());
        }
        let Some(attribute) = line.strip_prefix("a=") else { return Some(()) };
        let (name, value) = attribute.split_once(':').unwrap_or((attribute, ""));
        match name {
            "ice-ufrag" => self.ufrag = Some(value.to_owned()),
            "ice-pwd" => self.pwd = Some(value.to_owned()),
            "setup" => self.setup = Some(value.to_owned()),
            "fingerprint" => {
                if let Some(hash) = value.strip_prefix("sha-256 ") {
                    self.fingerprint = Some(Fingerprint::parse(hash)?);
                }
            }
            "candidate" => self.add_candidate(value)?,
            "rtcp-rsize" => self.reduced_size = true,
            _ => self.read_media_attribute(name, value)?,
        }
        Some(())
    }

    /// `candidate-attribute` of RFC 8839 section 5.1; only UDP component 1 matters.
    fn add_candidate(&mut self, value: &str) -> Option<()> {
        let words: Vec<&str> = value.split(' ').collect();
        let [_, component, protocol, _, ip, port, ..] = words[..] else { return None };
        if component == "1" && protocol.eq_ignore_ascii_case("udp") {
            let address = SocketAddr::new(ip.parse::<IpAddr>().ok()?, port.parse().ok()?);
            if !self.candidates.contains(&address) {
                self.candidates.push(address);
            }
        }
        Some(())
    }

    fn read_media_attribute(&mut self, name: &str, value: &str) -> Option<()> {
        let Some(line) = self.lines.last_mut() else { return Some(()) };
        match name {
            "mid" => line.mid = value.to_owned(),
            "inactive" => line.accepted = false,
            "ssrc" => {
                let ssrc = Ssrc(value.split(' ').next()?.parse().ok()?);
                if line.ssrc.is_none() {
                    line.ssrc = Some(ssrc);
                }
            }
            "ssrc-group" => {
                if let Some(pair) = value.strip_prefix("FID ") {
                    let (media, rtx) = pair.split_once(' ')?;
                    line.ssrc = Some(Ssrc(media.parse().ok()?));
                    line.rtx = Some(Ssrc(rtx.trim().parse().ok()?));
                }
            }
            _ => {}
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINGERPRINT: &str = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF";

    fn sdp(setup: &str) -> String {
        format!(
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=fingerprint:sha-256 {FINGERPRINT}\r\n\
             m=audio 7882 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n\
             a=setup:{setup}\r\na=candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host\r\na=recvonly\r\n\
             m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:1\r\na=sendonly\r\na=ssrc-group:FID 7 8\r\na=ssrc:7 cname:x\r\n\
             m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\n"
        )
    }

    #[test]
    fn an_answer_gives_address_slots_and_refusals() {
        let answer = Answer::parse(&sdp("passive"), 3).expect("a good answer");
        assert_eq!(answer.candidates, ["192.0.2.1:7882".parse::<SocketAddr>().expect("an address")]);
        assert_eq!(answer.ice.ufrag, "abcd");
        let slot = &answer.lines[1];
        assert_eq!((slot.mid.as_str(), slot.ssrc, slot.rtx), ("1", Some(Ssrc(7)), Some(Ssrc(8))));
        assert_eq!(answer.lines.iter().map(|line| line.accepted).collect::<Vec<_>>(), [true, true, false]);
    }

    #[test]
    fn an_answer_that_no_client_could_use_is_refused() {
        assert_eq!(Answer::parse(&sdp("active"), 3).err(), Some(AnswerError::NotPassive("active".to_owned())));
        let count = AnswerError::LineCount { offered: 2, answered: 3 };
        assert_eq!(Answer::parse(&sdp("passive"), 2).err(), Some(count));
        let nameless = sdp("passive").replace("a=fingerprint", "a=x-fingerprint");
        assert_eq!(Answer::parse(&nameless, 3).err(), Some(AnswerError::Missing("SHA-256 fingerprint")));
    }
}
