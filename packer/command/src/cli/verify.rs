//! `rangepack verify`: whether a pack is what it was.

use super::Result;
use super::arguments::{PackArgs, TrafficArgs, parse_threads, threads_for};
use super::console::{Global, note, printable};
use super::exit::Exit;
use super::follow::Follow;
use super::paths;
use super::progress::{ProgressArgs, Steps};
use super::status::State;
use super::summary::Done;
use crate::format::count;
use rangepack::{
    CompareOptions, Compared, Difference, Error, Pack, Verify, VerifyOptions, VerifyReport,
};
use rangepack::{compare, verify};
use rangepack_core::PackPathBuf;
use serde::Serialize;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  rangepack verify photos.pack
  rangepack verify photos.pack 2024/summer
  rangepack verify photos.pack --against photos
  rangepack verify --index-only all.pack
  rangepack verify --json photos.pack | jq '.problems[].path'

Without PATHs the index is checked as well: every page, the order of its entries, all totals and tree
digests, and the NDJSON trailer against it. The exit code is 1 when anything is damaged.

With --index-only no payload is read, so the other files that hold those of a merged pack need not be there.

With --against the pack is compared with a directory as well: names, kinds, modes, targets of links and
contents, not times, owners or attributes. What differs is named, and the exit code is 1 then.";

/// Compare every file of a pack with its SHA-256
///
/// Reads, decompresses and hashes everything, and names what is damaged.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{}", paths::ABOUT))]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) pack: PackArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
    /// Files and directories inside the pack, or globs [default: everything, and the index]
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,
    /// Check the index alone, and read no payload
    #[arg(long, conflicts_with = "against")]
    index_only: bool,
    /// Compare with this directory on disk as well, and name what differs
    #[arg(long, value_name = "DIR", conflicts_with = "paths")]
    against: Option<PathBuf>,
    /// Threads that hash and decompress [default: one per processor, 8 for a remote pack]
    #[arg(short = 'j', long, value_name = "N", value_parser = parse_threads)]
    pub(super) threads: Option<usize>,
    /// Print the report as JSON, to standard output
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) progress: ProgressArgs,
}

/// Verifies.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let pack = args.pack.open(Verify::Payloads, global)?;
    let mut options = VerifyOptions::new().payloads(!args.index_only);
    options.paths = args.selection(&pack)?;
    options.threads = args.threads.unwrap_or_else(|| threads_for(&pack));
    let totals = pack.header().totals;
    let whole = options.paths.is_none();
    let steps = Steps {
        total_files: (whole && options.payloads).then_some(totals.files),
        total_bytes: (whole && options.payloads).then_some(totals.bytes),
        ..Steps::default()
    };
    let follow = Follow::new("verifying", args.progress.progress, global).stoppable();
    let follow = follow.steps(steps).warns(!args.json);
    let report = verify(&pack, &options, &follow);
    follow.finish(State::of(&report))?;
    let report = report?;
    let compared = match &args.against {
        Some(source) => Some(args.compare(&pack, source, options.threads, global)?),
        None => None,
    };
    if args.json {
        let mut out = global.stdout();
        out.json(&Json::new(&report, options.payloads, compared.as_ref()))?;
        out.flush()?;
    }
    args.traffic.tell(&pack);
    if !global.quiet {
        let mut text = sentence(&report, options.payloads, follow.elapsed());
        if pack.digest().is_none() {
            text.push_str("; nothing vouches for its names, modes and times");
        }
        if let Some(open) = pack.notes().unfinished {
            text.push_str("; it is not finalized");
            if open.is_half_made() {
                text.push_str(", and a run was interrupted: more may be missing");
            }
        }
        note(&text);
        if let (Some(compared), Some(source)) = (&compared, &args.against) {
            note(&comparison(compared, source));
        }
    }
    let same = compared.is_none_or(|compared| compared.is_same());
    Ok(if report.is_sound() && same { Exit::Fine } else { Exit::Bad })
}

/// The outcome in one line.
fn sentence(report: &VerifyReport, payloads: bool, elapsed: Duration) -> String {
    let done = Done {
        verb: if payloads { "checked" } else { "checked the index alone:" },
        files: report.files + report.symlinks,
        links: report.symlinks,
        directories: report.directories,
        bytes: report.bytes,
        stored: Some(report.stored_bytes),
        elapsed,
        by_bytes: payloads,
    };
    let mut text = format!("{done}: ");
    if report.is_sound() && !payloads {
        text.push_str("it is sound, and no payload was read");
    } else if report.is_sound() {
        text.push_str("everything is as it was packed");
    } else if report.bad + report.structural + report.left_out == 0 {
        text.push_str(if payloads { "the payloads are sound, " } else { "" });
        text.push_str("the index is not whole");
    } else {
        let bad = count(report.bad, "damaged entry");
        text.push_str(&format!("{bad}, {} in the index", count(report.structural, "problem")));
    }
    if report.left_out > 0 {
        let entries = count(report.left_out, "entry");
        text.push_str(&format!(", {entries} under impossible or lost names"));
    }
    if report.unverifiable > 0 {
        text.push_str(&format!(
            ", {} without a digest to compare",
            count(report.unverifiable, "file")
        ));
    }
    text
}

