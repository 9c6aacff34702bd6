//! Commands that are to survive whatever happens, and what must be true of what they leave.

use crate::power::Dice;
use rangepack::{
    Compression, CreateOptions, ExtractOptions, FinalizeOptions, GrowOptions, IndexFormat,
    IndexOptions, OpenOptions, PackPath, Sources,
};
use rangepack::{IndexTarget, Pack, PackOptions, RebuildOptions, VerifyOptions};
use rangepack::{add, create, extract, finalize, pack, rebuild, sync, verify};
use rangepack_core::Entry;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a child does, and where.
const CHILD: &str = "RANGEPACK_TEST_JOB";
const HOME: &str = "RANGEPACK_TEST_HOME";

/// Does in this process what [`Job::child`] asks for, if it does. To be called by a test named `child`.
pub fn child() {
    let (Ok(name), Ok(home)) = (std::env::var(CHILD), std::env::var(HOME)) else { return };
    if let Err(error) = (job(&name).run)(Path::new(&home)) {
        eprintln!("{error}");
        std::process::exit(9);
    }
}

/// How many entries were there already.
pub type Done = Result<u64, Box<dyn std::error::Error>>;

/// The job of this name.
pub fn job(name: &str) -> &'static Job {
    JOBS.iter().find(|job| job.name == name).unwrap()
}

impl Job {
    /// A directory in which it can run.
    pub fn home(&self) -> tempfile::TempDir {
        let home = place();
        fill(home.path());
        (self.before)(home.path());
        home
    }

    /// What was left in `home` is as it must be, and the same command goes on from there; how many entries it found.
    /// Otherwise `home` is kept, and told with `what` was done to it.
    pub fn goes_on(&self, home: tempfile::TempDir, what: &str) -> u64 {
        let told = std::panic::catch_unwind(|| {
            (self.at_once)(home.path());
            let known = (self.run)(home.path()).unwrap();
            (self.after)(home.path());
            known
        });
        told.unwrap_or_else(|panic| {
            eprintln!("{}: {what}: {:?}", self.name, home.keep());
            std::panic::resume_unwind(panic)
        })
    }

    /// A process that does it in `home`.
    pub fn child(&self, home: &Path) -> Command {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "child", "--nocapture"]).env(CHILD, self.name).env(HOME, home);
        child
    }
}

/// A command that is to survive.
#[derive(Debug)]
pub struct Job {
    /// What it is called.
    pub name: &'static str,
    /// What is there before.
    pub before: fn(&Path),
    /// How many entries were there already.
    pub run: fn(&Path) -> Done,
    /// What must be true of a state before anything is done about it.
    pub at_once: fn(&Path),
    /// What must be true when the same command has run again.
    pub after: fn(&Path),
}

/// All of them.
pub const JOBS: &[Job] = &[
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
        name: "add to a pack",
        before: packed,
        run: adds,
        at_once: keeps_a_generation,
        after: is_grown,
    },
    Job {
        name: "sync to a pack",
        before: packed,
        run: syncs,
        at_once: keeps_a_generation,
        after: is_grown,
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
    options.reopen = true;
    (options.finalize, options.pack.threads) = (true, 2);
    options
}

fn creates(home: &Path) -> Done {
    create(source(home), home.join("c"), &options(), &())
        .map(|created| created.summary.unchanged)
        .map_err(Into::into)
}

fn creates_in_batches(home: &Path) -> Done {
    let mut options = options();
    (options.fsync_every, options.index_batch) = (4, Some(7));
    options.pack.compress = Some(Compression::Gzip(1));
    create(source(home), home.join("c"), &options, &())
        .map(|created| created.summary.unchanged)
        .map_err(Into::into)
}

fn creates_old(home: &Path) -> Done {
    let mut options = options();
    options.pack.index.format = IndexFormat::Ndjson;
    create(source(home), home.join("c"), &options, &())
        .map(|created| created.summary.unchanged)
        .map_err(Into::into)
}

fn creates_alone(home: &Path) -> Done {
    let mut options = options();
    options.remove_index = true;
    create(source(home), home.join("c"), &options, &())
        .map(|created| created.summary.unchanged)
        .map_err(Into::into)
}

fn finalized(home: &Path) {
    create(part(home), home.join("c"), &options(), &()).unwrap();
}

fn finalized_alone(home: &Path) {
    finalized(home);
    fs::remove_file(home.join("c.idx")).unwrap();
}

fn open(home: &Path) {
    let mut options = options();
    options.finalize = false;
    create(source(home), home.join("c"), &options, &()).unwrap();
}

fn finalizes(home: &Path) -> Done {
    let mut options = FinalizeOptions::default();
    options.remove_index = true;
    match finalize(home.join("c"), None, &options, &()) {
        // It was done already.
        Err(rangepack::Error::Container { .. })
            if Pack::open(home.join("c")).unwrap().digest().is_some() =>
        {
            Ok(0)
        }
        done => done.map(|_| 0).map_err(Into::into),
    }
}

