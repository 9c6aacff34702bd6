//! The index inside a container.

use crate::container::journal::{self, JournalState};
use crate::error::{Action, ContainerProblem, Error, Result};
use crate::read::legacy::is_own;
use crate::read::pack::Pack;
use crate::source::data::Data;
use crate::source::mapped::Mapped;
use crate::source::options::OpenOptions;
use crate::verify::{VerifyOptions, verify};
use rangepack_core::ndjson::BadLine;
use rangepack_core::trailer::trailer_header;
use rangepack_core::{Entry, ErrorKind, Extent, Tag};
use std::path::Path;

/// The index inside a container.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Embedded {
    /// Its entries, summed up.
    pub(crate) state: JournalState,
    /// It is a paged index, whose footer proves that it is this very container's. A trailer alone
    /// may as well belong to a container that was packed as a file.
    pub(crate) paged: bool,
    /// Where the payloads ended when it was written. The last one may have no entry any more.
    pub(crate) payload_end: u64,
}

/// Whoever goes on with a finished pack makes its index anew, which only knows of entries.
fn refuse_to_lose(container: &Path, pack: &Pack) -> Result<()> {
    let made_anew = |tag| matches!(tag, Tag::DATA | Tag::TREE);
    let mut sections = pack.header().sections().iter();
    match sections.find(|section| !section.is_droppable() && !made_anew(section.tag)) {
        Some(section) => {
            Err(Error::container(container, ContainerProblem::Section { tag: section.tag }))
        }
        None => Ok(()),
    }
}

/// What is found inside a container.
pub(crate) enum Inside {
    /// Nothing that is its own index.
    Nothing,
    /// An index that is not, or not any more, what was written.
    Damaged(String),
    /// All of an index.
    Whole(Embedded),
}

impl Inside {
    /// The index, if all of it is there.
    pub(crate) fn whole(&self) -> Option<Embedded> {
        if let Inside::Whole(embedded) = self { Some(*embedded) } else { None }
    }
}

/// Hands all entries of a finalized container to `each`. An index counts only when all of it is as it was written:
/// the paged one with its sections; else the trailer, all of whose lines can be read.
///
/// A trailer below `floor` is part of a payload, and so is one that is not [`crate::read::legacy::is_own`]:
/// containers are packed as files, too. Behind the trailer only zeros may follow: anything else may be
/// payloads.
pub(crate) fn embedded(
    container: &Path,
    floor: u64,
    each: &mut dyn FnMut(Entry) -> Result<()>,
) -> Result<Inside> {
    let mapped = Mapped::open(container).map_err(Error::io(Action::Open, container))?;
    let file = Data::mapped(container, mapped);
    let data = file.whole().unwrap_or(&[]);
    let len = data.len() as u64;
    // However long the index is, it is found.
    let mut limits = OpenOptions::default().limits;
    limits.lookback = len.saturating_sub(floor);
    let opened = rangepack_core::Index::open(data, len, None, &limits);
    if opened.is_ok_and(|answer| answer.ready().flatten().is_some()) {
        return paged(container, each);
    }
    let found = rangepack_core::trailer::find_trailer(data, len, limits.lookback);
    let trailer = found.map_err(Error::pack_at(container))?.ready().flatten();
    let Some(trailer) = trailer.filter(|trailer| trailer.magic_offset >= floor) else {
        return Ok(Inside::Nothing);
    };
    let behind = data.get(trailer.index.end() as usize..).unwrap_or(&[]);
    if behind.iter().any(|byte| *byte != 0) || !is_own(&file, &trailer, &limits)? {
        return Ok(Inside::Nothing);
    }
    let index = rangepack_core::Source::bytes(data, trailer.index).unwrap_or(&[]);
    let mut state = JournalState::default();
    let read = journal::parse(index, &mut |entry| {
        file.intact()?;
        state.count(&entry);
        each(entry)
    })?;
    file.intact()?;
    match read {
        // Without a single entry these are bytes of a payload that look like a trailer.
        Ok(summary) if summary.entries == 0 && summary.bad_lines > 0 => Ok(Inside::Nothing),
        Ok(summary) => Ok(match summary.bad.first() {
            Some(BadLine { number: line, offset, .. }) => Inside::Damaged(format!(
                "line {line} of its trailer, at byte {} of the container, cannot be read",
                trailer.index.start.saturating_add(*offset)
            )),
            None => {
                Inside::Whole(Embedded { state, paged: false, payload_end: trailer.magic_offset })
            }
        }),
        Err(error) if error.kind() == ErrorKind::Corrupt => Ok(Inside::Damaged(error.to_string())),
        Err(error) => Err(Error::pack_at(container)(error)),
    }
}

fn paged(container: &Path, each: &mut dyn FnMut(Entry) -> Result<()>) -> Result<Inside> {
    let pack = Pack::open(container)?;
    let options = VerifyOptions { payloads: false, ndjson: false, ..VerifyOptions::default() };
    let report = verify(&pack, &options, &())?;
    if let Some(problem) = report.problems.first() {
        return Ok(Inside::Damaged(problem.to_string()));
    }
    // The length of the trailer is written with the footer, and may be missing.
    let (trailer, header) = (pack.header().trailer(), pack.header().section(Tag::TRAILER));
    if let Some(section) = header {
        let expected = trailer_header(section.extent.len);
        let found = Extent { start: trailer.start, len: expected.len() as u64 };
        if *pack.read_extent(found)? != expected {
            let problem = "the CTNRv1 trailer does not begin as it should";
            return Ok(Inside::Damaged(problem.to_owned()));
        }
    }
    refuse_to_lose(container, &pack)?;
    let mut state = JournalState::default();
    for entry in pack.entries() {
        let entry = entry?.to_entry().map_err(Error::pack_at(container))?;
        state.count(&entry);
        each(entry)?;
    }
    let payload_end = pack.header().payload_end();
    Ok(Inside::Whole(Embedded { state, paged: true, payload_end }))
}
