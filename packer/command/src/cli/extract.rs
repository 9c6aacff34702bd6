//! `rangepack extract`: files of a pack, back on disk.

use super::Result;
use super::arguments::{
    open_telling, parse_size, parse_threads, refuse_same, refuse_url, tell_traffic, threads_for,
};
use super::console::{Global, note};
use super::create::parse_chunk_size;
use super::exit::{Exit, Failure};
use super::follow::Follow;
use super::progress::{OldProgressArgs, Steps};
use super::status::{State, StatusArgs};
use super::summary::Done;
use rangepack::Filter;
use rangepack::Location;
use rangepack::{ExtractOptions, ExtractReport, Selection, Stopped, extract};
use rangepack::{OpenOptions, Pack, Verify};
use serde::Serialize;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  rangepack extract photos.pack photos
  rangepack extract photos.pack photos 2024/summer 'notes/*.txt'
  rangepack extract photos.pack photos --skip-existing --status-file status
  rangepack extract --container photos.container --outdir photos --verify-existing
  rangepack extract https://example.org/photos.pack photos

A PATH is a file, a directory with everything below it, or a glob over whole paths, in which `**`
reaches across `/`. A file gets its name when its content was compared with its SHA-256; a damaged
one leaves nothing behind, does not stop the others, and makes the exit code 1. So does what the index
of an old container speaks of and does not tell well enough, whatever is extracted: it is named and
counted.";

/// Extract files from a pack
///
/// Writes what PACK holds below DIR, which is made if missing, and never anything elsewhere.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The pack, CTNRv1 container or .fpack file: a path, or a URL (http, https, s3, gs, az)
    #[arg(value_name = "PACK", required_unless_present = "container")]
    pack: Option<PathBuf>,
    /// The directory to extract into
    #[arg(value_name = "DIR", required_unless_present = "outdir")]
    directory: Option<PathBuf>,
    /// What to extract: paths inside the pack, or globs [default: everything]
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<OsString>,
    /// The pack, instead of PACK
    #[arg(long, value_name = "FILE", requires = "outdir")]
    container: Option<Location>,
    /// The directory to extract into, instead of DIR
    #[arg(long, value_name = "DIR", requires = "container")]
    outdir: Option<PathBuf>,
    /// Index of a container that lies in a file of its own, or at a URL [default: PACK.rpx or
    /// PACK.idx, if there]
    #[arg(long, value_name = "FILE")]
    pub(super) index: Option<Location>,
    /// Look for the index of an old container in its last so many bytes
    #[arg(long, value_name = "BYTES", default_value = "134217728", value_parser = parse_size)]
    pub(super) lookback: u64,
    #[command(flatten)]
    pub(super) write: WriteArgs,
    #[command(flatten)]
    pub(super) limits: LimitArgs,
    #[command(flatten)]
    pub(super) show: ShowArgs,
}

/// How files are written.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How it is written")]
pub(super) struct WriteArgs {
    /// Leave files alone that are there and have the right size
    #[arg(long)]
    pub(super) skip_existing: bool,
    /// Leave files alone that are there and have the right SHA-256
    #[arg(long)]
    pub(super) verify_existing: bool,
    /// Check every file, write none
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Stop at the first file that cannot be extracted
    #[arg(long)]
    pub(super) fail_fast: bool,
    /// Give files the owners that the pack tells, and their set-user-id and set-group-id bits
    #[arg(long)]
    pub(super) owner: bool,
    /// Set the extended attributes and access control lists that the pack tells
    ///
    /// Those of files and directories. What this system or user cannot set is warned about, which is no failure;
    /// those named `security.` and `trusted.`, file capabilities among them, come with --owner only.
    #[arg(long)]
    pub(super) xattrs: bool,
    /// Wait until each file is on disk before it gets its name
    #[arg(long)]
    pub(super) fsync: bool,
    /// Threads that check, decompress and write [default: one per processor, 8 for a remote pack]
    #[arg(short = 'j', long, value_name = "N", value_parser = parse_threads)]
    pub(super) threads: Option<usize>,
    /// Write longer files in pieces of this many bytes, 1024 at least
    #[arg(long, value_name = "BYTES", default_value = "1048576", value_parser = parse_chunk_size)]
    pub(super) chunk_size: u64,
}

