//! Where dictionaries lie (FORMAT.md, "Dictionaries").

use super::put::Put;
use crate::Digest;
use crate::bytes::Cursor;
use crate::entry::{DictionaryPlace, MAX_DICTIONARY};
use crate::error::{Error, Result, Structure};
use alloc::vec::Vec;

/// How many dictionaries a pack lists at most.
const MAX_DICTIONARIES: u64 = 65_535;

/// Length of a record, in bytes.
const RECORD: usize = 48;
const RECORD_LEN: u64 = RECORD as u64;

impl DictionaryPlace {
    /// The bytes of the section that lists `places`, the first of which has number 1.
    pub fn list_to_bytes(places: &[DictionaryPlace]) -> Vec<u8> {
        let mut out = Vec::new();
        for place in places {
            let mut record = [0u8; RECORD];
            let mut put = Put { out: &mut record };
            put.bytes(&place.volume.to_le_bytes());
            put.bytes(&place.len.to_le_bytes());
            put.bytes(&place.offset.to_le_bytes());
            put.bytes(&place.digest.0);
            out.extend_from_slice(&record);
        }
        out
    }

    /// Length of the section that lists so many dictionaries, in bytes.
    pub fn list_len(count: usize) -> u64 {
        (count as u64).saturating_mul(RECORD_LEN)
    }

    /// How many dictionaries a section of `len` bytes lists; 0 when it is none.
    pub fn count_in(len: u64) -> usize {
        let count = len.checked_div(RECORD_LEN).unwrap_or(0);
        match len.is_multiple_of(RECORD_LEN) && count <= MAX_DICTIONARIES {
            true => usize::try_from(count).unwrap_or(0),
            false => 0,
        }
    }

    /// The place of dictionary `number` in such a section.
    ///
    /// # Errors
    /// [`Error::BadField`] when there is none of that number, when its length is out of bounds, and when the section is no
    /// list of records.
    pub fn from_list(list: &[u8], number: u32) -> Result<DictionaryPlace> {
        let bad = |field, value| {
            Err(Error::BadField { structure: Structure::Dictionaries, field, value })
        };
        let (records, rest) = list.as_chunks::<RECORD>();
        if !rest.is_empty() || records.len() as u64 > MAX_DICTIONARIES {
            return bad("length", list.len() as u64);
        }
        let place = number.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        let Some(record) = place.and_then(|place| records.get(place)) else {
            return bad("number", u64::from(number));
        };
        let mut cursor = Cursor::new(Structure::Dictionaries, record);
        let (volume, len, offset) = (cursor.u32()?, cursor.u32()?, cursor.u64()?);
        if len == 0 || len > MAX_DICTIONARY {
            return bad("length of a dictionary", u64::from(len));
        }
        Ok(DictionaryPlace { volume, offset, len, digest: Digest(cursor.array()?) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dictionaries_come_back_by_number() {
        let place =
            |volume, len| DictionaryPlace { volume, offset: 7, len, digest: Digest([3; 32]) };
        let places = [place(0, 1), place(9, MAX_DICTIONARY)];
        let list = DictionaryPlace::list_to_bytes(&places);
        assert_eq!(list.len(), 2 * RECORD);
        assert_eq!(DictionaryPlace::from_list(&list, 1), Ok(places[0]));
        assert_eq!(DictionaryPlace::from_list(&list, 2), Ok(places[1]));
        for number in [0, 3, u32::MAX] {
            assert!(DictionaryPlace::from_list(&list, number).is_err());
        }
        assert!(DictionaryPlace::from_list(&list[..list.len() - 1], 1).is_err());
        for len in [0, MAX_DICTIONARY + 1] {
            let list = DictionaryPlace::list_to_bytes(&[place(0, len)]);
            assert!(DictionaryPlace::from_list(&list, 1).is_err());
        }
    }
}
