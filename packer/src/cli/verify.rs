//! `rangepack verify`: whether a pack is what it was.

use super::Result;
use super::arguments::{PackArgs, parse_threads};
use super::progress::ProgressArgs;
use crate::error::Error;
use crate::open::Pack;
use crate::platform::name_bytes;
use reader_core::path::PackPathBuf;
use std::ffi::OsString;

const EXAMPLES: &str = "\
Examples:
  rangepack verify photos.pack
  rangepack verify photos.pack 2024/summer
  rangepack verify --json photos.pack | jq '.problems[].path'

Without PATHs the index is checked as well: every page, the order of its entries, all totals, and the
NDJSON trailer against it. The exit code is 1 when anything is damaged.";

/// Compare every file of a pack with its SHA-256
///
/// Reads, decompresses and hashes everything, and names what is damaged.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) pack: PackArgs,
    /// Files and directories inside the pack [default: everything, and the index]
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,
    /// Threads that hash and decompress [default: one per processor]
    #[arg(short = 'j', long, value_name = "N", value_parser = parse_threads)]
    pub(super) threads: Option<usize>,
    /// Print the report as JSON, to standard output
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) progress: ProgressArgs,
}

impl Args {
    /// What is to be checked, links followed; `None` is everything.
    pub(super) fn selection(&self, pack: &Pack) -> Result<Option<Vec<PackPathBuf>>> {
        let path = |path: &OsString| match pack.resolve_directory(name_bytes(path)) {
            Err(Error::WrongKind { .. }) => Ok(pack.metadata(name_bytes(path))?.path),
            directory => Ok(directory?),
        };
        if self.paths.is_empty() {
            return Ok(None);
        }
        self.paths.iter().map(path).collect::<Result<_>>().map(Some)
    }
}
