//! `rangepack merge`: many packs as one, of their indexes alone or with copies of what is in them.

use super::Result;
use super::arguments::{check_place, parse_alignment, require_disk, store_url};
use super::console::{Global, note};
use super::exit::{Exit, Failure};
use super::follow::Follow;
use super::progress::{ProgressArgs, Steps};
use super::status::State;
use super::summary::Done;
use crate::format::{Size, count};
use rangepack::{IndexFormat, Location, MergeInput, MergeOptions, OnConflict, PackPathBuf};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  rangepack merge part-*.pack -o all.pack
  rangepack merge train.pack test.pack --prefix test.pack=test/ -o all.pack
  rangepack merge s3://data/a.pack s3://data/b.pack --volumes s3://data -o all.pack
  rangepack merge s3://data/a.pack s3://data/b.pack -o s3://data/all.pack
  rangepack merge --copy part-*.pack -o whole.pack
  rangepack merge --copy s3://data/a.pack s3://data/b.pack -o s3://data/whole.pack

Without --copy no payload is copied: the merged pack is an index, and finds its parts beside it or below its directory, by their names, lengths
and root digests. Everything is read through it as if it were one pack; what needs a part that is missing fails and names it.

With --copy what comes of it needs no other file. Each payload is compared with its SHA-256 while it is copied, and the first that
differs ends it: nothing appears then. Identical files of different parts are stored once.

To an object store OUT is sent while it is made, and it appears when all of it is there, as with `rangepack pack`; the index waits in a temporary file.";

/// Make one pack of many, without copying what is in them
///
/// The parts stay where they are, unless --copy is given. They may be merged packs, CTNRv1 containers and .fpack files, too. Directories that several parts have
/// become one; a file that several have with the same content is one file.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The parts: paths or URLs
    #[arg(value_name = "PACK", required = true)]
    parts: Vec<Location>,
    /// The merged pack
    #[arg(short, long, value_name = "OUT")]
    out: PathBuf,
    /// Copy what is in the parts, so that the merged pack needs no other file
    #[arg(long, conflicts_with = "volumes")]
    copy: bool,
    /// With --copy: begin each file at a multiple of N bytes: `512`, `4k`
    #[arg(long, value_name = "N", requires = "copy", value_parser = parse_alignment)]
    align: Option<u64>,
    /// With --copy: add the NDJSON trailer that the old programs read
    #[arg(long, requires = "copy")]
    trailer: bool,
    /// Put what is in a part below a directory (may be given for each part)
    #[arg(long, value_name = "PACK=DIR", value_parser = parse_prefix)]
    prefix: Vec<(String, PackPathBuf)>,
    /// Which file counts when two parts have a path with different content [default: that is an error]
    #[arg(long, value_name = "WHICH")]
    on_conflict: Option<Conflict>,
    /// Where the parts lie, if not below the directory of OUT: a directory, or the beginning of their URLs
    ///
    /// Whoever reads the merged pack must say the same.
    #[arg(long, value_name = "DIR|URL")]
    volumes: Option<Location>,
    /// Replace OUT
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    progress: ProgressArgs,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Conflict {
    /// That of the part that is named first
    First,
    /// That of the part that is named last
    Last,
}

impl Conflict {
    pub(super) fn of(given: Option<Conflict>) -> OnConflict {
        match given {
            None => OnConflict::Refuse,
            Some(Conflict::First) => OnConflict::First,
            Some(Conflict::Last) => OnConflict::Last,
        }
    }
}

/// Merges.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    if store_url(&args.out).is_none() {
        require_disk(&args.out)?;
    }
    args.parts.iter().try_for_each(check_place)?;
    let mut inputs: Vec<MergeInput> = args.parts.iter().map(MergeInput::new).collect();
    for (part, directory) in &args.prefix {
        let location = Location::from(part.as_str());
        let input =
            inputs.iter_mut().find(|input| input.location == location).ok_or_else(|| {
                Failure::Usage {
                    problem: format!("--prefix {part}: that is none of the PACKs"),
                    hint: "write it as it stands among them",
                }
            })?;
        *input = input.clone().below(directory.clone());
    }
    let mut options = MergeOptions::default();
    options.on_conflict = Conflict::of(args.on_conflict);
    options.copy = args.copy;
    options.align = args.align.unwrap_or(1);
    options.index.format = if args.trailer { IndexFormat::Both } else { IndexFormat::Paged };
    options.volumes = args.volumes.clone();
    options.overwrite = args.force;
    options.open.volumes = args.volumes.clone();
    // All parts are open at once.
    #[cfg(feature = "serve")]
    crate::serve::raise_file_limit();
    let follow = Follow::new("merging", args.progress.progress, global).stoppable();
    let follow = follow.steps(Steps::default());
    let merged = rangepack::merge(&inputs, &args.out, &options, &follow);
    follow.finish(State::of(&merged))?;
    let merged = merged?;
    if !global.quiet {
        let done = Done::indexed("merged", &merged.finished.header, follow.elapsed());
        let len = Size(merged.finished.file_len);
        match args.copy {
            true => note(&format!("{}, a file of {len}", Done { by_bytes: true, ..done })),
            false => {
                let parts = count(merged.volumes.into(), "file");
                note(&format!("{done}, in {parts}, an index of {len}"));
            }
        }
    }
    Ok(Exit::Fine)
}

/// Reads `PACK=DIR`.
fn parse_prefix(text: &str) -> std::result::Result<(String, PackPathBuf), String> {
    let (part, directory) = text.rsplit_once('=').ok_or("it is not PACK=DIR")?;
    let directory = rangepack::trim_path(directory.as_bytes());
    let directory = PackPathBuf::new(directory.to_vec()).map_err(|error| error.to_string())?;
    Ok((part.to_owned(), directory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_directories() {
        let (part, directory) = parse_prefix("a=b.pack=train/cats/").unwrap();
        assert_eq!((part.as_str(), directory.as_bytes()), ("a=b.pack", &b"train/cats"[..]));
        assert!(parse_prefix("a.pack").is_err());
        assert!(parse_prefix("a.pack=../b").is_err());
    }
}
