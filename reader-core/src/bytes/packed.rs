//! Integers of any width, and arrays of small ones.

/// How many bytes an integer up to `highest` takes when it is packed, 0 to 8.
pub(crate) fn packed_width(highest: u64) -> u8 {
    let bits = u64::BITS.saturating_sub(highest.leading_zeros());
    u8::try_from(bits.div_ceil(8)).unwrap_or(8)
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
