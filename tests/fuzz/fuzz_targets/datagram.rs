//! A datagram of any kind, taken apart as the relay does.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| wire::fuzz::datagram(data));
