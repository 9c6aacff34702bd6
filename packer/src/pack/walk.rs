//! Walks a tree in key order.
//!
//! All children of a directory come first, sorted by the bytes of their names, then what lies in
//! its subdirectories, one after the other in the same order. That is the order of the keys of a
//! pack, so what is walked can be packed as it comes.
//!
//! The walk runs on one thread and hands out [`Batch`]es, whose items other threads look into. In
//! memory are the names of one directory, and of the directories above it only the subdirectories
//! yet to be entered; never more than [`OPEN_LEVELS`] directories are held open by the walk.

mod kind;
mod batch;
mod directory;
mod listing;
mod placed;
mod problem;
mod wanted;

#[cfg(test)]
mod tests;

pub(crate) use batch::{BATCH_ITEMS, Batch};
pub(crate) use directory::{Directory, FileId, Metadata};
pub(crate) use kind::ItemKind;
pub(crate) use placed::{Place, Placed, Way};
pub(crate) use problem::Problem;
pub(crate) use wanted::Wanted;

use crate::error::LeftOut;
use crate::filter::{Filter, IGNORE_FILES, IgnoreFiles};
use directory::{Identity, Met, ReadBuffer, Skip, push_prefix};
use listing::Listing;
use rangepack_core::MAX_PATH;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How many directories, one in the other, the walk holds open. Those above are opened again when
/// it comes back to them.
pub(crate) const OPEN_LEVELS: usize = 128;

/// An ignore file longer than this, in bytes, is cut.
const MAX_IGNORE_FILE: u64 = 16 << 20;

/// How to walk. The default walks everything and follows no links.
#[derive(Debug, Clone, Default)]
pub(crate) struct WalkOptions {
    /// What is left out.
    pub filter: Filter,
    /// Walks and packs what symbolic links lead to, rather than the links.
    pub follow_links: bool,
    /// Paths to pass by silently wherever the walk meets them, whether they exist yet or not: the
    /// pack that is being written, so that it does not swallow itself.
    pub skip: Vec<PathBuf>,
    /// Where the tree lies in the pack; empty for the root.
    pub place: Vec<u8>,
    /// The directories that come; all, when it is not given.
    pub wanted: Option<Wanted>,
}

/// A walk through a tree: an iterator over [`Batch`]es in key order.
///
/// Nothing that is met stops it: what could not be read is told as a [`Problem`], and the walk goes
/// on beside it.
#[derive(Debug)]
pub(crate) struct Walk {
    root: Arc<Directory>,
    filter: Filter,
    follow_links: bool,
    skip: Vec<Skip>,
    ignore_files: IgnoreFiles,
    wanted: Option<Wanted>,
    started: bool,
    levels: Vec<Level>,
    problems: Vec<Problem>,
    buffer: ReadBuffer,
}

/// A directory on the way down to where the walk is.
#[derive(Debug)]
struct Level {
    /// `None` when nothing in it is left to be opened, or while it is too far above.
    directory: Option<Arc<Directory>>,
    pack_path: Vec<u8>,
    /// Found out only if links are followed or something is skipped.
    identity: Option<Identity>,
    /// All names at first; once they are handed out, the subdirectories alone.
    listing: Arc<Listing>,
    /// The first name yet to be handed out or entered.
    next: usize,
    handed_out: bool,
}

impl Walk {
    /// Opens the directory `root`; a link there is followed.
    ///
    /// Fails if it is missing or not a directory, or if a directory that holds a path to skip
    /// cannot be examined. The error does not name the path.
    pub(crate) fn new(root: &Path, options: WalkOptions) -> io::Result<Walk> {
        let skip = options.skip.iter().filter_map(|path| Skip::new(path).transpose());
        Ok(Walk {
            root: Arc::new(Directory::open_root(root, &options.place, options.follow_links)?),
            skip: skip.collect::<io::Result<_>>()?,
            filter: options.filter,
            follow_links: options.follow_links,
            ignore_files: IgnoreFiles::default(),
            wanted: options.wanted,
            started: false,
            levels: Vec::new(),
            problems: Vec::new(),
            buffer: ReadBuffer::new(),
        })
    }

