//! What the relay's answer promises, read without the relay's own code.

/// An answer, line by line.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) lines: Vec<AnswerLine>,
}

/// One m-line of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AnswerLine {
    /// `audio` or `video`.
    pub(crate) kind: String,
    pub(crate) mid: String,
    /// The relay's direction.
    pub(crate) direction: String,
    /// The first SSRC it announces.
    pub(crate) ssrc: Option<u32>,
    /// Payload type and encoding name.
    pub(crate) codecs: Vec<(u8, String)>,
}

impl Answer {
    pub(crate) fn read(text: &str) -> Self {
        let sections = text.split("\r\nm=").skip(1);
        Self { text: text.to_owned(), lines: sections.map(AnswerLine::read).collect() }
    }

    /// The line with this mid.
    pub(crate) fn line(&self, mid: &str) -> &AnswerLine {
        self.lines.iter().find(|line| line.mid == mid).unwrap_or_else(|| panic!("no line {mid} in {}", self.text))
    }

    /// The relay's ICE credentials; the same for all lines.
    pub(crate) fn credentials(&self) -> (&str, &str) {
        (attribute(&self.text, "ice-ufrag:").unwrap(), attribute(&self.text, "ice-pwd:").unwrap())
    }
}

impl AnswerLine {
    fn read(section: &str) -> Self {
        let mut codecs = Vec::new();
        for map in section.lines().filter_map(|line| line.strip_prefix("a=rtpmap:")) {
            let (pt, name) = map.split_once(' ').unwrap();
            codecs.push((pt.parse().unwrap(), name.split('/').next().unwrap().to_ascii_lowercase()));
        }
        let directions = ["sendonly", "recvonly", "sendrecv", "inactive"];
        let direction = directions.into_iter().find(|direction| section.lines().any(|line| line == format!("a={direction}")));
        Self {
            kind: section.split(' ').next().unwrap().to_owned(),
            mid: attribute(section, "mid:").unwrap().to_owned(),
            direction: direction.unwrap_or("none").to_owned(),
            ssrc: attribute(section, "ssrc:").map(|value| value.split(' ').next().unwrap().parse().unwrap()),
            codecs,
        }
    }

    /// The payload type that was agreed for a codec.
    pub(crate) fn payload_type(&self, codec: &str) -> u8 {
        let found = self.codecs.iter().find(|(_, name)| name == codec);
        found.unwrap_or_else(|| panic!("no {codec} in {self:?}")).0
    }
}

/// The value of the first `a=<name><value>`.
pub(crate) fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix("a=")?.strip_prefix(name))
}

#[test]
fn an_answer_is_read_line_by_line() {
    let text = "v=0\r\na=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 109\r\na=mid:0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=recvonly\r\n\
        a=rtpmap:109 opus/48000/2\r\nm=video 9 UDP/TLS/RTP/SAVPF 120 124\r\na=mid:v\r\na=sendonly\r\na=rtpmap:120 VP8/90000\r\n\
        a=ssrc-group:FID 7 8\r\na=ssrc:7 cname:x\r\na=ssrc:8 cname:x\r\n";
    let answer = Answer::read(text);
    assert_eq!(answer.credentials(), ("u", "p"));
    assert_eq!(answer.lines.len(), 2);
    assert_eq!((answer.line("0").direction.as_str(), answer.line("0").ssrc), ("recvonly", None));
    let video = answer.line("v");
    assert_eq!((video.kind.as_str(), video.ssrc, video.payload_type("vp8")), ("video", Some(7), 120));
}
