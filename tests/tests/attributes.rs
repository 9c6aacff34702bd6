//! Extended attributes: packed, checked and set again.

use rangepack::{CreateOptions, FinalizeOptions, create, finalize};
use rangepack::{Event, ExtractOptions, ExtractReport, IndexTarget, extract, rebuild};
use rangepack::{
    IndexFormat, IndexOptions, NdjsonOptions, PackOptions, RebuildOptions, Summary, pack,
    write_ndjson,
};
use rangepack::{Pack, VerifyOptions, verify};
use rangepack_core::AttributeBlock;
use rustix::fs::{XattrFlags, getxattr, setxattr};
use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// A tree in which a small file, a large one, a hard link and two directories have attributes.
struct Home(tempfile::TempDir);

/// `None` where attributes cannot be set.
fn home() -> Option<Home> {
    let home = Home(tempfile::tempdir().unwrap());
    fs::create_dir_all(home.source("d/e")).unwrap();
    fs::write(home.source("bare"), "nothing").unwrap();
    fs::write(home.source("large"), vec![7; 600_000]).unwrap();
    for name in ["small", "d/same", "d/read-only"] {
        fs::write(home.source(name), name).unwrap();
    }
    fs::hard_link(home.source("small"), home.source("d/link")).unwrap();
    let all = ["small", "large", "d/same", "d/read-only", "d", "d/e"];
    for name in all {
        if let Err(error) = home.set(name, "user.kind", b"what it is\0\xff") {
            eprintln!("skipped: no extended attributes here: {error}");
            return None;
        }
    }
    home.set("small", "user.empty", b"").unwrap();
    let read_only = fs::Permissions::from_mode(0o444);
    fs::set_permissions(home.source("d/read-only"), read_only).unwrap();
    // An access control list that lets user 1 read, with a mask of `r-x`.
    let entries =
        [(1, 7, u32::MAX), (2, 4, 1), (4, 5, u32::MAX), (16, 5, u32::MAX), (32, 0, u32::MAX)];
    let list = entries.iter().flat_map(|(tag, right, id): &(u16, u16, u32)| {
        [&tag.to_le_bytes()[..], &right.to_le_bytes(), &id.to_le_bytes()].concat()
    });
    let list = [2u32.to_le_bytes().to_vec(), list.collect()].concat();
    for (name, attribute) in [("large", "access"), ("d/e", "access"), ("d/e", "default")] {
        if let Err(error) = home.set(name, &format!("system.posix_acl_{attribute}"), &list) {
            eprintln!("without access control lists: {error}");
        }
    }
    Some(home)
}

fn get(path: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 70_000];
    let len = getxattr(path, name, &mut value[..]).ok()?;
    value.truncate(len);
    Some(value)
}

const NAMES: [&str; 4] =
    ["user.kind", "user.empty", "system.posix_acl_access", "system.posix_acl_default"];
const PATHS: [&str; 8] = ["bare", "small", "large", "d", "d/same", "d/link", "d/read-only", "d/e"];

impl Home {
    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn source(&self, name: &str) -> PathBuf {
        self.0.path().join("source").join(name)
    }

    fn set(&self, path: &str, name: &str, value: &[u8]) -> rustix::io::Result<()> {
        setxattr(self.source(path), name, value, XattrFlags::empty())
    }

    fn pack(&self, options: &PackOptions) -> (Pack, Summary) {
        let mut options = options.clone();
        options.overwrite = true;
        let packed = pack(self.at("source"), self.at("x.pack"), &options, &()).unwrap();
        assert_eq!((packed.summary.failed, packed.summary.attributes_left_out), (0, 0));
        (sound(&self.at("x.pack")), packed.summary)
    }

    fn extract(&self, pack: &Pack, attributes: bool) -> ExtractReport {
        let _ = fs::remove_dir_all(self.at("out"));
        let mut options = ExtractOptions::default();
        options.attributes = attributes;
        extract(pack, self.at("out"), &options, &()).unwrap()
    }

