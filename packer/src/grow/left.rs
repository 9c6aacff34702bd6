//! What an interrupted run fetched and left behind the pack: taken over by the next one, as far as it would come to lie there again.

use crate::error::Result;
use crate::source::data::Data;
use crate::source::location::Location;
use crate::source::options::OpenOptions;
use rangepack_core::{Content, Digest, Extent};
use std::path::Path;

/// See [the module](self).
pub(super) struct Left {
    /// The file, with all that is behind the pack.
    file: Option<Data>,
    /// Where a payload was found last, and which.
    found: Option<(u64, Digest)>,
}

impl Left {
    /// Behind the pack that `file` is as yet, which has `len` bytes.
    pub(super) fn behind(file: &Path, len: u64) -> Result<Left> {
        let location = Location::Disk(file.to_owned());
        let file = Data::open(&location, &OpenOptions::default())?;
        Ok(Left { file: Some(file).filter(|file| file.len() > len), found: None })
    }

    /// None at all.
    pub(super) fn none() -> Left {
        Left { file: None, found: None }
    }

    /// Whether anything may be there.
    pub(super) fn is_some(&self) -> bool {
        self.file.is_some()
    }

    /// Whether the payload of a content lies at a place, all of it and undamaged. If it does not, the runs went different ways, and
    /// nothing behind it is looked at.
    pub(super) fn holds(&mut self, content: &Content, offset: u64) -> Result<bool> {
        let (Some(file), Some(digest)) = (&self.file, content.digest) else { return Ok(false) };
        let extent = Extent { start: offset, len: content.stored_size };
        if self.found == Some((offset, digest)) {
            return Ok(true);
        }
        let holds = file.check(extent).is_ok() && file.digest(extent)? == digest;
        if holds {
            self.found = Some((offset, digest));
        } else {
            self.file = None;
        }
        Ok(holds)
    }

    /// The payload that lies at a place, which [`Left::holds`] said.
    pub(super) fn source(&self) -> Option<&Data> {
        self.file.as_ref()
    }
}
