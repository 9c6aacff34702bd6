//! Every byte offset of the paged index, `to_bytes` beside `from_bytes` (FORMAT.md, "Paged index").
//!
//! All integers are little-endian. Nothing outside this module knows where a field lies.

mod put;
mod footer;
mod root;
mod hash;
mod row;
mod leaf;
mod inner;

pub use footer::{FOOTER_LEN, FOOTER_MAGIC, Footer};
pub use hash::{HASH_SLOT_LEN, HashSection, HashSlot};
pub use inner::{INNER, INNER_HEADER_LEN, InnerHeader};
pub use leaf::{
    LEAF, LEAF_HEADER_LEN, LEAF_RUNS, LeafHeader, LeafShape, RUN_LEN, Run, leaf_column,
};
pub use root::{Header, ROOT_HEADER_LEN, Volume};
pub use row::*;

/// The format version written here, and the newest that is read.
pub const VERSION: u16 = 1;
/// The root page is at most this long, so that one read of 64 KiB at the tail brings it and the footer.
pub const MAX_ROOT: usize = 48 << 10;
/// What a reader asks for first: the tail that holds footer and root page.
pub const TAIL: u64 = 64 << 10;
/// Length of the pages written here, in bytes.
pub const PAGE_SIZE: u32 = 32 << 10;
/// Pages may be as long as this, in bytes.
pub const MAX_PAGE_SIZE: u32 = 64 << 10;
/// Pages are at least this long, in bytes, so that one entry of any kind fits.
pub const MIN_PAGE_SIZE: u32 = 32 << 10;

/// Required feature: payloads lie in other files, which the root page names.
pub const REQUIRES_VOLUMES: u64 = 1;
/// All required features known here.
pub const KNOWN_REQUIRED: u64 = REQUIRES_VOLUMES;
/// Optional feature: there is a hash section, which the header names.
pub const HAS_HASH: u64 = 1;
