//! Datagrams of a stranger and of a guest without keys, one after the other, to a whole worker.
#![no_main]
libfuzzer_sys::fuzz_target!(|data: &[u8]| worker::fuzz::datagrams(std::time::Instant::now(), data));
