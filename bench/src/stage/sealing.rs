//! SRTP of packets of about 1,200 bytes, by profile.

use transport::srtp::{KeyingMaterial, MAX_RTP_OVERHEAD, Profile, Role, SrtpSession};
use wire::codec::Codec;

use super::traffic::Traffic;
use super::{BATCH, Round};

pub(super) fn open_gcm_128() -> Round {
    open(Profile::AeadAes128Gcm)
}

pub(super) fn open_gcm_256() -> Round {
    open(Profile::AeadAes256Gcm)
}

pub(super) fn open_cm() -> Round {
    open(Profile::AesCm128HmacSha1_80)
}

pub(super) fn seal_gcm_128() -> Round {
    seal(Profile::AeadAes128Gcm)
}

pub(super) fn seal_gcm_256() -> Round {
    seal(Profile::AeadAes256Gcm)
}

pub(super) fn seal_cm() -> Round {
    seal(Profile::AesCm128HmacSha1_80)
}

fn open(profile: Profile) -> Round {
    let (mut sender, mut receiver) = (session(profile, Role::Client), session(profile, Role::Server));
    let mut packets = Packets::new();
    Box::new(move |meter| {
        packets.renew();
        for (buf, len) in &mut packets.each {
            *len = sender.seal_rtp(buf, *len).expect("room for the tag");
        }
        meter.measure(|| {
            for (buf, len) in &mut packets.each {
                receiver.open_rtp(&mut buf[..*len]).expect("the sender's own packet opens");
            }
        });
    })
}

fn seal(profile: Profile) -> Round {
    let mut sender = session(profile, Role::Server);
    let mut packets = Packets::new();
    Box::new(move |meter| {
        packets.renew();
        meter.measure(|| {
            for (buf, len) in &mut packets.each {
                sender.seal_rtp(buf, *len).expect("room for the tag");
            }
        });
    })
}

fn session(profile: Profile, role: Role) -> SrtpSession {
    let bytes = vec![7; profile.keying_material_len()];
    let keys = KeyingMaterial::from_exporter(profile, &bytes).expect("the length fits");
    SrtpSession::new(&keys, role).expect("keys fit")
}

/// A batch in clear, each with room for its tag.
struct Packets {
    traffic: Traffic,
    each: Vec<(Vec<u8>, usize)>,
}

impl Packets {
    fn new() -> Self {
        Self { traffic: Traffic::new(Codec::Vp8), each: Vec::new() }
    }

    fn renew(&mut self) {
        self.each.clear();
        for _ in 0..BATCH {
            let mut packet = self.traffic.packet();
            let len = packet.len();
            packet.resize(len + MAX_RTP_OVERHEAD, 0);
            self.each.push((packet, len));
        }
    }
}