/// What a stranger's pack may do.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is refused")]
pub(super) struct LimitArgs {
    /// Write nothing if the files have more bytes in all: `10G`
    #[arg(long, value_name = "BYTES", value_parser = parse_size)]
    pub(super) max_size: Option<u64>,
    /// Write nothing if there are more entries
    #[arg(long, value_name = "N")]
    pub(super) max_entries: Option<u64>,
}

/// What is shown while it goes on.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is shown")]
pub(super) struct ShowArgs {
    /// Print each path as it is extracted, to standard error
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Print the summary as JSON, to standard output
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) progress: OldProgressArgs,
    #[command(flatten)]
    pub(super) status: StatusArgs,
}

/// Extracts.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let (location, directory) = args.places()?;
    let mut open = OpenOptions::default();
    open.verify = Verify::Payloads;
    open.index.clone_from(&args.index);
    open.limits.lookback = args.lookback;
    refuse_url(directory)?;
    let pack = open_telling(&location, &open, global)?;
    for text in super::notes::of(&pack) {
        global.warning_of(pack.location(), &text);
    }
    if let (Some(status), Some(path)) = (&args.show.status.status_file, location.disk()) {
        refuse_same(status, path)?;
    }
    let paths = args.paths();
    let mut options = args.options(&pack);
    options.selection =
        Selection::new(paths.iter().map(|path| path.as_encoded_bytes()), Filter::default());
    let mut steps = Steps::default();
    if paths.is_empty() {
        let totals = pack.header().totals;
        (steps.total_files, steps.total_bytes) = (Some(totals.files), Some(totals.bytes));
    }
    let follow = Follow::new("extracting", args.show.progress.when(), global).stoppable();
    let follow = follow.status(args.show.status.file("bytes_extracted")).steps(steps);
    let follow = follow.print_each(args.show.verbose > 0);
    let report = extract(&pack, directory, &options, &follow);
    let cancelled = report.as_ref().is_ok_and(|report| report.stopped == Some(Stopped::Cancelled));
    follow.finish(match &report {
        Ok(_) if cancelled => State::Interrupted,
        Ok(report) if !report.is_complete() => State::Failed,
        report => State::of(report),
    })?;
    let report = report?;
    if args.show.json {
        let mut out = global.stdout();
        out.json(&Json::new(&report))?;
        out.flush()?;
    }
    for pattern in &report.unmatched {
        global.error(&format!("nothing in the pack matches {pattern}"), None);
    }
    if args.show.verbose > 0 {
        tell_traffic(&pack);
    }
    if !global.quiet {
        note(&sentence(args, &report, follow.elapsed()));
    }
    Ok(match report.stopped {
        Some(Stopped::Cancelled) => Exit::Interrupted,
        Some(Stopped::DiskFull) => {
            let hint = "nothing half-written is left; make room, and go on with --skip-existing";
            global.error("there is no room left in the target", Some(hint));
            Exit::Trouble
        }
        _ if report.is_complete() => Exit::Fine,
        _ => Exit::Bad,
    })
}

/// The outcome in one line.
fn sentence(args: &Args, report: &ExtractReport, elapsed: std::time::Duration) -> String {
    let verb = if args.write.dry_run { "checked" } else { "extracted" };
    let mut text = Done {
        verb,
        files: report.files + report.symlinks,
        links: report.symlinks,
        directories: report.directories,
        bytes: report.bytes,
        stored: None,
        elapsed,
        by_bytes: true,
    }
    .to_string();
    for (number, what) in [
        (report.skipped, "there already"),
        (report.failed, "failed"),
        (report.refused, "refused"),
        (report.attributes_left_out, "without all attributes"),
    ] {
        if number > 0 {
            text.push_str(&format!(", {number} {what}"));
        }
    }
    text
}

