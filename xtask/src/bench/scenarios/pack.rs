//! Packing trees that are in the cache.

use crate::bench::Bench;
use crate::bench::corpora::counted;
use crate::bench::measure::{Race, figure, making, with_memory};
use crate::bench::peers::SQUASHFS;
use crate::bench::results::{Bound, Contest, Role, Section, Unit};
use crate::run;
use anyhow::Result;
use std::fs;
use std::path::Path;

pub(super) const FLOOR: &str = "floor: read and hash on all cores, then write";

pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section::new(
        "Whole trees to one file, nothing compressed, nothing waits for the disk. Rangepack hashes everything and writes \
         both of its indexes; the others do neither. (mksquashfs is told not to look for duplicates: it compares all \
         files of one size, which takes minutes here.) The floor opens, reads, hashes and closes every file on all cores, then writes \
         as many bytes as the pack has.",
    );
    let trees = [
        ("files of 4 KiB", bench.corpora.equal()?, 0.51),
        ("files of 16 bytes to 256 KiB", bench.corpora.mixed()?, 0.59),
        ("files of an npm tree", bench.corpora.npm()?, 0.80),
    ];
    for (what, tree, of_tar) in trees {
        let (files, bytes) = counted(&tree)?;
        let what = format!("{files} {what}");
        let contest = race(bench, &format!("{what}, {}", Unit::Bytes.shown(bytes as f64)), &tree)?;
        if let Some(ratio) = contest.ratio("GNU tar") {
            section.aim(format!("pack / tar, {what}"), ratio, Bound::AtMost(of_tar));
        }
        if let Some(ratio) = contest.ratio(FLOOR) {
            section.aim(format!("pack / floor, {what}"), ratio, Bound::AtMost(1.15));
        }
        section.contests.push(contest);
        if section.contests.len() == 1 && bench.peers.has("time") {
            section.contests.push(memory(bench, &tree)?);
        }
    }
    section.missing.extend(bench.peers.missing.iter().cloned());
    Ok(section)
}

fn race(bench: &Bench, title: &str, tree: &Path) -> Result<Contest> {
    let file = |name: &str| bench.scratch.join(name);
    let (pack, tar, squash) = (file("all.pack"), file("all.tar"), file("all.squashfs"));
    let (erofs, zip, floor) = (file("all.erofs"), file("all.zip"), file("all.bytes"));
    let mut race = Race::new(title, Unit::Seconds);
    race.enter("Rangepack", Role::Own, || making(&pack, &mut bench.pack(tree, &pack)));
    if bench.peers.has("tar") {
        race.enter("GNU tar", Role::Peer, || {
            making(&tar, run::command("tar", ["cf"]).arg(&tar).arg("-C").arg(tree).arg("."))
        });
    }
    if bench.peers.has("mksquashfs") {
        race.enter("mksquashfs, no compression", Role::Peer, || {
            making(&squash, run::command("mksquashfs", [tree, &squash]).args(SQUASHFS))
        });
    }
    if bench.peers.has("mkfs.erofs") {
        race.enter("mkfs.erofs", Role::Peer, || {
            making(&erofs, run::command("mkfs.erofs", ["--quiet"]).arg(&erofs).arg(tree))
        });
    }
    if bench.peers.has("zip") {
        race.enter("zip -0", Role::Peer, || {
            let mut command = run::command("zip", ["-0", "-q", "-r", "-y"]);
            making(&zip, command.arg(&zip).arg(".").current_dir(tree))
        });
    }
    race.enter(FLOOR, Role::Floor, || {
        let length = fs::metadata(&pack)?.len().to_string();
        let read = figure(&mut bench.own("floors", &[&"read", &tree]))?;
        Ok(read + figure(&mut bench.own("floors", &[&"write", &length, &floor]))?)
    });
    let contest = race.run(bench.rounds)?;
    bench.clear()?;
    Ok(contest)
}

/// The most that each has at a time.
fn memory(bench: &Bench, tree: &Path) -> Result<Contest> {
    let (pack, tar) = (bench.scratch.join("all.pack"), bench.scratch.join("all.tar"));
    let (_, own) = with_memory(&bench.pack(tree, &pack))?;
    let mut measured = vec![("Rangepack", Role::Own, own)];
    if bench.peers.has("tar") {
        let mut command = run::command("tar", ["cf"]);
        let (_, peer) = with_memory(command.arg(&tar).arg("-C").arg(tree).arg("."))?;
        measured.push(("GNU tar", Role::Peer, peer));
    }
    if bench.peers.has("mksquashfs") {
        let squash = bench.scratch.join("all.squashfs");
        let (_, peer) = with_memory(run::command("mksquashfs", [tree, &squash]).args(SQUASHFS))?;
        measured.push(("mksquashfs, no compression", Role::Peer, peer));
    }
    bench.clear()?;
    Ok(Contest::single("memory for the files of 4 KiB", Unit::Bytes, &measured))
}
