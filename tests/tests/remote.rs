//! Packs at URLs: what they say, what they cost, and what servers may do to them.

use filetime::FileTime;
use rangepack::Event;
use rangepack::{Error, OpenOptions, Pack, RemoteOptions, RemoteProblem};
use rangepack::{ExtractOptions, extract};
use rangepack::{VerifyOptions, verify};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};
use std::time::Duration;
use support::server::{Manner, Server};
use support::{describe, file, files};
use tempfile::TempDir;

/// Never asks again because an answer is late: requests are counted here, and machines may be busy.
fn patient() -> OpenOptions {
    let mut options = OpenOptions::default();
    options.remote = RemoteOptions::default();
    options.remote.timeout = Duration::from_secs(300);
    options.remote.retries = 2;
    options
}

fn open(url: &str) -> rangepack::Result<Pack> {
    Pack::open_with(Path::new(url), &patient())
}

/// What stands in the way of opening.
fn problem(url: &str) -> RemoteProblem {
    match open(url).unwrap_err() {
        Error::Remote { problem, .. } => problem,
        error => panic!("{error}"),
    }
}

/// Directories with a thousand files of some hundred bytes each, and a file of 40 MB with a block table. Bytes and times are
/// the same on every run, so that pages begin at the same entries and requests can be counted.
fn make(directories: usize) -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("src");
    let time = FileTime::from_unix_time(1_700_000_000, 0);
    for directory in 0..directories {
        let directory = source.join(format!("d{directory:03}"));
        fs::create_dir_all(&directory).unwrap();
        for number in 0..1000 {
            let path = directory.join(format!("file-{number:04}.txt"));
            fs::write(&path, path.strip_prefix(&source).unwrap().to_str().unwrap().repeat(10))
                .unwrap();
            filetime::set_file_mtime(&path, time).unwrap();
        }
        filetime::set_file_mtime(&directory, time).unwrap();
    }
    let numbers = (0..5_000_000u64).flat_map(|number| value(number).to_le_bytes());
    fs::write(source.join("large.bin"), numbers.collect::<Vec<u8>>()).unwrap();
    filetime::set_file_mtime(source.join("large.bin"), time).unwrap();
    let path = root.path().join("large.pack");
    rangepack::pack(&source, &path, &rangepack::PackOptions::default(), &()).unwrap();
    (root, path)
}

/// The numbers of the large file.
fn value(number: u64) -> u64 {
    number.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// With 100 000 files, packed once for all tests.
static LARGE: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| make(100));

fn serve(path: &Path) -> (Server, String) {
    let server = Server::start(Manner::Normal);
    let url = server.put("dir/x.pack", fs::read(path).unwrap());
    (server, url)
}

#[test]
fn golden_packs_say_the_same_over_http() {
    let server = Server::start(Manner::Normal);
    for path in files("golden", ".pack") {
        let name = path.file_name().unwrap().to_str().unwrap();
        for volume in [".rpx", ".idx"] {
            let beside = PathBuf::from(format!("{}{volume}", path.display()));
            if beside.exists() {
                server.put(&format!("{name}{volume}"), fs::read(&beside).unwrap());
            }
        }
        for other in fs::read_dir(path.parent().unwrap()).unwrap() {
            let other = other.unwrap().path();
            server.put(other.file_name().unwrap().to_str().unwrap(), fs::read(&other).unwrap());
        }
        let found = describe::describe(Path::new(&server.url(name))).unwrap();
        let expected = fs::read(path.with_extension("json")).unwrap();
        assert_eq!(describe::to_text(&found).as_bytes(), expected, "{name}");
    }
}

