//! Files with several names, and files with holes: packed and extracted again.

use rangepack::{CreateOptions, FinalizeOptions, create, finalize};
use rangepack::{ExtractOptions, ExtractReport, Present, Replace, Selection, extract};
use rangepack::{Filter, FilterOptions, IndexFormat, IndexOptions, PackOptions, Summary, pack};
use rangepack::{Pack, VerifyOptions, verify};
use rangepack_core::{Codec, Content, Kind};
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

const BLOCK: usize = 256 << 10;

struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        let home = Home(tempfile::tempdir().unwrap());
        fs::create_dir(home.at("source")).unwrap();
        home
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn source(&self, name: &str) -> PathBuf {
        self.at("source").join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.source(name).parent().unwrap()).unwrap();
        fs::write(self.source(name), content).unwrap();
    }

    fn link(&self, first: &str, name: &str) {
        fs::create_dir_all(self.source(name).parent().unwrap()).unwrap();
        fs::hard_link(self.source(first), self.source(name)).unwrap();
    }

    fn pack(&self, options: &PackOptions) -> (Pack, Summary) {
        let mut options = options.clone();
        options.overwrite = true;
        let summary = pack(self.at("source"), self.at("x.pack"), &options, &()).unwrap().summary;
        assert_eq!(summary.failed, 0);
        (sound(&self.at("x.pack")), summary)
    }

    /// Extracts into an empty directory; nothing temporary is left.
    fn extract(&self, pack: &Pack, options: &ExtractOptions) -> ExtractReport {
        let _ = fs::remove_dir_all(self.at("out"));
        self.extract_more(pack, options)
    }

    fn extract_more(&self, pack: &Pack, options: &ExtractOptions) -> ExtractReport {
        let mut options = options.clone().replace(Replace::Always);
        if options.present == Present::default() {
            options.present = Present::None;
        }
        let report = extract(pack, self.at("out"), &options, &()).unwrap();
        assert!(report.is_complete(), "{report:?}");
        for directory in [self.at("out"), self.at("out/d")] {
            for entry in fs::read_dir(directory).into_iter().flatten() {
                assert!(!entry.unwrap().file_name().to_string_lossy().starts_with(".rangepack"));
            }
        }
        report
    }

    fn inode(&self, name: &str) -> u64 {
        self.at("out").join(name).symlink_metadata().unwrap().ino()
    }
}

fn sound(path: &Path) -> Pack {
    let pack = Pack::open(path).unwrap();
    let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    pack
}

fn content(pack: &Pack, path: &str) -> Content {
    let Kind::File(content) = pack.metadata(path).unwrap().kind else { panic!("{path}") };
    content
}

fn group(pack: &Pack, path: &str) -> Option<u64> {
    content(pack, path).hard_link
}

fn without_dedup() -> PackOptions {
    let mut options = PackOptions::default();
    options.dedup = false;
    options
}

/// `a`, `b` and `d/a` are one small file, `big` and `d/big` one large one; `z` is alone.
fn linked() -> Home {
    let home = Home::new();
    home.write("a", "of several names");
    home.link("a", "b");
    home.link("a", "d/a");
    home.write("big", vec![7; 2 * BLOCK + 1]);
    home.link("big", "d/big");
    home.write("z", "of one name");
    home
}

