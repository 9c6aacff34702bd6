//! Packs that show what the packer never writes, or only of a tree that is too large.

use super::Files;
use super::parts::Parts;
use crate::forge::{Child, Forge, node};
use crate::frames;
use crate::gzip::{Blocks, blocks, member, member_with, raw};
use crate::leaf::leaf;
use crate::tree::{Node, Tree};
use rangepack::{
    Compression, Filter, FilterOptions, IndexOptions, MergeInput, MergeOptions, PackOptions, merge,
    pack,
};
use rangepack_core::layout::{PAGE_SIZE, Section, Volume};
use rangepack_core::{
    AttributeBlock, Attributes, Codec, DictionaryPlace, DictionaryRef, Digest, Extent, Owner,
    Result, Tag, hash,
};
use std::fs;

/// A pack alone.
fn alone(bytes: Vec<u8>) -> Result<Files> {
    Ok(vec![("", bytes)])
}

fn file(tree: &Tree, path: &str) -> Vec<u8> {
    let found = tree.0.iter().find(|item| item.path == path.as_bytes());
    match found.map(|item| &item.node) {
        Some(Node::File(content)) => content.clone(),
        _ => Vec::new(),
    }
}

/// Leaves, inner pages, and an inner page in the root.
pub(super) fn three_levels(tree: &Tree) -> Result<Files> {
    let mut forge = Parts::of(tree)?.leaves(&[3, 5])?;
    let pages: Vec<Vec<u8>> = forge.before.chunks(PAGE_SIZE as usize).map(<[u8]>::to_vec).collect();
    // The leaves' pages follow no payload: the files are empty.
    let child =
        |separator, number: usize, entries| Child { separator, page: &pages[number], entries };
    let mut left = node(1, 0, &[child(b"", 0, 3), child(b"a", 1, 2)]);
    let mut right = node(1, 2, &[child(b"", 2, 2)]);
    [&mut left, &mut right].iter_mut().for_each(|page| page.resize(PAGE_SIZE as usize, 0));
    let (left_child, right_child) = (
        Child { separator: b"", page: &left, entries: 5 },
        Child { separator: b"b", page: &right, entries: 2 },
    );
    forge.node = node(2, 3, &[left_child, right_child]);
    forge.before.extend([left, right].concat());
    let pages = (5 * u64::from(PAGE_SIZE)).to_le_bytes();
    alone(forge.record(16, &pages).seal())
}

/// Leaves of 64 KiB, one of which is more than half full.
pub(super) fn large_pages(tree: &Tree) -> Result<Files> {
    let mut parts = Parts::of(tree)?;
    let (data, root) = (parts.data.clone(), parts.sum_up()?);
    let cut = parts.entries.len() - 2;
    let entries = parts.entries.clone();
    let (first, second) = entries.split_at(cut);
    let mut pages = Vec::new();
    for entries in [first, second] {
        pages.push(leaf(entries, |_| Vec::new()));
        pages.iter_mut().for_each(|page| page.resize(64 << 10, 0));
    }
    let mut forge =
        parts.header(Forge::of(&data, &[])?, root).header(8, &(64u32 << 10).to_le_bytes());
    let separator = [b"\0\0", second[0].path.as_bytes()].concat();
    forge.node = node(
        1,
        0,
        &[
            Child { separator: b"", page: &pages[0], entries: first.len() as u64 },
            Child { separator: &separator, page: &pages[1], entries: second.len() as u64 },
        ],
    );
    let pages = pages.concat();
    let extent = Extent { start: data.len() as u64, len: pages.len() as u64 };
    forge.before.extend(pages);
    alone(forge.section(Section::new(Tag::TREE, extent, None)).seal())
}

/// What is stored of the large file in the next pack.
pub(super) fn many_blocks() -> Blocks {
    blocks(1031)
}

/// A block table whose lowest level has two pages, one of gzip blocks of 4 KiB.
pub(super) fn large_table(tree: &Tree) -> Result<Files> {
    let blocks = many_blocks();
    let mut parts = Parts::of(tree)?;
    parts.data.clear();
    let content = parts.encode(Codec::Gzip, &blocks.payload, &blocks.content);
    let table = parts.table(12, &blocks.payload, &blocks.lengths);
    *parts.content("large") = content.with_blocks(Some(table));
    alone(parts.forge()?.seal())
}

