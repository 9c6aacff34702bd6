//! `rangepack cat`: files' contents, checked.

use super::Result;
use super::arguments::{PackArgs, TrafficArgs, parse_size};
use super::console::Global;
use super::exit::{Exit, Failure};
use rangepack::Error;
use rangepack::{Pack, Verify};
use std::ffi::OsString;
use std::io::{self, BufRead, Seek, SeekFrom, Write};

const EXAMPLES: &str = "\
Examples:
  rangepack cat photos.pack 2024/notes.txt
  rangepack cat logs.pack day-1.log day-2.log | grep error
  rangepack cat data.pack table.bin --offset 1M --length 4k | xxd
  rangepack cat s3://bucket/data.pack notes.txt

Bytes are compared with their SHA-256 before they are printed; damaged ones never are.";

/// Print files from a pack
///
/// Writes the content of each PATH to standard output, one after the other. Links are followed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    pack: PackArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
    /// Files inside the pack
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
        match print(args, &pack, path.as_encoded_bytes(), &mut out) {
            Err(failure) if failure.exit() == Exit::Bad => {
                // The others may be there, and sound.
                out.flush()?;
                exit = failure.report(global);
            }
            printed => printed?,
        }
    }
    out.flush()?;
    args.traffic.tell(&pack);
    Ok(exit)
}

fn print(args: &Args, pack: &Pack, path: &[u8], out: &mut impl Write) -> Result<()> {
    let mut file = pack.open_file(path)?;
    let reading = |error: io::Error| read_failure(pack, error);
    file.seek(SeekFrom::Start(args.offset.min(file.len()))).map_err(reading)?;
    let mut left = args.length.unwrap_or(u64::MAX);
    file.read_until(args.offset.saturating_add(left));
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
