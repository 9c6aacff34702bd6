//! `rangepack finalize`: the index goes into its container.

use super::Result;
use super::arguments::{IndexArgs, TailArgs, require_disk};
use super::console::{Global, When, note};
use super::exit::Exit;
use super::follow::Follow;
use super::status::State;
use super::summary::Done;
use crate::format::{Size, count};
use rangepack::{FinalizeOptions, Finished};
use rangepack_core::Escaped;
use rangepack_core::ndjson::Refused;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  rangepack finalize photos.container
  rangepack finalize photos.container --remove-index
  rangepack finalize photos.container --index saved.idx --index-format ndjson";

/// Put the index that lies beside a container into it
///
/// Payloads are not touched. An interruption does no harm: finalize again.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The container
    #[arg(value_name = "CONTAINER")]
    pub(super) container: PathBuf,
    /// The index beside it [default: CONTAINER.idx]
    #[arg(long, value_name = "FILE")]
    pub(super) index: Option<PathBuf>,
    /// Remove the index beside the container afterwards
    #[arg(long)]
    pub(super) remove_index: bool,
    #[command(flatten)]
    pub(super) tail: TailArgs,
    #[command(flatten)]
    pub(super) indexes: IndexArgs,
}

/// Finalizes.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    require_disk(&args.container)?;
    args.index.as_deref().map_or(Ok(()), require_disk)?;
    let mut options = FinalizeOptions::default();
    (options.index, options.remove_index) = (args.indexes.options(None), args.remove_index);
    options.tail = args.tail.tail();
    let follow = Follow::new("finalizing", When::Auto, global).stoppable();
    let finalized = rangepack::finalize(&args.container, args.index.as_deref(), &options, &follow);
    follow.finish(State::of(&finalized))?;
    let finalized = finalized?;
    if !global.quiet && finalized.cut > 0 {
        note(&format!("cut off {} that no line names", Size(finalized.cut)));
    }
    if !global.quiet {
        report(&finalized.finished, &finalized.replaced, Some(follow.elapsed()));
    }
    Ok(Exit::Fine)
}

/// Says what is in the container now, and what is not any more; and how long it took, if it was a run of its own.
pub(super) fn report(finished: &Finished, replaced: &[Refused], elapsed: Option<Duration>) {
    if let Some(first) = replaced.first() {
        let (entries, first) = (count(replaced.len() as u64, "entry"), Escaped(&first.name));
        note(&format!(
            "{entries} of earlier runs left out, {first} for one: a file is where a directory was, or a \
             directory where a file was"
        ));
    }
    let header = &finished.header;
    let mut text = match elapsed {
        Some(elapsed) => Done::indexed("finalized", header, elapsed).to_string(),
        // How long the packing took, and what was packed, was said before.
        None => format!("finalized {}", count(header.entries, "entry")),
    };
    text.push_str(&format!(", {} in all", Size(finished.file_len)));
    if let Some(digest) = finished.digest {
        text.push_str(&format!(", root {}…", &digest.to_string()[..12]));
    }
    note(&text);
    tell_old_readers(finished);
}

/// Says when old readers will not find an index that was made for them.
pub(super) fn tell_old_readers(finished: &Finished) {
    if finished.is_beyond_old_readers() {
        note(&format!(
            "the NDJSON index is {} long: extract_container.py finds it with a --lookback of more only, its \
             default is 128 MiB",
            Size(finished.trailer_len)
        ));
    }
}
