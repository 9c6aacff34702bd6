//! Walks over things from several places, each put somewhere in the pack, in key order.

use super::directory::Skip;
use super::listing::Listing;
use super::{BATCH_ITEMS, Batch, Directory, ItemKind, Problem, Walk, WalkOptions, Wanted};
use crate::error::LeftOut;
use crate::index::sort::Merged;
use crate::progress::Observer;
use crate::source::platform::path_of;
use rangepack_core::{Entry, Kind, PackPath, PackPathBuf};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// What is packed of a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Way {
    /// It is a directory above others.
    Above = 0,
    /// It, and all that is in it; a link is followed.
    Whole = 1,
    /// It alone.
    Alone = 2,
}

/// A thing, and where it is put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where in the pack.
    pub(crate) path: PackPathBuf,
    /// Where it lies; nowhere, when it is made up.
    pub(crate) disk: Option<PathBuf>,
    pub(crate) way: Way,
    /// Others lie below it, so it must be a directory.
    pub(crate) is_above: bool,
}

impl Place {
    /// As an entry by which it is sorted: one of a link, whose target is the path on disk.
    pub(crate) fn to_entry(path: PackPathBuf, disk: Option<&Path>, way: Way) -> Entry {
        let mut target = vec![way as u8, u8::from(disk.is_some())];
        target.extend(disk.map_or(&b""[..], |disk| disk.as_os_str().as_encoded_bytes()));
        Entry::new(path, Kind::Symlink(target))
    }

    fn of_entry(entry: Entry) -> io::Result<Place> {
        let Kind::Symlink(target) = entry.kind else {
            return Err(io::ErrorKind::InvalidData.into());
        };
        let (way, disk) = match target.as_slice() {
            [0, 0, ..] => (Way::Above, None),
            [0, 1, disk @ ..] => (Way::Above, Some(disk)),
            [1, _, disk @ ..] => (Way::Whole, Some(disk)),
            [2, _, disk @ ..] => (Way::Alone, Some(disk)),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        let disk = disk.map(path_of).transpose()?;
        Ok(Place { path: entry.path, disk, way, is_above: way == Way::Above })
    }
}

/// A walk over [`Place`]s: an iterator over [`Batch`]es in key order.
pub(crate) struct Placed<'o> {
    places: Merged,
    options: WalkOptions,
    skip: Vec<Skip>,
    observer: &'o dyn Observer,
    /// Trees whose turn comes, by a key that all of their own are behind.
    trees: BTreeMap<PackPathBuf, (PackPathBuf, PathBuf, Option<Wanted>)>,
    /// The one whose turn it is, or was last.
    tree: Option<(PackPathBuf, Walk)>,
    /// The directory that was looked into last.
    last: Option<(PathBuf, Arc<Directory>)>,
    /// What was looked at, and belongs into another batch.
    ahead: Option<Found>,
    problems: Vec<Problem>,
    /// Why no more places can be read.
    failure: Arc<Mutex<Option<io::Error>>>,
}

/// A thing that is there.
struct Found {
    directory: Arc<Directory>,
    name: Vec<u8>,
    kind: ItemKind,
}

