use super::*;
use crate::pack::{PackOptions, pack};
use crate::source::options::OpenOptions;
use crate::source::options::Verify;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 7u64;
    let mut step = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 56) as u8
    };
    (0..len).map(|_| step()).collect()
}

fn text(len: usize) -> Vec<u8> {
    let words = noise(len / 4).into_iter().flat_map(|byte| format!("{byte} ").into_bytes());
    words.cycle().take(len).collect()
}

type Tree = BTreeMap<&'static str, Vec<u8>>;

fn tree() -> Tree {
    BTreeMap::from([
        ("a/empty", Vec::new()),
        ("a/small", b"hello, hello, hello, hello, hello, hello, hello".to_vec()),
        ("a/text", text(700 << 10)),
        ("b/noise", noise((700 << 10) + 3)),
        ("b/small again", b"hello, hello, hello, hello, hello, hello, hello".to_vec()),
        ("b/text again", text(700 << 10)),
        ("block", text(256 << 10)),
    ])
}

fn make(tree: &Tree, compress: Option<u32>) -> (TempDir, std::path::PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("source");
    for (path, content) in tree {
        let path = source.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let target = root.path().join("target.pack");
    pack(
        &source,
        &target,
        &PackOptions::new().compress(compress.map(crate::Compression::Gzip)),
        &(),
    )
    .unwrap();
    (root, target)
}

fn open(path: &Path, verify: Verify) -> Pack {
    Pack::open_with(path, &OpenOptions { verify, ..OpenOptions::default() }).unwrap()
}

/// A container as the old programs make it: gzip members without block tables.
fn old_container(files: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write as _;
    let (mut data, mut index) = (Vec::new(), String::new());
    for (name, content) in files {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        let member = encoder.finish().unwrap();
        let (offset, len, size) = (data.len(), member.len(), content.len());
        let digest = rangepack_core::Digest::of(&member);
        index += &format!(
            "{{\"relpath\": \"{name}\", \"offset\": {offset}, \"payload_size\": {len}, \
             \"orig_size\": {size}, \"sha256\": \"{digest}\", \"compressed\": true}}\n"
        );
        data.extend(member);
    }
    data.extend(rangepack_core::trailer::trailer_header(index.len() as u64));
    data.extend(index.into_bytes());
    data
}

/// What to do with an open file: where to seek, how much to read.
fn steps() -> impl Strategy<Value = Vec<(u8, u32, u32)>> {
    proptest::collection::vec((0u8..4, any::<u32>(), 0u32..400_000), 1..12)
}

/// Does the same with the file and with a cursor over what it should hold.
fn same_as_a_cursor(file: &mut File, content: &[u8], steps: &[(u8, u32, u32)]) {
    let mut cursor = io::Cursor::new(content);
    let around = content.len() as u32 + 10;
    for (kind, place, len) in steps {
        let place = place % around;
        let to = match kind {
            0 => SeekFrom::Start(u64::from(place)),
            1 => SeekFrom::Current(i64::from(place) - i64::from(around / 2)),
            2 => SeekFrom::End(3 - i64::from(place)),
            _ => SeekFrom::Current(0),
        };
        assert_eq!(file.seek(to).ok(), cursor.seek(to).ok(), "{to:?}");
        assert_eq!(file.stream_position().unwrap(), cursor.position());
        let (mut found, mut expected) = (Vec::new(), Vec::new());
        file.take(u64::from(*len)).read_to_end(&mut found).unwrap();
        cursor.by_ref().take(u64::from(*len)).read_to_end(&mut expected).unwrap();
        assert!(found == expected, "{} bytes, {} expected", found.len(), expected.len());
        let mut buffer = vec![0; *len as usize];
        let read = file.read_at(&mut buffer, u64::from(place)).unwrap();
        let rest = content.get(place as usize..).unwrap_or(&[]);
        assert_eq!(buffer[..read], rest[..read]);
        assert_eq!(read == 0, rest.is_empty() || *len == 0);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn reads_and_seeks_like_a_cursor(steps in steps()) {
        let tree = tree();
        for compress in [None, Some(6)] {
            let (_root, path) = make(&tree, compress);
            for verify in [Verify::Index, Verify::Payloads] {
                let pack = open(&path, verify);
                for (name, content) in &tree {
                    let mut file = pack.open_file(name).unwrap();
                    same_as_a_cursor(&mut file, content, &steps);
                }
            }
        }
    }

    #[test]
    fn streams_and_seeks_without_a_block_table(steps in steps()) {
        let files = [("short", text(90_000)), ("long", text((1 << 20) + 300_001))];
        let files = files.each_ref().map(|(name, content)| (*name, &content[..]));
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("old");
        fs::write(&path, old_container(&files)).unwrap();
        for verify in [Verify::Index, Verify::Payloads] {
            let pack = open(&path, verify);
            for (name, content) in files {
                same_as_a_cursor(&mut pack.open_file(name).unwrap(), content, &steps);
            }
        }
    }
}

#[test]
fn a_stored_file_is_the_mapping_itself() {
    let (_root, path) = make(&tree(), None);
    let pack = open(&path, Verify::Index);
    let mut file = pack.open_file("b/noise").unwrap();
    let payload = pack.bytes("b/noise").unwrap().unwrap().as_ptr();
    let buffer = file.fill_buf().unwrap();
    assert_eq!((buffer.as_ptr(), buffer.len()), (payload, (700 << 10) + 3));
    assert_eq!((file.len(), file.is_empty()), ((700 << 10) + 3, false));
    assert_eq!(file.path().as_bytes(), b"b/noise");
    assert!(pack.open_file("a/empty").unwrap().is_empty());
}

#[test]
fn blocks_are_read_one_at_a_time() {
    for compress in [None, Some(6)] {
        let (_root, path) = make(&tree(), compress);
        let pack = open(&path, Verify::Payloads);
        let mut file = pack.open_file("a/text").unwrap();
        assert!(file.content().blocks.is_some());
        file.seek(SeekFrom::Start(300 << 10)).unwrap();
        assert_eq!(file.fill_buf().unwrap().len(), 212 << 10);
    }
}

/// Reads a whole file from a pack with one byte flipped; the error that nothing was given out before.
fn read_flipped(path: &Path, good: &[u8], at: usize, name: &str) -> io::Error {
    let mut bad = good.to_vec();
    bad[at] ^= 0x20;
    // Under a new name: the old one may be mapped.
    let copy = path.with_extension(format!("{at}"));
    fs::write(&copy, bad).unwrap();
    let pack = open(&copy, Verify::Payloads);
    let mut content = Vec::new();
    let mut file = pack.open_file(name).unwrap();
    let error = file.read_to_end(&mut content).unwrap_err();
    let is_stream = file.is_stream();
    assert!(content.is_empty() || !is_stream, "{} unverified bytes of {name}", content.len());
    assert!(!is_stream || file.read_at(&mut [0], 0).is_err() && file.approach().is_err());
    error
}

#[test]
fn damaged_payloads_are_not_given_out() {
    for compress in [None, Some(6)] {
        let (_root, path) = make(&tree(), compress);
        let good = fs::read(&path).unwrap();
        for name in ["a/small", "a/text", "b/noise"] {
            let content = *open(&path, Verify::Index).open_file(name).unwrap().content();
            let (start, len) = (content.offset as usize, content.stored_size as usize);
            for at in (start..start + len).step_by(len / 5).chain([start + len - 1]) {
                let error = read_flipped(&path, &good, at, name);
                assert_eq!(error.kind(), io::ErrorKind::InvalidData);
                assert!(error.to_string().contains(name), "{error}");
            }
        }
    }
}

#[test]
fn nothing_of_a_damaged_stream_is_given_out() {
    let content = text((1 << 20) + 300_001);
    let good = old_container(&[("long", &content)]);
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("old");
    fs::write(&path, &good).unwrap();
    let len = open(&path, Verify::Index).open_file("long").unwrap().content().stored_size as usize;
    for at in [0, 5, 100, len / 2, len - 9, len - 8, len - 1] {
        let error = read_flipped(&path, &good, at, "long");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("long"), "{error}");
    }
}

#[test]
fn a_stream_is_approached_in_steps() {
    let content = text(9 << 20);
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("old");
    fs::write(&path, old_container(&[("long", &content)])).unwrap();
    let pack = open(&path, Verify::Payloads);
    let mut file = pack.open_file("long").unwrap();
    file.seek(SeekFrom::Start(6 << 20)).unwrap();
    let mut steps = 0;
    while !file.approach().unwrap() {
        steps += 1;
    }
    // Two thirds of the first pass, its end and the beginning of the second, and the rest of that.
    assert!((2..=5).contains(&steps), "{steps}");
    let mut byte = [0];
    file.read_exact(&mut byte).unwrap();
    assert_eq!(byte[0], content[6 << 20]);
    // What was vouched for once needs no first pass any more.
    file.seek(SeekFrom::Start(0)).unwrap();
    assert!(file.approach().unwrap());
    assert_eq!(file.read_at(&mut byte, 1).unwrap(), 1);
    assert_eq!(byte[0], content[1]);
}

#[test]
fn threads_share_files() {
    fn is_send_and_sync<T: Send + Sync>(_: &T) {}
    let (_root, path) = make(&tree(), Some(6));
    let pack = open(&path, Verify::Payloads);
    is_send_and_sync(&pack.open_file("a/text").unwrap());
}

#[test]
fn files_and_what_is_mapped_outlive_the_pack_that_they_were_asked_of() {
    fn goes_anywhere<T: Send + Sync + 'static>(value: T) -> T {
        value
    }
    let tree = tree();
    let (_root, path) = make(&tree, None);
    for verify in [Verify::Index, Verify::Payloads] {
        let open = || open(&path, verify).open_file("b/noise").unwrap();
        let mut file = goes_anywhere(open());
        let whole = goes_anywhere(open().mapped().unwrap().unwrap());
        let part = whole.slice(3..=10).slice(1..);
        let expected = &tree["b/noise"];
        assert_eq!(part[..], expected[4..=10]);
        drop(open());
        let read = std::thread::spawn(move || {
            let mut content = Vec::new();
            file.read_to_end(&mut content).unwrap();
            content
        });
        assert!(read.join().unwrap() == *expected && whole[..] == expected[..]);
        whole.intact().unwrap();
    }
    let (_root, path) = make(&tree, Some(6));
    let pack = open(&path, Verify::Index);
    assert!(pack.clone().open_file("a/text").unwrap().mapped().unwrap().is_none());
}

#[test]
fn opening_takes_the_same_things_with_options_and_without() {
    use crate::source::location::Location;
    let (_root, path) = make(&tree(), None);
    let text = path.to_str().unwrap();
    macro_rules! opens {
        ($($location:expr),*) => {
            $(
                Pack::open($location).unwrap();
                Pack::open_with($location, &OpenOptions::new().verify(Verify::Payloads)).unwrap();
                Pack::open_observed($location, &OpenOptions::new(), &()).unwrap();
            )*
        };
    }
    let location = Location::from(text);
    opens!(text, &text.to_owned(), text.to_owned(), &path, path.as_path(), path.clone());
    opens!(path.as_os_str(), path.clone().into_os_string(), &location, location.clone());
}
