//! Rangepack's format, and every question one can ask of a pack.
//!
//! **Who has files takes the crate [`rangepack`](https://docs.rs/rangepack)**: it maps, fetches, packs and
//! extracts. This crate is below it, and does no I/O: it is for readers in other places (a browser, a cache, a
//! server of one's own), and for programs that write packs by themselves. It needs `alloc`, not `std`.
//!
//! # Reading
//!
//! A question is asked with the bytes at hand (a [`Source`]). Either the answer is there
//! ([`Answer::Ready`]), or it names the range of bytes that is missing ([`Answer::Need`]): bring that range and ask
//! again. A slice with the whole pack has everything, so it is answered at once, and lends what it holds.
//!
//! ```
//! use rangepack_core::{Answer, Extent, Index, Limits, PackPath, Result, Source, decode_all};
//!
//! /// Some ranges of a pack that lies elsewhere.
//! #[derive(Default)]
//! struct Ranges(Vec<(Extent, Vec<u8>)>);
//!
//! impl Source for Ranges {
//!     fn bytes(&self, extent: Extent) -> Option<&[u8]> {
//!         let (range, bytes) = self.0.iter().find(|(range, _)| range.contains(&extent))?;
//!         let start = (extent.start - range.start) as usize;
//!         bytes.get(start..start + extent.len as usize)
//!     }
//! }
//!
//! # fn fetch(pack: &[u8], range: Extent) -> Vec<u8> { pack.bytes(range).unwrap().to_vec() }
//! fn read(pack: &[u8], path: &[u8]) -> Result<Option<Vec<u8>>> {
//!     let (file_len, limits) = (pack.len() as u64, Limits::default());
//!     let mut have = Ranges::default();
//!     // The last 64 KiB open any pack.
//!     let index = loop {
//!         match Index::open(&have, file_len, None, &limits)? {
//!             Answer::Ready(index) => break index,
//!             Answer::Need(range) => have.0.push((range, fetch(pack, range))),
//!         }
//!     };
//!     let Some(index) = index else { return Ok(None) }; // perhaps one of the old formats
//!     // One more range, or two, lead to any entry.
//!     let entry = loop {
//!         let range = match index.lookup(&have, PackPath::new(path)?)? {
//!             Answer::Ready(entry) => break entry.map(|entry| entry.to_entry()).transpose()?,
//!             Answer::Need(range) => range,
//!         };
//!         have.0.push((range, fetch(pack, range)));
//!     };
//!     let Some(rangepack_core::Kind::File(content)) = entry.map(|entry| entry.kind) else {
//!         return Ok(None);
//!     };
//!     let payload = fetch(pack, content.extent());
//!     Ok(Some(decode_all(&content, &payload, None, &limits)?.into_owned()))
//! }
//!
//! let pack = include_bytes!("../../tests/golden/smallest.pack");
//! assert_eq!(read(pack, b"hello")?.as_deref(), Some(&b"Hello!\n"[..]));
//! assert_eq!(read(pack, b"nothing")?, None);
//! # Ok::<(), rangepack_core::Error>(())
//! ```
//!
//! Lists and walks are [`Index::list`], [`Index::scan`], [`Index::children`] and [`Index::subtree`]; any range of a large
//! file is found with [`blocks::locate`]; [`plan::plan`] makes few reads of many.
//!
//! # What is verified when
//!
//! Everything read is hostile until its SHA-256 was checked. [`Index::open`] checks footer and root page, and with
//! an expected digest that it is that very pack. Each page is hashed once, when a question first touches it.
//! [`decode_all`] and [`Decoder`] check a payload before they call it whole, [`blocks::decode_block`] a block. No byte
//! string makes this crate panic, loop, or allocate more than its [`Limits`] allow.
//!
//! # Writing
//!
//! Entries come in the order of their keys ([`PackPath`] is ordered by them), each directory before what is in it.
//! What no field has room for is [`Error::TooLarge`]: nothing is cut off.
//!
//! ```
//! use rangepack_core::{
//!     Codec, Content, Digest, DirectorySums, Entry, Extent, Index, Kind, Limits, PackPath, PackPathBuf, Tag,
//!     Totals, TreeBuilder, layout,
//! };
//!
//! let payload = b"Good morning";
//! let content = Content::new(Codec::Stored, 0, 12, 12).with_digest(Some(Digest::of(payload)));
//! let entries = [("notes", Kind::Directory(Totals::default())), ("notes/today", Kind::File(content))];
//!
//! let (mut tree, mut sums, mut pages) = (TreeBuilder::new(), DirectorySums::default(), Vec::new());
//! for (path, kind) in entries {
//!     let entry = Entry::new(PackPathBuf::new(path.into())?, kind).with_mode(Some(0o755));
//!     sums.push(&entry)?;
//!     tree.push(&entry, &mut pages)?; // full pages could be written already
//! }
//! // The sums of directories are known at the end; then pages are complete, and can be hashed.
//! let (mut leaves, sums) = (tree.finish(&mut pages)?, sums.finish()?);
//! let mut directories = sums.directories.into_iter();
//! layout::set_sums(leaves.single(), &mut directories)?; // so few entries are one leaf, in the root page
//! for (number, page) in pages.chunks_mut(layout::PAGE_SIZE as usize).enumerate() {
//!     layout::set_sums(page, &mut directories)?;
//!     leaves.seal(number, page);
//! }
//! let mut pack = payload.to_vec();
//! let data = layout::Section::new(Tag::DATA, Extent { start: 0, len: pack.len() as u64 }, None);
//! let tree = leaves.finish(pack.len() as u64, sums.root.1, &mut pages)?;
//! pack.extend(&pages);
//! let root = tree.root(pack.len() as u64, vec![data])?;
//! pack.extend(root.bytes);
//!
//! let file_len = pack.len() as u64;
//! let index = Index::open(&pack[..], file_len, Some(root.digest), &Limits::default())?.ready().flatten().unwrap();
//! let notes = index.lookup(&pack[..], PackPath::new(b"notes")?)?.ready().flatten().unwrap();
//! assert_eq!(notes.totals()?.unwrap().bytes, 12);
//! # Ok::<(), rangepack_core::Error>(())
//! ```
//!
//! # The old formats
//!
//! CTNRv1 containers ([`trailer`], [`ndjson`]) and `.fpack` files ([`fpack`]) have no index that can be searched:
//! [`MemoryIndex`] makes one, so that the same questions have the same answers.
//!
//! The bytes themselves are specified in `FORMAT.md`; [`layout`] has the records by their names there.
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

