//! Counts what a tree holds, before it is packed.

use super::sources::Sources;
use super::walk::{Batch, ItemKind};
use super::{PackOptions, walk};
use crate::error::{LeftOut, Result};
use crate::progress::{Event, Observer, go_on};
use rangepack_core::Escaped;
use std::path::{Path, PathBuf};

/// What is there to be packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Survey {
    /// Regular files.
    pub files: u64,
    /// Directories.
    pub directories: u64,
    /// Symbolic links.
    pub symlinks: u64,
    /// Sockets, pipes and devices, which are not packed.
    pub special: u64,
    /// Files and directories that cannot be examined.
    pub failed: u64,
    /// Bytes of content in the files; 0 when sizes were not asked for.
    pub bytes: u64,
}

/// Walks over a tree as packing would, and counts. `skip` are files that are left out, like the one that
/// will be written.
///
/// With `sizes` the system is asked about every file, which takes a multiple of the time. Files are not opened, so it
/// does not show whether they can be read.
pub fn survey(
    source: impl AsRef<Path>,
    options: &PackOptions,
    skip: Vec<PathBuf>,
    sizes: bool,
    observer: &dyn Observer,
) -> Result<Survey> {
    let source = source.as_ref();
    count(walk(source, options, skip, observer)?, sizes, observer, source)
}

/// The same for files and directories from several places, with their sizes.
pub fn survey_sources(
    sources: Sources,
    options: &PackOptions,
    skip: Vec<PathBuf>,
    observer: &dyn Observer,
) -> Result<Survey> {
    let (walk, failure) = sources.walk(options, skip, observer)?;
    let survey = count(walk, true, observer, Path::new("."))?;
    failure.check().map(|()| survey)
}

fn count(
    walk: impl Iterator<Item = Batch>,
    sizes: bool,
    observer: &dyn Observer,
    at: &Path,
) -> Result<Survey> {
    let mut survey = Survey::default();
    for batch in walk {
        go_on(observer, at)?;
        for problem in &batch.problems {
            survey.failed += u64::from(!matches!(problem.kind, LeftOut::BadIgnoreLine { .. }));
            observer.event(Event::LeftOut { path: &problem.disk_path, problem: &problem.kind });
        }
        for item in batch.items() {
            let mut bytes = 0;
            match item.kind {
                ItemKind::File => {
                    survey.files += 1;
                    if sizes {
                        bytes = batch.directory.metadata(item.name).map_or(0, |found| found.size);
                    }
                }
                ItemKind::Directory | ItemKind::Made => survey.directories += 1,
                ItemKind::Symlink => survey.symlinks += 1,
                ItemKind::Other => {
                    survey.special += 1;
                    continue;
                }
            }
            survey.bytes += bytes;
            let path = batch.directory.pack_path_of(item.name);
            observer.event(Event::Done { path: Escaped(&path), bytes });
        }
    }
    Ok(survey)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{Filter, FilterOptions};
    use std::sync::atomic::AtomicBool;

    #[test]
    fn what_the_filter_takes_is_counted() {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in [("a.txt", "12345"), ("b.txt", "1"), ("c.bin", "123")] {
            std::fs::write(root.path().join(name), content).unwrap();
        }
        let filter = FilterOptions { extensions: vec!["txt".to_owned()], ..Default::default() };
        let options =
            PackOptions { filter: Filter::new(filter).unwrap(), ..PackOptions::default() };
        let skip = vec![root.path().join("b.txt")];
        let count = |sizes| survey(root.path(), &options, skip.clone(), sizes, &()).unwrap();
        assert_eq!(count(true), Survey { files: 1, bytes: 5, ..Survey::default() });
        assert_eq!(count(false), Survey { files: 1, ..Survey::default() });
        let stop = AtomicBool::new(true);
        let error = survey(root.path(), &options, Vec::new(), true, &stop).unwrap_err();
        assert!(error.is_cancelled());
    }
}
