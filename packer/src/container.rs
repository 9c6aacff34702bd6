//! Containers that can be continued after any interruption, and new indexes for old ones.

pub(crate) mod create;
pub(crate) mod known;
pub(crate) mod tables;
pub(crate) mod tasks;
mod embedded;
pub(crate) mod lock;
mod proof;
pub(crate) mod finalize;
pub(crate) mod journal;
pub(crate) mod ndjson;
pub(crate) mod reindex;
