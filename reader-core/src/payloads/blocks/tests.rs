use super::*;
use crate::{
    BlockTable, Limits,
    format::layout::BlockTableBuilder,
    payloads::decode::decode_all,
    payloads::gzip::{MEMBER_HEADER, member_trailer},
};
use alloc::vec;
use flate2::{Compress, Compression, FlushCompress};
use proptest::prelude::*;

const LOG2: u8 = 12;
const B: usize = 1 << LOG2;

/// A volume with some bytes, a payload, its table; with only parts of it at hand.
struct Volume {
    bytes: Vec<u8>,
    have: Vec<Extent>,
    requests: usize,
}

impl Source for Volume {
    fn bytes(&self, extent: Extent) -> Option<&[u8]> {
        let have = self.have.iter().any(|have| have.contains(&extent));
        if have { self.bytes[..].bytes(extent) } else { None }
    }
}

impl Volume {
    /// Asks until there is an answer.
    fn locate(&mut self, content: &Content, range: Range<u64>) -> Result<Slice> {
        loop {
            match locate(content, range.clone(), self)? {
                Answer::Ready(slice) => return Ok(slice),
                Answer::Need(extent) => {
                    assert!(self.bytes(extent).is_none() && extent.len > 0);
                    assert!(extent.end() <= self.bytes.len() as u64, "{extent:?}");
                    self.have.push(extent);
                    self.requests += 1;
                }
            }
        }
    }

    /// Reads a range by its blocks alone.
    fn read(&mut self, content: &Content, range: Range<u64>) -> Result<Vec<u8>> {
        let mut found = Vec::new();
        let mut start = range.start;
        loop {
            let slice = self.locate(content, start..range.end)?;
            let Slice::Blocks { blocks, range: covered } = slice else { panic!("{slice:?}") };
            assert!(blocks.len() as u64 <= MAX_BLOCKS);
            assert_eq!(covered.start, start);
            for block in blocks {
                let stored = self.bytes[..].bytes(block.stored).unwrap();
                let decoded = decode_block(content, &block, stored, None)?;
                let from = covered.start.max(block.content.start) - block.content.start;
                let to = covered.end.min(block.content.end) - block.content.start;
                found.extend_from_slice(&decoded[from as usize..to as usize]);
            }
            if covered.end == range.end {
                return Ok(found);
            }
            assert!(covered.end > start);
            start = covered.end;
        }
    }
}

/// Content that neither repeats nor is incompressible.
fn text(len: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut step = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 28) as u8
    };
    (0..len).map(|_| step()).collect()
}

fn deflated_blocks(bytes: &[u8]) -> Vec<Vec<u8>> {
    let count = bytes.len().div_ceil(B);
    let mut blocks = Vec::new();
    for (index, block) in bytes.chunks(B).enumerate() {
        let mut stored = Vec::with_capacity(2 * B);
        if index == 0 {
            stored.extend_from_slice(&MEMBER_HEADER);
        }
        let last = index + 1 == count;
        let flush = if last { FlushCompress::Finish } else { FlushCompress::Full };
        Compress::new(Compression::fast(), false).compress_vec(block, &mut stored, flush).unwrap();
        if last {
            let trailer = member_trailer(crc32fast::hash(bytes), bytes.len() as u64);
            stored.extend_from_slice(&trailer);
        }
        blocks.push(stored);
    }
    blocks
}

fn pack(bytes: &[u8], codec: Codec) -> (Content, Volume) {
    let blocks = match codec {
        Codec::Stored => bytes.chunks(B).map(<[u8]>::to_vec).collect(),
        _ => deflated_blocks(bytes),
    };
    let mut builder = BlockTableBuilder::new();
    for block in &blocks {
        builder.push(block.len() as u32, Digest::of(block));
    }
    let (table, digest) = builder.finish();
    assert_eq!(table.len() as u64, table_len(bytes.len() as u64, LOG2));
    let payload = blocks.concat();
    let mut volume = vec![0xaa; 100];
    volume.extend_from_slice(&payload);
    volume.extend_from_slice(b"between");
    let offset = volume.len() as u64;
    volume.extend_from_slice(&table);
    let content = Content::new(codec, 100, payload.len() as u64, bytes.len() as u64)
        .with_digest(Some(Digest::of(&payload)))
        .with_original_digest(Some(Digest::of(bytes)))
        .with_blocks(Some(BlockTable { offset, digest, block_log2: LOG2 }));
    (content, Volume { bytes: volume, have: vec![], requests: 0 })
}

/// The table's bytes, to be damaged; `seal` makes the digests right again.
fn table_mut<'a>(content: &Content, volume: &'a mut Volume) -> &'a mut [u8] {
    volume.have = vec![Extent { start: 0, len: volume.bytes.len() as u64 }];
    let start = content.blocks.unwrap().offset as usize;
    &mut volume.bytes[start..]
}

