//! Keys from files: each algorithm works end to end, and what does not fit is told at the start.
#![allow(clippy::unwrap_used)]

use std::fs;

use super::*;
use crate::clock::unix_seconds;
use crate::tokens::Refused;
use worker::command::RoomId;

/// A directory of its own for one test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("relay-keys-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, content).unwrap();
        path
    }

    /// A fresh pair; the files are named after `name`.
    fn pair(&self, name: &str, algorithm: &'static rcgen::SignatureAlgorithm) -> (PathBuf, PathBuf) {
        let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
        (self.write(&format!("{name}.pub"), pair.public_key_pem()), self.write(&format!("{name}.key"), pair.serialize_pem()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key(algorithm: Algorithm, secret: Option<PathBuf>, public: Option<PathBuf>, private: Option<PathBuf>) -> Key {
    Key { id: "k".into(), algorithm, secret_file: secret, public_key_file: public, private_key_file: private }
}

fn issue() -> Issue<'static> {
    Issue { room: Some("demo"), identity: "anna", name: None, role: TokenRole::Host, life: 60 }
}

#[test]
fn every_algorithm_signs_and_verifies_and_none_accepts_anothers() {
    let folder = Folder::new("algorithms");
    let secret = folder.write("secret", "0123456789abcdef0123456789abcdef\n");
    let (ec_public, ec_private) = folder.pair("ec", &rcgen::PKCS_ECDSA_P256_SHA256);
    let (ed_public, ed_private) = folder.pair("ed", &rcgen::PKCS_ED25519);
    let rings = [
        KeyRing::load(&[key(Algorithm::HS256, Some(secret), None, None)]).unwrap(),
        KeyRing::load(&[key(Algorithm::ES256, None, Some(ec_public.clone()), Some(ec_private))]).unwrap(),
        KeyRing::load(&[key(Algorithm::EdDSA, None, Some(ed_public), Some(ed_private))]).unwrap(),
    ];
    let room = RoomId("demo".into());
    for (signer, ring) in rings.iter().enumerate() {
        let token = ring.issue(&issue(), unix_seconds()).unwrap().token;
        for (verifier, other) in rings.iter().enumerate() {
            assert_eq!(other.grant(&token, &room).is_ok(), signer == verifier, "{signer} {verifier}");
            if signer != verifier {
                assert_eq!(other.verify(&token).err(), Some(Refused::Algorithm));
            }
        }
    }
    let verify_only = KeyRing::load(&[key(Algorithm::ES256, None, Some(ec_public), None)]).unwrap();
    assert!(!verify_only.can_issue());
    let token = rings[1].issue(&issue(), unix_seconds()).unwrap().token;
    assert!(verify_only.grant(&token, &room).is_ok());
}

#[test]
fn the_public_key_is_no_shared_secret() {
    // The classic confusion: a token signed by HMAC with the bytes of the public key.
    let folder = Folder::new("confusion");
    let (public, _) = folder.pair("ec", &rcgen::PKCS_ECDSA_P256_SHA256);
    let ring = KeyRing::load(&[key(Algorithm::ES256, None, Some(public.clone()), None)]).unwrap();
    let forger = KeyRing::load(&[key(Algorithm::HS256, Some(public), None, None)]).unwrap();
    let token = forger.issue(&issue(), unix_seconds()).unwrap().token;
    assert_eq!(ring.verify(&token).err(), Some(Refused::Algorithm));
}

#[test]
fn unusable_files_are_told_at_the_start_without_their_content() {
    let folder = Folder::new("unusable");
    let short = folder.write("short", "sh0rt-secret\n");
    let huge = folder.write("huge", vec![b'x'; MAX_KEY_FILE + 1]);
    let (ec_public, ec_private) = folder.pair("ec", &rcgen::PKCS_ECDSA_P256_SHA256);
    let (ed_public, ed_private) = folder.pair("ed", &rcgen::PKCS_ED25519);
    let (other_public, _) = folder.pair("other", &rcgen::PKCS_ECDSA_P256_SHA256);
    let rows = [
        (key(Algorithm::HS256, Some(short), None, None), "at least 32 bytes"),
        (key(Algorithm::HS256, Some(huge), None, None), "at most 16 KiB"),
        (key(Algorithm::HS256, Some(folder.0.join("missing")), None, None), "cannot be read"),
        (key(Algorithm::ES256, None, Some(ed_public.clone()), None), "public key"),
        (key(Algorithm::EdDSA, None, Some(ec_public.clone()), None), "public key"),
        (key(Algorithm::ES256, None, Some(ec_private.clone()), None), "public key"),
        (key(Algorithm::ES256, None, Some(ec_public.clone()), Some(ec_public)), "private key"),
        (key(Algorithm::ES256, None, Some(other_public), Some(ec_private.clone())), "does not belong"),
        (key(Algorithm::EdDSA, None, Some(ed_public), Some(ec_private)), "private key"),
        (key(Algorithm::EdDSA, None, Some(ed_private.clone()), Some(ed_private)), "public key"),
    ];
    for (row, (key, expected)) in rows.iter().enumerate() {
        let error = KeyRing::load(std::slice::from_ref(key)).err().map(|error| error.to_string());
        assert!(error.as_ref().is_some_and(|error| error.contains(expected) && error.contains("`k`")), "row {row}: {error:?}");
        assert!(!error.unwrap().contains("sh0rt"));
    }
}
