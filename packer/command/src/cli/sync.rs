//! `rangepack sync`: a pack becomes equal to a directory, or to another pack.

use super::Result;
use super::arguments::{
    SelectArgs, StoreArgs, TrafficArgs, check_place, open_telling, require_disk,
};
use super::console::{Global, note};
use super::exit::{Exit, Failure};
use super::follow::Follow;
use super::grown::{self, TrailerArgs};
use super::progress::{ProgressArgs, Steps};
use super::status::State;
use rangepack::{Location, OpenOptions, Verify};
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  rangepack sync photos photos.pack
  rangepack sync photos photos.pack --checksum
  rangepack sync https://example.org/photos.pack photos.pack

Of a directory, files with the size, time and mode that the pack has are not read, unless --checksum is given; with
--owner their owners are compared, too. What is not there any more, or is left out by --exclude and the like, goes.
When something cannot be read nothing is written, unless --incomplete is given: then the pack lacks it.

Of a pack, index pages of directories that differ are fetched, and payloads that DEST has not got, wherever it has
them; -v says how much that was. Directories with the same tree digest stay as they are, with the times in them. What
comes is stored as it was. What an interrupted run fetched, if it is more than 1 MiB, stays behind DEST, and the next
one takes it over, verified; anything else that is done with DEST cuts it off.

A content that DEST holds already is not stored again. Nothing is written when there is nothing to do. DEST is what it
was until the step is done, as with `rangepack add`, and its old state stays in the file (`rangepack log`).";

/// Make a pack equal to a directory or another pack, by what changed
///
/// A pack that is not there is made.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The directory, or the pack: a path, or a URL (http, https, s3, gs, az)
    #[arg(value_name = "SRC")]
    source: Location,
    /// The pack that becomes equal to it
    #[arg(value_name = "DEST")]
    pack: PathBuf,
    /// Read all files of a directory, and compare what they hold
    #[arg(long)]
    checksum: bool,
    /// Say what would be done
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Go on when something cannot be read, and leave it out
    #[arg(long)]
    incomplete: bool,
    #[command(flatten)]
    traffic: TrafficArgs,
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

/// Whether an interrupted run left something behind a pack.
fn is_left(pack: &Path) -> bool {
    let file = pack.canonicalize().unwrap_or_default();
    Location::Disk(file).growth_note().disk().is_some_and(Path::exists)
}

/// Brings up to date.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    check_place(&args.source)?;
    require_disk(&args.pack)?;
    let mut options = grown::options(&args.store, &args.select, args.trailer, args.dry_run)?;
    options.checksum = args.checksum;
    options.pack.incomplete = args.incomplete;
    let directory = match args.source.disk() {
        Some(path) => {
            let found = path.metadata().map_err(Failure::system("read", path))?;
            found.is_dir().then_some(path)
        }
        None => None,
    };
    let source = match directory {
        Some(_) => None,
        None => {
            let how = OpenOptions::default().verify(Verify::Payloads);
            Some(open_telling(&args.source, &how, global)?)
        }
    };
    if source.is_some() && options.pack.filter.is_active() {
        return Err(Failure::Usage {
            problem: "--include, --exclude and the like are for directories".to_owned(),
            hint: "a pack becomes equal to all of another one; `rangepack remove` takes things out of it",
        });
    }
    let follow = Follow::new("syncing", args.progress.progress, global).stoppable();
    let follow = follow.steps(Steps::default());
    let grown = match (&source, directory) {
        (Some(source), _) => rangepack::sync_pack(source, &args.pack, &options, &follow),
        (None, Some(directory)) => rangepack::sync(directory, &args.pack, &options, &follow),
        (None, None) => return Ok(Exit::Fine),
    };
    follow.finish(State::of(&grown))?;
    if grown.is_err() && source.is_some() && is_left(&args.pack) && !global.quiet {
        note(&format!(
            "what came stays behind {}: the same command goes on from there",
            args.pack.display()
        ));
    }
    let grown = grown?;
    if let Some(source) = &source {
        args.traffic.tell(source);
    }
    grown::tell(&grown, &args.pack, "nothing to do", args.json, follow.elapsed(), global)?;
    Ok(if grown.summary.failed > 0 { Exit::Bad } else { Exit::Fine })
}