#[cfg(any(test, feature = "lanes", feature = "ring"))]
extern crate std;

mod extent;
mod digest;
mod crc32;
mod tag;
mod error;
mod limits;
mod bytes;
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
pub use bytes::{Answer, Source};
pub use digest::{Digest, Hasher, ParseDigestError};
pub use extent::Extent;
pub use tag::Tag;

// Paths, and what a pack knows of each.
pub use entry::{
    AttributeBlock, BlockTable, Codec, Content, DictionaryPlace, DictionaryRef, ENCRYPTED, Entry,
    FOREIGN_METHOD, Gist, IN_PIECES, Kind, MAX_ATTRIBUTES, MAX_DICTIONARY, MAX_METADATA, Owner,
    Totals,
};
pub use format::layout::Attributes;
pub use path::{
    Escaped, MAX_LINK_TARGET, MAX_PATH, NameProblem, PackPath, PackPathBuf, is_deceptive, is_name,
    name_problem, trim_path,
};

// The questions.
pub use format::leaf::EntryRef;
pub use questions::follow::{Follow, Met, Step};
pub use questions::hinted::Hint;
pub use questions::index::{Index, Opening};
pub use questions::pages::Named;
pub use questions::scan::Scan;

// The content of files.
pub use payloads::decode::{
    Decoder, PayloadHasher, Progress, decode_all, verify_hashed, verify_stored,
};

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

/// Volumes of packs that have very many.
pub mod volumes {
    pub use crate::payloads::volumes::volume;
}

/// One gzip member, decoded piece by piece, and the parts with which one is written.
pub mod gzip {
    pub use crate::payloads::gzip::{
        GzipDecoder, MEMBER_HEADER, MEMBER_TRAILER_LEN, member_trailer,
    };
}

/// Zstandard frames, and the dictionaries that they need (FORMAT.md, "Payloads").
pub mod zstd {
    pub use crate::payloads::zstd::{Context, Dictionary, Frame, FrameDecoder, MAX_FRAME};
}

// Writing an index.
pub use writing::root::{Root, Tree};
pub use writing::sums::{DirectorySums, Sums};
pub use writing::tree::{Leaves, TreeBuilder};

/// The hash section, which leads from a path to its entry in a few steps (FORMAT.md, "Hash section").
pub mod hash {
    pub use crate::format::hash::{PROBES, fingerprint, hash_of, probed, slots_for, taken};
    pub use crate::writing::window::Window;
}

/// The records and pages of the paged index, for programs that write packs or take them apart (FORMAT.md,
/// "Pages").
pub mod layout {
    pub use crate::format::inner::{Child, Inner};
    pub use crate::format::key::Key;
    pub use crate::format::layout::{
        FOOTER_LEN, FOOTER_MAGIC, Footer, GROWTH_NOTE_LEN, GrowthNote, HASH_SLOT_LEN, HashSection,
        HashSlot, Header, INNER_HEADER_LEN, InnerHeader, MAX_ROOT, PAGE_SIZE, REMOTE_TAIL, Section,
        TAIL, VERSION, Volume, VolumeTable, set_sums,
    };
    pub use crate::format::leaf::{Leaf, LeafSlot};
}

// The two old formats, and an index in memory for them.
pub use old::assemble::{Ancestors, LastCounts};
pub use old::memory::{Built, MemoryIndex};

/// The trailer of CTNRv1 containers (docs/old-formats.md, "CTNRv1 trailer").
pub mod trailer {
    pub use crate::format::layout::{MAGIC, trailer_header};
    pub use crate::old::trailer::{Trailer, find_trailer};
}

/// The NDJSON index of CTNRv1 containers, read and written (docs/old-formats.md, "NDJSON index").
pub mod ndjson {
    pub use crate::old::ndjson::{
        BAD_LINES_KEPT, BadLine, IndexSummary, Item, Lines, NOTE, Refused, is_lines,
        looks_like_index, parse_index, parse_line, write_checked_line, write_line,
    };
}

/// `.fpack` files (docs/old-formats.md, ".fpack").
pub mod fpack {
    pub use crate::old::fpack::{Fpack, FpackHeader, FpackItem, HEADER_LEN, parse, recognise};
}
