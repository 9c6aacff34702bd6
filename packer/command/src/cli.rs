//! The `rangepack` command: what it accepts, and which file runs it.

mod arguments;
mod console;
mod exit;
mod follow;
mod interrupt;
mod notes;
mod paths;
mod progress;
mod sources;
mod status;
mod usage;

mod pack;
mod create;
mod extract;
mod ls;
mod tree;
mod cat;
mod info;
mod verify;
mod finalize;
mod index;
mod recover;
#[cfg(feature = "serve")]
mod serve;
mod completions;
mod man;

#[cfg(test)]
mod snapshots;

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
    Create(Box<create::Args>),
    Extract(Box<extract::Args>),
    Ls(ls::Args),
    Tree(tree::Args),
    Cat(cat::Args),
    Info(info::Args),
    Verify(verify::Args),
    Finalize(finalize::Args),
    Index(index::Args),
    Recover(recover::Args),
    #[cfg(feature = "serve")]
    Serve(serve::Args),
    Completions(completions::Args),
    Man(man::Args),
}

impl Command {
    fn run(&self, global: &Global) -> Result<Exit> {
        match self {
            Command::Pack(args) => pack::run(args, global),
            Command::Create(args) => create::run(args, global),
            Command::Extract(args) => extract::run(args, global),
            Command::Ls(args) => ls::run(args, global),
            Command::Tree(args) => tree::run(args, global),
            Command::Cat(args) => cat::run(args, global),
            Command::Info(args) => info::run(args, global),
            Command::Verify(args) => verify::run(args, global),
            Command::Finalize(args) => finalize::run(args, global),
            Command::Index(args) => index::run(args, global),
            Command::Recover(args) => recover::run(args, global),
            #[cfg(feature = "serve")]
            Command::Serve(args) => serve::run(args, global),
            Command::Completions(args) => completions::run(args, global),
            Command::Man(args) => man::run(args, global),
        }
    }
}

/// Everything that the command line accepts, with its help.
fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Some(error) = usage::misread(&arguments) {
        error.exit();
    }
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => usage::advised(error).exit(),
    };
    let exit = cli.command.run(&cli.global).unwrap_or_else(|failure| failure.report(&cli.global));
    ExitCode::from(exit.code())
}

/// Reads the arguments of one subcommand from a line, for its tests.
#[cfg(test)]
fn parse<A: clap::Args>(line: &str) -> std::result::Result<A, clap::Error> {
    #[derive(Debug, Parser)]
    struct Line<A: clap::Args> {
        #[command(flatten)]
        args: A,
    }
    Line::try_parse_from(line.split(' ')).map(|line| line.args)
}

#[cfg(test)]
mod tests {
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
    }
}
