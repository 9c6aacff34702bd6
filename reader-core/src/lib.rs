//! Rangepack's format, and every question one can ask of a pack.
//!
//! This crate does no I/O. A caller asks a question with the bytes it has at hand (a [`Source`]);
//! the answer is either there ([`Answer::Ready`]) or names the range of bytes that is missing
//! ([`Answer::Need`]). The caller brings that range and asks again. On a memory map everything is
//! at hand, so the same code answers at once and borrows from the mapping.
//!
//! Everything read is hostile until its SHA-256 was checked: footer, root page, pages, payloads.
//! No byte string makes this crate panic, loop, or allocate more than its [`Limits`] allow.
//!
//! The bytes themselves are specified in `FORMAT.md`.
#![no_std]
#![cfg_attr(
    test,
    allow(
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        clippy::std_instead_of_core,
        clippy::std_instead_of_alloc,
        reason = "a panic in a test is a failed test"
    )
)]

extern crate alloc;

#[cfg(test)]
extern crate std;

mod error;
mod limits;
mod bytes;
mod digest;
mod path;
mod entry;
mod format;
mod questions;
mod writing;
mod payloads;
mod old;

// What can be wrong, and what hostile bytes may not inflate.
pub use error::{Error, ErrorKind, Part, PathProblem, Result, Structure};
pub use limits::Limits;

// Bytes at hand and bytes that are missing.
pub use bytes::{Answer, Extent, Source};
pub use digest::{Digest, Hasher};

// Paths, and what a pack knows of each.
pub use entry::{BlockTable, Codec, Content, Entry, Kind, Owner, Totals};
pub use path::{Escaped, MAX_LINK_TARGET, MAX_PATH, PackPath, PackPathBuf, is_name, trim_path};

// The questions.
pub use format::leaf::EntryRef;
pub use questions::index::{Hint, Index, Scan};

// The content of files.
pub use payloads::decode::{Decoder, PayloadHasher, Progress, decode_all, verify_stored};

/// Any range of a large file, verified without the rest (FORMAT.md, "Block tables").
pub mod blocks {
    pub use crate::format::layout::{BLOCK_LOG2, BlockTableBuilder};
    pub use crate::payloads::blocks::{
        Block, DEFAULT_BLOCK_LOG2, MAX_BLOCKS, Slice, decode_block, locate, table_len,
    };
}

/// Many ranges in few reads.
pub mod plan {
    pub use crate::payloads::plan::{Plan, Read, merge, plan};
}

/// One gzip member, decoded piece by piece, and the parts with which one is written.
pub mod gzip {
    pub use crate::payloads::gzip::{
        GzipDecoder, MEMBER_HEADER, MEMBER_TRAILER_LEN, member_trailer,
    };
}

// Writing an index.
pub use writing::root::{Sections, Tree};
pub use writing::sums::DirectorySums;
pub use writing::tree::{Leaves, TreeBuilder};

/// The hash section, which leads from a path to its entry in a few steps (FORMAT.md, "Hash section").
pub mod hash {
    pub use crate::format::hash::{PROBES, fingerprint, hash_of, probed, slots_for, taken};
    pub use crate::writing::window::Window;
}

/// The records and pages of the paged index, for programs that write packs or take them apart (FORMAT.md,
/// "Paged index").
pub mod layout {
    pub use crate::format::inner::{Child, Inner};
    pub use crate::format::key::Key;
    pub use crate::format::layout::{
        FOOTER_LEN, FOOTER_MAGIC, Footer, HASH_SLOT_LEN, HashSection, HashSlot, Header,
        INNER_HEADER_LEN, InnerHeader, MAX_ROOT, PAGE_SIZE, TAIL, VERSION, Volume, set_totals,
    };
    pub use crate::format::leaf::{Leaf, LeafSlot};
}

// The two old formats, and an index in memory for them.
pub use old::assemble::{Ancestors, LastCounts};
pub use old::memory::{Built, MemoryIndex};

/// The trailer of CTNRv1 containers (FORMAT.md, "CTNRv1 trailer").
pub mod trailer {
    pub use crate::format::layout::{MAGIC, trailer_header};
    pub use crate::old::trailer::{Trailer, find_trailer};
}

/// The NDJSON index of CTNRv1 containers, read and written (FORMAT.md, "NDJSON index").
pub mod ndjson {
    pub use crate::old::ndjson::{
        IndexSummary, Item, Refused, looks_like_index, parse_index, parse_line, write_line,
    };
}

/// `.fpack` files (FORMAT.md, ".fpack").
pub mod fpack {
    pub use crate::old::fpack::{Fpack, FpackHeader, FpackItem, HEADER_LEN, parse, recognise};
}
