//! `rangepack cat`: files' contents, checked.

use super::Result;
use super::arguments::{PackArgs, parse_size};
use super::console::Global;
use super::exit::Exit;
use crate::open::{Pack, Verify};
use crate::platform::name_bytes;
use std::ffi::OsString;
use std::io::Write;

const EXAMPLES: &str = "\
Examples:
  rangepack cat photos.pack 2024/notes.txt
  rangepack cat logs.pack day-1.log day-2.log | grep error
  rangepack cat data.pack table.bin --offset 1M --length 4k | xxd

Bytes are compared with their SHA-256 before they are printed; damaged ones never are.";

/// Print files from a pack
///
/// Writes the content of each PATH to standard output, one after the other. Links are followed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    pack: PackArgs,
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
    let pack = args.pack.open(Verify::Payloads)?;
    let mut out = global.stdout();
    let mut exit = Exit::Fine;
    for path in &args.paths {
        match print(args, &pack, name_bytes(path), &mut out) {
            Err(failure) if failure.exit() == Exit::Bad => {
                // The others may be there, and sound.
                out.flush()?;
                exit = failure.report(global);
            }
            printed => printed?,
        }
    }
    out.flush()?;
    Ok(exit)
}

fn print(args: &Args, pack: &Pack, path: &[u8], out: &mut impl Write) -> Result<()> {
    match pack.bytes(path)? {
        Some(content) => out.write_all(part(args, content))?,
        None => out.write_all(part(args, &pack.read(path)?))?,
    }
    Ok(())
}

/// The range that was asked for, as far as there is content.
fn part<'c>(args: &Args, content: &'c [u8]) -> &'c [u8] {
    let bound = |place: u64| usize::try_from(place).unwrap_or(usize::MAX).min(content.len());
    let start = bound(args.offset);
    let end = args.length.map_or(content.len(), |length| bound(args.offset.saturating_add(length)));
    &content[start..end]
}
