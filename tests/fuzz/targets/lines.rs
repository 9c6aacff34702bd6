//! The index that lines become: it answers like a plain map of their entries, and its entries, written as lines again,
//! become the same index, byte for byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::ndjson::{parse_index, write_checked_line};
use rangepack_core::{Answer, Built, Entry, Limits, MemoryIndex, PackPath, PackPathBuf};
use std::collections::BTreeMap;

fuzz_target!(|bytes: &[u8]| {
    let Some(built) = index_of(bytes) else { return };
    let (index, pages) = (&built.index, built.pages.as_slice());
    let mut entries: BTreeMap<PackPathBuf, Entry> = BTreeMap::new();
    let mut lines = Vec::new();
    let mut scan = index.scan(0..index.len());
    while let Answer::Ready(Some(entry)) = scan.next(pages).unwrap() {
        let entry = entry.to_entry().unwrap();
        write_checked_line(&entry, &mut lines);
        lines.push(b'\n');
        assert!(entries.insert(entry.path.clone(), entry).is_none(), "a path comes twice");
    }
    assert_eq!(entries.len() as u64, index.len());
    for (number, (path, entry)) in entries.iter().enumerate() {
        let found = index.lookup(pages, path.as_path()).unwrap().ready().flatten();
        assert_eq!(found.unwrap().to_entry().as_ref(), Ok(entry));
        let (directory, name) = (path.as_path().parent(), path.as_path().name());
        let bound = index.lower_bound(pages, directory, name).unwrap().ready();
        assert_eq!(bound, Some(number as u64));
        let mut other = path.as_bytes().to_vec();
        other.push(b'~');
        if let Ok(other) = PackPathBuf::new(other) {
            let found = index.lookup(pages, other.as_path()).unwrap().ready().flatten();
            assert_eq!(found.is_some(), entries.contains_key(&other));
        }
        lists(&built, path.as_path(), &entries);
    }
    lists(&built, PackPath::ROOT, &entries);
    let again = index_of(&lines).unwrap();
    assert!(again.refused.is_empty(), "{:?}", again.refused);
    assert!(again.pages == built.pages, "other pages");
});

/// `None` when the lines are too many, or not of an index.
fn index_of(lines: &[u8]) -> Option<Built> {
    let limits = Limits::default();
    let mut index = MemoryIndex::new(&limits);
    parse_index(lines, &limits, &mut |item| index.push(item)).ok()?;
    index.finish(&limits).ok()
}

fn lists(built: &Built, directory: PackPath<'_>, entries: &BTreeMap<PackPathBuf, Entry>) {
    let list = built.index.list(&built.pages[..], directory, None, usize::MAX).unwrap().ready();
    let names: Vec<_> = list.unwrap().iter().map(|entry| entry.path().unwrap()).collect();
    let expected = entries.keys().filter(|path| path.as_path().parent() == directory);
    assert!(names.iter().eq(expected), "another list of {directory:?}");
}
