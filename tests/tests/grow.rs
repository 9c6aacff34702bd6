//! Packs that grow by generations: what each of them holds, and what is left when growing is stopped.

use rangepack::{
    Compression, ContainerProblem, Dictionaries, Error, ErrorKind, Event, GrowOptions, GrowProblem,
    Grown, IndexFormat, IndexOptions, Kind, MergeInput, MergeOptions, Observer, OpenOptions, Pack,
    PackOptions, PackPath, Sources, Verify, VerifyOptions, add, compare, merge, pack, remove, sync,
    sync_pack, verify,
};
use rangepack_core::Tag;
use rangepack_core::layout::{GrowthNote, Section};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use support::forge::Forge;
use support::frames::record;
use support::server::{Manner, Server};

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file below `first`, and below `all`, all with one time.
    fn write(&self, roots: &[&str], name: &str, content: impl AsRef<[u8]>) {
        for root in roots {
            let path = self.at(root).join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &content).unwrap();
        }
    }

    /// A tree in two parts, and all of it: the second has other content at some paths.
    fn halves(&self) {
        let large: Vec<u8> =
            (0..200_000u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        for number in 0..400 {
            let name = format!("data/{}/{number}.json", number % 7);
            match number % 4 {
                0 => self.write(&["a"], &name, b"is replaced"),
                1 | 2 => self.write(&["a", "all"], &name, record(number)),
                _ => {}
            }
            if number % 4 == 0 || number % 4 == 3 {
                self.write(&["b", "all"], &name, record(number));
            }
        }
        self.write(&["a", "all"], "large", &large);
        self.write(&["b", "all"], "a copy/large", &large);
        self.write(&["a", "all"], "first/empty", "");
        self.write(&["b", "all"], "last/file", "of b");
        self.settle();
    }

    /// All directories and files have one time, for which nobody has to wait.
    fn settle(&self) {
        settle(self.0.path());
    }

    fn pack(&self, name: &str, options: &PackOptions) -> PathBuf {
        let target = self.at(&format!("{name}.pack"));
        pack(self.at(name), &target, &options.clone().overwrite(true), &()).unwrap();
        target
    }

    fn add(&self, target: &Path, name: &str, options: &PackOptions) -> rangepack::Result<Grown> {
        let mut sources = Sources::new(self.0.path());
        sources.add(&self.at(name), PackPath::ROOT).unwrap();
        add(target, sources, &GrowOptions::new().pack(options.clone()), &())
    }
}

fn settle(path: &Path) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| settle(&entry.unwrap().path()));
    }
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let file = fs::File::open(path).unwrap();
    file.set_modified(time).unwrap();
}

fn open(path: &Path) -> Pack {
    Pack::open_with(path, &OpenOptions::new().verify(Verify::Payloads)).unwrap()
}

fn is_sound(pack: &Pack) {
    let report = verify(pack, &VerifyOptions::new(), &()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
}

/// What a pack says of each path, but for where payloads lie.
fn told(pack: &Pack) -> Vec<(Vec<u8>, String, Vec<u8>)> {
    let told = |entry: rangepack::Result<rangepack::EntryRef<'_>>| {
        let entry = entry.unwrap().to_entry().unwrap();
        let path = entry.path.as_bytes().to_vec();
        let (kind, content) = match &entry.kind {
            Kind::File(content) => {
                let bytes = pack.read(&path).unwrap();
                (format!("file {:?} {:?}", content.content_digest(), content.hard_link), bytes)
            }
            Kind::Directory(totals) => {
                (format!("{} {} {}", totals.files, totals.directories, totals.bytes), Vec::new())
            }
            Kind::Symlink(target) => ("link".to_owned(), target.clone()),
        };
        (path, format!("{kind} {:?} {:?} {:?}", entry.mode, entry.mtime, entry.owner), content)
    };
    pack.entries().map(told).collect()
}

