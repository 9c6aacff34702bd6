//! Verifying packs that are in the cache.

use crate::bench::Bench;
use crate::bench::measure::{Race, figure, timed};
use crate::bench::results::{Bound, Role, Section, Unit};
use anyhow::Result;
use std::fs;
use std::thread::available_parallelism;

const FLOOR: &str = "floor: SHA-256 of one core, times the cores";
/// As many are hashed for the rate of a core.
const HASHED: f64 = 1024.0 * 1024.0 * 1024.0;

pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section::new(
        "All payloads against their SHA-256, and the whole index. The rate of one core is that of the same implementation on a \
         buffer in the cache, measured in the same rounds.",
    );
    let trees = [
        ("files of 4 KiB", bench.corpora.equal()?),
        ("files of 16 bytes to 256 KiB", bench.corpora.mixed()?),
    ];
    let threads = available_parallelism()?.get() as f64;
    for (what, tree) in trees {
        let pack = bench.scratch.join("all.pack");
        timed(&mut bench.pack(&tree, &pack))?;
        let length = fs::metadata(&pack)?.len() as f64;
        let mut race = Race::new(format!("verify {what}"), Unit::BytesPerSecond);
        race.enter("Rangepack", Role::Own, || {
            Ok(length / timed(&mut bench.rangepack(&[&"verify", &"-q", &pack]))?)
        });
        race.enter(FLOOR, Role::Floor, || {
            let bytes = format!("{HASHED:.0}");
            Ok(threads * HASHED / figure(&mut bench.own("floors", &[&"hash", &bytes]))?)
        });
        let contest = race.run(bench.rounds)?;
        if let Some(ratio) = contest.ratio(FLOOR) {
            let aim = format!("verify / cores × rate of one, {what}");
            section.aim(aim, ratio, Bound::AtLeast(0.9));
        }
        section.contests.push(contest);
        bench.clear()?;
    }
    Ok(section)
}
