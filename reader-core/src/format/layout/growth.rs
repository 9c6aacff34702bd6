//! The note beside a pack that is growing (FORMAT.md, "Files beside a pack").

use super::put::Put;
use crate::Digest;
use crate::bytes::Cursor;
use crate::crc32::crc32;
use crate::error::Structure;

/// Length of a note, in bytes.
pub const GROWTH_NOTE_LEN: usize = 64;

const MAGIC: [u8; 8] = *b"RngGrow1";

/// The note beside a pack that is growing: which pack it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record, all of it")]
pub struct GrowthNote {
    /// Length of the file before it grew, in bytes.
    pub file_len: u64,
    /// SHA-256 of the root page that it had.
    pub digest: Digest,
}

impl GrowthNote {
    /// Reads a note; `None` when it is none, or not whole: then nothing is said.
    pub fn from_bytes(bytes: &[u8]) -> Option<GrowthNote> {
        let bytes: &[u8; GROWTH_NOTE_LEN] = bytes.try_into().ok()?;
        let mut cursor = Cursor::new(Structure::Footer, bytes);
        let (magic, file_len) = (cursor.array::<8>().ok()?, cursor.u64().ok()?);
        let digest = Digest(cursor.array().ok()?);
        let (_, sum) = bytes.split_last_chunk::<4>()?;
        let is_whole = magic == MAGIC && u32::from_le_bytes(*sum) == checksum(bytes);
        is_whole.then_some(GrowthNote { file_len, digest })
    }

    /// The note's bytes.
    pub fn to_bytes(&self) -> [u8; GROWTH_NOTE_LEN] {
        let mut out = [0; GROWTH_NOTE_LEN];
        let mut put = Put { out: &mut out };
        put.bytes(&MAGIC);
        put.bytes(&self.file_len.to_le_bytes());
        put.bytes(&self.digest.0);
        let sum = checksum(&out);
        if let Some(place) = out.last_chunk_mut::<4>() {
            *place = sum.to_le_bytes();
        }
        out
    }
}

fn checksum(bytes: &[u8; GROWTH_NOTE_LEN]) -> u32 {
    crc32(bytes.get(..60).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_come_back_and_every_change_is_seen() {
        let note = GrowthNote { file_len: 1 << 40, digest: Digest([7; 32]) };
        let bytes = note.to_bytes();
        assert_eq!(GrowthNote::from_bytes(&bytes), Some(note));
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes;
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(GrowthNote::from_bytes(&changed), None, "bit {bit}");
        }
        for len in 0..bytes.len() {
            assert_eq!(GrowthNote::from_bytes(&bytes[..len]), None);
        }
        assert_eq!(GrowthNote::from_bytes(&[&bytes[..], &[0]].concat()), None);
    }
}