#[test]
fn opening_is_one_request_and_a_file_two_or_three_more() {
    let (server, url) = serve(&LARGE.1);
    let pack = open(&url).unwrap();
    assert_eq!(server.taken(), (1, 100 << 10));
    assert_eq!(pack.header().totals.files, 100_001);
    let text = pack.read("d042/file-0017.txt").unwrap();
    assert_eq!(text, fs::read(LARGE.0.path().join("src/d042/file-0017.txt")).unwrap());
    let (requests, bytes) = server.taken();
    assert!(requests <= 2 && bytes < 40 << 10, "{requests} requests, {bytes} bytes");
    // Its page is at hand now.
    pack.read("d042/file-0018.txt").unwrap();
    assert_eq!(server.taken().0, 1);
    // A slice of the large file: a page, the block table, and one block.
    let mut file = pack.open_file("large.bin").unwrap();
    file.seek(SeekFrom::Start(20_000_000)).unwrap();
    let mut bytes = [0; 8];
    file.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, value(2_500_000).to_le_bytes());
    let (requests, bytes) = server.taken();
    assert!(requests <= 3 && bytes < 400 << 10, "{requests} requests, {bytes} bytes");
    // Nothing is fetched behind the end that was told, unless it is read after all.
    let mut file = pack.open_file("large.bin").unwrap();
    file.read_until(600_000);
    let mut all = vec![0; 600_000];
    file.read_exact(&mut all).unwrap();
    let (_, bytes) = server.taken();
    assert!(bytes < 900 << 10, "{bytes} bytes");
    file.read_to_end(&mut all).unwrap();
    assert!(all == fs::read(LARGE.0.path().join("src/large.bin")).unwrap());
    let (requests, bytes) = server.taken();
    assert!(requests < 30 && bytes < 42 << 20, "{requests} requests, {bytes} bytes");
    assert_eq!(pack.bytes("d042/file-0018.txt").unwrap(), None);
}

#[test]
fn walking_reads_ahead() {
    let (server, url) = serve(&LARGE.1);
    let pack = open(&url).unwrap();
    server.taken();
    assert_eq!(pack.entries().map(Result::unwrap).filter(|entry| entry.is_file()).count(), 100_001);
    let (requests, bytes) = server.taken();
    let pages = u64::from(pack.header().page_count());
    assert!(pages > 100 && requests <= 12, "{requests} requests for {pages} pages");
    assert!(bytes <= pages * 32768, "{bytes} bytes");
    assert_eq!(pack.entries().count(), 100_101);
    assert_eq!(server.taken(), (0, 0));
}

fn contents(root: &Path) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
    let mut found = BTreeMap::new();
    let mut left = vec![root.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let content = (!path.is_dir()).then(|| fs::read(&path).unwrap());
            if content.is_none() {
                left.push(path.clone());
            }
            found.insert(path.strip_prefix(root).unwrap().to_owned(), content);
        }
    }
    found
}

fn extract_all(pack: &Pack, target: &Path) -> rangepack::Result<rangepack::ExtractReport> {
    let mut options = ExtractOptions::default();
    options.threads = 4;
    extract(pack, target, &options, &())
}

#[test]
fn what_is_extracted_is_what_was_packed() {
    let (root, path) = make(3);
    let (server, url) = serve(&path);
    let pack = open(&url).unwrap();
    let target = tempfile::tempdir().unwrap();
    let report = extract_all(&pack, target.path()).unwrap();
    assert!(report.is_complete(), "{report:?}");
    let same = contents(target.path()) == contents(&root.path().join("src"));
    assert!(same, "what was extracted differs");
    let (requests, bytes) = server.taken();
    assert!(requests <= 20, "{requests} requests, {bytes} bytes");
    // What is there already is not fetched again.
    fs::remove_file(target.path().join("d001/file-0500.txt")).unwrap();
    let mut options = ExtractOptions::default();
    options.present = rangepack::Present::SameTime;
    let report = extract(&pack, target.path(), &options, &()).unwrap();
    assert_eq!((report.files, report.skipped), (1, 3000));
    assert_eq!(server.taken().0, 1);
}

#[test]
fn everything_takes_few_requests() {
    let (server, url) = serve(&LARGE.1);
    let pack = open(&url).unwrap();
    let len = pack.file_len();
    let few = |what: &str| {
        let (requests, bytes) = server.taken();
        println!("{what} {len} bytes: {requests} requests, {bytes} bytes");
        assert!(requests <= 60, "{what}: {requests} requests");
        assert!(bytes < len + (2 << 20), "{what}: {bytes} bytes of {len}");
    };
    let mut options = ExtractOptions::default();
    (options.threads, options.dry_run) = (4, true);
    let report = extract(&pack, Path::new(""), &options, &()).unwrap();
    assert!(report.is_complete() && report.files == 100_001, "{report:?}");
    few("extracting");

    let pack = open(&url).unwrap();
    let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
    assert!(report.is_sound() && report.files == 100_001, "{report:?}");
    few("verifying");
}

