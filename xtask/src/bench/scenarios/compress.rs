//! Packing with compression: time and size.

use crate::bench::Bench;
use crate::bench::corpora::counted;
use crate::bench::measure::{Race, making};
use crate::bench::results::{Bound, Contest, Role, Section, Unit};
use crate::run;
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section::new(
        "Rangepack compresses each file alone, so that each is read alone (with the paged index only); a compressed tar is one \
         stream, which is read from its beginning.",
    );
    let trees = [("npm tree", bench.corpora.npm()?), ("JSON records", bench.corpora.records()?)];
    for (what, tree) in &trees {
        let what = format!("{what} of {} files", counted(tree)?.0);
        let (gzip, gzip_sizes) = race(bench, &format!("{what}, gzip 6"), tree, "gzip", "pigz -6")?;
        let (zstd, zstd_sizes) =
            race(bench, &format!("{what}, zstd 3"), tree, "zstd", "zstd -3 -T2 -q")?;
        let first =
            |contest: &Contest| contest.measured.first().map_or(f64::NAN, |own| own.median());
        let size = first(&zstd_sizes) / first(&gzip_sizes);
        let most = if what.starts_with("npm") { 0.88 } else { 0.55 };
        section.aim(format!("size of zstd / gzip, {what}"), size, Bound::AtMost(most));
        if what.starts_with("npm") {
            // The two did not run in turn, but in the same minute.
            let time = first(&zstd) / first(&gzip);
            section.aim(format!("time of zstd / gzip, {what}"), time, Bound::AtMost(0.40));
            if let Some(ratio) = zstd.ratio("tar | zstd -3 -T2 -q") {
                let aim = format!("time of zstd / tar | zstd -3 -T2, {what}");
                section.aim(aim, ratio, Bound::AtMost(1.15));
            }
        }
        section.contests.extend([gzip, gzip_sizes, zstd, zstd_sizes]);
    }
    Ok(section)
}

/// Times and sizes.
fn race(
    bench: &Bench,
    title: &str,
    tree: &Path,
    codec: &str,
    filter: &str,
) -> Result<(Contest, Contest)> {
    let file = |name: &str| bench.scratch.join(name);
    let mut outputs: Vec<(String, Role, PathBuf, Command)> = Vec::new();
    let pack = file("all.pack");
    let mut packing = bench.pack(tree, &pack);
    packing.arg(format!("--compress={codec}")).args(["--index-format", "paged"]);
    outputs.push(("Rangepack".to_owned(), Role::Own, pack, packing));
    let program = filter.split(' ').next().unwrap_or_default();
    if bench.peers.has("tar") && bench.peers.has(program) {
        let tar = file("all.tar.compressed");
        let pipe = format!("tar cf - -C \"$1\" . | {filter} > \"$2\"");
        let mut command = run::command("sh", ["-c", &pipe, "sh"]);
        command.args([tree, &tar]);
        outputs.push((format!("tar | {filter}"), Role::Peer, tar, command));
    }
    if bench.peers.has("mksquashfs") {
        let squash = file("all.squashfs");
        let level = if codec == "gzip" { "6" } else { "3" };
        let mut command = run::command("mksquashfs", [tree, &squash]);
        command.args(["-comp", codec, "-Xcompression-level", level, "-no-progress", "-quiet"]);
        outputs.push(("mksquashfs".to_owned(), Role::Peer, squash, command));
    }
    let mut race = Race::new(format!("{title}: time"), Unit::Seconds);
    for (name, role, output, command) in &mut outputs {
        race.enter(name, *role, || making(output, command));
    }
    let times = race.run(bench.rounds)?;
    let mut sizes = Vec::new();
    for (name, role, output, _) in &outputs {
        sizes.push((name.as_str(), *role, fs::metadata(output)?.len() as f64));
    }
    let sizes = Contest::single(&format!("{title}: size"), Unit::Bytes, &sizes);
    bench.clear()?;
    Ok((times, sizes))
}
