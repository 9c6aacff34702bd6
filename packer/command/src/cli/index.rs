//! `rangepack index`: another kind of index for a pack that is there.

use super::Result;
use super::arguments::{IndexArgs, TailArgs, open_telling, require_disk};
use super::console::{Global, When, note};
use super::exit::{Exit, Failure};
use super::follow::Follow;
#[cfg(feature = "archives")]
use super::index_archives::SeveralArgs;
use super::progress::Steps;
use super::status::State;
use super::summary::Done;
use crate::format::{Size, count};
use rangepack::{DirectoryLines, Error};
use rangepack::{IndexTarget, Location, NdjsonOptions, OpenOptions, RebuildOptions, sidecar_path};
use rangepack_core::Escaped;
use std::io;
use std::path::{Path, PathBuf};

const EXAMPLES: &str = "\
Examples:
  rangepack index photos.tar
  rangepack index https://host/photos.zip -o photos.zip.rpx
  rangepack index shard-*.tar -o all.rpx
  rangepack index old.container --paged
  rangepack index old.container --in-place
  rangepack index photos.pack --ndjson photos.pack.idx
  rangepack index photos.pack --ndjson - | jq -r .relpath
  rangepack index photos.pack --parquet photos.parquet

The index of an archive lies beside it, as ARCHIVE.rpx: then every command reads the archive where it lies, like a pack, by its own
name or by that of the index. The archive is read once, and stays as it is. Members of a zip that are deflated are decoded from their
beginning; those that are encrypted or compressed otherwise, and files with holes in a tar, are listed, and not read: then the exit
code is 1. An index in another directory than its archive needs --volumes when it is read.

With a paged index, even old containers open at once, whatever the number of their files; it is found
beside the container as CONTAINER.rpx, or at its end with --in-place.

The columns of a table are those of `rangepack ls --json`, and `volume` names the file in which `stored_size` bytes at `offset` are
what a file holds, encoded as `codec` says (`stored`: as it is), with the SHA-256 `sha256`.";

/// Make an index: of a tar or zip archive, to read it where it lies, or of a container that lacks one
///
/// Archives may lie at URLs, and packs of which a table is made; for other kinds of index, which --paged, --in-place and --ndjson
/// ask for, the pack or container must lie on disk. Payloads are not copied. Those of large files, which get check sums for
/// their parts, and of all .fpack files, which have none, are read and hashed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The tar or zip archive, on disk or at a URL, or several; or the pack, CTNRv1 container or .fpack file
    #[arg(value_name = "ARCHIVE|PACK", required = true)]
    pub(super) given: Vec<PathBuf>,
    /// Where the index of an archive goes [default: ARCHIVE.rpx]
    #[arg(short, long, value_name = "FILE")]
    #[cfg(feature = "archives")]
    pub(super) out: Option<PathBuf>,
    /// The index to take its entries from, if that lies in a file of its own [default: PACK.rpx or
    /// PACK.idx, if there]
    #[arg(long, value_name = "FILE")]
    pub(super) index: Option<PathBuf>,
    /// Write the NDJSON index, as the old programs keep it beside a container; `-` is standard output
    #[arg(long, value_name = "OUT")]
    pub(super) ndjson: Option<PathBuf>,
    /// Write a table of all entries as a Parquet file, for DuckDB, pandas and others: where each payload lies, and what it is
    #[cfg(feature = "parquet")]
    #[arg(long, value_name = "OUT", conflicts_with_all = ["ndjson", "paged", "in_place"])]
    pub(super) parquet: Option<PathBuf>,
    /// Write a paged index beside the container [default OUT: PACK.rpx]
    #[arg(long, value_name = "OUT", num_args = 0..=1, conflicts_with = "in_place")]
    paged: Option<Option<PathBuf>>,
    /// Append the indexes to the container itself
    ///
    /// Until they are whole, all entries are in an index beside it, so an interruption does no harm.
    #[arg(long)]
    pub(super) in_place: bool,
    /// Replace an index that is there; an NDJSON one only by one that holds all its entries
    #[arg(short, long)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) tail: TailArgs,
    #[cfg(feature = "archives")]
    #[command(flatten)]
    pub(super) several: SeveralArgs,
    #[command(flatten)]
    pub(super) indexes: IndexArgs,
}

/// Makes a table.
#[cfg(feature = "parquet")]
fn table(args: &Args, target: &Path, global: &Global) -> Result<Exit> {
    require_disk(target)?;
    let mut open = OpenOptions::default();
    open.index = args.index.as_ref().map(Location::from);
    let pack = open_telling(&args.container()?.into(), &open, global)?;
    let mut options = rangepack::TableOptions::default();
    options.overwrite = args.force;
    let follow = Follow::new("writing the table", When::Auto, global).stoppable();
    let follow =
        follow.steps(Steps { total_files: Some(pack.header().entries), ..Steps::default() });
    let written = rangepack::write_table(&pack, target, options, &follow);
    follow.finish(State::of(&written))?;
    let written = written?;
    if !global.quiet {
        let (rows, len) = (count(written.rows, "row"), Size(written.len));
        note(&format!("{rows} in {}, {len}", target.display()));
    }
    Ok(Exit::Fine)
}

