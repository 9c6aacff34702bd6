//! The hostile packs: one defect each, with digests that are right, so that deeper checks are reached.

mod levels;
mod tables;
mod frames;
mod places;
mod merged;
mod growth;

use crate::forge::{Child, Forge, node};
use crate::gzip::{crc32, member, raw};
use rangepack_core::blocks::BlockTableBuilder;
use rangepack_core::layout::{FOOTER_LEN, PAGE_SIZE, Section, Volume};
use rangepack_core::{
    AttributeBlock, BlockTable, Codec, Content, Digest, ENCRYPTED, Entry, Extent, Kind, Owner,
    PackPathBuf, Tag, Totals, trailer,
};
use std::path::Path;

/// Changes the footer, and makes its check sum right again.
fn footer(pack: &[u8], at: usize, value: &[u8]) -> Vec<u8> {
    let mut pack = pack.to_vec();
    let start = pack.len() - FOOTER_LEN;
    pack[start + at..start + at + value.len()].copy_from_slice(value);
    let sum = crc32(&pack[start..start + 60]);
    pack[start + 60..start + 64].copy_from_slice(&sum.to_le_bytes());
    pack
}

fn entry(path: &str, kind: Kind) -> rangepack_core::Result<Entry> {
    let path = PackPathBuf::new(path.into())?;
    Ok(Entry::new(path, kind).with_mode(Some(0o644)).with_mtime(Some(0)))
}

fn content(payload: &[u8]) -> Content {
    let size = payload.len() as u64;
    Content::new(Codec::Stored, 0, size, size).with_digest(Some(Digest::of(payload)))
}

/// A pack of one file with this content, whatever that says.
fn one(payloads: &[u8], content: Content) -> rangepack_core::Result<Vec<u8>> {
    Ok(Forge::of(payloads, &[entry("file", Kind::File(content))?])?.seal())
}

/// A pack whose root is an inner node over `children` pages, of which there is only this one.
fn inner(level: u8, children: u16, entries: u64, below: &[u8]) -> rangepack_core::Result<Vec<u8>> {
    let mut page = below.to_vec();
    page.resize(PAGE_SIZE as usize, 0);
    let mut forge = Forge::of(b"", &[])?.header(16, &entries.to_le_bytes());
    let child = Child { separator: b"", page: &page, entries: 1 };
    forge.node = node(level, 0, &vec![child; children.into()]);
    let extent = Extent { start: 0, len: page.len() as u64 };
    forge.before = page;
    Ok(forge.section(Section::new(Tag::TREE, extent, None)).seal())
}

/// A pack of two leaves under these separators.
fn two_leaves(
    leaves: [&[Entry]; 2],
    separators: [&[u8]; 2],
    counts: [u64; 2],
) -> rangepack_core::Result<Forge> {
    let mut forge = Forge::of_leaves(b"", &leaves)?;
    let pages: Vec<Vec<u8>> = forge.before.chunks(PAGE_SIZE as usize).map(<[u8]>::to_vec).collect();
    let children: Vec<Child<'_>> = (pages.iter().zip(separators).zip(counts))
        .map(|((page, separator), entries)| Child { separator, page, entries })
        .collect();
    forge.node = node(1, 0, &children);
    // All are links.
    let count = counts.iter().sum::<u64>().to_le_bytes();
    Ok(forge.header(24, &count).header(32, &count))
}

/// A CTNRv1 container with this index.
fn v1(payloads: &[u8], index: &str) -> Vec<u8> {
    [payloads, &trailer::trailer_header(index.len() as u64), index.as_bytes()].concat()
}

/// An index of one entry.
fn line(path: &str, offset: u64, size: u64) -> String {
    let digest = Digest::of(b"hello");
    format!(
        "{{\"relpath\": \"{path}\", \"offset\": {offset}, \"payload_size\": {size}, \"orig_size\": {size}, \
         \"sha256\": \"{digest}\", \"compressed\": false}}\n"
    )
}

/// All hostile packs by name, made from the golden ones in `golden`.
pub fn make(golden: &Path) -> rangepack_core::Result<Vec<(&'static str, Vec<u8>)>> {
    let mut packs = ends(golden)?;
    packs.extend(sections(golden)?);
    packs.extend(pages()?);
    packs.extend(leaves(golden)?);
    packs.extend(records()?);
    packs.extend(sums()?);
    packs.extend(payloads(golden)?);
    packs.extend(old_formats());
    packs.extend(levels::make()?);
    packs.extend(tables::make()?);
    packs.extend(frames::make()?);
    packs.extend(places::make(golden)?);
    packs.extend(merged::make()?);
    packs.extend(growth::make(golden)?.into_iter().map(|case| (case.name, case.pack)));
    Ok(packs)
}

