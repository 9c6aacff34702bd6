//! The bytes at hand, and how they are read without running past their end.

use crate::error::{Error, Result};
use crate::extent::Extent;

mod cursor;
mod packed;
mod probe;

pub(crate) use cursor::Cursor;
pub(crate) use packed::{packed_width, push_packed, read_packed, u16_at};
pub(crate) use probe::{Probe, common_prefix};

impl Extent {
    /// A range whose end is at most `file_len`, else [`Error::OutOfBounds`].
    pub fn new(start: u64, len: u64, file_len: u64) -> Result<Extent> {
        match start.checked_add(len) {
            Some(end) if end <= file_len => Ok(Extent { start, len }),
            _ => Err(Error::OutOfBounds { start, len, file_len }),
        }
    }
}

/// The bytes of a pack that are at hand.
pub trait Source {
    /// The bytes of `extent`, all of them, or `None` when some are missing.
    fn bytes(&self, extent: Extent) -> Option<&[u8]>;
}

/// A whole pack in memory or in a mapping: offset 0 is its first byte.
impl Source for [u8] {
    #[inline]
    fn bytes(&self, extent: Extent) -> Option<&[u8]> {
        let start = usize::try_from(extent.start).ok()?;
        let end = usize::try_from(extent.start.checked_add(extent.len)?).ok()?;
        self.get(start..end)
    }
}

/// What a question comes to with the bytes at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "either the answer is there or bytes are missing")]
pub enum Answer<T> {
    /// The answer.
    Ready(T),
    /// These bytes are missing: bring them and ask again.
    Need(Extent),
}

impl<T> Answer<T> {
    /// The answer; `None` when bytes were missing.
    pub fn ready(self) -> Option<T> {
        match self {
            Answer::Ready(value) => Some(value),
            Answer::Need(_) => None,
        }
    }

    /// Applies `f` to the answer.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Answer::Ready(value) => Answer::Ready(f(value)),
            Answer::Need(extent) => Answer::Need(extent),
        }
    }
}

/// Unwraps [`Answer::Ready`], or returns the missing range to the caller.
macro_rules! ready {
    ($answer:expr) => {
        match $answer {
            $crate::Answer::Ready(value) => value,
            $crate::Answer::Need(extent) => return Ok($crate::Answer::Need(extent)),
        }
    };
}
pub(crate) use ready;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_never_overflow() {
        assert_eq!(Extent::new(3, 4, 7), Ok(Extent { start: 3, len: 4 }));
        assert!(Extent::new(3, 5, 7).is_err());
        assert!(Extent::new(u64::MAX, 2, u64::MAX).is_err());
    }

    #[test]
    fn a_slice_is_a_source() {
        let pack: &[u8] = &[1, 2, 3];
        assert_eq!(pack.bytes(Extent { start: 1, len: 2 }), Some(&[2u8, 3][..]));
        assert_eq!(pack.bytes(Extent { start: 1, len: 3 }), None);
        assert_eq!(pack.bytes(Extent { start: u64::MAX, len: 3 }), None);
    }
}
