//! Where a path inside a pack leads, links followed as the file system would.

use super::pack::Pack;
use crate::error::{Error, Expected, Result};
use rangepack_core::{Content, Entry, EntryRef, Escaped, Kind, PackPath, PackPathBuf, trim_path};

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

    /// What is at `path`, a link itself when it is one.
    pub fn symlink_metadata(&self, path: impl AsRef<[u8]>) -> Result<Entry> {
        let bytes = trim_path(path.as_ref());
        let path = PackPath::new(bytes).map_err(Error::pack(&self.0.location))?;
        match self.find(path)? {
            Some(entry) => entry.to_entry().map_err(Error::pack(&self.0.location)),
            None => Err(self.no_entry(bytes)),
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
        Error::NoEntry { pack: self.0.location.clone(), entry: Escaped(path).to_string() }
    }

    /// Why nothing is found at `path` when links are followed.
    fn nothing_at(&self, path: &[u8]) -> Error {
        match self.symlink_metadata(path).map(|entry| entry.kind) {
            Ok(Kind::Symlink(target)) => Error::BrokenLink {
                pack: self.0.location.clone(),
                entry: Escaped(path).to_string(),
                target: Escaped(&target).to_string(),
            },
            _ => self.no_entry(path),
        }
    }

    pub(super) fn wrong_kind(&self, path: &[u8], expected: Expected) -> Error {
        Error::WrongKind {
            pack: self.0.location.clone(),
            entry: Escaped(path).to_string(),
            expected,
        }
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
        let path = trim_path(path);
        if path.is_empty() {
            return Ok(Some(Found::Root));
        }
        if let Ok(path) = PackPath::new(path)
            && let Some(entry) = self.find(path)?
            && !entry.is_symlink()
        {
            return Ok(Some(Found::Entry(entry)));
        }
        // The slow way, for links and for `.` and `..`.
        let mut done: Vec<u8> = Vec::new();
        let mut rest: Vec<Vec<u8>> = components(path);
        let mut links = 0;
        while let Some(component) = rest.pop() {
            match component.as_slice() {
                b"" | b"." => continue,
                b".." => {
                    done.truncate(memchr::memrchr(b'/', &done).unwrap_or(0));
                    continue;
                }
                _ => {}
            }
            let parent = done.len();
            if !done.is_empty() {
                done.push(b'/');
            }
            done.extend(component);
            let Ok(at) = PackPath::new(&done) else { return Ok(None) };
            let Some(entry) = self.find(at)? else { return Ok(None) };
            if let Some(target) = entry.link_target().map_err(Error::pack(&self.0.location))? {
                links += 1;
                // Absolute targets lead out of the pack; forty links are a circle.
                if links > 40 || target.first() == Some(&b'/') {
                    return Ok(None);
                }
                rest.extend(components(target));
                done.truncate(parent);
            } else if !rest.is_empty() && !entry.is_directory() {
                return Ok(None);
            }
        }
        if done.is_empty() {
            return Ok(Some(Found::Root));
        }
        let Ok(at) = PackPath::new(&done) else { return Ok(None) };
        Ok(self.find(at)?.map(Found::Entry))
    }
}

/// The components of a path, the first one last.
fn components(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|byte| *byte == b'/').rev().map(<[u8]>::to_vec).collect()
}

/// Where a path leads.
#[derive(Debug)]
enum Found<'p> {
    Root,
    Entry(EntryRef<'p>),
}