#[test]
fn hard_links_are_packed_once_and_come_back() {
    let home = linked();
    for dedup in [true, false] {
        for compress in [None, Some(6)] {
            let mut options = PackOptions::default();
            (options.dedup, options.compress) = (dedup, compress.map(rangepack::Compression::Gzip));
            let (pack, summary) = home.pack(&options);
            assert_eq!((summary.files, summary.duplicates), (6, 3));
            assert_eq!(["a", "b", "d/a"].map(|path| group(&pack, path)), [Some(1); 3]);
            assert_eq!(["big", "d/big"].map(|path| group(&pack, path)), [Some(2); 2]);
            assert_eq!(group(&pack, "z"), None);
            assert_eq!(content(&pack, "b"), content(&pack, "d/a"));
            assert_eq!(content(&pack, "big"), content(&pack, "d/big"));
            let mut options = ExtractOptions::default();
            for threads in [1, 4] {
                options.threads = threads;
                let report = home.extract(&pack, &options);
                assert_eq!((report.files, report.directories), (6, 1));
                assert_eq!(report.bytes, pack.header().totals.bytes);
                assert_eq!(home.inode("a"), home.inode("b"));
                assert_eq!(home.inode("a"), home.inode("d/a"));
                assert_eq!(home.inode("big"), home.inode("d/big"));
                assert_eq!(home.at("out/z").metadata().unwrap().nlink(), 1);
                assert_eq!(fs::read(home.at("out/d/a")).unwrap(), b"of several names");
                // Once more onto what is there: other files, linked in the same way.
                let before = home.inode("a");
                let _ = home.extract_more(&pack, &options);
                assert_ne!(home.inode("a"), before);
                assert_eq!(home.at("out/a").metadata().unwrap().nlink(), 3);
                assert_eq!(home.at("out/d/big").metadata().unwrap().nlink(), 2);
            }
        }
    }
}

#[test]
fn the_same_bytes_with_any_number_of_threads() {
    let home = Home::new();
    // Many batches, and groups that reach from the first to the last.
    for number in 0..700 {
        let name = format!("d{:02}/f{number:03}", number % 20);
        if number % 3 == 0 {
            home.write(&name, format!("content {number}"));
        } else {
            home.link(&format!("d{:02}/f{:03}", (number / 3 * 3) % 20, number / 3 * 3), &name);
        }
    }
    for dedup in [true, false] {
        let mut options = PackOptions::default();
        options.dedup = dedup;
        let mut first: Option<Vec<u8>> = None;
        for threads in [1, 4, 2, 8, 4] {
            options.threads = threads;
            let (pack, summary) = home.pack(&options);
            assert_eq!((summary.files, summary.duplicates), (700, 466));
            drop(pack);
            let bytes = fs::read(home.at("x.pack")).unwrap();
            assert!(*first.get_or_insert_with(|| bytes.clone()) == bytes, "{threads}");
        }
    }
}

#[test]
fn a_name_that_is_left_out_is_no_harm() {
    let home = linked();
    let mut options = PackOptions::default();
    let mut filter = FilterOptions::default();
    filter.exclude = vec!["/a".to_owned(), "/d/big".to_owned()];
    options.filter = Filter::new(filter).unwrap();
    let (pack, _) = home.pack(&options);
    assert_eq!(["b", "d/a"].map(|path| group(&pack, path)), [Some(1); 2]);
    // Nobody knew that no other name would come.
    assert_eq!(group(&pack, "big"), Some(2));
    let _ = home.extract(&pack, &ExtractOptions::default());
    assert_eq!(home.inode("b"), home.inode("d/a"));
    assert_eq!(home.at("out/big").metadata().unwrap().nlink(), 1);
}

#[test]
fn a_part_is_linked_among_itself_and_to_nothing_that_was_there() {
    let home = linked();
    let (pack, _) = home.pack(&PackOptions::default());
    let mut options = ExtractOptions::default();
    options.selection = Selection::new(["b", "d/a"], Filter::default());
    let _ = home.extract(&pack, &options);
    assert_eq!(home.inode("b"), home.inode("d/a"));
    options.selection = Selection::new(["d"], Filter::default());
    let _ = home.extract(&pack, &options);
    assert_eq!(home.at("out/d/a").metadata().unwrap().nlink(), 1);
    // What was there already is left alone, and not linked to.
    let existing = home.inode("d/a");
    options.selection = Selection::everything();
    options.present = rangepack::Present::SameTime;
    let report = home.extract_more(&pack, &options);
    assert_eq!((report.skipped, report.files), (2, 4));
    assert_eq!(home.inode("d/a"), existing);
    assert_eq!(home.at("out/d/a").metadata().unwrap().nlink(), 1);
    assert_eq!(home.inode("a"), home.inode("b"));
    // A symbolic link in the way is replaced, not followed.
    fs::write(home.at("outside"), "untouched").unwrap();
    for name in ["a", "b", "d/a"] {
        fs::remove_file(home.at("out").join(name)).unwrap();
        std::os::unix::fs::symlink(home.at("outside"), home.at("out").join(name)).unwrap();
    }
    let _ = home.extract_more(&pack, &ExtractOptions::default());
    assert_eq!(home.at("out/a").symlink_metadata().unwrap().nlink(), 3);
    assert_eq!(fs::read(home.at("outside")).unwrap(), b"untouched");
}

