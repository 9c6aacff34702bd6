//! Everything that CI runs, step by step.

use crate::outcome::Outcome;
use crate::{
    advisories, counts, fuzz, licences, node, page, python, run, servers, toolchain, wasm,
};
use anyhow::{Result, bail};
use std::fmt;
use std::time::Instant;

/// What `cargo xtask test` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run only this step (may be given several times)
    #[arg(long, value_name = "STEP", value_parser = STEPS.map(|step| step.name))]
    only: Vec<String>,
    /// List the steps and run none
    #[arg(long)]
    list: bool,
}

struct Step {
    name: &'static str,
    about: &'static str,
    run: fn() -> Result<Outcome>,
}

/// In the order in which mistakes are most common and cheapest to find.
const STEPS: [Step; 13] = [
    Step { name: "fmt", about: "the code is formatted", run: fmt },
    Step { name: "licences", about: "dependencies are those of deny.toml", run: licences::check },
    Step { name: "advisories", about: "no known vulnerabilities", run: advisories::check },
    Step { name: "clippy", about: "no warnings from the compiler or clippy", run: clippy },
    Step { name: "docs", about: "no warnings from rustdoc", run: docs },
    Step { name: "no-std", about: "reader-core builds without std", run: no_std },
    Step { name: "local", about: "library and command build without the network", run: local },
    Step { name: "windows", about: "library and command compile for Windows", run: windows },
    Step { name: "tests", about: "unit, end-to-end and documentation tests", run: tests },
    Step {
        name: "web",
        about: "the npm package in Node and Chromium and on nginx; Rust in Chromium",
        run: web,
    },
    Step { name: "counts", about: "work takes as many instructions as before", run: counts::check },
    Step { name: "python", about: "the Python package: style, types, tests", run: python::check },
    Step { name: "fuzz", about: "every fuzz target survives a few seconds", run: fuzz::smoke },
];

/// Runs the steps, stops at the first that fails, and sums up.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.list {
        for step in &STEPS {
            println!("{:<10}  {}", step.name, step.about);
        }
        return Ok(());
    }
    let wanted = |step: &&Step| {
        arguments.only.is_empty() || arguments.only.iter().any(|name| name == step.name)
    };

    let mut summary = Summary::default();
    let mut failure = None;
    for step in STEPS.iter().filter(wanted) {
        println!("\n== {}: {}", step.name, step.about);
        let start = Instant::now();
        let outcome = (step.run)();
        let seconds = start.elapsed().as_secs_f64();
        match outcome {
            Ok(Outcome::Passed) => println!("== {}: passed in {seconds:.1} s", step.name),
            Ok(Outcome::Skipped(ref reason)) => println!("== {}: SKIPPED: {reason}", step.name),
            Err(_) => println!("== {}: FAILED after {seconds:.1} s", step.name),
        }
        summary.add(step.name, seconds, &outcome);
        if let Err(error) = outcome {
            failure = Some((step.name, error));
            break;
        }
    }

    println!("\n{summary}");
    match failure {
        None => Ok(()),
        Some((name, error)) => {
            let again = format!("run it alone with `cargo xtask test --only {name}`");
            bail!("step {name}: {error:#}\n{again}")
        }
    }
}

/// What became of the steps.
#[derive(Default)]
struct Summary {
    lines: Vec<String>,
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Summary {
    fn add(&mut self, name: &str, seconds: f64, outcome: &Result<Outcome>) {
        let (count, word) = match outcome {
            Ok(Outcome::Passed) => (&mut self.passed, "passed"),
            Ok(Outcome::Skipped(_)) => (&mut self.skipped, "skipped"),
            Err(_) => (&mut self.failed, "FAILED"),
        };
        *count += 1;
        let mut line = format!("{name:<10}  {word:<7}  {seconds:>6.1} s");
        if let Ok(Outcome::Skipped(reason)) = outcome {
            line.push_str(&format!("  {reason}"));
        }
        self.lines.push(line);
    }
}

/// The last line stands alone and has one fixed form, for programs that read it.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        write!(f, "\nsteps: {} passed, {} failed", self.passed, self.failed)?;
        if self.skipped > 0 {
            write!(f, ", {} skipped", self.skipped)?;
        }
        Ok(())
    }
}

