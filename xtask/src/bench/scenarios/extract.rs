//! Extracting into memory.

use crate::bench::Bench;
use crate::bench::corpora::counted;
use crate::bench::measure::{Race, figure, making, remove, timed};
use crate::bench::peers::SQUASHFS;
use crate::bench::results::{Bound, Role, Section, Unit};
use crate::run;
use anyhow::Result;
use std::fs;

const FLOOR: &str = "floor: hash, create, write and close";

pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section::new(
        "Everything out of an archive that is in the cache, into a file system in memory. Rangepack verifies each file before it \
         gets its name; the others verify nothing, but unzip its CRC-32. The floor hashes each payload on the mapping, and creates, \
         writes and closes each file in a directory that is there, on all cores; it sets no modes and times.",
    );
    let trees =
        [("npm tree", bench.corpora.npm()?), ("tree of files of 4 KiB", bench.corpora.equal()?)];
    for (what, tree) in &trees {
        let what = format!("{what}, {} files", counted(tree)?.0);
        let file = |name: &str| bench.scratch.join(name);
        let (pack, tar, squash, zip) =
            (file("all.pack"), file("all.tar"), file("all.squashfs"), file("all.zip"));
        timed(&mut bench.pack(tree, &pack))?;
        let out = bench.memory.join("out");
        let fresh = || {
            remove(&out)?;
            fs::create_dir_all(&out).map_err(anyhow::Error::from)
        };
        let mut race = Race::new(&what, Unit::Seconds);
        race.enter("Rangepack", Role::Own, || {
            making(&out, &mut bench.rangepack(&[&"extract", &"-q", &pack, &out]))
        });
        if bench.peers.has("tar") {
            timed(run::command("tar", ["cf"]).arg(&tar).arg("-C").arg(tree).arg("."))?;
            race.enter("GNU tar", Role::Peer, || {
                fresh()?;
                timed(run::command("tar", ["xf"]).arg(&tar).arg("-C").arg(&out))
            });
        }
        if bench.peers.has("bsdtar") && tar.exists() {
            race.enter("bsdtar", Role::Peer, || {
                fresh()?;
                timed(run::command("bsdtar", ["xf"]).arg(&tar).arg("-C").arg(&out))
            });
        }
        if bench.peers.has("mksquashfs") {
            timed(run::command("mksquashfs", [tree, &squash]).args(SQUASHFS))?;
            race.enter("unsquashfs", Role::Peer, || {
                let mut command = run::command("unsquashfs", ["-no-progress", "-quiet", "-d"]);
                making(&out, command.arg(&out).arg(&squash))
            });
        }
        if bench.peers.has("zip") && bench.peers.has("unzip") {
            let mut command = run::command("zip", ["-0", "-q", "-r", "-y"]);
            timed(command.arg(&zip).arg(".").current_dir(tree))?;
            race.enter("unzip", Role::Peer, || {
                fresh()?;
                timed(run::command("unzip", ["-q"]).arg(&zip).arg("-d").arg(&out))
            });
        }
        race.enter(FLOOR, Role::Floor, || {
            remove(&out)?;
            figure(&mut bench.own("floors", &[&"extract", &pack, &out]))
        });
        let contest = race.run(bench.rounds)?;
        if let Some(ratio) = contest.ratio(FLOOR) {
            section.aim(format!("extract / floor, {what}"), ratio, Bound::AtMost(1.1));
        }
        if let Some(ratio) = contest.ratio("GNU tar") {
            section.aim(format!("extract / tar, {what}"), ratio, Bound::AtMost(0.55));
        }
        section.contests.push(contest);
        bench.clear()?;
    }
    Ok(section)
}
