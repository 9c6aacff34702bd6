//! One block of a gzip payload, decoded without the blocks before it.

use crate::{
    error::{Error, Result, Structure},
    payloads::gzip::{MEMBER_HEADER, MEMBER_TRAILER_LEN, check_isize, plausible},
};
use alloc::{boxed::Box, vec, vec::Vec};
use miniz_oxide::inflate::{
    TINFLStatus,
    core::{DecompressorOxide, decompress, inflate_flags},
};

/// Decodes one block of a gzip payload that has a block table (FORMAT.md, "Block tables").
///
/// `stored` are the block's bytes as stored: with [`MEMBER_HEADER`] for the `first` block and with
/// the trailer for the `last`. The block must decode to exactly `size` bytes, use nothing of the
/// blocks before it, and end on a byte border between deflate blocks (the last one: with the final
/// deflate block); so the blocks side by side are the whole content. The trailer's length must be
/// that of `content_size`; its CRC-32 speaks of the whole content and is not looked at.
///
/// Memory: `size` bytes, and never more than some thousand times the length of `stored`.
pub(super) fn inflate_block(
    stored: &[u8],
    size: u64,
    content_size: u64,
    first: bool,
    last: bool,
) -> Result<Vec<u8>> {
    let have = stored.len() as u64;
    let truncated =
        |need: usize| Error::Truncated { structure: Structure::Gzip, need: need as u64, have };
    let mut deflated = stored;
    if first {
        let (header, rest) =
            deflated.split_first_chunk().ok_or_else(|| truncated(MEMBER_HEADER.len()))?;
        check_header(header)?;
        deflated = rest;
    }
    if last {
        let (rest, trailer) =
            deflated.split_last_chunk().ok_or_else(|| truncated(MEMBER_TRAILER_LEN))?;
        let [_, _, _, _, isize @ ..]: [u8; MEMBER_TRAILER_LEN] = *trailer;
        check_isize(content_size, u32::from_le_bytes(isize))?;
        deflated = rest;
    }
    plausible(have, size)?;
    let len = usize::try_from(size).map_err(|_| Error::OverLimit {
        what: "usize",
        value: size,
        limit: usize::MAX as u64,
    })?;
    let mut content = vec![0; len];
    inflate_exactly(deflated, &mut content, last)?;
    Ok(content)
}

/// Only the one header that Rangepack writes can stand before a block.
fn check_header(header: &[u8; 10]) -> Result<()> {
    for (found, expected) in header.iter().zip(MEMBER_HEADER) {
        if *found != expected {
            let value = u64::from(*found);
            return Err(Error::BadField { structure: Structure::Gzip, field: "header", value });
        }
    }
    Ok(())
}

/// Fills `content` with what `deflated` decodes to, all of it.
fn inflate_exactly(deflated: &[u8], content: &mut [u8], last: bool) -> Result<()> {
    // Stopping between deflate blocks is the only way to learn that the data ends at such a place:
    // a block that ended inside of one would borrow its end from the block that follows.
    const FLAGS: u32 = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF
        | inflate_flags::TINFL_FLAG_IGNORE_ADLER32
        | inflate_flags::TINFL_FLAG_STOP_ON_BLOCK_BOUNDARY;
    let mut decompressor = Box::<DecompressorOxide>::default();
    let mut rest = deflated;
    let mut decoded = 0usize;
    let complete = loop {
        let (status, consumed, produced) =
            decompress(&mut decompressor, rest, content, decoded, FLAGS);
        decoded = decoded.saturating_add(produced);
        rest = rest.get(consumed..).unwrap_or_default();
        match status {
            TINFLStatus::BlockBoundary if rest.is_empty() => {
                let state = decompressor.block_boundary_state();
                break !last && state.is_some_and(|state| state.num_bits == 0);
            }
            // A deflate block takes ten bits at least, so every turn uses up input.
            TINFLStatus::BlockBoundary if consumed > 0 => {}
            TINFLStatus::Done => break last && rest.is_empty(),
            _ => break false,
        }
    };
    if !complete {
        return Err(Error::BadDeflate { decoded: decoded as u64 });
    }
    if decoded != content.len() {
        let expected = content.len() as u64;
        return Err(Error::SizeMismatch { expected, found: decoded as u64 });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payloads::gzip::{GzipDecoder, member_trailer};
    use flate2::{Compression, FlushCompress};
    use proptest::prelude::*;

    fn deflate(content: &[u8], flush: FlushCompress) -> Vec<u8> {
        let mut deflated = Vec::with_capacity(1 << 16);
        flate2::Compress::new(Compression::default(), false)
            .compress_vec(content, &mut deflated, flush)
            .unwrap();
        deflated
    }

    fn inner(deflated: &[u8], size: u64) -> Result<Vec<u8>> {
        inflate_block(deflated, size, 1 << 20, false, false)
    }

    #[test]
    fn a_block_must_end_between_deflate_blocks() {
        let content = b"a block, a block, a block";
        let size = content.len() as u64;
        let deflated = deflate(content, FlushCompress::Full);
        assert_eq!(inner(&deflated, size).unwrap(), content);
        for len in 0..deflated.len() {
            assert!(inner(&deflated[..len], size).is_err());
        }
        assert!(inner(&[&deflated[..], &[0]].concat(), size).is_err());
        assert!(inner(&deflated, size - 1).is_err());
        assert!(inner(&deflated, size + 1).is_err());
        // A final deflate block ends the member, so only the last block may have one.
        assert!(inner(&deflate(content, FlushCompress::Finish), size).is_err());
        assert!(inflate_block(&deflated, size, size, false, true).is_err());
        // An empty fixed block leaves six bits over: not on a byte border.
        assert!(inner(&[0b10, 0], 0).is_err());
    }

    #[test]
    fn a_block_cannot_reach_back() {
        // A sync flush, unlike a full one, lets the second half refer to the first.
        let content = b"a text that comes twice";
        let mut compress = flate2::Compress::new(Compression::default(), false);
        let mut halves = [Vec::with_capacity(1024), Vec::with_capacity(1024)];
        for half in &mut halves {
            compress.compress_vec(content, half, FlushCompress::Sync).unwrap();
        }
        let [first, second] = halves;
        let size = content.len() as u64;
        assert_eq!(inner(&first, size).unwrap(), content);
        assert_eq!(inner(&[&first[..], &second].concat(), 2 * size).unwrap(), content.repeat(2));
        assert!(matches!(inner(&second, size), Err(Error::BadDeflate { .. })));
    }

    #[test]
    fn an_only_block_has_header_and_trailer() {
        let content = b"only";
        let mut stored = MEMBER_HEADER.to_vec();
        stored.extend(deflate(content, FlushCompress::Finish));
        stored.extend(member_trailer(crc32fast::hash(content), 4));
        let mut whole = [0; 4];
        assert!(GzipDecoder::new(4).decode(&stored, &mut whole).unwrap().finished);
        assert_eq!(&whole, content);
        assert_eq!(inflate_block(&stored, 4, 4, true, true).unwrap(), content);
        assert!(inflate_block(&stored, 4, 5, true, true).is_err());
        assert!(inflate_block(&stored[..9], 4, 4, true, true).is_err());
        assert!(inflate_block(&stored, u64::MAX, 4, true, true).is_err());
        stored[4] = 1;
        assert!(inflate_block(&stored, 4, 4, true, true).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            size in 0u64..300,
            first in any::<bool>(),
            last in any::<bool>(),
        ) {
            let _ = inflate_block(&bytes, size, size, first, last);
        }
    }
}
