//! Packing trees of which nothing is in the cache.

use crate::bench::Bench;
use crate::bench::corpora::counted;
use crate::bench::measure::{Race, drop_caches, making};
use crate::bench::results::{Bound, Role, Section, Unit};
use crate::run;
use anyhow::Result;

pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section::new(
        "As before, after the system's caches are emptied (`/proc/sys/vm/drop_caches`); where this is a virtual machine, those \
         of its host are not.",
    );
    if let Err(error) = drop_caches() {
        section.missing.push(format!("all of it: {error:#}"));
        return Ok(section);
    }
    let (pack, tar) = (bench.scratch.join("all.pack"), bench.scratch.join("all.tar"));
    let trees = [
        ("files of 4 KiB", bench.corpora.equal()?),
        ("files of an npm tree", bench.corpora.npm()?),
    ];
    for (what, tree) in trees {
        let what = format!("{} {what}, cold", counted(&tree)?.0);
        let mut race = Race::new(&what, Unit::Seconds).cold();
        race.enter("Rangepack", Role::Own, || {
            drop_caches()?;
            making(&pack, &mut bench.pack(&tree, &pack))
        });
        if bench.peers.has("tar") {
            race.enter("GNU tar", Role::Peer, || {
                drop_caches()?;
                making(&tar, run::command("tar", ["cf"]).arg(&tar).arg("-C").arg(&tree).arg("."))
            });
        }
        let contest = race.run(bench.rounds)?;
        if let Some(ratio) = contest.ratio("GNU tar") {
            section.aim(format!("pack / tar, {what}"), ratio, Bound::AtMost(0.35));
        }
        section.contests.push(contest);
    }
    Ok(section)
}