/// The notes that lie beside some of them, by the same names.
pub fn notes(golden: &Path) -> rangepack_core::Result<Vec<(&'static str, Vec<u8>)>> {
    Ok(growth::make(golden)?.into_iter().map(|case| (case.name, case.note)).collect())
}

type Packs = Vec<(&'static str, Vec<u8>)>;

fn read(golden: &Path, name: &str) -> Vec<u8> {
    std::fs::read(golden.join(name)).unwrap_or_default()
}

/// Footer and header.
fn ends(golden: &Path) -> rangepack_core::Result<Packs> {
    let smallest = read(golden, "smallest.pack");
    let good = Forge::open(&smallest)?;
    let header = |at: usize, value: &[u8]| good.clone().header(at, value).seal();
    Ok(vec![
        ("footer-crc-wrong", flip(smallest.clone(), 10)),
        ("footer-length-wrong", footer(&smallest, 2, &73u16.to_le_bytes())),
        ("footer-file-len-wrong", footer(&smallest, 16, &1u64.to_le_bytes())),
        ("footer-reserved", footer(&smallest, 57, &[1])),
        ("footer-algorithm-2", footer(&smallest, 56, &[2])),
        ("version-2", footer(&smallest, 0, &2u16.to_le_bytes())),
        ("root-digest-wrong", footer(&smallest, 24, &[0; 32])),
        ("root-past-end", footer(&smallest, 8, &u64::MAX.to_le_bytes())),
        ("root-too-long", footer(&smallest, 4, &u32::MAX.to_le_bytes())),
        ("root-too-short", footer(&smallest, 4, &10u32.to_le_bytes())),
        ("header-len-too-long", header(2, &u16::MAX.to_le_bytes())),
        ("header-len-too-short", header(2, &[95, 0])),
        ("section-len-too-short", header(1, &[55])),
        ("page-size-odd", header(8, &40_000u32.to_le_bytes())),
        ("entries-lie", header(16, &u64::MAX.to_le_bytes())),
        ("entries-one-more", header(16, &2u64.to_le_bytes())),
    ])
}

/// The table of sections, and what is in it.
fn sections(golden: &Path) -> rangepack_core::Result<Packs> {
    let good = Forge::open(&read(golden, "smallest.pack"))?;
    let extent = |start, len| Extent { start, len };
    let with = |tag: &[u8; 4], start, len| {
        good.clone().section(Section::new(Tag(*tag), extent(start, len), Some(Digest([0; 32]))))
    };
    let mut count = good.clone();
    count.sections.push(vec![0; 56]);
    let unknown = with(b"soon", 0, 5);
    let volume = |name: &[u8]| {
        let list = Volume::list_to_bytes(&[Volume::new(name.to_vec(), 5)]).unwrap_or_default();
        good.clone().with(Tag::VOLUMES, &list)
    };
    let mut file = content(b"Hello!\n");
    file.volume = 1;
    let in_volume = |list: &[u8]| -> rangepack_core::Result<Vec<u8>> {
        let forge = Forge::of(b"", &[entry("hello", Kind::File(file))?])?;
        Ok(forge.with(Tag::VOLUMES, list).seal())
    };
    let listed = |name: &[u8]| in_volume(&Volume::list_to_bytes(&[Volume::new(name.to_vec(), 5)])?);
    let mut more = Volume::list_to_bytes(&[Volume::new(b"x".to_vec(), 5)])?;
    more.push(0);
    Ok(vec![
        ("section-tag-empty", count.seal()),
        (
            "section-twice",
            with(b"soon", 0, 5).section(Section::new(Tag(*b"soon"), extent(0, 5), None)).seal(),
        ),
        ("section-past-end", with(b"soon", 0, 1 << 40).seal()),
        ("section-overflow", with(b"soon", u64::MAX, 5).seal()),
        ("section-unknown-optional", {
            good.clone().section(Section::new(Tag(*b"soon"), extent(0, 5), None)).seal()
        }),
        ("section-unknown-required", unknown.record(4, &[1]).seal()),
        ("section-unknown-digest-wrong", with(b"soon", 0, 5).record(24, &[1; 32]).seal()),
        ("section-flags-wrong", good.clone().with(Tag::METADATA, b"{}").record(4, &[1]).seal()),
        ("section-data-elsewhere", good.clone().record(8, &[1]).record(16, &[6]).seal()),
        ("section-tree-odd", with(b"tree", 0, 5).seal()),
        ("section-tree-past-end", with(b"tree", 0, 1 << 40).seal()),
        ("section-tree-unnamed", {
            let before = [&good.before[..], &[0; PAGE_SIZE as usize]].concat();
            let tree = Section::new(Tag::TREE, extent(7, PAGE_SIZE.into()), None);
            Forge { before, ..good.clone() }.section(tree).seal()
        }),
        ("hash-section-past-end", with(b"hash", 0, 6000).seal()),
        ("hash-section-overflow", with(b"hash", u64::MAX, u64::MAX).seal()),
        ("hash-section-elsewhere", with(b"hash", 0, 6).seal()),
        ("metadata-sound", good.clone().with(Tag::METADATA, b"{\"a\": \"b\"}").seal()),
        ("metadata-not-json", good.clone().with(Tag::METADATA, b"{\"a\": ").seal()),
        ("metadata-of-numbers", good.clone().with(Tag::METADATA, b"{\"a\": 1}").seal()),
        (
            "metadata-digest-wrong",
            good.clone().with(Tag::METADATA, b"{}").record(24, &[0; 32]).seal(),
        ),
        ("previous-past-end", with(b"prev", 1 << 40, 300).seal()),
        ("previous-digest-wrong", with(b"prev", 0, 7).seal()),
        ("volume-count-lies", in_volume(&u32::MAX.to_le_bytes())?),
        ("volume-cut-off", in_volume(&[1, 0, 0, 0, 5, 0])?),
        ("volume-and-more", in_volume(&more)?),
        ("volume-missing", listed(b"no such volume")?),
        ("volume-name-slash", listed(b"../x")?),
        ("volume-name-dotdot", listed(b"..")?),
        ("volume-name-backslash", listed(br"..\x")?),
        ("volume-name-drive", listed(b"c:x")?),
        ("volume-name-share", listed(br"\\host\share\x")?),
        ("volume-name-device", listed(b"nul.pack")?),
        ("volume-name-ends-in-dot", listed(b"x.")?),
        ("volume-name-empty", listed(b"")?),
        ("volume-digest-wrong", volume(b"x").record(24, &[0; 32]).seal()),
        ("volume-unknown", in_volume(&[0; 4])?),
    ])
}

/// Inner pages.
fn pages() -> rangepack_core::Result<Packs> {
    let leaf = Forge::of(b"", &[entry("one", Kind::Directory(Totals::default()))?])?.node;
    let link = |path: &str| entry(path, Kind::Symlink(b"to".to_vec()));
    let (a, b, c, d) = (link("a")?, link("b")?, link("c")?, link("d")?);
    let (left, right) = ([a.clone(), b.clone()], [c.clone(), d.clone()]);
    let two = |leaves, separators, counts| -> rangepack_core::Result<Vec<u8>> {
        Ok(two_leaves(leaves, separators, counts)?.seal())
    };
    let both: [&[Entry]; 2] = [&left, &right];
    let sound = two_leaves(both, [b"", b"\0\0c"], [2, 2])?;
    let mut named_twice = sound.clone();
    let page = sound.before[..PAGE_SIZE as usize].to_vec();
    let child = |separator| Child { separator, page: &page, entries: 2 };
    named_twice.node = node(1, 0, &[child(b"")]);
    named_twice = named_twice.header(16, &[2]).header(24, &[2]).header(32, &[2]);
    Ok(vec![
        ("inner-sound", sound.seal()),
        (
            "inner-level-loop",
            inner(1, 1, 1, &node(1, 0, &[Child { separator: b"", page: b"", entries: 1 }]))?,
        ),
        ("inner-level-zero", inner(0, 1, 1, &leaf)?),
        ("inner-level-too-high", inner(9, 1, 1, &leaf)?),
        ("inner-count-lies", inner(1, 1, 100, &leaf)?),
        ("inner-children-past-pages", inner(1, 2, 100, &leaf)?),
        ("inner-no-children", inner(1, 0, 1, &leaf)?),
        ("inner-counts-equal", two(both, [b"", b"\0\0c"], [0, 4])?),
        ("inner-counts-false", two(both, [b"", b"\0\0c"], [1, 3])?),
        (
            "inner-last-leaf-holds-more",
            two_leaves(both, [b"", b"\0\0c"], [2, 1])?.header(16, &3u64.to_le_bytes()).seal(),
        ),
        ("inner-separator-too-low", two(both, [b"", b"\0\0b"], [2, 2])?),
        ("inner-separator-too-high", two(both, [b"", b"\0\0d"], [2, 2])?),
        ("inner-leaves-out-of-order", two([&right, &left], [b"", b"\0\0c"], [2, 2])?),
        (
            "inner-leaves-overlap",
            two([&[a.clone(), c.clone()], &[b.clone(), d.clone()]], [b"", b"\0\0b"], [2, 2])?,
        ),
        ("inner-key-in-two-leaves", two([&[a, b.clone()], &[b, c]], [b"", b"\0\0b"], [2, 2])?),
        ("inner-page-unnamed", named_twice.seal()),
    ])
}

/// Leaves.
fn leaves(golden: &Path) -> rangepack_core::Result<Packs> {
    let good = Forge::open(&read(golden, "smallest.pack"))?;
    // Where the parts of the smallest pack's only leaf lie.
    let (bases, widths, run, offsets, heap) = (16, 104, 120, 128, 164);
    let named = |name: &[u8]| {
        let len = (name.len() as u16).to_le_bytes();
        good.clone().node(run + 6, &len).node(heap, name).seal()
    };
    let base = |column: usize, value: u64| {
        good.clone().node(bases + 8 * column, &value.to_le_bytes()).seal()
    };
    let in_directory = |directory: &[u8]| -> rangepack_core::Result<Vec<u8>> {
        let to = || Kind::Symlink(b"to".to_vec());
        let mut forge = Forge::of(b"", &[entry("dir", to())?, entry("dir/x", to())?])?;
        // The heap's last parts: "dir" and "x", then a record for each.
        let at = forge.node.windows(4).rposition(|bytes| bytes == b"dirx").unwrap_or(0);
        forge.node[at..at + 3].copy_from_slice(directory);
        Ok(forge.seal())
    };
    let link = |path: &str| entry(path, Kind::Symlink(b"to".to_vec()));
    let names = |to: &[u8]| -> rangepack_core::Result<Vec<u8>> {
        let mut forge = Forge::of(b"", &[link("n1")?, link("n2")?, link("n3")?])?;
        let at = forge.node.windows(3).position(|bytes| bytes == b"123").unwrap_or(0);
        forge.node[at..at + 3].copy_from_slice(to);
        Ok(forge.seal())
    };
    // A payload with the digest of its content, and what the leaf says of where that stands.
    let hello = |codec: Codec| {
        let payload = if codec == Codec::Gzip { member(b"hello") } else { b"hello".to_vec() };
        let mut file = content(&payload).with_original_digest(Some(Digest::of(b"hello")));
        (file.codec, file.size) = (codec, 5);
        (payload, Kind::File(file))
    };
    let content_digest = |codec: Codec, place: u64| -> rangepack_core::Result<Vec<u8>> {
        let (payload, file) = hello(codec);
        let forge = Forge::of(&payload, &[entry("file", file)?])?;
        Ok(forge.node(bases + 8 * 10, &place.to_le_bytes()).seal())
    };
    let past_end = {
        let (payload, file) = hello(Codec::Gzip);
        let mut forge = Forge::of(&payload, &[link("a")?, entry("b", file)?])?;
        // The row of the second entry ends with its place, 2, before two digests and one more; the heap has the names and
        // a link's record.
        let at = forge.node.len() - (2 + 7) - 3 * 32 - 1;
        forge.node[at] -= 1;
        forge.seal()
    };
    let runs = Forge::of(b"", &[link("a")?, link("a/x")?, link("a/y")?])?;
    Ok(vec![
        ("leaf-kind", good.clone().node(0, &[9]).seal()),
        ("leaf-reserved", good.clone().node(1, &[1]).seal()),
        ("leaf-entries-lie", good.clone().node(2, &u16::MAX.to_le_bytes()).seal()),
        ("leaf-no-runs", good.clone().node(4, &[0]).seal()),
        ("leaf-runs-of-nothing", good.clone().node(4, &[2]).seal()),
        ("leaf-run-empty", runs.clone().node(run + 8, &[3]).seal()),
        ("leaf-run-begins-late", runs.clone().node(run, &[1]).seal()),
        ("leaf-run-twice", {
            let first = runs.node[run + 2..run + 6].to_vec();
            runs.clone().node(run + 10, &first).seal()
        }),
        ("leaf-heap-past-end", good.clone().node(8, &u32::MAX.to_le_bytes()).seal()),
        ("leaf-run-out-of-range", good.clone().node(run, &u16::MAX.to_le_bytes()).seal()),
        ("leaf-run-heap-past-end", good.clone().node(run + 6, &u16::MAX.to_le_bytes()).seal()),
        ("leaf-name-offset-backwards", good.clone().node(offsets, &[3]).seal()),
        ("leaf-name-offset-past-end", good.clone().node(offsets + 2, &[0xff; 2]).seal()),
        ("leaf-name-empty", named(b"")),
        ("leaf-name-dot", named(b".")),
        ("leaf-name-dotdot", named(b"..")),
        ("leaf-name-slash", named(b"a/b/c")),
        ("leaf-name-nul", named(b"he\0lo")),
        ("leaf-names-out-of-order", names(b"132")?),
        ("leaf-name-twice", names(b"113")?),
        ("leaf-directory-absolute", in_directory(b"/ir")?),
        ("leaf-directory-dotdot", in_directory(b"../")?),
        ("leaf-directory-missing", Forge::of(b"", &[link("a/b")?])?.seal()),
        ("leaf-directory-is-a-link", Forge::of(b"", &[link("a")?, link("a/b")?])?.seal()),
        ("leaf-width-9", good.clone().node(widths, &[9]).seal()),
        ("leaf-rows-past-end", good.clone().node(widths, &[8; 11]).seal()),
        ("leaf-flags-unknown", base(0, 1 << 26)),
        ("leaf-kind-3", base(0, 3)),
        ("leaf-codec-of-a-link", {
            let forge = Forge::of(b"", &[link("a")?])?;
            forge.node(bases, &[2 + 4]).seal()
        }),
        ("leaf-codec-unknown", base(0, 7 << 2)),
        ("leaf-dictionary-of-a-stored-file", base(0, 1 << 10)),
        ("leaf-content-digests-lie", good.clone().node(12, &[0xff; 2]).seal()),
        ("leaf-content-digest-of-a-stored-file", content_digest(Codec::Stored, 1)?),
        ("leaf-content-digest-sound", content_digest(Codec::Gzip, 1)?),
        ("leaf-content-digest-past-end", past_end),
        ("leaf-content-digest-before-the-first", content_digest(Codec::Gzip, 2)?),
        ("leaf-content-digest-overflow", content_digest(Codec::Gzip, u64::MAX - 1)?),
        ("leaf-mode-too-large", base(1, (1 << 16) + 0o10000)),
        ("leaf-mode-too-small", base(1, 5)),
        ("leaf-size-of-a-stored-file", base(5, 8)),
        ("leaf-record-past-end", base(6, 99)),
        ("leaf-owner-too-large", base(7, u64::MAX)),
        ("leaf-owner-without-group", base(7, 1)),
        ("leaf-volume-unknown", base(9, 1)),
        ("leaf-volume-too-large", base(9, 1 << 32)),
        ("payload-past-end", base(3, 1 << 40)),
        ("payload-overflow", base(3, u64::MAX)),
        ("payload-huge", base(4, u64::MAX)),
        ("payload-digest-wrong", good.clone().node(132, &[0xaa; 32]).seal()),
    ])
}

/// Records of entries.
fn records() -> rangepack_core::Result<Packs> {
    // A link's record: its target alone, the last of the page.
    let link = |record: &[u8]| -> rangepack_core::Result<Vec<u8>> {
        let mut forge = Forge::of(b"", &[entry("link", Kind::Symlink(b"target".to_vec()))?])?;
        let at = forge.node.len() - 11;
        forge.node.truncate(at);
        forge.node.extend(record);
        let heap =
            u32::from_le_bytes([forge.node[8], forge.node[9], forge.node[10], forge.node[11]]);
        let heap = heap - 11 + record.len() as u32;
        Ok(forge.node(8, &heap.to_le_bytes()).header(24, &[1]).header(32, &[1]).seal())
    };
    let directory = |record: &[u8]| -> rangepack_core::Result<Vec<u8>> {
        let mut forge = Forge::of(b"", &[entry("d", Kind::Directory(Totals::default()))?])?;
        let at = forge.node.len() - 37;
        forge.node.truncate(at);
        forge.node.extend(record);
        let heap = 1 + record.len() as u32;
        Ok(forge.node(8, &heap.to_le_bytes()).header(40, &[1]).seal())
    };
    let block = b"\x06\0\x02\0\0\0user.ahi";
    let attributes = |offset: u64, digest: Digest| -> rangepack_core::Result<Vec<u8>> {
        let at = AttributeBlock { offset, len: block.len() as u32, digest };
        let entry = entry("link", Kind::Symlink(b"to".to_vec()))?.with_attributes(Some(at));
        Ok(Forge::of(block, &[entry])?.header(24, &[1]).header(32, &[1]).seal())
    };
    let target =
        |bytes: &[u8]| [&[1, 1, 1][..], &(bytes.len() as u16).to_le_bytes(), bytes].concat();
    let two = |a: &[u8], b: &[u8]| [&[2][..], a, b].concat();
    let fine = target(b"target")[1..].to_vec();
    Ok(vec![
        ("record-none", link(&[0])?),
        ("record-cut-off", link(&[1, 1, 1, 9, 0, b'x'])?),
        ("record-fields-past-end", link(&[9, 1, 1, 1, 0, b'x'])?),
        ("record-field-twice", link(&two(&fine, &fine))?),
        ("record-fields-out-of-order", link(&two(&[200, 0, 0, 0], &fine))?),
        ("record-field-unknown-optional", link(&two(&fine, &[200, 0, 1, 0, 7]))?),
        ("record-field-unknown-required", link(&two(&fine, &[200, 1, 1, 0, 7]))?),
        ("record-field-of-another-kind", link(&two(&fine, &[5, 0, 0, 0]))?),
        ("record-field-flags-wrong", link(&[1, 1, 0, 1, 0, b'x'])?),
        ("link-without-target", link(&[1, 200, 0, 0, 0])?),
        ("link-target-empty", link(&target(b""))?),
        ("link-target-nul", link(&target(b"a\0b"))?),
        ("directory-without-totals", directory(&[1, 200, 0, 0, 0])?),
        ("directory-totals-cut-off", directory(&[1, 2, 1, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0])?),
        ("attributes-past-end", attributes(1, Digest::of(block))?),
        ("attributes-digest-wrong", attributes(0, Digest([1; 32]))?),
        ("attributes-malformed", {
            let at = AttributeBlock { offset: 1, len: 9, digest: Digest::of(&block[1..10]) };
            let entry = entry("link", Kind::Symlink(b"to".to_vec()))?.with_attributes(Some(at));
            Forge::of(block, &[entry])?.header(24, &[1]).header(32, &[1]).seal()
        }),
        ("attributes-sound", attributes(0, Digest::of(block))?),
    ])
}

/// Sums that are not those of the entries.
fn sums() -> rangepack_core::Result<Packs> {
    let totals = |files| Totals { files, ..Totals::default() };
    let tree = |files, digest| -> rangepack_core::Result<Forge> {
        let mut directory = entry("d", Kind::Directory(totals(files)))?;
        directory.tree_digest = digest;
        let entries = [directory, entry("d/l", Kind::Symlink(b"to".to_vec()))?];
        let forge = Forge::of(b"", &entries)?;
        // One link, one file and one directory in all.
        let forge = forge.header(24, &[1]).header(32, &[1]).header(40, &[1]);
        Ok(forge)
    };
    let linked = |groups: [u64; 2]| -> rangepack_core::Result<Vec<u8>> {
        let file = |at: u64, group| {
            let size = 5;
            let digest = Digest::of(if at == 0 { b"first" } else { b"other" });
            let content = Content::new(Codec::Stored, at, size, size).with_digest(Some(digest));
            Kind::File(content.with_hard_link(Some(group)))
        };
        let entries = [entry("a", file(0, groups[0]))?, entry("b", file(5, groups[1]))?];
        let forge = Forge::of(b"firstother", &entries)?.header(32, &[2]);
        Ok(forge.header(48, &[10]).header(56, &[10]).seal())
    };
    Ok(vec![
        ("sums-sound", tree(1, None)?.seal()),
        ("totals-lie", tree(2, None)?.seal()),
        ("totals-of-the-header-lie", tree(1, None)?.header(48, &[9]).seal()),
        ("symlinks-lie", tree(1, None)?.header(24, &[2]).seal()),
        ("tree-digest-wrong", tree(1, Some(Digest([9; 32])))?.seal()),
        ("tree-digest-of-the-header-wrong", tree(1, None)?.header(64, &[9; 32]).seal()),
        ("owners-and-times-sound", {
            let owner = Some(Owner { uid: 1, gid: 2 });
            let entry = entry("l", Kind::Symlink(b"to".to_vec()))?.with_owner(owner);
            Forge::of(b"", &[entry])?.header(24, &[1]).header(32, &[1]).seal()
        }),
        ("hard-links-differ", linked([1, 1])?),
        ("hard-links-out-of-order", linked([2, 1])?),
    ])
}

/// Payloads and block tables.
fn payloads(golden: &Path) -> rangepack_core::Result<Packs> {
    let gzip = |payload: &[u8], size: u64| {
        let mut content = content(payload);
        (content.codec, content.size) = (Codec::Gzip, size);
        one(payload, content)
    };
    let deflate = |payload: &[u8], size: u64, change: fn(&mut Content)| {
        let mut content = content(payload);
        (content.codec, content.size) = (Codec::Deflate, size);
        change(&mut content);
        one(payload, content)
    };
    let table = |content: &mut Content| {
        content.blocks = Some(BlockTable { offset: 0, digest: Digest([1; 32]), block_log2: 12 });
    };
    let encrypted = |content: &mut Content| content.codec = Codec::Other(ENCRYPTED);
    let blocks = |block_log2: u8, offset: Option<u64>, len: Option<u32>| {
        let payload = vec![7; 5000];
        let mut table = BlockTableBuilder::new();
        table.push(len.unwrap_or(4096), Digest::of(&payload[..4096]));
        table.push(904, Digest::of(&payload[4096..]));
        let (table, digest) = table.finish();
        let offset = offset.unwrap_or(payload.len() as u64);
        let blocks = Some(BlockTable { offset, digest, block_log2 });
        one(&[payload.clone(), table].concat(), (content(&payload)).with_blocks(blocks))
    };
    let mut other = content(b"hello");
    other.codec = Codec::Other(9);
    let with_trailer = read(golden, "smallest-with-trailer.pack");
    let trailer_at = trailer_start(&with_trailer);
    let differs = |from: &str, to: &str| -> rangepack_core::Result<Vec<u8>> {
        let forge = Forge::open(&with_trailer)?;
        let text = String::from_utf8_lossy(&with_trailer[trailer_at + 16..forge.before.len()]);
        let changed = text.replacen(from, to, 1);
        let mut forge = forge;
        forge.before.truncate(trailer_at + 16);
        forge.sections.retain(|record| record[..4] != Tag::TRAILER.0);
        Ok(forge.with(Tag::TRAILER, changed.as_bytes()).seal())
    };
    Ok(vec![
        ("gzip-bomb-size", gzip(&member(b"x"), u64::MAX)?),
        ("gzip-too-much-content", gzip(&member(&[0; 100]), 99)?),
        ("gzip-too-little-content", gzip(&member(&[0; 100]), 101)?),
        ("gzip-two-members", gzip(&[member(b"one"), member(b"two")].concat(), 6)?),
        ("gzip-truncated", gzip(&member(b"hello")[..18], 5)?),
        ("gzip-not-gzip", gzip(b"not a gzip member at all", 5)?),
        ("deflate-bomb-size", deflate(&raw(b"x"), u64::MAX, |_| ())?),
        ("deflate-too-much-content", deflate(&raw(&[0; 100]), 99, |_| ())?),
        ("deflate-too-little-content", deflate(&raw(&[0; 100]), 101, |_| ())?),
        ("deflate-and-more", deflate(&[&raw(b"hello")[..], b"x"].concat(), 5, |_| ())?),
        ("deflate-truncated", deflate(&raw(b"hello")[..9], 5, |_| ())?),
        ("deflate-with-a-block-table", deflate(&raw(&[0; 5000]), 5000, table)?),
        ("codec-of-the-encrypted", deflate(b"hello", 5, encrypted)?),
        ("codec-unknown", one(b"hello", other)?),
        ("block-table-past-end", blocks(12, Some(1 << 40), None)?),
        ("block-table-digest-wrong", blocks(12, Some(4990), None)?),
        ("block-log2-63", blocks(63, None, None)?),
        ("block-log2-23", blocks(23, None, None)?),
        ("block-log2-0", blocks(0, None, None)?),
        ("block-length-lies", blocks(12, None, Some(u32::MAX))?),
        ("trailer-digest-wrong", flip(with_trailer.clone(), with_trailer.len() - trailer_at - 30)),
        ("trailer-magic-wrong", flip(with_trailer.clone(), with_trailer.len() - trailer_at)),
        ("trailer-mode-differs", differs("420", "421")?),
        ("trailer-time-differs", differs("1700000000", "1700000001")?),
        ("trailer-name-differs", differs("hello", "hallo")?),
        ("trailer-without-a-line", differs("relpath", "nothing")?),
    ])
}

/// What old programs could have written.
fn old_formats() -> Packs {
    let two = line("a", 0, 5) + &line("b", 0, 5);
    vec![
        (
            "v1-index-length-past-end",
            [b"hello".as_slice(), &trailer::trailer_header(1 << 40), b"{\""].concat(),
        ),
        (
            "v1-index-length-zero",
            [b"hello".as_slice(), &trailer::trailer_header(0), b"{\""].concat(),
        ),
        ("v1-deep-nesting", v1(b"hello", &format!("[{}", "[".repeat(20_000)))),
        (
            "v1-deep-nesting-in-entries",
            v1(b"hello", &format!("{{\"entries\": [{}", "{\"a\":".repeat(20_000))),
        ),
        ("v1-odd-lines", v1(b"hello", &odd_lines())),
        ("v1-not-json", v1(b"hello", "{\"relpath\": nothing}\n{\"\n")),
        ("v1-huge-offset", v1(b"hello", &(line("a", u64::MAX - 5, 5) + &line("b", 0, 5)))),
        ("v1-offset-past-end", v1(b"hello", &(line("a", 1 << 40, 5) + &line("b", 0, 5)))),
        ("v1-dotdot", v1(b"hello", &(line("../../outside", 0, 5) + &line("b", 0, 5)))),
        ("v1-absolute", v1(b"hello", &(line("/tmp/rangepack-outside", 0, 5) + &line("b", 0, 5)))),
        ("v1-nul", v1(b"hello", &(line("a\\u0000b", 0, 5) + &line("b", 0, 5)))),
        ("v1-file-and-directory", v1(b"hello", &(line("a", 0, 5) + &line("a/b", 0, 5)))),
        ("v1-digest-wrong", v1(b"hallo", &two)),
        (
            "v1-gzip-bomb",
            v1(
                b"hello",
                &two.replace("\"orig_size\": 5", "\"orig_size\": 999999999999")
                    .replace("false", "true"),
            ),
        ),
        ("fpack-count-overflow", [&[1u8; 1][..], &[0xff; 8], &[b' '; 256], &[0; 64]].concat()),
        ("fpack-sizes-overflow", fpack(["../outside", "inside"], &[u64::MAX, 300])),
        ("fpack-dotdot", fpack(["../outside", "inside"], &[0, 0])),
        ("fpack-name-lost", fpack([&"\u{e9}".repeat(127), "behind"], &[0, 0])),
        ("no-format", b"nothing that anybody knows".to_vec()),
        ("nothing", Vec::new()),
    ]
}

fn flip(mut pack: Vec<u8>, from_end: usize) -> Vec<u8> {
    let at = pack.len() - from_end;
    pack[at] ^= 1;
    pack
}

/// One entry among lines that lack something, or say it in another way.
fn odd_lines() -> String {
    let odd = |old: &str, new: &str| line("odd", 0, 5).replace(old, new);
    [
        line("even", 0, 5),
        odd("\"payload_size\": 5", "\"payload_size\": 5.0"),
        odd("\"offset\": 0, ", ""),
        odd("\"offset\": 0", "\"offset\": -1"),
        odd("\"offset\": 0", "\"offset\": 18446744073709551613"),
        odd("\"relpath\": \"odd\", ", ""),
    ]
    .concat()
}

/// An `.fpack` of two files; the block of names is cut as the old program cut it.
fn fpack(names: [&str; 2], sizes: &[u64; 2]) -> Vec<u8> {
    let mut out = vec![1];
    out.extend(2u64.to_le_bytes());
    out.extend([b' '; 256]);
    out.extend(format!("{:128}{:128}", names[0], names[1]).bytes().take(256));
    sizes.iter().for_each(|size| out.extend(size.to_le_bytes()));
    out
}

fn trailer_start(pack: &[u8]) -> usize {
    pack.windows(8).position(|bytes| bytes == trailer::MAGIC).unwrap_or(0)
}
