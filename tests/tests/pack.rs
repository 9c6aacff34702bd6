//! Packs of trees that are awkward, or that change while they are packed.

use rangepack::Pack;
use rangepack::{PackOptions, Summary, pack};
use rangepack::{VerifyOptions, verify};
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

const BLOCK: usize = 256 << 10;

fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(99_991);
        (state >> 40) as u8
    };
    (0..len).map(next).collect()
}

fn options(compress: Option<u32>, threads: usize) -> PackOptions {
    let mut options = PackOptions::default();
    (options.compress, options.threads, options.overwrite) =
        (compress.map(rangepack::Compression::Gzip), threads, true);
    options
}

fn is_sound(target: &Path) -> Pack {
    let pack = Pack::open(target).unwrap();
    let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
    assert!(report.is_sound(), "{:?}", report.problems);
    pack
}

fn leftovers(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.to_string_lossy().contains(".rangepack-")).collect()
}

fn awkward_tree(source: &Path) {
    fs::create_dir_all(source.join("copies")).unwrap();
    let large = noise(3 * BLOCK + 17, 1);
    let hard_start = [noise(17 * BLOCK, 2), vec![b'a'; 8 * BLOCK]].concat();
    let files: [(&str, &[u8]); 11] = [
        ("empty", b""),
        ("one", b"1"),
        ("block", &large[..BLOCK]),
        ("block-1", &large[..BLOCK - 1]),
        ("block+1", &large[..BLOCK + 1]),
        ("large", &large),
        ("copies/large", &large),
        ("copies/large again", &large),
        ("copies/one", b"1"),
        ("hard start", &hard_start),
        ("soft", &vec![b'x'; 5 * BLOCK + 3]),
    ];
    for (name, content) in files {
        fs::write(source.join(name), content).unwrap();
    }
    fs::hard_link(source.join("one"), source.join("hard link")).unwrap();
    std::os::unix::net::UnixListener::bind(source.join("socket")).unwrap();
}

#[test]
fn the_same_with_any_number_of_threads_and_twice() {
    let home = tempfile::tempdir().unwrap();
    // The pack lies in the tree that it holds.
    let (source, target) = (home.path().join("s"), home.path().join("s/x.pack"));
    awkward_tree(&source);
    for (compress, dedup, align) in [(None, true, 1), (None, false, 4096), (Some(6), true, 512)] {
        let mut first: Option<(Summary, Vec<u8>)> = None;
        for threads in [1, 2, 7, 2] {
            let mut options = options(compress, threads);
            (options.dedup, options.align) = (dedup, align);
            let summary = pack(&source, &target, &options, &()).unwrap().summary;
            let bytes = fs::read(&target).unwrap();
            let (summary, bytes) = (summary, bytes);
            let (expected, same) = first.get_or_insert((summary, bytes.clone()));
            assert!(*expected == summary && *same == bytes, "{threads} threads");
        }
        let (summary, _) = first.unwrap();
        assert_eq!((summary.files, summary.special, summary.failed), (12, 1, 0));
        // The other name of one file is stored once in any case.
        assert_eq!(summary.duplicates, if dedup { 4 } else { 1 });
        let packed = is_sound(&target);
        for entry in packed.entries() {
            let entry = entry.unwrap().to_entry().unwrap();
            let disk = source.join(entry.path.display().to_string());
            if disk.is_file() {
                assert!(packed.read(entry.path.as_bytes()).unwrap() == fs::read(&disk).unwrap());
            }
            if let rangepack_core::Kind::File(content) = entry.kind {
                assert!(content.stored_size <= content.size);
                assert!(content.stored_size == 0 || content.offset % align == 0);
            }
        }
    }
    assert_eq!(leftovers(&source), Vec::<PathBuf>::new());
}

/// Files that shrink, grow, change and vanish: whatever is packed agrees with its entry.
#[test]
fn files_that_change_while_they_are_packed() {
    let home = tempfile::tempdir().unwrap();
    let (source, target) = (home.path().join("s"), home.path().join("x.pack"));
    fs::create_dir(&source).unwrap();
    let name = |n: u64| source.join(format!("f{n:02}"));
    for n in 0..8 {
        fs::write(name(n), noise(if n % 4 == 0 { BLOCK * 3 } else { 3000 }, n)).unwrap();
    }
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0u64;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                let path = name(round.wrapping_mul(7) % 8);
                let Ok(file) =
                    fs::File::options().create(true).write(true).truncate(false).open(&path)
                else {
                    continue;
                };
                let _ = match round % 5 {
                    0 => file.set_len(0),
                    1 => file.set_len(round % 900_000),
                    2 => fs::remove_file(&path),
                    _ => file.write_all_at(&noise(5000, round), round % 600_000),
                };
            }
        });
        for round in 0..4 {
            let mut options = options((round % 2 == 0).then_some(1), 2);
            options.incomplete = true;
            let summary = pack(&source, &target, &options, &()).unwrap().summary;
            let packed = is_sound(&target);
            assert_eq!(packed.header().totals.files, summary.files);
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert_eq!(leftovers(home.path()), Vec::<PathBuf>::new());
}