/// Digests that are not known, of all kinds.
pub(super) fn unknown_digests(tree: &Tree) -> Result<Files> {
    let mut parts = Parts::of(tree)?;
    let large = file(tree, "stored with a table");
    let table = parts.table(12, &large, &[4096, large.len() as u32 - 4096]);
    let content = parts.content("stored with a table");
    (content.digest, content.blocks) = (None, Some(table));
    parts.content("unknown/stored").digest = None;
    let encoded = file(tree, "content unknown/gzip");
    let content = parts.encode(Codec::Gzip, &member(&encoded), &encoded);
    *parts.content("content unknown/gzip") = content.with_original_digest(None);
    alone(parts.forge()?.seal())
}

/// A header and a table of sections as a later version may write them, and something behind the node.
pub(super) fn longer_records(tree: &Tree) -> Result<Files> {
    let mut forge = Parts::of(tree)?.forge()?.with(Tag::METADATA, b"{\"of\":\"a later version\"}");
    forge.header.extend(*b"more header fields");
    let header_len = (forge.header.len() as u16).to_le_bytes();
    forge.sections.iter_mut().for_each(|record| record.extend(*b"appended"));
    forge.node.extend(*b"what follows the node");
    alone(forge.header(1, &[64]).header(2, &header_len).seal())
}

/// Sections, fields, flags and reserved bytes that are not known, all of them optional.
pub(super) fn unknown_parts(tree: &Tree) -> Result<Files> {
    let mut parts = Parts::of(tree)?;
    let root = parts.sum_up()?;
    let mut node = leaf(&parts.entries, |entry| {
        let (before, behind) = ((0, 0, b"first".to_vec()), (200, 0xfe, b"flags, too".to_vec()));
        if entry.path.as_bytes() == b"file" { vec![before, behind] } else { vec![behind] }
    });
    // Reserved bytes that are ignored.
    node[14..16].fill(0xaa);
    node[115..120].fill(0xaa);
    let mut forge = Forge::of(&parts.data, &[])?;
    forge = parts.header(forge, root).header(6, &[0xaa; 2]).header(12, &[0xaa; 4]);
    forge.header[16..24].copy_from_slice(&(parts.entries.len() as u64).to_le_bytes());
    forge.node = node;
    let record = forge.sections[0][4];
    forge = forge.record(4, &[record | 0xf8, 0xaa, 0xaa, 0xaa]);
    forge = forge.with(Tag(*b"zz99"), b"a section that nobody knows");
    let nothing = Extent { start: 0, len: 0 };
    forge = forge.section(Section::new(Tag(*b"0000"), nothing, None).droppable());
    alone(forge.seal())
}

/// Codecs that no reader knows yet: such files are listed, and cannot be read.
pub(super) fn unknown_codec(tree: &Tree) -> Result<Files> {
    let mut parts = Parts::of(tree)?;
    let content = parts.encode(Codec::Other(4), b"a later codec, say", b"what it decodes to");
    *parts.content("reserved for later") = content;
    let content = parts.encode(Codec::Other(200), b"??", b"two question marks");
    *parts.content("somewhere/reserved") = content.with_original_digest(None);
    alone(parts.forge()?.seal())
}

/// Raw deflate streams, as zip archives have them.
pub(super) fn deflate(tree: &Tree) -> Result<Files> {
    let mut parts = Parts::of(tree)?;
    for name in ["deflated", "empty"] {
        let plain = file(tree, name);
        *parts.content(name) = parts.encode(Codec::Deflate, &raw(&plain), &plain);
    }
    alone(parts.forge()?.seal())
}