#[test]
fn what_was_added_is_as_if_packed_at_once() {
    let home = Home::new();
    home.halves();
    let zstd = PackOptions::new().compress(Compression::Zstd(3)).index(IndexOptions::paged());
    for (options, has_trailer) in [
        (PackOptions::new(), true),
        (PackOptions::new().compress(Compression::Gzip(6)).index(IndexOptions::paged()), false),
        (zstd.clone(), false),
        (zstd.dictionaries(Dictionaries::Size(4096)), false),
    ] {
        let whole = open(&home.pack("all", &options));
        let target = home.pack("a", &options);
        let before = open(&target);
        let (told_before, digest) = (told(&before), before.digest());
        let grown = home.add(&target, "b", &options).unwrap();
        assert_eq!((grown.changed, grown.removed, grown.previous), (100, 0, digest));
        assert!(grown.payload_bytes < 200_000, "the large file is not stored again");
        let now = open(&target);
        assert_eq!(told(&now), told(&whole));
        assert_eq!(now.header().tree_digest, whole.header().tree_digest);
        assert_eq!(now.header().totals.bytes, whole.header().totals.bytes);
        assert_eq!(now.header().section(Tag::TRAILER).is_some(), has_trailer);
        is_sound(&now);

        // The old one is still there, whoever opens it, and whoever had it open.
        assert_eq!(told(&before), told_before);
        let old = OpenOptions::new().expected(digest.unwrap()).verify(Verify::Payloads);
        let old = Pack::open_with(&target, &old).unwrap();
        assert_eq!(told(&old), told_before);
        is_sound(&old);
        let generations: Vec<_> = now.generations().map(Result::unwrap).collect();
        assert_eq!(generations.len(), 2);
        assert_eq!(
            [Some(generations[0].digest), Some(generations[1].digest)],
            [now.digest(), digest]
        );
        assert_eq!(generations.iter().map(|it| it.own_len).sum::<u64>(), now.file_len());
        assert_eq!(generations[1].end, before.file_len());

        // The same bytes with any number of threads; and nothing when all of it is there.
        let bytes = fs::read(&target).unwrap();
        let again = home.pack("a", &options);
        home.add(&again, "b", &options.clone().threads(1)).unwrap();
        assert!(fs::read(&again).unwrap() == bytes);
        let nothing = home.add(&again, "b", &options).unwrap();
        assert!(!nothing.is_changed() && nothing.finished.is_none());
        assert!(fs::read(&again).unwrap() == bytes);
    }
}

#[test]
fn every_length_on_the_way_is_the_old_pack() {
    let home = Home::new();
    home.halves();
    let target = home.pack("a", &PackOptions::new());
    let (before, old) = (fs::read(&target).unwrap(), open(&target).digest());
    home.add(&target, "b", &PackOptions::new()).unwrap();
    let after = fs::read(&target).unwrap();
    assert!(after.starts_with(&before) && !home.at("a.pack.grow").exists());
    let note = GrowthNote { file_len: before.len() as u64, digest: old.unwrap() };
    let server = Server::start(Manner::Normal);
    let cases = [before.len() + 1, before.len() + 72, after.len() - 1, after.len() - 100_000];
    for (number, len) in cases.into_iter().enumerate() {
        fs::write(&target, &after[..len]).unwrap();
        fs::write(home.at("a.pack.grow"), note.to_bytes()).unwrap();
        let found = open(&target);
        assert_eq!((found.digest(), found.file_len()), (old, before.len() as u64));
        is_sound(&found);
        // A link to it, and a URL.
        #[cfg(unix)]
        {
            let link = home.at(&format!("link-{number}"));
            std::os::unix::fs::symlink(&target, &link).unwrap();
            assert_eq!(open(&link).digest(), old);
        }
        server.put(&format!("{number}.pack.grow"), note.to_bytes().to_vec());
        let url = server.put(&format!("{number}.pack"), after[..len].to_vec());
        let remote = Pack::open(url.as_str()).unwrap();
        assert_eq!((remote.digest(), remote.read("first/empty").unwrap()), (old, Vec::new()));

        // Who goes on cuts it back first, and comes to the same.
        home.add(&target, "b", &PackOptions::new()).unwrap();
        assert!(fs::read(&target).unwrap() == after);
        assert!(!home.at("a.pack.grow").exists());
    }
    // A note that stayed says nothing.
    fs::write(home.at("a.pack.grow"), note.to_bytes()).unwrap();
    assert_ne!(open(&target).digest(), old);
    assert!(!home.add(&target, "b", &PackOptions::new()).unwrap().is_changed());
    assert!(!home.at("a.pack.grow").exists());
}

