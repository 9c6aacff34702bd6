//! Random sequences of everything that is done to a container, against a plain map of what must be in it.
//!
//! `RANGEPACK_SEQUENCES` says how many sequences are tried.

use proptest::prelude::*;
use rangepack::{CreateOptions, ExtractOptions, FinalizeOptions, IndexFormat, IndexOptions};
use rangepack::{IndexTarget, NdjsonOptions, Observer, Pack, RebuildOptions, VerifyOptions};
use rangepack::{create, extract, finalize, rebuild, sidecar_path, verify, write_ndjson};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Something that is done.
#[derive(Debug, Clone)]
enum Step {
    /// A file of the source gets this content.
    Write(u8, Vec<u8>),
    Remove(u8),
    /// The source is packed, and what comes then.
    Create {
        compress: bool,
        batch: u64,
        finish: Option<IndexFormat>,
        remove: bool,
    },
    /// The same, stopped when it was asked so often whether to go on.
    Stopped {
        after: usize,
        batch: u64,
    },
    Finalize(IndexFormat),
    InPlace,
    Beside,
    /// The index beside it is written anew from the one inside.
    Ndjson,
    /// The index beside it goes, if there is one inside.
    Forget,
    Extract,
}

fn format() -> impl Strategy<Value = IndexFormat> {
    prop_oneof![Just(IndexFormat::Both), Just(IndexFormat::Paged), Just(IndexFormat::Ndjson)]
}

fn step() -> impl Strategy<Value = Step> {
    let content = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..2000),
        (any::<u8>(), 200_000..600_000usize).prop_map(|(byte, len)| vec![byte; len]),
    ];
    prop_oneof![
        6 => (0..12u8, content).prop_map(|(name, content)| Step::Write(name, content)),
        1 => (0..12u8).prop_map(Step::Remove),
        4 => (any::<bool>(), 1..5u64, proptest::option::of(format()), any::<bool>())
            .prop_map(|(compress, batch, finish, remove)| Step::Create { compress, batch, finish, remove }),
        3 => (0..8usize, 1..5u64).prop_map(|(after, batch)| Step::Stopped { after, batch }),
        1 => format().prop_map(Step::Finalize),
        1 => Just(Step::InPlace),
        1 => Just(Step::Beside),
        1 => Just(Step::Ndjson),
        1 => Just(Step::Forget),
        1 => Just(Step::Extract),
    ]
}

struct StopAfter(AtomicUsize);

impl Observer for StopAfter {
    fn cancelled(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_err()
    }
}

struct Model {
    home: tempfile::TempDir,
    /// What the container must hold.
    packed: BTreeMap<String, Vec<u8>>,
    source: BTreeMap<String, Vec<u8>>,
    /// No two files get the same time.
    clock: u64,
}

/// In directories, too.
fn name(number: u8) -> String {
    if number.is_multiple_of(3) {
        format!("d{}/f{number}", number % 2)
    } else {
        format!("f{number}")
    }
}

