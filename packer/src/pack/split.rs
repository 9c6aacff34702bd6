//! Cuts a tree into lists of about the same weight, for as many processes or machines that pack them.

use super::walk::ItemKind;
use super::{PackOptions, survey, walk};
use crate::error::{Action, Error, Result, Setting};
use crate::progress::{Observer, go_on};
use crate::source::replace::{Finish, Replacement, create_directories, refuse_to_replace};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What an entry weighs beside its bytes: to open a file takes as long as to read so many.
const EACH: u64 = 16 << 10;

/// Lines are written when there are so many bytes of them.
const BUFFER: usize = 64 << 10;

/// What a tree was cut into.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Split {
    /// The lists.
    pub shares: Vec<Share>,
    /// Directories that cannot be read: what is in them is in no list.
    pub failed: u64,
}

/// A list of paths, one of several that a tree was cut into.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Share {
    /// The list: paths below the source, each ended by a NUL byte, in key order.
    pub list: PathBuf,
    /// How many files and links it names.
    pub files: u64,
    /// How many bytes these have.
    pub bytes: u64,
}

/// Writes `count` lists into `folder`, `part-000.list` and so on, that name all that packing `source` would pack, in key order.
/// Each weighs about the same: bytes, and 16 KiB for every entry. Packed one by one and merged they are the tree.
///
/// The tree is walked twice, and the system asked for the size of each file; no names are held. The same tree gives the same
/// lists. The lists themselves are in none, wherever they lie.
///
/// # Errors
/// [`Error::Exists`] when a list is there already, and [`Error::Setting`] for a count of 0.
pub fn split(
    source: impl AsRef<Path>,
    count: usize,
    folder: impl AsRef<Path>,
    options: &PackOptions,
    observer: &dyn Observer,
) -> Result<Split> {
    let (source, folder) = (source.as_ref(), folder.as_ref());
    Setting::Lists.check(count as u64)?;
    let digits = (count - 1).to_string().len().max(3);
    let list = |number| folder.join(format!("part-{number:0digits$}.list"));
    let lists: Vec<PathBuf> = (0..count).map(list).collect();
    create_directories(folder)?;
    lists.iter().try_for_each(|list| refuse_to_replace(list, false))?;
    let counted = survey(source, options, lists.clone(), true, observer)?;
    let entries = counted.files + counted.directories + counted.symlinks;
    let total = u128::from(counted.bytes) + u128::from(entries) * u128::from(EACH);

    let paths = lists.iter();
    let mut writing = Lists { paths, open: None, lines: Vec::new(), shares: Vec::new() };
    let mut before = 0u128;
    for batch in walk(source, options, lists.clone(), observer)? {
        go_on(observer, source)?;
        for item in batch.items() {
            let bytes = match item.kind {
                ItemKind::File => batch.directory.metadata(item.name).map_or(0, |found| found.size),
                ItemKind::Directory | ItemKind::Made | ItemKind::Symlink => 0,
                ItemKind::Other => continue,
            };
            // The share in which the middle of the entry's weight lies; of a tree that grew meanwhile the last one has the rest.
            let weight = u128::from(bytes) + u128::from(EACH);
            let number = (before + weight / 2) * count as u128 / total.max(1);
            writing.begin_up_to(usize::try_from(number).unwrap_or(usize::MAX).min(count - 1))?;
            writing.push(&batch.directory.pack_path_of(item.name), item.kind, bytes)?;
            before += weight;
        }
    }
    writing.begin_up_to(count - 1)?;
    writing.end()?;
    Ok(Split { shares: writing.shares, failed: counted.failed })
}

/// The lists, one after the other.
struct Lists<'l> {
    paths: std::slice::Iter<'l, PathBuf>,
    open: Option<Replacement>,
    lines: Vec<u8>,
    shares: Vec<Share>,
}

impl Lists<'_> {
    /// Ends lists and begins others, until the one of this number is open.
    fn begin_up_to(&mut self, number: usize) -> Result<()> {
        while self.shares.len() <= number
            && let Some(list) = self.paths.next()
        {
            self.end()?;
            self.open = Some(Replacement::new(list)?);
            self.shares.push(Share { list: list.clone(), files: 0, bytes: 0 });
        }
        Ok(())
    }

    /// Adds a path to the list that is open.
    fn push(&mut self, path: &[u8], kind: ItemKind, bytes: u64) -> Result<()> {
        self.lines.extend_from_slice(path);
        self.lines.push(0);
        if let Some(share) = self.shares.last_mut()
            && !matches!(kind, ItemKind::Directory | ItemKind::Made)
        {
            share.files += 1;
            share.bytes += bytes;
        }
        if self.lines.len() >= BUFFER { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<()> {
        let Some(list) = &self.open else { return Ok(()) };
        let written = list.file().write_all(&self.lines);
        self.lines.clear();
        written.map_err(Error::io(Action::Write, list.target()))
    }

    /// Gives the list that is open its name.
    fn end(&mut self) -> Result<()> {
        self.flush()?;
        let how = Finish { overwrite: false, sync: false };
        self.open.take().map_or(Ok(()), |list| list.finish(how))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn lists_weigh_the_same_and_name_everything_once() {
        let home = tempfile::tempdir().unwrap();
        let tree = home.path().join("tree");
        for directory in ["a", "b", "c"] {
            fs::create_dir_all(tree.join(directory)).unwrap();
            for number in 0..40 {
                let content = vec![7; number * 1000];
                fs::write(tree.join(directory).join(format!("{number:02}")), content).unwrap();
            }
        }
        fs::create_dir(tree.join("empty")).unwrap();
        let options = PackOptions::default();
        let run = |name: &str, count| {
            let folder = home.path().join(name);
            split(&tree, count, folder, &options, &()).unwrap().shares
        };
        let names = |shares: &[Share]| -> Vec<u8> {
            shares.iter().flat_map(|share| fs::read(&share.list).unwrap()).collect()
        };
        let one = run("one", 1);
        assert_eq!((one[0].files, one[0].bytes), (120, 3 * 780_000));
        let four = run("four", 4);
        assert_eq!(names(&four), names(&one));
        for share in &four {
            let weight = share.bytes + share.files * EACH;
            assert!((1_000_000..1_300_000).contains(&weight), "{share:?}");
        }
        let many = run("many", 500);
        assert_eq!((many.len(), names(&many)), (500, names(&one)));
        assert_eq!(many[7].list.file_name().unwrap(), "part-007.list");
        // In the tree itself they are in none.
        let inside = split(&tree, 4, tree.join("a"), &options, &()).unwrap().shares;
        assert_eq!(names(&inside), names(&one));
        let error = split(&tree, 4, home.path().join("four"), &options, &()).unwrap_err();
        assert!(matches!(error, Error::Exists { .. }));
        assert!(split(&tree, 0, home.path().join("none"), &options, &()).is_err());
    }
}
