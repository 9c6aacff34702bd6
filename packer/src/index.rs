//! Making indexes: entries from any order into key order, and everything behind the payloads.

pub(crate) mod spool;
pub(crate) mod merging;
pub(crate) mod ahead;
pub(crate) mod sort;
pub(crate) mod dictionaries;
pub(crate) mod groups;
pub(crate) mod ndjson;
mod slots;
pub(crate) mod writer;