    /// Reads a directory and makes it the one being walked.
    fn enter(&mut self, directory: Arc<Directory>) {
        let mut listing = Listing::default();
        let mut ignore_files = [false; IGNORE_FILES.len()];
        let honours_ignore_files = self.filter.honours_ignore_files();
        let mut longest = 0;
        let mut any_to_resolve = false;
        let read = directory.read(&mut self.buffer, |found| {
            let (name, kind) = match found {
                Met::Name(name, kind) => (name, kind),
                Met::NotUnicode(name) => {
                    let problem = directory.problem_of(name.as_bytes(), LeftOut::NotUnicode);
                    return self.problems.push(problem);
                }
            };
            if !listing.push(name, kind) {
                return self.problems.push(directory.problem_of(name, LeftOut::PathTooLong));
            }
            longest = longest.max(name.len());
            let is_link = self.follow_links && kind == Some(ItemKind::Symlink);
            any_to_resolve |= kind.is_none() || is_link;
            if honours_ignore_files && (matches!(kind, None | Some(ItemKind::File)) || is_link) {
                for (file, is_there) in IGNORE_FILES.iter().zip(&mut ignore_files) {
                    *is_there |= name == *file;
                }
            }
        });
        if let Err(error) = read {
            self.problems.push(directory.problem(error.into()));
        }
        if ignore_files.contains(&true) {
            self.enter_ignore_files(&directory, ignore_files);
        }

        let identity = self.identity(&directory);
        let holds_skipped = identity
            .as_ref()
            .is_some_and(|identity| self.skip.iter().any(|skip| skip.is_in(identity)));
        let too_long = directory.pack_path().len() + 1 + longest > MAX_PATH;
        if any_to_resolve || holds_skipped || too_long || self.filter.is_active() {
            self.judge(&directory, identity.as_ref(), &mut listing);
        }
        listing.sort();
        self.levels.push(Level {
            pack_path: directory.pack_path().to_vec(),
            directory: Some(directory),
            identity,
            listing: Arc::new(listing),
            next: 0,
            handed_out: false,
        });
        if let Some(far) = self.levels.len().checked_sub(OPEN_LEVELS + 1) {
            self.levels[far].directory = None;
        }
    }

    fn identity(&mut self, directory: &Directory) -> Option<Identity> {
        if !self.follow_links && self.skip.is_empty() {
            return None;
        }
        match directory.identity() {
            Ok(identity) => Some(identity),
            Err(error) => {
                self.problems.push(directory.problem(error.into()));
                None
            }
        }
    }

    /// Puts the ignore files in force that are there.
    fn enter_ignore_files(&mut self, directory: &Directory, there: [bool; IGNORE_FILES.len()]) {
        let contents = IGNORE_FILES.iter().zip(there).map(|(name, is_there)| {
            let content = if is_there { read_ignore_file(directory, name) } else { Ok(Vec::new()) };
            content.unwrap_or_else(|error| {
                self.problems.push(directory.problem_of(name, error.into()));
                Vec::new()
            })
        });
        let contents: Vec<_> = contents.collect();
        let mut told = [false; IGNORE_FILES.len()];
        self.ignore_files.enter(directory.pack_path(), &contents, |file, line| {
            if !std::mem::replace(&mut told[file], true) {
                let kind = LeftOut::BadIgnoreLine { line };
                self.problems.push(directory.problem_of(IGNORE_FILES[file], kind));
            }
        });
    }

    /// Drops what is left out, finds out the kinds not known yet, and what links lead to.
    fn judge(&mut self, directory: &Directory, own: Option<&Identity>, listing: &mut Listing) {
        let is_filtered = self.filter.is_active();
        let mut path = Vec::new();
        push_prefix(&mut path, directory.pack_path());
        let prefix = path.len();
        listing.retain(|name, known| {
            path.truncate(prefix);
            path.extend_from_slice(name);
            if own.is_some_and(|own| self.skip.iter().any(|skip| skip.is(own, name))) {
                return None;
            }
            let accepted = |is_directory: bool| {
                let is_wanted = |wanted: &Wanted| !is_directory || wanted.holds(&path);
                self.wanted.as_ref().is_none_or(is_wanted)
                    && (!is_filtered
                        || self.filter.accepts(&path, is_directory)
                            && !self.ignore_files.leave_out(&path, is_directory))
            };
            let kind = match self.resolve(directory, own, name, known) {
                Ok(kind) => kind?,
                Err(problem) => {
                    // What is left out by its name may be broken.
                    if accepted(false) {
                        self.problems.push(directory.problem_of(name, problem));
                    }
                    return None;
                }
            };
            if !accepted(kind == ItemKind::Directory) {
                return None;
            }
            if path.len() > MAX_PATH {
                self.problems.push(directory.problem_of(name, LeftOut::PathTooLong));
                return None;
            }
            Some(kind)
        });
    }