fn seal(content: &mut Content, volume: &mut Volume) {
    let pages = (content.size as usize).div_ceil(B).div_ceil(1024);
    let (upper, records) = table_mut(content, volume).split_at_mut(pages * 40);
    for (record, page) in upper.chunks_mut(40).zip(records.chunks(1024 * 36)) {
        record[8..].copy_from_slice(&Digest::of(page).0);
    }
    content.blocks.as_mut().unwrap().digest = Digest::of(upper);
}

fn ranges(size: u64) -> Vec<Range<u64>> {
    let b = B as u64;
    let edge = 1024 * b;
    let mut ranges = vec![0..size, 0..1, size - 1..size, 0..0, size..size, size / 2..size];
    for point in [b, 2 * b, edge - b, edge, edge + b, 2 * edge, size / 2] {
        for (start, end) in [(1, 1), (0, 1), (1, 0), (b + 5, 2 * b + 7), (0, 0)] {
            let (start, end) = (point.saturating_sub(start), point + end);
            if end <= size {
                ranges.push(start..end);
            }
        }
    }
    ranges
}

#[test]
fn every_range_equals_the_naive_slice() {
    for codec in [Codec::Stored, Codec::Gzip] {
        for (blocks, cut) in [(1, 1), (1, 0), (2, 4095), (1024, 0), (1025, 7), (2049, 4000)] {
            let bytes = text(blocks * B - cut);
            let (content, mut volume) = pack(&bytes, codec);
            for range in ranges(content.size) {
                volume.have.clear();
                volume.requests = 0;
                let found = volume.read(&content, range.clone()).unwrap();
                let naive = &bytes[range.start as usize..range.end as usize];
                assert!(found == naive, "{blocks} blocks, {range:?}");
                // One request brings upper level and pages unless the page is far off.
                if range.end - range.start < 3 * B as u64 {
                    assert!(volume.requests <= 1 + usize::from(blocks > 2048), "{range:?}");
                }
            }
            let payload = volume.bytes[..].bytes(content.extent()).unwrap();
            let whole = decode_all(&content, payload, None, &Limits::default()).unwrap();
            assert!(whole == bytes);
        }
    }
}

#[test]
fn a_distant_page_is_asked_for_apart() {
    let bytes = text(4 * 1024 * B);
    let (content, mut volume) = pack(&bytes, Codec::Stored);
    volume.locate(&content, content.size - 1..content.size).unwrap();
    let table = content.blocks.unwrap().offset;
    let page = 1024 * 36;
    assert_eq!(
        volume.have,
        [Extent { start: table, len: 160 }, Extent { start: table + 160 + 3 * page, len: page }]
    );
    // A long range is answered in parts.
    let slice = volume.locate(&content, 5..content.size).unwrap();
    let Slice::Blocks { blocks, range } = slice else { panic!() };
    assert_eq!((blocks.len(), range), (1024, 5..1024 * B as u64));
}

#[test]
fn without_a_table_it_is_all_or_nothing() {
    let (content, _) = pack(b"small", Codec::Gzip);
    let content = Content { blocks: None, ..content };
    let nothing: &[u8] = &[];
    let slice = locate(&content, 1..3, nothing);
    let stored = content.extent();
    assert_eq!(slice, Ok(Answer::Ready(Slice::Whole { stored, range: 1..3 })));
}

#[test]
fn ranges_outside_of_the_content_are_refused() {
    let (content, volume) = pack(b"small", Codec::Stored);
    #[expect(clippy::reversed_empty_ranges, reason = "that is the question")]
    for range in [0..6, 6..6, 3..2, u64::MAX..u64::MAX, u64::MAX..0] {
        let error = locate(&content, range, &volume.bytes[..]);
        assert!(matches!(error, Err(Error::OutOfBounds { .. })));
    }
}

#[test]
fn every_flipped_byte_of_the_table_errors() {
    let bytes = text(3 * B + 1);
    let (content, volume) = pack(&bytes, Codec::Gzip);
    let table = content.blocks.unwrap().offset as usize;
    for at in table..volume.bytes.len() {
        let mut damaged = volume.bytes.clone();
        damaged[at] ^= 0x10;
        let found = locate(&content, 0..1, &damaged[..]);
        assert!(matches!(found, Err(Error::DigestMismatch { part: Part::BlockTable, .. })));
    }
}

#[test]
fn every_flipped_byte_of_a_block_errors() {
    let bytes = text(2 * B);
    for codec in [Codec::Stored, Codec::Gzip] {
        let (content, mut volume) = pack(&bytes, codec);
        let slice = volume.locate(&content, 0..1).unwrap();
        let Slice::Blocks { blocks, .. } = slice else { panic!() };
        let stored = volume.bytes[..].bytes(blocks[0].stored).unwrap();
        assert_eq!(decode_block(&content, &blocks[0], stored, None).unwrap(), &bytes[..B]);
        for at in 0..stored.len() {
            let mut damaged = stored.to_vec();
            damaged[at] ^= 1;
            assert!(decode_block(&content, &blocks[0], &damaged, None).is_err());
        }
        let error = decode_block(&content, &blocks[0], &stored[1..], None);
        assert!(matches!(error, Err(Error::PayloadLength { .. })));
    }
}

