//! Packs as directories, beside other programs that mount archives.

use crate::bench::Bench;
use crate::bench::measure::{Race, median, timed};
use crate::bench::results::{Bound, Curve, Line, Role, Section, Unit};
use crate::run;
use anyhow::{Result, bail};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// How many files are read at random.
const READS: u64 = 10_000;

/// What reads them.
const PROCESSES: usize = 8;

/// The version of ratarmount, which is no package of Debian's.
const RATARMOUNT: &str = "ratarmount==1.3.0";

/// Who mounts, and what: the directory comes last.
type Mounter = (&'static str, Role, Vec<PathBuf>);

pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section::new(
        "40 000 files of 16 bytes to 256 KiB, in archives that the system has in memory; every round mounts anew, so that the kernel knows \
         nothing of the files, and only the work in the directory is timed. squashfs and tar are not compressed, nor are packs; only Rangepack \
         compares what it gives out with a SHA-256. `find` reads names alone: Rangepack tells the kernel the attributes in the same answers, \
         which costs time there, and saves it for whoever looks at a file afterwards.",
    );
    if !bench.peers.has("fusermount3") || !Path::new("/dev/fuse").exists() {
        section.missing.push("all of it, without FUSE".to_owned());
        return Ok(section);
    }
    let tree = bench.corpora.mixed()?;
    let place = bench.scratch.join("mounted");
    fs::create_dir(&place)?;
    let mounters = mounters(bench, &tree, &mut section)?;
    let (lists, reads) = lists(bench, &tree)?;
    let at_random = format!("{reads} files at random, {PROCESSES} processes");
    for (title, script) in [
        ("find", "find . > /dev/null".to_owned()),
        ("ls -lR", "ls -lR . > /dev/null".to_owned()),
        // GNU tar reads nothing when it sees where it writes to.
        ("tar of everything", "tar c . | cat > /dev/null".to_owned()),
        (&*at_random, cat(&lists)),
    ] {
        let mut race = Race::new(title, Unit::Seconds);
        for (name, role, command) in &mounters {
            let (place, script) = (&place, &script);
            race.enter(name, *role, move || mounted(command, place, Some(script)));
        }
        let contest = race.run(bench.rounds)?;
        if let Some(ratio) = contest.ratio("squashfuse_ll").filter(|_| title != "find") {
            section.aim(format!("{title} / squashfuse_ll"), ratio, Bound::AtMost(1.0));
        }
        section.contests.push(contest);
    }
    section.curves.push(growth(bench, &place)?);
    Ok(section)
}

/// Makes the archives.
fn mounters(bench: &Bench, tree: &Path, section: &mut Section) -> Result<Vec<Mounter>> {
    let at = |name: &str| bench.scratch.join(name);
    let (pack, squashfs, tar) = (at("all.pack"), at("all.sqfs"), at("all.tar"));
    timed(&mut bench.pack(tree, &pack))?;
    let mount = |pack: PathBuf| -> Vec<PathBuf> {
        vec![bench.program.clone(), "mount".into(), "-q".into(), "--daemon".into(), pack]
    };
    let mut mounters: Vec<Mounter> = vec![("Rangepack", Role::Own, mount(pack))];
    if bench.peers.has("mksquashfs") && bench.peers.has("squashfuse_ll") {
        let mut making = run::command("mksquashfs", [tree, &squashfs]);
        timed(making.args(crate::bench::peers::SQUASHFS))?;
        for name in ["squashfuse", "squashfuse_ll"] {
            mounters.push((name, Role::Peer, vec![name.into(), squashfs.clone()]));
        }
    } else {
        section.missing.push("squashfuse, which is not here".to_owned());
    }
    timed(run::command("tar", ["-c", "-f"]).arg(&tar).arg("-C").arg(tree).arg("."))?;
    if bench.peers.has("fuse-archive") {
        mounters.push(("fuse-archive", Role::Peer, vec!["fuse-archive".into(), tar.clone()]));
    } else {
        section.missing.push("fuse-archive, which is not here".to_owned());
    }
    match ratarmount(&bench.home) {
        Ok(program) => mounters.push(("ratarmount", Role::Peer, vec![program, tar])),
        Err(error) => section.missing.push(format!("ratarmount: {error:#}")),
    }
    Ok(mounters)
}

