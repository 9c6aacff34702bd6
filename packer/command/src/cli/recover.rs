//! `rangepack recover`: what can be saved of a damaged pack.

use super::Result;
use super::arguments::{IndexArgs, require_disk};
use super::console::{Global, When, note};
use super::exit::Exit;
use super::follow::Follow;
use super::status::State;
use super::summary::Done;
use crate::format::count;
use rangepack::{RecoverOptions, Recovered};
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  rangepack recover broken.pack saved.pack
  rangepack recover cut.container saved.pack --index copy-of.idx

Entries are taken from whatever still speaks of them: the paged index with all pages that are whole, its
pages alone when the end of the file is lost, the NDJSON index inside or beside it, also one that breaks off.
Files whose payloads are what their SHA-256 says are in the new pack; every other is named, and makes the
exit code 1. Of .fpack files nothing can be saved that `rangepack extract` does not read.";

/// Save what can be saved of a damaged pack or container
///
/// Makes a new pack of all that is whole in PACK, which is only read.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The damaged pack or container
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// The new pack
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// Another index that tells what is in it, beside those that are found
    #[arg(long, value_name = "FILE")]
    index: Option<PathBuf>,
    /// Replace OUT if it is there
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    indexes: IndexArgs,
}

/// Recovers.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    require_disk(&args.pack)?;
    require_disk(&args.out)?;
    args.index.as_deref().map_or(Ok(()), require_disk)?;
    let mut options = RecoverOptions::default();
    options.index.clone_from(&args.index);
    (options.format, options.overwrite) = (args.indexes.options(None), args.force);
    let follow = Follow::new("recovering", When::Auto, global).stoppable();
    let recovered = rangepack::recover(&args.pack, &args.out, &options, &follow);
    follow.finish(State::of(&recovered))?;
    let recovered = recovered?;
    if !global.quiet {
        for (what, entries) in &recovered.clues {
            note(&format!("{what} tells of {}", count(*entries, "entry")));
        }
        note(&sentence(&recovered, follow.elapsed()));
    }
    Ok(if recovered.lost + recovered.unreadable == 0 { Exit::Fine } else { Exit::Bad })
}

/// The outcome in one line.
fn sentence(recovered: &Recovered, elapsed: Duration) -> String {
    let header = &recovered.finished.header;
    let done = Done { by_bytes: true, ..Done::indexed("saved", header, elapsed) };
    let mut text = done.to_string();
    if recovered.unverifiable > 0 {
        text.push_str(&format!(", {} without a digest to compare", recovered.unverifiable));
    }
    if recovered.lost > 0 {
        text.push_str(&format!("; {} lost", count(recovered.lost, "entry")));
    }
    if recovered.unreadable > 0 {
        text.push_str(&format!(
            "; {} of an index cannot be read, and may have told of more",
            count(recovered.unreadable, "entry")
        ));
    }
    text
}