/// Damages a sound table, makes its digests right, and reads all content.
fn hostile(codec: Codec, blocks: usize, damage: impl Fn(&mut [u8])) -> Result<Vec<u8>> {
    let (mut content, mut volume) = pack(&text(blocks * B), codec);
    damage(table_mut(&content, &mut volume));
    seal(&mut content, &mut volume);
    let whole = 0..content.size;
    volume.read(&content, whole)
}

#[test]
fn tables_that_contradict_themselves_are_refused() {
    let set = |at: usize, value: &'static [u8]| {
        move |table: &mut [u8]| table[at..at + value.len()].copy_from_slice(value)
    };
    let is_bad = |found: Result<Vec<u8>>, name| {
        assert!(matches!(found, Err(Error::BadField { field, .. }) if field == name), "{name}");
    };
    for codec in [Codec::Stored, Codec::Gzip] {
        assert!(hostile(codec, 1025, |_| ()).is_ok());
        // The first offset is not 0; the second is 0, or past the payload, or overflows.
        is_bad(hostile(codec, 2, set(0, &[1])), "stored_offset");
        is_bad(hostile(codec, 1025, set(40, &[0; 8])), "stored_offset");
        is_bad(hostile(codec, 1025, set(40, &[0, 0, 0, 0, 1])), "stored_offset");
        is_bad(hostile(codec, 1025, set(40, &[0xff; 8])), "stored_offset");
        // Lengths: none, one more than there was, far too long.
        let first = 40;
        is_bad(hostile(codec, 2, set(first, &[0; 4])), "stored_length");
        is_bad(hostile(codec, 2, set(first, &[0xff; 4])), "stored_length");
        is_bad(hostile(codec, 2, set(first + 36, &[0xff; 4])), "stored_length");
    }
    let shorten = |table: &mut [u8]| table[40 + 36] -= 1;
    is_bad(hostile(Codec::Gzip, 2, shorten), "stored_offset");
    // The second page begins one byte later than the first ends.
    let later = |table: &mut [u8]| {
        let field: &mut [u8; 8] = (&mut table[40..48]).try_into().unwrap();
        *field = (u64::from_le_bytes(*field) + 1).to_le_bytes();
    };
    is_bad(hostile(Codec::Gzip, 1025, later), "stored_offset");
}

#[test]
fn a_border_moved_between_blocks_shows_in_the_digests() {
    let moved = |table: &mut [u8]| {
        let mut add = |at: usize, by: i32| {
            let field: &mut [u8; 4] = (&mut table[at..at + 4]).try_into().unwrap();
            *field = (i32::from_le_bytes(*field) + by).to_le_bytes();
        };
        add(40, 1);
        add(76, -1);
    };
    let found = hostile(Codec::Gzip, 3, moved);
    assert!(matches!(found, Err(Error::DigestMismatch { part: Part::Block, .. })));
}

#[test]
fn places_that_overflow_are_refused() {
    let (content, volume) = pack(&text(2 * B), Codec::Gzip);
    let blocks = content.blocks.unwrap();
    let ask = |content: Content| locate(&content, 0..1, &volume.bytes[..]);
    let table = BlockTable { offset: u64::MAX - 50, ..blocks };
    let error = ask(Content { blocks: Some(table), ..content }).unwrap_err();
    assert!(matches!(error, Error::OutOfBounds { .. }));
    let error = ask(Content { offset: u64::MAX - 5, ..content }).unwrap_err();
    assert!(matches!(error, Error::OutOfBounds { .. }));
    for block_log2 in [0, 11, 23, 64, 255] {
        let table = BlockTable { block_log2, ..blocks };
        let error = ask(Content { blocks: Some(table), ..content }).unwrap_err();
        assert!(matches!(error, Error::BadField { field: "block_log2", .. }));
        assert_eq!(table_len(u64::MAX, block_log2), 0);
    }
    // However long the content is said to be, no more than a page of each level is asked for.
    let offset = volume.bytes.len() as u64;
    let table = BlockTable { offset, ..blocks };
    let asked = ask(Content { size: u64::MAX, blocks: Some(table), ..content }).unwrap();
    let Answer::Need(extent) = asked else { panic!("{asked:?}") };
    assert!(extent.start == offset && extent.len <= 40 << 10, "{extent:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn ranges_round_trip(len in 1usize..10 * B, a in 0usize..10 * B, b in 0usize..10 * B) {
        let bytes = text(len);
        let (start, end) = (a.min(b).min(len), a.max(b).min(len));
        for codec in [Codec::Stored, Codec::Gzip] {
            let (content, mut volume) = pack(&bytes, codec);
            let found = volume.read(&content, start as u64..end as u64).unwrap();
            prop_assert_eq!(&found[..], &bytes[start..end]);
        }
    }
}
