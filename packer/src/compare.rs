//! Compares a pack with a tree on disk, which is read as if it were packed, or with another pack.

pub(crate) mod packs;

use crate::error::{Difference, LeftOut, Result};
use crate::pack::{Output, PackOptions, Task, Trained, run, walk};
use crate::progress::{Event, Latch, Observer, PROBLEMS_KEPT, cancelled, go_on};
use crate::read::content::Verified;
use crate::read::pack::Pack;
use crate::setters::setters;
pub use packs::compare_packs;
use rangepack_core::{Content, Digest, Entry, Escaped, Hasher, Kind, PackPathBuf, Scan};
use std::cmp::Ordering;
use std::path::Path;

/// How a tree on disk is read.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct CompareOptions {
    /// Which paths, followed links, threads: as if the tree were packed. Everything else is ignored.
    pub source: PackOptions,
}

setters!(CompareOptions {
    source(PackOptions),
});

/// What was compared, and what differs.
#[must_use]
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Compared {
    /// Entries that are the same in both.
    pub same: u64,
    /// Paths at which they differ.
    pub different: u64,
    /// Files and directories on disk that could not be read.
    pub unreadable: u64,
    /// Bytes of content that were read on disk.
    pub bytes: u64,
    /// The first [`PROBLEMS_KEPT`](crate::PROBLEMS_KEPT) differences, in key order.
    pub differences: Vec<(PackPathBuf, Difference)>,
}

impl Compared {
    /// Whether pack and tree are the same, times, owners and attributes apart.
    pub fn is_same(&self) -> bool {
        self.different == 0 && self.unreadable == 0
    }
}

/// Compares a pack with the tree below `source`: names, kinds, modes, targets and contents; not times,
/// owners or attributes. Sockets, pipes and devices are passed over, as they are when a tree is packed.
///
/// Both are gone through once, in key order, in memory that does not grow with them. Files of the tree are
/// hashed; of the pack only those are read whose content has no digest in the index.
///
/// # Errors
/// When the pack's index cannot be read, and [`Error::Cancelled`](crate::Error::Cancelled).
pub fn compare(
    pack: &Pack,
    source: impl AsRef<Path>,
    options: &CompareOptions,
    observer: &dyn Observer,
) -> Result<Compared> {
    let source = source.as_ref();
    let observer = &Latch::new(observer);
    let options = PackOptions {
        compress: None,
        attributes: false,
        dedup: false,
        align: 1,
        strict: false,
        ..options.source.clone()
    };
    let mut merge = Merge::new(pack, observer)?;
    let tasks = walk(source, &options, Vec::new(), observer)?;
    let tasks = tasks.map(|batch| Task { batch, priors: Vec::new() });
    let mut output = Output::nowhere(1, None);
    let quiet = Quiet(observer);
    let mut sink = |entry: &Entry, _: &mut Output| merge.other(entry);
    let summary = run(tasks, &mut output, &options, &Trained::default(), 0, &quiet, &mut sink)?;
    merge.rest()?;
    if observer.cancelled() {
        return Err(cancelled(pack.location()));
    }
    Ok(Compared { unreadable: summary.failed, bytes: summary.bytes, ..merge.findings.compared })
}

/// Tells of a tree that is only read: nothing of it is packed.
struct Quiet<'o>(&'o dyn Observer);

impl Observer for Quiet<'_> {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Packed { entry, .. } => {
                let bytes = if let Kind::File(content) = &entry.kind { content.size } else { 0 };
                self.0.event(Event::Done { path: Escaped(entry.path.as_bytes()), bytes });
            }
            Event::LeftOut { problem: LeftOut::Special, .. } => {}
            other => self.0.event(other),
        }
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

/// The next entry of a scan.
fn next<'p>(pack: &'p Pack, scan: &mut Scan<'p>) -> Result<Option<Entry>> {
    let entry = pack.ask(|pages| scan.next(pages))?;
    let owned = entry.map(|entry| match entry.to_entry() {
        Ok(entry) => Ok(entry),
        // A later version's entry, or a damaged one: it is there, at least.
        Err(_) => entry.path().map(|path| Entry::new(path, UNKNOWN)),
    });
    owned.transpose().map_err(|error| pack.error(error))
}

/// Goes through pack and tree in key order.
struct Merge<'m> {
    scan: Scan<'m>,
    /// The pack's next entry.
    next: Option<Entry>,
    findings: Findings<'m>,
}

