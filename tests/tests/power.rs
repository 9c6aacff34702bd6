//! Power cuts at any moment, as a disk may live through them: what was durable stays, and the same command goes on.
//!
//! `RANGEPACK_STATES` says how many states are tried for each command.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use rangepack::{CreateOptions, ExtractOptions, FinalizeOptions, IndexFormat, IndexOptions};
use rangepack::{IndexTarget, Pack, PackOptions, RebuildOptions, VerifyOptions};
use rangepack::{create, extract, finalize, pack, rebuild, verify};
use rangepack_core::Entry;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::power::{Dice, cut, durable};
use support::trace::{Op, Trace, record};

/// What the child does, and where.
const CHILD: &str = "RANGEPACK_TEST_POWER";
const HOME: &str = "RANGEPACK_TEST_HOME";

/// Not a test by itself: the process that is watched.
#[test]
fn child() {
    let (Ok(name), Ok(home)) = (std::env::var(CHILD), std::env::var(HOME)) else { return };
    let job = JOBS.iter().find(|job| job.name == name).unwrap();
    (job.run)(Path::new(&home)).unwrap();
}

/// A command that is to survive.
struct Job {
    name: &'static str,
    /// What is there before.
    before: fn(&Path),
    /// How many entries were there already.
    run: fn(&Path) -> rangepack::Result<u64>,
    /// What must be true of a state before anything is done about it.
    at_once: fn(&Path),
    /// What must be true when the same command has run again.
    after: fn(&Path),
}

const JOBS: &[Job] = &[
    Job { name: "create", before: nothing, run: creates, at_once: whole_lines, after: is_whole },
    Job {
        name: "create in batches",
        before: nothing,
        run: creates_in_batches,
        at_once: whole_lines,
        after: is_whole,
    },
    Job {
        name: "create, old index only",
        before: nothing,
        run: creates_old,
        at_once: whole_lines,
        after: is_whole,
    },
    Job {
        name: "add to a finalized container",
        before: finalized,
        run: creates,
        at_once: keeps_the_old,
        after: is_whole,
    },
    Job {
        name: "add to a finalized container without an index beside it",
        before: finalized_alone,
        run: creates_alone,
        at_once: keeps_the_old,
        after: is_whole,
    },
    Job { name: "finalize", before: open, run: finalizes, at_once: keeps_all, after: is_whole },
    Job {
        name: "index --in-place",
        before: old,
        run: indexes,
        at_once: keeps_all,
        after: is_whole,
    },
    Job {
        name: "index --in-place of an .fpack",
        before: fpack,
        run: indexes,
        at_once: keeps_fpack,
        after: keeps_fpack,
    },
    Job {
        name: "pack --force --fsync",
        before: packed,
        run: packs,
        at_once: keeps_the_old,
        after: is_whole,
    },
    Job {
        name: "extract --fsync",
        before: for_extraction,
        run: extracts,
        at_once: extracted,
        after: all_extracted,
    },
];

fn source(home: &Path) -> PathBuf {
    home.join("s-source")
}

/// Part of the source, which an earlier run packed.
fn part(home: &Path) -> PathBuf {
    home.join("s-part")
}

fn fill(home: &Path) {
    let mut dice = Dice::new(7);
    let noise =
        |dice: &mut Dice, len: u64| (0..len).map(|_| dice.below(256) as u8).collect::<Vec<u8>>();
    for (directory, files) in [(source(home), 24), (part(home), 9)] {
        let mut dice = dice.clone();
        fs::create_dir_all(directory.join("d")).unwrap();
        for file in 0..files {
            let len = dice.below(3000);
            let name = if file % 3 == 0 { format!("d/{file:02}") } else { format!("{file:02}") };
            fs::write(directory.join(name), noise(&mut dice, len)).unwrap();
        }
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        for path in files_of(&directory).into_keys() {
            fs::File::options()
                .write(true)
                .open(directory.join(path))
                .unwrap()
                .set_modified(time)
                .unwrap();
        }
    }
    fs::write(source(home).join("large"), noise(&mut dice, 300_000)).unwrap();
}

fn files_of(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut stack = vec![PathBuf::new()];
    while let Some(below) = stack.pop() {
        for entry in fs::read_dir(directory.join(&below)).unwrap() {
            let entry = entry.unwrap();
            let path = below.join(entry.file_name());
            match entry.file_type().unwrap().is_dir() {
                true => stack.push(path),
                false => {
                    let bytes = fs::read(entry.path()).unwrap();
                    files.insert(path.to_str().unwrap().to_owned(), bytes);
                }
            }
        }
    }
    files
}