impl Model {
    fn at(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn pack(&self) -> Option<Pack> {
        self.at("c").exists().then(|| Pack::open(self.at("c")).unwrap())
    }

    fn options(&self, batch: u64) -> CreateOptions {
        let mut options = CreateOptions::default();
        options.reopen = true;
        (options.fsync_every, options.index_batch) = (batch, Some(batch));
        options.pack.threads = 2;
        options
    }

    fn create(&mut self, options: &CreateOptions, observer: &dyn Observer) {
        match create(self.at("source"), self.at("c"), options, observer) {
            Ok(_) => self.packed.extend(self.source.clone()),
            Err(error) => {
                assert!(error.is_cancelled(), "{error}");
                // Each file is as it was before, or as it is now.
                let found = self.pack().map(|pack| contents(&pack)).unwrap_or_default();
                for (path, content) in &found {
                    let known = [self.packed.get(path), self.source.get(path)];
                    assert!(known.contains(&Some(content)), "{path}");
                }
                assert!(self.packed.keys().all(|path| found.contains_key(path)));
                self.packed = found;
            }
        }
    }

    fn run(&mut self, step: Step) {
        match step {
            Step::Write(number, content) => {
                let path = self.at("source").join(name(number));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &content).unwrap();
                self.clock += 1;
                let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(self.clock);
                fs::File::options().write(true).open(&path).unwrap().set_modified(time).unwrap();
                self.source.insert(name(number), content);
            }
            Step::Remove(number) => {
                let _ = fs::remove_file(self.at("source").join(name(number)));
                self.source.remove(&name(number));
            }
            Step::Create { compress, batch, finish, remove } => {
                let mut options = self.options(batch);
                options.pack.compress = compress.then_some(rangepack::Compression::Gzip(1));
                options.finalize = finish.is_some();
                options.remove_index = remove && options.finalize;
                options.pack.index.format = finish.unwrap_or_default();
                self.create(&options, &());
            }
            Step::Stopped { after, batch } => {
                let options = self.options(batch);
                self.create(&options, &StopAfter(AtomicUsize::new(after)));
            }
            Step::Finalize(format) => {
                let mut options = FinalizeOptions::default();
                options.index.format = format;
                // It may be done already, or there is nothing yet.
                let _ = finalize(self.at("c"), None, &options, &());
            }
            Step::InPlace => {
                let target = IndexTarget::InPlace(IndexOptions::default());
                let _ = rebuild(self.at("c"), &target, &RebuildOptions::default(), &());
            }
            Step::Beside => {
                // It speaks of the container as it is, and would be in the way of all that comes.
                let (container, sidecar) = (self.at("c"), sidecar_path(&self.at("c")));
                let target = IndexTarget::Beside(sidecar.clone());
                if rebuild(&container, &target, &RebuildOptions::default(), &()).is_ok() {
                    self.check();
                    fs::remove_file(sidecar).unwrap();
                }
            }
            Step::Ndjson => {
                if let Some(pack) = self.pack().filter(|pack| pack.digest().is_some()) {
                    let mut options = NdjsonOptions::default();
                    options.overwrite = true;
                    write_ndjson(&pack, self.at("c.idx"), options, &()).unwrap();
                }
            }
            Step::Forget => {
                if self.pack().is_some_and(|pack| pack.digest().is_some()) {
                    let _ = fs::remove_file(self.at("c.idx"));
                }
            }
            Step::Extract => {
                if let Some(pack) = self.pack() {
                    let out = self.at("out");
                    let report = extract(&pack, &out, &ExtractOptions::default(), &()).unwrap();
                    assert!(report.is_complete());
                    for (path, content) in &self.packed {
                        assert!(fs::read(out.join(path)).unwrap() == *content, "{path}");
                    }
                    fs::remove_dir_all(out).unwrap();
                }
            }
        }
        self.check();
    }

    /// The container holds what the map does, and is sound; while a run that was interrupted has not gone on, as far as it is there.
    fn check(&self) {
        let Some(pack) = self.pack() else { return assert!(self.packed.is_empty()) };
        assert!(contents(&pack) == self.packed);
        let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
        assert_eq!((report.bad, report.structural, report.left_out), (0, 0, 0), "{report:?}");
        let notes = pack.notes();
        assert_eq!(report.is_partial, notes.unfinished.is_some_and(|open| open.is_half_made()));
        for entry in fs::read_dir(self.home.path()).unwrap() {
            let name = entry.unwrap().file_name();
            assert!(
                ["source", "c", "c.idx", "c.rpx"].contains(&name.to_str().unwrap()),
                "{name:?}"
            );
        }
    }
}

fn contents(pack: &Pack) -> BTreeMap<String, Vec<u8>> {
    let mut contents = BTreeMap::new();
    for entry in pack.entries() {
        let entry = entry.unwrap();
        if !entry.is_directory() {
            let path = entry.path().unwrap();
            let text = String::from_utf8(path.as_bytes().to_vec()).unwrap();
            contents.insert(text, pack.read(path.as_bytes()).unwrap());
        }
    }
    contents
}

fn sequences() -> u32 {
    std::env::var("RANGEPACK_SEQUENCES").map_or(16, |sequences| sequences.parse().unwrap())
}

fn place() -> tempfile::TempDir {
    // What is tried here need not wait for a disk.
    tempfile::tempdir_in(Path::new("/dev/shm")).or_else(|_| tempfile::tempdir()).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: sequences(), ..ProptestConfig::default() })]

    #[test]
    fn a_container_holds_what_was_packed(steps in proptest::collection::vec(step(), 1..25)) {
        let home = place();
        fs::create_dir(home.path().join("source")).unwrap();
        let (packed, source) = (BTreeMap::new(), BTreeMap::new());
        let mut model = Model { home, packed, source, clock: 1_000_000_000 };
        steps.into_iter().for_each(|step| model.run(step));
    }
}
