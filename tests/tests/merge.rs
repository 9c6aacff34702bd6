//! Packs of other packs: merged, read in every way, and without their parts.

use rangepack::{
    Compression, Error, ErrorKind, Event, ExtractOptions, Location, MergeInput, MergeOptions,
    MergeProblem, Merged, Observer, OnConflict, OpenOptions, Pack, PackOptions, PackPath,
    PackPathBuf, Sources, Verify, VerifyOptions, VolumeProblem, extract, merge, pack, pack_sources,
    split, verify,
};
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use support::frames::record;
use support::server::{Manner, Server};

/// A directory of its own.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.at(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Packs the directory `name`; the pack is `name.pack`.
    pub(crate) fn pack(&self, name: &str, options: &PackOptions) -> MergeInput {
        let target = self.at(&format!("{name}.pack"));
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        pack(self.at(name), &target, &options.clone().overwrite(true), &()).unwrap();
        MergeInput::new(&target)
    }

    pub(crate) fn merge(&self, inputs: &[MergeInput]) -> rangepack::Result<Merged> {
        merge(inputs, self.at("all.pack"), &MergeOptions::new().overwrite(true), &())
    }

    fn open(&self) -> Pack {
        let options = OpenOptions::new().verify(Verify::Payloads);
        Pack::open_with(self.at("all.pack"), &options).unwrap()
    }

    /// A tree in three parts, whose directories they share: records, a large file, links, what is empty.
    pub(crate) fn thirds(&self) -> Vec<MergeInput> {
        for number in 0..900 {
            let part = ["a", "b", "c"][number % 3];
            for root in [part, "whole"] {
                self.write(&format!("{root}/data/{}/{number}.json", number % 7), record(number));
            }
        }
        let large: Vec<u8> =
            (0..200_000u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        for root in ["b", "whole"] {
            self.write(&format!("{root}/data/large.bin"), &large);
            self.write(&format!("{root}/empty"), "");
        }
        let zstd = PackOptions::new().compress(Compression::Zstd(3));
        let zstd = zstd.index(rangepack::IndexOptions::paged());
        let gzip = PackOptions::new().compress(Compression::Gzip(6));
        vec![self.pack("a", &PackOptions::new()), self.pack("b", &gzip), self.pack("c", &zstd)]
    }
}

/// All paths in a pack.
pub(crate) fn paths(pack: &Pack) -> Vec<Vec<u8>> {
    pack.walk("").unwrap().map(|entry| entry.unwrap().path().unwrap().as_bytes().into()).collect()
}

#[test]
fn a_merged_pack_is_the_tree_of_all_its_parts() {
    let home = Home::new();
    let inputs = home.thirds();
    let merged = home.merge(&inputs).unwrap();
    assert_eq!((merged.volumes, merged.duplicates), (3, 0));
    let (all, whole) = (home.open(), home.at("whole.pack"));
    pack(home.at("whole"), &whole, &PackOptions::new(), &()).unwrap();
    let whole = Pack::open(whole).unwrap();
    assert_eq!(paths(&all), paths(&whole));
    assert_eq!(all.header().tree_digest, whole.header().tree_digest);
    assert_eq!(all.header().totals.bytes, whole.header().totals.bytes);
    for path in paths(&whole) {
        if whole.metadata(&path).unwrap().is_file() {
            assert_eq!(all.read(&path).unwrap(), whole.read(&path).unwrap());
        }
    }
    let mut large = all.open_file("data/large.bin").unwrap();
    large.seek(SeekFrom::Start(700_001)).unwrap();
    let mut slice = [0; 9];
    large.read_exact(&mut slice).unwrap();
    assert_eq!(slice, whole.read("data/large.bin").unwrap()[700_001..700_010]);
    assert!(verify(&all, &VerifyOptions::new(), &()).unwrap().is_sound());

    let first = fs::read(home.at("all.pack")).unwrap();
    home.merge(&inputs).unwrap();
    assert_eq!(fs::read(home.at("all.pack")).unwrap(), first);
}

