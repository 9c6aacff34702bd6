//! What is packed, and where each of it is put.

use super::PackOptions;
use super::walk::{Place, Placed, Walk, WalkOptions, Wanted, Way};
use crate::error::{Action, Error, Result};
use crate::index::sort::Sorter;
use crate::progress::Observer;
use rangepack_core::PackPath;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What is packed: files and directories from several places, each under a path of its own.
///
/// ```
/// use rangepack::{PackOptions, Sources, pack_sources};
/// use rangepack_core::PackPath;
/// # let home = tempfile::tempdir()?;
/// # std::env::set_current_dir(home.path())?;
/// # std::fs::create_dir("photos")?;
/// # std::fs::write("notes.txt", "of cats")?;
/// let mut sources = Sources::new(&std::env::temp_dir());
/// sources.add("photos".as_ref(), PackPath::new(b"pictures/2024")?)?;
/// sources.add("notes.txt".as_ref(), PackPath::new(b"notes.txt")?)?;
/// let packed = pack_sources(sources, "all.pack", &PackOptions::default(), &())?;
/// assert_eq!((packed.summary.files, packed.summary.directories), (1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Any number of them takes the same memory: they are sorted in a temporary file. Directories above them that are not
/// given themselves are packed, too: with what the disk says of them where they have the same names there, and
/// otherwise without mode and time.
#[derive(Debug)]
pub struct Sources {
    /// The directory whose content lies at the root.
    root: Option<PathBuf>,
    sorter: Sorter,
    scratch: PathBuf,
    /// The path that was added last: those above it need not be added again.
    last: Vec<u8>,
    /// Some of what was added, for whoever wants to see what it is like.
    samples: Vec<(PathBuf, Vec<u8>)>,
}

impl Sources {
    /// Nothing yet. A temporary file may be needed, which lies in the directory `scratch`.
    pub fn new(scratch: &Path) -> Sources {
        let (sorter, scratch) = (Sorter::new(scratch), scratch.to_owned());
        Sources { root: None, sorter, scratch, last: Vec::new(), samples: Vec::new() }
    }

    /// Puts what lies at `disk` at `path` in the pack: a file, or a directory with all that is in it, in which nothing
    /// else can be put then. A link there is followed. At the root it is the directory's content.
    ///
    /// What is not there, or whose path another has, is left out when it is packed.
    pub fn add(&mut self, disk: &Path, path: PackPath<'_>) -> Result<()> {
        if self.samples.len() < SAMPLES {
            self.samples.push((disk.to_owned(), path.as_bytes().to_vec()));
        }
        if path.is_root() && self.root.is_none() {
            self.root = Some(disk.to_owned());
            return Ok(());
        }
        self.push(disk, path, Way::Whole)
    }

    /// The same without what is in a directory; a link is not followed.
    pub fn add_alone(&mut self, disk: &Path, path: PackPath<'_>) -> Result<()> {
        self.push(disk, path, Way::Alone)
    }

    fn push(&mut self, disk: &Path, path: PackPath<'_>, way: Way) -> Result<()> {
        let Sources { sorter, scratch, last, .. } = self;
        let bytes = path.as_bytes();
        let ends: Vec<usize> = memchr::memchr_iter(b'/', bytes).collect();
        let mut push = |path: PackPath<'_>, disk: Option<&Path>, way| {
            let pushed = sorter.push_one(Place::to_entry(path.to_owned(), disk, way));
            pushed.map_err(Error::io(Action::UseTemporary, scratch))
        };
        for (number, end) in ends.iter().enumerate() {
            let above = &bytes[..*end];
            let is_known = last.strip_prefix(above).is_some_and(|rest| rest.starts_with(b"/"));
            if let (false, Ok(above)) = (is_known, PackPath::new(above)) {
                let levels = ends.len() - number;
                let there = disk.ancestors().nth(levels).filter(|disk| is_called(disk, above));
                push(above, there, Way::Above)?;
            }
        }
        push(path, Some(disk), way)?;
        last.clear();
        last.extend_from_slice(bytes);
        Ok(())
    }

    /// Some of what was added, all of it when that is not too much: where it lies, and its path in the pack.
    pub(crate) fn samples(&self) -> &[(PathBuf, Vec<u8>)] {
        &self.samples
    }

    /// Begins the walk; `skip` are the files being written. The other thing tells whether it came to its end.
    pub(crate) fn walk<'o>(
        self,
        options: &PackOptions,
        skip: Vec<PathBuf>,
        observer: &'o dyn Observer,
    ) -> Result<(Placed<'o>, Failure)> {
        options.check()?;
        let Sources { root, sorter, scratch, .. } = self;
        let walk = |root: PathBuf| walk_tree(&root, options, skip.clone(), observer);
        let first = root.map(walk).transpose()?;
        let temporary = || Error::io(Action::UseTemporary, &scratch);
        let places = sorter.merge().map_err(temporary())?;
        let failure = Failure { scratch: scratch.clone(), error: Arc::default() };
        let options = walk_options(options, skip);
        let placed = Placed::new(places, first, options, observer, Arc::clone(&failure.error));
        Ok((placed.map_err(temporary())?, failure))
    }
}

