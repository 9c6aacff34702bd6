//! `.fpack` headers: every payload lies in the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::fpack::{FpackItem, parse, recognise};
use rangepack_core::{Kind, Limits};

fuzz_target!(|bytes: &[u8]| {
    let len = bytes.len() as u64;
    let _ = recognise(bytes, len);
    let _ = parse(bytes, len, &Limits::default(), &mut |item| {
        if let FpackItem::Entry(entry) = item
            && let Kind::File(content) = entry.kind
        {
            assert!(content.extent().end() <= len);
        }
        Ok(())
    });
});
