//! Random look-ups and reads through the library.

use crate::bench::Bench;
use crate::bench::measure::{Race, drop_caches, figure, timed};
use crate::bench::results::{Bound, Role, Section, Unit};
use crate::run;
use anyhow::{Context as _, Result};
use std::fs;
use std::path::Path;

const FIO: &str = "fio, random reads of 4 KiB at depth 32";
/// Times Python's zipfile: an archive, and how many reads.
const ZIPFILE: &str = "
import random, sys, time, zipfile
archive = zipfile.ZipFile(sys.argv[1])
names = [name for name in archive.namelist() if not name.endswith('/')]
asked = random.Random(1).choices(names, k=int(sys.argv[2]))
start = time.perf_counter()
for name in asked:
    archive.read(name)
print(len(asked) / (time.perf_counter() - start))
";

pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section::new(
        "Files of 4 KiB by path, at random, by one thread, warm: lent (a byte of each page is touched) and copied. Then cold: every file once, \
         in random order, by 32 threads, beside what fio reads of the same file around the cache.",
    );
    let tree = bench.corpora.equal()?;
    let pack = bench.scratch.join("all.pack");
    timed(&mut bench.pack(&tree, &pack))?;
    let zip = bench.scratch.join("all.zip");
    let lmdb = bench.scratch.join("all.lmdb");
    let own =
        |arguments: &[&dyn AsRef<std::ffi::OsStr>]| figure(&mut bench.own("reads", arguments));
    let entries = bench.scaled(200_000);

    let mut race = Race::new(format!("look-ups alone, {entries} entries"), Unit::PerSecond);
    race.enter("Rangepack", Role::Own, || own(&[&"lookups", &pack]));
    section.contests.push(race.run(bench.rounds)?);

    let mut race = Race::new(format!("lent, {entries} entries"), Unit::PerSecond);
    race.enter("Rangepack", Role::Own, || own(&[&"lent", &pack]));
    race.enter("LMDB", Role::Peer, || own(&[&"lmdb", &"lent", &pack, &lmdb]));
    section.contests.push(race.run(bench.rounds)?);

    let mut race = Race::new(format!("copied, {entries} entries"), Unit::PerSecond);
    race.enter("Rangepack", Role::Own, || own(&[&"copied", &pack]));
    race.enter("LMDB", Role::Peer, || own(&[&"lmdb", &"copied", &pack, &lmdb]));
    race.enter("plain files", Role::Peer, || own(&[&"files", &tree, &pack]));
    if bench.peers.has("zip") && bench.peers.has("python3") {
        let mut command = run::command("zip", ["-0", "-q", "-r"]);
        timed(command.arg(&zip).arg(".").current_dir(&tree))?;
        race.enter("Python's zipfile", Role::Peer, || {
            figure(run::command("python3", ["-c", ZIPFILE]).arg(&zip).arg("20000"))
        });
    }
    section.contests.push(race.run(bench.rounds)?);
    bench.clear()?;
    cold(bench, &tree, &mut section)?;
    Ok(section)
}

fn cold(bench: &Bench, tree: &Path, section: &mut Section) -> Result<()> {
    if let Err(error) = drop_caches() {
        section.missing.push(format!("cold reads: {error:#}"));
        return Ok(());
    }
    let (pack, names) = (bench.scratch.join("half.pack"), bench.scratch.join("names.txt"));
    let entries = bench.scaled(100_000);
    let mut packing = bench.rangepack(&[&"pack", &"-q", &"-C", &tree]);
    packing.args((0..entries / 1000).map(|number| format!("d{number:05}"))).arg(&pack);
    timed(&mut packing)?;
    fs::write(&names, run::output(&mut bench.own("reads", &[&"names", &pack]))?)?;
    let mut race =
        Race::new(format!("cold, 32 readers, {entries} entries"), Unit::PerSecond).cold();
    race.enter("Rangepack", Role::Own, || {
        drop_caches()?;
        figure(&mut bench.own("reads", &[&"cold", &pack, &names, &"32"]))
    });
    if bench.peers.has("fio") {
        race.enter(FIO, Role::Floor, || {
            drop_caches()?;
            let mut fio = run::command("fio", ["--name=reads", "--rw=randread", "--bs=4k"]);
            fio.args(["--direct=1", "--ioengine=libaio", "--iodepth=32", "--readonly"]);
            fio.arg(format!("--filename={}", pack.display()))
                .arg(format!("--io_size={}", entries * 4096));
            let said = run::output(fio.args(["--minimal", "--terse-version=3"]))?;
            // Reads a second are the eighth field of this version.
            let field = said.split(';').nth(7).context("fio said something else")?;
            Ok(field.parse()?)
        });
    }
    let contest = race.run(bench.rounds)?;
    if let Some(ratio) = contest.ratio(FIO) {
        section.aim("cold reads by 32 threads / fio at depth 32", ratio, Bound::AtLeast(0.6));
    }
    section.contests.push(contest);
    Ok(())
}
