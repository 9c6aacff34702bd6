//! Writes the NDJSON index of a pack, as the old programs keep it beside a container.

use crate::container::journal;
use crate::container::known::refuse_to_lose_lines;
use crate::container::lock::lock_for;
use crate::error::{Action, ContainerProblem, Error, Result};
use crate::index::dictionaries;
use crate::index::ndjson;
use crate::progress::{Event, Observer, cancelled};
use crate::read::pack::Pack;
use crate::setters::setters;
use crate::source::platform::directory_of;
use crate::source::replace::{Finish, Replacement, refuse_same, refuse_to_replace};
use rangepack_core::{Entry, Escaped, Kind};
use std::io::{self, Write};
use std::path::Path;

/// So many entries are formatted at a time.
const ENTRIES_AT_A_TIME: u64 = 4096;

/// An NDJSON index that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NdjsonWritten {
    /// Its length in bytes.
    pub len: u64,
}

/// How an NDJSON index is written.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct NdjsonOptions {
    /// With lines for directories.
    pub directories: bool,
    /// Replace what is there; an NDJSON index only by one that holds all its entries.
    pub overwrite: bool,
}

setters!(NdjsonOptions {
    directories(bool),
    overwrite(bool),
});

/// Writes the NDJSON index of any pack, as the old programs keep it beside a container.
///
/// What a paged index beside a container adds to it, block
/// tables and attribute blocks, is not in the lines: they speak of the container alone.
pub fn write_ndjson(
    pack: &Pack,
    target: impl AsRef<Path>,
    options: NdjsonOptions,
    observer: &dyn Observer,
) -> Result<NdjsonWritten> {
    let target = target.as_ref();
    let overwrite = options.overwrite;
    let container = pack.location().disk();
    if let Some(container) = container {
        refuse_same(target, container)?;
    }
    let _locked = lock_for(target, container)?;
    let scratch = directory_of(target);
    refuse_to_replace(target, overwrite)?;
    if target.is_file() && is_ndjson(target) {
        let all = |each: &mut dyn FnMut(Entry) -> Result<()>| {
            pack.entries().try_for_each(|entry| {
                each(entry?.to_entry().map_err(Error::pack(pack.location()))?)
            })
        };
        refuse_to_lose_lines(target, &scratch, all)?;
    }
    let replacement = Replacement::new(target)?;
    let mut out = replacement.writer();
    let written = stream_ndjson(pack, &mut out, target, options, observer)?;
    drop(out);
    replacement.finish(Finish { overwrite, sync: true })?;
    Ok(written)
}

/// Writes the same lines into anything, which is flushed; errors name it as `target`.
pub fn stream_ndjson(
    pack: &Pack,
    out: &mut (impl Write + Send),
    target: impl AsRef<Path>,
    NdjsonOptions { directories, .. }: NdjsonOptions,
    observer: &dyn Observer,
) -> Result<NdjsonWritten> {
    let target = target.as_ref();
    let header = pack.header();
    let lines = header.totals.files + if directories { header.totals.directories } else { 0 };
    let starts = (0..header.entries).step_by(ENTRIES_AT_A_TIME as usize).map(Ok);
    let scan = |start: u64, text: &mut Vec<u8>| {
        if observer.cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        pack.entries_at(start..start + ENTRIES_AT_A_TIME).try_for_each(|entry| {
            let entry = entry.map_err(io::Error::other)?;
            let mut entry = entry.to_entry().map_err(io::Error::other)?;
            pack.place_dictionary(&mut entry).map_err(io::Error::other)?;
            if pack.index_beside().is_some() {
                entry.attributes = None;
                if let Kind::File(content) = &mut entry.kind {
                    content.blocks = None;
                    dictionaries::renumber(content, |_| 0);
                }
            }
            ndjson::push_checked_line(&entry, directories, text);
            observer.event(done(&entry));
            Ok(())
        })
    };
    let write = |error: io::Error| match error.kind() {
        io::ErrorKind::Interrupted => cancelled(target),
        _ => Error::io(Action::Write, target)(error),
    };
    let threads = crate::source::platform::default_threads();
    let (len, _) = ndjson::write(out, lines, threads, starts, scan).map_err(write)?;
    out.flush().map_err(write)?;
    Ok(NdjsonWritten { len })
}

/// Whether a file has the entries of a container, as lines.
pub(super) fn is_ndjson(path: &Path) -> bool {
    !matches!(
        journal::read(path, &(), &mut |_| Ok(())),
        Err(Error::Container {
            problem: ContainerProblem::NoEntries | ContainerProblem::LineTooLong { .. },
            ..
        })
    )
}

/// That an entry is in the new index.
pub(super) fn done(entry: &Entry) -> Event<'_> {
    let bytes = if let Kind::File(content) = &entry.kind { content.size } else { 0 };
    Event::Done { path: Escaped(entry.path.as_bytes()), bytes }
}
