//! `rangepack pack`: a tree becomes a pack.

use super::arguments::{IndexArgs, SelectArgs, StoreArgs, require_disk, store_url};
use super::compression::DictArgs;
use super::console::{Global, note};
use super::exit::{Exit, Failure};
use super::follow::Follow;
use super::progress::ProgressArgs;
use super::sources::SourceArgs;
use super::status::State;
use super::summary::Done;
use super::{Result, console};
use crate::format::{Size, count, files};
use rangepack::{Error, Pack, PackOptions, RemoteOptions, Sources, Summary, Survey};
use rangepack::{Finished, Packed};
use rangepack_core::ErrorKind;
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  rangepack pack photos photos.pack             # what is in photos
  rangepack pack photos notes.txt all.pack      # photos/… and notes.txt
  rangepack pack photos photos.pack --ext jpg,png --exclude '*.tmp'
  rangepack pack logs logs.pack --compress=9 --gitignore
  rangepack pack data data.pack --align 4k --fsync --force
  rangepack pack data data.pack --meta license=CC-BY-4.0 --meta source=https://example.org
  rangepack pack data data.pack --rename =data-1.2 --dry-run
  rangepack pack photos.tar.gz photos.pack      # what is in the archive
  ssh host tar c photos | rangepack pack - photos.pack
  git ls-files -z | rangepack pack --files-from - -0 source.pack
  rangepack pack -C /srv photos notes - | ssh host 'cat > all.pack'
  rangepack pack photos s3://bucket/photos.pack   # also gs:// and az://

A single SRC that is called .tar, .tar.gz, .tgz, .tar.zst, .tzst or .zip is an archive, and what is in it is packed,
without unpacking it first; so is a tar archive that comes by standard input, SRC `-`, as it is or in gzip or Zstandard. --as-file packs
the archive itself, --as-archive takes a file of another name for one. Modes, times, hard and symbolic links are kept,
owners with --owner, extended attributes with --xattrs. Of members of one name the last counts. A damaged archive
gives no pack; names with `..`, encrypted or damaged members of a zip and hard links to what is not packed are
warned about, left out, and make the exit code 1.

A single directory is packed without its own name; several files and directories each below theirs. The
pack is the same, byte for byte, whatever way the same files under the same names are given.

Files that cannot be read are warned about and left out; the exit code is 1 then. A pack that lacks
such files does not replace another: with --force the old OUT stays, unless --incomplete is given as
well. Sockets, pipes and devices are left out, too, which is no failure. Hard links and holes are kept
as such. Times before 1677 and after 2262 are warned about, and become the nearest that fits.

In an object store OUT appears when all of it is there, too, and after a failure or Ctrl-C nothing of it is left. It is sent while it
is made, in parts of 16 MiB, three at a time; parts of packs of more than 31 GiB are longer. Of a process that is killed the store keeps the parts
that it has: let a rule of the bucket remove them. Without --force a file that is there is not replaced: the store makes sure of that
for packs of up to 16 MiB, and longer ones look at the beginning and before the end. Credentials come from the environment, as for
reading.

A file that another program writes to while it is read is read again, three times in all, then left
out like one that cannot be read. A write shows by the file's size and by the times of its last change
and of its last write, which are compared after reading; a file that was changed a moment ago is read
after a pause of 100 ms (2 s where times are whole seconds), so that no write falls into the same tick.
What cannot show: a single write that takes longer than that, writing through a memory map, and, on a
file server whose clock is behind, a second write within one tick of it.";

/// Pack directory trees and files into one file
///
/// Packs everything below SRC into OUT, which appears when it is complete, or not at all. The same
/// tree gives the same bytes. OUT `-` is standard output, and it may be an s3://, gs:// or az:// URL.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES, override_usage = "rangepack pack [OPTIONS] <SRC>... <OUT>\n       \
           rangepack pack [OPTIONS] --files-from <LIST> <OUT>")]
pub(super) struct Args {
    /// What is packed, and last OUT, the pack to make, `-` for standard output; of a single directory or archive its
    /// content is packed, of several files and directories each below its own name; `-` is a tar archive by standard input
    #[arg(value_name = "PATH", num_args = 1.., required = true)]
    paths: Vec<PathBuf>,
    /// Say what would be packed, and how much it is; -v names each path
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Replace OUT if it exists; it stays if something cannot be read
    #[arg(short, long)]
    force: bool,
    /// With --force: replace OUT even if something cannot be read, which is left out
    #[arg(long, requires = "force")]
    incomplete: bool,
    #[command(flatten)]
    dict: DictArgs,
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
    source: SourceArgs,
    #[cfg(feature = "archives")]
    #[command(flatten)]
    archive: super::archive::ArchiveArgs,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    store: StoreArgs,
    #[command(flatten)]
    index: IndexArgs,
}

