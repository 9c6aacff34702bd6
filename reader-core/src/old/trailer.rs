//! Finds the trailer of a CTNRv1 container (docs/old-formats.md, "CTNRv1 trailer").
//!
//! Nothing at the end of a container says where its trailer begins, so it is searched for from the
//! end backwards, in windows that grow.

use crate::bytes::ready;
use crate::error::Result;
use crate::format::layout::{MAGIC, TRAILER_HEADER_LEN, index_len};
use crate::old::ndjson::looks_like_index;
use crate::{Answer, Extent, Source};
use memchr::memmem::FinderRev;

/// How much of a candidate's index is looked at.
const PEEK: usize = 16;

/// The first window; each step back makes the part that was searched four times as long.
const FIRST_WINDOW: u64 = 64 << 10;

/// Bytes on either side of a border between windows that a magic across it can cover.
const OVERLAP: u64 = 7;

/// Where a container's trailer lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trailer {
    /// Offset of the magic: the payloads lie before it.
    pub magic_offset: u64,
    /// The index: never empty, and inside the file.
    pub index: Extent,
}

/// Finds the last trailer whose magic lies in the last `lookback` bytes; bytes may follow it.
///
/// A magic counts only if the length after it is not 0, the index fits in the file, and begins
/// like one ([`looks_like_index`]). So neither a payload nor a name that holds the magic is taken
/// for the trailer.
///
/// [`Answer::Need`] names 64 KiB at the end, then the bytes below, four times as many in all at each
/// step: never a byte twice, and at most 64 KiB + 4 × (distance of the magic from the end) in all.
/// `source` must keep what it was given.
pub fn find_trailer<S: Source + ?Sized>(
    source: &S,
    file_len: u64,
    lookback: u64,
) -> Result<Answer<Option<Trailer>>> {
    let finder = FinderRev::new(MAGIC);
    let lowest = file_len.saturating_sub(lookback);
    let mut searched = 0u64;
    let mut window_end = file_len;
    while window_end > lowest {
        searched = searched.saturating_mul(4).max(FIRST_WINDOW);
        let start = file_len.saturating_sub(searched).max(lowest);
        let window = Extent { start, len: window_end.saturating_sub(start) };
        let Some(bytes) = source.bytes(window) else { return Ok(Answer::Need(window)) };

        // From the last candidate to the first: those that the border cuts come before the others.
        let border = border_candidate(source, window_end, window, file_len);
        if let Some(magic_offset) = ready!(border)
            && let Some(trailer) = ready!(check(source, magic_offset, file_len))
        {
            return Ok(Answer::Ready(Some(trailer)));
        }
        let mut rest = bytes;
        while let Some(found) = finder.rfind(rest) {
            let magic_offset = start.saturating_add(found as u64);
            if let Some(trailer) = ready!(check(source, magic_offset, file_len)) {
                return Ok(Answer::Ready(Some(trailer)));
            }
            // A magic cannot overlap another one.
            rest = rest.get(..found).unwrap_or_default();
        }
        window_end = start;
    }
    Ok(Answer::Ready(None))
}

/// The magic that begins in `window` and ends in the one above it, if there is one.
fn border_candidate<S: Source + ?Sized>(
    source: &S,
    border: u64,
    window: Extent,
    file_len: u64,
) -> Answer<Option<u64>> {
    let start = border.saturating_sub(OVERLAP).max(window.start);
    let end = border.saturating_add(OVERLAP).min(file_len);
    let mut buffer = [0; 14];
    let around = match small(source, Extent { start, len: end.saturating_sub(start) }, &mut buffer)
    {
        Answer::Ready(bytes) => bytes,
        Answer::Need(extent) => return Answer::Need(extent),
    };
    let found = around.windows(MAGIC.len()).position(|bytes| bytes == MAGIC);
    Answer::Ready(found.map(|found| start.saturating_add(found as u64)))
}