#[test]
fn a_note_that_lies_changes_nothing() {
    let home = Home::new();
    home.write(&["a"], "f", "of a");
    home.settle();
    let target = home.pack("a", &PackOptions::new().index(IndexOptions::paged()));
    let whole = fs::read(&target).unwrap();
    let digest = open(&target).digest().unwrap();
    let len = whole.len() as u64;
    fs::write(&target, [&whole[..], b"bytes of something new"].concat()).unwrap();
    let note = home.at("a.pack.grow");
    let other = Forge::of(b"", &[]).unwrap().seal();
    for (file_len, digest, bytes) in [
        (len + 1, digest, None),
        (len + 22, digest, None),
        (len + 23, digest, None),
        (u64::MAX, digest, None),
        (0, digest, None),
        (71, digest, None),
        (len, rangepack::Digest([0; 32]), None),
        (len, digest, Some(Vec::new())),
        (len, digest, Some(other)),
        (len, digest, Some(vec![0; 1 << 20])),
    ] {
        let bytes = bytes.unwrap_or_else(|| GrowthNote { file_len, digest }.to_bytes().to_vec());
        fs::write(&note, bytes).unwrap();
        assert_eq!(Pack::open(&target).unwrap_err().kind(), ErrorKind::NotAPack);
        let before = fs::read(&target).unwrap();
        assert!(home.add(&target, "a", &PackOptions::new()).is_err());
        assert!(fs::read(&target).unwrap() == before, "nothing is cut off");
    }
    fs::remove_file(&note).unwrap();
    fs::create_dir(&note).unwrap();
    assert_eq!(Pack::open(&target).unwrap_err().kind(), ErrorKind::NotAPack);
    fs::remove_dir(&note).unwrap();
    fs::write(&note, GrowthNote { file_len: len, digest }.to_bytes()).unwrap();
    assert_eq!(open(&target).digest(), Some(digest));
    // The end of a pack that was packed as a file is none of this one.
    for end in [whole.clone(), whole[..whole.len() - 3].to_vec()] {
        fs::write(&target, [&whole[..], b"...", &end].concat()).unwrap();
        assert_eq!(open(&target).digest(), Some(digest));
    }
}

/// What is added is made so that the file would end like a pack of it after any write.
#[test]
fn what_is_added_cannot_pass_for_the_pack() {
    let home = Home::new();
    home.write(&["a"], "f", "of a");
    home.settle();
    let target = home.pack("a", &PackOptions::new().index(IndexOptions::paged()));
    let old = open(&target);
    // A pack behind `len` bytes, which ends a file of exactly that length.
    let len = old.file_len() as usize;
    let forged = Forge::of(&vec![b'x'; len], &[]).unwrap().seal().split_off(len);
    home.write(&["b"], "0", &forged);
    home.write(&["b"], "1", vec![0; 300_000]);
    home.settle();
    let seen = Mutex::new(Vec::new());
    let look = |event: Event<'_>| {
        if let Event::Packed { .. } | Event::Reached { .. } = event {
            let file = fs::read(&target).unwrap();
            seen.lock().unwrap().push((open(&target).digest(), file.len() > len));
        }
    };
    let mut sources = Sources::new(home.0.path());
    sources.add(&home.at("b"), PackPath::ROOT).unwrap();
    add(&target, sources, &GrowOptions::new(), &look).unwrap();
    let seen = seen.into_inner().unwrap();
    assert!(seen.iter().any(|(_, grew)| *grew));
    assert!(seen.iter().all(|(digest, _)| *digest == old.digest()), "{seen:?}");
    // It would have, where it lies.
    let grown = fs::read(&target).unwrap();
    let end = grown.windows(forged.len()).position(|window| window == forged).unwrap();
    fs::write(home.at("cut.pack"), &grown[..end + forged.len()]).unwrap();
    assert_eq!(end, len);
    assert!(Pack::open(home.at("cut.pack")).is_ok());
}

