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

pub mod error;
pub mod limits;

pub mod bytes;
pub mod digest;
pub mod entry;
pub mod path;

mod format;
mod questions;
mod writing;
mod payloads;
mod old;

pub use format::{layout, leaf};
/// The hash section.
pub mod hash {
    pub use crate::format::hash::*;
    pub use crate::writing::window::Window;
}
/// Inner pages.
pub mod inner {
    pub use crate::format::inner::*;
    pub use crate::format::key::*;
}
/// What an index needs beyond the entries themselves.
pub mod assemble {
    pub use crate::old::assemble::*;
    pub use crate::writing::sums::*;
}
pub use old::{fpack, memory, ndjson, trailer};
pub use payloads::{blocks, decode, gzip, plan};
pub use questions::index;
pub use writing::tree;

pub use bytes::{Answer, Extent, Source};
pub use digest::Digest;
pub use entry::{BlockTable, Codec, Content, Entry, Kind, Totals};
pub use error::{Error, ErrorKind, Result};
pub use limits::Limits;
pub use path::PackPath;