/// Packs.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let (given, output) = args.places()?;
    let is_stream = output == Path::new("-");
    let url = store_url(output);
    if !is_stream && url.is_none() {
        require_disk(output)?;
    }
    let mut options = args.store.options(&args.select, Some(&args.index))?;
    options.dictionaries = args.dict.dictionaries(options.compress)?;
    options.fsync = args.fsync;
    options.overwrite = args.force;
    options.incomplete = args.incomplete;
    options.metadata = args.meta.iter().cloned().collect();
    #[cfg(feature = "archives")]
    if let Some(archive) = args.archive.find(given, &args.source)? {
        args.archive.check(&archive, &options, args.dry_run)?;
        if url.is_some() {
            return Err(Failure::Usage {
                problem: "what is in an archive is packed into a file on disk, not into a store"
                    .to_owned(),
                hint: "pack it here, and copy the pack there; --as-file packs the archive itself",
            });
        }
        return args.import(archive, output, &options, global);
    }
    if args.source.files_from.is_some() && options.filter.honours_ignore_files() {
        return Err(Failure::Usage {
            problem: "--gitignore with --files-from".to_owned(),
            hint: "a list says what is packed; `git ls-files` makes one",
        });
    }
    if !is_stream && url.is_none() && !args.dry_run {
        args.refuse_to_replace(given, output)?;
    }
    // A disk has more room for temporary files than the place where the system has them.
    let scratch = match output.parent() {
        Some(parent) if !is_stream && parent.is_dir() => parent.to_owned(),
        _ => std::env::temp_dir(),
    };
    let sources = args.source.sources(given, &options.filter, &scratch)?;
    if args.dry_run {
        return args.survey(sources, &options, output, global);
    }
    if is_stream {
        args.check_stream()?;
    }
    let follow = Follow::new("packing", args.progress.progress, global).stoppable();
    let follow = follow.print_each(args.verbose);
    let pack = || match &url {
        Some(url) => {
            rangepack::pack_url(sources, url, &options, &RemoteOptions::default(), &follow)
        }
        None if is_stream => {
            let (out, name) = (Box::new(std::io::stdout()), Path::new("standard output"));
            rangepack::pack_stream(sources, out, name, &options, &follow)
        }
        None => rangepack::pack_sources(sources, output, &options, &follow),
    };
    // A list can come from a pipe, and is read once.
    let packed = match args.source.files_from {
        Some(_) => pack(),
        None => {
            let again = |stop: &AtomicBool| {
                let sources = args.source.sources(given, &options.filter, &scratch).ok()?;
                rangepack::survey_sources(sources, &options, vec![output.to_owned()], stop).ok()
            };
            follow.while_counting(again, pack)
        }
    };
    follow.finish(State::of(&packed))?;
    args.tell(&options, packed?, follow.elapsed(), global)
}

/// That nobody can wait until a stream is on disk.
pub(super) fn fsync_of_stream() -> Failure {
    Failure::Usage {
        problem: "--fsync is for files, and standard output may be none".to_owned(),
        hint: "leave it out, or name a file",
    }
}

/// Says that a pack will be empty.
pub(super) fn warn_of_nothing(options: &PackOptions, global: &Global) {
    let hint = match options.filter.is_active() {
        true => {
            "nothing there matches what --include, --ext, --exclude and the like ask for; a glob with a `/` matches from the root"
        }
        false => "there is no file in what is packed",
    };
    global.caution("no file was selected", hint);
}

/// Says which patterns matched nothing, if any.
pub(super) fn warn_of_unmatched(patterns: &[String], global: &Global) {
    if !patterns.is_empty() {
        let hint = "a glob with a `/` in front or in the middle matches from the root";
        global.caution(&format!("nothing matches --include {}", patterns.join(" ")), hint);
    }
}

impl Args {
    /// Tells what was packed.
    fn tell(
        &self,
        options: &PackOptions,
        packed: Packed,
        elapsed: Duration,
        global: &Global,
    ) -> Result<Exit> {
        let Packed { summary, finished, unmatched, .. } = packed;
        if self.json {
            let mut out = global.stdout();
            print_json(&mut out, &summary, &finished, elapsed)?;
            out.flush()?;
        }
        if summary.files + summary.symlinks == 0 {
            warn_of_nothing(options, global);
        } else {
            warn_of_unmatched(&unmatched, global);
        }
        if !global.quiet {
            note(&sentence("packed", &summary, &finished, elapsed));
            super::finalize::tell_old_readers(&finished);
        }
        Ok(if summary.failed > 0 { Exit::Bad } else { Exit::Fine })
    }