    /// What is in the target has the attributes, modes and times of the source.
    fn compare(&self) {
        for path in PATHS {
            let (source, target) = (self.source(path), self.at("out").join(path));
            for name in NAMES {
                assert_eq!(get(&source, name), get(&target, name), "{path}: {name}");
            }
            let of = |path: &Path| {
                let metadata = path.metadata().unwrap();
                (metadata.mode(), metadata.mtime(), metadata.mtime_nsec())
            };
            assert_eq!(of(&source), of(&target), "{path}");
        }
    }
}

fn sound(path: &Path) -> Pack {
    let pack = Pack::open(path).unwrap();
    let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    pack
}

fn block(pack: &Pack, path: &str) -> Option<AttributeBlock> {
    pack.metadata(path).unwrap().attributes
}

fn with_attributes() -> PackOptions {
    let mut options = PackOptions::default();
    options.attributes = true;
    options
}

#[test]
fn attributes_come_back_when_they_are_asked_for() {
    let Some(home) = home() else { return };
    let (pack, _) = home.pack(&PackOptions::default());
    assert!(PATHS.iter().all(|path| block(&pack, path).is_none()));
    for compress in [None, Some(6)] {
        for format in [IndexFormat::Both, IndexFormat::Paged, IndexFormat::Ndjson] {
            let mut options = with_attributes();
            (options.compress, options.align) = (compress.map(rangepack::Compression::Gzip), 512);
            options.index = IndexOptions::new().format(format);
            let (pack, _) = home.pack(&options);
            assert_eq!(block(&pack, "bare"), None);
            // Identical ones are one.
            assert_eq!(block(&pack, "d"), block(&pack, "d/same"));
            assert_eq!(block(&pack, "small"), block(&pack, "d/link"));
            assert_ne!(block(&pack, "small"), block(&pack, "d"));
            let report = home.extract(&pack, true);
            assert!(report.is_complete(), "{report:?}");
            assert_eq!(report.attributes_left_out, 0);
            home.compare();
            let _ = home.extract(&pack, false);
            assert!(PATHS.iter().all(|path| get(&home.at("out").join(path), NAMES[0]).is_none()));
        }
    }
}

#[test]
fn the_same_bytes_with_any_number_of_threads() {
    let Some(home) = home() else { return };
    let bytes = |threads| {
        let mut options = with_attributes();
        options.threads = threads;
        home.pack(&options);
        fs::read(home.at("x.pack")).unwrap()
    };
    let first = bytes(1);
    assert!([4, 1, 4].into_iter().all(|threads| bytes(threads) == first));
}

#[test]
fn a_damaged_block_is_found_and_not_set() {
    let Some(home) = home() else { return };
    let (pack, _) = home.pack(&with_attributes());
    let damaged = block(&pack, "small").unwrap();
    drop(pack);
    let file = fs::File::options().write(true).open(home.at("x.pack")).unwrap();
    file.write_all_at(b"!", damaged.offset + 7).unwrap();
    let pack = Pack::open(home.at("x.pack")).unwrap();
    let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
    assert_eq!((report.bad, report.structural), (2, 0), "{:?}", report.problems);
    let report = home.extract(&pack, true);
    assert_eq!((report.failed, report.attributes_left_out), (2, 0));
    assert!(!home.at("out/small").exists() && !home.at("out/d/link").exists());
    // Who does not ask for them is not harmed.
    assert!(home.extract(&pack, false).is_complete());
}

