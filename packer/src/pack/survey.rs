//! Counts what a tree holds, before it is packed.

use super::walk::ItemKind;
use super::{PackOptions, walk};
use crate::error::Result;
use crate::progress::{Observer, go_on};
use std::path::{Path, PathBuf};

/// What is there to be packed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Survey {
    /// Regular files.
    pub files: u64,
    /// Bytes of content in them; 0 when sizes were not asked for.
    pub bytes: u64,
}

/// Walks over a tree as packing would, and counts. `skip` are files that are left out, like the one that
/// will be written.
///
/// With `sizes` the system is asked about every file, which takes a multiple of the time. What cannot be
/// read is not counted; packing tells of it.
pub fn survey(
    source: &Path,
    options: &PackOptions,
    skip: Vec<PathBuf>,
    sizes: bool,
    observer: &dyn Observer,
) -> Result<Survey> {
    let mut survey = Survey::default();
    for batch in walk(source, options, skip)? {
        go_on(observer, source)?;
        for item in batch.items().filter(|item| item.kind == ItemKind::File) {
            survey.files += 1;
            if sizes {
                survey.bytes += batch.directory.metadata(item.name).map_or(0, |found| found.size);
            }
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
        assert_eq!(count(true), Survey { files: 1, bytes: 5 });
        assert_eq!(count(false), Survey { files: 1, bytes: 0 });
        let stop = AtomicBool::new(true);
        let error = survey(root.path(), &options, Vec::new(), true, &stop).unwrap_err();
        assert!(error.is_cancelled());
    }
}
