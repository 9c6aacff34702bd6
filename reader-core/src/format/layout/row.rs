//! The rows of a leaf page (FORMAT.md, "Leaf pages").

use super::put::Put;
use crate::Totals;
use crate::bytes::Cursor;
use crate::error::{Result, Structure};

/// The columns of a leaf's rows, in this order (FORMAT.md, "Leaf pages").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Column {
    /// Kind, codec and what else the entry carries: see `flag_*`.
    Flags = 0,
    /// 0 when not known, else permission bits + 2^16.
    Mode = 1,
    /// 0 when not known, else nanoseconds since 1970 + 2^63.
    Mtime = 2,
    /// The payload's offset in its volume.
    Offset = 3,
    /// The payload's stored length.
    StoredSize = 4,
    /// 0 when there is none, else 1 + place of the extra record.
    Extra = 5,
    /// 0 when not known, else user id + 1.
    Uid = 6,
    /// 0 when not known, else group id + 1.
    Gid = 7,
    /// The payload's volume.
    Volume = 8,
}

/// Number of columns.
pub const COLUMNS: usize = 9;

/// Mask of the kind in [`Column::Flags`].
pub const FLAG_KIND: u64 = 0b11;
/// A regular file.
pub const KIND_FILE: u64 = 0;
/// A directory.
pub const KIND_DIRECTORY: u64 = 1;
/// A symbolic link.
pub const KIND_SYMLINK: u64 = 2;
/// The payload is a gzip member; the extra record begins with the content's size.
pub const FLAG_GZIP: u64 = 1 << 2;
/// The extra record holds a block table's place.
pub const FLAG_BLOCKS: u64 = 1 << 3;
/// The payload's digest is not known.
pub const FLAG_NO_DIGEST: u64 = 1 << 4;
/// The extra record holds the content's digest.
pub const FLAG_ORIGINAL_DIGEST: u64 = 1 << 5;
/// All flags.
pub const FLAGS_KNOWN: u64 = 0b11_1111;

/// A directory's totals, in the place where a file has its digest.
pub fn totals_to_bytes(totals: &Totals) -> [u8; 32] {
    let mut out = [0u8; 32];
    let mut put = Put { out: &mut out };
    for sum in [totals.files, totals.directories, totals.bytes, totals.stored_bytes] {
        put.bytes(&sum.to_le_bytes());
    }
    out
}

/// Reads what [`totals_to_bytes`] wrote.
pub fn totals_from_bytes(bytes: &[u8; 32]) -> Result<Totals> {
    let mut cursor = Cursor::new(Structure::Leaf, bytes);
    Ok(Totals {
        files: cursor.u64()?,
        directories: cursor.u64()?,
        bytes: cursor.u64()?,
        stored_bytes: cursor.u64()?,
    })
}
