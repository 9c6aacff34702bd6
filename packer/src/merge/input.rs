//! One of the packs: its entries in key order, below a directory.

use crate::error::{Error, Result};
use crate::index::merging::{Keyed, Stream};
use crate::read::pack::{Entries, Pack};
use rangepack_core::{EntryRef, PackPath, PackPathBuf};
use std::collections::VecDeque;

/// See [the module](self).
pub(super) struct Input<'p> {
    pack: &'p Pack,
    /// The directory below which they appear, if it is not the root.
    below: Option<&'p PackPathBuf>,
    /// The directories above, which no pack has.
    above: VecDeque<PackPathBuf>,
    entries: Entries<'p>,
    is_first: bool,
    places: Places<'p>,
}

/// The next entry of a pack.
pub(super) struct Next<'p> {
    /// As it will be in the merged pack.
    pub(super) path: PackPathBuf,
    /// Where it stands; of directories above, which no pack has, nowhere.
    pub(super) from: Option<EntryRef<'p>>,
}

impl Keyed for Next<'_> {
    fn path(&self) -> &PackPathBuf {
        &self.path
    }
}

/// Paths of entries of packs below directories.
///
/// Most are in the directory in which the one before them was: then this is not checked again.
#[derive(Default)]
pub(super) struct Places<'p> {
    below: Option<&'p PackPathBuf>,
    /// The directory in the pack.
    inside: Vec<u8>,
    /// The same in the merged pack; `None` is the root.
    directory: Option<PackPathBuf>,
}

impl<'p> Places<'p> {
    /// Puts the path of what stands at `from`, below this directory or as it is, in the place of `path`.
    pub(super) fn path(
        &mut self,
        from: &EntryRef<'_>,
        below: Option<&'p PackPathBuf>,
        path: &mut PackPathBuf,
    ) -> rangepack_core::Result<()> {
        if !from.is_in(&self.inside) || self.below != below {
            let inside = from.directory();
            let directory = match below {
                Some(below) if inside.is_root() => Some(below.clone()),
                Some(below) => Some(below.join(inside.as_bytes())?),
                None => Some(inside.to_owned()).filter(|_| !inside.is_root()),
            };
            *self = Places { below, inside: inside.as_bytes().to_vec(), directory };
        }
        let directory = self.directory.as_ref().map_or(PackPath::ROOT, PackPathBuf::as_path);
        from.path_in(directory, path)
    }
}

impl<'p> Input<'p> {
    pub(super) fn new(pack: &'p Pack, below: Option<&'p PackPathBuf>) -> Input<'p> {
        let bytes = below.map_or(&[][..], |path| path.as_bytes());
        let slashes = memchr::memchr_iter(b'/', bytes);
        let ends = slashes.chain((!bytes.is_empty()).then_some(bytes.len()));
        let above = ends.filter_map(|end| PackPathBuf::new(bytes[..end].to_vec()).ok()).collect();
        let (entries, places) = (pack.entries(), Places::default());
        Input { pack, below, above, entries, is_first: true, places }
    }
}

impl<'p> Stream for Input<'p> {
    type Item = Next<'p>;
    type Error = Error;

    fn blank() -> Next<'p> {
        Next { path: PackPath::ROOT.to_owned(), from: None }
    }

    fn read(&mut self, next: &mut Next<'p>) -> Result<bool> {
        if let Some(path) = self.above.pop_front() {
            *next = Next { path, from: None };
            return Ok(true);
        }
        let Some(from) = self.entries.next().transpose()? else { return Ok(false) };
        let path = self.places.path(&from, self.below, &mut next.path);
        path.map_err(|error| wrong(self.pack, error))?;
        next.from = Some(from);
        if std::mem::take(&mut self.is_first) {
            // It may be long until its turn comes, and there may be thousands of them.
            forget(self.pack);
        }
        Ok(true)
    }
}

/// What is wrong with an entry of a pack: what it was read of may be gone, and then it was zeros.
pub(super) fn wrong(pack: &Pack, error: rangepack_core::Error) -> Error {
    let intact = pack.index_file().map_or(Ok(()), |file| file.intact());
    intact.err().unwrap_or_else(|| pack.error(error))
}

/// Gives back the memory of index pages that were looked at.
pub(super) fn forget(pack: &Pack) {
    if let Some(file) = pack.index_file() {
        file.forget();
    }
}
