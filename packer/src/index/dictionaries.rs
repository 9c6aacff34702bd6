//! Numbers of dictionaries, and where those lie.

use rangepack_core::{Content, DictionaryPlace, DictionaryRef, Entry, Kind};

/// Makes an entry whose page has the number of its dictionary name the place of it, if it is among `dictionaries`.
pub(crate) fn locate(entry: &mut Entry, dictionaries: &[DictionaryPlace]) {
    if let Kind::File(content) = &mut entry.kind
        && let Some(DictionaryRef::Number(number)) = content.dictionary
        && let Some(place) = dictionaries.get((number as usize).wrapping_sub(1))
    {
        content.dictionary = Some(DictionaryRef::Place(*place));
    }
}

/// Makes an index speak of other volumes: a content's payload, and its dictionary.
pub(crate) fn renumber(content: &mut Content, mut volume: impl FnMut(u32) -> u32) {
    content.volume = volume(content.volume);
    if let Some(DictionaryRef::Place(place)) = &mut content.dictionary {
        place.volume = volume(place.volume);
    }
}