#[test]
fn a_damaged_file_takes_its_other_names_with_it() {
    let home = linked();
    let (pack, _) = home.pack(&PackOptions::default());
    let offset = content(&pack, "a").offset;
    drop(pack);
    let file = fs::File::options().write(true).open(home.at("x.pack")).unwrap();
    file.write_all_at(b"!", offset).unwrap();
    let pack = Pack::open(home.at("x.pack")).unwrap();
    let report = extract(&pack, home.at("out"), &ExtractOptions::default(), &()).unwrap();
    assert_eq!((report.failed, report.files), (3, 3));
    assert!(!home.at("out/a").exists() && !home.at("out/d/a").exists());
    assert_eq!(home.inode("big"), home.inode("d/big"));
}

#[test]
fn followed_links_to_one_file_are_names_of_it() {
    let home = linked();
    std::os::unix::fs::symlink("a", home.source("c")).unwrap();
    std::os::unix::fs::symlink("z", home.source("y")).unwrap();
    let mut options = without_dedup();
    options.follow_links = true;
    let (pack, _) = home.pack(&options);
    assert_eq!(["a", "c", "z", "y"].map(|path| group(&pack, path)), [Some(1), Some(1), None, None]);
}

fn container(home: &Home, options: &PackOptions) -> Summary {
    let mut create_options = CreateOptions::default();
    create_options.reopen = true;
    create_options.pack = options.clone();
    create(home.at("source"), home.at("c"), &create_options, &()).unwrap().summary
}

#[test]
fn a_container_that_is_continued_keeps_its_groups() {
    for options in [PackOptions::default(), without_dedup()] {
        let home = linked();
        container(&home, &options);
        // More names of what is there, and a new group.
        home.link("a", "e/a");
        home.link("big", "e/big");
        home.write("0", "another");
        home.link("0", "e/0");
        let summary = container(&home, &options);
        assert_eq!((summary.files, summary.unchanged), (4, 6 + 1));
        let open = sound(&home.at("c"));
        let stored = open.header().totals.files;
        assert_eq!(stored, 10);
        drop(open);
        // `b` becomes a file of its own, so its group loses a name; `big` loses its first.
        for name in ["b", "big"] {
            fs::remove_file(home.source(name)).unwrap();
            home.write(name, format!("new {name}"));
        }
        container(&home, &options);
        sound(&home.at("c"));
        finalize(home.at("c"), None, &FinalizeOptions::default(), &()).unwrap();
        let pack = sound(&home.at("c"));
        assert_eq!(["0", "e/0"].map(|path| group(&pack, path)), [Some(1); 2]);
        assert_eq!(["a", "d/a", "e/a"].map(|path| group(&pack, path)), [Some(2); 3]);
        assert_eq!(["d/big", "e/big"].map(|path| group(&pack, path)), [Some(3); 2]);
        assert_eq!(["b", "big"].map(|path| group(&pack, path)), [None; 2]);
        let large = content(&pack, "e/big");
        assert_eq!(large, content(&pack, "d/big"));
        let _ = home.extract(&pack, &ExtractOptions::default());
        assert_eq!(home.at("out/e/a").metadata().unwrap().nlink(), 3);
    }
}

