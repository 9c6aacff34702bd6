//! Everything that CI runs, step by step.

mod lane;

use self::lane::Lane;
use crate::outcome::Outcome;
use crate::{
    advisories, counts, fuzz, licences, node, package, page, python, run, toolchain, wasm,
};
use anyhow::{Result, bail};
use std::fmt;
use std::thread;
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

#[derive(Clone, Copy)]
struct Step {
    name: &'static str,
    about: &'static str,
    run: fn() -> Result<Outcome>,
}

/// In the order in which mistakes are most common and cheapest to find.
const STEPS: [Step; 14] = [
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
        about: "the npm package in Node and Chromium and on nginx; the viewer in Firefox, too; Rust in Chromium",
        run: web,
    },
    Step {
        name: "package",
        about: "what is published can be made, and each does in a clean place",
        run: package::check,
    },
    Step { name: "counts", about: "work takes as many instructions as before", run: counts::check },
    Step { name: "python", about: "the Python package: style, types, tests", run: python::check },
    Step { name: "fuzz", about: "every fuzz target survives a few seconds", run: fuzz::smoke },
];

/// This one waits for browsers more than it computes.
const WAITS: &str = "web";

/// These, which compute and wait for nobody, run beside it.
const BESIDE: [&str; 1] = ["fuzz"];

/// Runs the steps, stops at the first that fails, and sums up.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.list {
        for step in &STEPS {
            println!("{:<10}  {}", step.name, step.about);
        }
        return Ok(());
    }
    let wanted = |step: &Step| {
        arguments.only.is_empty() || arguments.only.iter().any(|name| name == step.name)
    };
    let (beside, alone): (Vec<Step>, Vec<Step>) =
        STEPS.into_iter().filter(wanted).partition(|step| BESIDE.contains(&step.name));

    let (mut summary, mut beside, mut is_good) = (Summary::default(), Some(beside), true);
    for step in alone {
        let lane = beside.take_if(|_| step.name == WAITS).map(Lane::start);
        is_good = summary.add(Done::now(step));
        if let Some(lane) = lane {
            lane.end(is_good).into_iter().for_each(|done| is_good &= summary.add(done));
        }
        if !is_good {
            break;
        }
    }
    if is_good {
        beside.into_iter().flatten().all(|step| summary.add(Done::now(step)));
    }

    println!("\n{summary}");
    match summary.failure {
        None => Ok(()),
        Some((name, error)) => {
            let again = format!("run it alone with `cargo xtask test --only {name}`");
            bail!("step {name}: {error:#}\n{again}")
        }
    }
}

/// A step that was run.
struct Done {
    name: &'static str,
    seconds: f64,
    outcome: Result<Outcome>,
}

impl Done {
    fn now(step: Step) -> Done {
        let name = step.name;
        println!("\n== {name}: {}", step.about);
        let start = Instant::now();
        let outcome = (step.run)();
        let seconds = start.elapsed().as_secs_f64();
        match outcome {
            Ok(Outcome::Passed) => println!("== {name}: passed in {seconds:.1} s"),
            Ok(Outcome::Skipped(ref reason)) => println!("== {name}: SKIPPED: {reason}"),
            Err(_) => println!("== {name}: FAILED after {seconds:.1} s"),
        }
        Done { name, seconds, outcome }
    }
}

