//! Paged indexes for containers that have none: large payloads get block tables.

use rangepack::IndexOptions;
use rangepack::{CreateOptions, create};
use rangepack::{Event, Observer};
use rangepack::{
    IndexTarget, NdjsonOptions, RebuildOptions, Reindexed, rebuild, sidecar_path, write_ndjson,
};
use rangepack::{OpenOptions, Pack, Verify};
use rangepack::{VerifyOptions, verify};
use rangepack_core::{Codec, Digest, Kind};
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const LARGE: usize = 900_000;

fn noise(len: usize) -> Vec<u8> {
    (0..len as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// A container as the old programs left it: `large` (twice), `small`, and a trailer of lines.
fn old_container(folder: &Path) -> PathBuf {
    let (large, small) = (noise(LARGE), b"small".to_vec());
    let line = |name: &str, offset: usize, payload: &[u8]| {
        let (len, digest) = (payload.len(), Digest::of(payload));
        format!(
            "{{\"relpath\": \"{name}\", \"offset\": {offset}, \"payload_size\": {len}, \
             \"orig_size\": {len}, \"sha256\": \"{digest}\", \"compressed\": false}}\n"
        )
    };
    let index =
        line("small", LARGE, &small) + &line("large", 0, &large) + &line("again", 0, &large);
    let head = [&b"CTNRv1__"[..], &(index.len() as u64).to_le_bytes()].concat();
    let path = folder.join("old.container");
    fs::write(&path, [large, small, head, index.into_bytes()].concat()).unwrap();
    path
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

fn index(path: &Path, in_place: bool) -> Reindexed {
    let target = if in_place {
        IndexTarget::InPlace(IndexOptions::default())
    } else {
        IndexTarget::Beside(sidecar_path(path))
    };
    rebuild(path, &target, &RebuildOptions::default(), &()).unwrap()
}

fn content(pack: &Pack, name: &str) -> rangepack_core::Content {
    match pack.metadata(name).unwrap().kind {
        Kind::File(content) => content,
        kind => panic!("{kind:?}"),
    }
}

fn bad_entries(pack: &Pack) -> u64 {
    let options = VerifyOptions::default();
    let report = verify(pack, &options, &()).unwrap();
    assert_eq!(report.structural, 0, "{:?}", report.problems);
    report.bad
}

/// What can be read of a file from `start` on, verified.
fn read_from(pack: &Pack, name: &str, start: u64) -> std::io::Result<u8> {
    let mut file = pack.open_file(name).unwrap();
    file.seek(SeekFrom::Start(start)).unwrap();
    let mut byte = [0];
    file.read_exact(&mut byte).map(|()| byte[0])
}

fn verifying(path: &Path) -> Pack {
    let mut options = OpenOptions::default();
    options.verify = Verify::Payloads;
    Pack::open_with(path, &options).unwrap()
}

#[test]
fn large_payloads_of_old_containers_get_tables() {
    for in_place in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = old_container(folder.path());
        let made = index(&path, in_place);
        assert_eq!((made.damaged.len(), made.hashed), (0, 0));
        let pack = verifying(&path);
        let (large, again) = (content(&pack, "large"), content(&pack, "again"));
        assert!(large.blocks.is_some() && large == again);
        assert!(content(&pack, "small").blocks.is_none());
        assert_eq!(bad_entries(&pack), 0);
        assert!(pack.read("large").unwrap() == noise(LARGE));
        drop(pack);
        // A damaged part hurts itself alone.
        flip(&path, 600_000);
        let pack = verifying(&path);
        assert_eq!(read_from(&pack, "large", 3).unwrap(), noise(4)[3]);
        assert!(read_from(&pack, "large", 600_000).is_err());
        assert_eq!(bad_entries(&pack), 2);
        drop(pack);
        // So does a damaged table.
        let pack = Pack::open(&path).unwrap();
        let table = content(&pack, "large").blocks.unwrap().offset as usize;
        drop(pack);
        flip(&path, 600_000);
        flip(&if in_place { path.clone() } else { sidecar_path(&path) }, table + 50);
        let pack = verifying(&path);
        assert!(read_from(&pack, "large", 3).is_err());
        assert_eq!(bad_entries(&pack), 2);
    }
}

#[test]
fn a_damaged_payload_is_told_and_gets_no_table() {
    for in_place in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = old_container(folder.path());
        flip(&path, 600_000);
        let made = index(&path, in_place);
        let names: Vec<String> =
            made.damaged.iter().map(|path| path.display().to_string()).collect();
        assert_eq!(names, ["large", "again"]);
        let pack = Pack::open(&path).unwrap();
        assert!(content(&pack, "large").blocks.is_none());
        assert_eq!(bad_entries(&pack), 2);
        assert_eq!(pack.read("small").unwrap(), b"small");
    }
}

/// Lines speak of the container alone, so what an index beside it adds is not in them.
#[test]
fn lines_written_from_an_index_beside_the_container() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_container(folder.path());
    index(&path, false);
    let lines = folder.path().join("lines.idx");
    write_ndjson(&Pack::open(&path).unwrap(), &lines, NdjsonOptions::default(), &()).unwrap();
    let mut options = OpenOptions::default();
    options.index = Some(lines.into());
    let pack = Pack::open_with(&path, &options).unwrap();
    assert!(pack.read("large").unwrap() == noise(LARGE));
    assert_eq!(bad_entries(&pack), 0);
}