impl<'m> Merge<'m> {
    fn new(pack: &'m Pack, observer: &'m dyn Observer) -> Result<Merge<'m>> {
        let scan = pack.index().scan(0..pack.index().len());
        let compared = Compared::default();
        let findings = Findings { pack, other: None, observer, compared };
        let mut merge = Merge { scan, next: None, findings };
        merge.advance()?;
        Ok(merge)
    }

    fn advance(&mut self) -> Result<()> {
        self.next = next(self.findings.pack, &mut self.scan)?;
        Ok(())
    }

    /// What the tree does not have any more.
    fn rest(&mut self) -> Result<()> {
        while let Some(entry) = self.next.take() {
            self.findings.differs(&entry.path, Difference::OnlyInPack);
            self.advance()?;
            go_on(self.findings.observer, self.findings.pack.location())?;
        }
        Ok(())
    }

    /// Takes in the next entry of the tree.
    fn other(&mut self, disk: &Entry) -> Result<()> {
        loop {
            let order =
                self.next.as_ref().map_or(Ordering::Greater, |next| next.path.cmp(&disk.path));
            match order {
                Ordering::Less => {
                    if let Some(entry) = self.next.take() {
                        self.findings.differs(&entry.path, Difference::OnlyInPack);
                    }
                    self.advance()?;
                }
                Ordering::Greater => {
                    self.findings.differs(&disk.path, Difference::OnlyOnDisk);
                    return Ok(());
                }
                Ordering::Equal => {
                    if let Some(entry) = self.next.take() {
                        self.findings.both(&entry, disk)?;
                    }
                    return self.advance();
                }
            }
        }
    }
}

/// What was found so far.
struct Findings<'m> {
    pack: &'m Pack,
    /// What it is compared with, if that is a pack.
    other: Option<&'m Pack>,
    observer: &'m dyn Observer,
    compared: Compared,
}

impl Findings<'_> {
    /// Compares entries that have one path.
    fn both(&mut self, entry: &Entry, other: &Entry) -> Result<()> {
        match self.difference(entry, other)? {
            Some(difference) => self.differs(&other.path, difference),
            None => self.compared.same += 1,
        }
        Ok(())
    }

    fn difference(&self, entry: &Entry, disk: &Entry) -> Result<Option<Difference>> {
        let kind = match (&entry.kind, &disk.kind) {
            (kind, other) if *kind == UNKNOWN || *other == UNKNOWN => Some(Difference::Unknown),
            (Kind::File(content), Kind::File(disk)) => self.contents(content, disk)?,
            (Kind::Symlink(target), Kind::Symlink(disk)) => {
                (target != disk).then_some(Difference::Target)
            }
            (Kind::Directory(_), Kind::Directory(_)) => None,
            _ => Some(Difference::Kind),
        };
        let is_link = matches!(disk.kind, Kind::Symlink(_));
        Ok(kind.or(match (entry.mode, disk.mode) {
            // Links have no modes of their own.
            (Some(pack), Some(disk)) if pack != disk && !is_link => {
                Some(Difference::Mode { pack, disk })
            }
            _ => None,
        }))
    }

    fn contents(&self, content: &Content, disk: &Content) -> Result<Option<Difference>> {
        if content.size != disk.size {
            return Ok(Some(Difference::Content));
        }
        let here = digest(Some(self.pack), content)?;
        let there = digest(self.other, disk)?;
        Ok(match (here, there) {
            (Some(here), Some(there)) => (here != there).then_some(Difference::Content),
            _ => Some(Difference::Unknown),
        })
    }

    fn differs(&mut self, path: &PackPathBuf, difference: Difference) {
        self.compared.different += 1;
        let shown = Escaped(path.as_bytes());
        self.observer.event(Event::Difference { path: shown, difference: &difference });
        if self.compared.differences.len() < PROBLEMS_KEPT {
            self.compared.differences.push((path.clone(), difference));
        }
    }
}

/// Stands for what an entry is that cannot be read: no link has an empty target.
const UNKNOWN: Kind = Kind::Symlink(Vec::new());

/// The SHA-256 of a content: what the index says, or that of the payload; `None` when nobody knows.
fn digest(pack: Option<&Pack>, content: &Content) -> Result<Option<Digest>> {
    match (content.content_digest(), pack) {
        (Some(digest), _) => Ok(Some(digest)),
        (None, None) => Ok(None),
        (None, Some(pack)) => match hash(pack, content) {
            Ok(digest) => Ok(Some(digest)),
            Err(error) if error.ends_reading() => Err(error),
            Err(_) => Ok(None),
        },
    }
}

