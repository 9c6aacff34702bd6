//! Parts of merged packs, by the names at which readers look for them: beside the merged pack, or below its directory.

use super::shelf::RawFile;
use rangepack::Pack;
use std::collections::HashMap;
use std::sync::OnceLock;

/// The parts of a pack by their names, which are read when the first is asked for.
#[derive(Debug, Default)]
pub(super) struct Parts(OnceLock<HashMap<Vec<u8>, RawFile>>);

impl Parts {
    /// The part of this name, if `pack` has one.
    pub(super) fn find(&self, pack: &Pack, name: &str) -> Option<RawFile> {
        if pack.volume_count() == 0 {
            return None;
        }
        let parts = self.0.get_or_init(|| {
            let numbered = (1..).zip(pack.volumes());
            // One whose record is damaged cannot be read through the pack either.
            let named = numbered.filter_map(|(number, volume)| {
                let volume = volume.ok()?;
                Some((volume.name.clone(), RawFile::Part(number, volume.digest)))
            });
            named.filter(|(name, _)| !name.is_empty()).collect()
        });
        parts.get(name.as_bytes()).copied()
    }
}
