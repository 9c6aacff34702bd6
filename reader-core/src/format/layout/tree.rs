//! What a tree digest is taken of (FORMAT.md, "Tree digests").

use super::put::to_u16;
use crate::entry::{Gist, What};
use crate::error::Result;
use crate::{Digest, Hasher};

/// What each of them begins with.
const BEGINNING: &[u8; 8] = b"RngTree1";
/// Stands for a mode that is not known.
const NO_MODE: u16 = u16::MAX;
const FILE: u8 = 0;
const DIRECTORY: u8 = 1;
const SYMLINK: u8 = 2;

/// The digest of one directory, while what is in it passes: first files and links, then directories.
#[derive(Debug, Clone)]
pub(crate) struct TreeHasher {
    /// Nothing once something is in it whose digest is not known.
    hasher: Option<Hasher>,
}

impl TreeHasher {
    pub(crate) fn new() -> TreeHasher {
        let mut hasher = Hasher::new();
        hasher.update(BEGINNING);
        TreeHasher { hasher: Some(hasher) }
    }

    fn push(&mut self, kind: u8, mode: Option<u32>, name: &[u8], rest: &[u8]) -> Result<()> {
        let Some(hasher) = &mut self.hasher else { return Ok(()) };
        let mode = mode.and_then(|mode| u16::try_from(mode).ok()).unwrap_or(NO_MODE);
        let ([a, b], [c, d]) =
            (mode.to_le_bytes(), to_u16("length of a name", name.len())?.to_le_bytes());
        hasher.update(&[kind, a, b, c, d]);
        hasher.update(name);
        hasher.update(rest);
        Ok(())
    }

    /// Takes in a file or a link of the directory. Directories come later.
    pub(crate) fn entry(&mut self, entry: &Gist<'_>) -> Result<()> {
        let (mode, name) = (entry.mode, entry.path.split().1);
        match entry.what {
            What::Directory => Ok(()),
            What::Symlink(target) => {
                let len = to_u16("length of a link's target", target.len())?.to_le_bytes();
                self.push(SYMLINK, mode, name, &[&len, target].concat())
            }
            What::File { size, content_digest, .. } => match content_digest {
                Some(digest) => {
                    let mut rest = [0; 8 + 32];
                    let (first, last) = rest.split_at_mut(8);
                    first.copy_from_slice(&size.to_le_bytes());
                    last.copy_from_slice(&digest.0);
                    self.push(FILE, mode, name, &rest)
                }
                None => {
                    self.hasher = None;
                    Ok(())
                }
            },
        }
    }

    /// Takes in a directory of the directory.
    pub(crate) fn directory(
        &mut self,
        mode: Option<u32>,
        name: &[u8],
        digest: Option<Digest>,
    ) -> Result<()> {
        match digest {
            Some(digest) => self.push(DIRECTORY, mode, name, &digest.0),
            None => {
                self.hasher = None;
                Ok(())
            }
        }
    }

    /// The digest, if everything in the directory is known.
    pub(crate) fn finish(self) -> Option<Digest> {
        self.hasher.map(Hasher::finish)
    }
}
