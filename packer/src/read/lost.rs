//! What becomes of a pack whose file is cut short while it is open.

use super::pack::Pack;
use crate::error::Error;
use crate::extract::{ExtractOptions, extract};
use crate::pack::{PackOptions, pack};
use crate::progress::{Event, Observer};
use crate::source::options::{OpenOptions, Verify};
use crate::verify::{VerifyOptions, verify};
use std::fs;
use std::io::{BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tempfile::TempDir;

/// A pack of 1000 small files and a large one, whose index has several pages.
fn make() -> (TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let source = home.path().join("source");
    fs::create_dir(&source).unwrap();
    for number in 0..1000 {
        fs::write(source.join(format!("{number:04}")), vec![number as u8; 5000]).unwrap();
    }
    fs::write(source.join("large"), vec![9; 3 << 20]).unwrap();
    let packed = home.path().join("a.pack");
    let options = PackOptions { dedup: false, ..PackOptions::default() };
    pack(&source, &packed, &options, &()).unwrap();
    (home, packed)
}

fn cut(packed: &Path, len: u64) {
    fs::OpenOptions::new().write(true).open(packed).unwrap().set_len(len).unwrap();
}

fn is_lost<T: std::fmt::Debug>(result: Result<T, Error>) -> bool {
    matches!(result, Err(Error::Lost { expected, found, .. }) if found < expected)
}

/// Cuts the file when the first entry is done.
struct Cut<'p>(Mutex<Option<&'p Path>>, u64);

impl Observer for Cut<'_> {
    fn event(&self, event: Event<'_>) {
        if let Event::Done { .. } = event
            && let Some(packed) = self.0.lock().unwrap().take()
        {
            cut(packed, self.1);
        }
    }
}

#[test]
fn questions_fail() {
    let (_home, packed) = make();
    let pack = Pack::open(&packed).unwrap();
    cut(&packed, 4096);
    assert!(is_lost(pack.read("0500")));
    assert!(is_lost(pack.find(rangepack_core::PackPath::new(b"0001").unwrap()).map(|_| ())));
    assert!(is_lost(pack.intact()));
    assert!(is_lost(pack.entries().collect::<Result<Vec<_>, _>>().map(|_| ())));
    // Another pack is read as ever.
    let (_home, packed) = make();
    assert_eq!(Pack::open(&packed).unwrap().read("0001").unwrap(), vec![1; 5000]);
}

#[test]
fn file_objects_fail_and_give_no_zeros() {
    for verify in [Verify::Index, Verify::Payloads] {
        let (_home, packed) = make();
        let options = OpenOptions { verify, ..OpenOptions::default() };
        let pack = Pack::open_with(&packed, &options).unwrap();
        let mut file = pack.open_file("large").unwrap();
        let borrowed = pack.bytes("large").unwrap().unwrap();
        let mut bytes = vec![0; 100_000];
        file.read_exact(&mut bytes).unwrap();
        cut(&packed, 4096);
        let mut rest = Vec::new();
        let error = file.read_to_end(&mut rest).unwrap_err();
        assert!(error.downcast::<Error>().is_ok_and(|error| is_lost::<()>(Err(error))));
        assert!(bytes.iter().chain(&rest).all(|byte| *byte == 9), "{verify:?}");
        assert_eq!(borrowed[2 << 20], 0);
        assert!(is_lost(pack.intact()) && file.fill_buf().is_err());
    }
}

#[test]
fn verifying_and_extracting_stop() {
    for len in [0, 4096, 2_000_000] {
        let (_home, packed) = make();
        let observer = Cut(Mutex::new(Some(&packed)), len);
        let options = VerifyOptions { threads: 1, ..VerifyOptions::default() };
        assert!(is_lost(verify(&Pack::open(&packed).unwrap(), &options, &observer)));

        let (home, packed) = make();
        let observer = Cut(Mutex::new(Some(&packed)), len);
        let target = home.path().join("out");
        assert!(is_lost(extract(
            &Pack::open(&packed).unwrap(),
            &target,
            &ExtractOptions::default(),
            &observer
        )));
        // What is there is whole.
        for file in fs::read_dir(&target).unwrap() {
            let path = file.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            assert!(bytes.len() >= 5000 && bytes.iter().all(|byte| *byte == bytes[0]), "{path:?}");
        }
    }
}

#[test]
fn an_old_container_that_is_cut_while_its_index_is_read_is_no_damage() {
    let (home, _) = make();
    let container = home.path().join("c");
    let line =
        br#"{"relpath": "a", "offset": 0, "payload_size": 1, "orig_size": 1, "compressed": false}"#;
    fs::write(&container, b"x").unwrap();
    fs::write(home.path().join("c.idx"), [&line[..], b"\n"].concat().repeat(10_000)).unwrap();
    let mut lines = 0;
    let data = crate::source::data::Data::open(&(&container).into(), &OpenOptions::default());
    let data = data.unwrap();
    let options = OpenOptions::default();
    let origin = super::legacy::find(&data, &options).unwrap();
    let read = super::legacy::read(&data, &origin, &options, &(), &mut |_| {
        lines += 1;
        if lines == 1 {
            cut(&home.path().join("c.idx"), 100);
        }
        Ok(())
    });
    assert!(is_lost(read.map(|_| ())) && lines > 0, "{lines}");
}
