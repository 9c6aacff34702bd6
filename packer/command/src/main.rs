//! The command `rangepack`: arguments into options, outcomes into words and exit codes.

mod cli;
mod format;
mod record;
#[cfg(feature = "serve")]
mod serve;

fn main() -> std::process::ExitCode {
    cli::main()
}