#[test]
fn what_is_refused_leaves_every_byte() {
    let home = Home::new();
    home.halves();
    home.write(&["c"], "large/is a directory", "");
    home.write(&["d"], "data", "is a file");
    home.write(&["d"], "0", vec![7; 2_000_000]);
    home.settle();
    let target = home.pack("a", &PackOptions::new());
    let before = fs::read(&target).unwrap();
    for (name, path, expected) in [("c", "large", false), ("d", "data", true)] {
        let error = home.add(&target, name, &PackOptions::new()).unwrap_err();
        let Error::Grow { problem: GrowProblem::Kind { path: found, is_directory }, .. } = &error
        else {
            panic!("{error}")
        };
        assert_eq!((&**found, *is_directory), (path.as_bytes(), expected));
        assert_eq!(error.kind(), ErrorKind::Refused);
    }
    let sources = || {
        let mut sources = Sources::new(home.0.path());
        sources.add(&home.at("b"), PackPath::ROOT).unwrap();
        sources
    };
    // Stopped anywhere.
    for stop in [0, 1, 50, 150, 200] {
        let seen = Mutex::new(0);
        struct Stop<'s>(&'s Mutex<i32>, i32);
        impl rangepack::Observer for Stop<'_> {
            fn event(&self, _: Event<'_>) {
                *self.0.lock().unwrap() += 1;
            }

            fn cancelled(&self) -> bool {
                *self.0.lock().unwrap() >= self.1
            }
        }
        let error = add(&target, sources(), &GrowOptions::new(), &Stop(&seen, stop)).unwrap_err();
        assert!(error.is_cancelled(), "{error}");
    }
    // Another writer is at work, from within.
    let tried = Mutex::new(None);
    let second = |_: Event<'_>| {
        tried
            .lock()
            .unwrap()
            .get_or_insert_with(|| remove(&target, ["large"], &GrowOptions::new(), &()));
    };
    let dry = GrowOptions::new().dry_run(true);
    let grown = add(&target, sources(), &dry, &()).unwrap();
    assert!(grown.is_changed() && grown.finished.is_none() && grown.payload_bytes > 0);
    let error = remove(&target, ["large", "none"], &GrowOptions::new(), &()).unwrap_err();
    assert!(error.is_not_found());
    let error = remove(&target, ["*.jpg"], &GrowOptions::new(), &()).unwrap_err();
    assert!(error.is_not_found());
    assert!(fs::read(&target).unwrap() == before);
    assert!(!home.at("a.pack.grow").exists());
    add(&target, sources(), &GrowOptions::new(), &second).unwrap();
    let tried = tried.into_inner().unwrap().unwrap().unwrap_err();
    assert!(matches!(tried, Error::Container { problem: ContainerProblem::Locked, .. }), "{tried}");
}

#[test]
fn what_cannot_grow_is_told() {
    let home = Home::new();
    home.write(&["a"], "f", "of a");
    home.settle();
    let refused = |target: &Path| home.add(target, "a", &PackOptions::new()).unwrap_err();
    let old = PackOptions::new().index(IndexOptions::new().format(IndexFormat::Ndjson));
    let container = home.pack("a", &old);
    let error = refused(&container);
    assert!(matches!(error, Error::Grow { problem: GrowProblem::Format(_), .. }), "{error}");
    let target = rangepack::IndexTarget::Beside(home.at("a.pack.rpx"));
    rangepack::rebuild(&container, &target, &rangepack::RebuildOptions::default(), &()).unwrap();
    let error = refused(&container);
    assert!(matches!(error, Error::Grow { problem: GrowProblem::Beside { .. }, .. }), "{error}");
    assert!(refused(&home.at("none.pack")).is_not_found());

    // Parts that nobody knows here: one may be left out, the other would be lost.
    let with = |section: fn(Section) -> Section| {
        let forge = Forge::of(b"", &[]).unwrap();
        let extent = rangepack::Extent { start: 0, len: 0 };
        forge.section(section(Section::new(Tag(*b"late"), extent, None))).seal()
    };
    let later = home.at("later.pack");
    fs::write(&later, with(|section| section)).unwrap();
    let error = refused(&later);
    assert!(
        matches!(error, Error::Container { problem: ContainerProblem::Section { .. }, .. }),
        "{error}"
    );
    fs::write(&later, with(Section::droppable)).unwrap();
    home.add(&later, "a", &PackOptions::new()).unwrap();
    assert_eq!(open(&later).header().section(Tag(*b"late")), None);
    assert_eq!(open(&later).read("f").unwrap(), b"of a");
}

