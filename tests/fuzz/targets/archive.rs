//! Tar and zip archives: whatever the bytes are, they are indexed and packed, or refused; what the index reads where it lies is
//! what was packed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack::{
    Archive, ArchiveIndexOptions, Error, Observer, Pack, PackOptions, VerifyOptions, import,
    index_archive, sidecar_path, verify,
};
use rangepack_core::{Codec, Kind};
use std::collections::BTreeMap;
use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// A few bytes may stand for a hole of any length, which is read until somebody says that it is enough: after so many questions, of
/// which one comes for each block.
const QUESTIONS: u32 = 500;

fuzz_target!(|bytes: &[u8]| {
    ask(bytes);
    ask(&summed(bytes));
});

#[derive(Default)]
struct Patience(AtomicU32);

impl Observer for Patience {
    fn cancelled(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) > QUESTIONS
    }
}

/// With the sums of tar headers as they should be.
fn summed(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for header in bytes.chunks_exact_mut(512).filter(|block| block[257..].starts_with(b"ustar")) {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
    bytes
}

fn ask(bytes: &[u8]) {
    // In memory, where the system has files there.
    let memory = Path::new("/dev/shm");
    let made = if memory.is_dir() { TempDir::new_in(memory) } else { TempDir::new() };
    let folder = made.unwrap();
    let (archive, target) = (folder.path().join("archive"), folder.path().join("pack"));
    let sidecar = sidecar_path(&archive);
    fs::write(&archive, bytes).unwrap();
    let observer = Patience::default();
    let options = ArchiveIndexOptions::new();
    let indexed = index_archive(archive.as_path(), &sidecar, &options, &observer);
    let indexed = checked(indexed.map(|_| ()), &sidecar).map(|()| contents(&archive));
    let options = PackOptions::new().threads(1);
    let from = Archive::File(archive.clone());
    let packed = checked(import(from, &target, &options, &observer).map(|_| ()), &target);
    let packed = packed.map(|()| contents(&target));
    if let (Some(indexed), Some(packed)) = (&indexed, &packed) {
        for (path, content) in indexed.iter().filter(|(_, content)| content.is_some()) {
            let same = packed.get(path).is_none_or(|other| other == content);
            assert!(same, "{}", path.escape_ascii());
        }
        // What cannot be read takes its place in the index alone, and others give way to it there.
        if indexed.values().all(Option::is_some) {
            assert!(packed.keys().eq(indexed.keys()));
        }
    }
    // From front to back it is the same.
    if packed.is_some() {
        let whole = fs::read(&target).unwrap();
        fs::remove_file(&target).unwrap();
        let stream = Archive::stream(Cursor::new(bytes.to_vec()), "stream");
        if import(stream, &target, &options, &observer).is_ok() {
            assert!(fs::read(&target).unwrap() == whole);
        }
    }
    let most = [&archive, &target, &sidecar].iter().filter(|file| file.exists()).count();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), most, "something else is there");
}

/// Whether it was made; if not, nothing is there.
fn checked(made: rangepack::Result<()>, target: &Path) -> Option<()> {
    match made {
        Ok(()) => Some(()),
        Err(error) => {
            // Whatever is wrong is wrong with the archive.
            let is_told = matches!(error, Error::Archive { .. } | Error::Cancelled { .. });
            assert!(is_told && !target.exists(), "{error:?}");
            None
        }
    }
}

/// What is there, where it can be read.
fn contents(location: &Path) -> BTreeMap<Vec<u8>, Option<Vec<u8>>> {
    let pack = Pack::open(location).unwrap();
    let mut contents = BTreeMap::new();
    for entry in pack.entries() {
        let entry = entry.unwrap();
        let owned = entry.to_entry().unwrap();
        let content = match owned.kind {
            Kind::Directory(_) => continue,
            Kind::Symlink(target) => Some(target),
            Kind::File(content) => match content.codec {
                Codec::Other(_) => None,
                // What the index says is so: it was read for that.
                _ => Some(pack.read_entry(&entry).unwrap().to_vec()),
            },
        };
        contents.insert(owned.path.as_bytes().to_vec(), content);
    }
    let report = verify(&pack, &VerifyOptions::default().threads(1), &()).unwrap();
    let unread = contents.values().filter(|content| content.is_none()).count();
    assert_eq!(report.bad, unread as u64, "{:?}", report.problems);
    contents
}
