//! Which stream of the relay belongs to which m-line, read from its answer.

use std::collections::BTreeMap;

/// Mids by the SSRC that the relay announces for them, and which of them are pictures.
pub(super) fn streams(sdp: &str) -> BTreeMap<u32, Line> {
    let sections = sdp.split("\nm=").skip(1);
    sections
        .filter_map(|section| {
            let value = |name: &str| section.lines().find_map(|line| line.trim_end().strip_prefix("a=")?.strip_prefix(name));
            let ssrc = value("ssrc:")?.split(' ').next()?.parse().ok()?;
            Some((ssrc, Line { mid: value("mid:")?.to_owned(), picture: section.starts_with("video") }))
        })
        .collect()
}

/// An m-line on which the relay sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    pub(super) mid: String,
    pub(super) picture: bool,
}

/// The mids of an offer's lines that send, and whether each is of pictures.
pub(super) fn publishing(sdp: &str) -> Vec<(String, bool)> {
    let sections = sdp.split("\nm=").skip(1).filter(|section| section.lines().any(|line| line.trim_end() == "a=sendonly"));
    sections
        .filter_map(|section| {
            let mid = section.lines().find_map(|line| line.trim_end().strip_prefix("a=mid:"))?;
            Some((mid.to_owned(), section.starts_with("video")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_found_by_their_first_ssrc_and_lines_that_send_by_their_mid() {
        let sdp = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendonly\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:v\r\na=recvonly\r\na=ssrc-group:FID 7 8\r\na=ssrc:7 cname:x\r\na=ssrc:8 cname:x\r\n";
        assert_eq!(streams(sdp), BTreeMap::from([(7, Line { mid: "v".to_owned(), picture: true })]));
        assert_eq!(publishing(sdp), [("0".to_owned(), false)]);
    }
}
