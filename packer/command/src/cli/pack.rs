//! `rangepack pack`: a tree becomes a pack.

use super::arguments::{IndexArgs, SelectArgs, StoreArgs, refuse_url};
use super::console::{Global, note};
use super::exit::{Exit, Failure};
use super::follow::Follow;
use super::progress::ProgressArgs;
use super::status::State;
use super::summary::Done;
use super::{Result, console};
use crate::format::count;
use rangepack::Summary;
use rangepack::{Finished, Packed};
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  rangepack pack photos photos.pack
  rangepack pack photos photos.pack --ext jpg,png --exclude '*.tmp'
  rangepack pack logs logs.pack --compress=9 --gitignore
  rangepack pack data data.pack --align 4k --fsync --force
  rangepack pack data data.pack --meta license=CC-BY-4.0 --meta source=https://example.org

Files that cannot be read are warned about and left out; the exit code is 1 then. A pack that lacks
such files does not replace another: with --force the old OUT stays, unless --incomplete is given as
well. Sockets, pipes and devices are left out, too, which is no failure. Hard links and holes are kept
as such. Times before 1677 and after 2262 are warned about, and become the nearest that fits.

A file that another program writes to while it is read is read again, three times in all, then left
out like one that cannot be read. A write shows by the file's size and by the times of its last change
and of its last write, which are compared after reading; a file that was changed a moment ago is read
after a pause of 100 ms (2 s where times are whole seconds), so that no write falls into the same tick.
What cannot show: a single write that takes longer than that, writing through a memory map, and, on a
file server whose clock is behind, a second write within one tick of it.";

/// Pack a directory tree into one file
///
/// Packs everything below SRC into OUT, which appears when it is complete, or not at all. The same
/// tree gives the same bytes.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The directory whose content is packed
    #[arg(value_name = "SRC")]
    source: PathBuf,
    /// The pack to make
    #[arg(value_name = "OUT")]
    output: PathBuf,
    /// Replace OUT if it exists; it stays if something cannot be read
    #[arg(short, long)]
    force: bool,
    /// With --force: replace OUT even if something cannot be read, which is left out
    #[arg(long, requires = "force")]
    incomplete: bool,
    /// Wait until everything is on disk before OUT appears
    #[arg(long)]
    fsync: bool,
    /// Say something of the pack as a whole, which `rangepack info` shows; may be given more than once
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
    select: SelectArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    index: IndexArgs,
}

/// Packs.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    refuse_url(&args.source)?;
    refuse_url(&args.output)?;
    let mut options = args.store.options(&args.select, &args.index)?;
    options.fsync = args.fsync;
    options.overwrite = args.force;
    options.incomplete = args.incomplete;
    options.metadata = args.meta.iter().cloned().collect();
    let follow = Follow::new("packing", args.progress.progress, global).stoppable();
    let follow = follow.print_each(args.verbose);
    let packed = follow.while_counting(&args.source, &args.output, &options, || {
        rangepack::pack(&args.source, &args.output, &options, &follow)
    });
    follow.finish(State::of(&packed))?;
    let elapsed = follow.elapsed();
    let Packed { summary, finished, .. } = packed.map_err(Failure::from)?;
    if args.json {
        let mut out = global.stdout();
        print_json(&mut out, &summary, &finished, elapsed)?;
        out.flush()?;
    }
    if !global.quiet {
        note(&sentence("packed", &summary, &finished, elapsed));
        super::finalize::tell_old_readers(&finished);
    }
    Ok(if summary.failed > 0 { Exit::Bad } else { Exit::Fine })
}

/// A key and its value.
fn parse_pair(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("a key, `=` and a value are wanted".to_owned()),
    }
}

/// A run in one line.
pub(super) fn sentence(
    verb: &'static str,
    summary: &Summary,
    finished: &Finished,
    elapsed: Duration,
) -> String {
    let mut text = Done {
        verb,
        files: summary.files + summary.symlinks,
        links: summary.symlinks,
        directories: summary.directories,
        bytes: summary.bytes,
        stored: Some(summary.stored_bytes),
        elapsed,
        by_bytes: true,
    }
    .to_string();
    for (number, thing) in [(summary.duplicates, "duplicate"), (summary.failed, "failure")] {
        if number > 0 {
            text.push_str(&format!(", {}", count(number, thing)));
        }
    }
    if summary.special > 0 {
        text.push_str(&format!(", {} left out", count(summary.special, "special file")));
    }
    if summary.attributes_left_out > 0 {
        text.push_str(&format!(", {} without all attributes", summary.attributes_left_out));
    }
    if let Some(digest) = finished.digest {
        let digest = digest.to_string();
        text.push_str(&format!(", root {}…", &digest[..12]));
    }
    text
}

#[derive(Debug, Serialize)]
struct Json {
    /// Regular files and links.
    files: u64,
    directories: u64,
    /// How many of the files are links.
    symlinks: u64,
    bytes: u64,
    stored_bytes: u64,
    duplicates: u64,
    unchanged: u64,
    special: u64,
    failed: u64,
    attributes_left_out: u64,
    file_len: u64,
    root: Option<String>,
    seconds: f64,
}

/// A run as one JSON object.
pub(super) fn print_json(
    out: &mut console::Out,
    summary: &Summary,
    finished: &Finished,
    elapsed: Duration,
) -> Result<()> {
    let json = Json {
        files: summary.files + summary.symlinks,
        directories: summary.directories,
        symlinks: summary.symlinks,
        bytes: summary.bytes,
        stored_bytes: summary.stored_bytes,
        duplicates: summary.duplicates,
        unchanged: summary.unchanged,
        special: summary.special,
        failed: summary.failed,
        attributes_left_out: summary.attributes_left_out,
        file_len: finished.file_len,
        root: finished.digest.map(|digest| digest.to_string()),
        seconds: elapsed.as_secs_f64(),
    };
    Ok(out.json(&json)?)
}
