//! `rangepack split`: lists of about the same weight, for many processes that pack a tree together.

use super::Result;
use super::arguments::{SelectArgs, require_disk};
use super::console::{Global, note};
use super::exit::Exit;
use super::follow::Follow;
use super::progress::{ProgressArgs, Steps};
use super::status::State;
use crate::format::{Size, count};
use rangepack::{PackOptions, Share, Split};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  rangepack split photos -n 16 --out lists
  rangepack pack -C photos -0 --files-from lists/part-000.list parts/part-000.pack
  rangepack merge parts/*.pack -o photos.pack

Each list names files, links and directories, ended by NUL bytes, in the order of the pack. The same tree gives the same lists;
sixteen machines pack a list each, and the parts are merged without being copied.";

/// Cut a tree into lists of about the same weight, to be packed by many processes or machines
///
/// A list weighs what its files have in bytes, and 16 KiB for each. The tree is walked twice, and no names are kept in memory.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The directory that will be packed
    #[arg(value_name = "SRC")]
    source: PathBuf,
    /// How many lists
    #[arg(short = 'n', long, value_name = "N")]
    parts: usize,
    /// Where the lists are put: part-000.list and so on
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Print one JSON object for each list
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// Splits.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    require_disk(&args.source)?;
    require_disk(&args.out)?;
    let mut options = PackOptions::default();
    options.filter = args.select.filter()?;
    options.follow_links = args.select.follow_links;
    let follow = Follow::new("splitting", args.progress.progress, global).stoppable();
    let follow = follow.steps(Steps::default());
    let split = rangepack::split(&args.source, args.parts, &args.out, &options, &follow);
    follow.finish(State::of(&split))?;
    let Split { shares, failed, .. } = split?;
    let mut out = global.stdout();
    for share in shares.iter().filter(|_| args.json) {
        out.json(&Told::of(share))?;
    }
    out.flush()?;
    if !global.quiet {
        let sum = |number: fn(&Share) -> u64| shares.iter().map(number).sum::<u64>();
        let (files, bytes) =
            (count(sum(|share| share.files), "file"), Size(sum(|share| share.bytes)));
        let largest = Size(shares.iter().map(|share| share.bytes).max().unwrap_or(0));
        let lists = count(shares.len() as u64, "list");
        note(&format!(
            "{files}, {bytes}, in {lists} of {largest} at most, in {}",
            args.out.display()
        ));
    }
    Ok(if failed > 0 { Exit::Bad } else { Exit::Fine })
}

#[derive(Debug, Serialize)]
struct Told {
    list: String,
    files: u64,
    bytes: u64,
}

impl Told {
    fn of(share: &Share) -> Told {
        Told { list: share.list.display().to_string(), files: share.files, bytes: share.bytes }
    }
}