fn fmt() -> Result<Outcome> {
    toolchain::need_component("rustfmt", "fmt")?;
    run::run(&mut run::cargo(["fmt", "--all", "--check"]))?;
    // A workspace of its own, so `--all` passes it by.
    run::run(&mut run::cargo(["fmt", "--check", "--manifest-path", fuzz::MANIFEST]))?;
    Ok(Outcome::Passed)
}

fn clippy() -> Result<Outcome> {
    toolchain::need_component("clippy", "clippy")?;
    let arguments = ["--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    run::run(run::cargo(["clippy"]).args(arguments))?;
    Ok(Outcome::Passed)
}

fn docs() -> Result<Outcome> {
    let arguments = ["doc", "--workspace", "--no-deps", "--locked"];
    run::run(run::cargo(arguments).env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Outcome::Passed)
}

/// A build for a processor without an operating system is the honest proof of `no_std`.
fn no_std() -> Result<Outcome> {
    const TARGET: &str = "thumbv7em-none-eabi";
    toolchain::need_target(TARGET)?;
    let arguments = ["build", "--package", "rangepack-core", "--target", TARGET, "--locked"];
    run::run(&mut run::cargo(arguments))?;
    Ok(Outcome::Passed)
}

fn windows() -> Result<Outcome> {
    const TARGET: &str = "x86_64-pc-windows-gnu";
    toolchain::need_target(TARGET)?;
    let packages = ["check", "--package", "rangepack", "--package", "rangepack-cli"];
    let mut check = run::cargo(packages);
    check.args(["--target", TARGET, "--locked"]);
    if !run::succeeds(&mut run::command("x86_64-w64-mingw32-gcc", ["--version"])) {
        // A dependency compiles some C on the way. Nothing is linked when code is only checked, so
        // the compiler of this machine does as well as one for Windows.
        check.env("CC_x86_64_pc_windows_gnu", "cc").env("AR_x86_64_pc_windows_gnu", "ar");
    }
    run::run(&mut check)?;
    Ok(Outcome::Passed)
}

/// What is left without the network must not warn, either.
fn local() -> Result<Outcome> {
    for package in ["rangepack", "rangepack-cli"] {
        let arguments = ["clippy", "--package", package, "--no-default-features", "--locked"];
        run::run(run::cargo(arguments).args(["--", "-D", "warnings"]))?;
    }
    Ok(Outcome::Passed)
}

fn tests() -> Result<Outcome> {
    servers::need()?;
    if let Err(error) = toolchain::need_program("strace", "strace") {
        println!("{error:#}: power cuts and faults will not be tried");
    }
    run::run(&mut run::cargo(["test", "--workspace", "--locked"]))?;
    Ok(Outcome::Passed)
}

/// The tests make their large packs with the command, so that is built first: as the tests before
/// build it, since the same with other features would take minutes.
fn web() -> Result<Outcome> {
    toolchain::need_program("chromium", "chromium")?;
    toolchain::need_program("nginx", "nginx-light")?;
    wasm::run(&wasm::Arguments {})?;
    if let Err(error) = node::install_tools() {
        println!("{error:#}: bundlers, Deno, Bun and Cloudflare's workers will not be tried");
    }
    run::run(&mut run::cargo(["test", "--workspace", "--locked", "--no-run", "--quiet"]))?;
    run::run(&mut node::npm(["run", "check"]))?;
    run::run(node::npm(["test"]).env("RANGEPACK", run::built_command()?))?;
    page::test()?;
    Ok(Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_ends_on_its_counts() {
        let mut summary = Summary::default();
        summary.add("fmt", 1.25, &Ok(Outcome::Passed));
        summary.add("docs", 61.0, &Ok(Outcome::Passed));
        assert_eq!(summary.to_string().lines().last(), Some("steps: 2 passed, 0 failed"));

        summary.add("fuzz", 0.0, &Ok(Outcome::Skipped("no nightly".to_owned())));
        summary.add("tests", 9.0, &Err(anyhow::anyhow!("no")));
        let text = summary.to_string();
        assert_eq!(text.lines().last(), Some("steps: 2 passed, 1 failed, 1 skipped"));
        assert!(text.contains("\ndocs        passed     61.0 s\n"), "{text}");
        assert!(text.contains("\nfuzz        skipped     0.0 s  no nightly\n"), "{text}");
    }

    #[test]
    fn steps_are_named_once() {
        let mut names = STEPS.map(|step| step.name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
