//! STUN requests and responses, read and written again.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| wire::fuzz::stun(data));
