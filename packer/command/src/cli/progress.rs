//! Progress on standard error: a live line on a terminal, now and then a line in a log.

use super::console::{Global, When, note};
use crate::format::{Size, count, duration, rate};
use indicatif::{ProgressBar, ProgressStyle};
use rangepack_core::Escaped;
use std::io::{IsTerminal, stderr};
use std::time::{Duration, Instant};

/// How often the live line changes.
const ON_A_TERMINAL: Duration = Duration::from_millis(100);
/// How often a log gets a line.
const IN_A_LOG: Duration = Duration::from_secs(5);

/// The option.
#[derive(Debug, clap::Args)]
pub(super) struct ProgressArgs {
    /// When to show progress: in a log, `always` prints a line every 5 seconds
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    pub(super) progress: When,
}

/// The option, and its old name.
#[derive(Debug, clap::Args)]
pub(super) struct OldProgressArgs {
    #[command(flatten)]
    new: ProgressArgs,
    /// The same as `--progress always`
    #[arg(long)]
    tqdm: bool,
}

impl OldProgressArgs {
    /// When progress is shown.
    pub(super) fn when(&self) -> When {
        if self.tqdm { When::Always } else { self.new.progress }
    }
}

/// How far a command has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Steps {
    /// Files done.
    pub(super) files: u64,
    /// Bytes of content done.
    pub(super) bytes: u64,
    /// Files in all, if that is known.
    pub(super) total_files: Option<u64>,
    /// Bytes in all, if that is known.
    pub(super) total_bytes: Option<u64>,
}

impl Steps {
    /// How long the rest takes if it goes on like this; `None` when nobody knows.
    pub(super) fn time_left(&self, elapsed: Duration) -> Option<Duration> {
        let (done, total) = match (self.total_bytes, self.total_files) {
            (Some(total), _) => (self.bytes, total),
            (None, Some(total)) => (self.files, total),
            (None, None) => return None,
        };
        let left = total.saturating_sub(done) as f64;
        let seconds = elapsed.as_secs_f64() * left / done as f64;
        Duration::try_from_secs_f64(seconds).ok()
    }

    fn share(&self) -> Option<f64> {
        let (done, total) = match (self.total_bytes, self.total_files) {
            (Some(total @ 1..), _) => (self.bytes, total),
            (_, Some(total @ 1..)) => (self.files, total),
            _ => return None,
        };
        Some((done as f64 / total as f64).min(1.0))
    }

    fn text(&self, elapsed: Duration) -> String {
        let mut text = String::new();
        if let Some(share) = self.share() {
            text.push_str(&format!("{:3.0}%, ", (share * 100.0).floor()));
        }
        let (files, bytes) = (count(self.files, "file"), Size(self.bytes));
        let rate = Size(rate(self.bytes, elapsed));
        text.push_str(&format!("{files}, {bytes}, {rate}/s"));
        if let Some(left) = self.time_left(elapsed) {
            text.push_str(&format!(", {} left", duration(left)));
        }
        text
    }
}

/// Shows progress, if it is wanted.
#[derive(Debug)]
pub(super) struct Progress {
    shape: Shape,
    verb: &'static str,
    started: Instant,
    shown: Instant,
}

#[derive(Debug)]
enum Shape {
    Silent,
    Live(ProgressBar),
    Lines,
}

impl Progress {
    /// Begins to show what is done, `verb` saying what that is: "packing".
    pub(super) fn new(verb: &'static str, when: When, global: &Global) -> Progress {
        let is_terminal = stderr().is_terminal();
        let shape = match (when, is_terminal) {
            (When::Never, _) | (When::Auto, false) => Shape::Silent,
            _ if global.quiet => Shape::Silent,
            (_, true) => Shape::Live(live()),
            (_, false) => Shape::Lines,
        };
        let now = Instant::now();
        Progress { shape, verb, started: now, shown: now }
    }

    /// Whether there is a live line.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.shape, Shape::Live(_))
    }

    /// How long it has been going on.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Tells how far it has come; shown when it is time to.
    pub(super) fn show(&mut self, steps: &Steps, current: &[u8]) {
        let interval = match &self.shape {
            Shape::Silent => return,
            Shape::Live(_) => ON_A_TERMINAL,
            Shape::Lines => IN_A_LOG,
        };
        if self.shown.elapsed() < interval {
            return;
        }
        self.shown = Instant::now();
        let text = steps.text(self.elapsed());
        match &self.shape {
            Shape::Live(bar) => {
                if let Some(share) = steps.share() {
                    bar.set_style(style("{prefix} {bar:20} {wide_msg}"));
                    bar.set_length(1000);
                    bar.set_position((share * 1000.0) as u64);
                }
                bar.set_prefix(self.verb);
                bar.set_message(format!("{text}  {}", Escaped(current)));
                bar.tick();
            }
            _ => note(&format!("{}: {text}", self.verb)),
        }
    }

    /// Prints to standard error without tearing the live line.
    pub(super) fn aside(&self, print: impl FnOnce()) {
        match &self.shape {
            Shape::Live(bar) => bar.suspend(print),
            _ => print(),
        }
    }

    /// Takes the live line away.
    pub(super) fn finish(&self) {
        if let Shape::Live(bar) = &self.shape {
            bar.finish_and_clear();
        }
    }
}

fn live() -> ProgressBar {
    ProgressBar::new_spinner().with_style(style("{spinner} {prefix} {wide_msg}"))
}

fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template);
    style.unwrap_or_else(|_| ProgressStyle::default_spinner()).progress_chars("━━╌")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_goes_by_bytes_then_by_files() {
        let second = Duration::from_secs(1);
        let mut steps = Steps { files: 50, bytes: 10, ..Steps::default() };
        assert_eq!(steps.time_left(second), None);
        steps.total_files = Some(100);
        assert_eq!(steps.time_left(second), Some(second));
        steps.total_bytes = Some(40);
        assert_eq!(steps.time_left(second), Some(3 * second));
        steps.bytes = 50;
        assert_eq!(steps.time_left(second), Some(Duration::ZERO));
        assert_eq!(Steps { total_files: Some(1), ..Steps::default() }.time_left(second), None);
    }

    #[test]
    fn what_is_shown() {
        let mut steps = Steps { files: 2, bytes: 4096, ..Steps::default() };
        let second = Duration::from_secs(1);
        assert_eq!(steps.text(second), "2 files, 4.0 KiB, 4.0 KiB/s");
        steps.total_bytes = Some(8192);
        assert_eq!(steps.text(second), " 50%, 2 files, 4.0 KiB, 4.0 KiB/s, 1.0 s left");
        assert_eq!(Steps { total_files: Some(0), ..Steps::default() }.share(), None);
    }
}
