//! What must be true of an open container and its journal at any moment.

use rangepack_core::ndjson::{Item, parse_line};
use rangepack_core::{Digest, Kind};
use std::fs;
use std::path::Path;

/// Checks that the payload of every complete line in `c.idx` is in `c`, both in `home`. Returns how many lines
/// there are.
pub fn check(home: &Path) -> usize {
    let Ok(index) = fs::read(home.join("c.idx")) else { return 0 };
    let container = fs::read(home.join("c")).unwrap();
    if index.is_empty() {
        // Its beginning is durable before the container has a byte.
        assert!(container.is_empty());
    }
    let mut lines = 0;
    let whole = |line: &&[u8]| line.ends_with(b"\n") && line.len() > 1 && line[0] != b'#';
    for line in index.split_inclusive(|byte| *byte == b'\n').filter(whole) {
        let Ok(Item::Entry(entry)) = parse_line(line.trim_ascii()) else { panic!("{line:?}") };
        lines += 1;
        if let Kind::File(content) = entry.kind {
            let extent = content.extent();
            let payload = &container[extent.start as usize..extent.end() as usize];
            assert_eq!(Some(Digest::of(payload)), content.digest, "{}", entry.path.display());
        }
    }
    lines
}
