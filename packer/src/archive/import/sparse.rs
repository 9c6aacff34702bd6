//! Files with holes: where their bytes lie, in the four ways in which GNU tar says it.

use super::records::{Records, number};
use std::collections::VecDeque;
use tar::{GnuExtSparseHeader, GnuSparseHeader, Header};

/// So many pieces may a file have.
const PIECES: usize = 1 << 18;

/// Pieces of a file, as their offsets and lengths; what lies between them is zeros.
#[derive(Debug, Default)]
pub(super) struct Map {
    pieces: Vec<(u64, u64)>,
}

impl Map {
    /// Adds a piece; `None` when there are too many.
    fn push(&mut self, offset: u64, len: u64) -> Option<()> {
        self.pieces.push((offset, len));
        (self.pieces.len() <= PIECES).then_some(())
    }

    fn fields(&mut self, fields: &[GnuSparseHeader]) -> Option<()> {
        for field in fields.iter().filter(|field| !field.is_empty()) {
            self.push(field.offset().ok()?, field.length().ok()?)?;
        }
        Some(())
    }

    /// What the header of type `S` holds, and whether more comes behind it.
    pub(super) fn of_header(header: &Header) -> Option<(Map, u64, bool)> {
        let gnu = header.as_gnu()?;
        let mut map = Map::default();
        map.fields(&gnu.sparse)?;
        Some((map, gnu.real_size().ok()?, gnu.is_extended()))
    }

    /// Adds what a block behind that header holds; whether another one follows.
    pub(super) fn extend(&mut self, block: &[u8; 512]) -> Option<bool> {
        let mut header = GnuExtSparseHeader::new();
        header.as_mut_bytes().copy_from_slice(block);
        self.fields(header.sparse())?;
        Some(header.is_extended())
    }

    /// What pax records of the versions 0.0 and 0.1 say, and how long the file is.
    pub(super) fn of_records(records: &Records) -> Option<(Map, u64)> {
        let size = records.number("GNU.sparse.size")??;
        let mut map = Map::default();
        if let Some(text) = records.get("GNU.sparse.map") {
            let mut numbers = text.split(|byte| *byte == b',').map(number);
            while let Some(offset) = numbers.next() {
                map.push(offset?, numbers.next()??)?;
            }
            return Some((map, size));
        }
        let mut offset = None;
        for (key, value) in records.iter() {
            match key {
                b"GNU.sparse.offset" => offset = Some(number(value)?),
                b"GNU.sparse.numbytes" => map.push(offset.take()?, number(value)?)?,
                _ => {}
            }
        }
        Some((map, size))
    }

    /// Reads the map of version 1.0, which stands before the content, a number a line; `block` gives 512 bytes at a time.
    pub(super) fn read<E>(
        mut block: impl FnMut() -> Result<[u8; 512], E>,
    ) -> Result<Option<Map>, E> {
        let (mut map, mut text) = (Map::default(), VecDeque::new());
        let mut next = || -> Result<Option<u64>, E> {
            let mut digits = Vec::new();
            loop {
                if text.is_empty() {
                    text.extend(block()?);
                }
                match text.pop_front() {
                    Some(b'\n') => return Ok(number(&digits)),
                    Some(digit) if digits.len() < 20 => digits.push(digit),
                    _ => return Ok(None),
                }
            }
        };
        let Some(count) = next()? else { return Ok(None) };
        for _ in 0..count {
            let (Some(offset), Some(len)) = (next()?, next()?) else { return Ok(None) };
            if map.push(offset, len).is_none() {
                return Ok(None);
            }
        }
        Ok(Some(map))
    }

    /// The pieces, if they lie one behind the other in a file of `size` bytes, and have `stored` bytes together.
    pub(super) fn checked(mut self, size: u64, stored: u64) -> Option<VecDeque<(u64, u64)>> {
        let (mut end, mut sum) = (0u64, 0u64);
        for (offset, len) in &self.pieces {
            if *offset < end {
                return None;
            }
            end = offset.checked_add(*len)?;
            sum = sum.checked_add(*len)?;
        }
        self.pieces.retain(|(_, len)| *len > 0);
        (end <= size && sum == stored).then(|| self.pieces.into())
    }
}
