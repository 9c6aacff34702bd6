//! Extended attributes (FORMAT.md, "Entries").

use super::put::{to_u16, to_u32};
use crate::bytes::Cursor;
use crate::entry::MAX_ATTRIBUTES;
use crate::error::{Error, Result, Structure};
use alloc::vec::Vec;

/// The longest name of an attribute, in bytes.
const MAX_NAME: usize = 255;

/// Extended attributes of an entry: names and values, in the order of the names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attributes {
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Attributes {
    /// These names and values, in any order. Of a name that occurs twice the last value counts.
    pub fn new(mut pairs: Vec<(Vec<u8>, Vec<u8>)>) -> Attributes {
        pairs.reverse();
        pairs.sort_by(|a, b| a.0.cmp(&b.0));
        pairs.dedup_by(|later, first| later.0 == first.0);
        Attributes { pairs }
    }

    /// Names and values, in the order of the names.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> {
        self.pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice()))
    }

    /// Whether there are none: then an entry has no block.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }

    /// The bytes of an attribute block.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when a name is longer than 255 bytes, or the block longer than
    /// [`MAX_ATTRIBUTES`]; [`Error::BadField`] for a name that none can have.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        for (name, value) in &self.pairs {
            if name.len() > MAX_NAME {
                let (value, limit) = (name.len() as u64, MAX_NAME as u64);
                return Err(Error::TooLarge {
                    what: "length of an attribute's name",
                    value,
                    limit,
                });
            }
            if !is_name(name) {
                return bad("name", name.len() as u64);
            }
            out.extend(to_u16("length of an attribute's name", name.len())?.to_le_bytes());
            out.extend(to_u32("length of an attribute", value.len() as u64)?.to_le_bytes());
            out.extend_from_slice(name);
            out.extend_from_slice(value);
        }
        let (what, value) = ("length of an attribute block", out.len() as u64);
        if value > u64::from(MAX_ATTRIBUTES) {
            return Err(Error::TooLarge { what, value, limit: u64::from(MAX_ATTRIBUTES) });
        }
        Ok(out)
    }

    /// Reads a block.
    ///
    /// # Errors
    /// [`Error::Truncated`] and [`Error::BadField`] when it is none.
    pub fn from_bytes(block: &[u8]) -> Result<Attributes> {
        let mut pairs = Vec::new();
        Attributes::read(block, &mut |name, value| pairs.push((name.to_vec(), value.to_vec())))?;
        Ok(Attributes { pairs })
    }

    /// Reads a block, and hands names and values to `each`. They count only when all of it is read.
    ///
    /// # Errors
    /// Those of [`Attributes::from_bytes`].
    pub fn read(block: &[u8], each: &mut dyn FnMut(&[u8], &[u8])) -> Result<()> {
        let mut cursor = Cursor::new(Structure::Attributes, block);
        let (mut last, mut number): (&[u8], u64) = (b"", 0);
        while !cursor.rest().is_empty() {
            let name_len = usize::from(cursor.u16()?);
            let value_len = usize::try_from(cursor.u32()?).unwrap_or(usize::MAX);
            let name = cursor.take(name_len)?;
            let value = cursor.take(value_len)?;
            // No name is empty, so the first one ascends, too.
            if !is_name(name) || last >= name {
                return bad("name", number);
            }
            each(name, value);
            (last, number) = (name, number.saturating_add(1));
        }
        if number == 0 { bad("length", 0) } else { Ok(()) }
    }
}

fn bad<T>(field: &'static str, value: u64) -> Result<T> {
    Err(Error::BadField { structure: Structure::Attributes, field, value })
}

fn is_name(name: &[u8]) -> bool {
    (1..=MAX_NAME).contains(&name.len()) && memchr::memchr(0, name).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn attributes_come_back_in_the_order_of_their_names() {
        let pair = |name: &str, value: &str| (name.into(), value.into());
        let pairs = vec![pair("user.b", "2"), pair("user.a", "old"), pair("user.a", "")];
        let attributes = Attributes::new(pairs);
        let found: Vec<_> = attributes.iter().collect();
        assert_eq!(found, [(&b"user.a"[..], &b""[..]), (b"user.b", b"2")]);
        let block = attributes.to_bytes().unwrap();
        assert_eq!(Attributes::from_bytes(&block), Ok(attributes));
        for cut in 0..block.len() {
            assert!(Attributes::from_bytes(&block[..cut]).is_err() || cut == 12, "{cut}");
        }
        // The wrong way round, twice, without a name, none at all.
        let (first, second) = block.split_at(12);
        for bad in [[second, first].concat(), [first, first].concat(), vec![0; 6], vec![]] {
            assert!(Attributes::from_bytes(&bad).is_err(), "{bad:?}");
        }
        let long = Attributes::new(vec![(b"user.x".to_vec(), vec![0; 1 << 20])]);
        assert!(matches!(long.to_bytes(), Err(Error::TooLarge { .. })));
        for name in [vec![], b"a\0".to_vec(), vec![b'x'; 256]] {
            assert!(Attributes::new(vec![(name, vec![])]).to_bytes().is_err());
        }
    }
}