#[test]
fn what_is_removed_stays_in_the_generation_before() {
    let home = Home::new();
    home.halves();
    let target = home.pack("all", &PackOptions::new());
    let old = open(&target).digest().unwrap();
    let patterns = ["data/3", "./large/", "*1.json"];
    let grown = remove(&target, patterns, &GrowOptions::new(), &()).unwrap();
    assert_eq!((grown.payload_bytes, grown.added, grown.changed), (0, 0, 0));
    let now = open(&target);
    is_sound(&now);
    for (path, stays) in [("data/3", false), ("data/3/3.json", false), ("large", false)] {
        assert_eq!(now.metadata(path).is_ok(), stays, "{path}");
    }
    assert!(now.metadata("data/1/1.json").is_err() && now.metadata("data/2/2.json").is_ok());
    assert_eq!(now.metadata("a copy/large").unwrap().path, "a copy/large");
    let old = Pack::open_with(&target, &OpenOptions::new().expected(old)).unwrap();
    assert_eq!(old.read("data/3/3.json").unwrap(), record(3));
    // Everything can go.
    remove(&target, ["/"], &GrowOptions::new(), &()).unwrap();
    assert_eq!(open(&target).header().entries, 0);
    is_sound(&open(&target));
    home.add(&target, "all", &PackOptions::new()).unwrap();
    assert_eq!(open(&target).generations().count(), 4);
    assert_eq!(open(&target).header().tree_digest, old.header().tree_digest);
}

#[test]
fn a_pack_becomes_equal_to_a_directory() {
    let home = Home::new();
    home.halves();
    let (source, target) = (home.at("all"), home.at("all.pack"));
    let options = GrowOptions::new();
    let made = sync(&source, &target, &options, &()).unwrap();
    assert!(made.previous.is_none() && made.finished.is_some());
    let bytes = fs::read(&target).unwrap();
    let nothing = sync(&source, &target, &options, &()).unwrap();
    assert!(!nothing.is_changed() && nothing.summary.files == 0);
    assert!(fs::read(&target).unwrap() == bytes);

    // Something moves, is changed, becomes another kind, goes, and comes.
    fs::create_dir(source.join("moved")).unwrap();
    fs::rename(source.join("large"), source.join("moved/large")).unwrap();
    fs::remove_file(source.join("last/file")).unwrap();
    home.write(&["all"], "last/file/is now below", "a directory");
    fs::remove_dir_all(source.join("data/5")).unwrap();
    fs::write(source.join("data/5"), "now a file").unwrap();
    fs::write(source.join("data/1/1.json"), "changed").unwrap();
    home.settle();
    let grown = sync(&source, &target, &options, &()).unwrap();
    assert!(grown.payload_bytes < 100, "{grown:?}");
    assert!(grown.changed >= 3 && grown.removed > 50 && grown.added >= 3, "{grown:?}");
    let now = open(&target);
    is_sound(&now);
    let differences = compare(&now, &source, &Default::default(), &()).unwrap();
    assert!(differences.is_same(), "{differences:?}");

    // The same size and time: only who reads it sees that.
    fs::write(source.join("data/1/1.json"), "Changed").unwrap();
    home.settle();
    let dry = options.clone().dry_run(true);
    assert!(!sync(&source, &target, &dry, &()).unwrap().is_changed());
    let grown = sync(&source, &target, &options.clone().checksum(true), &()).unwrap();
    assert_eq!((grown.added, grown.changed, grown.removed), (0, 1, 0));
    assert_eq!(open(&target).read("data/1/1.json").unwrap(), b"Changed");
    is_sound(&open(&target));
}

