//! Rewrites a pack in its place, with nothing but what its last generation needs.

use super::{MergeInput, MergeOptions, Output, Target, write};
use crate::container::lock::Locked;
use crate::error::{Action, ContainerProblem, Error, Result, Setting};
use crate::index::writer::{DirectoryLines, Extras, Finished, IndexFormat, IndexOptions};
use crate::progress::{Latch, Observer};
use crate::read::format::Format;
use crate::read::pack::Pack;
use crate::read::volumes::root_of;
use crate::setters::setters;
use crate::source::location::growth_note_path;
use crate::source::options::OpenOptions;
use crate::source::platform::directory_of;
use crate::source::replace::{Finish, Replacement, remove_stale};
use rangepack_core::Tag;
use std::path::Path;

/// How a pack is compacted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CompactOptions {
    /// Each payload begins at a multiple of this many bytes. Packs do not say how theirs are aligned.
    pub align: u64,
    /// How it is opened; of a merged pack, where its parts lie.
    pub open: OpenOptions,
}

impl Default for CompactOptions {
    fn default() -> CompactOptions {
        CompactOptions { align: 1, open: OpenOptions::default() }
    }
}

setters!(CompactOptions {
    align(u64),
    open(OpenOptions),
});

/// A pack that was compacted.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Compacted {
    /// What it is now.
    pub finished: Finished,
    /// Length of the file before, in bytes.
    pub file_len_before: u64,
    /// How many other files held payloads before. It needs none of them any more.
    pub volumes_before: u32,
}

/// Rewrites a pack with what its last generation needs: without older ones, and without bytes that no entry names. Of a merged pack it makes one
/// file.
///
/// It has the same entries, metadata and kinds of index, another root digest, and the permissions of the old file. It takes the place of the old one at
/// once, when all of it is on disk: whoever has that open reads on. Nobody packs into it meanwhile. What is copied is verified, as by
/// [`merge()`](super::merge()) with copies; there is room for both files, or it fails.
///
/// # Errors
/// [`Error::Container`] when somebody packs into it, when it has no paged index inside, or a section that would be lost; [`Error::Lost`] when another
/// file has taken its place meanwhile; and those of [`merge()`](super::merge()). The pack is as it was then.
pub fn compact(
    pack: impl AsRef<Path>,
    options: &CompactOptions,
    observer: &dyn Observer,
) -> Result<Compacted> {
    let path = pack.as_ref();
    Setting::Align.check(options.align)?;
    let observer = &Latch::new(observer);
    let locked = Locked::open(path, false)?;
    // It may be longer than the pack is, where growing it was interrupted (FORMAT.md, "Files beside a pack").
    let file_len_before = locked.len()?;
    let pack = Pack::open_observed(path, &options.open, observer)?;
    check(path, &pack)?;
    let input = MergeInput::new(path);
    let mut merging = MergeOptions::new().copy(true).align(options.align);
    merging.index = index_of(&pack)?;
    let metadata = pack.user_metadata()?;
    let metadata = (!metadata.is_empty()).then(|| serde_json::to_vec(&metadata)).transpose();
    let metadata = metadata.map_err(|error| Error::io(Action::Write, path)(error.into()))?;
    let extras = Extras { metadata, ..Extras::default() };
    let volumes_before = pack.volume_count();

    let replacement = Replacement::new(path)?;
    let permissions = path.metadata().and_then(|old| {
        let permissions = old.permissions();
        replacement.file().set_permissions(permissions)
    });
    permissions.map_err(Error::io(Action::Create, path))?;
    let (scratch, target) = (directory_of(replacement.target()), Target::File(replacement.file()));
    let base = input.location.folder();
    let output = Output { path, base: &base, scratch: &scratch, target };
    let merged = write(&[input], vec![pack], &output, extras, &merging, observer)?;
    // Who replaces a pack by renaming asks for no lock.
    if !locked.has_the_name()? || locked.len()? != file_len_before {
        let found = path.metadata().map_or(0, |now| now.len());
        return Err(Error::Lost { path: path.to_owned(), expected: file_len_before, found });
    }
    let note = growth_note_path(replacement.target());
    replacement.finish(Finish { overwrite: true, sync: true })?;
    // One that stays says nothing: the file has an index at its end.
    remove_stale(&note);
    Ok(Compacted { finished: merged.finished, file_len_before, volumes_before })
}

/// Fails when it is no pack all of which can be kept.
fn check(path: &Path, pack: &Pack) -> Result<()> {
    if pack.format() != Format::Paged || pack.index_beside().is_some() {
        return Err(Error::container(path, ContainerProblem::NoPagedIndex));
    }
    // An older generation was asked for, and the newer ones would be lost.
    if let (Some(expected), Some(found)) = (pack.digest(), root_of(pack.data())?)
        && expected != found
    {
        let wrong = rangepack_core::Error::WrongRoot { expected, found };
        return Err(Error::pack_at(path)(wrong));
    }
    let mut sections = pack.header().sections().iter();
    match sections.find(|section| !section.is_known() && !section.is_droppable()) {
        Some(section) => {
            Err(Error::container(path, ContainerProblem::Section { tag: section.tag }))
        }
        None => Ok(()),
    }
}

/// Which indexes it has.
fn index_of(pack: &Pack) -> Result<IndexOptions> {
    let Some(trailer) = pack.header().section(Tag::TRAILER) else {
        return Ok(IndexOptions::paged());
    };
    let (mut lines, mut has_any) = (0, false);
    for piece in pack.data().pieces_of(trailer.extent) {
        let piece = piece?;
        lines += memchr::memchr_iter(b'\n', &piece).count() as u64;
        has_any |= piece.contains(&b'{');
    }
    // A single entry, or none, is a list on one line.
    if lines < 2 {
        lines = u64::from(has_any);
    }
    let has_directories = lines > pack.header().totals.files;
    let directories = if has_directories { DirectoryLines::Always } else { DirectoryLines::Auto };
    Ok(IndexOptions::new().format(IndexFormat::Both).directories(directories))
}