/// The path in a pack of one that a list names: `.` and what makes it absolute fall away; `None` when it holds `..`. Nothing
/// is left of the directory itself.
pub fn listed_name(path: &Path) -> Option<Vec<u8>> {
    let mut name = Vec::new();
    for component in path.components() {
        match component {
            Component::Normal(part) => {
                if !name.is_empty() {
                    name.push(b'/');
                }
                name.extend_from_slice(part.as_encoded_bytes());
            }
            Component::ParentDir => return None,
            Component::Prefix(_) | Component::RootDir | Component::CurDir => {}
        }
    }
    Some(name)
}

/// So many of the places that were added are kept as samples.
const SAMPLES: usize = 16_384;

/// Whether a directory on disk has the name that it has in the pack.
fn is_called(disk: &Path, path: PackPath<'_>) -> bool {
    disk.file_name().is_some_and(|name| name.as_encoded_bytes() == path.name())
}

fn walk_options(options: &PackOptions, skip: Vec<PathBuf>) -> WalkOptions {
    let (filter, follow_links) = (options.filter.clone(), options.follow_links);
    WalkOptions { filter, follow_links, skip, ..WalkOptions::default() }
}

/// Begins the walk over a directory's content; `skip` are the files being written.
pub(crate) fn walk_tree(
    source: &Path,
    options: &PackOptions,
    skip: Vec<PathBuf>,
    observer: &dyn Observer,
) -> Result<Walk> {
    options.check()?;
    let mut options = walk_options(options, skip);
    let begin = |options| Walk::new(source, options).map_err(Error::io(Action::Read, source));
    if options.filter.narrows() {
        options.wanted = Some(Wanted::find(begin(options.clone())?, source, observer)?);
    }
    begin(options)
}

/// Tells whether a walk ended because it could not go on.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    scratch: PathBuf,
    error: Arc<Mutex<Option<io::Error>>>,
}

impl Failure {
    /// Fails if it did.
    pub(crate) fn check(&self) -> Result<()> {
        let error = self.error.lock().unwrap_or_else(PoisonError::into_inner).take();
        error.map_or(Ok(()), |error| Err(Error::io(Action::UseTemporary, &self.scratch)(error)))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::filter::{Filter, FilterOptions};
    use crate::pack::stream::tests::Sink;
    use crate::pack::{pack, pack_sources, pack_stream, survey_sources};
    use crate::progress::Event;
    use crate::read::pack::Pack;
    use std::fs;
    use tempfile::TempDir;

    /// A tree with everything that a walk meets: deep and empty directories, links, names in awkward orders.
    fn tree() -> TempDir {
        let root = tempfile::tempdir().unwrap();
        let at = root.path().join("all");
        for directory in ["a/b/c", "a-/x", "a.b", "z/empty", "z/y"] {
            fs::create_dir_all(at.join(directory)).unwrap();
        }
        for file in ["a/b/c/1", "a/b/2", "a/3", "a-/x/4", "a.b/5", "top", "z/y/6", "z/7"] {
            fs::write(at.join(file), file).unwrap();
        }
        fs::write(at.join("z/large"), vec![7; 700_000]).unwrap();
        fs::write(at.join("z/y/large again"), vec![7; 700_000]).unwrap();
        fs::hard_link(at.join("top"), at.join("z/other name")).unwrap();
        std::os::unix::fs::symlink("../top", at.join("a/link")).unwrap();
        std::os::unix::fs::symlink("z", at.join("linked")).unwrap();
        root
    }

    fn path(text: &str) -> PackPath<'_> {
        PackPath::new(text.as_bytes()).unwrap()
    }

