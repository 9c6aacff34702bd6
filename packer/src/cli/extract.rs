//! `rangepack extract`: files of a pack, back on disk.

use super::Result;
use super::arguments::{parse_size, parse_threads};
use super::console::When;
use super::create::parse_chunk_size;
use super::exit::Failure;
use super::progress::ProgressArgs;
use super::status::StatusArgs;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  rangepack extract photos.pack photos
  rangepack extract photos.pack photos 2024/summer 'notes/*.txt'
  rangepack extract photos.pack photos --skip-existing --status-file status
  rangepack extract --container photos.container --outdir photos --verify-existing

A PATH is a file, a directory with everything below it, or a glob over whole paths, in which `**`
reaches across `/`. A file gets its name when its content was compared with its SHA-256; a damaged one
leaves nothing behind, does not stop the others, and makes the exit code 1.";

/// Extract files from a pack
///
/// Writes what PACK holds below DIR, which is made if missing, and never anything elsewhere.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The pack, CTNRv1 container or .fpack file
    #[arg(value_name = "PACK", required_unless_present = "container")]
    pack: Option<PathBuf>,
    /// The directory to extract into
    #[arg(value_name = "DIR", required_unless_present = "outdir")]
    directory: Option<PathBuf>,
    /// What to extract: paths inside the pack, or globs [default: everything]
    #[arg(value_name = "PATH")]
    pub(super) paths: Vec<OsString>,
    /// The pack, instead of PACK
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pack", "directory"], requires = "outdir")]
    container: Option<PathBuf>,
    /// The directory to extract into, instead of DIR
    #[arg(long, value_name = "DIR", conflicts_with_all = ["pack", "directory"], requires = "container")]
    outdir: Option<PathBuf>,
    /// Index of a container that lies in a file of its own [default: PACK.rpx or PACK.idx, if there]
    #[arg(long, value_name = "FILE")]
    pub(super) index: Option<PathBuf>,
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
    /// Give files the owners that the pack tells
    #[arg(long)]
    pub(super) owner: bool,
    /// Wait until each file is on disk before it gets its name
    #[arg(long)]
    pub(super) fsync: bool,
    /// Threads that check, decompress and write [default: one per processor]
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
    progress: ProgressArgs,
    /// The same as `--progress always`
    #[arg(long)]
    tqdm: bool,
    #[command(flatten)]
    pub(super) status: StatusArgs,
}

impl ShowArgs {
    /// When progress is shown.
    pub(super) fn progress(&self) -> When {
        if self.tqdm { When::Always } else { self.progress.progress }
    }
}

impl Args {
    /// The pack and the directory, however they were given.
    pub(super) fn places(&self) -> Result<(&Path, &Path)> {
        let pack = self.pack.as_deref().or(self.container.as_deref());
        let directory = self.directory.as_deref().or(self.outdir.as_deref());
        pack.zip(directory).ok_or_else(|| Failure::Usage {
            problem: "PACK and DIR are needed".to_owned(),
            hint: "rangepack extract PACK DIR, or --container PACK --outdir DIR",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    fn parse(line: &str) -> std::result::Result<Args, clap::Error> {
        Line::try_parse_from(line.split(' ')).map(|line| line.args)
    }

    #[test]
    fn both_forms() {
        let expected = (Path::new("a.pack"), Path::new("out"));
        let old = "extract --container a.pack --index i --outdir out --chunk-size 4096 --tqdm \
                   --status-file s --status-format kv --skip-existing --verify-existing \
                   --lookback 1000 -v --dry-run";
        let old = parse(old).unwrap();
        assert_eq!(old.places().unwrap(), expected);
        assert_eq!(old.show.progress(), When::Always);
        let new = parse("extract a.pack out x y/*.txt --max-size 10G -j 2").unwrap();
        assert_eq!(new.places().unwrap(), expected);
        assert_eq!(new.paths, ["x", "y/*.txt"]);
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
            "extract a.pack out --container b.pack",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