fn old(home: &Path) {
    creates_old(home).unwrap();
    fs::remove_file(home.join("c.idx")).unwrap();
}

fn fpack(home: &Path) {
    fs::copy(crate::file("fixtures/seed-formats/plain.fpack"), home.join("c")).unwrap();
}

fn indexes(home: &Path) -> Done {
    let target = IndexTarget::InPlace(IndexOptions::default());
    match rebuild(home.join("c"), &target, &RebuildOptions::default(), &()) {
        Err(rangepack::Error::Container {
            problem: rangepack::ContainerProblem::HasPagedIndex,
            ..
        }) => Ok(0),
        done => done.map(|_| 0).map_err(Into::into),
    }
}

fn packed(home: &Path) {
    pack(part(home), home.join("c"), &PackOptions::default(), &()).unwrap();
}

fn packs(home: &Path) -> Done {
    let mut options = PackOptions::default();
    (options.overwrite, options.fsync, options.threads) = (true, true, 2);
    pack(source(home), home.join("c"), &options, &()).map(|_| 0).map_err(Into::into)
}

fn adds(home: &Path) -> Done {
    let mut options = GrowOptions::default();
    options.pack.threads = 2;
    let mut sources = Sources::new(home);
    sources.add(&source(home), PackPath::ROOT)?;
    let grown = add(home.join("c"), sources, &options, &())?;
    Ok(u64::from(!grown.is_changed()))
}

fn syncs(home: &Path) -> Done {
    let mut options = GrowOptions::default();
    options.pack.threads = 2;
    let grown = sync(source(home), home.join("c"), &options, &())?;
    Ok(grown.summary.unchanged)
}

/// The pack is what it was, or what it was to become, and all of it is sound.
fn keeps_a_generation(home: &Path) {
    keeps_the_old(home);
    let pack = Pack::open(home.join("c")).unwrap();
    let generations: Vec<_> = pack.generations().map(Result::unwrap).collect();
    assert!((1..=2).contains(&generations.len()), "{generations:?}");
    for generation in generations {
        let options = OpenOptions::new().expected(generation.digest);
        let pack = Pack::open_with(home.join("c"), &options).unwrap();
        let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
        assert!(report.is_sound(), "{:?}", report.problems);
    }
}

fn is_grown(home: &Path) {
    is_whole(home);
    keeps_a_generation(home);
    assert!(!home.join("c.grow").exists());
    let pack = Pack::open(home.join("c")).unwrap();
    assert_eq!(pack.generations().count(), 2);
    assert_eq!(pack.file_len(), fs::metadata(home.join("c")).unwrap().len());
}

fn for_extraction(home: &Path) {
    pack(source(home), home.join("c"), &PackOptions::default(), &()).unwrap();
}

fn extracts(home: &Path) -> Done {
    let mut options = ExtractOptions::default();
    (options.fsync, options.threads) = (true, 1);
    let pack = Pack::open(home.join("c"))?;
    let report = extract(&pack, home.join("out"), &options, &())?;
    if !report.is_complete() {
        return Err("not everything could be extracted".into());
    }
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
    let original = Pack::open(crate::file("fixtures/seed-formats/plain.fpack")).unwrap();
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
    assert_eq!(not_extracted(home), [""; 0]);
}

/// Which files of the source are not there where they are extracted to.
pub fn not_extracted(home: &Path) -> Vec<String> {
    let out = home.join("out");
    let there = if out.exists() { files_of(&out) } else { BTreeMap::new() };
    files_of(&source(home)).into_keys().filter(|path| !there.contains_key(path)).collect()
}

/// A place in memory if there is one: what is tried here never waits for a disk.
pub fn place() -> tempfile::TempDir {
    let shared = Path::new("/dev/shm");
    let made = tempfile::tempdir_in(shared);
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

/// A test for each job, which calls a function with its name.
#[macro_export]
macro_rules! for_each_job {
    ($survives:ident) => {
        $crate::for_each_job! { $survives:
            create_one_by_one "create";
            create_batches "create in batches";
            create_old "create, old index only";
            add "add to a finalized container";
            add_alone "add to a finalized container without an index beside it";
            finalizing "finalize";
            in_place "index --in-place";
            in_place_fpack "index --in-place of an .fpack";
            packing "pack --force --fsync";
            adding "add to a pack";
            syncing "sync to a pack";
            extracting "extract --fsync";
        }
    };
    ($survives:ident: $($test:ident $name:literal;)*) => {
        $(#[test]
        fn $test() {
            $survives($name);
        })*

        #[test]
        fn all_jobs_are_tests() {
            let names: Vec<_> = $crate::jobs::JOBS.iter().map(|job| job.name).collect();
            assert_eq!(names, [$($name),*]);
        }
    };
}
