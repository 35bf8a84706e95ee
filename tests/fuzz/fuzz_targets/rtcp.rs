//! RTCP compounds, read and written again.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| wire::fuzz::rtcp(data));