#[test]
fn parts_lie_below_directories_and_in_merged_packs() {
    let home = Home::new();
    home.write("parts/x/f", "of x");
    home.write("y/f", "of y");
    let x = home.pack("parts/x", &PackOptions::new());
    let y = home.pack("y", &PackOptions::new());
    let below = |input: MergeInput, path: &str| {
        input.below(PackPathBuf::new(path.as_bytes().to_vec()).unwrap())
    };
    let inner = home.at("inner.pack");
    let inputs = [x, below(y, "deep/down")];
    merge(&inputs, &inner, &MergeOptions::new(), &()).unwrap();
    let merged = home.merge(&[below(MergeInput::new(&inner), "in")]).unwrap();
    assert_eq!(merged.volumes, 2);
    // The merged pack in between is not needed.
    fs::remove_file(&inner).unwrap();
    let all = home.open();
    assert_eq!(all.read("in/f").unwrap(), b"of x");
    assert_eq!(all.read("in/deep/down/f").unwrap(), b"of y");
    let names: Vec<_> = all.volumes().map(|volume| volume.unwrap().name.clone()).collect();
    assert_eq!(names, [&b"parts/x.pack"[..], b"y.pack"]);
    assert!(verify(&all, &VerifyOptions::new(), &()).unwrap().is_sound());
}

#[test]
fn equal_files_are_one_and_others_are_told() {
    let home = Home::new();
    for (part, content) in [("a", "one"), ("b", "one"), ("c", "two")] {
        home.write(&format!("{part}/dir/f"), content);
    }
    home.write("d/dir/f/g", "a directory");
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|name| home.pack(name, &PackOptions::new()));
    let merged = home.merge(&[a.clone(), b.clone()]).unwrap();
    assert_eq!((merged.duplicates, merged.finished.header.totals.files), (1, 1));

    let error = home.merge(&[a.clone(), b.clone(), c.clone()]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    let Error::Merge(problem) = &error else { panic!("{error}") };
    let MergeProblem::Content { path, first, second } = &**problem else { panic!("{error}") };
    assert_eq!((&**path, first, second), (&b"dir/f"[..], &a.location, &c.location));
    let error = home.merge(&[a.clone(), d]).unwrap_err();
    assert!(
        matches!(error, Error::Merge(problem) if matches!(*problem, MergeProblem::Kind { .. }))
    );
    // No pack is replaced by an index of itself; one that has no payloads of its own may be.
    let over = MergeOptions::new().overwrite(true);
    let error = merge(&[a.clone(), b.clone()], home.at("a.pack"), &over, &()).unwrap_err();
    assert!(matches!(error, Error::SameFile { .. }), "{error}");
    home.merge(&[MergeInput::new(home.at("all.pack")), a.clone()]).unwrap();
    let error = merge(std::slice::from_ref(&a), home.at("all.pack"), &MergeOptions::new(), &())
        .unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
    // Nothing was made, and what was there is as it was.
    assert_eq!(home.open().read("dir/f").unwrap(), b"one");

    for (which, content) in [(OnConflict::First, b"one"), (OnConflict::Last, b"two")] {
        let options = MergeOptions::new().on_conflict(which).overwrite(true);
        merge(&[a.clone(), c.clone()], home.at("all.pack"), &options, &()).unwrap();
        assert_eq!(home.open().read("dir/f").unwrap(), content);
    }
}

