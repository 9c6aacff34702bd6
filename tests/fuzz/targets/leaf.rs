//! Leaf pages: every entry is read, and searched for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::layout::Leaf;

fuzz_target!(|bytes: &[u8]| {
    let Ok(leaf) = Leaf::parse(bytes) else { return };
    let mut run = 0;
    for slot in 0..leaf.len() {
        let Ok(entry) = leaf.entry(slot, &mut run) else { continue };
        let _ = entry.to_entry();
        let _ = entry.size();
        let name = entry.name_parts().concat();
        let _ = leaf.lower_bound(entry.directory().as_bytes(), &name);
    }
    let _ = leaf.lower_bound(b"", b"");
    let _ = leaf.lower_bound(b"\xff", b"\xff");
});
