//! Footer, root page and pages: any file is opened, walked, listed and searched.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::{Answer, Index, Limits, PackPath};
use rangepack_fuzz::seal;

fuzz_target!(|bytes: &[u8]| {
    ask(bytes);
    ask(&seal(bytes));
});

fn ask(file: &[u8]) {
    let opened = Index::open(file, file.len() as u64, None, &Limits::default());
    let Ok(Answer::Ready(Some(index))) = opened else { return };
    let mut scan = index.scan(0..index.len());
    while let Ok(Answer::Ready(Some(entry))) = scan.next(file) {
        let Ok(owned) = entry.to_entry() else { continue };
        let _ = index.lookup(file, owned.path.as_path());
        let _ = index.lookup_hinted(file, owned.path.as_path());
        let _ = index.list(file, owned.path.as_path(), None, 10);
        let _ = index.subtree(file, owned.path.as_path());
    }
    let _ = index.children(file, PackPath::ROOT);
    let _ = index.entry_at(file, u64::MAX);
}
