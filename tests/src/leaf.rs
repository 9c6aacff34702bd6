//! Leaf pages by hand (FORMAT.md, "Leaf pages"): as plain as the format allows, for what no writer makes.

use rangepack_core::{BlockTable, Content, DictionaryRef, Digest, Entry, Kind};

/// A field of an entry's record: tag, flags, value.
pub type Field = (u8, u8, Vec<u8>);

/// A leaf of these entries, without padding: columns of eight bytes, no prefixes, each path in full.
/// `more` gives an entry fields that no entry has.
pub fn leaf(entries: &[Entry], more: impl Fn(&Entry) -> Vec<Field>) -> Vec<u8> {
    let (mut heap, mut records) = (Vec::new(), Vec::new());
    let (mut names, mut rows) = (Vec::new(), Vec::new());
    let (mut digests, mut contents) = (Vec::new(), Vec::new());
    let mut runs: Vec<(u16, &[u8])> = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let path = entry.path.as_path();
        let directory = path.parent().as_bytes();
        if runs.last().is_none_or(|run| run.1 != directory) {
            runs.push((number as u16, directory));
        }
        names.extend((heap.len() as u16).to_le_bytes());
        heap.extend(path.name());
        let mut fields = [fields(entry), more(entry)].concat();
        fields.sort();
        let record = if fields.is_empty() { 0 } else { 1 + records.len() as u64 };
        if !fields.is_empty() {
            records.push(fields.len() as u8);
        }
        for (tag, flags, value) in fields {
            records.extend([tag, flags]);
            records.extend((value.len() as u16).to_le_bytes());
            records.extend(value);
        }
        let of_content = content(entry).and_then(|file| file.original_digest);
        // How many entries before it have none, and one.
        let place = of_content.map_or(0, |_| 1 + (number - contents.len() / 32) as u64);
        contents.extend(of_content.iter().flat_map(|digest| digest.0));
        let columns = columns(entry, record, place);
        columns.iter().for_each(|value| rows.extend(value.to_le_bytes()));
        digests.extend(digest(entry).map_or([0; 32], |digest| digest.0));
    }
    names.extend((heap.len() as u16).to_le_bytes());
    let mut table = Vec::new();
    for (first, directory) in &runs {
        for value in [*first, heap.len() as u16, directory.len() as u16, 0] {
            table.extend(value.to_le_bytes());
        }
        heap.extend(*directory);
    }
    let mut page = vec![1, 0];
    for value in [entries.len() as u16, runs.len() as u16, heap.len() as u16] {
        page.extend(value.to_le_bytes());
    }
    heap.extend(records);
    page.extend((heap.len() as u32).to_le_bytes());
    page.extend((contents.len() as u16 / 32).to_le_bytes());
    page.resize(104, 0);
    page.extend([8; 11]);
    page.resize(120, 0);
    [page, table, names, rows, digests, contents, heap].concat()
}

fn content(entry: &Entry) -> Option<&Content> {
    if let Kind::File(content) = &entry.kind { Some(content) } else { None }
}

fn digest(entry: &Entry) -> Option<Digest> {
    match &entry.kind {
        Kind::File(content) => content.digest,
        Kind::Directory(_) => entry.tree_digest,
        Kind::Symlink(_) => None,
    }
}

fn columns(entry: &Entry, record: u64, place: u64) -> [u64; 11] {
    let kind = match entry.kind {
        Kind::File(_) => 0,
        Kind::Directory(_) => 1,
        Kind::Symlink(_) => 2,
    };
    let file = content(entry);
    let of_file = |value: fn(&Content) -> u64| file.map_or(0, value);
    let encoded = file.is_some_and(|file| file.codec.number() != 0);
    [
        kind | of_file(|file| file.codec.number().into()) << 2 | of_file(dictionary) << 10,
        entry.mode.map_or(0, |mode| u64::from(mode) + (1 << 16)),
        entry.mtime.map_or(0, |mtime| (mtime as u64) ^ (1 << 63)),
        of_file(|file| file.offset),
        of_file(|file| file.stored_size),
        if encoded { of_file(|file| file.size) } else { 0 },
        record,
        entry.owner.map_or(0, |owner| u64::from(owner.uid) + 1),
        entry.owner.map_or(0, |owner| u64::from(owner.gid) + 1),
        of_file(|file| file.volume.into()),
        place,
    ]
}

fn dictionary(file: &Content) -> u64 {
    match file.dictionary {
        Some(DictionaryRef::Number(number)) => number.into(),
        _ => 0,
    }
}

fn table(table: &BlockTable) -> Vec<u8> {
    [&table.offset.to_le_bytes()[..], &[table.block_log2], &table.digest.0].concat()
}

/// What is known of an entry besides its columns.
fn fields(entry: &Entry) -> Vec<Field> {
    let mut fields = Vec::new();
    match &entry.kind {
        Kind::Symlink(target) => fields.push((1, 1, target.clone())),
        Kind::Directory(totals) => {
            let sums = [totals.files, totals.directories, totals.bytes, totals.stored_bytes];
            fields.push((2, 1, sums.iter().flat_map(|sum| sum.to_le_bytes()).collect()));
        }
        Kind::File(file) => {
            fields.extend(file.blocks.map(|blocks| (3, 0, table(&blocks))));
            fields.extend(file.hard_link.map(|group| (4, 0, group.to_le_bytes().to_vec())));
            fields.extend(file.sparse.then(|| (5, 0, Vec::new())));
        }
    }
    fields.extend(entry.attributes.map(|block| {
        let place = [&block.offset.to_le_bytes()[..], &block.len.to_le_bytes(), &block.digest.0];
        (6, 0, place.concat())
    }));
    fields
}