#[test]
fn a_pack_becomes_equal_to_another() {
    let home = Home::new();
    home.halves();
    let zstd = PackOptions::new().compress(Compression::Zstd(3)).index(IndexOptions::paged());
    let zstd = zstd.dictionaries(Dictionaries::Size(4096));
    let source = home.pack("all", &zstd);
    let server = Server::start(Manner::Normal);
    let url = server.put("all.pack", fs::read(&source).unwrap());
    let whole = open(&source);
    for (name, options) in [
        ("a", PackOptions::new()),
        ("b", PackOptions::new().compress(Compression::Gzip(6))),
        ("a", zstd.clone()),
        ("none", PackOptions::new()),
    ] {
        let target = home.at(&format!("{name}.pack"));
        let _ = fs::remove_file(&target);
        if name != "none" {
            home.pack(name, &options);
        }
        let before = fs::read(&target).unwrap_or_default();
        let remote = Pack::open(url.as_str()).unwrap();
        let grown = sync_pack(&remote, &target, &GrowOptions::new(), &()).unwrap();
        let (now, fetched) = (open(&target), remote.traffic());
        is_sound(&now);
        assert_eq!(now.header().tree_digest, whole.header().tree_digest);
        let plain = |pack: &Pack| -> Vec<_> {
            told(pack).into_iter().map(|(path, _, content)| (path, content)).collect()
        };
        assert_eq!(plain(&now), plain(&whole));
        assert!(fs::read(&target).unwrap().starts_with(&before));
        assert!(fetched.requests < 30, "{fetched:?}");
        if name == "a" {
            // The large file is not fetched.
            assert!(fetched.bytes < 400_000, "{fetched:?}");
        }
        assert!(grown.is_changed());
        // Nothing is left to do, which takes one request.
        let bytes = fs::read(&target).unwrap();
        let remote = Pack::open(url.as_str()).unwrap();
        assert!(!sync_pack(&remote, &target, &GrowOptions::new(), &()).unwrap().is_changed());
        assert_eq!(remote.traffic().requests, 1);
        assert!(fs::read(&target).unwrap() == bytes);
    }
    let error = sync_pack(&whole, &source, &GrowOptions::new(), &()).unwrap_err();
    assert!(matches!(error, Error::SameFile { .. }), "{error}");
}

/// Stops when so many files are there.
struct After(std::sync::atomic::AtomicUsize);

impl Observer for After {
    fn event(&self, event: Event<'_>) {
        if let Event::Done { .. } = event {
            let left = self.0.load(Ordering::Relaxed);
            self.0.store(left.saturating_sub(1), Ordering::Relaxed);
        }
    }