fn nothing(_: &Path) {}

fn options() -> CreateOptions {
    let mut options = CreateOptions::default();
    (options.finalize, options.pack.threads) = (true, 2);
    options
}

fn creates(home: &Path) -> rangepack::Result<u64> {
    create(&source(home), &home.join("c"), &options(), &()).map(|created| created.summary.unchanged)
}

fn creates_in_batches(home: &Path) -> rangepack::Result<u64> {
    let mut options = options();
    (options.fsync_every, options.index_batch) = (4, Some(7));
    options.pack.compress = Some(1);
    create(&source(home), &home.join("c"), &options, &()).map(|created| created.summary.unchanged)
}

fn creates_old(home: &Path) -> rangepack::Result<u64> {
    let mut options = options();
    options.pack.index.format = IndexFormat::Ndjson;
    create(&source(home), &home.join("c"), &options, &()).map(|created| created.summary.unchanged)
}

fn creates_alone(home: &Path) -> rangepack::Result<u64> {
    let mut options = options();
    options.remove_index = true;
    create(&source(home), &home.join("c"), &options, &()).map(|created| created.summary.unchanged)
}

fn finalized(home: &Path) {
    create(&part(home), &home.join("c"), &options(), &()).unwrap();
}

fn finalized_alone(home: &Path) {
    finalized(home);
    fs::remove_file(home.join("c.idx")).unwrap();
}

fn open(home: &Path) {
    let mut options = options();
    options.finalize = false;
    create(&source(home), &home.join("c"), &options, &()).unwrap();
}

fn finalizes(home: &Path) -> rangepack::Result<u64> {
    let mut options = FinalizeOptions::default();
    options.remove_index = true;
    match finalize(&home.join("c"), None, &options, &()) {
        // It was done already.
        Err(rangepack::Error::Container { .. })
            if Pack::open(home.join("c")).unwrap().digest().is_some() =>
        {
            Ok(0)
        }
        done => done.map(|_| 0),
    }
}

fn old(home: &Path) {
    creates_old(home).unwrap();
    fs::remove_file(home.join("c.idx")).unwrap();
}

fn fpack(home: &Path) {
    fs::copy(support::file("fixtures/seed-formats/plain.fpack"), home.join("c")).unwrap();
}

fn indexes(home: &Path) -> rangepack::Result<u64> {
    let target = IndexTarget::InPlace(IndexOptions::default());
    match rebuild(&home.join("c"), &target, &RebuildOptions::default(), &()) {
        Err(rangepack::Error::Container {
            problem: rangepack::ContainerProblem::HasPagedIndex,
            ..
        }) => Ok(0),
        done => done.map(|_| 0),
    }
}

fn packed(home: &Path) {
    pack(&part(home), &home.join("c"), &PackOptions::default(), &()).unwrap();
}

fn packs(home: &Path) -> rangepack::Result<u64> {
    let mut options = PackOptions::default();
    (options.overwrite, options.fsync, options.threads) = (true, true, 2);
    pack(&source(home), &home.join("c"), &options, &()).map(|_| 0)
}

fn for_extraction(home: &Path) {
    pack(&source(home), &home.join("c"), &PackOptions::default(), &()).unwrap();
}

fn extracts(home: &Path) -> rangepack::Result<u64> {
    let mut options = ExtractOptions::default();
    (options.fsync, options.threads) = (true, 1);
    let pack = Pack::open(home.join("c"))?;
    let report = extract(&pack, &home.join("out"), &options, &())?;
    assert!(report.is_complete());
    Ok(0)
}

/// Every line that can be read speaks the truth.
fn whole_lines(home: &Path) {
    if home.join("c.idx").exists() && home.join("c").exists() {
        let Ok(pack) = Pack::open(home.join("c")) else { return };
        let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
        assert_eq!(report.bad, 0, "{:?}", report.problems);
    }
}

fn holds(home: &Path, expected: &BTreeMap<String, Vec<u8>>) {
    let pack = Pack::open(home.join("c")).unwrap();
    for (path, bytes) in expected {
        assert!(pack.read(path).unwrap() == *bytes, "{path}");
    }
}

