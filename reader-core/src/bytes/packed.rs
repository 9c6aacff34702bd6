//! Integers of any width, and arrays of small ones.

use alloc::vec::Vec;

/// How many bytes an integer up to `highest` takes when it is packed, 0 to 8.
#[inline]
pub(crate) fn packed_width(highest: u64) -> u8 {
    let bits = u64::BITS.saturating_sub(highest.leading_zeros());
    u8::try_from(bits.div_ceil(8)).unwrap_or(8)
}

/// Appends an integer that takes at most `width` bytes, little-endian.
#[inline]
pub(crate) fn push_packed(value: u64, width: u8, out: &mut Vec<u8>) {
    debug_assert!(packed_width(value) <= width, "{value} in {width} bytes");
    out.extend_from_slice(value.to_le_bytes().get(..usize::from(width)).unwrap_or(&[]));
}

/// Little-endian integer of `width` bytes (0 to 8) at `at`; eight bytes must follow `at`.
#[inline]
pub(crate) fn read_packed(bytes: &[u8], at: usize, width: u8) -> Option<u64> {
    if width == 0 {
        return Some(0);
    }
    let chunk = bytes.get(at..)?.first_chunk::<8>()?;
    let shift = 64u32.checked_sub(u32::from(width).checked_mul(8)?)?;
    Some(u64::from_le_bytes(*chunk) & u64::MAX.checked_shr(shift)?)
}

/// Little-endian u16 number `index` of an array.
#[inline]
pub(crate) fn u16_at(bytes: &[u8], index: usize) -> Option<usize> {
    let at = index.checked_mul(2)?;
    bytes.get(at..)?.first_chunk::<2>().map(|pair| usize::from(u16::from_le_bytes(*pair)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back() {
        for value in [0, 1, 255, 256, 65_535, 1 << 16, u64::MAX >> 8, u64::MAX] {
            let width = packed_width(value);
            let mut bytes = Vec::new();
            push_packed(value, width, &mut bytes);
            assert_eq!(bytes.len(), usize::from(width));
            bytes.extend([0xff; 8]);
            assert_eq!(read_packed(&bytes, 0, width), Some(value));
            assert_eq!(read_packed(&bytes, 9, width), if width == 0 { Some(0) } else { None });
        }
        assert_eq!(read_packed(&[0; 16], 0, 9), None);
    }

    #[test]
    fn a_number_of_an_array() {
        assert_eq!(u16_at(&[1, 0, 2, 1], 1), Some(258));
        assert_eq!(u16_at(&[1, 0, 2], 1), None);
        assert_eq!(u16_at(&[], usize::MAX), None);
    }
}
