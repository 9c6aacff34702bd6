//! `rangepack export`: a pack, or a part of it, as a tar or zip archive.

use super::Result;
use super::arguments::{PackArgs, require_disk, tell_traffic};
use super::console::{Global, note};
use super::exit::{Exit, Failure};
use super::extract::{check_globs, tell_unmatched};
use super::follow::Follow;
use super::pack::fsync_of_stream;
use super::paths;
use super::progress::{ProgressArgs, Steps};
use super::status::State;
use super::summary::Done;
use crate::format::{Size, count};
use rangepack::{ArchiveFormat, ExportOptions, Exported, Filter, Selection, Verify};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  rangepack export photos.pack photos.tar
  rangepack export photos.pack photos.zip 2024 'notes/*.txt'
  rangepack export photos.pack - | tar tv
  rangepack export https://example.org/photos.pack photos.tar.zst

The same pack gives the same bytes each time. Each file is compared with its SHA-256 on the way; a damaged one ends it, OUT does
not appear then, and the exit code is 1 (what went into a pipe by then is no whole archive).

Tar keeps modes, times to the nanosecond, hard and symbolic links, and the owners and extended attributes that the
pack knows. Files with holes come whole. What the pack does not know is mode 755 or 644, time 0 and owner 0. Zip
keeps modes, symbolic links and whole seconds from 1970 to 2106; each name of a file with several names is a file
of its own. Files that are gzip in the pack lie in a zip without being compressed anew, those in Zstandard are
deflated, and others are stored unless --deflate is given.";

/// Write a pack as a tar or zip archive
///
/// Writes what PACK holds, or what PATHs name, into the archive OUT, which appears when it is complete, or not at all.
/// OUT `-` is standard output, and gets a tar archive.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{} A directory brings everything below it.", paths::ABOUT))]
pub(super) struct Args {
    #[command(flatten)]
    pack: PackArgs,
    /// The archive to make; the end of its name says what it is: .tar, .tar.gz, .tgz, .tar.zst, .tzst or .zip; `-` for standard output
    #[arg(value_name = "OUT")]
    out: PathBuf,
    /// What to export: paths inside the pack, or globs [default: everything]
    #[arg(value_name = "PATH")]
    paths: Vec<OsString>,
    /// What to write, whatever OUT is called
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
    /// In a zip archive deflate also the files that are stored as they are in the pack, at this level, 1 to 9
    #[arg(long, value_name = "LEVEL", value_parser = clap::value_parser!(u32).range(1..=9), num_args = 0..=1, require_equals = true, default_missing_value = "6")]
    deflate: Option<u32>,
    /// Replace OUT if it exists
    #[arg(short, long)]
    force: bool,
    /// Wait until everything is on disk before OUT appears
    #[arg(long)]
    fsync: bool,
    /// Print each path as it is written, to standard error
    #[arg(short, long)]
    verbose: bool,
    #[command(flatten)]
    progress: ProgressArgs,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Format {
    Tar,
    #[value(name = "tar.gz")]
    TarGz,
    #[value(name = "tar.zst")]
    TarZst,
    Zip,
}

/// Exports.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let is_stream = args.out == Path::new("-");
    let format = args.format(is_stream)?;
    if args.deflate.is_some() && format != ArchiveFormat::Zip {
        return Err(Failure::Usage {
            problem: "--deflate is for zip archives".to_owned(),
            hint: "a tar archive is compressed as a whole: name it .tar.gz or .tar.zst",
        });
    }
    if is_stream && args.fsync {
        return Err(fsync_of_stream());
    }
    if is_stream && std::io::stdout().is_terminal() {
        return Err(Failure::Usage {
            problem: "an archive is not written to a terminal".to_owned(),
            hint: "redirect standard output to a file or a pipe, or name a file; ./- is one of that name",
        });
    }
    if !is_stream {
        require_disk(&args.out)?;
    }
    let pack = args.pack.open(Verify::Payloads, global)?;
    let paths: Vec<_> = args.paths.iter().map(|path| path.as_encoded_bytes()).collect();
    check_globs(&pack, &args.paths)?;
    let mut options = ExportOptions::default();
    options.selection = Selection::new(&paths, Filter::default());
    (options.format, options.deflate) = (format, args.deflate);
    (options.overwrite, options.fsync) = (args.force, args.fsync);
    let mut steps = Steps::default();
    if paths.is_empty() {
        steps.total_bytes = Some(pack.header().totals.bytes);
    }
    let follow = Follow::new("exporting", args.progress.progress, global).stoppable();
    let follow = follow.steps(steps).print_each(args.verbose);
    let exported = match is_stream {
        true => {
            let name = Path::new("standard output");
            rangepack::export_stream(&pack, std::io::stdout().lock(), name, &options, &follow)
        }
        false => rangepack::export(&pack, &args.out, &options, &follow),
    };
    follow.finish(State::of(&exported))?;
    let exported = exported?;
    tell_unmatched(&pack, &exported.unmatched, global);
    if args.verbose {
        tell_traffic(&pack);
    }
    if !global.quiet {
        note(&sentence(&exported, follow.elapsed()));
    }
    Ok(if exported.unmatched.is_empty() { Exit::Fine } else { Exit::Bad })
}

impl Args {
    /// What is to be written.
    fn format(&self, is_stream: bool) -> Result<ArchiveFormat> {
        match self.format {
            Some(Format::Tar) => Ok(ArchiveFormat::Tar),
            Some(Format::TarGz) => Ok(ArchiveFormat::TarGzip),
            Some(Format::TarZst) => Ok(ArchiveFormat::TarZstd),
            Some(Format::Zip) => Ok(ArchiveFormat::Zip),
            None if is_stream => Ok(ArchiveFormat::Tar),
            None => ArchiveFormat::of_name(&self.out).ok_or_else(|| Failure::Usage {
                problem: format!("{}: its name does not say what archive it is", self.out.display()),
                hint: "names end in .tar, .tar.gz, .tgz, .tar.zst, .tzst or .zip; or say it with --format",
            }),
        }
    }
}

/// The outcome in one line.
fn sentence(exported: &Exported, elapsed: std::time::Duration) -> String {
    let done = Done {
        verb: "exported",
        files: exported.files + exported.symlinks,
        links: exported.symlinks,
        directories: exported.directories,
        bytes: exported.bytes,
        stored: None,
        elapsed,
        by_bytes: true,
    };
    let mut text = done.to_string();
    if exported.hard_links > 0 {
        text.push_str(&format!(", {}", count(exported.hard_links, "hard link")));
    }
    text.push_str(&format!(", an archive of {}", Size(exported.archive_len)));
    text
}