/// Zstandard frames: with and without dictionary, one for each block, with all that a frame may say of itself.
pub(super) fn zstd(tree: &Tree) -> Result<Files> {
    let mut parts = Parts::of(tree)?;
    parts.data.clear();
    let (first, second) = (frames::dictionary(), frames::dictionary()[..1500].to_vec());
    let places = [frames::place(0, &first), frames::place(first.len(), &second)];
    parts.data.extend([&first[..], &second].concat());
    for (path, number, says_all) in
        [("records/1", 1, false), ("records/2", 2, false), ("records/3", 1, true)]
    {
        let content = file(tree, path);
        let dictionary = if number == 1 { &first } else { &second };
        let frame = match says_all {
            true => frames::frame(&content, dictionary),
            false => frames::plain_frame(&content, dictionary),
        };
        let encoded = parts.encode(Codec::Zstd, &frame, &content);
        *parts.content(path) = encoded.with_dictionary(Some(DictionaryRef::Number(number)));
    }
    for path in ["empty", "plain"] {
        let content = file(tree, path);
        *parts.content(path) = parts.encode(Codec::Zstd, &frames::frame(&content, b""), &content);
    }
    // The second block does not shrink: it is a frame of raw bytes.
    let content = file(tree, "large");
    let blocks: Vec<_> =
        content.chunks(4096).map(|block| frames::plain_frame(block, b"")).collect();
    let lengths: Vec<_> = blocks.iter().map(|frame| frame.len() as u32).collect();
    let encoded = parts.encode(Codec::Zstd, &blocks.concat(), &content);
    let table = parts.table(12, &blocks.concat(), &lengths);
    *parts.content("large") = encoded.with_blocks(Some(table));
    let list = DictionaryPlace::list_to_bytes(&places);
    alone(parts.forge()?.with(Tag::DICTIONARIES, &list).seal())
}

/// The content of the large file in it.
pub(super) fn noise_between_text() -> Vec<u8> {
    let text = b"a text that comes again and again, ".repeat(200);
    // XXH3 is as good as random.
    let noise = (0..512u64).flat_map(|number| hash::hash_of(&number.to_le_bytes()).to_le_bytes());
    [&text[..4096], &noise.collect::<Vec<_>>(), &text[4096..]].concat()
}

/// Payloads in two other files. A block table lies in the pack all the same.
pub(super) fn volumes(tree: &Tree) -> Result<Files> {
    let mut parts = Parts::of(tree)?;
    parts.data.clear();
    let own = file(tree, "in the pack");
    let large = file(tree, "large");
    let (one, two) = (file(tree, "in one"), [b"(before it)", &large[..]].concat());
    *parts.content("in the pack") = parts.store(&own);
    let table = parts.table(12, &large, &[4096, large.len() as u32 - 4096]);
    for (path, volume, offset) in [("in one", 1, 0), ("large", 2, 11), ("empty", 2, 5000)] {
        let content = parts.content(path);
        (content.volume, content.offset) = (volume, offset);
    }
    parts.content("large").blocks = Some(table);
    let list = [
        Volume::new(b"volumes.one.bin".to_vec(), one.len() as u64),
        Volume::new(b"volumes.two.bin".to_vec(), two.len() as u64),
    ];
    let list = Volume::list_to_bytes(&list)?;
    let pack = parts.forge()?.with(Tag::VOLUMES, &list).seal();
    Ok(vec![("", pack), ("volumes.one.bin", one), ("volumes.two.bin", two)])
}

/// An index of two packs: one compressed, with a block table, which lies in the index.
pub(super) fn merged(tree: &Tree) -> Result<Files> {
    let home = tempfile::tempdir().expect("a folder");
    let source = home.path().join("tree");
    fs::create_dir(&source).expect("a folder");
    tree.write(&source).expect("a tree");
    let part = |name: &str, exclude: [&str; 2], compress| {
        let filter = Filter::new(FilterOptions::new().exclude(exclude)).expect("globs");
        let options = PackOptions::new().filter(filter).compress(compress);
        let target = home.path().join(name);
        let options = options.index(IndexOptions::paged());
        pack(&source, &target, &options, &()).expect("a pack");
        MergeInput::new(&target)
    };
    let gzip = Some(Compression::Gzip(6));
    let inputs = [
        part("merged.one.bin", ["two", "shared/link"], gzip),
        part("merged.two.bin", ["shared/large", "empty"], None),
    ];
    let target = home.path().join("merged.pack");
    merge(&inputs, &target, &MergeOptions::new(), &()).expect("a merged pack");
    let read = |name: &str| fs::read(home.path().join(name)).expect("a pack");
    Ok(vec![
        ("", read("merged.pack")),
        ("merged.one.bin", read("merged.one.bin")),
        ("merged.two.bin", read("merged.two.bin")),
    ])
}

