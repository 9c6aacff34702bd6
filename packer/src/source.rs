//! Where bytes lie, and how they come: on a mapping, or in ranges from a URL.

pub(crate) mod location;
pub(crate) mod given;
pub(crate) mod options;
pub(crate) mod verified_blocks;
pub(crate) mod platform;
pub(crate) mod attributes;
pub(crate) mod replace;
pub(crate) mod traffic;
pub(crate) mod mapped;
pub(crate) mod unmapped;
pub(crate) mod shared;
pub(crate) mod data;
#[cfg(feature = "remote")]
pub(crate) mod remote;
#[cfg(not(feature = "remote"))]
#[path = "source/no_remote.rs"]
pub(crate) mod remote;
