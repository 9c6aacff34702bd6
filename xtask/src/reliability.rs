//! Makes the figures of docs/reliability.md: everything that the tests try a little of, at length.

use crate::{run, toolchain};
use anyhow::{Context, Result, bail};
use std::fmt::Write;
use std::fs;
use std::time::Instant;

const PAGE: &str = "docs/reliability.md";
/// Between these lines the figures stand.
const BEGIN: &str = "<!-- figures: made by `cargo xtask reliability` -->";
const END: &str = "<!-- end of figures -->";

/// What is tried at length: a test, what says how much, and what each of its lines ends with.
const TRIALS: [Trial; 5] = [
    Trial {
        about: "states that a power cut can leave",
        tests: "power::",
        variable: "RANGEPACK_STATES",
        amount: "1500",
        word: " states of ",
    },
    Trial {
        about: "calls that the system refused, or in which the process was killed",
        tests: "faults::",
        variable: "RANGEPACK_FAULTS",
        amount: "60",
        word: " faults, ",
    },
    Trial {
        about: "reads and writes that did a part of what was asked, in 50 runs each",
        tests: "short_calls::",
        variable: "RANGEPACK_RUNS",
        amount: "50",
        word: " shortened calls ",
    },
    Trial {
        about: "kills at random moments",
        tests: "kills::",
        variable: "RANGEPACK_KILLS",
        amount: "200",
        word: " kills of ",
    },
    Trial {
        about: "golden packs with a byte changed, or cut short",
        tests: "hostile::every_truncation",
        variable: "RANGEPACK_DAMAGE",
        amount: "4000",
        word: " changes of ",
    },
];

struct Trial {
    about: &'static str,
    tests: &'static str,
    variable: &'static str,
    amount: &'static str,
    word: &'static str,
}

/// What `cargo xtask reliability` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {}

/// Tries everything, and writes down what came of it.
pub(crate) fn run(_: &Arguments) -> Result<()> {
    toolchain::need_program("strace", "strace")?;
    let mut figures = String::from("| what | of which | how many |\n|---|---|---|\n");
    for trial in &TRIALS {
        let start = Instant::now();
        let mut test = run::cargo(["test", "--package", "rangepack-tests", "--locked"]);
        test.args(["--test", "end-to-end", trial.tests, "--", "--nocapture"])
            .env(trial.variable, trial.amount);
        let output = test.output().context("cannot run the tests")?;
        let text = String::from_utf8_lossy(&output.stdout);
        if !output.status.success() {
            bail!("{text}{}", String::from_utf8_lossy(&output.stderr));
        }
        let mut sum = 0;
        for line in text.lines().filter(|line| line.contains(trial.word)) {
            // What the test harness prints may stand before it.
            let line = line.rsplit(" ... ").next().unwrap_or(line);
            let (name, rest) = line.split_once(": ").context("a line without a name")?;
            let number: u64 = rest.split(' ').next().unwrap_or_default().parse()?;
            writeln!(figures, "| {} | {name} | {number} |", trial.about)?;
            sum += number;
        }
        writeln!(figures, "| {} | **all** | **{sum}** |", trial.about)?;
        println!("{}: {sum} in {:.0} s", trial.about, start.elapsed().as_secs_f64());
    }
    let page = fs::read_to_string(PAGE)?;
    let (before, rest) = page.split_once(BEGIN).context("no place for the figures")?;
    let (_, after) = rest.split_once(END).context("no end of the figures")?;
    fs::write(PAGE, format!("{before}{BEGIN}\n\n{figures}\n{END}{after}"))?;
    println!("the figures are in {PAGE}");
    Ok(())
}