#[derive(Debug, Serialize)]
struct Json<'r> {
    /// Regular files and links.
    files: u64,
    directories: u64,
    /// How many of the files are links.
    symlinks: u64,
    bytes: u64,
    skipped: u64,
    failed: u64,
    refused: u64,
    attributes_left_out: u64,
    unmatched: &'r [String],
    problems: Vec<JsonProblem<'r>>,
}

#[derive(Debug, Serialize)]
struct JsonProblem<'r> {
    path: &'r str,
    problem: &'r str,
}

impl<'r> Json<'r> {
    fn new(report: &'r ExtractReport) -> Json<'r> {
        let problems = report.problems.iter();
        Json {
            files: report.files + report.symlinks,
            directories: report.directories,
            symlinks: report.symlinks,
            bytes: report.bytes,
            skipped: report.skipped,
            failed: report.failed,
            refused: report.refused,
            attributes_left_out: report.attributes_left_out,
            unmatched: &report.unmatched,
            problems: problems
                .map(|problem| JsonProblem { path: &problem.path, problem: &problem.message })
                .collect(),
        }
    }
}

impl Args {
    fn options(&self, pack: &Pack) -> ExtractOptions {
        let write = &self.write;
        let mut options = ExtractOptions::default();
        options.threads = write.threads.unwrap_or_else(|| threads_for(pack));
        options.chunk_size = usize::try_from(write.chunk_size).unwrap_or(usize::MAX);
        options.skip_existing = write.skip_existing;
        options.verify_existing = write.verify_existing;
        options.dry_run = write.dry_run;
        options.fail_fast = write.fail_fast;
        options.owner = write.owner;
        options.attributes = write.xattrs;
        options.fsync = write.fsync;
        options.max_total_bytes = self.limits.max_size;
        options.max_entries = self.limits.max_entries;
        options
    }

    /// The pack and the directory, however they were given.
    pub(super) fn places(&self) -> Result<(Location, &Path)> {
        let pack = self.container.clone().or_else(|| self.pack.as_ref().map(Location::from));
        let directory = self.outdir.as_deref().or(self.directory.as_deref());
        pack.zip(directory).ok_or_else(|| Failure::Usage {
            problem: "PACK and DIR are needed".to_owned(),
            hint: "rangepack extract PACK DIR, or --container PACK --outdir DIR",
        })
    }
}

impl Args {
    /// What is to be extracted: with --container and --outdir every word is a path.
    fn paths(&self) -> Vec<&OsStr> {
        let words =
            [&self.pack, &self.directory].into_iter().flatten().map(|path| path.as_os_str());
        let words = words.filter(|_| self.container.is_some());
        words.chain(self.paths.iter().map(OsString::as_os_str)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::console::When;
    use crate::cli::parse;

    #[test]
    fn both_forms() {
        let expected = (Location::from("a.pack"), Path::new("out"));
        let old = "extract --container a.pack --index i --outdir out --chunk-size 4096 --tqdm \
                   --status-file s --status-format kv --skip-existing --verify-existing \
                   --lookback 1000 -v --dry-run";
        let old = parse::<Args>(old).unwrap();
        assert_eq!(old.places().unwrap(), expected);
        assert_eq!(old.show.progress.when(), When::Always);
        let mixed = parse::<Args>("extract --container a.pack --outdir out x y").unwrap();
        assert_eq!(mixed.places().unwrap(), expected);
        assert_eq!(mixed.paths(), ["x", "y"]);
        let new = parse::<Args>("extract a.pack out x y/*.txt --max-size 10G -j 2").unwrap();
        assert_eq!(new.places().unwrap(), expected);
        assert_eq!(new.paths(), ["x", "y/*.txt"]);
        assert_eq!(new.limits.max_size, Some(10 << 30));
        assert_eq!(new.lookback, 128 << 20);
    }

    #[test]
    fn half_of_a_form_is_none() {
        for line in [
            "extract",
            "extract a.pack",
            "extract --container a.pack",
            "extract --outdir out",
            "extract a.pack --outdir out",
        ] {
            assert!(parse::<Args>(line).is_err(), "{line}");
        }
    }
}
