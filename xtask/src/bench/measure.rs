//! Runs contestants in turn, and keeps what each of them took.

use super::results::{Contest, Measured, Role, Unit};
use crate::run;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

type Run<'a> = Box<dyn FnMut() -> Result<f64> + 'a>;

/// Contestants that do the same work.
pub(crate) struct Race<'a> {
    title: String,
    unit: Unit,
    warm: bool,
    contestants: Vec<(String, Role, Run<'a>)>,
}

impl<'a> Race<'a> {
    /// Without contestants. The first round is not counted: it fills caches.
    pub(crate) fn new(title: impl Into<String>, unit: Unit) -> Race<'a> {
        Race { title: title.into(), unit, warm: true, contestants: Vec::new() }
    }

    /// Every round counts.
    pub(crate) fn cold(mut self) -> Race<'a> {
        self.warm = false;
        self
    }

    /// Rangepack, to which all others are compared, comes first.
    pub(crate) fn enter(&mut self, name: &str, role: Role, run: impl FnMut() -> Result<f64> + 'a) {
        self.contestants.push((name.to_owned(), role, Box::new(run)));
    }

    /// A B A B …
    pub(crate) fn run(mut self, rounds: usize) -> Result<Contest> {
        println!("{}", self.title);
        let mut values = vec![Vec::new(); self.contestants.len()];
        for round in usize::from(!self.warm)..=rounds {
            for ((name, _, run), values) in self.contestants.iter_mut().zip(&mut values) {
                let value = run().with_context(|| format!("{name}: {}", self.title))?;
                if round > 0 {
                    println!("  {round}: {name} {}", self.unit.shown(value));
                    values.push(value);
                }
            }
        }
        let named = self.contestants.into_iter().zip(values);
        let measured =
            named.map(|((name, role, _), values)| Measured { name, role, values }).collect();
        Ok(Contest { title: self.title, unit: self.unit, measured })
    }
}

/// Seconds that a command takes; what it prints is kept back unless it fails.
pub(crate) fn timed(command: &mut Command) -> Result<f64> {
    let start = Instant::now();
    let output = command.stdin(Stdio::null()).output();
    let seconds = start.elapsed().as_secs_f64();
    let output = output.with_context(|| format!("cannot start `{}`", run::shown(command)))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed ({}): {}", run::shown(command), output.status, said.trim());
    }
    Ok(seconds)
}

/// Seconds that a command takes to make `output`, which is removed first.
pub(crate) fn making(output: &Path, command: &mut Command) -> Result<f64> {
    remove(output)?;
    timed(command)
}

/// Runs a program that prints the figure.
pub(crate) fn figure(command: &mut Command) -> Result<f64> {
    let said = run::output(command.stdin(Stdio::null()))?;
    said.parse().with_context(|| format!("`{}` printed {said:?}", run::shown(command)))
}

/// Seconds that a command takes, and the most memory it had, in bytes.
pub(crate) fn with_memory(command: &Command) -> Result<(f64, f64)> {
    let mut timing = run::command("time", ["-f", "%M"]);
    timing.arg(command.get_program()).args(command.get_args());
    let start = Instant::now();
    let output = timing.stdin(Stdio::null()).output().context("cannot start `time`")?;
    let seconds = start.elapsed().as_secs_f64();
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!("`{}` failed ({}): {}", run::shown(command), output.status, said.trim());
    }
    let kilobytes: f64 = said.trim().lines().last().unwrap_or_default().parse()?;
    Ok((seconds, kilobytes * 1024.0))
}

/// Removes a file or a folder, if it is there.
pub(crate) fn remove(path: &Path) -> Result<()> {
    match fs::symlink_metadata(path) {
        Err(_) => Ok(()),
        Ok(metadata) if metadata.is_dir() => Ok(fs::remove_dir_all(path)?),
        Ok(_) => Ok(fs::remove_file(path)?),
    }
}

/// Empties the caches of this system; only root may. A host beneath it has its own.
pub(crate) fn drop_caches() -> Result<()> {
    run::output(&mut run::command("sync", [""; 0]))?;
    fs::write("/proc/sys/vm/drop_caches", "3").context("only root may empty caches")
}

/// The middle one.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        0 if middle > 0 => (sorted[middle - 1] + sorted[middle]) / 2.0,
        _ => sorted.get(middle).copied().unwrap_or(f64::NAN),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contestants_run_in_turn_and_the_first_round_is_not_counted() {
        let order = std::cell::RefCell::new(String::new());
        let mut race = Race::new("race", Unit::Seconds);
        for (name, role) in [("a", Role::Own), ("b", Role::Peer)] {
            let order = &order;
            race.enter(name, role, move || {
                order.borrow_mut().push_str(name);
                Ok(order.borrow().len() as f64)
            });
        }
        let contest = race.run(2).unwrap();
        assert_eq!(*order.borrow(), "ababab");
        assert_eq!(contest.measured[0].values, [3.0, 5.0]);
        assert_eq!(contest.measured[1].values, [4.0, 6.0]);
    }

    #[test]
    fn medians_of_even_numbers_lie_between() {
        assert!(median(&[]).is_nan());
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    }

    #[test]
    fn commands_that_fail_are_no_figures() {
        assert!(timed(&mut run::command("cargo", ["no-such-command"])).is_err());
        assert!(figure(&mut run::command("cargo", ["--version"])).is_err());
    }
}
