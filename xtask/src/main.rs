//! Everything a developer runs: `cargo xtask test | demo | golden | wasm | page | viewer | python |
//! package | screenshots | fuzz | reliability | bench`.
//!
//! One module per command, and beneath them what they share: [`run`] starts commands and
//! [`toolchain`] brings what a toolchain lacks.

mod test;
mod licences;
mod notices;
mod outcome;
mod advisories;
mod demo;
mod sample;
mod golden;
mod wasm;
mod page;
mod viewer;
mod python;
mod screenshots;
mod package;
mod fuzz;
mod reliability;
mod bench;
mod counts;
mod toolchain;
mod node;
mod run;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Everything a developer of Rangepack runs.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run everything that CI runs, and stop at the first failure
    Test(test::Arguments),
    /// Pack a sample tree, read it back, and show it in the viewer
    Demo(demo::Arguments),
    /// Make the golden and hostile files of the tests anew
    Golden(golden::Arguments),
    /// Build the WebAssembly reader into the npm package and check its size
    Wasm(wasm::Arguments),
    /// Build the example of a page in Rust (examples/web) into target/page
    Page(page::Arguments),
    /// Build the viewer, which release builds of the command embed
    Viewer(wasm::Arguments),
    /// Build the Python package, check and test it; with --wheel, make what is published
    Python(python::Arguments),
    /// Make everything that is published, into target/package
    Package(package::Arguments),
    /// Take the pictures of the viewer in docs/, in both themes and two sizes
    Screenshots(screenshots::Arguments),
    /// Run the fuzz targets of tests/fuzz (needs a nightly toolchain)
    Fuzz(fuzz::Arguments),
    /// Try power cuts, faults, kills and damage at length, and write the figures into docs/reliability.md
    Reliability(reliability::Arguments),
    /// Time everything beside other programs, in turn, and write docs/performance.md
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Test(arguments) => test::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Golden(arguments) => golden::run(&arguments),
        Command::Wasm(arguments) => wasm::run(&arguments),
        Command::Page(arguments) => page::run(&arguments),
        Command::Viewer(arguments) => viewer::run(&arguments),
        Command::Python(arguments) => python::run(&arguments),
        Command::Package(arguments) => package::run(&arguments),
        Command::Screenshots(arguments) => screenshots::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Reliability(arguments) => reliability::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        super::Arguments::command().debug_assert();
    }
}
