//! Numbers as wide as their fields. What does not fit is an error: nothing is cut off.

use crate::error::{Error, Result};

/// `value` for a field of two bytes, called `what`.
#[inline]
pub(crate) fn to_u16(what: &'static str, value: usize) -> Result<u16> {
    let limit = u64::from(u16::MAX);
    u16::try_from(value).map_err(|_| Error::TooLarge { what, value: value as u64, limit })
}

/// `value` for a field of four bytes, called `what`.
#[inline]
pub(crate) fn to_u32(what: &'static str, value: u64) -> Result<u32> {
    u32::try_from(value).map_err(|_| Error::TooLarge { what, value, limit: u64::from(u32::MAX) })
}

/// The sum of numbers whose field is called `what`.
#[inline]
pub(crate) fn sum(what: &'static str, numbers: impl IntoIterator<Item = u64>) -> Result<u64> {
    let too_large = Error::TooLarge { what, value: u64::MAX, limit: u64::MAX };
    numbers.into_iter().try_fold(0u64, |sum, number| sum.checked_add(number)).ok_or(too_large)
}

/// Fills a record of a fixed length from its beginning.
pub(super) struct Put<'a> {
    pub(super) out: &'a mut [u8],
}

impl Put<'_> {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        if let Some((head, rest)) = core::mem::take(&mut self.out).split_at_mut_checked(bytes.len())
        {
            head.copy_from_slice(bytes);
            self.out = rest;
        }
    }
}
