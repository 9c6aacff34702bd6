//! What became of a pack that grew, for `add`, `remove` and `sync`.

use super::Result;
use super::arguments::StoreArgs;
use super::console::{Global, note};
use crate::format::{Size, count, duration};
use rangepack::{GrowOptions, Grown};
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// Which indexes the new generation gets.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[command(next_help_heading = "Which indexes it gets")]
pub(super) struct TrailerArgs {
    /// Which indexes the pack carries then [default: those that it has]
    ///
    /// Old programs read what the last NDJSON trailer says: with `paged` on a pack that has one, they go on reading the files that
    /// it had then.
    #[arg(long, value_name = "FORMAT")]
    index_format: Option<Choice>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Choice {
    /// The paged index, and the NDJSON trailer that the old programs read
    Both,
    /// The paged index alone: some 250 bytes less for each file
    Paged,
}

impl TrailerArgs {
    /// The library's word for it.
    pub(super) fn trailer(self) -> Option<bool> {
        self.index_format.map(|choice| choice == Choice::Both)
    }
}

/// How a pack grows, with what is said of files to be read.
pub(super) fn options(
    store: &StoreArgs,
    select: &super::arguments::SelectArgs,
    trailer: TrailerArgs,
    dry_run: bool,
) -> Result<GrowOptions> {
    let mut options = GrowOptions::default();
    options.pack = store.options(select, None)?;
    options.trailer = trailer.trailer();
    options.dry_run = dry_run;
    Ok(options)
}

/// Tells what was done, or would be.
pub(super) fn tell(
    grown: &Grown,
    pack: &Path,
    nothing: &str,
    json: bool,
    elapsed: Duration,
    global: &Global,
) -> Result<()> {
    if json {
        let mut out = global.stdout();
        out.json(&Json::of(grown, elapsed))?;
        out.flush()?;
    }
    if !global.quiet {
        note(&sentence(grown, pack, nothing, elapsed));
        if let Some(finished) = &grown.finished {
            super::finalize::tell_old_readers(finished);
        }
    }
    Ok(())
}

/// The outcome in one line.
fn sentence(grown: &Grown, pack: &Path, nothing: &str, elapsed: Duration) -> String {
    if !grown.is_changed() {
        return format!("{nothing}: {} is as it was", pack.display());
    }
    let numbers = [(grown.added, "added"), (grown.changed, "changed"), (grown.removed, "removed")];
    let numbers = numbers.into_iter().filter(|(number, _)| *number > 0);
    let mut parts: Vec<_> =
        numbers.map(|(number, verb)| format!("{} {verb}", count(number, "entry"))).collect();
    if parts.is_empty() {
        parts.push("no entry changed".to_owned());
    }
    let mut text = parts.join(", ");
    let payloads = Size(grown.payload_bytes);
    match &grown.finished {
        Some(finished) => {
            let index = Size(grown.index_bytes());
            text.push_str(&format!(
                "; wrote {payloads} of payloads and an index of {index} in {}",
                duration(elapsed)
            ));
            if let Some(digest) = finished.digest {
                text.push_str(&format!(", root {}…", &digest.to_string()[..12]));
            }
        }
        None => {
            text = format!("would be: {text}; {payloads} of payloads, and a new index");
        }
    }
    for (number, thing) in
        [(grown.summary.duplicates, "duplicate"), (grown.summary.failed, "failure")]
    {
        if number > 0 {
            text.push_str(&format!(", {}", count(number, thing)));
        }
    }
    if grown.summary.special > 0 {
        text.push_str(&format!(", {} left out", count(grown.summary.special, "special file")));
    }
    text
}

#[derive(Debug, Serialize)]
struct Json {
    added: u64,
    changed: u64,
    removed: u64,
    duplicates: u64,
    special: u64,
    failed: u64,
    payload_bytes: u64,
    index_bytes: u64,
    file_len: Option<u64>,
    /// The generation before.
    previous: Option<String>,
    /// The new one, when one was written.
    root: Option<String>,
    seconds: f64,
}

impl Json {
    fn of(grown: &Grown, elapsed: Duration) -> Json {
        let finished = grown.finished.as_ref();
        Json {
            added: grown.added,
            changed: grown.changed,
            removed: grown.removed,
            duplicates: grown.summary.duplicates,
            special: grown.summary.special,
            failed: grown.summary.failed,
            payload_bytes: grown.payload_bytes,
            index_bytes: grown.index_bytes(),
            file_len: finished.map(|finished| finished.file_len),
            previous: grown.previous.map(|digest| digest.to_string()),
            root: finished.and_then(|finished| finished.digest).map(|digest| digest.to_string()),
            seconds: elapsed.as_secs_f64(),
        }
    }
}
