//! Ranges of bytes, the bytes at hand, and a reader that cannot run past its end.

use crate::error::{Error, Result, Structure};

/// A range of bytes in a file: `start..start + len`, which never overflows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Extent {
    /// Offset of the first byte.
    pub start: u64,
    /// Number of bytes.
    pub len: u64,
}

impl Extent {
    /// A range whose end is at most `file_len`, else [`Error::OutOfBounds`].
    pub fn new(start: u64, len: u64, file_len: u64) -> Result<Extent> {
        match start.checked_add(len) {
            Some(end) if end <= file_len => Ok(Extent { start, len }),
            _ => Err(Error::OutOfBounds { start, len, file_len }),
        }
    }

    /// Offset of the byte after the last.
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.len)
    }

    /// Whether every byte of `other` lies in this range.
    pub fn contains(&self, other: &Extent) -> bool {
        self.start <= other.start && other.end() <= self.end()
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

/// A string to be compared with many others that lie in a heap: the first eight bytes mostly decide.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Probe<'a> {
    bytes: &'a [u8],
    head: u64,
}

impl<'a> Probe<'a> {
    /// Prepares the comparison.
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Probe<'a> {
        let mut head = [0u8; 8];
        for (place, byte) in head.iter_mut().zip(bytes) {
            *place = *byte;
        }
        Probe { bytes, head: u64::from_be_bytes(head) }
    }

    /// How the string at `start..end` of `heap` compares with this one.
    #[inline]
    pub(crate) fn compare(
        &self,
        heap: &[u8],
        start: usize,
        end: usize,
    ) -> Option<core::cmp::Ordering> {
        let len = end.checked_sub(start)?;
        if let Some(head) = heap.get(start..)?.first_chunk::<8>() {
            // What lies behind a short string is not part of it.
            let behind = 8usize.saturating_sub(len);
            let mask =
                u64::MAX.checked_shl(u32::try_from(behind.checked_mul(8)?).ok()?).unwrap_or(0);
            let head = u64::from_be_bytes(*head) & mask;
            if head != self.head {
                return Some(head.cmp(&self.head));
            }
        }
        Some(heap.get(start..end)?.cmp(self.bytes))
    }
}

/// How many bytes two strings begin with in common.
pub(crate) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    a.iter().zip(b).take_while(|(x, y)| x == y).count()
}

/// How many bytes an integer up to `highest` takes when it is packed, 0 to 8.
pub(crate) fn packed_width(highest: u64) -> u8 {
    let bits = u64::BITS.saturating_sub(highest.leading_zeros());
    u8::try_from(bits.div_ceil(8)).unwrap_or(8)
}

/// Reads little-endian fields one after the other; every read past the end is an error.
#[derive(Debug, Clone)]
pub struct Cursor<'a> {
    structure: Structure,
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Reads `bytes`, which hold a `structure`.
    pub fn new(structure: Structure, bytes: &'a [u8]) -> Self {
        Cursor { structure, rest: bytes }
    }

    /// The next `len` bytes.
    pub fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(len) {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(head)
            }
            None => Err(Error::Truncated {
                structure: self.structure,
                need: len as u64,
                have: self.rest.len() as u64,
            }),
        }
    }

    /// The next `N` bytes.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.rest.split_first_chunk::<N>() {
            Some((head, rest)) => {
                self.rest = rest;
                Ok(*head)
            }
            None => Err(Error::Truncated {
                structure: self.structure,
                need: N as u64,
                have: self.rest.len() as u64,
            }),
        }
    }

    /// The next byte.
    pub fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The next two bytes.
    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// The next four bytes.
    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next eight bytes.
    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

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
    fn a_cursor_stops_at_the_end() {
        let mut cursor = Cursor::new(Structure::Footer, &[1, 0, 2]);
        assert_eq!(cursor.u16(), Ok(1));
        assert_eq!(
            cursor.u16(),
            Err(Error::Truncated { structure: Structure::Footer, need: 2, have: 1 })
        );
        assert_eq!(cursor.u8(), Ok(2));
    }

    #[test]
    fn a_probe_compares_like_slices() {
        let strings: [&[u8]; 9] =
            [b"", b"a", b"ab", b"ab\0", b"abcdefgh", b"abcdefghi", b"abcdefgi", b"b", b"\xff\xff"];
        for left in strings {
            for right in strings {
                for behind in [&b""[..], b"zzzzzzzzzz"] {
                    let heap = [b"x", left, behind].concat();
                    let found = Probe::new(right).compare(&heap, 1, 1 + left.len());
                    assert_eq!(found, Some(left.cmp(right)), "{left:?} {right:?}");
                }
            }
        }
        assert_eq!(Probe::new(b"a").compare(b"abc", 2, 1), None);
        assert_eq!(Probe::new(b"a").compare(b"abc", 2, 4), None);
    }

    #[test]
    fn a_slice_is_a_source() {
        let pack: &[u8] = &[1, 2, 3];
        assert_eq!(pack.bytes(Extent { start: 1, len: 2 }), Some(&[2u8, 3][..]));
        assert_eq!(pack.bytes(Extent { start: 1, len: 3 }), None);
        assert_eq!(pack.bytes(Extent { start: u64::MAX, len: 3 }), None);
    }
}
