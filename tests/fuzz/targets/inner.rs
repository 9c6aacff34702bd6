//! Inner pages: every child is found.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::layout::{Inner, Key};

fuzz_target!(|bytes: &[u8]| {
    let Ok(inner) = Inner::parse(bytes) else { return };
    for index in 0..inner.len() {
        if let Ok(child) = inner.child(index) {
            let _ = inner.child_at(child.before);
        }
    }
    for key in [Key::new(b"", b""), Key::new(b"a/b", b"c"), Key::new(&[0xff; 300], b"")] {
        let _ = inner.child_of(&key);
    }
    let _ = inner.child_at(u64::MAX);
});
