//! An SDP offer, answered twice; also a trickle fragment.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| signal::fuzz::sdp(data));
