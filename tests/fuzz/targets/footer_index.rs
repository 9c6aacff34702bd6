//! Footer, root page and pages: any file is opened, walked, listed and searched.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::layout::{FOOTER_LEN, Footer};
use rangepack_core::{Answer, Digest, Extent, Index, Limits, PackPath};

fuzz_target!(|bytes: &[u8]| {
    ask(bytes);
    // Digests and check sums keep the fuzzer out: the same bytes with those made right.
    if bytes.len() > FOOTER_LEN {
        let mut sealed = bytes[..bytes.len() - FOOTER_LEN].to_vec();
        let len = (sealed.len() as u64).min(u64::from(bytes[0]) << 4);
        let root = Extent { start: sealed.len() as u64 - len, len };
        let digest = Digest::of(&sealed[root.start as usize..]);
        let file_len = bytes.len() as u64;
        sealed.extend(Footer { root, file_len, digest }.to_bytes().unwrap());
        ask(&sealed);
    }
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