    fn cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

#[test]
fn a_pack_that_was_interrupted_is_not_fetched_again() {
    let home = Home::new();
    for number in 0..300_u32 {
        let noise = (0..12_000 + number).map(|n| (n.wrapping_mul(n ^ number) >> 7).to_le_bytes());
        let content: Vec<u8> = noise.flatten().collect();
        home.write(&["all"], &format!("{}/{number}", number % 5), content);
    }
    let large: Vec<u8> = (0..3_000_000u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
    home.write(&["all"], "1/a large one", large);
    home.write(&["few"], "0/mine", "it goes");
    home.settle();
    for options in [PackOptions::new(), PackOptions::new().align(4096)] {
        let gzip = PackOptions::new().compress(Compression::Gzip(1)).index(IndexOptions::paged());
        let source = home.pack("all", &gzip);
        let server = Server::start(Manner::Normal);
        let url = server.put("all.pack", fs::read(&source).unwrap());
        let remote = || Pack::open(url.as_str()).unwrap();
        let grow = GrowOptions::new().pack(options);
        let target = home.pack("few", &PackOptions::new());
        let before = fs::read(&target).unwrap();
        let note = target.with_extension("pack.grow");

        // What comes without an interruption.
        let whole = remote();
        sync_pack(&whole, &target, &grow, &()).unwrap();
        let (expected, all) = (fs::read(&target).unwrap(), whole.traffic().bytes);

        for files in [120, 299] {
            let interrupted = || {
                fs::write(&target, &before).unwrap();
                let first = remote();
                let error =
                    sync_pack(&first, &target, &grow, &After(files.into())).map(drop).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
                // It is what it was, and what came stays.
                assert!(note.exists());
                assert_eq!(open(&target).read("0/mine").unwrap(), b"it goes");
                (first.traffic().bytes, fs::read(&target).unwrap())
            };
            let (fetched, left) = interrupted();
            let again = remote();
            sync_pack(&again, &target, &grow, &()).unwrap();
            assert!(fs::read(&target).unwrap() == expected, "{files}");
            assert!(!note.exists());
            // What was on its way when the first run ended comes twice.
            let twice = (fetched + again.traffic().bytes).saturating_sub(all);
            assert!(
                twice < fetched / 2 + 9_000_000 && again.traffic().bytes < all,
                "{files}: {twice} of {all}"
            );

            // Whatever happened to what is left: what is damaged or lost is fetched, and no more is believed.
            let end = left.len() - left.iter().rev().take_while(|byte| **byte == 0).count();
            for at in [before.len() + 1, (before.len() + end) / 2, end - 1] {
                interrupted();
                let mut damaged = fs::read(&target).unwrap();
                damaged[at] ^= 1;
                fs::write(&target, &damaged).unwrap();
                sync_pack(&remote(), &target, &grow, &()).unwrap();
                assert!(fs::read(&target).unwrap() == expected, "damaged at {at}");

                interrupted();
                fs::write(&target, &damaged[..at]).unwrap();
                sync_pack(&remote(), &target, &grow, &()).unwrap();
                assert!(fs::read(&target).unwrap() == expected, "cut at {at}");
            }
        }

        // Anything else that is done with the pack does without what is left.
        fs::write(&target, &before).unwrap();
        sync_pack(&remote(), &target, &grow, &After(120.into())).map(drop).unwrap_err();
        assert!(note.exists());
        home.write(&["more"], "more", "of it");
        home.settle();
        home.add(&target, "more", &PackOptions::new()).unwrap();
        assert!(!note.exists());
        assert!(fs::metadata(&target).unwrap().len() < before.len() as u64 + 10_000);
        is_sound(&open(&target));
        // Nor is anything left where little came, or what came was wrong.
        fs::write(&target, &before).unwrap();
        sync_pack(&remote(), &target, &grow, &After(2.into())).map(drop).unwrap_err();
        assert!(fs::read(&target).unwrap() == before && !note.exists());
    }
}

#[test]
fn what_a_server_sends_counts_when_it_is_verified() {
    let home = Home::new();
    home.halves();
    let gzip = PackOptions::new().compress(Compression::Gzip(1)).index(IndexOptions::paged());
    let source = home.pack("all", &gzip);
    home.write(&["tiny"], "f", "of tiny");
    home.settle();
    let target = home.pack("tiny", &PackOptions::new());
    let (whole, before) = (fs::read(&source).unwrap(), fs::read(&target).unwrap());
    let payload_end = open(&source).header().payload_end() as usize;
    let server = Server::start(Manner::Normal);
    let mut refused = 0;
    for at in (0..payload_end).step_by(payload_end / 40) {
        let mut lied = whole.clone();
        lied[at] ^= 1;
        let url = server.put("all.pack", lied);
        match sync_pack(&Pack::open(url.as_str()).unwrap(), &target, &GrowOptions::new(), &()) {
            Err(error) => {
                assert!(error.is_bad_pack(), "{error}");
                assert!(fs::read(&target).unwrap() == before);
                refused += 1;
            }
            // It was not needed.
            Ok(_) => {
                is_sound(&open(&target));
                fs::write(&target, &before).unwrap();
            }
        }
    }
    assert!(refused > 30, "{refused}");
    // What is damaged here is fetched, and not taken for what it was.
    let target = home.pack("b", &PackOptions::new());
    let mut damaged = fs::read(&target).unwrap();
    let large = Pack::open(&target).unwrap().metadata("a copy/large").unwrap();
    let Kind::File(content) = large.kind else { panic!() };
    damaged[content.offset as usize + 70_000] ^= 1;
    fs::write(&target, &damaged).unwrap();
    let stored = home.pack("a", &PackOptions::new().index(IndexOptions::paged()));
    sync_pack(&Pack::open(&stored).unwrap(), &target, &GrowOptions::new(), &()).unwrap();
    is_sound(&open(&target));
}

#[test]
#[cfg(unix)]
fn hard_links_attributes_and_metadata_stay() {
    let home = Home::new();
    home.write(&["a"], "one", "linked");
    home.write(&["b"], "0", "linked, too");
    home.write(&["b"], "z", "alone");
    fs::hard_link(home.at("a/one"), home.at("a/two")).unwrap();
    fs::hard_link(home.at("b/0"), home.at("b/three")).unwrap();
    home.settle();
    let options =
        PackOptions::new().owner(true).attributes(true).metadata([("k", "v"), ("l", "v")]);
    let target = home.pack("a", &options);
    let more = PackOptions::new().owner(true).metadata([("l", "w"), ("m", "x")]);
    home.add(&target, "b", &more).unwrap();
    let now = open(&target);
    is_sound(&now);
    let metadata: Vec<_> = now.user_metadata().unwrap().into_iter().collect();
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(metadata, [pair("k", "v"), pair("l", "w"), pair("m", "x")]);
    let group = |path: &str| match now.metadata(path).unwrap().kind {
        Kind::File(content) => content.hard_link,
        _ => None,
    };
    let groups = ["0", "one", "three", "two", "z"].map(group);
    assert_eq!(groups, [Some(1), Some(2), Some(1), Some(2), None]);
    // Metadata alone is a generation.
    let sources = Sources::new(home.0.path());
    let options = GrowOptions::new().pack(PackOptions::new().metadata([("k", "u")]));
    assert!(add(&target, sources, &options, &()).unwrap().finished.is_some());
    assert_eq!(open(&target).user_metadata().unwrap()["k"], "u");
    assert_eq!(open(&target).header().entries, 5);
    is_sound(&open(&target));
}

#[test]
fn merged_packs_grow() {
    let home = Home::new();
    home.halves();
    home.write(&["c"], "new", "of c");
    home.settle();
    let parts = ["a", "b"].map(|name| MergeInput::new(home.pack(name, &PackOptions::new())));
    let target = home.at("merged.pack");
    let options = MergeOptions::new().on_conflict(rangepack::OnConflict::Last);
    merge(&parts, &target, &options, &()).unwrap();
    let before = told(&open(&target));
    home.add(&target, "c", &PackOptions::new()).unwrap();
    let now = open(&target);
    is_sound(&now);
    assert_eq!((now.volume_count(), now.read("new").unwrap()), (2, b"of c".to_vec()));
    let rest: Vec<_> = told(&now).into_iter().filter(|(path, ..)| path != b"new").collect();
    assert_eq!(rest, before);
}

#[cfg(unix)]
const CHILD: &str = "RANGEPACK_TEST_GROW";

/// Not a test by itself: the process whose files may not grow.
#[test]
#[cfg(unix)]
fn child() {
    let Some(home) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let mut sources = Sources::new(&home);
    sources.add(&home.join("b"), PackPath::ROOT).unwrap();
    if let Err(error) = add(home.join("a.pack"), sources, &GrowOptions::new(), &()) {
        eprintln!("{error}");
        std::process::exit(9);
    }
}

#[test]
#[cfg(unix)]
fn without_room_the_pack_is_what_it_was() {
    let home = Home::new();
    home.halves();
    home.write(&["b"], "much", vec![7; 3_000_000]);
    home.settle();
    let target = home.pack("a", &PackOptions::new());
    let before = fs::read(&target).unwrap();
    let mut refused = 0;
    for room in (0..18_000).step_by(1500) {
        // In half kilobytes. A process that ignores the signal gets an error from the write instead.
        let output = std::process::Command::new("sh")
            .args(["-c", "trap '' XFSZ; ulimit -f \"$0\" && exec \"$@\"", &room.to_string()])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "grow::child", "--nocapture"])
            .env(CHILD, home.0.path())
            .output()
            .unwrap();
        if output.status.success() {
            break;
        }
        assert_eq!(output.status.code(), Some(9), "{}", String::from_utf8_lossy(&output.stderr));
        refused += 1;
        assert!(fs::read(&target).unwrap() == before);
        assert!(!home.at("a.pack.grow").exists());
    }
    assert!((3..11).contains(&refused), "{refused}");
    is_sound(&open(&target));
    assert_eq!(open(&target).generations().count(), 2);
}