/// An open container of this program has tables itself.
#[test]
fn tables_of_an_open_container_are_taken_over() {
    for compress in [None, Some(6)] {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        fs::create_dir(&source).unwrap();
        let text = b"again and again ".repeat(50_000);
        fs::write(source.join("text"), &text).unwrap();
        let mut options = CreateOptions::default();
        options.reopen = true;
        options.pack.compress = compress.map(rangepack::Compression::Gzip);
        let path = folder.path().join("c");
        create(&source, &path, &options, &()).unwrap();
        index(&path, false);
        let pack = verifying(&path);
        let content = content(&pack, "text");
        assert_eq!(content.codec, if compress.is_some() { Codec::Gzip } else { Codec::Stored });
        assert!(content.blocks.is_some() && content.volume == 1);
        assert_eq!(bad_entries(&pack), 0);
        assert_eq!(read_from(&pack, "text", 700_001).unwrap(), text[700_001]);
    }
}

#[test]
fn each_entry_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_container(folder.path());
    let told = Mutex::new(Vec::new());
    let observer = |event: Event<'_>| {
        let Event::Done { path, bytes } = event else { panic!("{event:?}") };
        told.lock().unwrap().push((path.0.to_vec(), bytes));
    };
    let target = IndexTarget::Beside(sidecar_path(&path));
    rebuild(&path, &target, &RebuildOptions::default(), &observer).unwrap();
    let rebuilt = std::mem::take(&mut *told.lock().unwrap());
    let pack = Pack::open(&path).unwrap();
    let written =
        write_ndjson(&pack, folder.path().join("lines"), with_directories(), &observer).unwrap();
    assert_eq!(written.len, folder.path().join("lines").metadata().unwrap().len());
    let is_file = |told: &&(Vec<u8>, u64)| pack.open_file(&told.0).is_ok();
    let sum = |told: &[(Vec<u8>, u64)]| told.iter().map(|(_, bytes)| bytes).sum::<u64>();
    let (told, totals) = (told.into_inner().unwrap(), pack.header().totals);
    assert_eq!(told.len() as u64, pack.header().entries);
    for told in [rebuilt, told] {
        assert_eq!(told.iter().filter(is_file).count() as u64, totals.files);
        assert_eq!(sum(&told), totals.bytes);
    }
}

fn with_directories() -> NdjsonOptions {
    let mut options = NdjsonOptions::default();
    options.directories = true;
    options
}

/// Wants to stop once, when it was asked so often.
struct StopOnce(AtomicUsize);

impl Observer for StopOnce {
    fn cancelled(&self) -> bool {
        self.0.fetch_sub(1, Ordering::Relaxed) == 1
    }
}

#[test]
fn what_is_stopped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_container(folder.path());
    let before = fs::read(&path).unwrap();
    let names = || fs::read_dir(folder.path()).unwrap().count();
    let (count, options) = (names(), RebuildOptions::default());
    // Between entries, and within the large one.
    for asked in 1..6 {
        for target in [
            IndexTarget::Beside(sidecar_path(&path)),
            IndexTarget::InPlace(IndexOptions::default()),
        ] {
            let observer = StopOnce(AtomicUsize::new(asked));
            let error = rebuild(&path, &target, &options, &observer).unwrap_err();
            assert!(error.is_cancelled(), "{error}");
            assert!(fs::read(&path).unwrap() == before);
            assert_eq!(names(), count);
        }
    }
    let (pack, lines) = (Pack::open(&path).unwrap(), folder.path().join("lines"));
    let error =
        write_ndjson(&pack, &lines, NdjsonOptions::default(), &AtomicBool::new(true)).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert_eq!(names(), count);
}

#[test]
fn an_index_beside_a_container_reads_that_container_whatever_it_was_made_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = old_container(folder.path());
    index(&path, false);
    // Copied together, under another name: the copy's own payloads are read.
    let copy = folder.path().join("copy.container");
    fs::copy(&path, &copy).unwrap();
    fs::copy(sidecar_path(&path), sidecar_path(&copy)).unwrap();
    let report =
        |path: &Path| verify(&Pack::open(path).unwrap(), &VerifyOptions::default(), &()).unwrap();
    assert!(report(&copy).is_sound());
    // Damage to the copy is the copy's, and a container of the same length is not taken for sound.
    flip(&copy, LARGE);
    let (original, copied) = (report(&path), report(&copy));
    assert!(original.is_sound());
    assert_eq!(
        (copied.bad, copied.problems[0].path.as_ref().unwrap().display().to_string()),
        (1, "small".into())
    );
    fs::rename(&path, folder.path().join("elsewhere")).unwrap();
    assert_eq!(report(&copy).bad, 1, "nothing of the first container is needed");
    // Alone it leads nowhere, and says so.
    fs::copy(sidecar_path(&copy), folder.path().join("alone")).unwrap();
    let alone = Pack::open(folder.path().join("alone")).unwrap();
    let error = alone.read("small").unwrap_err().to_string();
    assert!(error.contains("belongs beside a container"), "{error}");
}
