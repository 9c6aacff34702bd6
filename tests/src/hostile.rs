//! The hostile packs: one defect each, with digests that are right, so that deeper checks are reached.

use crate::forge::Forge;
use rangepack_core::blocks::BlockTableBuilder;
use rangepack_core::gzip::{MEMBER_HEADER, member_trailer};
use rangepack_core::layout::{FOOTER_LEN, INNER_HEADER_LEN, InnerHeader, PAGE_SIZE};
use rangepack_core::{
    BlockTable, Codec, Content, Digest, Entry, Kind, PackPathBuf, Totals, trailer,
};
use std::path::Path;

/// CRC-32 as in gzip, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

/// A gzip member whose deflate stream only stores.
fn member(content: &[u8]) -> Vec<u8> {
    let len = content.len() as u16;
    let mut out = MEMBER_HEADER.to_vec();
    out.push(1);
    out.extend(len.to_le_bytes());
    out.extend((!len).to_le_bytes());
    out.extend(content);
    out.extend(member_trailer(crc32(content), content.len() as u64));
    out
}

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
    let mut forge = Forge::of(b"", &[])?;
    forge.node = node(level, children, &page);
    forge.before = page;
    Ok(forge
        .header(24, &0u64.to_le_bytes())
        .header(32, &1u32.to_le_bytes())
        .header(64, &entries.to_le_bytes())
        .seal())
}

