//! Runs the fuzz targets of tests/fuzz with cargo-fuzz.

use crate::outcome::Outcome;
use crate::{run, toolchain};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

/// The manifest of the fuzz targets, from the repository's root.
pub(crate) const MANIFEST: &str = "tests/fuzz/Cargo.toml";

const FOLDER: &str = "tests/fuzz";
/// Enough to notice a target that falls over at once; finding more is for `cargo xtask fuzz`.
const SMOKE_SECONDS: u64 = 3;

/// What `cargo xtask fuzz` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The target to run; all of them, one after the other, if not given
    target: Option<String>,
    /// How long to run each target
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
}

/// Runs one target, or all.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let mut targets = targets()?;
    if let Some(name) = &arguments.target {
        let names: Vec<_> = targets.iter().map(|target| target.name.clone()).collect();
        targets.retain(|target| target.name == *name);
        if targets.is_empty() {
            bail!("no fuzz target {name}; there are: {}", names.join(", "));
        }
    }
    if let Err(lack) = ready() {
        bail!("cannot fuzz here: {lack}");
    }
    targets.iter().try_for_each(|target| fuzz(target, arguments.seconds, Report::Full))
}

/// Builds every target and runs each for a few seconds.
pub(crate) fn smoke() -> Result<Outcome> {
    let targets = targets()?;
    if let Err(lack) = ready() {
        return Ok(Outcome::Skipped(lack));
    }
    // cargo-fuzz would mend a lock file that lags behind, and say nothing.
    run::quietly(&mut run::cargo([
        "tree",
        "--locked",
        "--depth",
        "0",
        "--manifest-path",
        MANIFEST,
    ]))?;
    // All that need no features at once, so that one is compiled while another is linked; with features those alone that need
    // them, for without a name all would be built again. Then as many run as there are processors.
    let built = run::target_folder()?.join("fuzz");
    run::run(&mut cargo_fuzz("build", &built, &[]))?;
    for target in targets.iter().filter(|target| !target.features.is_empty()) {
        run::run(cargo_fuzz("build", &built, &target.features).arg(&target.name))?;
    }
    let waiting = Mutex::new(targets.iter());
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || -> Result<()> {
        while let Some(target) = next() {
            fuzz(target, SMOKE_SECONDS, Report::Crashes)?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().expect("workers do not panic"))
    })?;
    Ok(Outcome::Passed)
}

/// Says what this machine lacks, after trying to install what can be.
fn ready() -> Result<(), String> {
    if !toolchain::has_nightly() {
        return Err("no nightly toolchain (`rustup toolchain install nightly`)".to_owned());
    }
    if run::succeeds(&mut run::cargo(["fuzz", "--version"])) {
        return Ok(());
    }
    println!("cargo-fuzz is missing");
    run::run(toolchain::in_haste(&mut run::cargo(["install", "cargo-fuzz", "--locked"])))
        .map_err(|error| format!("no cargo-fuzz: {error:#}"))
}

/// One of the manifest's `[[bin]]` tables.
#[derive(Debug, Deserialize)]
struct Target {
    name: String,
    /// Without which it is not built.
    #[serde(default, rename = "required-features")]
    features: Vec<String>,
}

/// The manifest's `[[bin]]` tables.
fn targets() -> Result<Vec<Target>> {
    #[derive(Deserialize)]
    struct Manifest {
        bin: Vec<Target>,
    }

    let text = fs::read_to_string(run::root().join(MANIFEST))
        .with_context(|| format!("cannot read {MANIFEST}"))?;
    let manifest: Manifest =
        toml::from_str(&text).with_context(|| format!("cannot use {MANIFEST}"))?;
    Ok(manifest.bin)
}

/// What libFuzzer tells of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Report {
    /// Each new input, with what it reached.
    Full,
    /// Nothing, unless the run fails.
    Crashes,
}

fn fuzz(target: &Target, seconds: u64, report: Report) -> Result<()> {
    let corpus = format!("{FOLDER}/corpus/{}", target.name);
    fs::create_dir_all(run::root().join(&corpus))
        .with_context(|| format!("cannot create {corpus}"))?;
    // libFuzzer adds new inputs to the first folder, the corpus; the seeds stay as they are.
    let mut inputs = vec![corpus];
    let seeds = format!("{FOLDER}/seeds/{}", target.name);
    if run::root().join(&seeds).is_dir() {
        inputs.push(seeds);
    }
    let built = run::target_folder()?.join("fuzz");
    let mut command = command(target, &built, &inputs, seconds, report);
    match report {
        Report::Full => run::run(&mut command),
        Report::Crashes => run::quietly(&mut command),
    }
}

/// `rustup run`, as the cargo that started this program is not rustup's and knows no `+nightly`.
fn cargo_fuzz(what: &str, built: &Path, features: &[String]) -> Command {
    let mut command = run::command("rustup", ["run", "nightly", "cargo", "fuzz", what]);
    command.args(["--fuzz-dir", FOLDER, "--target-dir"]).arg(built);
    if !features.is_empty() {
        command.arg("--features").arg(features.join(","));
    }
    command
}

fn command(
    target: &Target,
    built: &Path,
    inputs: &[String],
    seconds: u64,
    report: Report,
) -> Command {
    let mut command = cargo_fuzz("run", built, &target.features);
    command.arg(&target.name).args(inputs);
    command.args(["--", "-rss_limit_mb=2048", "-max_len=65536", "-timeout=10"]);
    command.arg(format!("-max_total_time={seconds}"));
    if !target.features.is_empty() {
        // Threads of the library end a moment after they were waited for, and what they still hold would count as lost.
        command.arg("-detect_leaks=0");
    }
    if report == Report::Crashes {
        command.arg("-verbosity=0");
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn names() -> impl Iterator<Item = String> {
        targets().unwrap().into_iter().map(|target| target.name)
    }

    #[test]
    fn every_target_has_its_file_and_every_file_its_target() {
        let names: BTreeSet<String> = names().collect();
        let files: BTreeSet<String> = fs::read_dir(run::root().join(FOLDER).join("targets"))
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, files);
    }

    #[test]
    fn seeds_belong_to_a_target() {
        let names: BTreeSet<String> = names().collect();
        for entry in fs::read_dir(run::root().join(FOLDER).join("seeds")).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(names.contains(&name), "no fuzz target for the seeds {name}");
        }
    }

    #[test]
    fn memory_and_time_are_bounded() {
        let inputs = ["corpus".to_owned(), "seeds".to_owned()];
        let target = Target { name: "path".to_owned(), features: vec!["library".to_owned()] };
        let command = command(&target, Path::new("built"), &inputs, 7, Report::Full);
        let line = run::shown(&command);
        assert!(line.contains(" --features library path corpus seeds -- "), "{line}");
        for bound in
            ["-rss_limit_mb=2048", "-max_len=65536", "-max_total_time=7", "-detect_leaks=0"]
        {
            assert!(line.contains(bound), "{line}");
        }
    }
}
