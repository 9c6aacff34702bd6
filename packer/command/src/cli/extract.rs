//! `rangepack extract`: files of a pack, back on disk.

use super::Result;
use super::arguments::{
    OpenArgs, open_telling, parse_size, parse_threads, refuse_same, require_disk, tell_traffic,
    threads_for,
};
use super::console::{Global, note};
use super::create::parse_chunk_size;
use super::exit::{Exit, Failure};
use super::follow::Follow;
use super::paths;
use super::progress::{OldProgressArgs, Steps};
use super::status::{State, StatusArgs};
use super::summary::Done;
use crate::format::count;
use rangepack::Location;
use rangepack::{
    EntryPath, ExtractOptions, ExtractReport, Present, Replace, Selection, Stopped, extract,
};
use rangepack::{Filter, Globs};
use rangepack::{OpenOptions, Pack, Verify};
use serde::Serialize;
use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  rangepack extract photos.pack photos
  rangepack extract photos.pack photos 2024/summer 'notes/*.txt'
  rangepack extract photos.pack photos --keep-newer
  rangepack extract source-1.2.pack source --strip-components 1
  rangepack extract logs.pack --to-stdout '*.log' | grep error
  rangepack extract photos.pack photos --root 5f2c…   # 64 digits, as `info` shows them
  rangepack extract --container photos.container --outdir photos --verify-existing
  rangepack extract https://example.org/photos.pack photos

What is in DIR already is not replaced unless --overwrite or --keep-newer is given: a file with the content
that the pack has is left alone and counted, one that differs is named, stays, and makes the exit code 1.
The long form, --container and --outdir, is that of the old program: it replaces what is there, and its
--skip-existing looks at sizes only. Directories are used as they are; pipes, sockets and devices are never
replaced, and nothing is written through a link.

A file gets its name when its content was compared with its SHA-256; a damaged one leaves nothing behind,
does not stop the others, and makes the exit code 1. So does what the index of an old container speaks of and
does not tell well enough, whatever is extracted: it is named and counted.";

/// Extract files from a pack
///
/// Writes what PACK holds below DIR, which is made if missing, and never anything elsewhere.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{} A directory brings everything below it.", paths::ABOUT))]
pub(super) struct Args {
    /// The pack, CTNRv1 container or .fpack file: a path, or a URL (http, https, s3, gs, az)
    #[arg(value_name = "PACK", required_unless_present = "container")]
    pack: Option<PathBuf>,
    /// The directory to extract into
    #[arg(value_name = "DIR", required_unless_present_any = ["outdir", "to_stdout"])]
    directory: Option<PathBuf>,
    /// What to extract: paths inside the pack, or globs [default: everything]
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<OsString>,
    /// The pack, instead of PACK
    #[arg(long, value_name = "FILE")]
    container: Option<Location>,
    /// The directory to extract into, instead of DIR
    #[arg(long, value_name = "DIR", requires = "container")]
    outdir: Option<PathBuf>,
    #[command(flatten)]
    pub(super) open: OpenArgs,
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
    /// Replace files and links that are there and differ
    #[arg(long)]
    pub(super) overwrite: bool,
    /// Replace files and links that are there and differ, unless they are newer
    #[arg(long, conflicts_with = "overwrite")]
    pub(super) keep_newer: bool,
    /// Leave files alone, without reading them, that are there with the right size and time
    ///
    /// Those of the right size and another time are read. With --container and --outdir the right size is enough, as it
    /// was for the old program.
    #[arg(long)]
    pub(super) skip_existing: bool,
    /// Leave files alone that are there and have the right SHA-256, also with --overwrite
    #[arg(long)]
    pub(super) verify_existing: bool,
    /// Leave out the first N components of each path; what has no more of them is not extracted
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub(super) strip_components: usize,
    /// Write the content of files to standard output, one after the other, and nothing to disk; then there is no DIR
    #[arg(long, conflicts_with_all = ["outdir", "overwrite", "keep_newer", "skip_existing", "verify_existing",
          "strip_components", "dry_run", "owner", "xattrs", "fsync", "json", "status_file"])]
    pub(super) to_stdout: bool,
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
    open.index.clone_from(&args.open.index);
    open.expected = args.open.root;
    open.volumes.clone_from(&args.open.volumes);
    open.limits.lookback = args.lookback;
    directory.map_or(Ok(()), require_disk)?;
    args.show.status.status_file.as_deref().map_or(Ok(()), require_disk)?;
    let pack = open_telling(&location, &open, global)?;
    for text in super::notes::of(&pack) {
        global.warning_of(pack.location(), &text);
    }
    if let (Some(status), Some(path)) = (&args.show.status.status_file, location.disk()) {
        refuse_same(status, path)?;
    }
    let paths = args.paths();
    check_globs(&pack, &paths)?;
    let selection =
        Selection::new(paths.iter().map(|path| path.as_encoded_bytes()), Filter::default());
    let Some(directory) = directory else { return print(args, &pack, &selection, global) };
    let mut options = args.options(&pack);
    options.selection = selection;
    let mut steps = Steps::default();
    if paths.is_empty() {
        let totals = pack.header().totals;
        (steps.total_files, steps.total_bytes) = (Some(totals.files), Some(totals.bytes));
    }
    let follow = Follow::new("extracting", args.show.progress.when(), global).stoppable();
    let follow = follow.status(args.show.status.file("bytes_extracted")).steps(steps);
    let follow = follow.print_each(args.show.verbose > 0);
    let report = extract(&pack, directory, &options, &follow);
    follow.finish(match &report {
        Ok(report) if !report.is_complete() => State::Failed,
        report => State::of(report),
    })?;
    let report = report?;
    if args.show.json {
        let mut out = global.stdout();
        out.json(&Json::new(&report))?;
        out.flush()?;
    }
    tell_unmatched(&pack, &report.unmatched, global);
    if report.is_all_nameless() {
        let what = count(report.nameless, "file");
        let hint = "--strip-components leaves out fewer components, or none";
        global.error(&format!("nothing is left of the names of {what}"), Some(hint));
    }
    if report.in_the_way > 0 {
        let what = count(report.in_the_way, "entry");
        let hint = "--overwrite replaces what is there, --keep-newer only what is not newer";
        global.error(&format!("{what} would have replaced something in the target"), Some(hint));
    }
    if args.show.verbose > 0 {
        tell_traffic(&pack);
    }
    if !global.quiet {
        note(&sentence(args, &report, follow.elapsed()));
    }
    Ok(match report.stopped {
        Some(Stopped::DiskFull) => {
            let hint = "nothing half-written is left; make room, and give the same command again: what is there stays";
            global.error("there is no room left in the target", Some(hint));
            Exit::Trouble
        }
        _ if report.is_complete() => Exit::Fine,
        _ => Exit::Bad,
    })
}

