//! Dependency descriptors of one stream, each with its length in front.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| wire::fuzz::dependency(data));