/// What became of the steps.
#[derive(Default)]
struct Summary {
    lines: Vec<String>,
    passed: usize,
    failed: usize,
    skipped: usize,
    /// The first.
    failure: Option<(&'static str, anyhow::Error)>,
}

impl Summary {
    /// Whether the step did not fail.
    fn add(&mut self, Done { name, seconds, outcome }: Done) -> bool {
        let (count, word) = match &outcome {
            Ok(Outcome::Passed) => (&mut self.passed, "passed"),
            Ok(Outcome::Skipped(_)) => (&mut self.skipped, "skipped"),
            Err(_) => (&mut self.failed, "FAILED"),
        };
        *count += 1;
        let mut line = format!("{name:<10}  {word:<7}  {seconds:>6.1} s");
        if let Ok(Outcome::Skipped(reason)) = &outcome {
            line.push_str(&format!("  {reason}"));
        }
        self.lines.push(line);
        let is_good = outcome.is_ok();
        if let Err(error) = outcome {
            self.failure.get_or_insert((name, error));
        }
        is_good
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
    // Nothing is linked when code is only checked: what C the dependencies bring need not be good.
    check.env("CFLAGS_x86_64_pc_windows_gnu", "-O0");
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

/// Brings a program, from Debian's `package`, or says what comes of its lack.
fn want(program: &str, package: &str, without: &str) {
    if let Err(error) = toolchain::need_program(program, package) {
        println!("{error:#}: {without}");
    }
}

fn tests() -> Result<Outcome> {
    want("nginx", "nginx-light", "its test will be skipped");
    want("strace", "strace", "power cuts and faults will not be tried");
    if cfg!(target_os = "linux") {
        want("fusermount3", "fuse3", "mounts will be skipped");
    }
    // They wait for the disk and for programs that they start a third of the time.
    let threads = thread::available_parallelism().map_or(1, usize::from).saturating_mul(2);
    let mut test = run::cargo(["test", "--workspace", "--locked"]);
    run::run(test.env("RUST_TEST_THREADS", threads.to_string()))?;
    Ok(Outcome::Passed)
}

fn web() -> Result<Outcome> {
    toolchain::need_program("chromium", "chromium")?;
    // The engine without windows opens a page in a tenth of the time; not every system has it apart.
    let whole = "pages are opened in whole browsers, which takes longer";
    want("chromium-headless-shell", "chromium-headless-shell", whole);
    toolchain::need_program("nginx", "nginx-light")?;
    want("firefox-esr", "firefox-esr", "the viewer will not be tried in Firefox");
    wasm::run(&wasm::Arguments::default())?;
    if let Err(error) = node::install_tools() {
        println!("{error:#}: bundlers, Deno, Bun and Cloudflare's workers will not be tried");
    }
    run::run(&mut node::npm(["run", "check"]))?;
    // Both wait for browsers and servers more than they compute.
    let command = run::built_command()?;
    let [mut reader, mut viewer] =
        ["reader", "viewer"].map(|name| node::npm(["test", "--workspace", name]));
    run::both(reader.env("RANGEPACK", &command), viewer.env("RANGEPACK", &command))?;
    page::test(&command)?;
    Ok(Outcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_ends_on_its_counts() {
        let mut summary = Summary::default();
        let done = |name, seconds, outcome| Done { name, seconds, outcome };
        assert!(summary.add(done("fmt", 1.25, Ok(Outcome::Passed))));
        assert!(summary.add(done("docs", 61.0, Ok(Outcome::Passed))));
        assert_eq!(summary.to_string().lines().last(), Some("steps: 2 passed, 0 failed"));

        assert!(summary.add(done("fuzz", 0.0, Ok(Outcome::Skipped("no nightly".to_owned())))));
        assert!(!summary.add(done("tests", 9.0, Err(anyhow::anyhow!("no")))));
        assert_eq!(summary.failure.as_ref().map(|(name, _)| *name), Some("tests"));
        let text = summary.to_string();
        assert_eq!(text.lines().last(), Some("steps: 2 passed, 1 failed, 1 skipped"));
        assert!(text.contains("\ndocs        passed     61.0 s\n"), "{text}");
        assert!(text.contains("\nfuzz        skipped     0.0 s  no nightly\n"), "{text}");
    }

    #[test]
    fn what_runs_beside_another_step_is_one() {
        let is_step = |name: &&str| STEPS.iter().any(|step| step.name == *name);
        assert!(is_step(&WAITS) && BESIDE.iter().all(is_step) && !BESIDE.contains(&WAITS));
    }

    #[test]
    fn steps_are_named_once() {
        let mut names = STEPS.map(|step| step.name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