#[test]
fn a_container_keeps_them_in_all_its_forms() {
    let Some(home) = home() else { return };
    let mut options = CreateOptions::default();
    options.reopen = true;
    options.pack = with_attributes();
    let container = home.at("c");
    let go_on = || create(home.at("source"), &container, &options, &()).unwrap().summary;
    // The last thing in the tree is a directory: nothing but its block lies behind the rest.
    home.set("d/e", "user.last", b"of all").unwrap();
    go_on();
    let check = |attributes: bool| {
        let pack = sound(&container);
        assert!(block(&pack, "d/same").is_some());
        let _ = home.extract(&pack, attributes);
        home.compare();
        assert_eq!(get(&home.at("out/d/e"), "user.last").unwrap(), b"of all");
    };
    check(true);
    fs::write(home.source("d/e/new"), "new").unwrap();
    home.set("d/e/new", "user.kind", b"new").unwrap();
    let summary = go_on();
    assert_eq!((summary.files, summary.failed), (1, 0));
    check(true);
    assert_eq!(get(&home.at("out/d/e/new"), "user.kind").unwrap(), b"new");
    // A paged index beside it has copies of its own; lines written of that speak of the container alone.
    let sidecar = home.at("c.rpx");
    let target = IndexTarget::Beside(sidecar.clone());
    let index = home.at("c.idx");
    rebuild(&container, &target, &RebuildOptions::default(), &()).unwrap();
    let beside = sound(&container);
    assert!(beside.index_beside().is_some());
    let mut lines = NdjsonOptions::default();
    lines.directories = true;
    write_ndjson(&beside, home.at("lines"), lines, &()).unwrap();
    drop(beside);
    assert!(!fs::read_to_string(home.at("lines")).unwrap().contains("xattrs"));
    check(true);
    fs::remove_file(sidecar).unwrap();
    finalize(&container, Some(&index), &FinalizeOptions::default(), &()).unwrap();
    fs::remove_file(index).unwrap();
    check(true);
}

/// What the system refuses is told, once for each entry, and the rest is done.
#[test]
fn what_cannot_be_set_is_no_failure() {
    let Some(home) = home() else { return };
    let (pack, _) = home.pack(&with_attributes());
    let block = block(&pack, "small").unwrap();
    // The same pack, in which the attribute has a name that no system knows.
    let mut bytes = fs::read(home.at("x.pack")).unwrap();
    drop(pack);
    let place = block.offset as usize..(block.offset + u64::from(block.len)) as usize;
    let found = bytes[place.clone()].windows(5).position(|name| name == b"user.").unwrap();
    bytes[place.start + found..][..5].copy_from_slice(b"qqqq.");
    let digest = rangepack_core::Digest::of(&bytes[place]).to_string();
    let (old, new) = (block.digest.to_string(), digest);
    // Lines are not covered by any digest.
    let mut options = with_attributes();
    options.index = IndexOptions::new().format(IndexFormat::Ndjson);
    home.pack(&options);
    let mut lines = fs::read(home.at("x.pack")).unwrap();
    let place = block.offset as usize;
    lines[place + found..][..5].copy_from_slice(b"qqqq.");
    let mut count = 0;
    while let Some(at) = lines.windows(64).position(|text| text == old.as_bytes()) {
        lines[at..at + 64].copy_from_slice(new.as_bytes());
        count += 1;
    }
    assert_eq!(count, 2);
    fs::write(home.at("y.pack"), lines).unwrap();
    let pack = Pack::open(home.at("y.pack")).unwrap();
    let told = Mutex::new(Vec::new());
    let observer = |event: Event<'_>| {
        if let Event::Incomplete { path, problem } = event {
            told.lock().unwrap().push(format!("{path}: {problem}"));
        }
    };
    let mut options = ExtractOptions::default();
    options.attributes = true;
    let report = extract(&pack, home.at("out"), &options, &observer).unwrap();
    assert!(report.is_complete());
    // The other name is linked, and has what the first has.
    assert_eq!(report.attributes_left_out, 1);
    let told = told.into_inner().unwrap();
    assert!(told.len() == 1 && told[0].contains("qqqq."), "{told:?}");
    assert_eq!(get(&home.at("out/small"), "user.kind"), get(&home.source("small"), "user.kind"));
}
