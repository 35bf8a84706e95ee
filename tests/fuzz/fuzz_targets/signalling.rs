//! A client's signalling message, read and written again.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| signal::fuzz::signalling(data));
