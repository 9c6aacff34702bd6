//! `rangepack add`: a pack grows by what is new.

use super::Result;
use super::arguments::{SelectArgs, StoreArgs, require_disk};
use super::compression::DictArgs;
use super::console::Global;
use super::exit::{Exit, Failure};
use super::follow::Follow;
use super::grown::{self, TrailerArgs};
use super::pack::{parse_pair, warn_of_unmatched};
use super::progress::ProgressArgs;
use super::sources::SourceArgs;
use super::status::State;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  rangepack add photos.pack 2025 notes.txt        # 2025/… and notes.txt
  rangepack add photos.pack new --rename new=2025/june
  rangepack add photos.pack edited                # what is in edited; of equal paths this one counts
  find photos -newer photos.pack -print0 | rangepack add photos.pack -0 --files-from -
  rangepack add photos.pack --meta license=CC-BY-4.0

The sources get the paths that `pack` would give them. What the pack holds already is not stored again. Its whole
index is written anew behind what is new, some 60 bytes for each file that is in it, 300 with an NDJSON trailer.

The pack is what it was until the step is done, for whoever reads it, also when the process is killed or the power
fails meanwhile (PACK.grow, beside it, says where it ended). The old state stays in the file: `rangepack log` lists
all of them, --root opens one, and `rangepack compact` gives their room back.

Files that cannot be read are warned about and left out; the exit code is 1 then.";

/// Add files and directories to a pack, in place and in one step
///
/// Writes what is new behind the pack, and an index of all of it: a new generation. Of equal paths the new one counts; a directory
/// that both have is one.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The pack that grows
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// What is added: of a single directory its content, several files and directories each below its own name
    #[arg(value_name = "SRC")]
    given: Vec<PathBuf>,
    /// Say what would be added, and how much it is; -v names each path
    #[arg(short = 'n', long)]
    dry_run: bool,
    #[command(flatten)]
    dict: DictArgs,
    /// Say something of the pack as a whole, beside what was said of it, or in its place; may be given more than once
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    meta: Vec<(String, String)>,
    /// Print each path as it is packed, to standard error
    #[arg(short, long)]
    verbose: bool,
    /// Print the summary as JSON, to standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    progress: ProgressArgs,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    trailer: TrailerArgs,
}

/// Adds.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    require_disk(&args.pack)?;
    let mut options = grown::options(&args.store, &args.select, args.trailer, args.dry_run)?;
    options.pack.dictionaries = args.dict.dictionaries(options.pack.compress)?;
    options.pack.metadata = args.meta.iter().cloned().collect();
    args.check(&options)?;
    // What is not there is told before the list is read.
    args.pack.metadata().map_err(Failure::system("open", &args.pack))?;
    let scratch = match args.pack.parent() {
        Some(parent) if parent.is_dir() => parent.to_owned(),
        _ => std::env::temp_dir(),
    };
    let sources = args.source.sources(&args.given, &options.pack.filter, &scratch)?;
    let follow = Follow::new("adding", args.progress.progress, global).stoppable();
    let follow = follow.print_each(args.verbose);
    let grown = rangepack::add(&args.pack, sources, &options, &follow);
    follow.finish(State::of(&grown))?;
    let grown = grown?;
    warn_of_unmatched(&grown.unmatched, global);
    grown::tell(&grown, &args.pack, "nothing new", args.json, follow.elapsed(), global)?;
    Ok(if grown.summary.failed > 0 { Exit::Bad } else { Exit::Fine })
}

impl Args {
    fn check(&self, options: &rangepack::GrowOptions) -> Result<()> {
        let usage = |problem: &str, hint| Err(Failure::Usage { problem: problem.to_owned(), hint });
        let hint = "rangepack add PACK SRC..., or rangepack add PACK --files-from LIST";
        match &self.source.files_from {
            Some(_) if !self.given.is_empty() => {
                usage("with --files-from there is PACK, and no SRC", hint)
            }
            Some(_) if options.pack.filter.honours_ignore_files() => usage(
                "--gitignore with --files-from",
                "a list says what is packed; `git ls-files` makes one",
            ),
            None if self.given.is_empty() && self.meta.is_empty() => {
                usage("there is nothing to add", hint)
            }
            _ => Ok(()),
        }
    }
}