/// Whether the magic at `magic_offset` begins a trailer.
fn check<S: Source + ?Sized>(
    source: &S,
    magic_offset: u64,
    file_len: u64,
) -> Answer<Option<Trailer>> {
    let start = magic_offset.saturating_add(TRAILER_HEADER_LEN as u64);
    if start >= file_len {
        return Answer::Ready(None);
    }
    let mut header = [0; TRAILER_HEADER_LEN + PEEK];
    let len = file_len.saturating_sub(magic_offset).min(header.len() as u64);
    let bytes = match small(source, Extent { start: magic_offset, len }, &mut header) {
        Answer::Ready(bytes) => bytes,
        Answer::Need(extent) => return Answer::Need(extent),
    };
    Answer::Ready(trailer_in(bytes, magic_offset, start, file_len))
}

fn trailer_in(bytes: &[u8], magic_offset: u64, start: u64, file_len: u64) -> Option<Trailer> {
    let (len, index) = index_len(bytes)?;
    let index_extent = Extent::new(start, len, file_len).ok()?;
    let peek = usize::try_from(index_extent.len.min(index.len() as u64)).ok()?;
    // No bytes do not look like an index either.
    looks_like_index(index.get(..peek)?).then_some(Trailer { magic_offset, index: index_extent })
}