/// An inner node whose children all have the digest of `page`.
fn node(level: u8, children: u16, page: &[u8]) -> Vec<u8> {
    let header =
        InnerHeader { level, children, prefix_len: 0, count_width: 0, first_child: 0, heap_len: 0 };
    let mut node = header.to_bytes().to_vec();
    assert_eq!(node.len(), INNER_HEADER_LEN);
    node.extend(vec![0; 2 * (usize::from(children) + 1)]);
    (0..children).for_each(|_| node.extend(Digest::of(page).0));
    node
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
    let read = |name: &str| std::fs::read(golden.join(name)).unwrap_or_default();
    let smallest = read("smallest.pack");
    let with_trailer = read("smallest-with-trailer.pack");
    let good = Forge::open(&smallest)?;
    // Where the parts of the smallest pack's only leaf lie.
    let (bases, widths, run, offsets, heap) = (16, 88, 104, 112, 148);
    let named = |name: &[u8]| {
        good.clone().node(run + 6, &(name.len() as u16).to_le_bytes()).node(heap, name).seal()
    };
    let base = |column: usize, value: u64| {
        good.clone().node(bases + 8 * column, &value.to_le_bytes()).seal()
    };
    let in_directory = |directory: &[u8]| -> rangepack_core::Result<Vec<u8>> {
        let entries = [
            entry("dir", Kind::Directory(Totals::default()))?,
            entry("dir/x", Kind::Directory(Totals::default()))?,
        ];
        let mut forge = Forge::of(b"", &entries)?;
        // Heap: "dir" (the first run's prefix), then "dir" and "x".
        let at = forge.node.len() - 4;
        forge.node[at..at + 3].copy_from_slice(directory);
        Ok(forge.seal())
    };
    let link = |at: usize, value: &[u8]| -> rangepack_core::Result<Vec<u8>> {
        let forge = Forge::of(b"", &[entry("link", Kind::Symlink(b"target".to_vec()))?])?;
        let place = forge.node.len() - 8 + at;
        Ok(forge.node(place, value).seal())
    };
    let flip = |mut pack: Vec<u8>, from_end: usize| {
        let at = pack.len() - from_end;
        pack[at] ^= 1;
        pack
    };
    let gzip = |payload: &[u8], size: u64| {
        let mut content = content(payload);
        (content.codec, content.size) = (Codec::Gzip, size);
        one(payload, content)
    };
    let leaf = Forge::of(b"", &[entry("one", Kind::Directory(Totals::default()))?])?.node;
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
    let volume = |name: &[u8]| {
        let mut forge = good.clone().header(8, &[1]).header(36, &[1]);
        forge.header.extend(5u64.to_le_bytes());
        forge.header.extend((name.len() as u16).to_le_bytes());
        forge.header.extend(name);
        let len = forge.header.len() as u16;
        forge.header(2, &len.to_le_bytes()).seal()
    };
    let hashed = |offset: u64, slots: u64| {
        let mut forge = good.clone().header(16, &[1]);
        forge.header.extend(offset.to_le_bytes());
        forge.header.extend(slots.to_le_bytes());
        let len = forge.header.len() as u16;
        forge.header(2, &len.to_le_bytes()).seal()
    };
    let two = line("a", 0, 5) + &line("b", 0, 5);
    let trailer_at = trailer_start(&with_trailer);
    Ok(vec![
        ("footer-crc-wrong", flip(smallest.clone(), 10)),
        ("footer-length-wrong", footer(&smallest, 2, &73u16.to_le_bytes())),
        ("footer-file-len-wrong", footer(&smallest, 16, &1u64.to_le_bytes())),
        ("footer-reserved", footer(&smallest, 56, &[1])),
        ("version-2", footer(&smallest, 0, &2u16.to_le_bytes())),
        ("root-digest-wrong", footer(&smallest, 24, &[0; 32])),
        ("root-past-end", footer(&smallest, 8, &u64::MAX.to_le_bytes())),
        ("root-too-long", footer(&smallest, 4, &u32::MAX.to_le_bytes())),
        ("root-too-short", footer(&smallest, 4, &10u32.to_le_bytes())),
        ("unknown-required-feature", good.clone().header(15, &[0x80]).seal()),
        ("unknown-optional-feature", good.clone().header(23, &[0x80]).seal()),
        ("hash-section-past-end", hashed(0, 1000)),
        ("hash-section-overflow", hashed(u64::MAX, u64::MAX)),
        ("hash-section-elsewhere", hashed(0, 50)),
        ("hash-fields-missing", good.clone().header(16, &[1]).seal()),
        ("header-len-too-long", good.clone().header(2, &u16::MAX.to_le_bytes()).seal()),
        ("header-len-too-short", good.clone().header(2, &[111, 0]).seal()),
        ("page-size-odd", good.clone().header(4, &40_000u32.to_le_bytes()).seal()),
        ("pages-past-end", good.clone().header(32, &u32::MAX.to_le_bytes()).seal()),
        ("payload-end-past-end", good.clone().header(40, &u64::MAX.to_le_bytes()).seal()),
        ("trailer-past-end", good.clone().header(48, &[0xff; 16]).seal()),
        ("volume-count-lies", good.clone().header(36, &u32::MAX.to_le_bytes()).seal()),
        ("volume-name-slash", volume(b"../x")),
        ("volume-name-dotdot", volume(b"..")),
        ("volume-missing", volume(b"no such volume")),
        ("entries-lie", good.clone().header(64, &u64::MAX.to_le_bytes()).seal()),
        ("inner-level-loop", inner(1, 1, 1, &node(1, 1, b""))?),
        ("inner-level-zero", inner(0, 1, 1, &leaf)?),
        ("inner-level-too-high", inner(9, 1, 1, &leaf)?),
        ("inner-count-lies", inner(1, 1, 100, &leaf)?),
        ("inner-children-past-pages", inner(1, 2, 100, &leaf)?),
        ("inner-no-children", inner(1, 0, 1, &leaf)?),
        ("leaf-kind", good.clone().node(0, &[9]).seal()),
        ("leaf-entries-lie", good.clone().node(2, &u16::MAX.to_le_bytes()).seal()),
        ("leaf-no-runs", good.clone().node(4, &[0]).seal()),
        ("leaf-heap-past-end", good.clone().node(8, &u32::MAX.to_le_bytes()).seal()),
        ("leaf-run-out-of-range", good.clone().node(run, &u16::MAX.to_le_bytes()).seal()),
        ("leaf-run-heap-past-end", good.clone().node(run + 6, &u16::MAX.to_le_bytes()).seal()),
        ("leaf-name-offset-backwards", good.clone().node(offsets, &[3]).seal()),
        (
            "leaf-name-offset-past-end",
            good.clone().node(offsets + 2, &u16::MAX.to_le_bytes()).seal(),
        ),
        ("leaf-name-empty", named(b"")),
        ("leaf-name-dot", named(b".")),
        ("leaf-name-dotdot", named(b"..")),
        ("leaf-name-slash", named(b"a/b/c")),
        ("leaf-name-nul", named(b"he\0lo")),
        ("leaf-directory-absolute", in_directory(b"/ir")?),
        ("leaf-directory-dotdot", in_directory(b"../")?),
        ("leaf-width-9", good.clone().node(widths, &[9]).seal()),
        ("leaf-rows-past-end", good.clone().node(widths, &[8; 9]).seal()),
        ("leaf-flags-unknown", base(0, 64)),
        ("leaf-kind-3", base(0, 3)),
        ("leaf-mode-too-large", base(1, (1 << 16) + 0o10000)),
        ("leaf-owner-too-large", base(6, u64::MAX)),
        ("leaf-volume-unknown", base(8, 1)),
        ("leaf-extra-missing", base(0, 4)),
        ("leaf-extra-past-end", good.clone().node(bases, &[4]).node(bases + 40, &[99]).seal()),
        ("link-target-past-end", link(0, &u16::MAX.to_le_bytes())?),
        ("link-target-nul", link(3, &[0])?),
        ("payload-past-end", base(3, 1 << 40)),
        ("payload-overflow", base(3, u64::MAX)),
        ("payload-huge", base(4, u64::MAX)),
        ("payload-digest-wrong", good.clone().node(116, &[0; 32]).seal()),
        ("gzip-bomb-size", gzip(&member(b"x"), u64::MAX)?),
        ("gzip-too-much-content", gzip(&member(&[0; 100]), 99)?),
        ("gzip-too-little-content", gzip(&member(&[0; 100]), 101)?),
        ("gzip-two-members", gzip(&[member(b"one"), member(b"two")].concat(), 6)?),
        ("gzip-truncated", gzip(&member(b"hello")[..18], 5)?),
        ("gzip-not-gzip", gzip(b"not a gzip member at all", 5)?),
        ("block-table-past-end", blocks(12, Some(1 << 40), None)?),
        ("block-table-digest-wrong", blocks(12, Some(4990), None)?),
        ("block-log2-63", blocks(63, None, None)?),
        ("block-log2-0", blocks(0, None, None)?),
        ("block-length-lies", blocks(12, None, Some(u32::MAX))?),
        ("trailer-differs", flip(with_trailer.clone(), with_trailer.len() - trailer_at)),
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
        ("fpack-sizes-overflow", fpack(&[u64::MAX, 300])),
        ("fpack-dotdot", fpack(&[0, 0])),
        ("no-format", b"nothing that anybody knows".to_vec()),
        ("nothing", Vec::new()),
    ])
}

/// Two files, one of which is to lie outside.
fn fpack(sizes: &[u64; 2]) -> Vec<u8> {
    let mut out = vec![1];
    out.extend(2u64.to_le_bytes());
    out.extend([b' '; 256]);
    out.extend(format!("{:128}{:128}", "../outside", "inside").bytes());
    sizes.iter().for_each(|size| out.extend(size.to_le_bytes()));
    out
}

fn trailer_start(pack: &[u8]) -> usize {
    pack.windows(8).position(|bytes| bytes == trailer::MAGIC).unwrap_or(0)
}
