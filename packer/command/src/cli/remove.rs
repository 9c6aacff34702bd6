//! `rangepack remove`: a generation without some entries.

use super::Result;
use super::arguments::require_disk;
use super::console::Global;
use super::exit::Exit;
use super::follow::Follow;
use super::grown::{self, TrailerArgs};
use super::progress::ProgressArgs;
use super::status::State;
use rangepack::GrowOptions;
use std::ffi::OsString;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  rangepack remove photos.pack 2019 notes.txt
  rangepack remove photos.pack '*.tmp' --dry-run

Only a new index is written, without what is removed: the bytes stay in the file, and the state before can still be
opened by its root digest, which `rangepack log` lists. `rangepack compact` gives the room back.";

/// Remove files and directories from a pack, in one step
///
/// A directory brings what it holds. A PATH without `*`, `?`, `[` or `{` is that of an entry, others are globs.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The pack
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// What is removed: paths in the pack, or globs
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<OsString>,
    /// Say what would be removed
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Print the summary as JSON, to standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    trailer: TrailerArgs,
}

/// Removes.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    require_disk(&args.pack)?;
    let mut options = GrowOptions::default();
    (options.dry_run, options.trailer) = (args.dry_run, args.trailer.trailer());
    let follow = Follow::new("removing", args.progress.progress, global).stoppable();
    let paths = args.paths.iter().map(|path| path.as_encoded_bytes());
    let grown = rangepack::remove(&args.pack, paths, &options, &follow);
    follow.finish(State::of(&grown))?;
    let grown = grown?;
    grown::tell(&grown, &args.pack, "nothing removed", args.json, follow.elapsed(), global)?;
    Ok(Exit::Fine)
}
