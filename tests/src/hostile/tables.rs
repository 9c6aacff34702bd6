//! Block tables, and the blocks that they lead to; gzip members.

use super::{Packs, content, entry, one};
use crate::forge::{Forge, block_table};
use crate::gzip::{Blocks, Flaw, blocks, blocks_with, crc32, member, member_with};
use rangepack_core::{BlockTable, Codec, Digest, Kind, Result};

/// A table of blocks of these lengths, changed before its digest is taken.
fn table(payload: &[u8], lengths: &[u32], change: impl Fn(&mut [u8])) -> (Vec<u8>, Digest) {
    let (mut table, _) = block_table(payload, lengths).finish();
    change(&mut table);
    // The topmost level, and it alone, is what the entry's digest is of: here it has a record or two.
    let top = 40 * lengths.len().div_ceil(1024);
    let digest = Digest::of(&table[..top]);
    (table, digest)
}

/// A pack of one file of blocks of 4 KiB.
fn pack(blocks: &Blocks, codec: Codec, change: impl Fn(&mut [u8])) -> Result<Vec<u8>> {
    let (table, digest) = table(&blocks.payload, &blocks.lengths, change);
    let offset = blocks.payload.len() as u64;
    let mut file = content(&blocks.payload);
    (file.codec, file.size) = (codec, blocks.content.len() as u64);
    file.blocks = Some(BlockTable { offset, digest, block_log2: 12 });
    one(&[&blocks.payload[..], &table].concat(), file)
}

fn gzip(blocks: &Blocks) -> Result<Vec<u8>> {
    pack(blocks, Codec::Gzip, |_| ())
}

/// A file that is no more than a member, with this digest of its content.
fn whole(payload: &[u8], size: u64, original: Option<Digest>) -> Result<Vec<u8>> {
    let mut file = content(payload).with_original_digest(original);
    (file.codec, file.size) = (Codec::Gzip, size);
    one(payload, file)
}

/// Puts bytes into the payload, into the block that ends at their place or before it.
fn insert(blocks: &Blocks, from_end: usize, bytes: &[u8]) -> Blocks {
    let mut blocks = blocks.clone();
    let at = blocks.payload.len() - from_end;
    blocks.payload.splice(at..at, bytes.iter().copied());
    let last = blocks.lengths.len() - 1;
    blocks.lengths[last] += bytes.len() as u32;
    blocks
}

pub(super) fn make() -> Result<Packs> {
    let three = blocks(3);
    let lengths = |change: &dyn Fn(&mut Vec<u32>)| {
        let mut blocks = three.clone();
        change(&mut blocks.lengths);
        gzip(&blocks)
    };
    let changed = |at: usize, value: u8| {
        let mut blocks = three.clone();
        blocks.payload[at] = value;
        gzip(&blocks)
    };
    let end = three.payload.len();
    let stored = Blocks { payload: three.content.clone(), ..three.clone() };
    let stored =
        |lengths: Vec<u32>| pack(&Blocks { lengths, ..stored.clone() }, Codec::Stored, |_| ());
    let many = blocks(1025);
    let mut nothing = content(b"");
    nothing.blocks = Some(BlockTable { offset: 1 << 40, digest: Digest([7; 32]), block_log2: 12 });
    let mut of_no_bytes = Forge::of(b"", &[entry("file", Kind::File(nothing))?])?;
    of_no_bytes = of_no_bytes.record(16, &[0; 8]);
    let (hello, digest) = (member(b"hello"), Digest::of(b"hello"));
    let mut sums = hello.clone();
    let crc = sums.len() - 8;
    sums[crc..crc + 4].copy_from_slice(&crc32(b"other").to_le_bytes());
    let mut size = hello.clone();
    size[crc + 4] = 6;
    let mut reserved = hello.clone();
    reserved[3] = 0xe0;
    Ok(vec![
        ("blocks-sound", gzip(&three)?),
        ("blocks-stored-sound", stored(vec![4096, 4096, 8])?),
        ("blocks-stored-longer-than-content", stored(vec![4097, 4095, 8])?),
        ("block-table-of-nothing", of_no_bytes.seal()),
        ("block-table-of-an-unknown-codec", pack(&three, Codec::Other(9), |_| ())?),
        ("block-page-digest-wrong", pack(&three, Codec::Gzip, |table| table[8] ^= 1)?),
        ("block-page-offset-not-0", pack(&three, Codec::Gzip, |table| table[0] = 1)?),
        ("block-page-offsets-equal", pack(&many, Codec::Gzip, |table| table[40..48].fill(0))?),
        ("block-page-offset-wrong", pack(&many, Codec::Gzip, |table| table[40] ^= 1)?),
        ("block-lengths-too-short", lengths(&|lengths| lengths[2] -= 1)?),
        ("block-length-0", lengths(&|l| *l = vec![l[0], l[1] + l[2], 0])?),
        ("block-missing", lengths(&|l| *l = vec![l[0], l[1] + l[2]])?),
        ("block-border-elsewhere", lengths(&|l| *l = vec![l[0] - 1, l[1] + 1, l[2]])?),
        ("block-refers-back", gzip(&blocks_with(2, Some(Flaw::RefersBack)))?),
        ("block-ends-the-stream", gzip(&blocks_with(3, Some(Flaw::EndsEarly)))?),
        ("block-bytes-before-the-trailer", gzip(&insert(&three, 8, &[0]))?),
        ("block-bytes-behind-the-trailer", gzip(&insert(&three, 0, &[0]))?),
        // Any reader of the member alone accepts it.
        ("block-header-with-a-time", changed(4, 1)?),
        ("block-trailer-size-wrong", changed(end - 4, 9)?),
        ("gzip-sum-wrong", whole(&sums, 5, Some(digest))?),
        ("gzip-size-wrong", whole(&size, 5, Some(digest))?),
        ("gzip-reserved-flags", whole(&reserved, 5, Some(digest))?),
        ("gzip-bytes-behind", whole(&[&hello[..], &[0; 3]].concat(), 5, Some(digest))?),
        ("gzip-content-digest-wrong", whole(&hello, 5, Some(Digest::of(b"other")))?),
        ("gzip-header-cut-off", {
            let header = [0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 255, b'n', b'a', b'm', b'e'];
            whole(&member_with(&header, b""), 0, None)?
        }),
    ])
}
