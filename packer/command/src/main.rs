//! The command `rangepack`: arguments into options, outcomes into words and exit codes.

mod cli;
mod format;
#[cfg(all(feature = "mount", target_os = "linux"))]
mod mount;
mod record;
#[cfg(feature = "serve")]
mod serve;

fn main() -> std::process::ExitCode {
    cli::main()
}
