//! Trailers: what is found lies in the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::Answer;
use rangepack_core::trailer::find_trailer;

fuzz_target!(|bytes: &[u8]| {
    for lookback in [0, 16, u64::MAX] {
        match find_trailer(bytes, bytes.len() as u64, lookback) {
            Ok(Answer::Ready(Some(trailer))) => {
                assert!(trailer.index.end() <= bytes.len() as u64 && trailer.index.len > 0);
                assert!(bytes[trailer.magic_offset as usize..].starts_with(b"CTNRv1__"));
            }
            Ok(Answer::Need(extent)) => panic!("{extent:?} is there"),
            _ => {}
        }
    }
});