#[test]
fn damage_is_found_and_named() {
    let mut bytes = fs::read(&LARGE.1).unwrap();
    bytes[1000] ^= 1;
    let server = Server::start(Manner::Normal);
    let pack = open(&server.put("x", bytes)).unwrap();
    let report = verify(&pack, &VerifyOptions::default(), &()).unwrap();
    assert_eq!((report.bad, report.structural), (1, 0), "{report:?}");
    let path = report.problems[0].path.as_ref().unwrap().display().to_string();
    assert!(pack.read(&path).unwrap_err().is_bad_pack());
    let error = pack.open_file(&path).unwrap().read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
}

/// A short pack, which is larger than what opening brings.
fn short() -> Vec<u8> {
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("src");
    fs::create_dir(&source).unwrap();
    for number in 0..300u32 {
        fs::write(source.join(format!("{number:03}")), number.to_string().repeat(500)).unwrap();
    }
    let path = root.path().join("x.pack");
    rangepack::pack(&source, &path, &rangepack::PackOptions::default(), &()).unwrap();
    fs::read(path).unwrap()
}

static SHORT: LazyLock<Vec<u8>> = LazyLock::new(short);

#[test]
fn servers_that_misbehave_a_little_are_borne_with() {
    for manner in [Manner::Short, Manner::Busy, Manner::NoSuffix, Manner::NoRanges] {
        let server = Server::start(manner);
        let pack = open(&server.put("x.pack", SHORT.clone())).unwrap();
        assert_eq!(pack.read("123").unwrap(), "123".repeat(500).as_bytes(), "{manner:?}");
        assert_eq!(pack.read_dir("").unwrap().count(), 300, "{manner:?}");
    }
    let server = Server::start(Manner::NoRanges);
    assert_eq!(
        problem(&server.put("long", vec![0; 17 << 20])),
        RemoteProblem::NoRanges(Some(17 << 20))
    );
}

#[test]
fn what_cannot_be_read_is_told() {
    let server = Server::start(Manner::Normal);
    assert_eq!(problem(&server.url("nothing")), RemoteProblem::NotFound(404));
    for (status, expected) in [
        (403, RemoteProblem::Denied(403)),
        (401, RemoteProblem::Denied(401)),
        (416, RemoteProblem::Status(416)),
        (503, RemoteProblem::Status(503)),
    ] {
        server.behave(Manner::Status(status));
        assert_eq!(problem(&server.url("x")), expected);
    }
    server.behave(Manner::Lies);
    assert!(matches!(problem(&server.put("x", SHORT.clone())), RemoteProblem::BadAnswer(_)));
    assert!(matches!(problem("http://no-such-host.invalid/x"), RemoteProblem::Connect(_)));
    // Port 9 of this machine: nobody listens.
    assert!(matches!(problem("http://127.0.0.1:9/x"), RemoteProblem::Connect(_)));
    let server = Server::start(Manner::Normal);
    let not = |error: Error| error.is_bad_pack();
    for bytes in [vec![], vec![7], vec![7; 100_000]] {
        assert!(not(open(&server.put("x", bytes)).unwrap_err()));
    }
}

/// Servers that send the same for every name, and files beside which something lies that is no index.
#[test]
fn what_is_no_pack_is_refused() {
    let page = b"<!DOCTYPE html><title>Not found</title>".repeat(50);
    let json = b"{\"error\": \"not found\"}".to_vec();
    for content in [page, json, Vec::new(), b"\n".to_vec(), b"[]".to_vec()] {
        for manner in [Manner::Normal, Manner::NoRanges] {
            let server = Server::start(manner);
            for name in ["a.pack", "a.pack.idx", "a.pack.rpx"] {
                server.put(name, content.clone());
            }
            let error = open(&server.url("a.pack")).unwrap_err();
            let Error::Pack { pack, source } = error else { panic!("{error}") };
            assert_eq!(source.kind(), rangepack_core::ErrorKind::NotAPack);
            assert_eq!(pack.to_string(), server.url("a.pack"));
        }
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("file");
        fs::write(&path, long_content()).unwrap();
        fs::write(home.path().join("file.idx"), &content).unwrap();
        assert!(Pack::open(&path).unwrap_err().is_bad_pack());
        let mut options = OpenOptions::default();
        options.index = Some(home.path().join("file.idx").into());
        assert!(Pack::open_with(&path, &options).unwrap_err().is_bad_pack());
    }
    let server = Server::start(Manner::Status(416));
    assert!(matches!(problem(&server.url("a")), RemoteProblem::Status(416)));
}