impl<'o> Placed<'o> {
    /// Walks over these, after what lies at the root of the pack; `failure` is told why it ends when the places cannot be read.
    pub(crate) fn new(
        places: Merged,
        first: Option<Walk>,
        options: WalkOptions,
        observer: &'o dyn Observer,
        failure: Arc<Mutex<Option<io::Error>>>,
    ) -> io::Result<Placed<'o>> {
        let skip = options.skip.iter().filter_map(|path| Skip::new(path).transpose());
        let skip = skip.collect::<io::Result<_>>()?;
        let tree = first.map(|walk| (PackPath::ROOT.to_owned(), walk));
        let (trees, last) = (BTreeMap::new(), None);
        let (ahead, problems) = (None, Vec::new());
        Ok(Placed { places, options, skip, observer, trees, tree, last, ahead, problems, failure })
    }

    /// The next place, of several with one path what all say.
    fn place(&mut self) -> io::Result<Option<Place>> {
        let Some(first) = self.places.next() else { return Ok(None) };
        let mut place = Place::of_entry(first?)?;
        while self.places.peek() == Some(&place.path) {
            let Some(next) = self.places.next() else { break };
            let next = Place::of_entry(next?)?;
            place.is_above |= next.is_above;
            if place.way == Way::Above {
                let is_above = place.is_above;
                let disk = next.disk.clone().or(place.disk.take());
                place = Place { is_above, disk, ..next };
            } else if next.way != Way::Above && next.disk != place.disk {
                let disk_path = next.disk.unwrap_or_default();
                self.problems.push(Problem { disk_path, kind: LeftOut::Taken });
            }
        }
        Ok(Some(place))
    }

    /// The next thing that is there and wanted, before `limit` if there is one.
    fn find(&mut self) -> Option<Found> {
        if let Some(found) = self.ahead.take() {
            return Some(found);
        }
        loop {
            // What lies in a tree whose turn comes first has to wait for it.
            let before = match (self.trees.first_key_value(), self.places.peek()) {
                (_, None) => return None,
                (Some((tree, _)), Some(next)) => next < tree,
                (None, Some(_)) => true,
            };
            if !before || self.problems.len() >= BATCH_ITEMS {
                return None;
            }
            match self.place() {
                Ok(Some(place)) => {
                    if let Some(found) = self.look(place) {
                        return Some(found);
                    }
                }
                Ok(None) => return None,
                Err(error) => {
                    *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    return None;
                }
            }
        }
    }

    /// Looks what is there.
    fn look(&mut self, place: Place) -> Option<Found> {
        let filter = &self.options.filter;
        let path = place.path.as_bytes();
        let is_out = memchr::memchr_iter(b'/', path).any(|end| !filter.accepts(&path[..end], true));
        if is_out {
            return None;
        }
        let disk = place.disk.clone().unwrap_or_default();
        if let Some((tree, _)) = &self.tree
            && place.path.as_path().is_within(tree.as_path())
        {
            // What lies below one that is above others tells of itself.
            if place.way != Way::Above {
                self.problems.push(Problem { disk_path: disk, kind: LeftOut::Taken });
            }
            return None;
        }
        let follows = place.is_above || place.way == Way::Whole || self.options.follow_links;
        let looked = match &place.disk {
            None => {
                self.directory(Path::new("."), None, &place, true).map(|it| (it, ItemKind::Made))
            }
            Some(disk) => self.thing(disk, &place, follows),
        };
        let (directory, kind) = match looked {
            // Those that lie in it tell what is wrong.
            Ok((directory, kind)) if place.is_above && kind != ItemKind::Directory => {
                if place.way != Way::Above {
                    self.problems.push(Problem { disk_path: disk.clone(), kind: LeftOut::Taken });
                }
                (directory, ItemKind::Made)
            }
            Ok(looked) => looked,
            Err(_) if place.is_above => {
                let made = self.directory(Path::new("."), None, &place, true);
                (made.ok()?, ItemKind::Made)
            }
            Err(error) => {
                if self.options.filter.accepts(path, false) {
                    self.problems.push(Problem { disk_path: disk, kind: error.into() });
                }
                return None;
            }
        };
        let name = place.path.as_path().name().to_vec();
        let is_directory = matches!(kind, ItemKind::Directory | ItemKind::Made);
        if !self.options.filter.accepts(path, is_directory) || self.is_skipped(&directory, &name) {
            return None;
        }
        if place.way == Way::Whole && kind == ItemKind::Directory {
            let wanted = match self.wanted(&disk, path) {
                Ok(wanted) => wanted,
                Err(problem) => {
                    self.problems.push(Problem { disk_path: disk, kind: problem });
                    return None;
                }
            };
            if wanted.as_ref().is_some_and(Wanted::is_empty) {
                return None;
            }
            // No name is shorter, and none that sorts before it can be one.
            let key = PackPathBuf::new([path, b"/\x01"].concat()).ok()?;
            self.trees.insert(key, (place.path, disk, wanted));
        } else if is_directory && !place.is_above && self.options.filter.narrows() {
            return None;
        }
        Some(Found { directory, name, kind })
    }

    /// A thing on disk: the directory in which it is asked for, and what it is.
    fn thing(
        &mut self,
        disk: &Path,
        place: &Place,
        follows: bool,
    ) -> io::Result<(Arc<Directory>, ItemKind)> {
        let (parent, disk_name) = match (disk.parent(), disk.file_name()) {
            (Some(parent), Some(name)) if parent.as_os_str().is_empty() => {
                (Path::new("."), name.as_encoded_bytes())
            }
            (Some(parent), Some(name)) => (parent, name.as_encoded_bytes()),
            // `..`, for example.
            _ => (disk, &b"."[..]),
        };
        let name = place.path.as_path().name();
        let alias = (disk_name != name).then(|| disk_name.to_vec());
        let directory = self.directory(parent, alias, place, follows)?;
        let kind = directory.metadata(name)?.kind;
        Ok((directory, kind))
    }

    /// Opens a directory on disk, unless it was the last one.
    fn directory(
        &mut self,
        parent: &Path,
        alias: Option<Vec<u8>>,
        place: &Place,
        follows: bool,
    ) -> io::Result<Arc<Directory>> {
        let above = place.path.as_path().parent().as_bytes();
        if alias.is_none()
            && let Some((path, directory)) = &self.last
            && path == parent
            && directory.pack_path() == above
            && directory.follows_links() == follows
        {
            return Ok(Arc::clone(directory));
        }
        let opened = Directory::open_root(parent, above, follows)?;
        if let Some(alias) = alias {
            return Ok(Arc::new(opened.with_alias(alias)));
        }
        let directory = Arc::new(opened);
        self.last = Some((parent.to_owned(), Arc::clone(&directory)));
        Ok(directory)
    }

    fn is_skipped(&self, directory: &Directory, name: &[u8]) -> bool {
        let name = directory.on_disk(name);
        !self.skip.is_empty()
            && directory
                .identity()
                .is_ok_and(|own| self.skip.iter().any(|skip| skip.is(&own, name)))
    }

    fn tree_options(&self, path: &[u8]) -> WalkOptions {
        WalkOptions { place: path.to_vec(), ..self.options.clone() }
    }

    /// Which directories of a tree come, when that depends on what is in them.
    fn wanted(&self, disk: &Path, path: &[u8]) -> Result<Option<Wanted>, LeftOut> {
        if !self.options.filter.narrows() {
            return Ok(None);
        }
        let walk = Walk::new(disk, self.tree_options(path))?;
        // When it is to stop, that is found out once more.
        Ok(Wanted::find(walk, disk, self.observer).ok())
    }

    /// Begins with the next tree.
    fn enter_tree(&mut self) {
        let Some((_, (path, disk, wanted))) = self.trees.pop_first() else { return };
        let options = WalkOptions { wanted, ..self.tree_options(path.as_bytes()) };
        match Walk::new(&disk, options) {
            Ok(walk) => self.tree = Some((path, walk)),
            Err(error) => self.problems.push(Problem { disk_path: disk, kind: error.into() }),
        }
    }

    /// Things that are asked for in the same directory.
    fn batch(&mut self) -> Option<Batch> {
        let first = self.find()?;
        let mut listing = Listing::default();
        let directory = Arc::clone(&first.directory);
        let mut next = Some(first);
        while let Some(found) = next.take() {
            let fits = Arc::ptr_eq(&found.directory, &directory) && listing.len() < BATCH_ITEMS;
            if !fits || !listing.push(&found.name, Some(found.kind)) {
                self.ahead = Some(found);
                break;
            }
            next = self.find();
        }
        let range = 0..listing.len();
        let problems = std::mem::take(&mut self.problems);
        Some(Batch { directory, problems, listing: Arc::new(listing), range })
    }
}

impl Iterator for Placed<'_> {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        loop {
            if let Some(mut batch) = self.tree.as_mut().and_then(|(_, walk)| walk.next()) {
                batch.problems.append(&mut self.problems);
                return Some(batch);
            }
            if let Some(batch) = self.batch() {
                return Some(batch);
            }
            if !self.problems.is_empty() {
                let (directory, listing) = (self.directory_for_problems()?, Arc::default());
                let problems = std::mem::take(&mut self.problems);
                return Some(Batch { directory, problems, listing, range: 0..0 });
            }
            if self.trees.is_empty() {
                return None;
            }
            self.enter_tree();
        }
    }
}

impl Placed<'_> {
    /// Any directory: nothing is asked in it.
    fn directory_for_problems(&self) -> Option<Arc<Directory>> {
        Directory::open_root(Path::new("."), b"", false).ok().map(Arc::new)
    }
}