#[test]
fn what_is_wrong_with_a_part_is_told_of_what_needs_it() {
    let home = Home::new();
    home.write("a/f", "of a");
    home.write("b/g", "of b");
    home.write("other/g", "or b");
    let [a, b, other] = ["a", "b", "other"].map(|name| home.pack(name, &PackOptions::new()));
    home.merge(&[a.clone(), b]).unwrap();
    let problem = || match home.open().read("g").unwrap_err() {
        Error::Volume { volume, problem, .. } => {
            assert_eq!(volume, b"b.pack");
            problem
        }
        error => panic!("{error}"),
    };
    let b = fs::read(home.at("b.pack")).unwrap();
    fs::copy(home.at("other.pack"), home.at("b.pack")).unwrap();
    assert_eq!(fs::metadata(home.at("b.pack")).unwrap().len(), b.len() as u64);
    assert_eq!(problem(), VolumeProblem::OtherPack);
    fs::write(home.at("b.pack"), &b[1..]).unwrap();
    assert!(matches!(problem(), VolumeProblem::Length { .. }));
    fs::remove_file(home.at("b.pack")).unwrap();
    assert_eq!(problem(), VolumeProblem::Missing);
    // A payload that was changed under the same root page is damaged, and no more.
    fs::write(home.at("b.pack"), [b"OF B", &b[4..]].concat()).unwrap();
    assert!(home.open().read("g").unwrap_err().is_bad_pack());
    let report = verify(&home.open(), &VerifyOptions::new(), &()).unwrap();
    assert!(!report.is_sound());
    assert_eq!(home.open().read("f").unwrap(), b"of a");

    // Parts lie elsewhere only when the reader says so.
    fs::write(home.at("b.pack"), &b).unwrap();
    fs::create_dir(home.at("far")).unwrap();
    let far = home.at("far/all.pack");
    let error = merge(&[a.clone(), other], &far, &MergeOptions::new(), &()).unwrap_err();
    assert!(
        matches!(error, Error::Merge(problem) if matches!(*problem, MergeProblem::Elsewhere { .. }))
    );
    let here = rangepack::Location::Disk(home.at(""));
    let options = MergeOptions::new().volumes(here.clone());
    merge(&[a], &far, &options, &()).unwrap();
    assert!(Pack::open(&far).unwrap().read("f").is_err());
    let options = OpenOptions::new().volumes(here);
    assert_eq!(Pack::open_with(&far, &options).unwrap().read("f").unwrap(), b"of a");
}

#[test]
fn a_tree_that_was_split_packed_and_merged_is_the_tree() {
    let home = Home::new();
    home.thirds();
    fs::create_dir(home.at("whole/nothing in it")).unwrap();
    let lists = home.at("lists");
    let shares = split(home.at("whole"), 5, &lists, &PackOptions::new(), &()).unwrap().shares;
    assert_eq!(shares.iter().map(|share| share.files).sum::<u64>(), 902);
    let mut parts = Vec::new();
    for (number, share) in shares.iter().enumerate() {
        let mut sources = Sources::new(&home.at(""));
        for path in fs::read(&share.list).unwrap().split(|byte| *byte == 0) {
            if let Ok(path) = std::str::from_utf8(path)
                && !path.is_empty()
            {
                let place = PackPath::new(path.as_bytes()).unwrap();
                sources.add_alone(&home.at("whole").join(path), place).unwrap();
            }
        }
        let target = home.at(&format!("part-{number}.pack"));
        pack_sources(sources, &target, &PackOptions::new(), &()).unwrap();
        parts.push(MergeInput::new(&target));
    }
    home.merge(&parts).unwrap();
    let whole = home.at("one.pack");
    pack(home.at("whole"), &whole, &PackOptions::new(), &()).unwrap();
    let (all, whole) = (home.open(), Pack::open(whole).unwrap());
    assert_eq!(paths(&all), paths(&whole));
    assert_eq!(all.header().tree_digest, whole.header().tree_digest);
    for path in ["nothing in it", "data", "data/3"] {
        assert_eq!(all.metadata(path).unwrap().mtime, whole.metadata(path).unwrap().mtime);
    }
}

#[test]
fn parts_at_a_server_are_verified_and_extracted() {
    let home = Home::new();
    let server = Server::start(Manner::Normal);
    let inputs: Vec<MergeInput> = home
        .thirds()
        .into_iter()
        .zip(["one", "two", "three"])
        .map(|(part, name)| {
            let bytes = fs::read(part.location.disk().unwrap()).unwrap();
            MergeInput::new(server.put(&format!("parts/{name}.pack"), bytes).as_str())
        })
        .collect();
    let base = Location::from(server.url("parts").as_str());
    let all = home.at("all.pack");
    merge(&inputs, &all, &MergeOptions::new().volumes(base.clone()), &()).unwrap();
    let open = || Pack::open_with(&all, &OpenOptions::new().volumes(base.clone())).unwrap();
    assert!(open().is_remote());
    let report = extract(&open(), home.at("out"), &ExtractOptions::new(), &()).unwrap();
    assert_eq!((report.files, report.failed), (902, 0));
    assert!(verify(&open(), &VerifyOptions::new(), &()).unwrap().is_sound());
    for number in 0..900 {
        let path = format!("data/{}/{number}.json", number % 7);
        assert_eq!(fs::read(home.at("out").join(path)).unwrap(), record(number));
    }
    // What a server sends is not believed, also when the index lies on the disk.
    let mut lied = fs::read(home.at("a.pack")).unwrap();
    lied[3] ^= 1;
    server.put("parts/one.pack", lied);
    assert!(open().read("data/0/0.json").unwrap_err().is_bad_pack());
}

