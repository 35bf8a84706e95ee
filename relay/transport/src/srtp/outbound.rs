//! Sealing: SRTP and SRTCP to the peer, never two different packets under one nonce.

use rtc_crypto::RTCCrypto;
use wire::rtp::RtpHeader;

use super::cipher::{Channel, Cipher, RtpPlace};
use super::index::guess;
use super::replay::{ReplayWindow, Verdict, WINDOW};
use super::table::SsrcTable;
use super::{Profile, SrtpError, rtcp_ssrc};

/// Last SRTCP index, 31 bits.
const LAST_RTCP_INDEX: u32 = (1 << 31) - 1;

/// Keys and per-SSRC state of the sending direction.
pub(super) struct Outbound {
    rtp: Cipher,
    rtcp: Cipher,
    streams: SsrcTable<Sent>,
    /// One count for all our SSRCs: each sees it grow with gaps, which is all a receiver asks for. The first packet gets 1, as
    /// common implementations have it, although the RFC says 0.
    rtcp_index: u32,
}

/// What was sealed for one SSRC.
struct Sent {
    window: ReplayWindow,
    /// The ends of the tags of the packets in the window, by index modulo its size: a packet sealed again must get the same tag.
    tags: Box<[u32; WINDOW as usize]>,
}

impl Sent {
    fn new() -> Self {
        Self { window: ReplayWindow::default(), tags: Box::new([0; WINDOW as usize]) }
    }
}

impl Outbound {
    pub(super) fn new(crypto: &dyn RTCCrypto, profile: Profile, master: (&[u8], &[u8])) -> Result<Self, SrtpError> {
        Ok(Self {
            rtp: Cipher::derive(crypto, profile, master, Channel::Rtp)?,
            rtcp: Cipher::derive(crypto, profile, master, Channel::Rtcp)?,
            streams: SsrcTable::new(),
            rtcp_index: 0,
        })
    }

    pub(super) fn seal_rtp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let plain = buf.get(..len).ok_or(SrtpError::NoRoom)?;
        let header = RtpHeader::parse(plain).map_err(|_| SrtpError::Malformed)?;
        let slot = self.streams.find(header.ssrc)?;
        let window = self.streams.get(slot).map(|sent| sent.window).unwrap_or_default();
        // Before the first rollover there was nothing, so nothing was sealed that this could be.
        let index = guess(window.highest(), header.sequence).map_err(|error| match error {
            SrtpError::Replay => SrtpError::Reused,
            other => other,
        })?;
        let verdict = window.judge(index);
        if verdict == Verdict::Old {
            return Err(SrtpError::Reused);
        }
        let place = RtpPlace { payload_start: header.payload_start, ssrc: header.ssrc, index };
        let sealed = self.rtp.seal_rtp(buf, len, &place)?;
        let tag = buf[..sealed].last_chunk().map_or(0, |tag| u32::from_be_bytes(*tag));
        let sent = self.streams.get_or_add(slot, header.ssrc, Sent::new);
        let remembered = &mut sent.tags[(index % WINDOW) as usize];
        if verdict == Verdict::Fresh {
            *remembered = tag;
            sent.window.mark(index);
            return Ok(sealed);
        }
        if *remembered == tag {
            return Ok(sealed);
        }
        buf[..sealed].fill(0);
        Err(SrtpError::Reused)
    }

    pub(super) fn seal_rtcp(&mut self, buf: &mut [u8], len: usize) -> Result<usize, SrtpError> {
        let ssrc = rtcp_ssrc(buf.get(..len).ok_or(SrtpError::NoRoom)?)?;
        if self.rtcp_index == LAST_RTCP_INDEX {
            return Err(SrtpError::Exhausted);
        }
        let index = self.rtcp_index + 1;
        let sealed = self.rtcp.seal_rtcp(buf, len, ssrc, index)?;
        self.rtcp_index = index;
        Ok(sealed)
    }

    /// Puts the RTCP count near its end.
    #[cfg(test)]
    pub(super) fn set_rtcp_index(&mut self, index: u32) {
        self.rtcp_index = index;
    }
}
