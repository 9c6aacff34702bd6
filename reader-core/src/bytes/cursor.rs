//! A reader that cannot run past its end.

use crate::error::{Error, Result, Structure};

/// Reads little-endian fields one after the other; every read past the end is an error.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    structure: Structure,
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Reads `bytes`, which hold a `structure`.
    pub(crate) fn new(structure: Structure, bytes: &'a [u8]) -> Self {
        Cursor { structure, rest: bytes }
    }

    /// The next `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
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
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
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
    pub(crate) fn u8(&mut self) -> Result<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// The next two bytes.
    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// The next four bytes.
    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next eight bytes.
    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// What has not been read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