/// The tree of the generation before.
pub(super) fn first_generation() -> Tree {
    Tree::default()
        .file("changed", "as it was first")
        .directory("kept")
        .file("kept/file", "the same in both")
        .file("removed", "only in the first")
}

/// A pack to which another was appended: its root page is a section of the later one.
pub(super) fn two_generations(tree: &Tree) -> Result<Files> {
    let first = Parts::of(&first_generation())?;
    let kept = first.entries.iter().find(|entry| entry.path.as_bytes() == b"kept/file").cloned();
    let first = first.forge()?;
    let root = Extent { start: first.before.len() as u64, len: 0 };
    let bytes = first.seal();
    let root = Extent { len: bytes.len() as u64 - 72 - root.start, ..root };
    let page = bytes[root.start as usize..root.end() as usize].to_vec();
    let mut second = Parts::behind(bytes, tree)?;
    if let Some(kept) = kept {
        second.entry("kept/file").kind = kept.kind;
    }
    let previous = Section::new(Tag::PREVIOUS, root, Some(Digest::of(&page)));
    alone(second.forge()?.section(previous).seal())
}

/// What a record may hold of files of a system: hard links, holes, owners, attributes.
pub(super) fn attributes(tree: &Tree) -> Result<Files> {
    let mut parts = Parts::of(tree)?;
    let block = |parts: &mut Parts, pairs: &[(&[u8], &[u8])]| -> Result<AttributeBlock> {
        let pairs = pairs.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        let bytes = Attributes::new(pairs).to_bytes()?;
        let stored = parts.store(&bytes);
        Ok(AttributeBlock {
            offset: stored.offset,
            len: bytes.len() as u32,
            digest: Digest::of(&bytes),
        })
    };
    let shared = block(
        &mut parts,
        &[
            (b"user.comment", b"of two entries"),
            (b"user.empty", b""),
            (b"user.raw \xff", b"\0\xff"),
        ],
    )?;
    let acl = block(&mut parts, &[(b"system.posix_acl_access", &[2, 0, 0, 0, 1, 0, 6, 0])])?;
    for (path, at) in [("attributes", shared), ("directory", acl), ("directory/link", shared)] {
        parts.entry(path).attributes = Some(at);
    }
    parts.entry("directory/link").owner = Some(Owner { uid: 0, gid: u32::MAX });
    for (group, first, second) in [(1, "a", "directory/b"), (2, "c", "directory/c")] {
        let content = parts.content(first).with_hard_link(Some(group));
        (*parts.content(first), *parts.content(second)) = (content, content);
    }
    parts.content("sparse").sparse = true;
    alone(parts.forge()?.seal())
}

/// A root page that is masked, though without need.
pub(super) fn masked(tree: &Tree) -> Result<Files> {
    alone(Parts::of(tree)?.forge()?.seal_masked(0x5a))
}

/// A gzip member with all that its header may have.
pub(super) fn gzip_header(tree: &Tree) -> Result<Files> {
    let mut parts = Parts::of(tree)?;
    parts.data.clear();
    let content = file(tree, "file");
    let mut header = vec![0x1f, 0x8b, 8, 0x1f, 1, 2, 3, 4, 2, 3];
    header.extend(*b"\x06\0AB\x02\0xxname\0comment\0");
    let sum = crate::gzip::crc32(&header) as u16;
    header.extend(sum.to_le_bytes());
    *parts.content("file") = parts.encode(Codec::Gzip, &member_with(&header, &content), &content);
    alone(parts.forge()?.seal())
}

/// The ends of what fields can hold; payloads that overlap, and sections that do.
pub(super) fn extremes(tree: &Tree) -> Result<Files> {
    let mut parts = Parts::of(tree)?;
    let whole = parts.content("payload").offset;
    parts.content("payload inside").offset = whole + 8;
    parts.content("empty").offset = 1 << 50;
    parts.entry("empty").owner = Some(Owner { uid: u32::MAX, gid: u32::MAX });
    let mut forge = parts.forge()?.with(Tag::METADATA, b"{}");
    // Another section of the same bytes; the table in another order.
    let bytes: [u8; 2] = *b"{}";
    let extent = Extent { start: forge.before.len() as u64 - 2, len: 2 };
    forge = forge.section(Section::new(Tag(*b"same"), extent, Some(Digest::of(&bytes))));
    forge.sections.reverse();
    alone(forge.seal())
}
