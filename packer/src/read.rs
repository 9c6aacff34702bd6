//! Reading packs: the questions of a file system, file objects, many small payloads at once.

pub(crate) mod format;
mod foreign;
pub(crate) mod note;
pub(crate) mod legacy;
pub(crate) mod any_entry;
pub(crate) mod pack;
pub(crate) mod growing;
mod open;
pub(crate) mod volumes;
mod dictionaries;
mod resolve;
pub(crate) mod scan;
pub(crate) mod blocks;
pub(crate) mod content;
pub(crate) mod mapped_bytes;
mod reading;
pub(crate) mod file;
pub(crate) mod small_files;
pub(crate) mod payload_order;
pub(crate) mod many;
pub(crate) mod numbers;

#[cfg(test)]
#[cfg(unix)]
mod lost;
