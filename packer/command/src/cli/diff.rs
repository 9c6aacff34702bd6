//! `rangepack diff`: in what two packs, or a pack and a directory, differ.

use super::Result;
use super::arguments::{PackArgs, TrafficArgs, open_telling, parse_threads};
use super::console::{Global, Out, note, printable};
use super::exit::Exit;
use super::follow::Follow;
use super::progress::{ProgressArgs, Steps};
use super::status::State;
use crate::format::count;
use crate::record::text;
use rangepack::{
    CompareOptions, Compared, Difference, Event, Location, Observer, OpenOptions, Verify,
};
use rangepack::{compare, compare_packs, default_readers};
use rangepack_core::Escaped;
use serde::Serialize;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

const EXAMPLES: &str = "\
Examples:
  rangepack diff monday.pack tuesday.pack
  rangepack diff photos.pack photos
  rangepack diff local.pack https://example.org/remote.pack
  rangepack diff --json a.pack b.pack | jq -r 'select(.difference == \"added\") | .path'

Lines begin with `-` for what only PACK has, `+` for what only OTHER has, and `~` for what differs:
kinds, contents, modes, and targets of links; not times, owners or attributes. Of packs the digests in
their indexes are compared, whatever their compression and layout: directories with the same digest are not
entered, and no content is read where there are digests; files in a directory are read. The exit code is 1 when anything differs.";

/// Compare a pack with another, or with a directory
///
/// Prints a line for each path at which they differ.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    pack: PackArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
    /// Another pack, or a directory on disk
    #[arg(value_name = "OTHER")]
    other: Location,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
    /// Threads that read a directory [default: one per processor, 8 at least]
    #[arg(short = 'j', long, value_name = "N", value_parser = parse_threads)]
    threads: Option<usize>,
    #[command(flatten)]
    progress: ProgressArgs,
}

/// Compares.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let pack = args.pack.open(Verify::Index, global)?;
    let directory = args.other.disk().filter(|path| path.is_dir());
    let other = match directory {
        Some(_) => None,
        None => Some(open_telling(&args.other, &OpenOptions::default(), global)?),
    };
    for text in other.iter().flat_map(super::notes::of) {
        global.warning_of(&args.other, &text);
    }
    let follow = Follow::new("comparing", args.progress.progress, global).stoppable();
    // How many entries of two packs are met, nobody knows before.
    let total_files = other.is_none().then_some(pack.header().entries);
    let follow = follow.steps(Steps { total_files, ..Steps::default() });
    let tell = Tell { follow, json: args.json, out: Mutex::new((global.stdout(), Ok(()))) };
    let compared = match (&other, directory) {
        (Some(other), _) => compare_packs(&pack, other, &tell),
        (None, directory) => {
            let mut options = CompareOptions::default();
            options.source.threads = args.threads.unwrap_or_else(default_readers);
            compare(&pack, directory.unwrap_or(Path::new(".")), &options, &tell)
        }
    };
    tell.follow.finish(State::of(&compared))?;
    {
        let (out, written) = &mut *tell.lock();
        std::mem::replace(written, Ok(()))?;
        out.flush()?;
    }
    let compared = compared?;
    args.traffic.tell(&pack);
    if let Some(other) = &other {
        args.traffic.tell(other);
    }
    if !global.quiet {
        note(&sentence(&compared));
    }
    Ok(if compared.is_same() { Exit::Fine } else { Exit::Bad })
}

/// The outcome in one line.
fn sentence(compared: &Compared) -> String {
    let same = count(compared.same, "entry");
    let mut text = if compared.is_same() {
        format!("no difference: {same}")
    } else {
        format!("{}, {same} the same", count(compared.different, "difference"))
    };
    if compared.unreadable > 0 {
        let unreadable = count(compared.unreadable, "file or directory");
        text.push_str(&format!(", {unreadable} could not be read"));
    }
    text
}

/// Prints differences when they are found.
struct Tell<'g> {
    follow: Follow<'g>,
    json: bool,
    /// Standard output, and what came of writing to it.
    out: Mutex<(Out, io::Result<()>)>,
}

impl Tell<'_> {
    fn lock(&self) -> MutexGuard<'_, (Out, io::Result<()>)> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Tell<'_> {
    fn event(&self, event: Event<'_>) {
        let Event::Difference { path, difference } = event else { return self.follow.event(event) };
        let (out, written) = &mut *self.lock();
        if written.is_ok() {
            self.follow.aside(|| *written = line(out, self.json, path, difference));
        }
    }

    /// Nobody reads on when the pipe is closed.
    fn cancelled(&self) -> bool {
        self.follow.cancelled() || self.lock().1.is_err()
    }
}

#[derive(Serialize)]
struct Json {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    difference: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_mode: Option<String>,
}

fn line(out: &mut Out, json: bool, path: Escaped<'_>, difference: &Difference) -> io::Result<()> {
    let modes = match difference {
        Difference::Mode { pack, disk } => Some((format!("{pack:04o}"), format!("{disk:04o}"))),
        _ => None,
    };
    let (mark, name, words) = match difference {
        Difference::OnlyInPack => ("-", "removed", ""),
        Difference::OnlyOnDisk => ("+", "added", ""),
        Difference::Kind => ("~", "kind", ": another kind of file"),
        Difference::Content => ("~", "content", ": another content"),
        Difference::Target => ("~", "target", ": another target"),
        Difference::Mode { .. } => ("~", "mode", ": mode "),
        _ => ("~", "unknown", ": one of them cannot be read"),
    };
    if json {
        let (path, path_hex) = text(path.0);
        let (mode, other_mode) = modes.unzip();
        return out.json(&Json { path, path_hex, difference: name, mode, other_mode });
    }
    write!(out, "{mark} ")?;
    out.name(&[path.0], super::console::Paint::Plain)?;
    let modes = modes.map(|(mode, other)| format!("{mode}, not {other}"));
    writeln!(out, "{words}{}", printable(&modes.unwrap_or_default()))?;
    if out.escape { out.flush() } else { Ok(()) }
}
