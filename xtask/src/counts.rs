//! A guard of speed that no load of the machine disturbs: how many instructions small pieces of work take, counted by
//! valgrind and compared with those in `bench/counts.toml`.
//!
//! valgrind shows every program the same processor (without the SHA extensions, and nothing newer than AVX2), so the counts are the same on
//! all that have AVX2. What differs are compilers and the C library: with those that the file names, 5 % is the most; with
//! others, what is left is a guard against work that doubles.

use crate::outcome::Outcome;
use crate::{run, toolchain};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

const FIGURES: &str = "bench/counts.toml";
const RENEW: &str = "cargo xtask bench --counts";
/// How far a count may be off, of what stands there.
const SAME: f64 = 0.05;
const OTHER: f64 = 0.30;

/// What `bench/src/bin/counts.rs` does.
const WORK: [&str; 10] = [
    "pack",
    "pack-gzip",
    "pack-zstd",
    "open",
    "look-up",
    "list",
    "verify",
    "extract",
    "decode-gzip",
    "decode-zstd",
];

#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Figures {
    /// Everything that makes counts differ, as it says its version.
    made_by: Vec<String>,
    instructions: BTreeMap<String, u64>,
}

/// Compares, as a step of the tests.
pub(crate) fn check() -> Result<Outcome> {
    if let Some(reason) = cannot() {
        return Ok(Outcome::Skipped(reason));
    }
    let figures: Figures = toml::from_str(&fs::read_to_string(run::root().join(FIGURES))?)?;
    let found = Figures { made_by: made_by(), instructions: count()? };
    let tolerance = if found.made_by == figures.made_by { SAME } else { OTHER };
    if tolerance == OTHER {
        println!("the figures were made by {}", figures.made_by.join(", "));
        println!("and these counts by {}", found.made_by.join(", "));
    }
    let wrong = compare(&figures.instructions, &found.instructions, tolerance);
    if wrong.is_empty() {
        return Ok(Outcome::Passed);
    }
    bail!("{}\nif that is meant, or these are fewer: `{RENEW}` renews {FIGURES}", wrong.join("\n"))
}

/// Counts anew, and writes down what comes of it.
pub(crate) fn renew() -> Result<()> {
    if let Some(reason) = cannot() {
        bail!(reason);
    }
    let mut text = format!(
        "# Instructions that each piece of work in src/bin/counts.rs takes. `cargo xtask test --only counts` compares them: 5 %\n\
         # more or less fail, or 30 % when anything named here has another version. `{RENEW}` renews them.\n\
         made_by = {:?}\n\n[instructions]\n",
        made_by()
    );
    for (name, count) in count()? {
        let _ = writeln!(text, "{name} = {count}");
    }
    fs::write(run::root().join(FIGURES), text)?;
    println!("the counts are in {FIGURES}");
    Ok(())
}

/// Why nothing can be counted here.
fn cannot() -> Option<String> {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return Some("instructions are those of x86-64 on Linux".to_owned());
    }
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    if !processor.split_whitespace().any(|flag| flag == "avx2") {
        return Some("the counts are of processors with AVX2".to_owned());
    }
    toolchain::need_program("valgrind", "valgrind").err().map(|error| format!("{error:#}"))
}

/// Compilers, the C library, and who counts.
fn made_by() -> Vec<String> {
    let say = [
        ("rustc", "--version"),
        ("cc", "--version"),
        ("ldd", "--version"),
        ("valgrind", "--version"),
    ];
    let first = |(program, argument): (&str, &str)| {
        let said = run::output(&mut run::command(program, [argument])).unwrap_or_default();
        said.lines().next().unwrap_or_default().to_owned()
    };
    say.map(first).into()
}

/// Builds the work and counts it, each in a process of its own.
fn count() -> Result<BTreeMap<String, u64>> {
    let build =
        ["build", "--release", "--locked", "--package", "rangepack-bench", "--bin", "counts"];
    run::run(&mut run::cargo(build))?;
    let target = run::target_folder()?;
    let (program, home) = (target.join("release/counts"), target.join("counts"));
    if home.exists() {
        fs::remove_dir_all(&home)?;
    }
    fs::create_dir_all(&home)?;
    run::run(run::command(&program, ["prepare"]).arg(&home))?;
    let mut counts = BTreeMap::new();
    for name in WORK {
        let instructions = instructions(&program, name, &home)?;
        println!("{name:<12} {instructions:>12} instructions");
        counts.insert(name.to_owned(), instructions);
    }
    fs::remove_dir_all(&home)?;
    Ok(counts)
}

fn instructions(program: &Path, name: &str, home: &Path) -> Result<u64> {
    let counting = ["--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null"];
    let mut command = run::command("valgrind", counting);
    let output = command.arg(program).arg(name).arg(home).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("`{}` failed ({}): {said}", run::shown(&command), output.status);
    }
    said_count(&said).with_context(|| format!("valgrind said something else: {said}"))
}

/// From a line such as `==42== I   refs:      1,234,567`.
fn said_count(said: &str) -> Option<u64> {
    let (_, count) = said.lines().find(|line| line.contains("refs:"))?.split_once("refs:")?;
    count.trim().replace(',', "").parse().ok()
}

/// What is too far off, in words.
fn compare(
    figures: &BTreeMap<String, u64>,
    found: &BTreeMap<String, u64>,
    tolerance: f64,
) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, &found) in found {
        let Some(&figure) = figures.get(name) else {
            wrong.push(format!("{name} has no figure"));
            continue;
        };
        let change = found as f64 / figure as f64 - 1.0;
        if change.abs() > tolerance {
            let percent = change * 100.0;
            wrong.push(format!("{name} takes {found} instructions, {percent:+.1} % of {figure}"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_valgrind_says_is_understood() {
        let said = "==7== Cachegrind\n==7== \n==7== I   refs:      1,234,567\n";
        assert_eq!(said_count(said), Some(1_234_567));
        assert_eq!(said_count("==7== I refs:        42"), Some(42));
        assert_eq!(said_count("no such program"), None);
    }

    #[test]
    fn more_and_fewer_are_told_beyond_the_tolerance() {
        let counts = |of: &[(&str, u64)]| -> BTreeMap<String, u64> {
            of.iter().map(|&(name, count)| (name.to_owned(), count)).collect()
        };
        let figures = counts(&[("list", 1000), ("open", 1000), ("pack", 1000)]);
        let found = counts(&[("list", 1049), ("new", 1), ("open", 1060), ("pack", 900)]);
        let wrong = compare(&figures, &found, SAME);
        assert_eq!(wrong.len(), 3, "{wrong:?}");
        assert_eq!(wrong[0], "new has no figure");
        assert_eq!(wrong[1], "open takes 1060 instructions, +6.0 % of 1000");
        assert!(wrong[2].contains("-10.0 %"));
        assert_eq!(compare(&figures, &found, OTHER).len(), 1);
    }

    #[test]
    fn every_piece_of_work_has_its_figure() {
        let text = fs::read_to_string(run::root().join(FIGURES)).unwrap();
        let figures: Figures = toml::from_str(&text).unwrap();
        let mut names = WORK.map(str::to_owned);
        names.sort();
        assert!(figures.instructions.keys().eq(&names), "{figures:?}");
    }
}
