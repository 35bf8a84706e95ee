//! The packet transforms behind one type: where nonce, header, payload, index word and tag lie in a packet.

use rtc_crypto::RTCCrypto;
use wire::ids::Ssrc;

use super::cm::Cm;
use super::gcm::Gcm;
use super::kdf::{Label, derive};
use super::{Profile, SrtpError};

/// Fixed part of an RTCP packet that stays in clear: the first header and the sender's SSRC, bytes.
pub(super) const RTCP_CLEAR: usize = 8;
/// E flag and index, bytes.
pub(super) const INDEX_WORD: usize = 4;
/// "E-flag: it indicates if the current SRTCP packet is encrypted or unencrypted" (RFC 3711 section 3.4).
pub(super) const E_FLAG: u32 = 1 << 31;

/// Whether a cipher is for RTP or RTCP: they have separate keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Channel {
    Rtp,
    Rtcp,
}

impl Channel {
    /// Labels of encryption key, authentication key and salt.
    pub(super) const fn labels(self) -> [Label; 3] {
        match self {
            Self::Rtp => [Label::RtpKey, Label::RtpAuth, Label::RtpSalt],
            Self::Rtcp => [Label::RtcpKey, Label::RtcpAuth, Label::RtcpSalt],
        }
    }
}

/// Session keys of one direction and one channel.
pub(super) enum Cipher {
    Gcm(Gcm),
    Cm(Cm),
}

/// One RTP packet's coordinates.
#[derive(Clone, Copy, Debug)]
pub(super) struct RtpPlace {
    pub(super) payload_start: usize,
    pub(super) ssrc: Ssrc,
    /// Rollover counter and sequence number, 48 bits.
    pub(super) index: u64,
}

impl Cipher {
    /// Derives the session keys and expands them.
    pub(super) fn derive(
        crypto: &dyn RTCCrypto,
        profile: Profile,
        (master_key, master_salt): (&[u8], &[u8]),
        channel: Channel,
    ) -> Result<Self, SrtpError> {
        let [key_label, auth_label, salt_label] = channel.labels();
        let mut key = rtc_crypto::SecretVec::new(vec![0; profile.key_len()]);
        derive(crypto, master_key, master_salt, key_label, key.as_mut())?;
        if let Some(algorithm) = profile.aead() {
            let mut salt = [0; 12];
            derive(crypto, master_key, master_salt, salt_label, &mut salt)?;
            return Ok(Self::Gcm(Gcm::new(crypto, algorithm, key.as_ref(), salt)?));
        }
        let mut salt = [0; 14];
        derive(crypto, master_key, master_salt, salt_label, &mut salt)?;
        let mut auth = rtc_crypto::SecretVec::new(vec![0; super::cm::AUTH_KEY]);
        derive(crypto, master_key, master_salt, auth_label, auth.as_mut())?;
        Ok(Self::Cm(Cm::new(crypto, key.as_ref(), auth.as_ref(), salt)?))
    }

    pub(super) fn seal_rtp(&mut self, buf: &mut [u8], len: usize, place: &RtpPlace) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm(gcm) => gcm.seal_rtp(buf, len, place),
            Self::Cm(cm) => cm.seal_rtp(buf, len, place),
        }
    }

    pub(super) fn open_rtp(&mut self, packet: &mut [u8], place: &RtpPlace) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtp(packet, place),
            Self::Cm(cm) => cm.open_rtp(packet, place),
        }
    }

    pub(super) fn seal_rtcp(&mut self, buf: &mut [u8], len: usize, ssrc: Ssrc, index: u32) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm(gcm) => gcm.seal_rtcp(buf, len, ssrc, index),
            Self::Cm(cm) => cm.seal_rtcp(buf, len, ssrc, index),
        }
    }

    /// The packet must be at least [`RTCP_CLEAR`] bytes plus [`Cipher::rtcp_overhead`] long, with the E flag set.
    pub(super) fn open_rtcp(&mut self, packet: &mut [u8], ssrc: Ssrc, index: u32) -> Result<usize, SrtpError> {
        match self {
            Self::Gcm(gcm) => gcm.open_rtcp(packet, ssrc, index),
            Self::Cm(cm) => cm.open_rtcp(packet, ssrc, index),
        }
    }

    /// Where the index word begins, counted from the end of an SRTCP packet: GCM puts it last, counter mode before its tag.
    pub(super) const fn index_word_from_end(&self) -> usize {
        match self {
            Self::Gcm(_) => INDEX_WORD,
            Self::Cm(_) => INDEX_WORD + super::cm::TAG,
        }
    }

    /// Tag and index word of SRTCP, bytes.
    pub(super) const fn rtcp_overhead(&self) -> usize {
        match self {
            Self::Gcm(_) => super::gcm::TAG + INDEX_WORD,
            Self::Cm(_) => super::cm::TAG + INDEX_WORD,
        }
    }
}
