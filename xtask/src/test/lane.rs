//! Steps that run beside another one, in processes of their own: what they say is shown when that has ended.

use super::{Done, Step};
use crate::outcome::Outcome;
use crate::run;
use anyhow::{Context, Result, anyhow};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Many times what a step takes on a busy machine. Without it one that hangs would keep what it said to itself.
const LIMIT: Duration = Duration::from_secs(40 * 60);

/// Steps that run one after the other, beside what this thread does.
pub(super) struct Lane {
    runs: JoinHandle<Vec<Ended>>,
    /// No other step is to begin.
    stop: Arc<AtomicBool>,
}

/// A step that was run, and what it said.
struct Ended {
    done: Done,
    said: String,
}

impl Lane {
    pub(super) fn start(steps: Vec<Step>) -> Lane {
        if !steps.is_empty() {
            let names: Vec<_> = steps.iter().map(|step| step.name).collect();
            println!(
                "\n== beside what follows: {}; what they say comes after it",
                names.join(", ")
            );
        }
        let stop = Arc::new(AtomicBool::new(false));
        let is_over = Arc::clone(&stop);
        let runs = thread::spawn(move || {
            let mut ended = Vec::new();
            for step in steps {
                if is_over.load(Ordering::Relaxed) {
                    break;
                }
                let last = run_apart(step);
                let is_good = last.done.outcome.is_ok();
                ended.push(last);
                if !is_good {
                    break;
                }
            }
            ended
        });
        Lane { runs, stop }
    }

    /// Waits, with all of its steps only if `is_good` so far, and shows what they said.
    pub(super) fn end(self, is_good: bool) -> Vec<Done> {
        self.stop.store(!is_good, Ordering::Relaxed);
        let ended = self.runs.join().expect("steps do not panic");
        let show = |Ended { done, said }| {
            print!("{said}");
            done
        };
        ended.into_iter().map(show).collect()
    }
}

fn run_apart(step: Step) -> Ended {
    let start = Instant::now();
    let (said, outcome) = match output(step.name) {
        Ok((said, is_good)) => divided(&said, step.name, is_good),
        Err(error) => (String::new(), Err(error)),
    };
    Ended { done: Done { name: step.name, seconds: start.elapsed().as_secs_f64(), outcome }, said }
}

/// What the step says when this program runs it alone, and whether it was good.
fn output(name: &str) -> Result<(String, bool)> {
    let log = run::target_folder()?.join(format!("{name}.log"));
    let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut command = Command::new(this_program()?);
    command.args(["test", "--only", name]).stdout(file.try_clone()?).stderr(file);
    let child = command.spawn().context("cannot start the step")?;
    let status = ended(child, LIMIT)?;
    let mut said = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if status.is_none() {
        said.push_str(&format!("\n== {name}: FAILED\nit was stopped after {LIMIT:?}"));
    }
    Ok((said, status.is_some_and(|status| status.success())))
}

/// How the process ended; `None` where it had to be killed.
fn ended(mut child: Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let start = Instant::now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(Duration::from_millis(100));
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// The tests build it anew, and this one is gone then; but Linux starts it still.
fn this_program() -> Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { Ok(std::env::current_exe()?) }
}

/// What the step said up to its last line of its own, and what became of it.
fn divided(said: &str, name: &str, is_good: bool) -> (String, Result<Outcome>) {
    let verdict = format!("\n== {name}: ");
    let (before, after) = said.rsplit_once(&verdict).unwrap_or((said, ""));
    let (last, summary) = after.split_once('\n').unwrap_or((after, ""));
    let outcome = match last.strip_prefix("SKIPPED: ") {
        _ if !is_good => {
            let error = summary.rsplit_once("xtask: step ").map_or(summary, |(_, error)| error);
            let error = error.trim_start_matches(name).trim_start_matches(": ");
            Err(anyhow!(
                "{}",
                error.rsplit_once("\nrun it alone").map_or(error, |(error, _)| error)
            ))
        }
        Some(reason) => Ok(Outcome::Skipped(reason.to_owned())),
        None => Ok(Outcome::Passed),
    };
    (format!("{before}{verdict}{last}\n"), outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_step_said_is_told_from_how_it_ended() {
        let said = |verdict: &str, rest: &str| {
            format!(
                "\n== fuzz: all\n$ cargo\n== fuzz: {verdict}\n\nfuzz  1.0 s\n\nsteps: 1\n{rest}"
            )
        };
        let (shown, outcome) = divided(&said("passed in 1.0 s", ""), "fuzz", true);
        assert_eq!(shown, "\n== fuzz: all\n$ cargo\n== fuzz: passed in 1.0 s\n");
        assert_eq!(outcome.unwrap(), Outcome::Passed);

        let (_, outcome) = divided(&said("SKIPPED: no nightly", ""), "fuzz", true);
        assert_eq!(outcome.unwrap(), Outcome::Skipped("no nightly".to_owned()));

        let rest = "xtask: step fuzz: `cargo` failed:\nbecause\nrun it alone with `x`\n";
        let (shown, outcome) = divided(&said("FAILED after 1.0 s", rest), "fuzz", false);
        assert!(shown.ends_with("$ cargo\n== fuzz: FAILED after 1.0 s\n"), "{shown}");
        assert_eq!(outcome.unwrap_err().to_string(), "`cargo` failed:\nbecause");

        assert!(divided("killed", "fuzz", false).1.is_err());
        let (_, outcome) = divided("\n== fuzz: all\n\n== fuzz: FAILED\nlate", "fuzz", false);
        assert_eq!(outcome.unwrap_err().to_string(), "late");
    }

    #[test]
    fn a_step_that_hangs_is_stopped() {
        let sleep = |seconds: &str| Command::new("sleep").arg(seconds).spawn().unwrap();
        assert!(ended(sleep("0"), LIMIT).unwrap().unwrap().success());
        assert!(ended(sleep("1000"), Duration::from_millis(50)).unwrap().is_none());
    }
}