#[test]
fn a_pack_that_lacks_something_replaces_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (source, target) = (home.path().join("s"), home.path().join("x.pack"));
    fs::create_dir(&source).unwrap();
    fs::write(source.join("a"), b"a").unwrap();
    let mut options = options(None, 2);
    pack(&source, &target, &options, &()).unwrap();
    let before = fs::read(&target).unwrap();
    std::os::unix::fs::symlink("loop", source.join("loop")).unwrap();
    options.follow_links = true;
    let error = pack(&source, &target, &options, &()).unwrap_err();
    assert!(matches!(error, rangepack::Error::Incomplete { failed: 1, .. }), "{error}");
    assert!(fs::read(&target).unwrap() == before);
    assert_eq!(leftovers(home.path()), Vec::<PathBuf>::new());
    options.incomplete = true;
    assert_eq!(pack(&source, &target, &options, &()).unwrap().summary.failed, 1);
    // Where nothing was, nothing is lost.
    fs::remove_file(&target).unwrap();
    options.incomplete = false;
    assert_eq!(pack(&source, &target, &options, &()).unwrap().summary.failed, 1);
    is_sound(&target);
}

/// As far as the file system has such times.
#[test]
fn times_that_no_pack_can_hold_are_told() {
    use std::os::unix::fs::MetadataExt;
    use std::time::{Duration, SystemTime};
    const YEAR: u64 = 31_556_952;
    let home = tempfile::tempdir().unwrap();
    let (source, target) = (home.path().join("s"), home.path().join("x.pack"));
    fs::create_dir(&source).unwrap();
    let later = |years: u64| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(years * YEAR));
    let earlier =
        |years: u64| SystemTime::UNIX_EPOCH.checked_sub(Duration::from_secs(years * YEAR));
    let mut beyond = Vec::new();
    for (name, time) in
        [("2300", later(330)), ("2200", later(230)), ("1600", earlier(370)), ("1960", earlier(10))]
    {
        let file = fs::File::create(source.join(name)).unwrap();
        let _ = time.map(|time| file.set_modified(time + Duration::from_millis(500)));
        // Some file systems have the nearest time that they know.
        let seconds = file.metadata().unwrap().mtime();
        if i64::try_from(i128::from(seconds) * 1_000_000_000).is_err() {
            beyond.push(name);
        }
    }
    let told = std::sync::Mutex::new(Vec::new());
    let observer = |event: rangepack::Event<'_>| {
        if let rangepack::Event::LeftOut { path, .. } = event {
            told.lock().unwrap().push(path.file_name().unwrap().to_str().unwrap().to_owned());
        }
    };
    let summary = pack(&source, &target, &options(None, 1), &observer).unwrap().summary;
    assert_eq!((summary.files, summary.failed), (4, 0));
    assert_eq!(summary.attributes_left_out, beyond.len() as u64);
    let mut told = told.into_inner().unwrap();
    told.sort();
    beyond.sort_unstable();
    assert_eq!(told, beyond);
    let packed = is_sound(&target);
    for (name, nearest) in [("2300", i64::MAX), ("1600", i64::MIN + 1)] {
        let mtime = packed.metadata(name).unwrap().mtime;
        assert_eq!(mtime == Some(nearest), beyond.contains(&name), "{mtime:?}");
    }
}

#[test]
fn strict_stops_and_leaves_nothing() {
    let home = tempfile::tempdir().unwrap();
    let (source, target) = (home.path().join("s"), home.path().join("x.pack"));
    fs::create_dir(&source).unwrap();
    fs::write(source.join("a"), b"a").unwrap();
    // A link to itself cannot be followed, whoever asks.
    std::os::unix::fs::symlink("loop", source.join("loop")).unwrap();
    let mut options = options(None, 2);
    options.follow_links = true;
    let summary = pack(&source, &target, &options, &()).unwrap().summary;
    assert_eq!((summary.files, summary.failed), (1, 1));
    is_sound(&target);
    fs::remove_file(&target).unwrap();
    options.strict = true;
    pack(&source, &target, &options, &()).unwrap_err();
    assert!(!target.exists());
    assert_eq!(leftovers(home.path()), Vec::<PathBuf>::new());
}

/// Of a large file it is told while it is under way, when it is packed and when it is extracted.
#[test]
fn large_files_are_told_of_before_they_are_done() {
    use rangepack::{Event, ExtractOptions, extract};
    let home = tempfile::tempdir().unwrap();
    let (source, target) = (home.path().join("s"), home.path().join("x.pack"));
    fs::create_dir(&source).unwrap();
    let content = noise(5 * BLOCK + 7, 1);
    fs::write(source.join("large"), &content).unwrap();
    let told = std::sync::Mutex::new(Vec::new());
    let hear = |event: Event<'_>| match event {
        Event::Reached { bytes } | Event::Bytes { bytes } => told.lock().unwrap().push(bytes),
        Event::Done { bytes, .. } => assert_eq!(bytes, 0, "it was told already"),
        _ => {}
    };
    pack(&source, &target, &options(None, 2), &hear).unwrap();
    let reached = std::mem::take(&mut *told.lock().unwrap());
    let expected = (1..=5u64).map(|block| block * BLOCK as u64).chain([content.len() as u64]);
    assert_eq!(reached, expected.collect::<Vec<_>>());
    let mut options = ExtractOptions::default();
    options.chunk_size = BLOCK;
    let _ =
        extract(&Pack::open(&target).unwrap(), home.path().join("out"), &options, &hear).unwrap();
    let told = told.into_inner().unwrap();
    assert_eq!((told.len() > 4, told.iter().sum::<u64>()), (true, content.len() as u64));
}