/// Fails when a glob among PATHs is none.
pub(super) fn check_globs(pack: &Pack, paths: &[impl AsRef<OsStr>]) -> Result<()> {
    let paths = paths.iter().map(AsRef::as_ref);
    for path in paths.filter(|path| Globs::is_pattern(path.as_encoded_bytes())) {
        let is_path = pack.symlink_metadata(path.as_encoded_bytes()).is_ok();
        let globs = Globs::new([path.to_string_lossy()]).map_err(|error| paths::bad_glob(&error));
        if !is_path {
            globs?;
        }
    }
    Ok(())
}

/// Names patterns that match nothing, each with what may have been meant.
pub(super) fn tell_unmatched(pack: &Pack, unmatched: &[EntryPath], global: &Global) {
    for pattern in unmatched {
        let hint = paths::suggestion(pack, pattern.as_bytes());
        global.error(&format!("nothing in the pack matches {pattern}"), hint.as_deref());
    }
}

/// Writes what is selected to standard output.
fn print(args: &Args, pack: &Pack, selection: &Selection, global: &Global) -> Result<Exit> {
    let (entries, unmatched) = selection.entries(pack)?;
    let mut out = global.stdout();
    let mut exit = if unmatched.is_empty() { Exit::Fine } else { Exit::Bad };
    for entry in entries {
        let entry = entry?;
        if entry.is_directory() || entry.is_symlink() {
            continue;
        }
        let path = entry.path().map_err(|error| pack.error(error))?;
        if args.show.verbose > 0 {
            note(&path.display().to_string());
        }
        let printed = super::cat::print(pack, path.as_bytes(), 0, None, &mut out);
        super::cat::tolerate(printed, &mut exit, &mut out, global)?;
        if exit != Exit::Fine && args.write.fail_fast {
            break;
        }
    }
    out.flush()?;
    tell_unmatched(pack, &unmatched, global);
    if args.show.verbose > 0 {
        tell_traffic(pack);
    }
    Ok(exit)
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
        (report.replaced, "replaced"),
        (report.skipped, "there already"),
        (report.newer, "newer and kept"),
        (report.nameless, "without a name left"),
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
    replaced: u64,
    skipped: u64,
    newer: u64,
    nameless: u64,
    in_the_way: u64,
    failed: u64,
    refused: u64,
    attributes_left_out: u64,
    unmatched: Vec<String>,
    problems: Vec<JsonProblem<'r>>,
}

