//! Options that take a number, and which numbers they take.

use super::{Error, Result};
use std::ops::RangeInclusive;

/// An option that takes a number. It shows itself under the name that it has in the options.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Setting {
    /// [`PackOptions::compress`](crate::PackOptions::compress) with gzip: 1 to 9.
    #[error("compress")]
    Compress,
    /// [`PackOptions::compress`](crate::PackOptions::compress) with zstd: 1 to 22.
    #[error("compress")]
    CompressZstd,
    /// [`PackOptions::dictionaries`](crate::PackOptions::dictionaries): 1024 to 2^20 bytes.
    #[error("dictionaries")]
    Dictionaries,
    /// [`PackOptions::align`](crate::PackOptions::align): 1 to 2^30 bytes.
    #[error("align")]
    Align,
    /// `threads` of any options: 1 to 4096.
    #[error("threads")]
    Threads,
    /// [`ExtractOptions::chunk_size`](crate::ExtractOptions::chunk_size): 1024 bytes at least.
    #[error("chunk_size")]
    ChunkSize,
    /// [`CreateOptions::fsync_every`](crate::CreateOptions::fsync_every): 1 file at least.
    #[error("fsync_every")]
    FsyncEvery,
    /// [`CreateOptions::index_batch`](crate::CreateOptions::index_batch): 1 entry at least.
    #[error("index_batch")]
    IndexBatch,
    /// [`RemoteOptions::timeout`](crate::RemoteOptions::timeout), in milliseconds: 1 at least.
    #[error("timeout")]
    Timeout,
    /// Into how many lists [`split`](crate::split) cuts: 1 to 100,000.
    #[error("count")]
    Lists,
}

impl Setting {
    /// Fails when the option does not take this number.
    pub(crate) fn check(self, value: impl TryInto<u64>) -> Result<()> {
        let value = value.try_into().unwrap_or(u64::MAX);
        let (least, most) = self.allowed().into_inner();
        if (least..=most).contains(&value) {
            return Ok(());
        }
        Err(Error::Setting { setting: self, value, least, most })
    }

    fn allowed(self) -> RangeInclusive<u64> {
        match self {
            Setting::Compress => 1..=9,
            Setting::CompressZstd => 1..=22,
            Setting::Dictionaries => 1024..=1 << 20,
            Setting::Align => 1..=1 << 30,
            Setting::Threads => 1..=4096,
            Setting::Lists => 1..=100_000,
            Setting::ChunkSize => 1024..=u64::MAX,
            Setting::FsyncEvery | Setting::IndexBatch | Setting::Timeout => 1..=u64::MAX,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CompareOptions, RemoteOptions, compare, create, extract, pack, verify};
    use crate::{Compression, Dictionaries};
    use crate::{CreateOptions, ExtractOptions, OpenOptions, Pack, PackOptions, VerifyOptions};
    use std::time::Duration;

    fn refused<T: std::fmt::Debug>(setting: Setting, done: Result<T>) {
        let error = done.unwrap_err();
        assert!(matches!(error, Error::Setting { setting: it, .. } if it == setting), "{error}");
    }

    #[test]
    fn every_operation_refuses_what_its_options_do_not_take() {
        let home = tempfile::tempdir().unwrap();
        let at = |name: &str| home.path().join(name);
        std::fs::create_dir(at("tree")).unwrap();
        std::fs::write(at("tree/a"), "abc").unwrap();
        for (setting, options) in [
            (Setting::Compress, PackOptions::new().compress(Compression::Gzip(42))),
            (Setting::CompressZstd, PackOptions::new().compress(Compression::Zstd(23))),
            (Setting::Dictionaries, PackOptions::new().dictionaries(Dictionaries::Size(1))),
            (Setting::Compress, PackOptions::new().compress(Compression::Gzip(0))),
            (Setting::Align, PackOptions::new().align(0)),
            (Setting::Align, PackOptions::new().align(u64::MAX)),
            (Setting::Threads, PackOptions::new().threads(0)),
        ] {
            refused(setting, pack(at("tree"), at("bad.pack"), &options, &()));
            let created = CreateOptions::new().pack(options.clone());
            refused(setting, create(at("tree"), at("bad"), &created, &()));
            refused(setting, crate::survey(at("tree"), &options, Vec::new(), false, &()));
        }
        for (setting, options) in [
            (Setting::FsyncEvery, CreateOptions::new().fsync_every(0)),
            (Setting::IndexBatch, CreateOptions::new().index_batch(0)),
        ] {
            refused(setting, create(at("tree"), at("bad"), &options, &()));
        }
        pack(at("tree"), at("a.pack"), &PackOptions::new(), &()).unwrap();
        let opened = Pack::open(at("a.pack")).unwrap();
        for (setting, options) in [
            (Setting::Threads, ExtractOptions::new().threads(0)),
            (Setting::ChunkSize, ExtractOptions::new().chunk_size(1023)),
        ] {
            refused(setting, extract(&opened, at("out"), &options, &()));
        }
        refused(Setting::Threads, verify(&opened, &VerifyOptions::new().threads(5000), &()));
        let options = CompareOptions::new().source(PackOptions::new().threads(0));
        refused(Setting::Threads, compare(&opened, at("tree"), &options, &()));
        let remote = RemoteOptions::new().timeout(Duration::ZERO);
        let options = OpenOptions::new().remote(remote);
        refused(Setting::Timeout, Pack::open_with(at("a.pack"), &options));
        let left: Vec<_> = std::fs::read_dir(home.path()).unwrap().collect();
        assert_eq!(left.len(), 2, "nothing was made: {left:?}");
    }
}
