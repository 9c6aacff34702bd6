//! `rangepack log`: the generations of a pack.

use super::Result;
use super::arguments::{TrafficArgs, open_telling};
use super::console::{Global, Out};
use super::exit::Exit;
use crate::format::{Size, count};
use rangepack::{Format, Generation, Location, OpenOptions};
use serde::Serialize;
use std::io::{self, Write};

const EXAMPLES: &str = "\
Examples:
  rangepack log photos.pack
  rangepack log --json https://example.org/photos.pack | jq -r .root
  rangepack ls --root DIGEST photos.pack          # as it was then

`add`, `remove` and `sync` make a new generation of a pack, and leave the ones before in the file: each is a whole pack, and is
opened with --root. Where one ends is how long the file was then; what came with it are its payloads and its index.
`rangepack compact` makes a pack of the last one alone.";

/// List the generations of a pack, the newest first
///
/// The first generation has number 1.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The pack: a path, or a URL (http, https, s3, gs, az)
    #[arg(value_name = "PACK")]
    pack: Location,
    #[command(flatten)]
    traffic: TrafficArgs,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Lists.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let pack = open_telling(&args.pack, &OpenOptions::default(), global)?;
    let (mut found, mut failed) = (Vec::new(), None);
    for generation in pack.generations() {
        match generation {
            Ok(generation) => found.push(generation),
            Err(error) => failed = Some(error),
        }
    }
    let mut out = global.stdout();
    if found.is_empty() && failed.is_none() {
        let what = if pack.format() == Format::Paged {
            "its index lies beside it"
        } else {
            "it is in an old format"
        };
        global.warning_of(pack.location(), &format!("it has no generations: {what}"));
    }
    // How many there are before one that cannot be read, nobody knows.
    let newest = failed.is_none().then_some(found.len() as u64);
    for (at, generation) in (0u64..).zip(&found) {
        let number = newest.map(|newest| newest - at);
        match args.json {
            true => out.json(&Json::of(generation, number))?,
            false => line(&mut out, generation, number)?,
        }
    }
    out.flush()?;
    args.traffic.tell(&pack);
    failed.map_or(Ok(Exit::Fine), |error| Err(error.into()))
}

fn line(out: &mut Out, generation: &Generation, number: Option<u64>) -> io::Result<()> {
    let number = number.map_or("?".to_owned(), |number| number.to_string());
    let totals = generation.header.totals;
    writeln!(
        out,
        "{number:>5}  {}  {}, {}, ends at {}, {} of its own",
        generation.digest,
        count(generation.header.entries, "entry"),
        Size(totals.bytes),
        generation.end,
        Size(generation.own_len)
    )
}

#[derive(Debug, Serialize)]
struct Json {
    number: Option<u64>,
    root: String,
    tree: Option<String>,
    entries: u64,
    files: u64,
    directories: u64,
    bytes: u64,
    end: u64,
    own_bytes: u64,
}

impl Json {
    fn of(generation: &Generation, number: Option<u64>) -> Json {
        let header = &generation.header;
        Json {
            number,
            root: generation.digest.to_string(),
            tree: header.tree_digest.map(|digest| digest.to_string()),
            entries: header.entries,
            files: header.totals.files,
            directories: header.totals.directories,
            bytes: header.totals.bytes,
            end: generation.end,
            own_bytes: generation.own_len,
        }
    }
}
