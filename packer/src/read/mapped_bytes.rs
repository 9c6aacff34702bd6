//! Bytes of a mapping that keep their pack open.

use crate::error::Result;
use crate::read::pack::Pack;
use crate::source::data::Data;
use rangepack_core::{Content, Extent};
use std::fmt;
use std::ops::{Bound, Deref, RangeBounds};

/// The content of a file, or a part of it, in the memory of the mapping, which stays as long as this is there: bytes for
/// whoever wants `AsRef<[u8]> + Send + 'static`. Copies of it and [slices](MappedBytes::slice) cost nothing.
///
/// Of a file that is cut short later zeros are seen: [`MappedBytes::intact`] tells.
#[derive(Clone)]
pub struct MappedBytes {
    pack: Pack,
    volume: u32,
    extent: Extent,
}

impl MappedBytes {
    /// Of a payload that is known to be in a mapping.
    pub(crate) fn new(pack: Pack, content: &Content) -> MappedBytes {
        MappedBytes { pack, volume: content.volume, extent: content.extent() }
    }

    /// A part of it.
    ///
    /// # Panics
    /// Where slices of memory do: when the range is not in it.
    pub fn slice(&self, range: impl RangeBounds<usize>) -> MappedBytes {
        let bounds = (range.start_bound().cloned(), range.end_bound().cloned());
        let len = self[bounds].len() as u64;
        let skipped = match bounds.0 {
            Bound::Included(start) => start as u64,
            Bound::Excluded(start) => start as u64 + 1,
            Bound::Unbounded => 0,
        };
        let extent = Extent { start: self.extent.start + skipped, len };
        MappedBytes { extent, ..self.clone() }
    }

    /// The pack that they are in.
    pub fn pack(&self) -> &Pack {
        &self.pack
    }

    /// Fails with [`Error::Lost`](crate::Error::Lost) when bytes of the file were gone that somebody read: see
    /// [`Pack::intact`].
    pub fn intact(&self) -> Result<()> {
        self.pack.volume(self.volume).and_then(Data::intact)
    }
}

impl Deref for MappedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        let file = self.pack.volume(self.volume);
        file.ok().and_then(|file| file.at_hand(self.extent)).unwrap_or(&[])
    }
}

impl AsRef<[u8]> for MappedBytes {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for MappedBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MappedBytes").field("len", &self.len()).finish_non_exhaustive()
    }
}
