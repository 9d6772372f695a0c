#![no_main]

libfuzzer_sys::fuzz_target!(init: properties::engine::may_panic(), |input: &[u8]| {
    properties::bria::hold(input);
});
