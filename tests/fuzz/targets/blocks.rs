//! Block tables: the file holds a payload at 0 and its table behind it; both may be anything.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::blocks::{Slice, decode_block, locate, table_len};
use rangepack_core::{Answer, BlockTable, Codec, Content, Digest, Source};

fuzz_target!(|bytes: &[u8]| {
    let Some(([log2, codec, size_low, size_high], file)) = bytes.split_first_chunk::<4>() else {
        return;
    };
    let size = u64::from(u16::from_le_bytes([*size_low, *size_high])) << 2;
    let len = table_len(size, *log2).min(file.len() as u64);
    let stored_size = file.len() as u64 - len;
    let pages = size.div_ceil(1 << (log2 & 31)).div_ceil(1024) as usize;
    let upper = file.get(stored_size as usize..).unwrap_or(&[]);
    let digest = Digest::of(upper.get(..pages * 40).unwrap_or(upper));
    let content = Content::new(
        [Codec::Stored, Codec::Gzip, Codec::Zstd][usize::from(codec % 3)],
        0,
        stored_size,
        size,
    )
    .with_blocks(Some(BlockTable { offset: stored_size, digest, block_log2: *log2 }));
    if let Ok(Answer::Ready(Slice::Blocks { blocks, .. })) = locate(&content, 0..size, file) {
        for block in blocks {
            let Some(stored) = file.bytes(block.stored) else { continue };
            if let Ok(decoded) = decode_block(&content, &block, stored, None) {
                assert_eq!(decoded.len() as u64, block.content.end - block.content.start);
            }
        }
    }
});
