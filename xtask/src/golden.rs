//! Makes the golden and hostile files of the end-to-end tests anew.

use crate::run;
use anyhow::Result;

/// What `cargo xtask golden` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Change nothing; fail when a file differs from what would be made
    #[arg(long)]
    check: bool,
}

/// Makes them, or compares them.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut command = run::cargo([
        "run",
        "--quiet",
        "--locked",
        "--package",
        "rangepack-tests",
        "--bin",
        "golden",
        "--",
    ]);
    if arguments.check {
        command.arg("--check");
    }
    run::run(&mut command)
}