#[test]
fn of_very_many_parts_few_stay_open() {
    let home = Home::new();
    // All are written first: packing waits for what was written this moment.
    for number in 0..600 {
        home.write(&format!("{number}/f{number}"), number.to_string());
    }
    let pack = |number: i32| home.pack(&number.to_string(), &PackOptions::new());
    let inputs: Vec<MergeInput> = (0..600).map(pack).collect();
    let merged = home.merge(&inputs).unwrap();
    assert_eq!(merged.volumes, 600);
    drop(inputs);
    let all = home.open();
    for number in 0..600 {
        assert_eq!(all.read(format!("f{number}")).unwrap(), number.to_string().into_bytes());
    }
    #[cfg(target_os = "linux")]
    assert!(fs::read_dir("/proc/self/fd").unwrap().count() < 560);
    assert!(verify(&all, &VerifyOptions::new(), &()).unwrap().is_sound());
}

/// Parts whose indexes have several leaves each: two that take turns in one directory, and one that has its own.
fn several_leaves(home: &Home) -> Vec<MergeInput> {
    for number in 0..6_000 {
        let (part, directory) = match number % 3 {
            0 => ("a", "shared"),
            1 => ("b", "shared"),
            _ => ("c", "own"),
        };
        for root in [part, "whole"] {
            home.write(&format!("{root}/{directory}/{number:05}-{:08x}", number * 77), []);
        }
    }
    ["a", "b", "c"].map(|part| home.pack(part, &PackOptions::new())).into()
}

#[test]
fn leaves_that_are_taken_whole_and_entries_in_turn_give_the_same_tree() {
    let home = Home::new();
    let inputs = several_leaves(&home);
    let merged = home.merge(&inputs).unwrap();
    let whole = pack(home.at("whole"), home.at("whole.pack"), &PackOptions::new(), &()).unwrap();
    let [merged, whole] = [merged.finished.header, whole.finished.header];
    assert_eq!((merged.entries, merged.tree_digest), (whole.entries, whole.tree_digest));
    assert!(merged.tree_digest.is_some() && merged.entries == 6_002);
    assert_eq!(paths(&home.open()), paths(&Pack::open(home.at("whole.pack")).unwrap()));
    assert!(verify(&home.open(), &VerifyOptions::new(), &()).unwrap().is_sound());
}

#[test]
fn a_damaged_page_in_the_middle_of_a_part_leaves_nothing() {
    let home = Home::new();
    let inputs = several_leaves(&home);
    for part in ["a", "c"] {
        let at = home.at(&format!("{part}.pack"));
        let pages = Pack::open(&at).unwrap().header().pages();
        assert!(pages.len > 3 * 32_768);
        let whole = fs::read(&at).unwrap();
        let mut damaged = whole.clone();
        damaged[usize::try_from(pages.start).unwrap() + 2 * 32_768 + 200] ^= 1;
        fs::write(&at, damaged).unwrap();
        let error = home.merge(&inputs).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(!home.at("all.pack").exists());
        fs::write(&at, whole).unwrap();
    }
    home.merge(&inputs).unwrap();
}

#[test]
fn a_merge_that_is_stopped_half_way_leaves_nothing() {
    /// Stops after so many entries.
    struct Impatient(AtomicU64);
    impl Observer for Impatient {
        fn event(&self, event: Event<'_>) {
            if matches!(event, Event::Done { .. }) {
                self.0.fetch_sub(1, Ordering::Relaxed);
            }
        }
        fn cancelled(&self) -> bool {
            self.0.load(Ordering::Relaxed) == 0
        }
    }
    let home = Home::new();
    let inputs = several_leaves(&home);
    for (after, copy) in [(1, false), (3_000, false), (5_999, false), (3_000, true)] {
        let options = MergeOptions::new().copy(copy);
        let stopped = merge(&inputs, home.at("all.pack"), &options, &Impatient(after.into()));
        assert!(stopped.unwrap_err().is_cancelled());
        assert!(!home.at("all.pack").exists());
    }
}
