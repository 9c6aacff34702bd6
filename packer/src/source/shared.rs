//! Bytes that came with others.

use rangepack_core::{Extent, Source};
use std::fmt;
use std::ops::{Deref, Range};
use std::sync::Arc;

/// Bytes that were fetched together with their neighbours. All of them stay in memory as long as one is there; copies of it cost
/// nothing.
#[derive(Clone)]
pub struct SharedBytes {
    all: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl SharedBytes {
    /// Some of `all`, which lie there from `start` on; `None` when they do not.
    pub(crate) fn new(all: &Arc<Vec<u8>>, start: u64, extent: Extent) -> Option<SharedBytes> {
        let extent = Extent { start: extent.start.checked_sub(start)?, len: extent.len };
        all[..].bytes(extent)?;
        let range = usize::try_from(extent.start).ok()?..usize::try_from(extent.end()).ok()?;
        Some(SharedBytes { all: Arc::clone(all), range })
    }
}

impl Deref for SharedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.all.get(self.range.clone()).unwrap_or(&[])
    }
}

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for SharedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedBytes").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_not_shared() {
        let all = Arc::new(b"0123456789".to_vec());
        let shared = |start, len| SharedBytes::new(&all, 100, Extent { start, len });
        assert_eq!(&*shared(103, 4).unwrap(), b"3456");
        assert_eq!(&*shared(110, 0).unwrap(), b"");
        for (start, len) in [(99, 3), (105, 6), (111, 0), (u64::MAX, 2)] {
            assert!(shared(start, len).is_none());
        }
    }
}
