//! Files by number: which entry is the hundredth file.

use crate::error::Result;
use crate::read::pack::Pack;
use crate::source::data::Data;
use rangepack_core::EntryRef;
use std::ops::Range;

/// Bits in a word, and words in a group whose files are counted ahead.
const WORD: u64 = u64::BITS as u64;
const GROUP: usize = 8;

/// Some entries of a pack, numbered from 0 in key order: its files, say, or its pictures.
///
/// One bit for each entry of the pack and a few counts, whatever is chosen: half a megabyte for four million entries.
/// Both ways take a few steps. [`Pack::number`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    words: Vec<u64>,
    /// How many are chosen before each group of words.
    before: Vec<u64>,
    /// In which group every so many chosen one lies.
    groups: Vec<usize>,
    len: u64,
}

/// How many chosen ones lie between two of which the group is known: as many as a group has entries.
const KNOWN: u64 = GROUP as u64 * WORD;

impl Numbers {
    fn new(entries: u64) -> Numbers {
        let words = usize::try_from(entries.div_ceil(WORD)).unwrap_or(usize::MAX);
        Numbers { words: Vec::with_capacity(words), before: Vec::new(), groups: Vec::new(), len: 0 }
    }

    fn push(&mut self, place: u64, is_chosen: bool) {
        let bit = place % WORD;
        if bit == 0 {
            if self.words.len().is_multiple_of(GROUP) {
                self.before.push(self.len);
            }
            self.words.push(0);
        }
        if is_chosen && let Some(word) = self.words.last_mut() {
            *word |= 1 << bit;
            if self.len.is_multiple_of(KNOWN) {
                self.groups.push(self.before.len() - 1);
            }
            self.len += 1;
        }
    }

    /// How many there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was chosen.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry with this number, as [`Pack::entries_at`] counts; `None` behind the last one.
    pub fn entry(&self, number: u64) -> Option<u64> {
        if number >= self.len {
            return None;
        }
        let known = usize::try_from(number / KNOWN).ok()?;
        let first = self.groups[known];
        let last = self.groups.get(known + 1).map_or(self.before.len(), |group| group + 1);
        let group =
            first + self.before[first..last].partition_point(|before| *before <= number) - 1;
        let mut left = number - self.before[group];
        for (at, word) in self.words.iter().enumerate().skip(group * GROUP) {
            let here = u64::from(word.count_ones());
            if left < here {
                return Some(at as u64 * WORD + place_of(*word, left));
            }
            left -= here;
        }
        None
    }

    /// The number of an entry; `None` when it was not chosen.
    pub fn number(&self, entry: u64) -> Option<u64> {
        let at = usize::try_from(entry / WORD).ok()?;
        let word = *self.words.get(at)?;
        let bit = 1 << (entry % WORD);
        if word & bit == 0 {
            return None;
        }
        let group = at / GROUP;
        let whole: u32 = self.words[group * GROUP..at].iter().map(|word| word.count_ones()).sum();
        let below = (word & (bit - 1)).count_ones();
        Some(self.before[group] + u64::from(whole + below))
    }
}

/// Where the bit lies that has so many before it.
fn place_of(mut word: u64, before: u64) -> u64 {
    for _ in 0..before {
        word &= word - 1;
    }
    word.trailing_zeros().into()
}

impl Pack {
    /// The entry with this number, counted in key order.
    ///
    /// # Errors
    /// When there are not so many; when the index is damaged, or cannot be fetched.
    pub fn entry_at(&self, number: u64) -> Result<EntryRef<'_>> {
        self.entry_numbered(number)?.ok_or_else(|| {
            let file_len = self.index().len();
            self.error(rangepack_core::Error::OutOfBounds { start: number, len: 1, file_len })
        })
    }

    /// The entries with these numbers, which are added to `found` in the same order: faster than one by one.
    pub fn entries_of<'p>(&'p self, numbers: &[u64], found: &mut Vec<Result<EntryRef<'p>>>) {
        let mut entries = Vec::with_capacity(numbers.len());
        self.index().entries_of(self, numbers, &mut entries);
        let intact = self.index_file().map_or(Ok(()), Data::intact);
        if intact.is_err() {
            entries.fill(None);
        }
        let one =
            |(entry, number): (Option<_>, &u64)| entry.map_or_else(|| self.entry_at(*number), Ok);
        found.extend(entries.into_iter().zip(numbers).map(one));
    }

    /// Numbers the entries that `is_chosen` wants. Reads the index from one end to the other.
    ///
    /// # Errors
    /// When a page of the index is damaged, or cannot be fetched.
    pub fn number(&self, is_chosen: impl FnMut(&EntryRef<'_>) -> bool) -> Result<Numbers> {
        self.number_within(0..self.index().len(), is_chosen)
    }

    /// The same for a range of the entries, as [`Pack::entries_at`] counts; of the index no more is read.
    ///
    /// # Errors
    /// As [`Pack::number`].
    pub fn number_within(
        &self,
        range: Range<u64>,
        mut is_chosen: impl FnMut(&EntryRef<'_>) -> bool,
    ) -> Result<Numbers> {
        let len = self.index().len();
        let range = range.start.min(len)..range.end.min(len);
        let mut numbers = Numbers::new(range.end);
        (0..range.start).for_each(|place| numbers.push(place, false));
        for (place, entry) in range.clone().zip(self.entries_at(range)) {
            numbers.push(place, is_chosen(&entry?));
        }
        Ok(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_lead_to_entries_and_back(chosen in proptest::collection::vec(any::<bool>(), 0..3000)) {
            let mut numbers = Numbers::new(chosen.len() as u64);
            for (place, is_chosen) in chosen.iter().enumerate() {
                numbers.push(place as u64, *is_chosen);
            }
            let places = || (0..chosen.len() as u64).filter(|place| chosen[*place as usize]);
            prop_assert_eq!(numbers.len(), places().count() as u64);
            for (number, place) in places().enumerate() {
                prop_assert_eq!(numbers.entry(number as u64), Some(place));
                prop_assert_eq!(numbers.number(place), Some(number as u64));
            }
            prop_assert_eq!(numbers.entry(numbers.len()), None);
            for place in (0..chosen.len() as u64 + 2).filter(|place| chosen.get(*place as usize) != Some(&true)) {
                prop_assert_eq!(numbers.number(place), None);
            }
        }
    }
}
