//! Whether an index is that of the container it is used with: payloads are where it says.

use crate::error::{Action, ContainerProblem, Error, Result};
use crate::source::platform::read_exact_at;
use rangepack_core::{Digest, Entry, Extent, Hasher, Kind, PackPathBuf};
use std::fs::File;
use std::path::Path;

/// Read at once.
const PIECE: usize = 256 << 10;

/// The payload by which an index is tested: the one that ends last. An index of another container names none that
/// lies there by accident.
#[derive(Debug, Default)]
pub(crate) struct Proof(Option<Last>);

#[derive(Debug, Clone)]
struct Last {
    path: PackPathBuf,
    extent: Extent,
    digest: Digest,
}

impl Proof {
    /// Takes note of an entry.
    pub(crate) fn learn(&mut self, entry: &Entry) {
        let Kind::File(content) = entry.kind else { return };
        let (extent, Some(digest)) = (content.extent(), content.digest) else { return };
        let is_last = self.0.as_ref().is_none_or(|last| extent.end() > last.extent.end());
        if content.volume == 0 && extent.len > 0 && is_last {
            self.0 = Some(Last { path: entry.path.clone(), extent, digest });
        }
    }

    /// Fails when `container` does not hold that payload. `index` is what named it.
    pub(crate) fn check(&self, container: &Path, file: &File, index: &Path) -> Result<()> {
        let Some(Last { path, extent, digest }) = &self.0 else { return Ok(()) };
        let found = hash(file, *extent).map_err(Error::io(Action::Read, container))?;
        if found == *digest {
            return Ok(());
        }
        let (container, entry) = (container.to_owned(), path.to_string());
        let problem = ContainerProblem::Foreign { container, entry, offset: extent.start };
        Err(Error::container(index, problem))
    }
}

fn hash(file: &File, extent: Extent) -> std::io::Result<Digest> {
    let mut hasher = Hasher::new();
    let mut piece = vec![0; PIECE.min(usize::try_from(extent.len).unwrap_or(PIECE))];
    let mut at = extent.start;
    while at < extent.end() {
        let len = usize::try_from(extent.end() - at).unwrap_or(PIECE).min(PIECE);
        read_exact_at(file, &mut piece[..len], at)?;
        hasher.update(&piece[..len]);
        at += len as u64;
    }
    Ok(hasher.finish())
}
