//! The `rangepack` command: what it accepts, and which file runs it.

#[cfg(feature = "archives")]
mod archive;
mod arguments;
mod compression;
mod console;
mod exit;
mod follow;
mod grown;
mod interrupt;
mod listing;
mod notes;
mod paths;
mod progress;
mod sources;
mod status;
mod summary;
mod usage;

mod pack;
mod create;
mod extract;
#[cfg(feature = "archives")]
mod export;
mod ls;
mod tree;
mod find;
mod du;
mod cat;
mod info;
mod verify;
mod diff;
mod finalize;
mod index;
#[cfg(feature = "archives")]
mod index_archives;
mod merge;
mod compact;
mod add;
mod remove;
mod sync;
mod log;
mod split;
mod recover;
#[cfg(all(feature = "mount", target_os = "linux"))]
mod mount;
#[cfg(feature = "serve")]
mod serve;
mod completions;
mod man;

#[cfg(test)]
mod snapshots;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
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
    #[cfg(feature = "archives")]
    Export(export::Args),
    Ls(ls::Args),
    Tree(tree::Args),
    Find(find::Args),
    Du(du::Args),
    Cat(cat::Args),
    Info(info::Args),
    Verify(verify::Args),
    Diff(diff::Args),
    Finalize(finalize::Args),
    Index(index::Args),
    Merge(merge::Args),
    Compact(compact::Args),
    Add(Box<add::Args>),
    Remove(remove::Args),
    Sync(Box<sync::Args>),
    Log(log::Args),
    Split(split::Args),
    Recover(recover::Args),
    #[cfg(all(feature = "mount", target_os = "linux"))]
    Mount(mount::Args),
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
            #[cfg(feature = "archives")]
            Command::Export(args) => export::run(args, global),
            Command::Ls(args) => ls::run(args, global),
            Command::Tree(args) => tree::run(args, global),
            Command::Find(args) => find::run(args, global),
            Command::Du(args) => du::run(args, global),
            Command::Cat(args) => cat::run(args, global),
            Command::Info(args) => info::run(args, global),
            Command::Verify(args) => verify::run(args, global),
            Command::Diff(args) => diff::run(args, global),
            Command::Finalize(args) => finalize::run(args, global),
            Command::Index(args) => index::run(args, global),
            Command::Merge(args) => merge::run(args, global),
            Command::Compact(args) => compact::run(args, global),
            Command::Add(args) => add::run(args, global),
            Command::Remove(args) => remove::run(args, global),
            Command::Sync(args) => sync::run(args, global),
            Command::Log(args) => log::run(args, global),
            Command::Split(args) => split::run(args, global),
            Command::Recover(args) => recover::run(args, global),
            #[cfg(all(feature = "mount", target_os = "linux"))]
            Command::Mount(args) => mount::run(args, global),
            #[cfg(feature = "serve")]
            Command::Serve(args) => serve::run(args, global),
            Command::Completions(args) => completions::run(args, global),
            Command::Man(args) => man::run(args, global),
        }
    }
}

/// Everything that the command line accepts, with its help.
fn command() -> clap::Command {
    Cli::command().mut_subcommands(|command| match command.get_after_long_help() {
        Some(text) => {
            let text = flowing(&text.to_string());
            command.after_long_help(text)
        }
        None => command,
    })
}

/// A text whose paragraphs are one line each, to be broken where the terminal ends: of lines that follow each other,
/// those at the margin belong together.
fn flowing(text: &str) -> String {
    let at_margin = |line: &str| !line.is_empty() && !line.starts_with(' ');
    let mut flowing = String::with_capacity(text.len());
    let mut before = "";
    for line in text.lines() {
        if !flowing.is_empty() {
            flowing.push(if at_margin(before) && at_margin(line) { ' ' } else { '\n' });
        }
        flowing.push_str(line);
        before = line;
    }
    flowing
}

/// Runs the command line of this process.
pub(crate) fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if let Some(error) = usage::misread(&arguments) {
        error.exit();
    }
    let parsed = command().try_get_matches_from(arguments);
    let cli = match parsed.and_then(|found| Cli::from_arg_matches(&found)) {
        Ok(cli) => cli,
        Err(_) if short_help() => return ExitCode::SUCCESS,
        Err(error) => usage::advised(error.format(&mut command())).exit(),
    };
    let exit = cli.command.run(&cli.global).unwrap_or_else(|failure| failure.report(&cli.global));
    ExitCode::from(exit.code())
}

/// `-h` alone is the short help also of those commands that know it as something else beside a pack; whether it was
/// asked for.
fn short_help() -> bool {
    let mut arguments = std::env::args_os().skip(1);
    let (name, flag) = (arguments.next().unwrap_or_default(), arguments.next());
    if flag.is_none_or(|flag| flag != "-h") || arguments.next().is_some() {
        return false;
    }
    let mut command = command();
    command.build();
    command.find_subcommand_mut(name).is_some_and(|command| command.print_help().is_ok())
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
    fn paragraphs_flow() {
        let text = "Examples:\n  a b\n  c\n\nOne\ntwo.\n\nWhat is where:\n  x";
        assert_eq!(
            super::flowing(text),
            "Examples:\n  a b\n  c\n\nOne two.\n\nWhat is where:\n  x"
        );
        for width in [80, 100] {
            for command in super::command().get_subcommands_mut() {
                let help = command.clone().term_width(width).render_long_help().to_string();
                let lines: Vec<_> = help.lines().collect();
                for pair in lines.windows(2).filter(|pair| pair.iter().all(|it| !it.is_empty())) {
                    let word = pair[1].split(' ').next().unwrap_or_default();
                    let is_list = pair[1].starts_with(' ') || pair[0].ends_with(':');
                    let room = pair[0].chars().count() + 1 + word.chars().count();
                    assert!(
                        is_list || room > width,
                        "{}: broken too early: {pair:?}",
                        command.get_name()
                    );
                }
            }
        }
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
