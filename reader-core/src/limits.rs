//! What hostile bytes could inflate, and how far they may.

/// Upper bounds for everything whose size a pack states itself.
///
/// The defaults let every honest pack through on a machine with some gigabytes of memory; a browser
/// or a service that opens strangers' packs sets them lower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// How far back from the end of the file a CTNRv1 trailer is searched for, in bytes.
    pub lookback: u64,
    /// Length of a CTNRv1 or external index that is parsed as a whole, in bytes.
    pub v1_index_bytes: u64,
    /// Number of entries in an index that is built in memory (both old formats).
    pub v1_entries: u64,
    /// Length of an index of lines that is fetched piece by piece and holds nothing, in bytes; each entry stands for 64 KiB.
    pub idle_bytes: u64,
    /// How much memory the directories may take that an old index only implies, in bytes; 40 times as much as the paths that imply them
    /// is theirs in any case. A short line with a deep path can imply thousands, each with a path of its own.
    pub implied_bytes: u64,
    /// Number of paged index pages whose verification is remembered.
    pub pages: u32,
    /// Length of a section that is read as a whole into memory, in bytes: names of volumes, metadata.
    pub section_bytes: u64,
    /// Number of earlier root pages that are looked at, when one of them is asked for.
    pub generations: u64,
    /// Length of one file's content when it is read as a whole into memory, in bytes.
    pub content_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            lookback: 128 << 20,
            v1_index_bytes: 8 << 30,
            v1_entries: 100_000_000,
            idle_bytes: 64 << 20,
            implied_bytes: 64 << 20,
            pages: 1 << 26,
            section_bytes: 256 << 20,
            generations: 65_535,
            content_bytes: 16 << 30,
        }
    }
}

impl Limits {
    /// Fails with [`crate::Error::OverLimit`] when `value` exceeds `limit`.
    pub(crate) fn check(what: &'static str, value: u64, limit: u64) -> crate::Result<()> {
        if value > limit {
            return Err(crate::Error::OverLimit { what, value, limit });
        }
        Ok(())
    }
}
