//! How packs are opened, and how remote files are asked for.

use super::given::Opener;
use super::location::Location;
use super::verified_blocks::VerifiedBlocks;
use crate::setters::setters;
use rangepack_core::{Digest, Limits};
use std::sync::Arc;
use std::time::Duration;

/// Whether the bytes of files are checked against their digests when they are read from a local pack.
///
/// The index is always checked. [`extract`](crate::extract()), `cat` and `verify` check
/// payloads in any case, and so does every read of a remote pack, whatever is chosen here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Verify {
    /// Believe the local disk: reading costs no hashing.
    #[default]
    Index,
    /// Hash every payload, or every block of a large one, before its bytes are given out.
    Payloads,
}

/// How a pack is opened.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Checking of payloads.
    pub verify: Verify,
    /// Accept only the pack whose root page has this digest.
    pub expected: Option<Digest>,
    /// An external index: the NDJSON `.idx` of a container, or a paged index beside it.
    pub index: Option<Location>,
    /// Refuse packs whose payloads lie in other files: a stranger's pack could name any that lies
    /// beside it. An index beside a container may name that container.
    pub alone: bool,
    /// With [`OpenOptions::alone`]: read merged packs all the same, but only of parts that are packs, old containers or `.fpack`s
    /// themselves. So nothing can be read that could not be opened alone.
    pub merged: bool,
    /// Where the volumes of a pack lie: a directory, or what their URLs begin with. `None` is the directory of the pack.
    pub volumes: Option<Location>,
    /// Bounds for everything that a hostile pack could inflate.
    pub limits: Limits,
    /// How a pack at a URL is asked for.
    pub remote: RemoteOptions,
    /// Who opens files at [URLs of the caller's own](crate::Url::given). It takes the feature `remote`, for they are read as
    /// remote files are.
    pub opener: Option<Arc<dyn Opener>>,
    /// Where it is kept which blocks of large files on disk were verified, if anywhere. ([`Verify::Index`] believes the disk, and
    /// needs none.)
    pub verified: Option<Arc<VerifiedBlocks>>,
}

setters!(OpenOptions {
    verify(Verify),
    expected(impl Into<Option<Digest>>),
    index(impl Into<Option<Location>>),
    alone(bool),
    merged(bool),
    volumes(impl Into<Option<Location>>),
    limits(Limits),
    remote(RemoteOptions),
    opener(impl Into<Option<Arc<dyn Opener>>>),
    verified(impl Into<Option<Arc<VerifiedBlocks>>>),
});

/// How a remote file is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RemoteOptions {
    /// How long to wait for a connection, and for the next byte.
    pub timeout: Duration,
    /// How many bytes a second have to come at least, looked at after each [`RemoteOptions::timeout`]: a server that sends one
    /// now and then would keep its clients for ever.
    pub least_speed: u64,
    /// How often a request is tried again when that may help, with growing pauses.
    pub retries: u32,
}

impl Default for RemoteOptions {
    fn default() -> Self {
        RemoteOptions { timeout: Duration::from_secs(30), least_speed: 1024, retries: 4 }
    }
}

setters!(RemoteOptions {
    timeout(Duration),
    least_speed(u64),
    retries(u32),
});
