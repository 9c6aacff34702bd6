//! `rangepack compact`: a pack without what it does not need any more.

use super::Result;
use super::arguments::{check_place, parse_alignment, require_disk};
use super::console::{Global, note};
use super::exit::{Exit, Failure};
use super::follow::Follow;
use super::progress::ProgressArgs;
use super::status::State;
use super::summary::Done;
use crate::format::{Size, count};
use rangepack::{CompactOptions, Compacted, ContainerProblem, Error, Location};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  rangepack compact photos.pack
  rangepack compact all.pack --volumes parts     # a merged pack becomes one file

The new file is written beside the old one and takes its place when all of it is on disk: until then there must be room for both,
and whatever happens, one of them is there, whole. Each payload is compared with its SHA-256 while it is copied; the first that differs ends it, and
the pack stays as it was. Entries, what was said of the pack, and the kinds of index stay; earlier states of it can no longer be read, and
its root digest is another one: packs that were merged of it do not find it any more.";

/// Rewrite a pack in its place, without what it does not need
///
/// Drops earlier states of the pack, payloads of files that are not in it any more, and other bytes that nothing names. A merged pack takes in what
/// lies in its parts, and needs them no more.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The pack
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// Begin each file at a multiple of N bytes: `512`, `4k`; a pack does not tell how it was packed
    #[arg(long, value_name = "N", value_parser = parse_alignment)]
    align: Option<u64>,
    /// Where the parts of a merged pack lie, if not below its directory: a directory, or the beginning of their URLs
    #[arg(long, value_name = "DIR|URL")]
    volumes: Option<Location>,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// Compacts.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    require_disk(&args.pack)?;
    args.volumes.as_ref().map_or(Ok(()), check_place)?;
    let mut options = CompactOptions::default();
    options.align = args.align.unwrap_or(1);
    options.open.volumes.clone_from(&args.volumes);
    let follow = Follow::new("compacting", args.progress.progress, global).stoppable();
    let compacted = rangepack::compact(&args.pack, &options, &follow);
    follow.finish(State::of(&compacted))?;
    let compacted = compacted.map_err(hinted)?;
    if !global.quiet {
        let done = Done::indexed("compacted", &compacted.finished.header, follow.elapsed());
        note(&format!("{}, {}", Done { by_bytes: true, ..done }, outcome(&compacted)));
    }
    Ok(Exit::Fine)
}

/// What became of the file.
fn outcome(compacted: &Compacted) -> String {
    let (before, now) = (compacted.file_len_before, compacted.finished.file_len);
    match compacted.volumes_before {
        0 if now <= before => format!("{} given back", Size(before - now)),
        // An index can become longer when it is made anew.
        0 => format!("{} more than before", Size(now - before)),
        parts => format!("{} taken in, a file of {}", count(parts.into(), "file"), Size(now)),
    }
}

/// An error with what can be done about it here.
fn hinted(error: Error) -> Failure {
    let Error::Container { problem: ContainerProblem::Section { .. }, .. } = &error else {
        return error.into();
    };
    let hint =
        "nothing was changed; a newer rangepack made it, and knows how it is rewritten".to_owned();
    Failure::Hinted { error: Box::new(error), hint }
}