fn keeps_the_old(home: &Path) {
    holds(home, &files_of(&part(home)));
}

fn keeps_all(home: &Path) {
    holds(home, &files_of(&source(home)));
}

fn keeps_fpack(home: &Path) {
    let pack = Pack::open(home.join("c")).unwrap();
    let original = Pack::open(support::file("fixtures/seed-formats/plain.fpack")).unwrap();
    let mut files = 0;
    for entry in original.entries() {
        let entry: Entry = entry.unwrap().to_entry().unwrap();
        if matches!(entry.kind, rangepack_core::Kind::File(_)) {
            let path = entry.path.as_bytes();
            assert!(pack.read(path).unwrap() == original.read(path).unwrap());
            files += 1;
        }
    }
    assert!(files > 3);
}

fn is_whole(home: &Path) {
    keeps_all(home);
    let pack = Pack::open(home.join("c")).unwrap();
    let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    let expected = files_of(&source(home)).len() as u64;
    assert!(report.files >= expected);
    assert!(pack.notes().unfinished.is_none());
}

/// What has its name is whole.
fn extracted(home: &Path) {
    if !home.join("out").exists() {
        return;
    }
    let whole = files_of(&source(home));
    for (path, bytes) in files_of(&home.join("out")) {
        let name = path.rsplit('/').next().unwrap();
        if !name.starts_with('.') {
            assert!(whole[&path] == bytes, "{path}");
        }
    }
}

fn all_extracted(home: &Path) {
    extracted(home);
    let there = files_of(&home.join("out"));
    assert!(files_of(&source(home)).keys().all(|path| there.contains_key(path)));
}

/// A place in memory if there is one: what is tried here never waits for a disk.
fn place() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    let made = tempfile::tempdir_in(shared);
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

fn trace(job: &Job) -> (tempfile::TempDir, Trace) {
    let home = place();
    fill(home.path());
    (job.before)(home.path());
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "child"]).env(CHILD, job.name).env(HOME, home.path());
    let trace = record(&mut child, home.path(), "s-");
    (job.after)(home.path());
    (home, trace)
}

fn survives(name: &str) {
    let job = JOBS.iter().find(|job| job.name == name).unwrap();
    let states = std::env::var("RANGEPACK_STATES").map_or(40, |states| states.parse().unwrap());
    let (home, trace) = trace(job);
    assert!(trace.ops.iter().any(|op| matches!(op, Op::Sync { .. })));
    for seed in 0..states {
        let mut dice = Dice::new(seed);
        let done = dice.below(trace.ops.len() as u64 + 1) as usize;
        let state = place();
        for source in ["s-source", "s-part"] {
            std::os::unix::fs::symlink(home.path().join(source), state.path().join(source))
                .unwrap();
        }
        cut(&trace, done, &mut dice, state.path());
        let lines = durable(&trace, done, "c.idx");
        let is_line = |line: &&[u8]| line.starts_with(b"{");
        let lines = lines.split(|byte| *byte == b'\n').filter(is_line).count() as u64;
        let told = std::panic::catch_unwind(|| {
            (job.at_once)(state.path());
            let known = (job.run)(state.path()).unwrap();
            assert!(!name.starts_with("create") || known >= lines, "{known} of {lines} lines");
            (job.after)(state.path());
        });
        if let Err(panic) = told {
            eprintln!(
                "{name}: state {seed}, after {done} of {}: {:?}",
                trace.ops.len(),
                state.keep()
            );
            std::panic::resume_unwind(panic);
        }
    }
    println!("{name}: {states} states of {} calls", trace.ops.len());
}

macro_rules! jobs {
    ($($test:ident: $name:literal;)*) => {
        $(#[test]
        fn $test() {
            survives($name);
        })*

        #[test]
        fn all_jobs_are_tests() {
            let names: Vec<_> = JOBS.iter().map(|job| job.name).collect();
            assert_eq!(names, [$($name),*]);
        }
    };
}

jobs! {
    create_one_by_one: "create";
    create_batches: "create in batches";
    create_old: "create, old index only";
    add: "add to a finalized container";
    add_alone: "add to a finalized container without an index beside it";
    finalizing: "finalize";
    in_place: "index --in-place";
    in_place_fpack: "index --in-place of an .fpack";
    packing: "pack --force --fsync";
    extracting: "extract --fsync";
}
