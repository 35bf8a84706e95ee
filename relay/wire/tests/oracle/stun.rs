//! STUN against the codec of str0m (`is::stun`), both ways.

use std::net::SocketAddr;

use hmac::{Hmac, Mac};
use is::stun::{StunMessage, TransId};
use proptest::prelude::*;
use sha1::Sha1;
use wire::stun::{
    BindingRequest, Key, MAX_REPLY, MAX_REQUEST, Role, StunRequest, StunResponse, TransactionId, binding_error, binding_request,
    binding_success,
};

fn sha1_hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 20] {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// Transaction ids of `is` cannot be made from bytes; take one out of a message of ours.
fn their_id(transaction: TransactionId) -> TransId {
    let mut buf = [0; MAX_REPLY];
    let len = binding_error(transaction, 487, &Key::new(""), &mut buf).unwrap();
    StunMessage::parse(&buf[..len]).unwrap().trans_id()
}

proptest! {
    #![proptest_config(crate::seeded())]

    #[test]
    fn requests(transaction: [u8; 12], remote in "[a-z+/]{4,60}", local in "[a-z+/]{4,60}", password in "[ -~]{0,80}",
                priority: u32, tie: u64, controlling: bool, use_candidate: bool) {
        let transaction = TransactionId(transaction);
        let role = if controlling { Role::Controlling(tie) } else { Role::Controlled(tie) };
        let key = Key::new(&password);
        let check = BindingRequest { transaction, remote_ufrag: &remote, local_ufrag: &local, priority, role, use_candidate };
        let mut buf = [0xaa; MAX_REQUEST];
        let len = binding_request(&check, &key, &mut buf).unwrap();

        let theirs = StunMessage::parse(&buf[..len]).unwrap();
        prop_assert!(theirs.is_binding_request() && theirs.verify(password.as_bytes(), sha1_hmac));
        prop_assert_eq!(theirs.split_username(), Some((&*remote, &*local)));
        prop_assert_eq!((theirs.prio(), theirs.use_candidate()), (Some(priority), use_candidate));
        prop_assert_eq!((theirs.ice_controlling(), theirs.ice_controlled()), if controlling { (Some(tie), None) } else { (None, Some(tie)) });

        let username = format!("{remote}:{local}");
        let message = StunMessage::binding_request(&username, their_id(transaction), controlling, tie, priority, use_candidate);
        let len = message.to_bytes(Some(password.as_bytes()), &mut buf, sha1_hmac).unwrap();
        let ours = StunRequest::parse(&buf[..len]).unwrap();
        prop_assert!(ours.verify(&key));
        prop_assert_eq!((ours.transaction(), ours.username()), (transaction, (&*remote, &*local)));
        prop_assert_eq!((ours.priority(), ours.role(), ours.use_candidate()), (priority, Some(role), use_candidate));
    }

    /// Byte for byte the same success; the error differs in the reason phrase, which we leave out.
    #[test]
    fn responses(transaction: [u8; 12], address: SocketAddr, password in "[ -~]{0,80}") {
        let transaction = TransactionId(transaction);
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        let key = Key::new(&password);
        let mut ours = [0xaa; MAX_REPLY];
        let len = binding_success(transaction, address, &key, &mut ours).unwrap();
        let mut theirs = [0xaa; 200];
        let message = StunMessage::binding_reply(their_id(transaction), address);
        let their_len = message.to_bytes(Some(password.as_bytes()), &mut theirs, sha1_hmac).unwrap();
        prop_assert_eq!(&ours[..len], &theirs[..their_len]);

        let message = StunMessage::binding_role_conflict_reply(their_id(transaction));
        let their_len = message.to_bytes(Some(password.as_bytes()), &mut theirs, sha1_hmac).unwrap();
        let read = StunResponse::parse(&theirs[..their_len]).unwrap();
        prop_assert!(read.verify(&key));
        prop_assert_eq!((read.transaction(), read.outcome()), (transaction, Err(487)));
        let len = binding_error(transaction, 487, &key, &mut ours).unwrap();
        let read = StunMessage::parse(&ours[..len]).unwrap();
        prop_assert!(read.is_failed_binding_response() && read.verify(password.as_bytes(), sha1_hmac));
        prop_assert_eq!(read.error_code(), Some((487, "")));
    }
}