    fn names(directory: &Path) -> Vec<String> {
        let names = fs::read_dir(directory).unwrap();
        names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect()
    }

    /// Every path below `all`, directories included, in no order.
    fn everything(all: &Path, below: &str, found: &mut Vec<String>) {
        for name in names(&all.join(below)) {
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            if all.join(&path).symlink_metadata().unwrap().is_dir() {
                everything(all, &path, found);
            }
            found.push(path);
        }
    }

    /// Packs, and gives the bytes and what was left out.
    fn packed(root: &Path, options: &PackOptions, sources: Sources) -> (Vec<u8>, Vec<String>) {
        let target = root.join("x.pack");
        let _ = fs::remove_file(&target);
        let heard = Mutex::new(Vec::new());
        let observer = |event: Event<'_>| {
            if let Event::LeftOut { path, problem } = event {
                heard.lock().unwrap().push(format!("{}: {problem}", path.display()));
            }
        };
        pack_sources(sources, &target, options, &observer).unwrap();
        (fs::read(target).unwrap(), heard.into_inner().unwrap())
    }

    fn listed(root: &Path, options: &PackOptions, sources: Sources) -> (Vec<String>, Vec<String>) {
        let (_, left_out) = packed(root, options, sources);
        let pack = Pack::open(root.join("x.pack")).unwrap();
        let entries =
            pack.entries().map(|entry| entry.unwrap().path().unwrap().display().to_string());
        (entries.collect(), left_out)
    }

    #[test]
    fn the_same_bytes_whatever_way_a_tree_is_given() {
        let root = tree();
        let all = root.path().join("all");
        let target = root.path().join("whole.pack");
        for compress in [None, Some(6)] {
            let options = PackOptions {
                compress: compress.map(crate::Compression::Gzip),
                overwrite: true,
                ..PackOptions::default()
            };
            pack(&all, &target, &options, &()).unwrap();
            let expected = fs::read(&target).unwrap();

            // What is at the top, one by one: links there are followed, so it is left to the next.
            let mut paths = Vec::new();
            everything(&all, "", &mut paths);
            let alone = |options: &PackOptions| {
                let mut sources = Sources::new(root.path());
                for text in &paths {
                    sources.add_alone(&all.join(text), path(text)).unwrap();
                }
                packed(root.path(), options, sources)
            };
            assert!(alone(&options) == (expected.clone(), Vec::new()));
            let one_thread = PackOptions { threads: 1, ..options.clone() };
            assert!(alone(&one_thread).0 == expected);

            // Files and links alone: directories above them come by themselves.
            let several = || {
                let mut sources = Sources::new(root.path());
                for name in names(&all).iter().rev() {
                    match name.as_str() {
                        "linked" | "top" => sources.add_alone(&all.join(name), path(name)).unwrap(),
                        name => sources.add(&all.join(name), path(name)).unwrap(),
                    }
                }
                sources
            };
            assert!(packed(root.path(), &options, several()) == (expected.clone(), Vec::new()));

            // Into a pipe.
            let sink = Sink::default();
            let made = pack_stream(several(), Box::new(sink.clone()), "-".as_ref(), &options, &());
            assert_eq!(made.unwrap().summary.duplicates, 2);
            assert!(*sink.0.lock().unwrap() == expected);

            let survey = survey_sources(several(), &options, Vec::new(), &()).unwrap();
            assert_eq!((survey.files, survey.directories, survey.symlinks), (11, 9, 2));
            assert_eq!((survey.bytes, survey.failed), (1_400_040, 0));
        }
    }

    #[test]
    fn names_of_what_is_listed() {
        let name =
            |path: &str| listed_name(Path::new(path)).map(|name| String::from_utf8(name).unwrap());
        assert_eq!(name("./a//b/./c/"), Some("a/b/c".into()));
        assert_eq!(name("/a"), Some("a".into()));
        assert_eq!(name("."), Some(String::new()));
        assert_eq!(name("a/../b"), None);
    }

    #[test]
    fn files_bring_the_directories_above_them() {
        let root = tree();
        let all = root.path().join("all");
        let mut sources = Sources::new(root.path());
        sources.add_alone(&all.join("a/b/c/1"), path("a/b/c/1")).unwrap();
        sources.add_alone(&all.join("a/b/2"), path("else/where/2")).unwrap();
        sources.add(&all.join("z/y"), path("else/named")).unwrap();
        let (found, left_out) = listed(root.path(), &PackOptions::default(), sources);
        let expected = [
            "a",
            "else",
            "a/b",
            "a/b/c",
            "a/b/c/1",
            "else/named",
            "else/where",
            "else/named/6",
            "else/named/large again",
            "else/where/2",
        ];
        assert_eq!((found, left_out), (expected.map(String::from).to_vec(), Vec::new()));
        let pack = Pack::open(root.path().join("x.pack")).unwrap();
        let mtime = |path: &str| pack.metadata(path).unwrap().mtime;
        assert!(mtime("a/b").is_some(), "the disk knows it");
        assert_eq!(mtime("else"), None, "nobody knows it");
        let report = crate::verify(&pack, &crate::VerifyOptions::default(), &()).unwrap();
        assert!(report.is_sound(), "{report:?}");
    }

    #[test]
    fn what_cannot_be_is_left_out_and_told() {
        let root = tree();
        let all = root.path().join("all");
        let mut sources = Sources::new(root.path());
        let mut add = |disk: &str, to: &str| sources.add(&all.join(disk), path(to)).unwrap();
        add("a", "a");
        // Into a tree, beside one of the same name, below a file, from nowhere.
        add("top", "a/b/new");
        add("z/y", "z");
        add("z/empty", "z");
        add("top", "file");
        add("z/7", "file/below");
        add("none", "none");
        let (found, left_out) = listed(root.path(), &PackOptions::default(), sources);
        assert!(found.contains(&"file/below".to_owned()) && found.contains(&"z/6".to_owned()));
        assert!(!found.contains(&"a/b/new".to_owned()), "{found:?}");
        let named = |name: &str, problem: &str| {
            let wanted = format!("{}: {problem}", all.join(name).display());
            assert!(left_out.contains(&wanted), "{wanted}: {left_out:?}");
        };
        let taken = "another source has its place in the pack";
        named("z/empty", taken);
        named("none", "it vanished");
        assert_eq!(left_out.iter().filter(|text| text.ends_with(taken)).count(), 3, "{left_out:?}");
    }

    #[test]
    fn directories_without_wanted_files_do_not_come() {
        let root = tree();
        let all = root.path().join("all");
        let filter =
            FilterOptions { include: vec!["6".into(), "/a/3".into()], ..Default::default() };
        let filter = Filter::new(filter).unwrap();
        let options = PackOptions { filter, overwrite: true, ..PackOptions::default() };
        let target = root.path().join("x.pack");
        pack(&all, &target, &options, &()).unwrap();
        let pack = Pack::open(&target).unwrap();
        let entries =
            pack.entries().map(|entry| entry.unwrap().path().unwrap().display().to_string());
        assert_eq!(entries.collect::<Vec<_>>(), ["a", "z", "a/3", "z/y", "z/y/6"]);
        let mut sources = Sources::new(root.path());
        for name in ["a", "a-", "z"] {
            sources.add(&all.join(name), path(name)).unwrap();
        }
        let (found, left_out) = listed(root.path(), &options, sources);
        assert_eq!(found, ["a", "z", "a/3", "z/y", "z/y/6"]);
        assert!(left_out.is_empty());
    }

    #[test]
    fn the_pack_that_is_written_is_passed_by() {
        let root = tree();
        let at = root.path();
        let mut sources = Sources::new(at);
        sources.add_alone(&at.join("x.pack"), path("x.pack")).unwrap();
        sources.add(&at.join("all/a"), path("a")).unwrap();
        let options = PackOptions { overwrite: true, ..PackOptions::default() };
        let (found, left_out) = listed(at, &options, sources);
        assert!(!found.contains(&"x.pack".to_owned()) && left_out.len() == 1, "{left_out:?}");
    }
}
