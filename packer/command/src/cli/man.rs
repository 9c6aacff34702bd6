//! `rangepack man`: the manual pages.

use super::Result;
use super::console::Global;
use super::exit::Exit;
use super::exit::Failure;
use std::io::Write;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  rangepack man | man -l -
  rangepack man ~/.local/share/man/man1";

/// Write the manual pages
///
/// Writes rangepack.1 and a page for each command into DIR, or the first of them to standard output.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// A directory, which is made if need be [default: standard output]
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Writes them.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let directory = args.directory.as_ref().filter(|directory| directory.as_os_str() != "-");
    let Some(directory) = directory else {
        let mut page = Vec::new();
        clap_mangen::Man::new(super::command()).render(&mut page)?;
        let mut out = global.stdout();
        out.write_all(&page)?;
        out.flush()?;
        return Ok(Exit::Fine);
    };
    std::fs::create_dir_all(directory).map_err(Failure::system("create", directory))?;
    clap_mangen::generate_to(super::command(), directory)
        .map_err(Failure::system("write manual pages to", directory))?;
    Ok(Exit::Fine)
}
