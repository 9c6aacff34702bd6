//! Kills `create` again and again: what the journal names is in the container, always.

use rangepack::{ContainerProblem, Error, Pack};
use rangepack::{CreateOptions, Tail, create};
use rangepack::{VerifyOptions, verify};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use support::journal;

/// Where the child is to work, and how long the container may become before it stops.
const CHILD: &str = "RANGEPACK_TEST_CREATE";
const LIMIT: &str = "RANGEPACK_TEST_LIMIT";

fn options() -> CreateOptions {
    let mut options = CreateOptions::default();
    options.reopen = true;
    options.fsync_every = 5;
    options.index_batch = Some(10);
    options.pack.threads = 2;
    options
}

/// Not a test by itself: the process that is killed.
#[test]
fn child() {
    let Some(home) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let limit = std::env::var(LIMIT).unwrap().parse().unwrap();
    let reins = Reins { container: home.join("c"), limit };
    // The test adds bytes that no run announced.
    let options = options().tail(Tail::Cut);
    create(home.join("source"), home.join("c"), &options, &reins).unwrap();
}

/// Stops when the container has become too long, and waits to be killed.
struct Reins {
    container: PathBuf,
    limit: u64,
}

impl rangepack::Observer for Reins {
    fn event(&self, _: rangepack::Event<'_>) {
        while len(&self.container) > self.limit {
            std::thread::park();
        }
    }
}

fn len(path: &Path) -> u64 {
    fs::metadata(path).map_or(0, |metadata| metadata.len())
}

fn spawn(home: &Path, limit: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kill::child"])
        .env(CHILD, home)
        .env(LIMIT, limit.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

fn fill(source: &Path) {
    let mut state = 7;
    for directory in 0..20 {
        let directory = source.join(format!("d{directory:02}"));
        fs::create_dir_all(&directory).unwrap();
        for file in 0..100 {
            let len = random(&mut state) % 3000;
            let bytes: Vec<u8> = (0..len).map(|_| random(&mut state) as u8).collect();
            fs::write(directory.join(format!("f{file:03}")), bytes).unwrap();
        }
        let large: Vec<u8> = (0..400_000u32).map(|_| random(&mut state) as u8).collect();
        if directory.ends_with("d03") || directory.ends_with("d11") {
            fs::write(directory.join("large"), large).unwrap();
        }
    }
}

fn check_finished(home: &Path) {
    let pack = Pack::open(home.join("c")).unwrap();
    let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    let mut files = 0;
    for directory in fs::read_dir(home.join("source")).unwrap() {
        for file in fs::read_dir(directory.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix(home.join("source")).unwrap();
            let packed = pack.read(name.as_os_str().as_encoded_bytes()).unwrap();
            assert_eq!(packed, fs::read(&path).unwrap());
            files += 1;
        }
    }
    assert_eq!(report.files, files);
}

fn leftovers(home: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(home).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.to_string_lossy().contains(".rangepack-")).collect()
}

#[test]
fn killed_and_continued_until_it_is_done() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    fill(&home.join("source"));
    let mut state = 42;
    let mut lines = 0;
    let mut kills = 0;
    for round in 0..25 {
        // How far it gets is what is random here, and at what moment it is killed then. It cannot get
        // much further, however late that is.
        let goal = len(&home.join("c")) + random(&mut state) % 300_000;
        let mut child = spawn(home, goal + 100_000);
        while len(&home.join("c")) < goal && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        let _ = child.kill();
        kills += u32::from(!child.wait().unwrap().success());
        let now = journal::check(home);
        assert!(now >= lines, "lines were lost: {lines}, then {now}");
        lines = now;
        if round == 8 && lines > 0 {
            let mut index = OpenOptions::new().append(true).open(home.join("c.idx")).unwrap();
            index.write_all(b"{\"relpath\": \"torn\", \"offs").unwrap();
        }
        if round == 12 {
            let mut container = OpenOptions::new().append(true).open(home.join("c")).unwrap();
            container.write_all(&[0xaa; 5000]).unwrap();
        }
    }
    assert!(kills > 0 && lines > 0);
    let options = options().tail(Tail::Cut).finalize(true);
    let created = create(home.join("source"), home.join("c"), &options, &()).unwrap();
    assert!(created.resumed.is_some());
    check_finished(home);
    assert_eq!(leftovers(home), Vec::<PathBuf>::new());
}

#[test]
fn a_lost_index_and_a_second_packer_are_refused() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let (source, container) = (home.join("source"), home.join("c"));
    fill(&source);
    // Another packer is at work: the first one's observer tries from within.
    struct Second<'s>(&'s Path, &'s Path, AtomicBool);
    impl rangepack::Observer for Second<'_> {
        fn event(&self, _: rangepack::Event<'_>) {
            if !self.2.swap(true, Ordering::Relaxed) {
                let refused = create(self.0, self.1, &options(), &());
                assert!(
                    matches!(
                        refused,
                        Err(Error::Container { problem: ContainerProblem::Locked, .. })
                    ),
                    "{refused:?}"
                );
            }
        }
    }
    let second = Second(&source, &container, AtomicBool::new(false));
    create(&source, &container, &options(), &second).unwrap();
    assert!(second.2.into_inner());
    assert_eq!(journal::check(home), 2022);

    let bytes = fs::read(&container).unwrap();
    let index = fs::read(home.join("c.idx")).unwrap();
    fs::remove_file(home.join("c.idx")).unwrap();
    let refused = create(&source, &container, &options(), &()).unwrap_err();
    let problem = |error| match error {
        Error::Container { problem, .. } => Some(problem),
        _ => None,
    };
    assert!(matches!(problem(refused), Some(ContainerProblem::IndexMissing { .. })));
    assert!(fs::read(&container).unwrap() == bytes);
    assert!(!home.join("c.idx").exists());

    fs::write(home.join("c.idx"), index).unwrap();
    let mut options = options();
    options.finalize = true;
    let created = create(&source, &container, &options, &()).unwrap();
    assert_eq!((created.summary.files, created.summary.unchanged), (0, 2022));
    check_finished(home);
}
