//! Opening: SRTP and SRTCP from the peer. A packet changes state only after its tag was found right.

use rtc_crypto::RTCCrypto;
use wire::rtp::RtpHeader;

use super::cipher::{Channel, Cipher, E_FLAG, INDEX_WORD, RTCP_CLEAR, RtpPlace};
use super::index::guess;
use super::replay::{ReplayWindow, Verdict};
use super::table::SsrcTable;
use super::{Profile, SrtpError, rtcp_ssrc};

/// Keys and per-SSRC state of the receiving direction.
pub(super) struct Inbound {
    rtp: Cipher,
    rtcp: Cipher,
    rtp_streams: SsrcTable<ReplayWindow>,
    rtcp_streams: SsrcTable<ReplayWindow>,
}

impl Inbound {
    pub(super) fn new(crypto: &dyn RTCCrypto, profile: Profile, master: (&[u8], &[u8])) -> Result<Self, SrtpError> {
        Ok(Self {
            rtp: Cipher::derive(crypto, profile, master, Channel::Rtp)?,
            rtcp: Cipher::derive(crypto, profile, master, Channel::Rtcp)?,
            rtp_streams: SsrcTable::new(),
            rtcp_streams: SsrcTable::new(),
        })
    }

    pub(super) fn open_rtp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let header = RtpHeader::parse(packet).map_err(|_| SrtpError::Malformed)?;
        let slot = self.rtp_streams.find(header.ssrc)?;
        let window = self.rtp_streams.get(slot).copied().unwrap_or_default();
        let index = guess(window.highest(), header.sequence)?;
        if window.judge(index) != Verdict::Fresh {
            return Err(SrtpError::Replay);
        }
        let place = RtpPlace { payload_start: header.payload_start, ssrc: header.ssrc, index };
        let len = self.rtp.open_rtp(packet, &place)?;
        self.rtp_streams.get_or_add(slot, header.ssrc, ReplayWindow::default).mark(index);
        Ok(len)
    }

    pub(super) fn open_rtcp(&mut self, packet: &mut [u8]) -> Result<usize, SrtpError> {
        let ssrc = rtcp_ssrc(packet)?;
        if packet.len() < RTCP_CLEAR + self.rtcp.rtcp_overhead() {
            return Err(SrtpError::Malformed);
        }
        let word_start = packet.len() - self.rtcp.index_word_from_end();
        let word = packet[word_start..].first_chunk::<INDEX_WORD>().map_or(0, |word| u32::from_be_bytes(*word));
        if word & E_FLAG == 0 {
            return Err(SrtpError::Unencrypted);
        }
        let index = word & !E_FLAG;
        let slot = self.rtcp_streams.find(ssrc)?;
        let window = self.rtcp_streams.get(slot).copied().unwrap_or_default();
        if window.judge(u64::from(index)) != Verdict::Fresh {
            return Err(SrtpError::Replay);
        }
        let len = self.rtcp.open_rtcp(packet, ssrc, index)?;
        self.rtcp_streams.get_or_add(slot, ssrc, ReplayWindow::default).mark(u64::from(index));
        Ok(len)
    }

    /// SSRCs with state, RTP and RTCP.
    pub(super) fn known_ssrcs(&self) -> (usize, usize) {
        (self.rtp_streams.len(), self.rtcp_streams.len())
    }

    /// The highest index that was authenticated for an SSRC.
    #[cfg(test)]
    pub(super) fn highest(&self, ssrc: wire::ids::Ssrc) -> Option<u64> {
        let slot = self.rtp_streams.find(ssrc).ok()?;
        self.rtp_streams.get(slot)?.highest()
    }
}
