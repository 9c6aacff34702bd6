//! `reader-core` in browsers.
//!
//! The feature `web` is for Rust applications: `web::Pack` fetches, retries, keeps and verifies by itself.
//!
//! The feature `module` (the default) is the face of `reader-core` for JavaScript: ranges in, answers out. `reader::Reader` holds the
//! index pages that were brought and answers questions from them, or names the range that it lacks. `payload` verifies
//! and decodes what the files of a pack hold. Fetching, retrying and caching are JavaScript's part (`web/reader`). The
//! feature `legacy` adds the two old formats to it, `zip` zip archives without an index; pages fetch the module without them first. What decodes zstd is the feature
//! `zstd`, a module that stands beside either of them and knows frames and dictionaries alone.
//!
//! Offsets are `u64` here and safe integers there; anything above 2^53-1 is refused, never rounded.

pub mod pieces;
#[cfg(any(feature = "module", feature = "zstd"))]
pub mod code;
#[cfg(feature = "module")]
pub mod value;
#[cfg(feature = "module")]
pub mod json;
#[cfg(feature = "module")]
pub mod entry;
#[cfg(feature = "module")]
pub mod plain;
#[cfg(feature = "module")]
pub mod reader;
#[cfg(any(feature = "legacy", feature = "zip"))]
mod memory;
#[cfg(feature = "legacy")]
pub mod legacy;
#[cfg(feature = "zip")]
pub mod zip;
#[cfg(feature = "module")]
pub mod payload;
#[cfg(feature = "zstd")]
pub mod zstd;
#[cfg(feature = "web")]
pub mod web;
