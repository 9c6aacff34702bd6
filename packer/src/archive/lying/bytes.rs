//! The bytes of an archive, wherever it lies: from front to back, or at any place.

use crate::source::data::{Cut, Data, Pieces};
use rangepack_core::Extent;
use rawzip::ReaderAt;
use std::borrow::Cow;
use std::io::{self, Read};
use std::sync::Mutex;

/// From front to back.
pub(super) struct Stream<'d> {
    pieces: Pieces<'d, Cut>,
    piece: Cow<'d, [u8]>,
    consumed: usize,
}

impl<'d> Stream<'d> {
    pub(super) fn new(data: &'d Data) -> Stream<'d> {
        let pieces = data.pieces_of(Extent { start: 0, len: data.len() });
        Stream { pieces, piece: Cow::Borrowed(&[]), consumed: 0 }
    }
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.consumed == self.piece.len() {
            match self.pieces.next() {
                Some(piece) => (self.piece, self.consumed) = (piece.map_err(io::Error::other)?, 0),
                None => return Ok(0),
            }
        }
        let rest = &self.piece[self.consumed..];
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        self.consumed += len;
        Ok(len)
    }
}

/// So many bytes are read at once, of a file on disk and of a remote one.
const WINDOW: (u64, u64) = (256 << 10, 4 << 20);

/// At any place: what lies behind the bytes that were asked for is kept, once of the directory and once of members.
pub(super) struct Places<'d> {
    data: &'d Data,
    /// Where they begin; the one that was used last comes first.
    windows: Mutex<[(u64, Vec<u8>); 2]>,
}

impl<'d> Places<'d> {
    pub(super) fn new(data: &'d Data) -> Places<'d> {
        Places { data, windows: Mutex::default() }
    }
}

impl ReaderAt for Places<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let len = self.data.len();
        if offset >= len || buffer.is_empty() {
            return Ok(0);
        }
        let mut windows = self.windows.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let has = |(start, bytes): &(u64, Vec<u8>)| {
            offset.checked_sub(*start).is_some_and(|at| at < bytes.len() as u64)
        };
        if !has(&windows[0]) {
            windows.swap(0, 1);
        }
        if !has(&windows[0]) {
            let most = if self.data.is_remote() { WINDOW.1 } else { WINDOW.0 };
            let extent = Extent { start: offset, len: most.min(len - offset) };
            let bytes = self.data.read(extent).map_err(io::Error::other)?;
            windows[0] = (offset, bytes.into_owned());
        }
        let (start, bytes) = &windows[0];
        let rest = &bytes[(offset - start) as usize..];
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
}
