//! `rangepack verify`: whether a pack is what it was.

use super::Result;
use super::arguments::{PackArgs, TrafficArgs, parse_threads, threads_for};
use super::console::{Global, note};
use super::exit::Exit;
use super::follow::Follow;
use super::progress::{ProgressArgs, Steps};
use super::status::State;
use crate::format::{Size, count, duration, rate};
use rangepack::Error;
use rangepack::{Pack, Verify};
use rangepack::{VerifyOptions, VerifyReport, verify};
use rangepack_core::PackPathBuf;
use serde::Serialize;
use std::ffi::OsString;
use std::io::Write;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  rangepack verify photos.pack
  rangepack verify photos.pack 2024/summer
  rangepack verify --json photos.pack | jq '.problems[].path'

Without PATHs the index is checked as well: every page, the order of its entries, all totals, and the
NDJSON trailer against it. The exit code is 1 when anything is damaged.";

/// Compare every file of a pack with its SHA-256
///
/// Reads, decompresses and hashes everything, and names what is damaged.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) pack: PackArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
    /// Files and directories inside the pack [default: everything, and the index]
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,
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
    let mut options = VerifyOptions::default();
    options.paths = args.selection(&pack)?;
    options.threads = args.threads.unwrap_or_else(|| threads_for(&pack));
    let totals = pack.header().totals;
    let whole = options.paths.is_none();
    let steps = Steps {
        total_files: whole.then_some(totals.files),
        total_bytes: whole.then_some(totals.bytes),
        ..Steps::default()
    };
    let follow = Follow::new("verifying", args.progress.progress, global).stoppable();
    let follow = follow.steps(steps).warns(!args.json);
    let report = verify(&pack, &options, &follow);
    follow.finish(State::Finished)?;
    let report = report?;
    let notes = pack.notes();
    let left_out = notes.refused.len() as u64 + notes.lost_names;
    let whole_index = notes.bad_lines + notes.trailing == 0;
    if args.json {
        let mut out = global.stdout();
        out.json(&Json::new(&report, left_out, whole_index))?;
        out.flush()?;
    }
    args.traffic.tell(&pack);
    if !global.quiet {
        note(&sentence(&report, left_out, whole_index, follow.elapsed()));
    }
    Ok(if report.is_sound() && left_out == 0 && whole_index { Exit::Fine } else { Exit::Bad })
}

/// The outcome in one line.
fn sentence(report: &VerifyReport, left_out: u64, whole_index: bool, elapsed: Duration) -> String {
    let speed = Size(rate(report.bytes, elapsed));
    let (files, bytes) = (count(report.files, "file"), Size(report.bytes));
    let mut text = format!("checked {files}, {bytes} in {} ({speed}/s): ", duration(elapsed));
    if report.is_sound() && left_out == 0 && !whole_index {
        text.push_str("the payloads are sound, the index is not whole");
    } else if report.is_sound() && left_out == 0 {
        text.push_str("everything is as it was packed");
    } else {
        let bad = count(report.bad, "damaged entry");
        text.push_str(&format!("{bad}, {} in the index", count(report.structural, "problem")));
    }
    if left_out > 0 {
        text.push_str(&format!(", {} under impossible or lost names", count(left_out, "entry")));
    }
    if report.unverifiable > 0 {
        text.push_str(&format!(
            ", {} without a digest to compare",
            count(report.unverifiable, "file")
        ));
    }
    text
}

#[derive(Debug, Serialize)]
struct Json<'r> {
    sound: bool,
    files: u64,
    directories: u64,
    symlinks: u64,
    bytes: u64,
    stored_bytes: u64,
    bad: u64,
    structural: u64,
    unverifiable: u64,
    left_out: u64,
    problems: Vec<JsonProblem<'r>>,
}

#[derive(Debug, Serialize)]
struct JsonProblem<'r> {
    path: Option<String>,
    problem: &'r str,
}

impl<'r> Json<'r> {
    fn new(report: &'r VerifyReport, left_out: u64, whole_index: bool) -> Json<'r> {
        let problem = |problem: &'r rangepack::Problem| JsonProblem {
            path: problem.path.as_ref().map(ToString::to_string),
            problem: &problem.text,
        };
        Json {
            sound: report.is_sound() && left_out == 0 && whole_index,
            files: report.files,
            directories: report.directories,
            symlinks: report.symlinks,
            bytes: report.bytes,
            stored_bytes: report.stored_bytes,
            bad: report.bad,
            structural: report.structural,
            unverifiable: report.unverifiable,
            left_out,
            problems: report.problems.iter().map(problem).collect(),
        }
    }
}

impl Args {
    /// What is to be checked, links followed; `None` is everything.
    pub(super) fn selection(&self, pack: &Pack) -> Result<Option<Vec<PackPathBuf>>> {
        let path = |path: &OsString| match pack.resolve_directory(path.as_encoded_bytes()) {
            Err(Error::WrongKind { .. }) => Ok(pack.metadata(path.as_encoded_bytes())?.path),
            directory => Ok(directory?),
        };
        if self.paths.is_empty() {
            return Ok(None);
        }
        self.paths.iter().map(path).collect::<Result<_>>().map(Some)
    }
}
