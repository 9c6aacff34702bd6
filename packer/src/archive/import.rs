//! Packs what a tar or zip archive holds, without unpacking it first.

mod fill;
mod links;
mod long;
mod members;
mod open;
mod records;
mod sample;
mod sparse;
mod tar;
mod zip;

use crate::error::{Action, Error, Result};
use crate::index::writer::{Extras, IndexWriter};
use crate::pack::{Output, PackOptions, Packed, Stream, Trained, metadata};
use crate::progress::{Latch, Observer};
use crate::source::platform::directory_of;
use crate::source::replace::{Replacement, refuse_same, refuse_to_replace};
use fill::Filler;
pub(super) use links::HardLinks;
pub(super) use members::{Content, Lies, Member, MemberKind, Visit, path_of};
use open::Opened;
pub(super) use open::{Lying, each_lying};
use std::fmt;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// An archive that is to be packed: tar, perhaps in gzip or Zstandard, or zip. Its first bytes say which.
#[non_exhaustive]
pub enum Archive {
    /// A file.
    File(PathBuf),
    /// Something that is read from front to back, which zip archives cannot be.
    Stream {
        /// Where its bytes come from.
        reader: Box<dyn Read + Send>,
        /// What it is called in errors.
        name: PathBuf,
    },
}

impl fmt::Debug for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Archive").field(&self.name()).finish()
    }
}

impl Archive {
    /// One that is read from front to back, and is called so in errors.
    pub fn stream(reader: impl Read + Send + 'static, name: impl Into<PathBuf>) -> Archive {
        Archive::Stream { reader: Box::new(reader), name: name.into() }
    }

    fn name(&self) -> &Path {
        match self {
            Archive::File(path) => path,
            Archive::Stream { name, .. } => name,
        }
    }
}

/// Packs what is in an archive into `target`, which appears when it is complete.
///
/// Payloads lie in the order of the archive, entries are sorted afterwards. Of several members with one path the last counts;
/// what the others held stays in the pack, unnamed. Directories that no member names have neither mode nor time.
/// A slash in front of a path is taken off. The same archive and options give the same bytes; dictionaries for small files are learnt of files
/// only, which can be read twice.
///
/// Memory grows with the number of hard links, not of members; of zip archives 16 bytes a member are kept. Large files that are to
/// be compressed wait in a temporary file.
///
/// # Errors
/// [`Error::Archive`] when it is none, or damaged: then there is no pack. Members that cannot be packed are left out and told of.
/// And those of [`pack()`](crate::pack()).
pub fn import(
    archive: Archive,
    target: impl AsRef<Path>,
    options: &PackOptions,
    observer: &dyn Observer,
) -> Result<Packed> {
    let target = target.as_ref();
    let observer = &Latch::new(observer);
    options.check()?;
    refuse_to_replace(target, options.overwrite)?;
    if let Archive::File(path) = &archive {
        refuse_same(target, path)?;
    }
    let extras = Extras { metadata: metadata(target, &options.metadata)?, ..Extras::default() };
    let name = archive.name().to_owned();
    let mut trained = learn(&archive, options, observer)?;
    let opened = Opened::open(archive)?;
    let replacement = Replacement::new(target)?;
    let scratch = directory_of(replacement.target());
    let file = replacement.file().try_clone().map_err(Error::io(Action::Create, target))?;
    let dedup = options.dedup.then(crate::pack::Dedup::default);
    let mut output = Output::new(file, target, 0, options.align, dedup)?;
    let list = trained.store(&mut output)?;
    let mut index = IndexWriter::new(&scratch).with_dictionaries(list)?;
    let filler = Filler { options, trained: &trained, observer, name: &name, scratch: &scratch };
    let (summary, unmatched) = filler.fill(opened, &mut output, &mut index)?;
    let finished =
        crate::pack::finish_file(replacement, output, index, target, &extras, &summary, options)?;
    Ok(Packed { summary, finished, unmatched })
}

/// The same into something that takes bytes only: see [`pack_stream`](crate::pack_stream).
///
/// # Errors
/// As [`import`].
pub fn import_stream(
    archive: Archive,
    out: Box<dyn Write + Send>,
    name: &Path,
    options: &PackOptions,
    observer: &dyn Observer,
) -> Result<Packed> {
    let observer = &Latch::new(observer);
    options.check()?;
    let extras = Extras { metadata: metadata(name, &options.metadata)?, ..Extras::default() };
    let from = archive.name().to_owned();
    let mut trained = learn(&archive, options, observer)?;
    let opened = Opened::open(archive)?;
    let scratch = std::env::temp_dir();
    let dedup = options.dedup.then(crate::pack::Dedup::default);
    let mut output = Output::stream(Stream::new(out), name, options.align, dedup);
    let list = trained.store(&mut output)?;
    let mut index = IndexWriter::new(&scratch).with_dictionaries(list)?;
    let filler = Filler { options, trained: &trained, observer, name: &from, scratch: &scratch };
    let (summary, unmatched) = filler.fill(opened, &mut output, &mut index)?;
    let finished = crate::pack::finish_stream(output, index, name, &extras, options.index)?;
    Ok(Packed { summary, finished, unmatched })
}

/// Goes through an archive that can be read twice, for what its small files have in common.
fn learn(archive: &Archive, options: &PackOptions, observer: &dyn Observer) -> Result<Trained> {
    let (Some(mut sampler), Archive::File(path)) = (Trained::sampler(options), archive) else {
        return Ok(Trained::default());
    };
    let opened = Opened::open(Archive::File(path.clone()))?;
    sample::sample(opened, options, path, &mut sampler, observer)?;
    Trained::of(sampler, options, observer, path)
}

#[cfg(test)]
mod tests;