#[test]
fn both_indexes_say_the_same_of_links_and_holes() {
    let home = linked();
    with_hole(&home, "holes", 3 << 20);
    let mut options = PackOptions::default();
    for format in [IndexFormat::Both, IndexFormat::Paged, IndexFormat::Ndjson] {
        options.index = IndexOptions::new().format(format);
        let (pack, _) = home.pack(&options);
        assert_eq!(group(&pack, "d/big"), Some(2), "{format:?}");
        assert!(content(&pack, "holes").sparse, "{format:?}");
    }
}

/// A file that begins and ends with something, and has nothing between.
fn with_hole(home: &Home, name: &str, len: u64) {
    home.write(name, "begin");
    let file = fs::File::options().write(true).open(home.source(name)).unwrap();
    file.write_all_at(b"end", len - 3).unwrap();
    file.sync_all().unwrap();
}

fn allocated(path: &Path) -> u64 {
    path.metadata().unwrap().blocks() * 512
}

#[test]
fn holes_come_back_and_take_little_room_meanwhile() {
    let home = Home::new();
    for (name, len) in [("small", 60_000), ("large", 20 << 20), ("odd", (1 << 20) + 4097)] {
        with_hole(&home, name, len);
    }
    home.write("dense", vec![0; 300_000]);
    if allocated(&home.source("large")) > 1 << 20 {
        eprintln!("skipped: this file system makes no holes");
        return;
    }
    for compress in [None, Some(6)] {
        let mut options = PackOptions::default();
        options.compress = compress.map(rangepack::Compression::Gzip);
        let mut bytes: Option<Vec<u8>> = None;
        for threads in [1, 4] {
            options.threads = threads;
            let (pack, _) = home.pack(&options);
            for (name, codec) in
                [("small", Codec::Stored), ("large", Codec::Gzip), ("odd", Codec::Gzip)]
            {
                let content = content(&pack, name);
                assert!(content.sparse, "{name}");
                assert!(content.codec == codec || compress.is_some(), "{name}");
            }
            assert!(!content(&pack, "dense").sparse);
            let stored = content(&pack, "large").stored_size;
            assert!(stored < (20 << 20) / 50, "{stored}");
            let found = fs::read(home.at("x.pack")).unwrap();
            assert!(*bytes.get_or_insert_with(|| found.clone()) == found);
        }
        let pack = sound(&home.at("x.pack"));
        let mut options = ExtractOptions::default();
        for chunk_size in [1 << 20, 5000, 1 << 26] {
            options.chunk_size = chunk_size;
            let _ = home.extract(&pack, &options);
            for name in ["small", "large", "odd", "dense"] {
                let (source, target) = (home.source(name), home.at("out").join(name));
                assert!(fs::read(&source).unwrap() == fs::read(&target).unwrap(), "{name}");
                let room = (allocated(&source), allocated(&target));
                assert!(name == "dense" || room.1 <= room.0 + 8192, "{name}: {room:?}");
                let times = [&source, &target].map(|path| path.metadata().unwrap().mtime_nsec());
                assert_eq!(times[0], times[1]);
            }
        }
    }
}

/// What does not shrink at the beginning must not keep a hole behind it from shrinking.
#[test]
fn a_hole_behind_noise() {
    let home = Home::new();
    let mut state = 1u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99_991);
        (state >> 40) as u8
    })
    .take(18 * BLOCK)
    .collect();
    home.write("f", &noise);
    fs::File::options().write(true).open(home.source("f")).unwrap().set_len(100 << 20).unwrap();
    let (pack, _) = home.pack(&PackOptions::default());
    assert!(content(&pack, "f").stored_size < 6 << 20);
    let _ = home.extract(&pack, &ExtractOptions::default());
    assert!(fs::read(home.source("f")).unwrap() == fs::read(home.at("out/f")).unwrap());
}
