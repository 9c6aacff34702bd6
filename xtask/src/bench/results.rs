//! What was measured, as it is kept below `target/bench/results` until the page is made of it.

use super::measure::median;
use anyhow::{Context as _, Result};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// What a scenario found out.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Section {
    /// What was run, in a sentence or two.
    pub(crate) about: String,
    pub(crate) contests: Vec<Contest>,
    pub(crate) curves: Vec<Curve>,
    pub(crate) aims: Vec<Aim>,
    /// As a program of its own printed it.
    pub(crate) printed: Vec<String>,
    /// What was left out, and why.
    pub(crate) missing: Vec<String>,
    /// When and where; set when it is kept.
    #[serde(default)]
    pub(crate) circumstances: Circumstances,
}

/// When, where and how much.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Circumstances {
    pub(crate) date: String,
    pub(crate) machine: String,
    pub(crate) size: String,
    pub(crate) versions: Vec<String>,
}

/// Contestants that did the same work; the first is Rangepack.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Contest {
    pub(crate) title: String,
    pub(crate) unit: Unit,
    pub(crate) measured: Vec<Measured>,
}

/// What one of them took, round by round.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) name: String,
    pub(crate) role: Role,
    pub(crate) values: Vec<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Role {
    /// Rangepack itself.
    Own,
    /// Another program.
    Peer,
    /// What the work takes at least.
    Floor,
}

/// What values are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Unit {
    /// Less is better.
    Seconds,
    /// Less is better.
    Bytes,
    /// Less is better.
    Count,
    /// Files, requests or look-ups a second: more is better.
    PerSecond,
    /// Bytes a second: more is better.
    BytesPerSecond,
}

/// Time over size, from which the exponent is fitted.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Curve {
    pub(crate) title: String,
    pub(crate) across: String,
    pub(crate) lines: Vec<Line>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    pub(crate) name: String,
    /// How much, and seconds.
    pub(crate) points: Vec<(f64, f64)>,
}

/// A figure that is to be reached.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Aim {
    pub(crate) what: String,
    pub(crate) found: f64,
    pub(crate) bound: Bound,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Section {
    /// About what.
    pub(crate) fn new(about: impl Into<String>) -> Section {
        Section { about: about.into(), ..Section::default() }
    }

    /// What is to be reached, and what was.
    pub(crate) fn aim(&mut self, what: impl Into<String>, found: f64, bound: Bound) {
        let aim = Aim { what: what.into(), found, bound };
        println!("  {}", aim.shown());
        self.aims.push(aim);
    }

    /// Keeps it for the page.
    pub(crate) fn keep(&self, file: &Path) -> Result<()> {
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        Ok(fs::write(file, serde_json::to_vec_pretty(self)?)?)
    }

    /// What was kept; `None` if nothing was.
    pub(crate) fn kept(file: &Path) -> Result<Option<Section>> {
        if !file.exists() {
            return Ok(None);
        }
        let section = serde_json::from_slice(&fs::read(file)?);
        section.with_context(|| format!("{} is of another version", file.display())).map(Some)
    }
}

impl Contest {
    /// One figure each, which takes no rounds.
    pub(crate) fn single(title: &str, unit: Unit, of: &[(&str, Role, f64)]) -> Contest {
        let measured = of.iter().map(|&(name, role, value)| {
            println!("  {title}: {name} {}", unit.shown(value));
            Measured { name: name.to_owned(), role, values: vec![value] }
        });
        Contest { title: title.to_owned(), unit, measured: measured.collect() }
    }

    /// The median of the first through another, round by round; `None` when that did not run.
    pub(crate) fn ratio(&self, name: &str) -> Option<f64> {
        let first = self.measured.first()?;
        let other = self.measured.iter().find(|measured| measured.name == name)?;
        let ratios = first.values.iter().zip(&other.values).map(|(a, b)| a / b);
        Some(median(&ratios.collect::<Vec<_>>()))
    }
}

impl Measured {
    pub(crate) fn median(&self) -> f64 {
        median(&self.values)
    }
}

impl Unit {
    pub(crate) fn more_is_better(self) -> bool {
        matches!(self, Unit::PerSecond | Unit::BytesPerSecond)
    }

