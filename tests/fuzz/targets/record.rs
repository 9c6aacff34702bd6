//! Records of entries: what is read of one is written again, and reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::layout::Leaf;
use rangepack_core::{
    Codec, Content, DictionaryRef, Entry, Kind, PackPathBuf, Result, Totals, TreeBuilder,
};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, record)) = bytes.split_first() else { return };
    let content = |codec| Content::new(codec, 0, 9, 9);
    // Each has a record, the last thing in its page.
    let kind = match kind % 5 {
        0 => Kind::Symlink(b"to".to_vec()),
        1 => Kind::Directory(Totals::default()),
        2 => Kind::File(content(Codec::Stored).with_sparse(true)),
        3 => Kind::File(content(Codec::Gzip).with_sparse(true)),
        _ => {
            let dictionary = Some(DictionaryRef::Number(1));
            Kind::File(content(Codec::Zstd).with_sparse(true).with_dictionary(dictionary))
        }
    };
    let len = match &kind {
        Kind::Symlink(_) => 1 + 4 + 2,
        Kind::Directory(_) => 1 + 4 + 32,
        Kind::File(_) => 1 + 4,
    };
    let entry = Entry::new(PackPathBuf::new(b"name".to_vec()).unwrap(), kind);
    let mut page = leaf(&entry).unwrap();
    page.truncate(page.len() - len);
    page.extend(record);
    let heap = u32::from_le_bytes(page[8..12].try_into().unwrap()) - len as u32;
    page[8..12].copy_from_slice(&(heap + record.len() as u32).to_le_bytes());

    let found = read(&page);
    let parsed = Leaf::parse(&page).unwrap();
    let slot = parsed.entry(0, &mut 0).unwrap();
    let _ = (slot.content(), slot.link_target(), slot.totals(), slot.attributes());
    assert!(slot.size().is_ok() && slot.mode().is_ok() && slot.path().is_ok());
    let Ok(found) = found else { return };
    // Fields that are not known go.
    assert_eq!(read(&leaf(&found).unwrap()), Ok(found));
});

fn leaf(entry: &Entry) -> Result<Vec<u8>> {
    let mut builder = TreeBuilder::new();
    builder.push(entry, &mut Vec::new())?;
    Ok(builder.finish(&mut Vec::new())?.single().to_vec())
}

fn read(page: &[u8]) -> Result<Entry> {
    Leaf::parse(page)?.entry(0, &mut 0)?.to_entry()
}