/// The index of a page of HTML does not hide the trailer.
#[test]
fn a_trailer_counts_where_nothing_beside_it_does() {
    let server = Server::start(Manner::Normal);
    let (payload, digest) = (b"hallo", rangepack_core::Digest::of(b"hello"));
    let line = format!(
        "{{\"relpath\": \"a\", \"offset\": 0, \"payload_size\": 5, \"orig_size\": 5, \"sha256\": \"{digest}\"}}\n"
    );
    let header = rangepack_core::trailer::trailer_header(line.len() as u64);
    let url = server.put("old", [&payload[..], &header, line.as_bytes()].concat());
    server.put("old.idx", b"<!DOCTYPE html>".to_vec());
    let pack = open(&url).unwrap();
    assert_eq!(pack.header().totals.files, 1);
}

#[test]
fn a_server_that_stalls_is_left() {
    let server = Server::start(Manner::Normal);
    let url = server.put("x.pack", SHORT.clone());
    let mut impatient = patient();
    impatient.remote.timeout = Duration::from_millis(500);
    // On a busy machine opening may be too slow for that as well.
    let mut tries = (0..100).map(|_| Pack::open_with(Path::new(&url), &impatient));
    let pack = tries.find_map(Result::ok).unwrap();
    server.behave(Manner::Stalls);
    match pack.read("001").unwrap_err() {
        Error::Remote { problem: RemoteProblem::Timeout(_), .. } => {}
        error => panic!("{error}"),
    }
}

#[test]
fn a_pack_that_is_replaced_is_noticed() {
    for manner in [Manner::Replaced(1), Manner::Replaced(2)] {
        let server = Server::start(manner);
        let pack = open(&server.put("x.pack", SHORT.clone())).unwrap();
        let target = tempfile::tempdir().unwrap();
        let _ = pack.read("000");
        let error = extract_all(&pack, target.path()).unwrap_err();
        let changed = matches!(error, Error::Remote { problem: RemoteProblem::Changed, .. });
        assert!(changed, "{error}");
        let found = verify(&pack, &VerifyOptions::default(), &());
        assert!(matches!(found, Err(Error::Remote { .. })), "{found:?}");
    }
}

#[test]
fn queries_are_kept_and_not_shown() {
    let server = Server::start(Manner::Normal);
    let url = server.put("x.pack?X-Signature=secret&b=%2F", SHORT.clone());
    let pack = open(&url).unwrap();
    pack.read("001").unwrap();
    assert!(server.log().iter().all(|line| line.contains("?X-Signature=secret&b=%2F ")));
    assert!(!pack.location().to_string().contains("secret"));
    let error = open(&format!("{url}2")).unwrap_err().to_string();
    assert!(error.contains("/x.pack?…") && !error.contains("secret"), "{error}");
}

/// A file that does compress a little.
fn long_content() -> Vec<u8> {
    (0..700_000u32).flat_map(|n| (n % 5000 * n).to_le_bytes()).collect()
}

/// A server with a container in `root` that holds `content` without a block table, the container and how to open it.
fn serve_long(
    root: &Path,
    content: &[u8],
    compress: Option<u32>,
) -> (Server, Vec<u8>, OpenOptions) {
    let (source, path) = (root.join("src"), root.join("old"));
    fs::create_dir(&source).unwrap();
    fs::write(source.join("long"), content).unwrap();
    let mut options = rangepack::PackOptions::default();
    options.compress = compress.map(rangepack::Compression::Gzip);
    rangepack::pack(&source, &path, &options, &()).unwrap();
    let index = root.join("saved.idx");
    let ndjson = rangepack::NdjsonOptions::default();
    rangepack::write_ndjson(&Pack::open(&path).unwrap(), &index, ndjson, &()).unwrap();
    let mut lines: serde_json::Value = serde_json::from_slice(&fs::read(&index).unwrap()).unwrap();
    lines[0].as_object_mut().unwrap().remove("block_table").unwrap();
    let server = Server::start(Manner::Normal);
    let mut open = patient();
    open.index = Some(server.put("idx", lines.to_string().into_bytes()).into());
    (server, fs::read(&path).unwrap(), open)
}