#[derive(Debug, Serialize)]
struct JsonProblem<'r> {
    path: String,
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
            replaced: report.replaced,
            skipped: report.skipped,
            newer: report.newer,
            nameless: report.nameless,
            in_the_way: report.in_the_way,
            failed: report.failed,
            refused: report.refused,
            attributes_left_out: report.attributes_left_out,
            unmatched: report.unmatched.iter().map(ToString::to_string).collect(),
            problems: problems
                .map(|problem| JsonProblem {
                    path: problem.path.to_string(),
                    problem: &problem.message,
                })
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
        options.strip_components = write.strip_components;
        options.present = self.present();
        options.replace = match (write.overwrite, write.keep_newer) {
            (_, true) => Replace::Older,
            (false, false) if !self.is_long() => Replace::Never,
            _ => Replace::Always,
        };
        options.dry_run = write.dry_run;
        options.fail_fast = write.fail_fast;
        options.owner = write.owner;
        options.attributes = write.xattrs;
        options.fsync = write.fsync;
        options.max_total_bytes = self.limits.max_size;
        options.max_entries = self.limits.max_entries;
        options
    }

    /// Whether it is the form of the old program.
    fn is_long(&self) -> bool {
        self.container.is_some() && self.outdir.is_some()
    }

    /// What counts as extracted already.
    fn present(&self) -> Present {
        let write = &self.write;
        match (write.skip_existing, write.verify_existing) {
            (_, true) => Present::SameContent,
            (true, false) if self.is_long() => Present::SameSize,
            (true, false) => Present::SameTime,
            _ if write.keep_newer => Present::SameTime,
            _ if write.overwrite || self.is_long() => Present::None,
            _ => Present::SameContent,
        }
    }

    /// The pack and the directory, however they were given; without the latter it is standard output.
    pub(super) fn places(&self) -> Result<(Location, Option<&Path>)> {
        let pack = self.container.clone().or_else(|| self.pack.as_ref().map(Location::from));
        let directory = self.outdir.as_deref().or(self.directory.as_deref());
        let needed = || Failure::Usage {
            problem: "PACK and DIR are needed".to_owned(),
            hint: "rangepack extract PACK DIR, or --container PACK --outdir DIR",
        };
        let pack = pack.ok_or_else(needed)?;
        if self.write.to_stdout || directory == Some(Path::new("-")) {
            return Ok((pack, None));
        }
        Ok((pack, Some(directory.ok_or_else(needed)?)))
    }

    /// What is to be extracted: where another word does not name the pack or DIR, it is a path.
    fn paths(&self) -> Vec<&OsStr> {
        let pack = self.pack.as_ref().filter(|_| self.container.is_some());
        let is_path = self.container.is_some() || self.write.to_stdout;
        let directory = self.directory.as_ref().filter(|_| is_path);
        let words = [pack, directory].into_iter().flatten().map(|path| path.as_os_str());
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
        let expected = (Location::from("a.pack"), Some(Path::new("out")));
        let old = "extract --container a.pack --index i --outdir out --chunk-size 4096 --tqdm \
                   --status-file s --status-format kv --skip-existing --verify-existing \
                   --lookback 1000 -v --dry-run";
        let old = parse::<Args>(old).unwrap();
        assert_eq!(old.places().unwrap(), expected);
        assert_eq!(old.show.progress.when(), When::Always);
        assert_eq!(old.present(), Present::SameContent);
        let mixed = parse::<Args>("extract --container a.pack --outdir out x y").unwrap();
        assert_eq!(mixed.places().unwrap(), expected);
        assert_eq!(mixed.paths(), ["x", "y"]);
        let new = parse::<Args>("extract a.pack out x y/*.txt --max-size 10G -j 2").unwrap();
        assert_eq!(new.places().unwrap(), expected);
        assert_eq!(new.paths(), ["x", "y/*.txt"]);
        assert_eq!(new.limits.max_size, Some(10 << 30));
        assert_eq!(new.lookback, 128 << 20);
        let stdout = parse::<Args>("extract a.pack --to-stdout x y").unwrap();
        assert_eq!(stdout.places().unwrap(), (Location::from("a.pack"), None));
        assert_eq!(stdout.paths(), ["x", "y"]);
        let dash = parse::<Args>("extract a.pack - x").unwrap();
        assert_eq!((dash.places().unwrap().1, dash.paths()), (None, vec![OsStr::new("x")]));
    }

    #[test]
    fn what_counts_as_there_already() {
        let present = |line: &str| parse::<Args>(line).unwrap().present();
        let (short, long) = ("extract a.pack out", "extract --container a.pack --outdir out");
        assert_eq!(present(short), Present::SameContent);
        assert_eq!(present(&format!("{short} --skip-existing")), Present::SameTime);
        assert_eq!(present(&format!("{short} --overwrite")), Present::None);
        assert_eq!(present(&format!("{short} --keep-newer")), Present::SameTime);
        assert_eq!(present(long), Present::None);
        assert_eq!(present(&format!("{long} --skip-existing")), Present::SameSize);
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
