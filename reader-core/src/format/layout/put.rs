//! Fixed-size records, filled from their beginning.

/// Fills a fixed buffer from its beginning.
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