/// A few bytes that may lie on both sides of a border: a source that keeps each window apart has
/// them, too, but not in one piece.
fn small<'a, S: Source + ?Sized>(
    source: &S,
    extent: Extent,
    buffer: &'a mut [u8],
) -> Answer<&'a [u8]> {
    let len = usize::try_from(extent.len).unwrap_or(usize::MAX).min(buffer.len());
    let Some(buffer) = buffer.get_mut(..len) else { return Answer::Ready(&[]) };
    if let Some(bytes) = source.bytes(extent)
        && bytes.len() == buffer.len()
    {
        buffer.copy_from_slice(bytes);
        return Answer::Ready(buffer);
    }
    for (byte, start) in buffer.iter_mut().zip(extent.start..) {
        match source.bytes(Extent { start, len: 1 }) {
            Some([found]) => *byte = *found,
            _ => return Answer::Need(extent),
        }
    }
    Answer::Ready(buffer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::layout::trailer_header;
    use crate::limits::Limits;
    use alloc::vec;
    use alloc::vec::Vec;
    use core::cell::RefCell;

    /// A remote file: has only what was asked for, each answer in a piece of its own.
    struct Remote {
        file: Vec<u8>,
        asked: RefCell<Vec<Extent>>,
    }

    impl Source for Remote {
        fn bytes(&self, extent: Extent) -> Option<&[u8]> {
            let asked = self.asked.borrow();
            asked
                .iter()
                .any(|piece| piece.contains(&extent))
                .then(|| self.file.as_slice().bytes(extent).unwrap())
        }
    }

    impl Remote {
        fn find(file: Vec<u8>, lookback: u64) -> (Option<Trailer>, Vec<Extent>) {
            let remote = Remote { file, asked: RefCell::default() };
            loop {
                match find_trailer(&remote, remote.file.len() as u64, lookback).unwrap() {
                    Answer::Ready(found) => return (found, remote.asked.into_inner()),
                    Answer::Need(extent) => remote.asked.borrow_mut().push(extent),
                }
            }
        }
    }

    fn find(file: &[u8]) -> Option<Trailer> {
        let answer = find_trailer(file, file.len() as u64, Limits::default().lookback).unwrap();
        answer.ready().unwrap()
    }

    fn container(payload: &[u8], index: &[u8], after: usize) -> Vec<u8> {
        [payload, &trailer_header(index.len() as u64), index, &vec![b'.'; after]].concat()
    }

    fn expected(payload: u64, index: usize) -> Option<Trailer> {
        let index = Extent { start: payload.saturating_add(16), len: index as u64 };
        Some(Trailer { magic_offset: payload, index })
    }

    const INDEX: &[u8] = b"{\"relpath\": \"a\"}\n";

    #[test]
    fn the_old_programs_containers() {
        let plain: &[u8] = include_bytes!("../../../tests/fixtures/seed-formats/plain.container");
        let trailing: &[u8] =
            include_bytes!("../../../tests/fixtures/seed-formats/trailing-bytes.container");
        let unfinalized: &[u8] =
            include_bytes!("../../../tests/fixtures/seed-formats/unfinalized.container");
        let trailer = find(plain).unwrap();
        assert_eq!(trailer.index.end(), plain.len() as u64);
        assert_eq!(find(trailing), Some(trailer));
        assert_eq!(find(unfinalized), None);
    }

    #[test]
    fn a_magic_that_is_no_trailer_is_passed_over() {
        // In a payload before the trailer, in bytes after it, and both.
        let payload = b"CTNRv1__\x02\0\0\0\0\0\0\0{}CTNRv1__";
        assert_eq!(
            find(&container(payload, INDEX, 3)),
            expected(payload.len() as u64, INDEX.len())
        );
        for after in [
            &b"CTNRv1__"[..],
            b"CTNRv1__\0\0\0\0\0\0\0\0",
            b"CTNRv1__\0\0\0\0\0\0\0\0[]",
            b"CTNRv1__\x03\0\0\0\0\0\0\0[]",
            b"CTNRv1__\xff\xff\xff\xff\xff\xff\xff\xff{}",
            b"CTNRv1__\x02\0\0\0\0\0\0\0xx",
            b"CTNRv1__CTNRv1__CTNRv1__CTNRv1_",
        ] {
            let file = [&container(b"abc", INDEX, 0), after].concat();
            assert_eq!(find(&file), expected(3, INDEX.len()), "{after:?}");
        }
    }

    #[test]
    fn a_name_that_holds_the_magic_is_passed_over() {
        let index =
            b"{\"relpath\": \"CTNRv1__ and more\", \"offset\": 0}\n{\"relpath\": \"CTNRv1__\"}";
        assert_eq!(find(&container(b"", index, 0)), expected(0, index.len()));
    }

    #[test]
    fn every_cut_is_answered() {
        let file = container(b"CTNRv1__", INDEX, 0);
        for len in 0..file.len() {
            assert_eq!(find(&file[..len]), None, "{len}");
        }
    }

    #[test]
    fn found_wherever_the_border_of_a_window_cuts_it() {
        for after in 65536 - 60..65536 + 10 {
            let file = container(&[b'p'; 300_000], INDEX, after);
            let (found, _) = Remote::find(file, u64::MAX);
            assert_eq!(found, expected(300_000, INDEX.len()), "{after}");
        }
    }

    #[test]
    fn what_it_costs() {
        for after in [0, 1 << 10, 60 << 10, 70 << 10, 255 << 10, 257 << 10, 1_100_000] {
            let file = container(&vec![b'p'; 6_000_000], INDEX, after);
            let distance = file.len() as u64 - 6_000_000;
            let (found, asked) = Remote::find(file, u64::MAX);
            assert!(found.is_some());
            let total: u64 = asked.iter().map(|extent| extent.len).sum();
            assert!(total <= 65536 + 4 * distance, "{total} for {distance}");
            let steps = 1 + distance.div_ceil(65536).next_power_of_two().ilog2().div_ceil(2);
            assert_eq!(asked.len(), steps as usize, "{distance}: {asked:?}");
            assert!(asked.windows(2).all(|pair| pair[1].end() == pair[0].start), "{asked:?}");
        }
    }

    #[test]
    fn the_look_back_is_a_limit() {
        let file = container(&[b'p'; 100], INDEX, 200_000);
        let distance = file.len() as u64 - 100;
        assert!(Remote::find(file.clone(), distance).0.is_some());
        let (found, asked) = Remote::find(file, distance - 1);
        assert_eq!(found, None);
        assert_eq!(asked.iter().map(|extent| extent.len).sum::<u64>(), distance - 1);
    }

    #[test]
    fn a_file_shorter_than_a_window_is_asked_for_once() {
        let (found, asked) = Remote::find(container(b"", INDEX, 0), u64::MAX);
        assert_eq!((found, asked.len()), (expected(0, INDEX.len()), 1));
        assert_eq!(Remote::find(vec![], u64::MAX), (None, vec![]));
    }
}
