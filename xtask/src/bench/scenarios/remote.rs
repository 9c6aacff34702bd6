//! Packs behind a server of ranges: how much is fetched, and how long a first file takes when each answer is late.

use crate::bench::Bench;
use crate::bench::measure::{Race, median, remove, timed};
use crate::bench::results::{Bound, Contest, Role, Section, Unit};
use crate::bench::server::Server;
use anyhow::Result;
use std::fs;
use std::process::Command;
use std::time::Duration;

pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section::new(
        "A server on the loopback that counts. Everything is verified and extracted (into memory) as fast as it sends; then a first file is \
         read from a pack that nothing is known of, with 50 ms for each answer.",
    );
    whole(bench, &mut section)?;
    first(bench, &mut section)?;
    Ok(section)
}

fn whole(bench: &Bench, section: &mut Section) -> Result<()> {
    let pack = bench.scratch.join("all.pack");
    timed(bench.pack(&bench.corpora.npm()?, &pack).args(["--index-format", "paged"]))?;
    let length = fs::metadata(&pack)?.len() as f64;
    let server = Server::start(&pack, Duration::ZERO)?;
    let out = bench.memory.join("out");
    let runs: [(&str, Command); 2] = [
        ("verify", bench.rangepack(&[&"verify", &"-q", &server.url])),
        ("extract", bench.rangepack(&[&"extract", &"-q", &server.url, &out])),
    ];
    for (what, mut command) in runs {
        let mut race = Race::new(format!("{what} the npm tree over the loopback"), Unit::Seconds);
        let mut taken = (0, 0);
        race.enter("Rangepack", Role::Own, || {
            remove(&out)?;
            server.taken();
            let seconds = timed(&mut command)?;
            taken = server.taken();
            Ok(seconds)
        });
        section.contests.push(race.run(bench.rounds)?);
        let (requests, bytes) = (taken.0 as f64, taken.1 as f64);
        let aim = format!("{what} of a whole remote pack: bytes fetched / its length");
        section.aim(aim, bytes / length, Bound::AtMost(1.02));
        let aim = format!("{what} of a whole remote pack: requests for each MiB");
        section.aim(aim, requests / (length / 1024.0 / 1024.0), Bound::AtMost(1.0));
    }
    bench.clear()
}

fn first(bench: &Bench, section: &mut Section) -> Result<()> {
    let most = if bench.large { 10_000_000 } else { bench.scaled(1_000_000) };
    let tree = bench.corpora.many(most as usize)?;
    let pack = bench.scratch.join("all.pack");
    timed(bench.pack(&tree, &pack).args(["--index-format", "paged"]))?;
    let server = Server::start(&pack, Duration::from_millis(50))?;
    // In the middle of the middle directory, and not empty.
    let number = most / 2000 * 1000 + 250;
    let path = format!("d{:05}/f{number:08}.bin", number / 1000);
    let mut seconds = Vec::new();
    let mut taken = (0, 0);
    for _ in 0..bench.rounds.max(3) {
        server.taken();
        seconds.push(timed(&mut bench.rangepack(&[&"cat", &server.url, &path]))?);
        taken = server.taken();
    }
    let what = format!("open and first file of {most} at 50 ms a request");
    let (requests, bytes) = (taken.0 as f64, taken.1 as f64);
    section.aim(format!("{what}: seconds"), median(&seconds), Bound::AtMost(0.23));
    section.aim(format!("{what}: requests"), requests, Bound::AtMost(3.0));
    section.aim(format!("{what}: kB"), bytes / 1000.0, Bound::AtMost(150.0));
    let measured = [("Rangepack", Role::Own, median(&seconds))];
    section.contests.push(Contest::single(&what, Unit::Seconds, &measured));
    Ok(())
}
