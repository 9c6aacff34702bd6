//! `rangepack sync`: a pack becomes equal to a directory.

use super::Result;
use super::arguments::{SelectArgs, StoreArgs, require_disk};
use super::console::Global;
use super::exit::{Exit, Failure};
use super::follow::Follow;
use super::grown::{self, TrailerArgs};
use super::progress::ProgressArgs;
use super::status::State;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  rangepack sync photos photos.pack
  rangepack sync photos photos.pack --checksum
  rangepack sync photos photos.pack --dry-run

Files with the size, time and mode that the pack has are not read, unless --checksum is given; with --owner their
owners are compared, too. What is not there any more, or is left out by --exclude and the like, goes. A content that
the pack holds already is not stored again, wherever it was. Nothing is written when there is nothing to do.

The pack is what it was until the step is done, as with `rangepack add`, and its old state stays in the file. When
something cannot be read nothing is written, unless --incomplete is given: then the pack lacks it.";

/// Make a pack equal to a directory, by what changed
///
/// A pack that is not there is made.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The directory
    #[arg(value_name = "SRC")]
    source: PathBuf,
    /// The pack
    #[arg(value_name = "DEST")]
    pack: PathBuf,
    /// Read all files, and compare what they hold
    #[arg(long)]
    checksum: bool,
    /// Say what would be done
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Go on when something cannot be read, and leave it out
    #[arg(long)]
    incomplete: bool,
    /// Print each path as it is packed, to standard error
    #[arg(short, long)]
    verbose: bool,
    /// Print the summary as JSON, to standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    trailer: TrailerArgs,
}

/// Brings up to date.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    require_disk(&args.source)?;
    require_disk(&args.pack)?;
    let found = args.source.metadata().map_err(Failure::system("read", &args.source))?;
    if !found.is_dir() {
        return Err(Failure::Usage {
            problem: format!("{} is not a directory", args.source.display()),
            hint: "rangepack sync SRC DEST: a directory, and the pack that is to be equal to it",
        });
    }
    let mut options = grown::options(&args.store, &args.select, args.trailer, args.dry_run)?;
    options.checksum = args.checksum;
    options.pack.incomplete = args.incomplete;
    let follow = Follow::new("syncing", args.progress.progress, global).stoppable();
    let follow = follow.print_each(args.verbose);
    let grown = rangepack::sync(&args.source, &args.pack, &options, &follow);
    follow.finish(State::of(&grown))?;
    let grown = grown?;
    grown::tell(&grown, &args.pack, "nothing to do", args.json, follow.elapsed(), global)?;
    Ok(if grown.summary.failed > 0 { Exit::Bad } else { Exit::Fine })
}
