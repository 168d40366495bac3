//! A fuzzer's way to what must hold of `frames`; see `libactor::fuzz`.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| libactor::fuzz::frames(bytes));
