//! Compares a pack with another one, directory by directory, and passes by those that are the same.

use super::{Compared, Findings};
use crate::error::{Difference, Result};
use crate::progress::{Event, Latch, Observer, go_on};
use crate::read::pack::Pack;
use rangepack_core::{Entry, Escaped, Kind, PackPath, PackPathBuf, Scan, Structure};
use std::cmp::Ordering;

/// Compares a pack with another one, as [`compare`](super::compare()) does with a tree: [`Difference::OnlyOnDisk`] is said
/// of what the other alone has.
///
/// Directories whose tree digests are the same in both indexes (FORMAT.md "Tree digests") are not entered, so time, and what
/// is fetched of remote packs, follow the differences and the directories above them. Contents are the same when their
/// digests in the indexes are; payloads are read only where an index lacks one. Memory holds the
/// paths of directories that differ and lie beside each other.
///
/// The digests are what those who made the packs say of them: whether they are true, [`verify`](crate::verify()) tells.
///
/// # Errors
/// When one of the indexes cannot be read, and [`Error::Cancelled`](crate::Error::Cancelled).
pub fn compare_packs(pack: &Pack, other: &Pack, observer: &dyn Observer) -> Result<Compared> {
    let observer = &Latch::new(observer);
    go_on(observer, other.location())?;
    let compared = Compared::default();
    let findings = Findings { pack, other: Some(other), observer, compared };
    let mut packs = Packs { sides: [pack, other], findings };
    let [here, there] = [pack, other].map(Pack::header);
    if here.tree_digest.is_some() && here.tree_digest == there.tree_digest {
        packs.findings.compared.same = there.entries;
        return Ok(packs.findings.compared);
    }
    // One list for each level of the tree: directories that are still to be entered, in the order of their names.
    let mut levels = vec![packs.directory(PackPath::ROOT, [true, true])?.into_iter()];
    while let Some(level) = levels.last_mut() {
        match level.next() {
            Some((path, has)) => levels.push(packs.directory(path.as_path(), has)?.into_iter()),
            None => drop(levels.pop()),
        }
    }
    Ok(packs.findings.compared)
}

/// A directory that may differ, and which of the packs have it.
type Below = (PackPathBuf, [bool; 2]);

struct Packs<'p> {
    sides: [&'p Pack; 2],
    findings: Findings<'p>,
}

impl Packs<'_> {
    /// Compares what lies in a directory, in the packs that have it. Gives the directories in it that may differ.
    fn directory(&mut self, path: PackPath<'_>, has: [bool; 2]) -> Result<Vec<Below>> {
        let [here, there] = self.sides;
        let mut ours = Children::of(here, path, has[0])?;
        let mut theirs = Children::of(there, path, has[1])?;
        let mut below = Vec::new();
        loop {
            go_on(self.findings.observer, here.location())?;
            let order = match (&ours.next, &theirs.next) {
                (None, None) => return Ok(below),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(ours), Some(theirs)) => ours.path.cmp(&theirs.path),
            };
            let our = if order == Ordering::Greater { None } else { ours.take()? };
            let their = if order == Ordering::Less { None } else { theirs.take()? };
            below.extend(self.entry(our, their)?);
        }
    }

    /// Compares what the packs have at one path. Gives it where there is something to enter.
    fn entry(&mut self, our: Option<Entry>, their: Option<Entry>) -> Result<Option<Below>> {
        let findings = &mut self.findings;
        match (&our, &their) {
            (Some(our), Some(their)) => findings.both(our, their)?,
            (Some(our), None) => findings.differs(&our.path, Difference::OnlyInPack),
            (None, Some(their)) => findings.differs(&their.path, Difference::OnlyOnDisk),
            (None, None) => {}
        }
        if let Some(their) = &their {
            let path = Escaped(their.path.as_bytes());
            findings.observer.event(Event::Done { path, bytes: 0 });
        }
        if let (Some(our), Some(their)) = (&our, &their)
            && let (Kind::Directory(_), Kind::Directory(totals)) = (&our.kind, &their.kind)
            && our.tree_digest.is_some()
            && our.tree_digest == their.tree_digest
        {
            let below = totals.files.saturating_add(totals.directories);
            findings.compared.same = findings.compared.same.saturating_add(below);
            return Ok(None);
        }
        let has = [&our, &their].map(|side| side.as_ref().is_some_and(Entry::is_directory));
        let path = our.or(their).map(|entry| entry.path);
        Ok(path.filter(|_| has.contains(&true)).map(|path| (path, has)))
    }
}

/// What lies in a directory of one pack.
pub(crate) struct Children<'p, 'd> {
    pack: &'p Pack,
    directory: PackPath<'d>,
    scan: Scan<'p>,
    pub(crate) next: Option<Entry>,
}

impl<'p, 'd> Children<'p, 'd> {
    /// None at all where the pack has not got the directory.
    pub(crate) fn of(
        pack: &'p Pack,
        directory: PackPath<'d>,
        has: bool,
    ) -> Result<Children<'p, 'd>> {
        let range = match has {
            true => pack.ask(|pages| pack.index().children(pages, directory))?,
            false => 0..0,
        };
        let scan = pack.index().scan(range);
        let mut children = Children { pack, directory, scan, next: None };
        children.take()?;
        Ok(children)
    }

    /// The next one, in whose place comes the one after it.
    pub(crate) fn take(&mut self) -> Result<Option<Entry>> {
        let number = self.scan.position();
        let next = super::next(self.pack, &mut self.scan)?;
        if let Some(entry) = &next
            && entry.path.as_path().parent() != self.directory
        {
            // A forged index could lead round in a circle.
            let structure = Structure::Leaf;
            return Err(self.pack.error(rangepack_core::Error::KeyOrder { structure, number }));
        }
        Ok(std::mem::replace(&mut self.next, next))
    }
}
