//! Where a path inside a pack leads, links followed as the file system would.

use super::pack::Pack;
use crate::error::{Error, Expected, Result};
use rangepack_core::{
    Content, Entry, EntryRef, Follow, Kind, Met, PackPath, PackPathBuf, Step, trim_path,
};

impl Pack {
    /// Whether there is anything at `path`. Links are followed; one that leads nowhere is not there.
    pub fn exists(&self, path: impl AsRef<[u8]>) -> bool {
        matches!(self.resolve(path.as_ref()), Ok(Some(_)))
    }

    /// The entry that `path` leads to, links followed.
    ///
    /// # Errors
    /// [`Error::NoEntry`], [`Error::BrokenLink`], or [`Error::WrongKind`] for the root, which has no entry.
    pub fn entry(&self, path: impl AsRef<[u8]>) -> Result<EntryRef<'_>> {
        match self.resolve(path.as_ref())? {
            Some(Found::Entry(entry)) => Ok(entry),
            Some(Found::Root) => Err(self.wrong_kind(path.as_ref(), Expected::Entry)),
            None => Err(self.nothing_at(path.as_ref())),
        }
    }

    /// What is at `path`, links followed.
    pub fn metadata(&self, path: impl AsRef<[u8]>) -> Result<Entry> {
        self.entry(path)?.to_entry().map_err(Error::pack(&self.0.location))
    }

    /// What is at `path`, a link itself when it is one. Links to the directories that it is in are followed.
    ///
    /// # Errors
    /// [`Error::NoEntry`], or [`Error::WrongKind`] for the root, which has no entry.
    pub fn symlink_metadata(&self, path: impl AsRef<[u8]>) -> Result<Entry> {
        let bytes = trim_path(path.as_ref());
        if bytes.is_empty() {
            return Err(self.wrong_kind(bytes, Expected::Entry));
        }
        let found = match PackPath::new(bytes) {
            Ok(path) => self.find(path)?,
            Err(_) => None,
        };
        let found = match found {
            None => self.find_behind_links(bytes)?,
            found => found,
        };
        match found {
            Some(entry) => entry.to_entry().map_err(Error::pack(&self.0.location)),
            None => Err(self.no_entry(path.as_ref())),
        }
    }

    /// What has the name that a path ends with, in the directory that the rest of it leads to.
    fn find_behind_links(&self, path: &[u8]) -> Result<Option<EntryRef<'_>>> {
        let Some(end) = memchr::memrchr(b'/', path) else { return Ok(None) };
        let directory = match self.resolve(&path[..end])? {
            Some(Found::Root) => PackPath::ROOT.to_owned(),
            Some(Found::Entry(entry)) => entry.path().map_err(Error::pack(&self.0.location))?,
            None => return Ok(None),
        };
        let real = [directory.as_bytes(), &path[end..]].concat();
        match PackPath::new(trim_path(&real)) {
            Ok(path) => self.find(path),
            Err(_) => Ok(None),
        }
    }

    pub(super) fn content_at(&self, path: &[u8]) -> Result<(PackPathBuf, Content)> {
        match self.resolve(path)? {
            Some(Found::Entry(entry)) => {
                match entry.content().map_err(Error::pack(&self.0.location))? {
                    Some(content) => {
                        Ok((entry.path().map_err(Error::pack(&self.0.location))?, content))
                    }
                    None => Err(self.wrong_kind(path, Expected::File)),
                }
            }
            Some(Found::Root) => Err(self.wrong_kind(path, Expected::File)),
            None => Err(self.nothing_at(path)),
        }
    }

    fn no_entry(&self, path: &[u8]) -> Error {
        Error::NoEntry { pack: self.0.location.clone(), entry: path.into() }
    }

    /// Why nothing is found at `path` when links are followed.
    fn nothing_at(&self, path: &[u8]) -> Error {
        match self.symlink_metadata(path).map(|entry| entry.kind) {
            Ok(Kind::Symlink(target)) => Error::BrokenLink {
                pack: self.0.location.clone(),
                entry: path.into(),
                target: target.into(),
            },
            _ => self.no_entry(path),
        }
    }

    pub(super) fn wrong_kind(&self, path: &[u8], expected: Expected) -> Error {
        Error::WrongKind { pack: self.0.location.clone(), entry: path.into(), expected }
    }

    /// The directory at `path`, links followed.
    pub fn resolve_directory(&self, path: &[u8]) -> Result<PackPathBuf> {
        match self.resolve(path)? {
            Some(Found::Root) => Ok(PackPath::ROOT.to_owned()),
            Some(Found::Entry(entry)) if entry.is_directory() => {
                entry.path().map_err(Error::pack(&self.0.location))
            }
            Some(Found::Entry(_)) => Err(self.wrong_kind(path, Expected::Directory)),
            None => Err(self.nothing_at(path)),
        }
    }

    /// Follows links inside the pack, as the file system would.
    fn resolve(&self, path: &[u8]) -> Result<Option<Found<'_>>> {
        // Most ways have no links: then there is nothing to remember.
        if let Ok(whole) = PackPath::new(trim_path(path))
            && let Some(entry) = self.find(whole)?
            && !entry.is_symlink()
        {
            return Ok(Some(Found::Entry(entry)));
        }
        let (mut follow, mut last) = (Follow::new(path), None);
        loop {
            let found = match follow.step() {
                Step::Look(at) => self.find(at)?,
                Step::Last => return Ok(last.map(Found::Entry)),
                Step::Root => return Ok(Some(Found::Root)),
                Step::Nowhere => return Ok(None),
            };
            follow.met(match &found {
                None => Met::Nothing,
                Some(entry) if entry.is_directory() => Met::Directory,
                Some(entry) => match entry.link_target().map_err(Error::pack(&self.0.location))? {
                    Some(target) => Met::Link(target),
                    None => Met::File,
                },
            });
            last = found;
        }
    }
}

/// Where a path leads.
#[derive(Debug)]
enum Found<'p> {
    Root,
    Entry(EntryRef<'p>),
}
