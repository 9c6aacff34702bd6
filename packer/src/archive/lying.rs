//! An index for archives that stay as they are: what their members hold is read where it lies (FORMAT.md, "Files beside a pack").

mod bytes;
mod hash;
mod visit;

use crate::archive::import::{Lying, each_lying};
use crate::error::{Action, ArchiveProblem, ContainerProblem, Error, Result};
use crate::index::writer::{Extras, Finished, IndexOptions, IndexWriter};
use crate::merge::{self, MergeInput, MergeOptions, OnConflict};
use crate::progress::{Latch, Observer, go_on};
use crate::read::growing::open_index;
use crate::read::pack::Pack;
use crate::setters::setters;
use crate::source::data::Data;
use crate::source::location::Location;
use crate::source::options::OpenOptions;
use crate::source::platform::directory_of;
use crate::source::replace::{Finish, Replacement, refuse_same, refuse_to_replace};
use bytes::{Places, Stream};
use rangepack_core::layout::Volume;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use visit::Indexer;

/// How an archive is indexed.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ArchiveIndexOptions {
    /// How the archive is opened.
    pub open: OpenOptions,
    /// Replace an index that is there.
    pub overwrite: bool,
    /// Of several archives: paths that two of them have with different content.
    pub on_conflict: OnConflict,
    /// Of several archives: the directory, or the beginning of the URLs, below which they lie; see [`MergeOptions::volumes`].
    pub volumes: Option<Location>,
}

setters!(ArchiveIndexOptions {
    open(OpenOptions),
    overwrite(bool),
    on_conflict(OnConflict),
    volumes(impl Into<Option<Location>>),
});

/// What was made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ArchiveIndexed {
    /// The index.
    pub finished: Finished,
    /// How many members are not in it, or say something that no index can hold.
    pub failed: u64,
    /// How many are in it, and cannot be read: encrypted, compressed in another way, or in pieces.
    pub unreadable: u64,
    /// Sockets, pipes and devices, which are left out.
    pub special: u64,
}

/// Makes a paged index, `sidecar`, for a tar or zip archive, which stays untouched and from then on is read like a pack.
///
/// The archive is read once, from front to back or, of a zip, member by member; each payload is hashed as it lies there, and what is
/// compressed is decoded as it will be by readers. Stored payloads that are longer than a block get block tables. Of several
/// members with one path the last counts. Members that cannot be read where they lie are in the index, and reading them fails:
/// those that are encrypted, compressed in a way that no pack has, or files with holes, whose bytes lie in pieces.
///
/// Where the sidecar is called as the archive is, with `.rpx` behind, it is found beside it, and the two may be renamed together. With
/// another name it names the archive, which must lie in its directory, or where [`OpenOptions::volumes`] says.
///
/// Memory grows with the number of hard links, and of zip archives by 16 bytes a member.
///
/// # Errors
/// [`Error::Archive`] when it is none, is damaged or compressed as a whole, or changed while it was read: then there is no index.
pub fn index_archive(
    archive: impl Into<Location>,
    sidecar: impl AsRef<Path>,
    options: &ArchiveIndexOptions,
    observer: &dyn Observer,
) -> Result<ArchiveIndexed> {
    let (archive, sidecar) = (archive.into(), sidecar.as_ref());
    let observer = &Latch::new(observer);
    index_as(&archive, sidecar, is_beside(&archive, sidecar), options, observer)
}

/// The same; the index does not name the archive when it is known otherwise which one is meant.
fn index_as(
    archive: &Location,
    sidecar: &Path,
    is_known: bool,
    options: &ArchiveIndexOptions,
    observer: &dyn Observer,
) -> Result<ArchiveIndexed> {
    if let Some(path) = archive.disk() {
        refuse_same(sidecar, path)?;
    }
    refuse_to_replace(sidecar, options.overwrite)?;
    let replacement = Replacement::new(sidecar)?;
    let directory = directory_of(replacement.target());
    let (name, before) = (name_of(archive), stamp(archive));
    let data = Data::open(archive, &options.open)?;
    if open_index(&data, &options.open)?.is_some() {
        return Err(Error::container(&name, ContainerProblem::HasPagedIndex));
    }
    let mut indexer = Indexer::new(observer, &name, &directory);
    let lying = Lying {
        stream: Box::new(Stream::new(&data)),
        places: Box::new(Places::new(&data)),
        len: data.len(),
    };
    each_lying(lying, &name, &mut indexer)?;
    let mut writer = IndexWriter::new(&directory);
    let mut done = indexer.finish(&mut writer)?;
    go_on(observer, sidecar)?;
    data.intact()?;
    if stamp(archive) != before {
        let problem = ArchiveProblem::Changed;
        return Err(Error::Archive { archive: name, problem });
    }
    let mut out = replacement.writer();
    let volume = match is_known {
        true => Volume::beside(data.len()),
        false => named(archive, data.len())?,
    };
    let extras = Extras { volumes: vec![volume], ..Extras::default() };
    done.tables.write_to(&mut out).map_err(Error::io(Action::Write, sidecar))?;
    let (paged, at_once) = (IndexOptions::paged(), |_: &mut _| Ok(()));
    let end = done.tables.end();
    let finished = writer.finish(&mut out, sidecar, end, &extras, paged, at_once)?;
    drop(out);
    replacement.finish(Finish { overwrite: options.overwrite, sync: true })?;
    let visit::Done { failed, unreadable, special, .. } = done;
    Ok(ArchiveIndexed { finished, failed, unreadable, special })
}

