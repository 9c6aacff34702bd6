//! Whether an index is that of the container it is used with: payloads are where it says.

use crate::error::{ContainerProblem, Error, Result};
use crate::source::data::Data;
use crate::source::location::Location;
use crate::source::options::OpenOptions;
use rangepack_core::{Digest, Entry, Extent, Kind, PackPathBuf};
use std::path::Path;

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
    pub(crate) fn check(&self, container: &Path, index: &Path) -> Result<()> {
        let Some(Last { path, extent, digest }) = &self.0 else { return Ok(()) };
        let location = Location::Disk(container.to_owned());
        let data = Data::open(&location, &OpenOptions::default())?;
        if data.digest(*extent)? == *digest {
            return Ok(());
        }
        let (container, entry) = (container.to_owned(), path.display().to_string());
        let problem = ContainerProblem::Foreign { container, entry, offset: extent.start };
        Err(Error::container(index, problem))
    }
}
