//! What the tests of this module share: hexadecimal, random numbers from a seed, packets, pairs of sessions.
#![allow(clippy::unwrap_used)]

use super::{KeyingMaterial, MAX_RTCP_OVERHEAD, MAX_RTP_OVERHEAD, Profile, Role, SrtpError, SrtpSession};

/// Bytes from hexadecimal digits; white space is skipped.
pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter_map(|digit| digit.to_digit(16).map(|value| value as u8)).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// Keys that depend on the profile only.
pub(super) fn keys(profile: Profile) -> KeyingMaterial {
    let bytes: Vec<u8> = (0..profile.keying_material_len()).map(|byte| byte as u8 ^ 0x5a).collect();
    KeyingMaterial::from_exporter(profile, &bytes).unwrap()
}

/// Both ends of one association.
pub(super) fn pair(profile: Profile) -> (SrtpSession, SrtpSession) {
    let keys = keys(profile);
    (SrtpSession::new(&keys, Role::Client).unwrap(), SrtpSession::new(&keys, Role::Server).unwrap())
}

/// A plain RTP packet.
pub(super) fn rtp(ssrc: u32, sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 96];
    packet.extend(sequence.to_be_bytes());
    packet.extend([0, 0, 1, 2]);
    packet.extend(ssrc.to_be_bytes());
    packet.extend(payload);
    packet
}

/// A plain RTCP packet: a receiver report with some bytes behind it.
pub(super) fn rtcp(ssrc: u32, rest: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet.extend(rest);
    packet
}

pub(super) fn sealed_rtp(session: &mut SrtpSession, plain: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buf = plain.to_vec();
    buf.resize(plain.len() + MAX_RTP_OVERHEAD, 0);
    let len = session.seal_rtp(&mut buf, plain.len())?;
    buf.truncate(len);
    Ok(buf)
}

pub(super) fn opened_rtp(session: &mut SrtpSession, sealed: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buf = sealed.to_vec();
    let len = session.open_rtp(&mut buf)?;
    buf.truncate(len);
    Ok(buf)
}

pub(super) fn sealed_rtcp(session: &mut SrtpSession, plain: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buf = plain.to_vec();
    buf.resize(plain.len() + MAX_RTCP_OVERHEAD, 0);
    let len = session.seal_rtcp(&mut buf, plain.len())?;
    buf.truncate(len);
    Ok(buf)
}

pub(super) fn opened_rtcp(session: &mut SrtpSession, sealed: &[u8]) -> Result<Vec<u8>, SrtpError> {
    let mut buf = sealed.to_vec();
    let len = session.open_rtcp(&mut buf)?;
    buf.truncate(len);
    Ok(buf)
}
