//! Dictionaries of compressed payloads: fetched when they are needed, made ready once.

use crate::error::{Error, Result};
use crate::read::pack::Pack;
use crate::source::data::Gathered;
use rangepack_core::layout::Header;
use rangepack_core::zstd::Dictionary;
use rangepack_core::{Content, DictionaryPlace, DictionaryRef, Extent, Tag};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Dictionaries are kept up to so many bytes; others are made ready each time.
const KEPT: u64 = 256 << 20;

/// Those of a pack that were needed so far, by number. The first has number 1.
#[derive(Debug)]
pub(super) struct Dictionaries {
    ready: Box<[OnceLock<Dictionary>]>,
    bytes: AtomicU64,
}

impl Dictionaries {
    /// None yet of those that the pack lists.
    pub(super) fn new(header: &Header) -> Dictionaries {
        let listed = header.section(Tag::DICTIONARIES).map_or(0, |list| list.extent.len);
        let count = DictionaryPlace::count_in(listed);
        let ready = (0..count).map(|_| OnceLock::new()).collect();
        Dictionaries { ready, bytes: AtomicU64::new(0) }
    }
}

impl Pack {
    /// The dictionary that a payload was compressed with, if it was with one.
    ///
    /// # Errors
    /// When the pack lists no such dictionary, or its bytes are not those that the pack names.
    pub(crate) fn dictionary(&self, content: &Content) -> Result<Option<Dictionary>> {
        let Some(which) = content.dictionary else { return Ok(None) };
        let Dictionaries { ready, bytes } = &self.0.dictionaries;
        let slot = match which {
            DictionaryRef::Number(number) => {
                usize::try_from(number).ok().and_then(|number| ready.get(number.checked_sub(1)?))
            }
            DictionaryRef::Place(_) => None,
        };
        if let Some(dictionary) = slot.and_then(OnceLock::get) {
            return Ok(Some(dictionary.clone()));
        }
        let place = self.dictionary_place(which)?;
        let wrong = || Error::pack(self.location());
        let end = self.payload_end(place.volume)?;
        let extent = Extent::new(place.offset, place.len.into(), end).map_err(wrong())?;
        let found = self.volume(place.volume)?.read(extent)?;
        let dictionary = Dictionary::new(&place, &found).map_err(wrong())?;
        if let Some(slot) = slot
            && bytes.fetch_add(place.len.into(), Ordering::Relaxed) < KEPT
        {
            // Another thread may have been quicker.
            let _ = slot.set(dictionary.clone());
        }
        Ok(Some(dictionary))
    }

    /// Where a dictionary lies.
    pub(crate) fn dictionary_place(&self, which: DictionaryRef) -> Result<DictionaryPlace> {
        let limits = &self.options().limits;
        match self.index_file() {
            Some(file) => {
                Gathered::new(file).ask(|source| self.index().dictionary(source, which, limits))
            }
            // It was built in memory, with all that it lists.
            None => self.ask(|pages| self.index().dictionary(pages, which, limits)),
        }
    }
}