/// What came of the comparison, in one line.
fn comparison(compared: &Compared, source: &Path) -> String {
    let source = printable(&source.to_string_lossy()).into_owned();
    let mut text = if compared.is_same() {
        format!("{source} is the same: {}", count(compared.same, "entry"))
    } else {
        format!("{} from {source}", count(compared.different, "difference"))
    };
    if compared.unreadable > 0 {
        let unreadable = count(compared.unreadable, "file or directory");
        text.push_str(&format!(", {unreadable} there could not be read"));
    }
    text
}

#[derive(Debug, Serialize)]
struct Json {
    sound: bool,
    /// Whether payloads were read, too.
    payloads: bool,
    /// Regular files and links.
    files: u64,
    directories: u64,
    /// How many of the files are links.
    symlinks: u64,
    bytes: u64,
    stored_bytes: u64,
    bad: u64,
    structural: u64,
    unverifiable: u64,
    left_out: u64,
    problems: Vec<JsonProblem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    against: Option<Against>,
}

/// What came of the comparison with a directory.
#[derive(Debug, Serialize)]
struct Against {
    same: bool,
    different: u64,
    unreadable: u64,
    differences: Vec<JsonDifference>,
}

#[derive(Debug, Serialize)]
struct JsonDifference {
    path: String,
    difference: String,
}

impl Against {
    fn new(compared: &Compared) -> Against {
        let difference = |(path, difference): &(PackPathBuf, Difference)| JsonDifference {
            path: path.display().to_string(),
            difference: difference.to_string(),
        };
        Against {
            same: compared.is_same(),
            different: compared.different,
            unreadable: compared.unreadable,
            differences: compared.differences.iter().map(difference).collect(),
        }
    }
}

#[derive(Debug, Serialize)]
struct JsonProblem {
    path: Option<String>,
    problem: String,
}

impl Json {
    fn new(report: &VerifyReport, payloads: bool, compared: Option<&Compared>) -> Json {
        let problem = |problem: &rangepack::Problem| JsonProblem {
            path: problem.path.as_ref().map(|path| path.display().to_string()),
            problem: problem.flaw.to_string(),
        };
        Json {
            sound: report.is_sound(),
            payloads,
            files: report.files + report.symlinks,
            directories: report.directories,
            symlinks: report.symlinks,
            bytes: report.bytes,
            stored_bytes: report.stored_bytes,
            bad: report.bad,
            structural: report.structural,
            unverifiable: report.unverifiable,
            left_out: report.left_out,
            problems: report.problems.iter().map(problem).collect(),
            against: compared.map(Against::new),
        }
    }
}

impl Args {
    /// Compares with a directory on disk.
    fn compare(
        &self,
        pack: &Pack,
        source: &Path,
        threads: usize,
        global: &Global,
    ) -> Result<Compared> {
        let mut options = CompareOptions::default();
        options.source.threads = threads;
        let steps = Steps { total_files: Some(pack.header().entries), ..Steps::default() };
        let follow = Follow::new("comparing", self.progress.progress, global).stoppable();
        let follow = follow.steps(steps);
        let compared = compare(pack, source, &options, &follow.warns(!self.json));
        Ok(compared?)
    }

    /// What is to be checked, links followed; `None` is everything.
    pub(super) fn selection(&self, pack: &Pack) -> Result<Option<Vec<PackPathBuf>>> {
        if self.paths.is_empty() {
            return Ok(None);
        }
        let mut selected: Vec<PackPathBuf> = Vec::new();
        for path in self.paths.iter().map(|path| path.as_encoded_bytes()) {
            let found = if paths::is_glob(pack, path)? {
                // What lies in a directory that is checked is checked with it.
                let mut taken = paths::Taken::default();
                paths::each_match(pack, path, |entry| {
                    let path = entry.path().map_err(|error| pack.error(error))?;
                    if !taken.holds(path.as_bytes()) {
                        if entry.is_directory() {
                            taken.take(path.as_bytes());
                        }
                        selected.push(path);
                    }
                    Ok(())
                })
            } else {
                resolve(pack, path).map(|path| selected.push(path))
            };
            found.map_err(|failure| paths::with_suggestion(pack, path, failure))?;
        }
        Ok(Some(selected))
    }
}

/// The entry that a path leads to.
fn resolve(pack: &Pack, path: &[u8]) -> Result<PackPathBuf> {
    match pack.resolve_directory(path) {
        Err(Error::WrongKind { .. }) => Ok(pack.metadata(path)?.path),
        directory => Ok(directory?),
    }
}
