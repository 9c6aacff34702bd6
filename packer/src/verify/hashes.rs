//! Checks the hash section. It is believed by nobody; but a pack that was changed is to be told of.

use super::{Findings, Flaw};
use crate::read::pack::Pack;
use rangepack_core::{Hint, PackPath, Source, hash};

/// Counts which entries the section leads to.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    found: u64,
    missing: u64,
}

impl Hashes {
    /// Looks for an entry, whose leaf was verified.
    pub(super) fn push(&mut self, pack: &Pack, path: PackPath<'_>) {
        match pack.index().hint(pack, path) {
            Hint::Entry(_) => self.found += 1,
            Hint::Nothing => self.missing += 1,
            Hint::Crowded => {}
        }
    }

    /// Tells when entries are missing, or slots lead nowhere.
    pub(super) fn finish(&self, pack: &Pack, findings: &Findings<'_>) {
        let Some(section) = pack.header().hash() else { return };
        // Remote readers do not fetch it.
        let Some(slots) = Source::bytes(pack, section.extent()) else { return };
        let taken = hash::taken(slots);
        let wrong = taken.saturating_sub(self.found);
        if self.missing > 0 || wrong > 0 {
            let missing = self.missing;
            findings.structural(None, Flaw::Hashes { missing, wrong });
        }
    }
}
