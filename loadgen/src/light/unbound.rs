//! Receiving m-lines of which the server did not say the SSRC: the first packet that names or fits one takes it (RFC 8843 section 9.2).

use wire::ids::Mid;

use super::setup::Numbering;

/// M-lines that wait for their first packet: mid, and whether it is sound.
#[derive(Debug, Default)]
pub(super) struct Unbound(Vec<(String, bool)>);

impl Unbound {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add(&mut self, mid: &str, audio: bool) {
        if !self.0.iter().any(|(known, _)| known == mid) {
            self.0.push((mid.to_owned(), audio));
        }
    }

    /// The m-line of a packet on a new SSRC: the one that its MID names, or the first whose codec it is. Retransmissions take none: they
    /// say only in their payload what they belong to.
    pub(super) fn claim(&mut self, mid: Option<Mid>, payload_type: u8, numbering: &Numbering) -> Option<(String, bool)> {
        if [numbering.rtx, numbering.vp9_rtx].contains(&payload_type) {
            return None;
        }
        let sound = payload_type == numbering.opus || payload_type == numbering.red;
        let named = |(known, _): &(String, bool)| mid.as_ref().is_some_and(|mid| mid.as_str() == known);
        let fits = |(_, audio): &(String, bool)| mid.is_none() && *audio == sound;
        let index = self.0.iter().position(|line| named(line) || fits(line))?;
        Some(self.0.remove(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_packet_takes_the_line_it_names_or_fits() {
        let (mut unbound, numbering) = (Unbound::default(), Numbering::default());
        unbound.add("0", true);
        unbound.add("1", false);
        unbound.add("2", false);
        assert_eq!(unbound.claim(Mid::new("2"), numbering.vp8, &numbering), Some(("2".to_owned(), false)));
        assert_eq!(unbound.claim(None, numbering.rtx, &numbering), None);
        assert_eq!(unbound.claim(None, numbering.vp8, &numbering), Some(("1".to_owned(), false)));
        assert_eq!(unbound.claim(None, numbering.vp8, &numbering), None, "there is no second one");
        assert_eq!(unbound.claim(None, numbering.opus, &numbering), Some(("0".to_owned(), true)));
        assert!(unbound.is_empty());
    }
}
