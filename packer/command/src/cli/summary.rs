//! What a run did, in one line: files, bytes, ratio, rate.

use crate::format::{Size, count, duration, files, percent, rate};
use rangepack::{Header, Summary};
use std::fmt;
use std::time::Duration;

/// What was done, and how long it took.
#[derive(Debug, Clone, Copy)]
pub(super) struct Done {
    /// What was done with them: `packed`.
    pub(super) verb: &'static str,
    /// Regular files, and links.
    pub(super) files: u64,
    /// How many of the files are links.
    pub(super) links: u64,
    pub(super) directories: u64,
    /// Bytes of content.
    pub(super) bytes: u64,
    /// The same as stored, where that was done.
    pub(super) stored: Option<u64>,
    pub(super) elapsed: Duration,
    /// Whether the content was gone through, or only the index.
    pub(super) by_bytes: bool,
}

impl Done {
    /// A tree that was gone through.
    pub(super) fn packed(verb: &'static str, summary: &Summary, elapsed: Duration) -> Done {
        Done {
            verb,
            files: summary.files + summary.symlinks,
            links: summary.symlinks,
            directories: summary.directories,
            bytes: summary.bytes,
            stored: Some(summary.stored_bytes),
            elapsed,
            by_bytes: true,
        }
    }

    /// All that an index tells of.
    pub(super) fn indexed(verb: &'static str, header: &Header, elapsed: Duration) -> Done {
        Done {
            verb,
            files: header.totals.files,
            links: header.symlinks,
            directories: header.totals.directories,
            bytes: header.totals.bytes,
            stored: Some(header.totals.stored_bytes),
            elapsed,
            by_bytes: false,
        }
    }
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Done { verb, directories, bytes, elapsed, .. } = *self;
        write!(f, "{verb} {}", files(self.files, self.links))?;
        if directories > 0 {
            write!(f, ", {}", count(directories, "directory"))?;
        }
        write!(f, ": {}", Size(bytes))?;
        if let Some(stored) = self.stored.filter(|stored| *stored != bytes) {
            write!(f, " stored as {} ({})", Size(stored), percent(stored, bytes))?;
        }
        let speed = match self.by_bytes {
            true => Size(rate(bytes, elapsed)).to_string(),
            false => count(rate(self.files + directories, elapsed), "entry"),
        };
        write!(f, " in {} ({speed}/s)", duration(elapsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_one_line() {
        let mut done = Done {
            verb: "packed",
            files: 3,
            links: 1,
            directories: 1,
            bytes: 4096,
            stored: Some(1024),
            elapsed: Duration::from_secs(2),
            by_bytes: true,
        };
        let expected = "packed 3 files (1 link), 1 directory: 4.0 KiB stored as 1.0 KiB (25.0%) in 2.0 s (2.0 KiB/s)";
        assert_eq!(done.to_string(), expected);
        (done.links, done.directories, done.stored, done.by_bytes) = (0, 0, None, false);
        assert_eq!(done.to_string(), "packed 3 files: 4.0 KiB in 2.0 s (1 entry/s)");
    }
}
