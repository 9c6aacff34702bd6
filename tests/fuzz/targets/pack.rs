//! Whole packs, from one end to the other: opened by each of their roots, walked, searched, read and verified.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::blocks::{Slice, decode_block, locate};
use rangepack_core::zstd::Dictionary;
use rangepack_core::{
    Answer, AttributeBlock, Attributes, Content, Digest, DirectorySums, EntryRef, Extent, Index,
    Limits, Source, Tag, decode_all,
};
use rangepack_fuzz::seal;

fuzz_target!(|bytes: &[u8]| {
    let file = seal(bytes);
    let Some(index) = open(&file, None) else { return };
    if let Some(digest) = index.header().section(Tag::PREVIOUS).and_then(|section| section.digest) {
        open(&file, Some(digest)).iter().for_each(|earlier| everything(&file, earlier));
    }
    everything(&file, &index);
});

/// What a stranger's pack may take of this machine.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.content_bytes = 1 << 16;
    limits
}

fn open(file: &[u8], expected: Option<Digest>) -> Option<Index> {
    Index::open(file, file.len() as u64, expected, &limits()).ok()?.ready().flatten()
}

fn everything(file: &[u8], index: &Index) {
    let _ = index.metadata(file, &limits());
    let _ = index.volumes(file, &limits());
    for section in index.header().sections() {
        let read = index.section(file, section.tag, &limits());
        assert!(!matches!(read, Ok(Answer::Need(_))), "all of it is there");
    }
    let mut sums = DirectorySums::default();
    let mut scan = index.scan(0..index.len());
    let mut number = 0;
    while let Ok(Answer::Ready(Some(entry))) = scan.next(file) {
        let path = entry.path().unwrap();
        // By number, by name, and by way of the hash section one comes to the same.
        let found = index.lookup(file, path.as_path()).unwrap().ready().flatten().unwrap();
        assert_eq!(found.path(), Ok(path.clone()));
        let hinted = index.lookup_hinted(file, path.as_path()).unwrap().ready().flatten();
        assert_eq!(hinted.unwrap().to_entry(), entry.to_entry());
        let (directory, name) = (path.as_path().parent(), path.as_path().name());
        let there = index.lower_bound(file, directory, name).unwrap().ready();
        assert_eq!(there, Some(number));
        number += 1;
        if let Ok(entry) = entry.to_entry() {
            let _ = sums.push(&entry);
        }
        content(file, index, &entry);
    }
    let _ = sums.finish();
    let _ = index.named(file);
}

/// The dictionary that a file names, whatever its digest.
fn dictionary(file: &[u8], index: &Index, content: &Content) -> Option<Dictionary> {
    let place = index.dictionary(file, content.dictionary?, &limits()).ok()?.ready()?;
    let extent = Extent::new(place.offset, place.len.into(), index.header().payload_end()).ok()?;
    Dictionary::parse(file.bytes(extent)?).ok()
}

/// Reads all that an entry names.
fn content(file: &[u8], index: &Index, entry: &EntryRef<'_>) {
    if let Ok(Some(AttributeBlock { offset, len, .. })) = entry.attributes()
        && let Ok(extent) = Extent::new(offset, len.into(), index.header().payload_end())
    {
        let _ = Attributes::from_bytes(file.bytes(extent).unwrap());
    }
    let Ok(Some(content)) = entry.content() else { return };
    let Some(payload) = file.bytes(content.extent()) else { return };
    let dictionary = dictionary(file, index, &content);
    let dictionary = dictionary.as_ref();
    // As it is, and without the digests that keep the fuzzer out.
    let bare = content.with_digest(None).with_original_digest(None);
    for content in [content, bare] {
        if let Ok(read) = decode_all(&content, payload, dictionary, &limits()) {
            assert_eq!(read.len() as u64, content.size);
        }
    }
    let Ok(Answer::Ready(Slice::Blocks { blocks, .. })) = locate(&content, 0..content.size, file)
    else {
        return;
    };
    let mut end = 0;
    for block in blocks {
        assert_eq!(block.content.start, end);
        end = block.content.end;
        let Some(stored) = file.bytes(block.stored) else { continue };
        if let Ok(read) = decode_block(&content, &block, stored, dictionary) {
            assert_eq!(read.len() as u64, block.content.end - block.content.start);
        }
    }
    assert_eq!(end, content.size);
}