/// Makes one index of several archives: each as by [`index_archive`], and then all as by [`merge`](crate::merge()), which says what becomes
/// of paths that several have. In its table of volumes are the archives.
///
/// # Errors
/// As those two.
pub fn index_archives(
    archives: &[Location],
    target: impl AsRef<Path>,
    options: &ArchiveIndexOptions,
    observer: &dyn Observer,
) -> Result<ArchiveIndexed> {
    let target = target.as_ref();
    let observer = &Latch::new(observer);
    for path in archives.iter().filter_map(Location::disk) {
        refuse_same(target, path)?;
    }
    refuse_to_replace(target, options.overwrite)?;
    let replacement = Replacement::new(target)?;
    let directory = directory_of(replacement.target());
    let temporary = || Error::io(Action::UseTemporary, &directory);
    let scratch = tempfile::Builder::new().prefix(".rangepack-").tempdir_in(&directory);
    let scratch = scratch.map_err(temporary())?;
    let (mut packs, mut sums) = (Vec::new(), (0, 0, 0));
    for (number, archive) in archives.iter().enumerate() {
        let index = scratch.path().join(format!("{number}.rpx"));
        let made = index_as(archive, &index, true, options, observer)?;
        sums = (sums.0 + made.failed, sums.1 + made.unreadable, sums.2 + made.special);
        let mut open = options.open.clone();
        open.index = Some(Location::Disk(index));
        packs.push(Pack::open_with(archive.clone(), &open)?);
    }
    let mut how = MergeOptions::new().on_conflict(options.on_conflict);
    how.open = options.open.clone();
    let inputs: Vec<MergeInput> = archives.iter().map(|it| MergeInput::new(it.clone())).collect();
    let base = options.volumes.clone().unwrap_or_else(|| Location::from(target).folder());
    let file = merge::Target::File(replacement.file());
    let output = merge::Output { path: target, base: &base, scratch: &directory, target: file };
    let merged = merge::write(&inputs, packs, &output, Extras::default(), &how, observer)?;
    scratch.close().map_err(temporary())?;
    replacement.finish(Finish { overwrite: options.overwrite, sync: true })?;
    let (failed, unreadable, special) = sums;
    Ok(ArchiveIndexed { finished: merged.finished, failed, unreadable, special })
}

/// What it is called in errors.
fn name_of(archive: &Location) -> PathBuf {
    match archive {
        Location::Disk(path) => path.clone(),
        Location::Url(url) => PathBuf::from(url.to_string()),
    }
}

/// Whether the sidecar's name says which archive is meant.
fn is_beside(archive: &Location, sidecar: &Path) -> bool {
    let own = Location::from(sidecar).beside_which();
    own.is_some_and(|own| own.name() == archive.name())
}

/// The archive by its name.
fn named(archive: &Location, len: u64) -> Result<Volume> {
    let own = || archive.name().as_encoded_bytes().to_vec();
    let name = archive.within(&archive.folder()).unwrap_or_else(own);
    let volume = Volume::new(name, len);
    // Not every name is one of a file everywhere.
    let list = Volume::list_to_bytes(std::slice::from_ref(&volume));
    let checked = list.and_then(|list| Volume::list_from_bytes(&list));
    checked.map(|_| volume).map_err(Error::pack(archive))
}

/// What changes when a file on disk is written to, or replaced.
fn stamp(archive: &Location) -> Option<(u64, Option<SystemTime>, [u64; 4])> {
    let metadata = std::fs::metadata(archive.disk()?).ok()?;
    #[cfg(unix)]
    let more = {
        use std::os::unix::fs::MetadataExt;
        let (seconds, nanoseconds) = (metadata.ctime(), metadata.ctime_nsec());
        [metadata.dev(), metadata.ino(), seconds.cast_unsigned(), nanoseconds.cast_unsigned()]
    };
    #[cfg(not(unix))]
    let more = [0; 4];
    Some((metadata.len(), metadata.modified().ok(), more))
}

#[cfg(test)]
mod tests;