/// Makes the indexes asked for.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    args.check()?;
    #[cfg(feature = "parquet")]
    if let Some(target) = &args.parquet {
        return table(args, target, global);
    }
    if args.is_for_archives() {
        #[cfg(feature = "archives")]
        return super::index_archives::run(args, global);
        #[cfg(not(feature = "archives"))]
        return Err(Failure::Usage {
            problem: "it is not said which index to make".to_owned(),
            hint: "--paged writes one beside the container, --in-place into it, --ndjson OUT the one that the old programs read",
        });
    }
    let container = args.container()?;
    require_disk(container)?;
    args.index.as_deref().map_or(Ok(()), require_disk)?;
    let mut exit = Exit::Fine;
    if let Some(target) = &args.ndjson {
        let mut open = OpenOptions::default();
        open.index = args.index.as_ref().map(Location::from);
        let pack = open_telling(&container.into(), &open, global)?;
        for text in super::notes::of(&pack) {
            global.warning_of(pack.location(), &text);
        }
        let mut options = NdjsonOptions::default();
        options.directories = args.indexes.options(None).directories == DirectoryLines::Always;
        options.overwrite = args.force;
        let total_files = Some(pack.header().entries);
        let follow = Follow::new("indexing", When::Auto, global).stoppable();
        let follow = follow.steps(Steps { total_files, ..Steps::default() });
        let written = match target == Path::new("-") {
            true => rangepack::stream_ndjson(
                &pack,
                &mut std::io::stdout(),
                Path::new("standard output"),
                options,
                &follow,
            ),
            false => rangepack::write_ndjson(&pack, target, options, &follow),
        };
        follow.finish(State::of(&written))?;
        let len = match written {
            // Whoever closed the pipe has read enough.
            Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => {
                return Err(Failure::Output(source));
            }
            written => written?.len,
        };
        if !global.quiet && target != Path::new("-") {
            let done = Done::indexed("indexed", pack.header(), follow.elapsed());
            note(&format!("{done}, {} of NDJSON in {}", Size(len), target.display()));
        }
    }
    let target = match args.sidecar(container) {
        Some(sidecar) => {
            require_disk(&sidecar)?;
            IndexTarget::Beside(sidecar)
        }
        None if args.in_place => IndexTarget::InPlace(args.indexes.options(None)),
        None => return Ok(exit),
    };
    let mut options = RebuildOptions::default();
    options.open.index = args.index.as_ref().map(Location::from);
    options.overwrite = args.force;
    options.tail = args.tail.tail();
    let len = container.metadata().map_or(0, |found| found.len());
    let steps = Steps { total_bytes: Some(len), ..Steps::default() };
    let follow = Follow::new("indexing", When::Auto, global).stoppable().steps(steps);
    let made = rangepack::rebuild(container, &target, &options, &follow);
    follow.finish(State::of(&made))?;
    let made = made?;
    for refused in &made.notes.refused {
        exit = Exit::Bad;
        let text = format!("{} is left out: {}", Escaped(&refused.name), refused.problem);
        global.warning(container, &text);
    }
    for path in &made.damaged {
        exit = Exit::Bad;
        let problem = "its payload is not what its SHA-256 says; it has no block table";
        let text = format!("{}: {problem}", path.display());
        global.warning(container, &text);
    }
    if made.notes.bad_lines + made.notes.lost_names > 0 {
        exit = Exit::Bad;
        let (lines, names) = (made.notes.bad_lines, made.notes.lost_names);
        let text = format!("{} skipped, {} lost", count(lines, "bad line"), count(names, "name"));
        global.warning(container, &text);
    }
    if !global.quiet {
        let done = Done::indexed("indexed", &made.finished.header, follow.elapsed());
        let mut text = done.to_string();
        if made.hashed > 0 {
            text.push_str(&format!(", {} hashed", count(made.hashed, "payload")));
        }
        text.push_str(&format!(", an index of {}", Size(made.finished.paged_len)));
        note(&text);
    }
    Ok(exit)
}

/// What to do about an option of archives.
const FOR_ARCHIVES: &str = "leave it out, or leave out --paged, --in-place, --ndjson and --parquet, which say themselves where theirs goes";
/// What to do about an option of containers.
const FOR_CONTAINERS: &str =
    "leave it out; or say which index to make of a container: --paged, --in-place or --ndjson";

