//! `rangepack cat`: files' contents, checked.

use super::Result;
use super::arguments::{PackArgs, TrafficArgs, parse_size};
use super::console::Global;
use super::exit::{Exit, Failure};
use super::paths;
use rangepack::Error;
use rangepack::{Pack, Verify};
use std::ffi::OsString;
use std::io::{self, BufRead, Seek, SeekFrom, Write};

const EXAMPLES: &str = "\
Examples:
  rangepack cat photos.pack 2024/notes.txt
  rangepack cat logs.pack day-1.log day-2.log | grep error
  rangepack cat logs.pack '2024/*.log' | grep error
  rangepack cat data.pack table.bin --offset 1M --length 4k | xxd
  rangepack cat s3://bucket/data.pack notes.txt

Bytes are compared with their SHA-256 before they are printed; damaged ones never are. A glob prints the files
that it matches, in the order of `rangepack ls -R`.";

/// Print files from a pack
///
/// Writes the content of each PATH to standard output, one after the other. Links are followed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{}", paths::ABOUT))]
pub(super) struct Args {
    #[command(flatten)]
    pack: PackArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
    /// Files inside the pack, or globs
    #[arg(value_name = "PATH", required = true)]
    paths: Vec<OsString>,
    /// Begin at this byte of each file: `4096`, `4k`
    #[arg(long, value_name = "BYTES", value_parser = parse_size, default_value = "0",
          hide_default_value = true)]
    offset: u64,
    /// Print at most so many bytes of each file
    #[arg(long, value_name = "BYTES", value_parser = parse_size)]
    length: Option<u64>,
}

/// Prints.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let pack = args.pack.open(Verify::Payloads, global)?;
    let mut out = global.stdout();
    let mut exit = Exit::Fine;
    for path in &args.paths {
        let path = path.as_encoded_bytes();
        let printed = if paths::is_glob(&pack, path)? {
            paths::each_match(&pack, path, |entry| {
                if entry.is_directory() {
                    return Ok(());
                }
                let path = entry.path().map_err(|error| pack.error(error))?;
                let printed = print(&pack, path.as_bytes(), args.offset, args.length, &mut out);
                tolerate(printed, &mut exit, &mut out, global)
            })
        } else {
            print(&pack, path, args.offset, args.length, &mut out)
        };
        let printed = printed.map_err(|failure| paths::with_suggestion(&pack, path, failure));
        tolerate(printed, &mut exit, &mut out, global)?;
    }
    out.flush()?;
    args.traffic.tell(&pack);
    Ok(exit)
}

/// Tells of a file that is bad or missing, and lets the rest go on: it may be there, and sound.
pub(super) fn tolerate(
    printed: Result<()>,
    exit: &mut Exit,
    out: &mut impl Write,
    global: &Global,
) -> Result<()> {
    match printed {
        Err(failure) if failure.exit() == Exit::Bad => {
            out.flush()?;
            *exit = failure.report(global);
            Ok(())
        }
        printed => printed,
    }
}

/// Writes what a file holds from `offset` on, `length` bytes at most.
pub(super) fn print(
    pack: &Pack,
    path: &[u8],
    offset: u64,
    length: Option<u64>,
    out: &mut impl Write,
) -> Result<()> {
    let mut file = pack.open_file(path)?;
    let reading = |error: io::Error| read_failure(pack, error);
    file.seek(SeekFrom::Start(offset.min(file.len()))).map_err(reading)?;
    let mut left = length.unwrap_or(u64::MAX);
    file.read_until(offset.saturating_add(left));
    while left > 0 {
        let piece = file.fill_buf().map_err(reading)?;
        let take = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if take == 0 {
            break;
        }
        out.write_all(&piece[..take])?;
        file.consume(take);
        left -= take as u64;
    }
    Ok(())
}

/// Reading a file inside a pack fails with an error of this library.
fn read_failure(pack: &Pack, error: io::Error) -> Failure {
    match error.downcast::<Error>() {
        Ok(error) => Failure::Library(error),
        Err(error) => Failure::Library(Error::Io {
            action: rangepack::Action::Read,
            path: pack.location().to_string().into(),
            source: error,
        }),
    }
}