    /// Packs what is in an archive.
    #[cfg(feature = "archives")]
    fn import(
        &self,
        archive: rangepack::Archive,
        output: &Path,
        options: &PackOptions,
        global: &Global,
    ) -> Result<Exit> {
        let follow = Follow::new("packing", self.progress.progress, global).stoppable();
        let follow = follow.print_each(self.verbose);
        let packed = if output == Path::new("-") {
            self.check_stream()?;
            let (out, name) = (Box::new(std::io::stdout()), Path::new("standard output"));
            rangepack::import_stream(archive, out, name, options, &follow)
        } else {
            rangepack::import(archive, output, options, &follow)
        };
        follow.finish(State::of(&packed))?;
        self.tell(options, packed?, follow.elapsed(), global)
    }

    /// What is packed, and the pack to make.
    fn places(&self) -> Result<(&[PathBuf], &Path)> {
        let usage = |problem: &str| Failure::Usage {
            problem: problem.to_owned(),
            hint: "rangepack pack SRC... OUT, or rangepack pack --files-from LIST OUT",
        };
        match (self.paths.split_last(), &self.source.files_from) {
            (Some((output, [])), None) => Err(usage(&format!(
                "one path is not enough: {} is to be packed, or to be made?",
                output.display()
            ))),
            (Some((_, [_, ..])), Some(_)) => {
                Err(usage("with --files-from there is OUT, and no SRC"))
            }
            (Some((output, given)), _) => Ok((given, output)),
            (None, _) => Err(usage("SRC and OUT are needed")),
        }
    }

    /// Fails when the pack would replace something that looks like one more source: after `*.jpg` and a forgotten OUT,
    /// say.
    fn refuse_to_replace(&self, given: &[PathBuf], output: &Path) -> Result<()> {
        let has_bytes = output.metadata().is_ok_and(|found| found.is_file() && found.len() > 0);
        if given.len() < 2 || !self.force || !has_bytes {
            return Ok(());
        }
        match Pack::open(output) {
            Err(Error::Pack { source, .. }) if source.kind() == ErrorKind::NotAPack => {
                Err(Failure::Usage {
                    problem: format!("{} is there, and is no pack", output.display()),
                    hint: "the last path is the pack to make; remove what is there if that is meant",
                })
            }
            _ => Ok(()),
        }
    }

    /// Fails when standard output is not for a pack.
    fn check_stream(&self) -> Result<()> {
        if self.json {
            return Err(Failure::Usage {
                problem: "a pack and --json cannot both go to standard output".to_owned(),
                hint: "leave --json out; the summary goes to standard error",
            });
        }
        if self.fsync {
            return Err(fsync_of_stream());
        }
        if std::io::stdout().is_terminal() {
            return Err(Failure::Usage {
                problem: "a pack is not written to a terminal".to_owned(),
                hint: "redirect standard output to a file or a pipe, or name a file; ./- is one of that name",
            });
        }
        Ok(())
    }

    /// Says what would be packed.
    fn survey(
        &self,
        sources: Sources,
        options: &PackOptions,
        output: &Path,
        global: &Global,
    ) -> Result<Exit> {
        let follow = Follow::new("looking", self.progress.progress, global).stoppable();
        let follow = follow.print_each(self.verbose);
        let skip = vec![output.to_owned()];
        let survey = rangepack::survey_sources(sources, options, skip, &follow);
        follow.finish(State::of(&survey))?;
        let survey = survey?;
        if self.json {
            let mut out = global.stdout();
            out.json(&JsonSurvey::new(&survey))?;
            out.flush()?;
        }
        if survey.files + survey.symlinks == 0 {
            warn_of_nothing(options, global);
        }
        if !global.quiet {
            note(&would(&survey));
        }
        Ok(if survey.failed > 0 { Exit::Bad } else { Exit::Fine })
    }
}

/// What would be packed, in one line.
fn would(survey: &Survey) -> String {
    let all = survey.files + survey.symlinks;
    let mut text = format!("would pack {}", files(all, survey.symlinks));
    if survey.directories > 0 {
        text.push_str(&format!(", {}", count(survey.directories, "directory")));
    }
    text.push_str(&format!(": {}", Size(survey.bytes)));
    if survey.failed > 0 {
        text.push_str(&format!(", {}", count(survey.failed, "failure")));
    }
    if survey.special > 0 {
        text.push_str(&format!(", {} left out", count(survey.special, "special file")));
    }
    text
}

#[derive(Debug, Serialize)]
struct JsonSurvey {
    files: u64,
    directories: u64,
    symlinks: u64,
    bytes: u64,
    special: u64,
    failed: u64,
}

impl JsonSurvey {
    fn new(survey: &Survey) -> JsonSurvey {
        let Survey { files, directories, symlinks, bytes, special, failed, .. } = *survey;
        JsonSurvey { files: files + symlinks, directories, symlinks, bytes, special, failed }
    }
}

/// A key and its value.
pub(super) fn parse_pair(text: &str) -> std::result::Result<(String, String), String> {
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
    let mut text = Done::packed(verb, summary, elapsed).to_string();
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
