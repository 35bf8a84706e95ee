//! RTP packets: header, extensions, what the codecs say.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| wire::fuzz::rtp(data));
