//! Containers: the first run, and one that finds nothing to do.

use crate::bench::Bench;
use crate::bench::corpora::counted;
use crate::bench::measure::{Race, timed, with_memory};
use crate::bench::results::{Bound, Contest, Role, Section, Unit};
use anyhow::Result;
use std::process::Command;

const FIRST: &str = "the first run";

pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section::new(
        "`create --fsync-every 10000`, which waits for the disk as often; then the same command again, which compares what is there \
         with the tree.",
    );
    let tree = if bench.large { bench.corpora.many(4_000_000)? } else { bench.corpora.equal()? };
    let files = counted(&tree)?.0;
    let container = bench.scratch.join("all.container");
    let create = || -> Command {
        let mut command = bench.rangepack(&[&"create", &"-q", &"--src", &tree]);
        command.arg("--container").arg(&container).args(["--fsync-every", "10000"]);
        command
    };
    timed(&mut create())?;
    let mut race = Race::new(format!("create, {files} files"), Unit::Seconds);
    race.enter("nothing to do", Role::Own, || timed(&mut create()));
    race.enter(FIRST, Role::Own, || {
        bench.clear()?;
        timed(&mut create())
    });
    let contest = race.run(bench.rounds)?;
    if let Some(ratio) = contest.ratio(FIRST) {
        section.aim(
            format!("create, nothing to do / first run, {files} files"),
            ratio,
            Bound::AtMost(0.6),
        );
    }
    section.contests.push(contest);
    if bench.peers.has("time") {
        let (_, again) = with_memory(&create())?;
        bench.clear()?;
        let (_, first) = with_memory(&create())?;
        let aim = format!("memory of create with nothing to do, MiB, {files} files");
        section.aim(aim, again / 1024.0 / 1024.0, Bound::AtMost(64.0));
        let measured = [("nothing to do", Role::Own, again), (FIRST, Role::Own, first)];
        section.contests.push(Contest::single("memory of create", Unit::Bytes, &measured));
    }
    Ok(section)
}
