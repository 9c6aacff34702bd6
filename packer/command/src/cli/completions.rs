//! `rangepack completions`: what a shell needs to complete the command line.

use super::Result;
use super::console::Global;
use super::exit::Exit;
use clap_complete::Shell;
use std::io::Write;

const EXAMPLES: &str = "\
Examples:
  rangepack completions bash > ~/.local/share/bash-completion/completions/rangepack
  rangepack completions fish > ~/.config/fish/completions/rangepack.fish
  rangepack completions zsh > ~/.zfunc/_rangepack";

/// Print the completions for a shell
///
/// Writes a script to standard output that makes the shell complete commands and options.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints them.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "rangepack", &mut script);
    let mut out = global.stdout();
    out.write_all(&script)?;
    out.flush()?;
    Ok(Exit::Fine)
}
