//! The face of `reader-core` for JavaScript: ranges in, answers out.
//!
//! [`reader::Reader`] holds the index pages that were brought and answers questions from them, or
//! names the range that it lacks. [`payload`] verifies and decodes what the files of a pack hold.
//! Fetching, retrying and caching are JavaScript's part (`web/reader`).
//!
//! The feature `legacy` adds the two old formats. Pages fetch the module without it first.
//!
//! Offsets are `u64` here and safe integers there; anything above 2^53-1 is refused, never rounded.

pub mod pieces;
pub mod value;
pub mod entry;
pub mod reader;
#[cfg(feature = "legacy")]
pub mod legacy;
pub mod payload;
