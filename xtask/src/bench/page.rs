//! Makes docs/performance.md and its pictures of what was measured last.

use super::results::{Circumstances, Contest, Curve, Role, Section, digits};
use super::{bounds, chart};
use crate::run;
use anyhow::Result;
use std::fmt::Write;
use std::fs;
use std::path::Path;

const PAGE: &str = "docs/performance.md";
const PICTURES: &str = "docs/performance";

/// What no run tells of itself: it stays when the page is made anew, on whatever processor.
const PROCESSORS: &str = include_str!("processors.md");

/// Writes the page from the sections, each with its name and title.
pub(crate) fn write(sections: &[(&str, &str, Section)]) -> Result<()> {
    let pictures = run::root().join(PICTURES);
    super::measure::remove(&pictures)?;
    fs::create_dir_all(&pictures)?;
    let mut page = String::from(
        "# How fast it is\n\n\
         Made by `cargo xtask bench`, which prepares the trees and programs that it takes and measures where it runs;\n\
         `cargo xtask bench NAME…` renews the sections of these names. Contestants run in turn, A B A B, after a round that\n\
         fills the caches. Figures are medians; the ratio is the median of those of each round: how much of the other's time (or size,\n\
         or rate) Rangepack has. Commands are whole processes, floors the work alone. Only ratios carry over to other machines.\n\n",
    );
    let all: Vec<_> = sections.iter().map(|(.., section)| &section.circumstances).collect();
    let same = all.windows(2).all(|pair| pair[0] == pair[1]);
    if let Some(circumstances) = all.first().filter(|_| same) {
        page.push_str(&told(circumstances));
        page.push_str("\n\n");
    }
    page.push_str(&aims(sections));
    page.push_str(&missed(sections));
    page.push_str(&losses(sections));
    for (name, title, section) in sections {
        write!(page, "## {title}\n\n{}\n\n", section.about)?;
        if !same {
            write!(page, "{}\n\n", told(&section.circumstances))?;
        }
        for (number, contest) in section.contests.iter().enumerate() {
            page.push_str(&table(contest));
            if contest.measured.len() > 2 {
                let picture = format!("{name}-{}.svg", number + 1);
                draw(&mut page, &pictures, &picture, &contest.title, &chart::bars(contest))?;
            }
        }
        for (number, curve) in section.curves.iter().enumerate() {
            page.push_str(&points(curve));
            let picture = format!("{name}-curve-{}.svg", number + 1);
            draw(&mut page, &pictures, &picture, &curve.title, &chart::lines(curve))?;
        }
        for printed in &section.printed {
            write!(page, "```\n{}\n```\n\n", printed.trim())?;
        }
        for missing in &section.missing {
            write!(page, "Left out: {missing}.\n\n")?;
        }
    }
    page.push_str(PROCESSORS);
    fs::write(run::root().join(PAGE), page.trim_end().to_owned() + "\n")?;
    println!("the page is {PAGE}");
    Ok(())
}

fn told(circumstances: &Circumstances) -> String {
    let Circumstances { date, machine, size, versions } = circumstances;
    format!("Measured on {date}: {machine}; {size}. {}.", versions.join(" · "))
}

fn draw(page: &mut String, folder: &Path, name: &str, title: &str, svg: &str) -> Result<()> {
    fs::write(folder.join(name), svg)?;
    Ok(write!(page, "![{title}](performance/{name})\n\n")?)
}

/// A text inside a table, whose columns a bar would divide.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// What was to be reached.
fn aims(sections: &[(&str, &str, Section)]) -> String {
    let mut rows = String::new();
    for aim in sections.iter().flat_map(|(.., section)| &section.aims) {
        let word = if aim.is_reached() { "reached" } else { "**missed**" };
        let (found, bound) = (digits(aim.found), aim.bound.shown());
        let _ = writeln!(rows, "| {} | {found} | {bound} | {word} |", cell(&aim.what));
    }
    if rows.is_empty() {
        return rows;
    }
    format!("## What was aimed at\n\n| | found | aimed at | |\n|---|---|---|---|\n{rows}\n")
}