/// The SHA-256 of what a payload decodes to.
fn hash(pack: &Pack, content: &Content) -> Result<Digest> {
    const PIECE: usize = 64 << 10;
    let mut pieces = Verified::read(pack, content, PIECE)?;
    let (mut hasher, mut buffer) = (Hasher::new(), Vec::new());
    while let Some(piece) = pieces.next(&mut buffer)? {
        hasher.update(piece);
    }
    Ok(hasher.finish())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, any};
    use std::collections::{BTreeMap, BTreeSet};
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::Mutex;

    fn tree(root: &Path) {
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::create_dir(root.join("empty")).unwrap();
        for (name, text) in [("a/one", "one"), ("a/b/two", "two"), ("three", "three")] {
            fs::write(root.join(name), text).unwrap();
        }
        fs::write(root.join("large"), vec![7; 700_000]).unwrap();
        symlink("three", root.join("link")).unwrap();
    }

    fn run(pack: &Pack, source: &Path) -> (Compared, Vec<String>) {
        let heard = Mutex::new(Vec::new());
        let observer = |event: Event<'_>| {
            if let Event::Difference { path, difference } = event {
                heard.lock().unwrap().push(format!("{path}: {difference}"));
            }
        };
        let compared = compare(pack, source, &CompareOptions::default(), &observer).unwrap();
        assert_eq!(compared.different as usize, compared.differences.len());
        (compared, heard.into_inner().unwrap())
    }

    #[test]
    fn every_difference_is_named_and_times_are_none() {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("tree");
        tree(&source);
        for compress in [None, Some(6)] {
            let target = root.path().join(format!("{compress:?}.pack"));
            let options = PackOptions::new().compress(compress.map(crate::Compression::Gzip));
            crate::pack(&source, &target, &options, &()).unwrap();
            let pack = Pack::open(&target).unwrap();
            let copy = root.path().join("copy");
            tree(&copy);
            let (same, heard) = run(&pack, &copy);
            assert!(same.is_same() && heard.is_empty(), "{heard:?}");
            assert_eq!((same.same, same.bytes), (8, 700_011));

            fs::write(copy.join("a/one"), "One").unwrap();
            fs::write(copy.join("large"), vec![7; 700_001]).unwrap();
            fs::remove_file(copy.join("a/b/two")).unwrap();
            fs::write(copy.join("new"), "").unwrap();
            fs::remove_dir(copy.join("empty")).unwrap();
            fs::write(copy.join("empty"), "").unwrap();
            fs::remove_file(copy.join("link")).unwrap();
            symlink("large", copy.join("link")).unwrap();
            let mode = |mode| fs::Permissions::from_mode(mode);
            fs::set_permissions(copy.join("three"), mode(0o600)).unwrap();
            let before = fs::metadata(source.join("three")).unwrap().permissions().mode() & 0o7777;
            let (_, heard) = run(&pack, &copy);
            let mode = format!("three: mode {before:04o} in the pack, 0600 on disk");
            let expected = [
                "empty: another kind of file",
                "large: the content differs",
                "link: the link's target differs",
                "new: only on disk",
                &mode,
                "a/one: the content differs",
                "a/b/two: only in the pack",
            ];
            assert_eq!(heard, expected);
            fs::remove_dir_all(&copy).unwrap();
        }
    }

    #[test]
    fn packs_are_compared_with_packs() {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("tree");
        tree(&source);
        let packed = |name: &str, compress: Option<u32>| {
            let target = root.path().join(name);
            let options = PackOptions::new().compress(compress.map(crate::Compression::Gzip));
            crate::pack(&source, &target, &options, &()).unwrap();
            Pack::open(&target).unwrap()
        };
        let (first, same) = (packed("first", None), packed("same", Some(6)));
        let compared = compare_packs(&first, &same, &()).unwrap();
        assert!(compared.is_same());
        assert_eq!(compared.same, 8);

        fs::write(source.join("a/one"), "One").unwrap();
        fs::remove_file(source.join("three")).unwrap();
        fs::write(source.join("zoo"), "").unwrap();
        let second = packed("second", None);
        let text = |a: &Pack, b: &Pack| {
            let compared = compare_packs(a, b, &()).unwrap();
            let line = |(path, difference): &(PackPathBuf, Difference)| {
                format!("{} {difference:?}", path.display())
            };
            compared.differences.iter().map(line).collect::<Vec<_>>()
        };
        assert_eq!(text(&first, &second), ["three OnlyInPack", "zoo OnlyOnDisk", "a/one Content"]);
        assert_eq!(text(&second, &same), ["three OnlyOnDisk", "zoo OnlyInPack", "a/one Content"]);
        let stop = std::sync::atomic::AtomicBool::new(true);
        assert!(compare_packs(&first, &second, &stop).unwrap_err().is_cancelled());
    }

    #[test]
    fn equal_directories_of_two_packs_are_not_entered() {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("tree");
        for directory in 0..20 {
            let below = source.join(format!("{directory:02}/below"));
            fs::create_dir_all(&below).unwrap();
            (0..10).for_each(|file| fs::write(below.join(file.to_string()), "x").unwrap());
        }
        let packed = |name: &str| {
            let target = root.path().join(name);
            crate::pack(&source, &target, &PackOptions::default(), &()).unwrap();
            Pack::open(&target).unwrap()
        };
        let first = packed("first");
        fs::write(source.join("07/below/3"), "y").unwrap();
        fs::rename(source.join("11"), source.join("99")).unwrap();
        let second = packed("second");

        let met = Mutex::new(0);
        let observer = |event: Event<'_>| {
            if let Event::Done { .. } = event {
                *met.lock().unwrap() += 1;
            }
        };
        let compared = compare_packs(&first, &second, &observer).unwrap();
        // The root, 07, 07/below, 99 and 99/below.
        assert_eq!(met.into_inner().unwrap(), 20 + 1 + 10 + 1 + 10);
        assert_eq!((compared.different, compared.same), (2 * 12 + 1, 18 * 12 + 12 - 1));

        fs::rename(source.join("99"), source.join("11")).unwrap();
        fs::write(source.join("07/below/3"), "x").unwrap();
        let compared = compare_packs(&first, &packed("fourth"), &()).unwrap();
        assert_eq!((compared.different, compared.same), (0, 240));
    }

    /// What differs between two packs, in key order, by going through all entries of both.
    fn in_all_entries(a: &Pack, b: &Pack) -> Vec<String> {
        let all = |pack: &Pack| -> BTreeMap<PackPathBuf, Entry> {
            let owned = |entry: Result<crate::EntryRef<'_>>| entry.unwrap().to_entry().unwrap();
            pack.entries().map(owned).map(|entry| (entry.path.clone(), entry)).collect()
        };
        let (a, b) = (all(a), all(b));
        let paths: BTreeSet<_> = a.keys().chain(b.keys()).collect();
        let difference = |path: &&PackPathBuf| match (a.get(*path), b.get(*path)) {
            (Some(_), None) => Some("OnlyInPack"),
            (None, Some(_)) => Some("OnlyOnDisk"),
            (Some(a), Some(b)) => match (&a.kind, &b.kind) {
                (Kind::File(a), Kind::File(b)) => {
                    (a.content_digest() != b.content_digest()).then_some("Content")
                }
                (Kind::Directory(_), Kind::Directory(_)) => None,
                _ => Some("Kind"),
            },
            (None, None) => None,
        };
        let told = |path: &PackPathBuf| {
            difference(&path).map(|difference| format!("{} {difference}", path.display()))
        };
        paths.into_iter().filter_map(told).collect()
    }

    /// A pack of files with these paths and contents; one where a directory is needed, or the reverse, is left out.
    fn pack_of(root: &Path, name: &str, files: &[(String, bool)]) -> Pack {
        let source = root.join(name);
        fs::create_dir(&source).unwrap();
        for (path, content) in files {
            let path = source.join(path);
            if fs::create_dir_all(path.parent().unwrap()).is_ok() {
                let _ = fs::write(path, if *content { "x" } else { "y" });
            }
        }
        let target = root.join(format!("{name}.pack"));
        crate::pack(&source, &target, &PackOptions::default(), &()).unwrap();
        Pack::open(&target).unwrap()
    }

    proptest::proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(30) })]

        #[test]
        fn directories_that_are_passed_by_hide_nothing(
            files in vec(("[ab](/[ab]){0,3}", any::<bool>()), 0..12),
            others in vec(("[ab](/[ab]){0,3}", any::<bool>()), 0..3),
        ) {
            let root = tempfile::tempdir().unwrap();
            let a = pack_of(root.path(), "a", &files);
            let b = pack_of(root.path(), "b", &[others, files].concat());
            for (a, b) in [(&a, &b), (&b, &a)] {
                let compared = compare_packs(a, b, &()).unwrap();
                let line = |(path, difference): &(PackPathBuf, Difference)| {
                    format!("{} {difference:?}", path.display())
                };
                let told: Vec<_> = compared.differences.iter().map(line).collect();
                assert_eq!(told, in_all_entries(a, b));
                let only_there = told.iter().filter(|line| line.ends_with("OnlyOnDisk")).count();
                let differ = told.iter().filter(|line| !line.contains("Only")).count();
                let both = b.header().entries - only_there as u64;
                assert_eq!(compared.same, both - differ as u64);
            }
        }
    }

    #[test]
    fn it_stops_when_it_is_told_to() {
        let root = tempfile::tempdir().unwrap();
        let source = root.path().join("tree");
        tree(&source);
        let target = root.path().join("x.pack");
        crate::pack(&source, &target, &PackOptions::default(), &()).unwrap();
        let pack = Pack::open(&target).unwrap();
        let stop = std::sync::atomic::AtomicBool::new(true);
        let stopped = compare(&pack, &source, &CompareOptions::default(), &stop).unwrap_err();
        assert!(stopped.is_cancelled(), "{stopped}");
    }
}
