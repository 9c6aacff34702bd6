//! The footer, which ends the file (FORMAT.md, "Footer").

use super::put::{Put, to_u32};
use super::root::{MAX_ROOT, ROOT_HEADER_LEN};
use crate::Digest;
use crate::bytes::Cursor;
use crate::crc32::crc32;
use crate::error::{Error, Result, Structure};
use crate::extent::Extent;

/// The last eight bytes of every pack with a paged index.
pub const FOOTER_MAGIC: [u8; 8] = *b"RngPack1";
/// Length of the footer in bytes.
pub const FOOTER_LEN: usize = 72;
/// The format version written here, and the newest that is read.
pub const VERSION: u16 = 1;
/// The algorithm of all digests.
const SHA_256: u8 = 1;
/// What a reader asks for first, in bytes: the tail that holds footer and root page.
pub const TAIL: u64 = 64 << 10;
/// What a reader that waits for each answer fetches first, in bytes: besides that the last pages. With those above the leaves of
/// a million entries a look-up takes one request less.
pub const REMOTE_TAIL: u64 = 100 << 10;

/// The fixed-size footer: where the root page is and what its digest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a record of version 1, all of it")]
pub struct Footer {
    /// Where the root page lies.
    pub root: Extent,
    /// Length of the whole file, footer included.
    pub file_len: u64,
    /// SHA-256 of the root page as stored: the name of the pack.
    pub digest: Digest,
}

impl Footer {
    /// Reads the footer at the end of `tail`, which ends where the file (of `file_len` bytes) ends.
    ///
    /// `None` when there is no footer.
    ///
    /// # Errors
    /// [`Error::UnsupportedVersion`] and [`Error::UnsupportedAlgorithm`]; [`Error::ChecksumMismatch`], [`Error::BadField`] and
    /// [`Error::OutOfBounds`] when the footer contradicts itself or the file.
    pub fn from_tail(tail: &[u8], file_len: u64) -> Result<Option<Footer>> {
        let Some(bytes) = tail.last_chunk::<FOOTER_LEN>() else { return Ok(None) };
        if bytes.last_chunk::<8>() != Some(&FOOTER_MAGIC) {
            return Ok(None);
        }
        let mut cursor = Cursor::new(Structure::Footer, bytes);
        let version = cursor.u16()?;
        if version != VERSION {
            return Err(Error::UnsupportedVersion { found: version, newest: VERSION });
        }
        let footer_len = cursor.u16()?;
        let root_len = u64::from(cursor.u32()?);
        let root_start = cursor.u64()?;
        let pack_len = cursor.u64()?;
        let digest = Digest(cursor.array()?);
        let [algorithm, reserved @ ..] = cursor.array::<4>()?;
        let expected = cursor.u32()?;
        let found = checksum(bytes);
        if expected != found {
            return Err(Error::ChecksumMismatch { structure: Structure::Footer, expected, found });
        }
        let bad =
            |field, value| Err(Error::BadField { structure: Structure::Footer, field, value });
        if algorithm != SHA_256 {
            return Err(Error::UnsupportedAlgorithm { found: algorithm });
        }
        if usize::from(footer_len) != FOOTER_LEN {
            return bad("footer_len", u64::from(footer_len));
        }
        if reserved != [0; 3] {
            let [a, b, c] = reserved;
            return bad("reserved", u64::from(u32::from_le_bytes([a, b, c, 0])));
        }
        if pack_len != file_len {
            return Err(Error::OtherLength { recorded: pack_len, file_len });
        }
        if root_len > MAX_ROOT as u64 || root_len < ROOT_HEADER_LEN as u64 {
            return bad("root_len", root_len);
        }
        // The root page ends where the footer begins: one read of the tail brings both.
        let root = Extent::new(root_start, root_len, file_len)?;
        if root.end().checked_add(FOOTER_LEN as u64) != Some(file_len) {
            return bad("root_offset", root_start);
        }
        Ok(Some(Footer { root, file_len, digest }))
    }

    /// The footer's bytes.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when the root page is longer than its field can say.
    pub fn to_bytes(&self) -> Result<[u8; FOOTER_LEN]> {
        let mut out = [0u8; FOOTER_LEN];
        let root_len = to_u32("root_len", self.root.len)?;
        let mut put = Put { out: &mut out };
        put.bytes(&VERSION.to_le_bytes());
        put.bytes(&72u16.to_le_bytes());
        put.bytes(&root_len.to_le_bytes());
        put.bytes(&self.root.start.to_le_bytes());
        put.bytes(&self.file_len.to_le_bytes());
        put.bytes(&self.digest.0);
        put.bytes(&[SHA_256, 0, 0, 0, 0, 0, 0, 0]);
        put.bytes(&FOOTER_MAGIC);
        let sum = checksum(&out);
        if let Some(place) = out.get_mut(60..64) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        Ok(out)
    }
}

fn checksum(footer: &[u8; FOOTER_LEN]) -> u32 {
    crc32(footer.get(..60).unwrap_or(&[]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footer() -> Footer {
        Footer {
            root: Extent { start: 1000, len: 500 },
            file_len: 1572,
            digest: Digest::of(b"root"),
        }
    }

    #[test]
    fn a_footer_round_trips_and_every_flipped_bit_is_noticed() {
        let bytes = footer().to_bytes().unwrap();
        assert_eq!(Footer::from_tail(&bytes, 1572), Ok(Some(footer())));
        let mut other = footer().to_bytes().unwrap();
        other[56] = 2;
        let sum = checksum(&other);
        other[60..64].copy_from_slice(&sum.to_le_bytes());
        let unsupported = Err(Error::UnsupportedAlgorithm { found: 2 });
        assert_eq!(Footer::from_tail(&other, 1572), unsupported);
        for bit in 0..FOOTER_LEN * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(Footer::from_tail(&flipped, 1572), Ok(Some(_))), "bit {bit}");
        }
        assert_eq!(Footer::from_tail(&bytes[1..], 1571), Ok(None));
        assert!(Footer::from_tail(&bytes, 1573).is_err());

        let (what, value, limit) = ("root_len", 1 << 32, (1 << 32) - 1);
        let root = Extent { start: 0, len: value };
        let too_large = Err(Error::TooLarge { what, value, limit });
        assert_eq!(Footer { root, ..footer() }.to_bytes(), too_large);
    }
}