/// What bounds those that were not reached.
fn missed(sections: &[(&str, &str, Section)]) -> String {
    let all = sections.iter().flat_map(|(.., section)| &section.aims);
    let mut rows: Vec<String> = Vec::new();
    for aim in all.filter(|aim| !aim.is_reached()) {
        let Some((what, bound)) = bounds::of(&aim.what) else { continue };
        let row = format!("- **{}**: {bound}\n", what.trim_end_matches(" /"));
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    if rows.is_empty() {
        return String::new();
    }
    format!("## What bounds those that were missed\n\n{}\n", rows.concat())
}

/// Every contest that another program won.
fn losses(sections: &[(&str, &str, Section)]) -> String {
    let mut rows = String::new();
    for contest in sections.iter().flat_map(|(.., section)| &section.contests) {
        for peer in contest.measured.iter().filter(|measured| measured.role == Role::Peer) {
            let Some(ratio) = contest.ratio(&peer.name) else { continue };
            let lost = if contest.unit.more_is_better() { ratio < 1.0 } else { ratio > 1.0 };
            if lost {
                let (title, name, ratio) = (&contest.title, &peer.name, digits(ratio));
                let _ = writeln!(rows, "| {} | {} | {ratio} |", cell(title), cell(name));
            }
        }
    }
    if rows.is_empty() {
        rows.push_str("| nowhere, in what was measured | | |\n");
    }
    format!("## Where Rangepack loses\n\n| in | to | ratio |\n|---|---|---|\n{rows}\n")
}

fn table(contest: &Contest) -> String {
    let unit = contest.unit;
    let mut table =
        format!("| {} | median | from – to | ratio |\n|---|---|---|---|\n", cell(&contest.title));
    for (number, measured) in contest.measured.iter().enumerate() {
        let low = measured.values.iter().copied().fold(f64::MAX, f64::min);
        let high = measured.values.iter().copied().fold(f64::MIN, f64::max);
        let range = match measured.values.len() {
            0 | 1 => String::new(),
            _ => format!("{} – {}", unit.shown(low), unit.shown(high)),
        };
        let ratio = contest.ratio(&measured.name).filter(|_| number > 0).map(digits);
        let name = match measured.role {
            Role::Own => format!("**{}**", measured.name),
            Role::Peer => measured.name.clone(),
            Role::Floor => format!("*{}*", measured.name),
        };
        let (median, ratio) = (unit.shown(measured.median()), ratio.unwrap_or_default());
        let _ = writeln!(table, "| {} | {median} | {range} | {ratio} |", cell(&name));
    }
    table.push('\n');
    table
}

fn points(curve: &Curve) -> String {
    let mut table =
        format!("| {} | {} and seconds | exponent |\n|---|---|---|\n", curve.title, curve.across);
    for line in &curve.lines {
        let points: Vec<_> =
            line.points.iter().map(|(x, y)| format!("{x}: {}", digits(*y))).collect();
        let exponent = digits(line.exponent());
        let _ = writeln!(table, "| {} | {} | {exponent} |", line.name, points.join(", "));
    }
    table.push('\n');
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::{Bound, Measured, Unit};

    fn contest() -> Contest {
        let measured = |name: &str, role, values: &[f64]| Measured {
            name: name.to_owned(),
            role,
            values: values.to_vec(),
        };
        Contest {
            title: "packing".to_owned(),
            unit: Unit::Seconds,
            measured: vec![
                measured("Rangepack", Role::Own, &[2.0, 2.0]),
                measured("tar", Role::Peer, &[4.0, 4.0]),
                measured("cp", Role::Peer, &[1.0, 1.0]),
                measured("floor", Role::Floor, &[1.0, 1.0]),
            ],
        }
    }

    #[test]
    fn bars_divide_no_cells() {
        assert_eq!(cell("tar | zstd"), r"tar \| zstd");
    }

    #[test]
    fn whoever_is_faster_is_named_and_floors_are_not() {
        let mut section = Section::new("");
        section.contests.push(contest());
        section.aim("pack / tar", 0.5, Bound::AtMost(0.35));
        let sections = [("pack", "Packing", section)];
        let losses = losses(&sections);
        assert!(losses.contains("| packing | cp | 2 |"), "{losses}");
        assert!(!losses.contains("tar") && !losses.contains("floor"), "{losses}");
        assert!(aims(&sections).contains("| pack / tar | 0.50 | ≤ 0.35 | **missed** |"));
        assert_eq!(missed(&sections).matches("- **pack / tar**: ").count(), 1);
    }

    #[test]
    fn a_table_has_a_row_for_each() {
        let table = table(&contest());
        assert!(table.contains("| **Rangepack** | 2 s | 2 s – 2 s |  |"), "{table}");
        assert!(table.contains("| tar | 4 s | 4 s – 4 s | 0.50 |"), "{table}");
    }
}
