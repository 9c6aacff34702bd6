//! Bytes of a mapping that keep their pack open.

use crate::error::Result;
use crate::read::pack::Pack;
use crate::source::data::Data;
use rangepack_core::Extent;
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
    /// Of bytes that are known to be in a mapping.
    pub(crate) fn new(pack: Pack, volume: u32, extent: Extent) -> MappedBytes {
        MappedBytes { pack, volume, extent }
    }

    /// The number of the file that they lie in (0 is that of the pack itself), and where in it.
    pub fn place(&self) -> (u32, Extent) {
        (self.volume, self.extent)
    }

    /// All bytes of the file that they lie in: [`MappedBytes::place`] says where in these they are.
    pub fn file(&self) -> MappedBytes {
        let len = self.pack.volume(self.volume).map_or(0, Data::len);
        MappedBytes { extent: Extent { start: 0, len }, ..self.clone() }
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

    #[inline]
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