/// Installs it where it is in nobody's way.
fn ratarmount(home: &Path) -> Result<PathBuf> {
    let folder = home.join("ratarmount");
    let program = folder.join("bin/ratarmount");
    if !program.exists() {
        run::output(run::command("python3", ["-m", "venv"]).arg(&folder))?;
        let pip = run::command(folder.join("bin/pip"), ["install", "-q", RATARMOUNT]);
        run::output(&mut { pip })?;
    }
    Ok(program)
}

/// Which files each process reads, and how many there are.
fn lists(bench: &Bench, tree: &Path) -> Result<(Vec<PathBuf>, usize)> {
    let mut names = Vec::new();
    for directory in fs::read_dir(tree)? {
        let directory = directory?;
        for file in fs::read_dir(directory.path())? {
            names.push(Path::new(&directory.file_name()).join(file?.file_name()));
        }
    }
    names.sort();
    // Steps of a length that shares no factor with the number of files come to each of them once.
    let reads = bench.scaled(READS) as usize;
    let step = (names.len() / 3..).find(|step| gcd(*step, names.len()) == 1).unwrap_or(1);
    let chosen: Vec<_> =
        (0..reads.min(names.len())).map(|number| &names[number * step % names.len()]).collect();
    let mut lists = Vec::new();
    for part in chosen.chunks(chosen.len().div_ceil(PROCESSES).max(1)) {
        let list = bench.scratch.join(format!("list-{}", lists.len()));
        let lines: Vec<_> = part.iter().map(|path| path.display().to_string()).collect();
        fs::write(&list, lines.join("\n"))?;
        lists.push(list);
    }
    Ok((lists, chosen.len()))
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Reads all lists at the same time.
fn cat(lists: &[PathBuf]) -> String {
    let one = |list: &PathBuf| format!("xargs cat < '{}' > /dev/null &", list.display());
    lists.iter().map(one).chain(["wait".to_owned()]).collect::<Vec<_>>().join(" ")
}

/// Seconds that a shell takes for something in a directory that was mounted for it; or, with nothing to do there, for mounting.
fn mounted(command: &[PathBuf], place: &Path, script: Option<&str>) -> Result<f64> {
    let Some((program, arguments)) = command.split_first() else { bail!("no command") };
    let empty: [&str; 0] = [];
    let start = Instant::now();
    // What stays in the background must not have a pipe that somebody waits for.
    let mut mounting = run::command(program, empty);
    mounting.args(arguments).arg(place);
    mounting.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    if !mounting.status()?.success() {
        bail!("`{}` failed", run::shown(&mounting));
    }
    while !is_mounted(place) {
        thread::sleep(Duration::from_millis(1));
    }
    let mounting = start.elapsed().as_secs_f64();
    let taken = script.map(|script| timed(run::command("sh", ["-c", script]).current_dir(place)));
    run::output(run::command("fusermount3", ["-u"]).arg(place))?;
    while is_mounted(place) {
        thread::sleep(Duration::from_millis(1));
    }
    taken.unwrap_or(Ok(mounting))
}

/// Whether it is another file system than the directory above.
fn is_mounted(place: &Path) -> bool {
    let mut asking = Command::new("mountpoint");
    run::succeeds(asking.arg("-q").arg(place))
}

/// How long mounting takes, the more files there are.
fn growth(bench: &Bench, place: &Path) -> Result<Curve> {
    let mut line = Line { name: "mount".to_owned(), points: Vec::new() };
    let pack = bench.scratch.join("many.pack");
    for count in [1_000, 10_000, 100_000].map(|count| bench.scaled(count)) {
        crate::bench::measure::remove(&pack)?;
        timed(&mut bench.pack(&bench.corpora.many(count as usize)?, &pack))?;
        let mount = ["mount", "-q", "--daemon"].map(PathBuf::from);
        let command: Vec<_> =
            [bench.program.clone()].into_iter().chain(mount).chain([pack.clone()]).collect();
        let rounds = (0..=bench.rounds).map(|_| mounted(&command, place, None));
        let seconds = rounds.collect::<Result<Vec<_>>>()?;
        line.points.push((count as f64, median(&seconds[1..])));
    }
    Ok(Curve { title: "mounting".to_owned(), across: "files".to_owned(), lines: vec![line] })
}