impl Args {
    /// Whether it is not said which index to make, which archives need not be told.
    fn is_for_archives(&self) -> bool {
        #[cfg(feature = "parquet")]
        if self.parquet.is_some() {
            return false;
        }
        self.ndjson.is_none() && self.paged.is_none() && !self.in_place
    }

    /// Fails for options that have nothing to do with what is to be made.
    fn check(&self) -> Result<()> {
        let is_archive = self.is_for_archives();
        #[cfg(feature = "archives")]
        let of_archives = match is_archive {
            true => None,
            false => self.out.as_ref().map(|_| "-o").or(self.several.given()),
        };
        #[cfg(not(feature = "archives"))]
        let of_archives = None;
        let is_paged = self.paged.is_some() || self.in_place;
        let lines = self.in_place || self.ndjson.is_some();
        let index = self.index.as_ref().map(|_| "--index");
        let (tail, format) = (self.tail.given(), self.indexes.format_given());
        let directories = self.indexes.directories_given();
        for (option, fits, what, hint) in [
            (of_archives, false, "archives", FOR_ARCHIVES),
            (index, !is_archive, "containers, and archives have none yet", FOR_CONTAINERS),
            (tail, is_paged || is_archive, "--paged and --in-place", "leave it out"),
            (format, self.in_place || is_archive, "--in-place", "leave it out"),
            (directories, lines || is_archive, "--ndjson and --in-place", "leave it out"),
            (tail.or(format).or(directories), !is_archive, "containers", FOR_CONTAINERS),
        ] {
            if let Some(option) = option
                && !fits
            {
                return Err(Failure::Usage { problem: format!("{option} is for {what}"), hint });
            }
        }
        Ok(())
    }

    /// The only thing to index.
    fn container(&self) -> Result<&Path> {
        match &self.given[..] {
            [container] => Ok(container),
            _ => Err(Failure::Usage {
                problem: "several files were named, and only archives are indexed together"
                    .to_owned(),
                hint: "index one at a time; `rangepack merge` makes one pack of many",
            }),
        }
    }

    /// Where the paged index goes, if one beside the container is wanted.
    pub(super) fn sidecar(&self, container: &Path) -> Option<PathBuf> {
        let out = self.paged.as_ref()?;
        Some(out.clone().unwrap_or_else(|| sidecar_path(container)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::parse;

    #[test]
    fn which_index() {
        let sidecar = |line| parse::<Args>(line).unwrap().sidecar(Path::new("a.pack"));
        assert_eq!(sidecar("index a.pack --paged"), Some("a.pack.rpx".into()));
        assert_eq!(sidecar("index a.pack --paged b.rpx"), Some("b.rpx".into()));
        assert_eq!(sidecar("index a.pack --in-place"), None);
        assert!(parse::<Args>("index a.pack b.pack --paged").unwrap().container().is_err());
        assert!(parse::<Args>("index a.pack --paged --in-place").is_err());
    }

    #[test]
    fn no_option_is_passed_over() {
        let check = |line: &str| parse::<Args>(&format!("index {line}")).unwrap().check();
        for line in [
            "a.pack --paged --tail cut",
            "a.pack --in-place --index-format paged --ndjson-dirs never --index b",
            "a.pack --ndjson a.idx --ndjson-dirs always",
            "a.pack --ndjson a.idx --paged --tail keep",
        ] {
            assert!(check(line).is_ok(), "{line}");
        }
        for (line, option) in [
            ("a.pack --paged --index-format paged", "--index-format is for --in-place"),
            ("a.pack --paged --ndjson-dirs never", "--ndjson-dirs is for --ndjson and --in-place"),
            ("a.pack --ndjson a.idx --tail cut", "--tail is for --paged and --in-place"),
            ("a.tar --tail cut", "--tail is for containers"),
            ("a.tar --ndjson-dirs never", "--ndjson-dirs is for containers"),
            ("a.tar --index b", "--index is for containers"),
        ] {
            let failure = check(line).unwrap_err();
            assert!(format!("{failure:?}").contains(option), "{line}: {failure:?}");
        }
    }

    #[test]
    #[cfg(all(feature = "archives", feature = "parquet"))]
    fn what_is_for_archives_is_not_passed_over() {
        let check = |line: &str| parse::<Args>(&format!("index {line}")).unwrap().check();
        assert!(check("a.tar -o b --volumes .").is_ok());
        for made in ["--parquet b", "--ndjson b", "--paged b", "--in-place"] {
            for option in ["-o c", "--volumes .", "--on-conflict last"] {
                let failure = check(&format!("a.pack {made} {option}")).unwrap_err();
                assert!(format!("{failure:?}").contains("is for archives"), "{failure:?}");
            }
        }
        for option in ["--tail cut", "--index-format paged", "--ndjson-dirs never"] {
            assert!(check(&format!("a.pack --parquet b {option}")).is_err(), "{option}");
        }
        assert!(check("a.pack --parquet b --index c --force").is_ok());
    }
}
