//! Times what Rangepack does beside other programs, in turn, and makes docs/performance.md of it.
//!
//! One module for each scenario in `scenarios`; beneath them what they share.

mod scenarios;
mod corpora;
mod peers;
mod server;
mod measure;
mod results;
mod bounds;
mod page;
mod chart;

use crate::{counts, run};
use anyhow::{Context as _, Result, bail};
use corpora::Corpora;
use peers::Peers;
use results::{Circumstances, Section};
use scenarios::SCENARIOS;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What `cargo xtask bench` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Which sections of docs/performance.md to measure anew [default: all]
    #[arg(value_parser = SCENARIOS.map(|scenario| scenario.name))]
    names: Vec<String>,
    /// Say what each of them measures, and measure nothing
    #[arg(long)]
    list: bool,
    /// How many rounds count
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// A twentieth of the files, to try the scenarios: prints, and leaves the page alone
    #[arg(long)]
    quick: bool,
    /// Millions of files as well: takes 10 GB of disk and an hour
    #[arg(long, conflicts_with = "quick")]
    large: bool,
    /// Make the page anew of what was measured last
    #[arg(long, conflicts_with_all = ["quick", "large", "names"])]
    page: bool,
    /// Count the instructions of small pieces of work anew, which the step `counts` of the tests compares
    #[arg(long, conflicts_with_all = ["quick", "large", "names", "page"])]
    counts: bool,
}

/// What every scenario needs.
struct Bench {
    /// The command.
    program: PathBuf,
    /// Where the programs of the crate `rangepack-bench` are.
    programs: PathBuf,
    /// Where packs and other results go; what a scenario leaves there is removed.
    scratch: PathBuf,
    /// The same in memory, where the system has such a place.
    memory: PathBuf,
    /// What stays for the next time.
    home: PathBuf,
    corpora: Corpora,
    peers: Peers,
    rounds: usize,
    quick: bool,
    large: bool,
}

/// Measures, keeps what came of it, and makes the page.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.list {
        for scenario in &SCENARIOS {
            println!("{:<9} {}", scenario.name, scenario.title);
        }
        return Ok(());
    }
    if arguments.counts {
        return counts::renew();
    }
    let home = run::target_folder()?.join("bench");
    let file = |name: &str| home.join("results").join(format!("{name}.json"));
    if !arguments.page {
        let bench = Bench::new(home.clone(), arguments)?;
        let circumstances = bench.circumstances()?;
        for scenario in &SCENARIOS {
            let name = scenario.name;
            if !arguments.names.is_empty() && !arguments.names.iter().any(|asked| asked == name) {
                continue;
            }
            println!("\n== {name}: {}", scenario.title);
            let start = Instant::now();
            bench.clear()?;
            let section = (scenario.run)(&bench);
            bench.clear()?;
            let mut section = section.with_context(|| format!("scenario {name}"))?;
            section.circumstances = circumstances.clone();
            println!("== {name}: {:.0} s", start.elapsed().as_secs_f64());
            if !arguments.quick {
                section.keep(&file(name))?;
            }
        }
    }
    if arguments.quick {
        return Ok(());
    }
    let mut sections = Vec::new();
    for scenario in &SCENARIOS {
        if let Some(section) = Section::kept(&file(scenario.name))? {
            sections.push((scenario.name, scenario.title, section));
        }
    }
    if sections.is_empty() {
        bail!("nothing was measured yet");
    }
    if !arguments.names.is_empty() && sections.len() < SCENARIOS.len() {
        println!(
            "\ndocs/performance.md stays as it is: it would lose the sections that were not measured on this machine; \
             `--page` makes it all the same"
        );
        return Ok(());
    }
    page::write(&sections)
}

impl Bench {
    /// Builds what is timed, and brings what it is timed beside.
    fn new(home: PathBuf, arguments: &Arguments) -> Result<Bench> {
        let peers = Peers::need();
        // One after the other: the command is to be as it is installed.
        let command = ["build", "--release", "--locked", "--package", "rangepack-cli"];
        run::run(&mut run::cargo(command))?;
        let programs = ["build", "--release", "--locked", "--package", "rangepack-bench", "--bins"];
        run::run(run::cargo(programs).args(["--features", "lmdb,ring"]))?;
        let programs = run::target_folder()?.join("release");
        let memory = Path::new("/dev/shm");
        let memory =
            if memory.is_dir() { memory.join("rangepack-bench") } else { home.join("memory") };
        Ok(Bench {
            program: programs.join("rangepack"),
            programs,
            scratch: home.join("scratch"),
            memory,
            corpora: Corpora::new(home.join("corpora"), arguments.quick),
            home,
            peers,
            rounds: if arguments.quick { 1 } else { arguments.rounds },
            quick: arguments.quick,
            large: arguments.large,
        })
    }

    fn circumstances(&self) -> Result<Circumstances> {
        let (quick, large) = (self.quick, self.large);
        let size = if quick {
            "a twentieth of the files, "
        } else if large {
            "with millions of files, "
        } else {
            ""
        };
        let mut versions = vec![run::output(&mut run::command("rustc", ["--version"]))?];
        versions.extend(self.peers.versions.iter().cloned());
        Ok(Circumstances {
            date: run::output(&mut run::command("date", ["-u", "+%Y-%m-%d"]))?,
            machine: peers::machine()?,
            size: format!("{size}rounds that count: {}", self.rounds),
            versions,
        })
    }

    /// Empties the folders for what is made.
    fn clear(&self) -> Result<()> {
        for folder in [&self.scratch, &self.memory] {
            measure::remove(folder)?;
            fs::create_dir_all(folder)?;
        }
        Ok(())
    }

    /// The command with arguments, which says nothing.
    fn rangepack(&self, arguments: &[&dyn AsRef<OsStr>]) -> Command {
        let mut command = run::command(&self.program, [""; 0]);
        command.args(arguments.iter().map(AsRef::as_ref));
        command
    }

    /// `rangepack pack -q`, with more to come.
    fn pack(&self, tree: &Path, pack: &Path) -> Command {
        self.rangepack(&[&"pack", &"-q", &tree, &pack])
    }

    /// A program of the crate `rangepack-bench`.
    fn own(&self, program: &str, arguments: &[&dyn AsRef<OsStr>]) -> Command {
        let mut command = run::command(self.programs.join(program), [""; 0]);
        command.args(arguments.iter().map(AsRef::as_ref));
        command
    }

    /// How many files the word `count` stands for in this run.
    fn scaled(&self, count: u64) -> u64 {
        if self.quick { count / 20 } else { count }
    }
}
