//! Strings that lie side by side in a heap, compared.

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
    const WORD: usize = 8;
    let words = a.as_chunks::<WORD>().0.iter().zip(b.as_chunks::<WORD>().0);
    let equal = words.take_while(|(x, y)| x == y).count().saturating_mul(WORD);
    let (a, b) = (a.get(equal..).unwrap_or(&[]), b.get(equal..).unwrap_or(&[]));
    equal.saturating_add(a.iter().zip(b).take_while(|(x, y)| x == y).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn a_common_prefix_ends_where_the_first_bytes_differ() {
        let bytes: Vec<u8> = (0..40).collect();
        for (place, longer) in (0..40).flat_map(|place| [(place, false), (place, true)]) {
            let mut other = bytes.clone();
            other[place] = 99;
            assert_eq!(common_prefix(&bytes, &other), place);
            other.truncate(place + usize::from(longer));
            assert_eq!(common_prefix(&other, &bytes), place);
        }
        assert_eq!(common_prefix(&bytes, &bytes), 40);
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
}