/// What comes a second time must be what was verified the first time.
#[test]
fn a_server_that_forges_after_the_first_pass() {
    let content = long_content();
    for compress in [None, Some(6)] {
        let root = tempfile::tempdir().unwrap();
        let (server, whole, open) = serve_long(root.path(), &content, compress);
        // So long that its end, which is kept, is not all of the payload.
        let mut padded = whole;
        padded.extend(vec![0; 1 << 20]);
        let url = server.put("old", padded);
        let pack = Pack::open_with(Path::new(&url), &open).unwrap();
        let mut file = pack.open_file("long").unwrap();
        server.taken();
        // The payload is one piece: the second request is the second pass.
        server.behave(Manner::Forges(1));
        let mut all = Vec::new();
        let error = file.read_to_end(&mut all).unwrap_err();
        assert_eq!((error.kind(), all.len()), (std::io::ErrorKind::InvalidData, 0), "{error}");
        assert!(error.to_string().contains("long"), "{error}");
        assert_eq!(server.taken().0, 2);
        server.behave(Manner::Normal);
        file.read_to_end(&mut all).unwrap();
        assert!(all == content);
    }
}

/// Old programs wrote none, whatever the length.
#[test]
fn long_files_without_a_block_table() {
    let content = long_content();
    for compress in [None, Some(6)] {
        let root = tempfile::tempdir().unwrap();
        let (server, whole, open) = serve_long(root.path(), &content, compress);
        let mut damaged = whole.clone();
        damaged[900_000] ^= 1;
        for (bytes, is_good) in [(whole, true), (damaged, false)] {
            let url = server.put("old", bytes);
            let pack = Pack::open_with(Path::new(&url), &open).unwrap();
            let mut file = pack.open_file("long").unwrap();
            assert_eq!(file.content().codec == rangepack_core::Codec::Gzip, compress.is_some());
            let mut all = Vec::new();
            let read = file.read_to_end(&mut all);
            assert_eq!(read.is_ok() && all == content, is_good);
            assert!(is_good || all.is_empty(), "{} unverified bytes", all.len());
            let slice = file.read_at(&mut [0; 10], 10);
            assert_eq!(slice.ok(), is_good.then_some(10));
            assert_eq!(pack.read("long").is_ok_and(|read| read == content), is_good);
            let out = root.path().join(if is_good { "good" } else { "bad" });
            let report = extract_all(&pack, &out).unwrap();
            assert_eq!((report.files == 1, report.failed == 0), (is_good, is_good));
            let found = verify(&pack, &VerifyOptions::default(), &());
            assert_eq!(found.unwrap().is_sound(), is_good);
            if is_good {
                let mut slice = [0; 1000];
                file.seek(SeekFrom::Start(2_000_000)).unwrap();
                file.read_exact(&mut slice).unwrap();
                assert!(slice == content[2_000_000..2_001_000]);
            }
        }
    }
}

