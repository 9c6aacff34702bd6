//! What stands before the index of a CTNRv1 container (docs/old-formats.md, "CTNRv1 trailer").

/// What a CTNRv1 trailer begins with.
pub const MAGIC: &[u8; 8] = b"CTNRv1__";

/// Length of the magic and the index's length, in bytes: the index begins here.
pub(crate) const TRAILER_HEADER_LEN: usize = 16;

/// The sixteen bytes before an index of `len` bytes.
///
/// ```
/// use rangepack_core::trailer::trailer_header;
/// assert_eq!(&trailer_header(258), b"CTNRv1__\x02\x01\0\0\0\0\0\0");
/// ```
pub fn trailer_header(len: u64) -> [u8; TRAILER_HEADER_LEN] {
    let mut header = [0; TRAILER_HEADER_LEN];
    let (magic, length) = header.split_at_mut(MAGIC.len());
    magic.copy_from_slice(MAGIC);
    length.copy_from_slice(&len.to_le_bytes());
    header
}

/// The length of the index, from the bytes that begin with the magic; and what follows.
pub(crate) fn index_len(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (length, index) = bytes.get(MAGIC.len()..)?.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*length), index))
}
