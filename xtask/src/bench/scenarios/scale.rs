//! How time grows with files, bytes, depth and the length of names.

use crate::bench::Bench;
use crate::bench::measure::{median, remove, timed, with_memory};
use crate::bench::results::{Bound, Contest, Curve, Line, Role, Section, Unit};
use anyhow::Result;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Files in each tree of another depth, or with other names.
const FILES: usize = 2000;

pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section::new(
        "Whole processes, warm; the exponent is that of the last three points. Small files are empty but for one in 500. \
         An exponent of 1 is a cost that grows with the amount; less is mostly the start of a process.",
    );
    files(bench, &mut section)?;
    section.curves.push(curve(bench, "bytes of one file", "bytes", &bytes(bench)?)?);
    section.curves.push(curve(bench, "depth of 2000 files", "directories above", &depths(bench)?)?);
    section.curves.push(curve(bench, "length of 2000 names", "bytes of a name", &names(bench)?)?);
    let mut exponents = Vec::new();
    for curve in &section.curves {
        for line in &curve.lines {
            exponents
                .push((format!("exponent of {}, {}", line.name, curve.title), line.exponent()));
        }
    }
    for (what, exponent) in exponents {
        section.aim(what, exponent, Bound::AtMost(1.05));
    }
    Ok(section)
}

fn files(bench: &Bench, section: &mut Section) -> Result<()> {
    let equal = bench.corpora.equal()?;
    let counts = [1000, 10_000, 100_000, 200_000].map(|count| bench.scaled(count).max(1000));
    let trees: Vec<_> = counts.iter().map(|&count| (count as f64, parts(&equal, count))).collect();
    section.curves.push(curve(bench, "files of 4 KiB", "files", &trees)?);

    let most = if bench.large { 10_000_000 } else { bench.scaled(1_000_000) };
    let many = bench.corpora.many(most as usize)?;
    let counts = [most / 1000, most / 100, most / 10, most].map(|count| count.max(1000));
    let trees: Vec<_> = counts.iter().map(|&count| (count as f64, parts(&many, count))).collect();
    section.curves.push(curve(bench, "small files", "files", &trees)?);
    if bench.peers.has("time") {
        let pack = bench.scratch.join("all.pack");
        let (_, memory) = with_memory(&bench.pack(&many, &pack))?;
        let title = format!("memory of packing {most} small files");
        let measured = [("Rangepack", Role::Own, memory)];
        section.contests.push(Contest::single(&title, Unit::Bytes, &measured));
        remove(&pack)?;
    }
    Ok(())
}

/// A folder, and the arguments that name what is packed of it.
type Source = (PathBuf, Vec<String>);

/// So many files of a tree of directories of 1000.
fn parts(tree: &Path, count: u64) -> Source {
    (tree.to_owned(), (0..count.div_ceil(1000)).map(|number| format!("d{number:05}")).collect())
}

/// Packs, lists and verifies each of them.
fn curve(bench: &Bench, title: &str, across: &str, trees: &[(f64, Source)]) -> Result<Curve> {
    println!("{title}");
    let mut lines: Vec<Line> = ["pack", "ls -R", "verify"]
        .map(|name| Line { name: name.to_owned(), points: Vec::new() })
        .into();
    let pack = bench.scratch.join("all.pack");
    for (amount, (folder, names)) in trees {
        let mut seconds = [const { Vec::new() }; 3];
        for round in 0..=bench.rounds {
            remove(&pack)?;
            let mut packing = bench.rangepack(&[&"pack", &"-q", &"-C", &folder]);
            let packed = timed(packing.args(names).arg(&pack))?;
            let listed = timed(&mut bench.rangepack(&[&"ls", &"-R", &pack]))?;
            let verified = timed(&mut bench.rangepack(&[&"verify", &"-q", &pack]))?;
            // The first round fills the caches.
            if round > 0 {
                for (values, value) in seconds.iter_mut().zip([packed, listed, verified]) {
                    values.push(value);
                }
            }
        }
        for (line, values) in lines.iter_mut().zip(seconds) {
            println!("  {amount} {across}: {} {}", line.name, Unit::Seconds.shown(median(&values)));
            line.points.push((*amount, median(&values)));
        }
    }
    remove(&pack)?;
    Ok(Curve { title: title.to_owned(), across: across.to_owned(), lines })
}

fn bytes(bench: &Bench) -> Result<Vec<(f64, Source)>> {
    let most: u64 = if bench.quick { 1 << 26 } else { 1 << 30 };
    let lengths = [most >> 9, most >> 6, most >> 3, most];
    let folder = bench.corpora.once(if bench.quick { "long-quick" } else { "long" }, |folder| {
        fs::create_dir_all(folder)?;
        for length in lengths {
            let mut file = fs::File::create(folder.join(length.to_string()))?;
            for number in 0..length / 1024 {
                // No two pieces are the same, nor is any empty.
                let piece: Vec<u8> = number.to_le_bytes().into_iter().cycle().take(1024).collect();
                file.write_all(&piece)?;
            }
        }
        Ok(())
    })?;
    Ok(lengths.map(|length| (length as f64, (folder.clone(), vec![length.to_string()]))).into())
}

fn depths(bench: &Bench) -> Result<Vec<(f64, Source)>> {
    let depths = [3, 10, 30, 100, 300];
    let tree = bench.corpora.once("depths", |tree| {
        for depth in depths {
            let mut folder = tree.join(depth.to_string());
            folder.extend(std::iter::repeat_n("d", depth));
            write_files(&folder, |number| format!("{number:04}"))?;
        }
        Ok(())
    })?;
    Ok(depths.map(|depth| (depth as f64, (tree.clone(), vec![depth.to_string()]))).into())
}

fn names(bench: &Bench) -> Result<Vec<(f64, Source)>> {
    let lengths = [8usize, 30, 100, 250];
    let tree = bench.corpora.once("names", |tree| {
        for length in lengths {
            // What names share is short, so that all of a name has to be looked at.
            let name = |number: usize| {
                format!("{number:04}").repeat(length.div_ceil(4))[..length].to_owned()
            };
            write_files(&tree.join(length.to_string()), name)?;
        }
        Ok(())
    })?;
    Ok(lengths.map(|length| (length as f64, (tree.clone(), vec![length.to_string()]))).into())
}

fn write_files(folder: &Path, name: impl Fn(usize) -> String) -> Result<()> {
    fs::create_dir_all(folder)?;
    for number in 0..FILES {
        fs::write(folder.join(name(number)), number.to_string())?;
    }
    Ok(())
}
