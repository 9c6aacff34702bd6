//! The paged index that ends a file, or ended it before it began to grow.
//!
//! While a pack grows, and after that was interrupted, the end of the file is no index; a note beside it says where the last whole
//! generation ends (FORMAT.md, "Files beside a pack").

use super::volumes::root_of;
use crate::error::{Error, Result};
use crate::source::data::{Data, Gathered};
use crate::source::location::Location;
use crate::source::options::OpenOptions;
use rangepack_core::layout::{GROWTH_NOTE_LEN, GrowthNote};
use rangepack_core::{Digest, ErrorKind, Extent, Index, Opening};

/// So often a file is looked at again that was finished while it was looked at.
const ROUNDS: usize = 16;

/// Opens a file and the paged index that ends it, or that ended it before it began to grow; `None` when there is none.
pub(super) fn open_grown(
    location: &Location,
    options: &OpenOptions,
) -> Result<(Data, Option<Index>)> {
    let mut data = Data::open(location, options)?;
    let mut is_again = false;
    for round in 0.. {
        let opened = open_own_index(&data, options);
        match &opened {
            Ok(Some(_)) => return opened.map(|index| (data, index)),
            Err(error) if !is_broken(error) => return opened.map(|index| (data, index)),
            _ => {}
        }
        if let Some(note) = read_note(location, options)? {
            return match before(&mut data, &note, options)? {
                Some(index) => Ok((data, Some(index))),
                None => opened.map(|index| (data, index)),
            };
        }
        // Who finished it meanwhile wrote its end before he removed the note.
        let grew = data.has_other_length();
        if data.is_remote() || (is_again && !grew) || round == ROUNDS {
            return opened.map(|index| (data, index));
        }
        is_again = !grew;
        if grew {
            data = Data::open(location, options)?;
        }
    }
    Ok((data, None))
}

/// Whether it may be that the file has more bytes than its last index knows of.
fn is_broken(error: &Error) -> bool {
    matches!(error, Error::Pack { source, .. } if source.kind() != ErrorKind::WrongPack)
}

/// The index that ended a file when a note was written, where the file ends then; `None` when the note does not speak of this
/// file.
fn before(data: &mut Data, note: &GrowthNote, options: &OpenOptions) -> Result<Option<Index>> {
    if note.file_len >= data.len() {
        return Ok(None);
    }
    data.end_at(Some(note.file_len));
    if root_of(data)? == Some(note.digest) {
        match open_generation(data, None, options) {
            Err(error) if is_broken(&error) => {}
            Err(error) => return Err(error),
            // What is wrong with an earlier one is no matter of the note.
            Ok(_) if options.expected.is_some() => return open_index(data, options),
            Ok(index) => return Ok(index),
        }
    }
    data.end_at(None);
    Ok(None)
}

/// The note beside a file, if there is one that is whole.
pub(crate) fn read_note(location: &Location, options: &OpenOptions) -> Result<Option<GrowthNote>> {
    let beside = match location {
        // What a link leads to has the note.
        Location::Disk(path) => match path.canonicalize() {
            Ok(path) => Location::Disk(path).growth_note(),
            Err(_) => return Ok(None),
        },
        Location::Url(_) => location.growth_note(),
    };
    if beside.disk().is_some_and(|path| !path.is_file()) {
        return Ok(None);
    }
    let Some(note) = Data::open_if_there(&beside, options)? else { return Ok(None) };
    if note.len() != GROWTH_NOTE_LEN as u64 {
        return Ok(None);
    }
    let bytes = note.read(Extent { start: 0, len: note.len() })?;
    Ok(GrowthNote::from_bytes(&bytes))
}

/// Opens the paged index at the end of a file; `None` when there is none.
pub(crate) fn open_index(data: &Data, options: &OpenOptions) -> Result<Option<Index>> {
    open_generation(data, options.expected, options)
}

fn open_generation(
    data: &Data,
    expected: Option<Digest>,
    options: &OpenOptions,
) -> Result<Option<Index>> {
    let (len, mut opening) = (data.len(), Opening::new(expected));
    Gathered::new(data).ask(|source| opening.go_on(source, len, &options.limits))
}

/// The same for a container, which may be unfinished: when its last payload is a pack that was packed as
/// a file, the footer at its end speaks of another length, and the index beside it counts.
fn open_own_index(data: &Data, options: &OpenOptions) -> Result<Option<Index>> {
    match open_index(data, options) {
        Err(Error::Pack { source, .. })
            if matches!(*source, rangepack_core::Error::OtherLength { .. })
                && Data::open_if_there(&data.location().idx(), options)?.is_some() =>
        {
            Ok(None)
        }
        opened => opened,
    }
}