#[test]
fn old_containers_are_read_too() {
    let server = Server::start(Manner::Normal);
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("src");
    fs::create_dir(&source).unwrap();
    for number in 0..300u32 {
        fs::write(source.join(format!("{number:03}")), number.to_string().repeat(500)).unwrap();
    }
    let path = root.path().join("old");
    let mut options = rangepack::PackOptions::default();
    options.index.format = rangepack::IndexFormat::Ndjson;
    rangepack::pack(&source, &path, &options, &()).unwrap();
    let url = server.put("dir/old", fs::read(&path).unwrap());
    let heard = Mutex::new(Vec::new());
    let observer = |event: Event<'_>| {
        if let Event::Index { bytes, total } = event {
            heard.lock().unwrap().push((bytes, total));
        }
    };
    let pack = Pack::open_observed(Path::new(&url), &patient(), &observer).unwrap();
    assert_eq!(pack.format(), rangepack::Format::Ctnr);
    assert_eq!(pack.read("123").unwrap(), "123".repeat(500).as_bytes());
    let (done, total) = *heard.lock().unwrap().last().unwrap();
    assert!(done == total && total > 10_000);

    let index = root.path().join("saved.idx");
    rangepack::write_ndjson(
        &Pack::open(&path).unwrap(),
        &index,
        rangepack::NdjsonOptions::default(),
        &(),
    )
    .unwrap();

    // A paged index beside it, which says where the payloads are.
    let target = rangepack::IndexTarget::Beside(rangepack::sidecar_path(&path));
    rangepack::rebuild(&path, &target, &rangepack::RebuildOptions::default(), &()).unwrap();
    server.put("dir/old.rpx", fs::read(rangepack::sidecar_path(&path)).unwrap());
    let pack = self::open(&url).unwrap();
    assert_eq!(pack.format(), rangepack::Format::Paged);
    assert_eq!(pack.read("123").unwrap(), "123".repeat(500).as_bytes());

    // An index that lies elsewhere: at a URL, and on disk.
    let cut = fs::read(&path).unwrap()[..400_000].to_vec();
    let url = server.put("cut", cut);
    let at_url = PathBuf::from(server.put("saved.idx", fs::read(&index).unwrap()));
    for index in [index, at_url] {
        let mut open = patient();
        open.index = Some(index.into());
        let pack = Pack::open_with(Path::new(&url), &open).unwrap();
        assert_eq!(pack.read("123").unwrap(), "123".repeat(500).as_bytes());
    }
}

#[test]
fn containers_of_the_old_programs_are_as_they_are_on_disk() {
    let server = Server::start(Manner::Normal);
    let folder = file("fixtures/seed-formats");
    for name in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()) {
        let name = name.to_str().unwrap().to_owned();
        server.put(&name, fs::read(folder.join(&name)).unwrap());
    }
    for name in [
        "plain.container",
        "gzip.container",
        "json-array.container",
        "json-object.container",
        "trailing-bytes.container",
        "unfinalized.container",
        "one-file.container",
        "plain.fpack",
    ] {
        let here = describe::describe(&folder.join(name)).unwrap();
        let there = describe::describe(Path::new(&server.url(name))).unwrap();
        assert_eq!(here, there, "{name}");
    }
}

#[test]
fn a_server_that_drips_is_left() {
    let (_home, path) = make(1);
    let (server, url) = serve(&path);
    server.behave(Manner::Drips);
    let mut options = OpenOptions::default();
    options.remote.timeout = Duration::from_millis(200);
    // However fast this machine is.
    options.remote.least_speed = u64::MAX;
    options.remote.retries = 0;
    match Pack::open_with(url.as_str(), &options) {
        // A machine that is busy may let no byte through for so long.
        Err(Error::Remote {
            problem: RemoteProblem::TooSlow(_) | RemoteProblem::Timeout(_),
            ..
        }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn redirects_do_not_hear_what_was_asked_before() {
    let (_home, path) = make(1);
    let (there, _) = serve(&path);
    there.put("there", fs::read(&path).unwrap());
    let here = Server::start(Manner::Redirects(there.port()));
    let pack = open(&here.url("a.pack?X-Amz-Signature=secret")).unwrap();
    assert!(pack.entries().all(|entry| entry.is_ok()));
    let log = there.log();
    assert!(!log.is_empty() && log.iter().all(|line| !line.contains("secret")), "{log:?}");
    assert!(log.iter().all(|line| !line.starts_with("referer")), "{log:?}");
}

#[test]
fn a_page_that_came_damaged_is_fetched_once_more() {
    let (_home, path) = make(1);
    let (server, url) = serve(&path);
    let pack = open(&url).unwrap();
    let (known, entries) = (Pack::open(&path).unwrap(), pack.header().entries);
    let last = |pack: &Pack| {
        let entry = pack.entries_at(entries - 1..entries).next().unwrap();
        entry.map(|entry| entry.path().unwrap().display().to_string())
    };
    server.behave(Manner::Damages(1));
    assert_eq!(last(&pack).unwrap(), last(&known).unwrap());
    // As long as it comes damaged this is told; when it comes whole, it is believed.
    let other = open(&url).unwrap();
    let (taken, _) = server.taken();
    server.behave(Manner::Damages(u64::MAX));
    let _ = open(&url).map(|_| ());
    assert!(last(&other).is_err_and(|error| error.is_bad_pack()), "{taken}");
    server.behave(Manner::Normal);
    assert_eq!(last(&other).unwrap(), last(&known).unwrap());
}
