//! The `rangepack` command: what it accepts, and which file runs it.
//!
//! It is part of the library so that tests and `xtask` can ask for [`command`]; it is no API.

mod arguments;
mod console;
mod exit;
mod follow;
mod format;
mod interrupt;
mod progress;
mod record;
#[allow(dead_code, reason = "becomes used with create and extract")]
mod status;

mod pack;
mod ls;
mod tree;
mod cat;
mod info;
mod completions;
mod man;

#[allow(dead_code, reason = "becomes a command when the library part is there")]
mod create;
#[allow(dead_code, reason = "becomes a command when the library part is there")]
mod extract;
#[allow(dead_code, reason = "becomes a command when the library part is there")]
mod verify;
#[allow(dead_code, reason = "becomes a command when the library part is there")]
mod finalize;
#[allow(dead_code, reason = "becomes a command when the library part is there")]
mod index;

use clap::{CommandFactory, Parser, Subcommand};
use console::Global;
use exit::{Exit, Failure};
use std::process::ExitCode;

/// What a command comes back with.
type Result<T> = std::result::Result<T, Failure>;

const EXIT_CODES: &str = "\
Exit codes:
  0    everything is fine
  1    the pack is damaged or lacks what was asked for, or some files could not be packed
  2    wrong usage, or the system refused something
  130  interrupted; nothing half-written is left behind";

/// Many files in one file, any of them at once
///
/// Packs a directory tree of millions of files into one file, and reads any file inside it at once.
/// Also reads CTNRv1 containers and FilePacker's .fpack files.
#[derive(Debug, Parser)]
#[command(name = "rangepack", version)]
#[command(after_help = "`rangepack help COMMAND` shows examples.", after_long_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: Global,
}

#[derive(Debug, Subcommand)]
enum Command {
    Pack(pack::Args),
    Ls(ls::Args),
    Tree(tree::Args),
    Cat(cat::Args),
    Info(info::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    fn run(&self, global: &Global) -> Result<Exit> {
        match self {
            Command::Pack(args) => pack::run(args, global),
            Command::Ls(args) => ls::run(args, global),
            Command::Tree(args) => tree::run(args, global),
            Command::Cat(args) => cat::run(args, global),
            Command::Info(args) => info::run(args, global),
            Command::Completions(args) => completions::run(args, global),
            Command::Man(args) => man::run(args, global),
        }
    }
}

/// Everything that the command line accepts, with its help.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let exit = cli.command.run(&cli.global).unwrap_or_else(|failure| failure.report(&cli.global));
    ExitCode::from(exit.code())
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }

    #[test]
    fn every_argument_has_help() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{} says nothing", command.get_name());
            for argument in command.get_arguments() {
                let (command, argument_id) = (command.get_name(), argument.get_id());
                assert!(argument.get_help().is_some(), "{command} {argument_id} has no help");
            }
            command.get_subcommands().for_each(check);
        }
        check(&super::command());
        for later in [
            super::create::Args::augment_args(clap::Command::new("create")),
            super::extract::Args::augment_args(clap::Command::new("extract")),
            super::verify::Args::augment_args(clap::Command::new("verify")),
            super::finalize::Args::augment_args(clap::Command::new("finalize")),
            super::index::Args::augment_args(clap::Command::new("index")),
        ] {
            later.clone().debug_assert();
            check(&later);
        }
    }
}