    /// The kind of a thing, a link followed if links are; `None` for a link to what is skipped.
    fn resolve(
        &self,
        directory: &Directory,
        own: Option<&Identity>,
        name: &[u8],
        known: Option<ItemKind>,
    ) -> Result<Option<ItemKind>, LeftOut> {
        match known {
            Some(ItemKind::Symlink) | None if self.follow_links => {}
            Some(kind) => return Ok(Some(kind)),
            None => return Ok(Some(directory.metadata(name)?.kind)),
        }
        let (target, kind) = match directory.follow(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && known.is_some() => {
                return Err(LeftOut::DanglingLink);
            }
            followed => followed?,
        };
        if kind == ItemKind::Directory {
            let above = self.levels.iter().filter_map(|level| level.identity.as_ref());
            if above.chain(own).any(|identity| *identity == target) {
                return Err(LeftOut::LinkLoop);
            }
        }
        let is_skipped = self.skip.iter().any(|skip| skip.is_target(&target));
        Ok((!is_skipped).then_some(kind))
    }

    /// Enters the next subdirectory of the deepest level, or leaves the level.
    fn descend(&mut self) {
        let Some(level) = self.levels.last_mut() else { return };
        let Some((name, _)) = level.listing.get(level.next) else {
            self.ignore_files.leave(&level.pack_path);
            self.levels.pop();
            return;
        };
        let directory = match level.directory.take() {
            Some(directory) => Ok(directory),
            None if level.pack_path == self.root.pack_path() => Ok(Arc::clone(&self.root)),
            None => self.root.open_far(&level.pack_path).map(Arc::new),
        };
        let directory = match directory {
            Ok(directory) => directory,
            Err(error) => {
                // Each subdirectory is told of, for each is missing in the pack.
                let path = [&level.pack_path[..], b"/", name].concat();
                self.problems.push(self.root.problem_of(&path, error.into()));
                level.next += 1;
                return;
            }
        };
        let opened = directory
            .open_directory(name)
            .map_err(|error| self.problems.push(directory.problem_of(name, error.into())));
        level.next += 1;
        // When the last one was opened, the handle has done its work.
        if level.next < level.listing.len() {
            level.directory = Some(directory);
        }
        if let Ok(opened) = opened {
            self.enter(Arc::new(opened));
        }
    }

    fn batch(&mut self) -> Option<Batch> {
        let level = self.levels.last_mut().filter(|level| !level.handed_out)?;
        let start = level.next;
        level.next = level.listing.len().min(start + BATCH_ITEMS);
        if start < level.next {
            let directory = Arc::clone(level.directory.as_ref()?);
            let listing = Arc::clone(&level.listing);
            let problems = std::mem::take(&mut self.problems);
            return Some(Batch { directory, problems, listing, range: start..level.next });
        }
        // The names of files are not needed while what is below is walked.
        level.listing = Arc::new(level.listing.directories());
        level.next = 0;
        level.handed_out = true;
        None
    }

    /// A batch without items, for problems alone.
    fn batch_of_problems(&mut self) -> Batch {
        Batch {
            directory: Arc::clone(&self.root),
            problems: std::mem::take(&mut self.problems),
            listing: Arc::default(),
            range: 0..0,
        }
    }
}

impl std::iter::FusedIterator for Walk {}

impl Iterator for Walk {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        if !self.started {
            self.started = true;
            self.enter(Arc::clone(&self.root));
        }
        while !self.levels.is_empty() {
            if let Some(batch) = self.batch() {
                return Some(batch);
            }
            self.descend();
            if self.problems.len() >= BATCH_ITEMS {
                break;
            }
        }
        (!self.problems.is_empty()).then(|| self.batch_of_problems())
    }
}

fn read_ignore_file(directory: &Directory, name: &[u8]) -> io::Result<Vec<u8>> {
    let file = directory.open_file(name)?;
    let mut content = Vec::new();
    if directory.metadata_of(&file)?.kind == ItemKind::File {
        file.take(MAX_IGNORE_FILE).read_to_end(&mut content)?;
    }
    Ok(content)
}
