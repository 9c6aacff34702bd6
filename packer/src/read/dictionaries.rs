//! Dictionaries of compressed payloads: fetched when they are needed, made ready once.

use crate::error::{Error, Result};
use crate::read::pack::Pack;
use crate::source::data::Gathered;
use rangepack_core::layout::Header;
use rangepack_core::zstd::Dictionary;
use rangepack_core::{Content, DictionaryPlace, DictionaryRef, Entry, Extent, Kind, Tag};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// Dictionaries are kept up to so many bytes; others are made ready each time.
const KEPT: u64 = 256 << 20;

/// Those of a pack that were needed so far, by number. The first has number 1.
#[derive(Debug)]
pub(super) struct Dictionaries {
    slots: Box<[Slot]>,
    bytes: AtomicU64,
    /// The list as it came, of a remote pack.
    list: OnceLock<Vec<u8>>,
}

/// One of them: where it lies, and what it holds.
#[derive(Debug, Default)]
struct Slot {
    place: OnceLock<DictionaryPlace>,
    ready: OnceLock<Dictionary>,
}

impl Dictionaries {
    /// None yet of those that the pack lists.
    pub(super) fn new(header: &Header) -> Dictionaries {
        let listed = header.section(Tag::DICTIONARIES).map_or(0, |list| list.extent.len);
        let count = DictionaryPlace::count_in(listed);
        let slots = (0..count).map(|_| Slot::default()).collect();
        Dictionaries { slots, bytes: AtomicU64::new(0), list: OnceLock::new() }
    }

    fn slot(&self, which: DictionaryRef) -> Option<&Slot> {
        match which {
            DictionaryRef::Number(number) => {
                self.slots.get(usize::try_from(number).ok()?.checked_sub(1)?)
            }
            DictionaryRef::Place(_) => None,
        }
    }
}

impl Pack {
    /// The dictionary that a payload was compressed with, if it was with one.
    ///
    /// # Errors
    /// When the pack lists no such dictionary, or its bytes are not those that the pack names.
    pub(crate) fn dictionary(&self, content: &Content) -> Result<Option<Dictionary>> {
        let Some(which) = content.dictionary else { return Ok(None) };
        let Dictionaries { bytes, .. } = &self.0.dictionaries;
        let slot = self.0.dictionaries.slot(which);
        if let Some(dictionary) = slot.and_then(|slot| slot.ready.get()) {
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
            let _ = slot.ready.set(dictionary.clone());
        }
        Ok(Some(dictionary))
    }

    /// Keeps the list of dictionaries of a remote pack, which is not verified. Its length was checked.
    pub(crate) fn keep_dictionary_list(&self, list: &[u8]) {
        if self.is_remote() {
            self.0.dictionaries.list.get_or_init(|| list.to_vec());
        }
    }

    /// Where all dictionaries lie, in the order of their numbers.
    pub(crate) fn dictionaries(&self) -> Result<Vec<DictionaryPlace>> {
        let numbers = 1..=u32::try_from(self.0.dictionaries.slots.len()).unwrap_or(u32::MAX);
        numbers.map(|number| self.dictionary_place(DictionaryRef::Number(number))).collect()
    }

    /// Where a dictionary lies.
    pub(crate) fn dictionary_place(&self, which: DictionaryRef) -> Result<DictionaryPlace> {
        let slot = self.0.dictionaries.slot(which);
        if let Some(place) = slot.and_then(|slot| slot.place.get()) {
            return Ok(*place);
        }
        let limits = &self.options().limits;
        let place = match self.index_file() {
            Some(file) => {
                let section = self.header().section(Tag::DICTIONARIES);
                let extent = section.map_or(Extent { start: 0, len: 0 }, |list| list.extent);
                let list = self.0.dictionaries.list.get();
                let mut gathered = Gathered::new(file);
                gathered.lend(list.map(|list| (extent.start, &list[..])));
                let place = gathered.ask(|source| self.index().dictionary(source, which, limits));
                if let Some(list) = gathered.here(extent) {
                    self.keep_dictionary_list(list);
                }
                place
            }
            // It was built in memory, with all that it lists.
            None => self.ask(|pages| self.index().dictionary(pages, which, limits)),
        }?;
        Ok(slot.map_or(place, |slot| *slot.place.get_or_init(|| place)))
    }

    /// Makes an entry name its dictionary by where that lies, as entries outside this pack do.
    pub(crate) fn place_dictionary(&self, entry: &mut Entry) -> Result<()> {
        match &mut entry.kind {
            Kind::File(content) => self.place_content(content),
            _ => Ok(()),
        }
    }

    /// The same for a content.
    pub(crate) fn place_content(&self, content: &mut Content) -> Result<()> {
        if let Some(which) = content.dictionary {
            content.dictionary = Some(DictionaryRef::Place(self.dictionary_place(which)?));
        }
        Ok(())
    }
}