    /// With three digits or so.
    pub(crate) fn shown(self, value: f64) -> String {
        match self {
            Unit::Seconds if value < 0.1 => format!("{} ms", digits(value * 1e3)),
            Unit::Seconds => format!("{} s", digits(value)),
            Unit::Bytes => bytes(value),
            Unit::Count => digits(value),
            Unit::PerSecond if value >= 1e6 => format!("{} M/s", digits(value / 1e6)),
            Unit::PerSecond if value >= 1e3 => format!("{} k/s", digits(value / 1e3)),
            Unit::PerSecond => format!("{} /s", digits(value)),
            Unit::BytesPerSecond => format!("{}/s", bytes(value)),
        }
    }
}

fn bytes(value: f64) -> String {
    match value {
        _ if value >= 1e9 => format!("{} GB", digits(value / 1e9)),
        _ if value >= 1e6 => format!("{} MB", digits(value / 1e6)),
        _ if value >= 1e3 => format!("{} kB", digits(value / 1e3)),
        _ => format!("{} B", digits(value)),
    }
}

/// Three of them.
pub(crate) fn digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

impl Aim {
    pub(crate) fn is_reached(&self) -> bool {
        match self.bound {
            Bound::AtMost(most) => self.found <= most,
            Bound::AtLeast(least) => self.found >= least,
        }
    }

    /// In one line.
    pub(crate) fn shown(&self) -> String {
        let word = if self.is_reached() { "reached" } else { "missed" };
        format!("{}: {}, aimed at {}: {word}", self.what, digits(self.found), self.bound.shown())
    }
}

impl Bound {
    pub(crate) fn shown(self) -> String {
        match self {
            Bound::AtMost(most) => format!("≤ {}", digits(most)),
            Bound::AtLeast(least) => format!("≥ {}", digits(least)),
        }
    }
}

impl Line {
    /// The exponent: the slope of a straight line through the logarithms of the last three points, where the start of a
    /// process counts least.
    pub(crate) fn exponent(&self) -> f64 {
        let last = &self.points[self.points.len().saturating_sub(3)..];
        let count = last.len() as f64;
        let logarithms: Vec<(f64, f64)> = last.iter().map(|(x, y)| (x.ln(), y.ln())).collect();
        let mean_x = logarithms.iter().map(|(x, _)| x).sum::<f64>() / count;
        let mean_y = logarithms.iter().map(|(_, y)| y).sum::<f64>() / count;
        let above: f64 = logarithms.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
        let below: f64 = logarithms.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
        above / below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_round_by_round() {
        let measured = |name: &str, role, values: &[f64]| Measured {
            name: name.to_owned(),
            role,
            values: values.to_vec(),
        };
        // The machine was slow in the last round, for both.
        let contest = Contest {
            title: String::new(),
            unit: Unit::Seconds,
            measured: vec![
                measured("own", Role::Own, &[1.0, 1.0, 8.0]),
                measured("tar", Role::Peer, &[2.0, 2.0, 10.0]),
            ],
        };
        assert_eq!(contest.ratio("tar"), Some(0.5));
        assert_eq!(contest.ratio("zip"), None);
    }

    #[test]
    fn exponents_are_slopes() {
        let square = |x: f64| (x, 3.0 * x * x);
        let line = Line { name: String::new(), points: [1e3, 1e4, 1e5, 1e6].map(square).into() };
        assert!((line.exponent() - 2.0).abs() < 1e-9);
        // What a process takes to start does not count in the end.
        let started = |x: f64| (x, 1.0 + x / 1e3);
        let line =
            Line { name: String::new(), points: [1.0, 10.0, 1e5, 1e6, 1e7].map(started).into() };
        assert!((line.exponent() - 1.0).abs() < 0.01, "{}", line.exponent());
    }

    #[test]
    fn values_are_shown_with_three_digits() {
        assert_eq!(Unit::Seconds.shown(1.2345), "1.23 s");
        assert_eq!(Unit::Seconds.shown(0.012), "12 ms");
        assert_eq!(Unit::PerSecond.shown(1_234_567.0), "1.23 M/s");
        assert_eq!(Unit::Bytes.shown(123_456.0), "123 kB");
        assert_eq!(Unit::BytesPerSecond.shown(1.5e9), "1.50 GB/s");
    }

    #[test]
    fn what_was_kept_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("results/pack.json");
        assert!(Section::kept(&file).unwrap().is_none());
        let mut section = Section::new("packing");
        section.aim("pack / tar", 0.4, Bound::AtMost(0.35));
        section.keep(&file).unwrap();
        let kept = Section::kept(&file).unwrap().unwrap();
        assert_eq!(kept.about, "packing");
        assert!(!kept.aims[0].is_reached());
    }
}
