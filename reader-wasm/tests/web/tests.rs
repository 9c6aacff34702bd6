//! Every golden pack, every hostile one, and a server that misbehaves.
#![allow(clippy::unwrap_used, reason = "a panic in a test is a failed test")]
#![allow(unreachable_pub, reason = "JavaScript calls what is public")]

use rangepack_wasm::web::{
    BadAnswer, Digest, Entry, Error, ErrorKind, Kind, OpenOptions, Pack, RemoteProblem, Result,
};
use serde_json::Value;
use std::cell::Cell;
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortController, Blob, Response};

#[wasm_bindgen]
extern "C" {
    /// What the page knows: where the `server` is, and the names of the packs that are `golden` or `hostile`.
    fn given(what: &str) -> String;
    /// Fails the test.
    fn panicked(message: &str);
}

/// Otherwise a test that panics would never end.
pub fn tell_panics() {
    std::panic::set_hook(Box::new(|info| panicked(&info.to_string())));
}

/// Those of the packs that are `golden` or `hostile`.
fn names(which: &str) -> Vec<String> {
    given(which).split(' ').map(str::to_owned).collect()
}

/// Every address is new, so that the server counts anew and no cache knows it.
fn address(path: &str) -> String {
    thread_local!(static NUMBER: Cell<u32> = const { Cell::new(0) });
    let number = NUMBER.replace(NUMBER.get() + 1);
    let mark = if path.contains('?') { '&' } else { '?' };
    format!("{}/{path}{mark}n={number}-{}", given("server"), js_sys::Date::now())
}

fn options() -> OpenOptions {
    OpenOptions::new().retry_delay(1)
}

async fn open(path: &str) -> Result<Pack> {
    Pack::open_url(&address(path), &options()).await
}

async fn response(path: &str) -> Response {
    let window = web_sys::js_sys::global();
    let fetch = js_sys::Reflect::get(&window, &"fetch".into()).unwrap();
    let fetch: js_sys::Function = fetch.unchecked_into();
    let coming = fetch.call1(&window, &address(path).into()).unwrap();
    JsFuture::from(coming.unchecked_into::<js_sys::Promise>()).await.unwrap().unchecked_into()
}

async fn json(path: &str) -> Value {
    let text = JsFuture::from(response(path).await.text().unwrap()).await.unwrap();
    serde_json::from_str(&text.as_string().unwrap()).unwrap()
}

async fn blob(path: &str) -> Blob {
    JsFuture::from(response(path).await.blob().unwrap()).await.unwrap().unchecked_into()
}

/// Text, or hexadecimal digits where it is none.
fn raw(value: &Value) -> Vec<u8> {
    match value["hex"].as_str() {
        None => value.as_str().unwrap().into(),
        Some(hex) => (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect(),
    }
}

/// That an entry is what the JSON says.
fn same(entry: &Entry, expected: &Value, name: &str) {
    let number = |key: &str| expected[key].as_u64().unwrap();
    let digest = |digest: Option<Digest>| Value::from(digest.map(|digest| digest.to_string()));
    assert_eq!(entry.path.as_bytes(), raw(&expected["path"]), "{name}");
    assert_eq!(Value::from(entry.mode), expected["mode"], "{name}: {expected}");
    assert_eq!(Value::from(entry.mtime.map(|time| time.to_string())), expected["mtime"], "{name}");
    match &entry.kind {
        Kind::File(content) => {
            assert_eq!(expected["kind"], "file", "{name}: {expected}");
            assert_eq!(content.size, number("size"), "{name}: {expected}");
            assert_eq!(content.stored_size, number("stored_size"), "{name}: {expected}");
            assert_eq!(content.offset, number("offset"), "{name}: {expected}");
            assert_eq!(digest(content.digest), expected["sha256"], "{name}: {expected}");
        }
        Kind::Directory(totals) => {
            assert_eq!(totals.bytes, number("bytes"), "{name}: {expected}");
            assert_eq!(digest(entry.tree_digest), expected["tree_sha256"], "{name}: {expected}");
        }
        Kind::Symlink(target) => assert_eq!(*target, raw(&expected["target"]), "{name}"),
    }
}

/// That a file has the content, whatever way it is asked for.
async fn same_content(pack: &Pack, entry: &Entry, expected: &Value, name: &str) {
    let file = pack.open_entry(entry).unwrap();
    let Some(digest) = expected["content_sha256"].as_str() else {
        let error = file.read().await.unwrap_err();
        assert!(
            matches!(&error, Error::Entry { source, .. } if source.kind() == ErrorKind::Unsupported)
        );
        return;
    };
    let content = file.read().await.unwrap();
    assert_eq!(Digest::of(&content).to_string(), digest, "{name}: {expected}");
    let len = file.len();
    for (start, end) in [(0, len), (len / 3, len - len / 5), (len.saturating_sub(7), len)] {
        let part = &content[start as usize..end as usize];
        assert!(file.slice(start..end).await.unwrap() == part, "{name}: {expected}");
        let mut chunks = file.chunks(start..end).unwrap();
        let mut came = Vec::new();
        while let Some(chunk) = chunks.next().await {
            came.extend(chunk.unwrap());
        }
        assert!(came == part, "{name}: {expected}");
    }
    assert!(file.slice(0..len + 1).await.unwrap_err().is_bad_pack(), "{name}");
}

async fn same_pack(pack: &Pack, expected: &Value, name: &str) {
    let digest = pack.digest().map(|digest| digest.to_string());
    assert_eq!(Value::from(digest), expected["root_sha256"], "{name}");
    let totals = pack.index().totals();
    assert_eq!(Value::from(totals.files), expected["totals"]["files"], "{name}");
    assert_eq!(Value::from(pack.index().len()), expected["totals"]["entries"], "{name}");
    let metadata = pack.user_metadata().await.unwrap();
    assert_eq!(serde_json::to_value(metadata).unwrap(), expected["metadata"], "{name}");

    let wanted = expected["entries"].as_array().unwrap();
    let found = pack.walk("").await.unwrap().collect().await.unwrap();
    assert_eq!(found.len(), wanted.len(), "{name}");
    let files: Vec<Entry> =
        found.iter().filter(|entry| matches!(entry.kind, Kind::File(_))).cloned().collect();
    let many = pack.read_many(&files).await;
    for (entry, content) in files.iter().zip(many) {
        let alone = pack.open_entry(entry).unwrap().read().await;
        assert_eq!(content.ok(), alone.ok(), "{name}: {}", entry.path.display());
    }
    for (number, (entry, wanted)) in found.iter().zip(wanted).enumerate() {
        same(entry, wanted, name);
        // Of many small files some are enough.
        if found.len() > 200 && number % 60 > 0 {
            continue;
        }
        same(&pack.find(entry.path.as_bytes()).await.unwrap().unwrap(), wanted, name);
        match &entry.kind {
            Kind::File(_) => same_content(pack, entry, wanted, name).await,
            Kind::Directory(_) => {
                let children = pack.read_dir(entry.path.as_bytes()).await.unwrap();
                let children = children.collect().await.unwrap();
                let is_child =
                    |other: &&Entry| other.path.as_path().parent() == entry.path.as_path();
                assert!(
                    children.iter().eq(found.iter().filter(is_child)),
                    "{name}: {}",
                    entry.path.display()
                );
            }
            Kind::Symlink(_) => {}
        }
    }
}

#[wasm_bindgen]
pub async fn every_golden_pack_says_what_its_json_says() {
    let names = names("golden");
    assert!(names.len() > 25);
    for name in &names {
        let stem = name.rsplit_once('.').unwrap().0;
        let expected = json(&format!("golden/{stem}.json")).await;
        // The index of this one lies beside the payloads.
        let is_beside = stem == "sidecar";
        let path =
            if is_beside { "golden/sidecar.pack.rpx".to_owned() } else { format!("golden/{name}") };
        let mut options = options();
        if stem == "unfinished" {
            options = options.index(address(&format!("golden/{name}.idx")));
        }
        let remote = Pack::open_url(&address(&path), &options).await.unwrap();
        same_pack(&remote, &expected, name).await;
        let blob = Pack::open_blob(blob(&path).await, &options).await.unwrap();
        if blob.volume_count() == 0 {
            same_pack(&blob, &expected, name).await;
        } else {
            // Nothing lies beside a `Blob`.
            let read = read_all(Ok(blob)).await;
            assert!(matches!(read, Err(Error::Volume { .. })), "{name}: {read:?}");
        }
    }
}

/// Opens it, walks all of it and reads everything; where that fails, why.
async fn read_all(pack: Result<Pack>) -> Result<()> {
    let pack = pack?;
    let mut entries = pack.walk("").await?;
    while let Some(entry) = entries.next().await {
        let entry = entry?;
        if let Kind::File(content) = &entry.kind {
            let file = pack.open_entry(&entry)?;
            file.slice(0..content.size.min(1 << 16)).await?;
            file.read().await?;
        }
    }
    Ok(())
}

#[wasm_bindgen]
pub async fn no_hostile_pack_does_harm() {
    let names = names("hostile");
    assert!(names.len() > 50);
    for name in names {
        let bytes = blob(&format!("hostile/{name}")).await;
        let pack = Pack::open_blob(bytes, &options()).await;
        match read_all(pack).await {
            Ok(()) => {}
            Err(error) => assert!(
                error.is_bad_pack() || matches!(error, Error::Volume { .. }),
                "{name}: {error}"
            ),
        }
    }
}

#[wasm_bindgen]
pub async fn packs_that_grow_are_what_they_were() {
    let path = |name: &str| format!("hostile/growth-{name}.pack");
    let whole = open(&path("of-a-whole-pack")).await.unwrap();
    let newer = (whole.digest(), whole.file_len());
    let older = open(&path("of-an-older-one")).await.unwrap();
    let older = (older.digest(), older.file_len());
    assert!(older.0 != newer.0 && older.1 < newer.1);
    let mut others = 0;
    for name in names("hostile") {
        let Some(which) = name.strip_prefix("growth-").and_then(|it| it.strip_suffix(".pack"))
        else {
            continue;
        };
        let expected = match which {
            "sound" | "reserved" | "of-a-whole-pack" => newer,
            "of-an-older-one" | "footer-not-written" => older,
            // Nothing is asked that is not there, and it has an index.
            "of-a-payload" => (None, open(&path(which)).await.unwrap().file_len()),
            _ => {
                let error = open(&path(which)).await.unwrap_err();
                assert!(error.is_bad_pack(), "{name}: {error}");
                others += 1;
                continue;
            }
        };
        let pack = open(&path(which)).await.unwrap();
        assert_eq!((pack.digest(), pack.file_len()), expected, "{name}");
        read_all(Ok(pack)).await.unwrap();
    }
    assert!(others > 10);
    // Either is found by its name, behind zeros or not.
    for (name, digest) in [("sound", newer.0), ("sound", older.0), ("of-an-older-one", older.0)] {
        let named = options().expected(digest);
        let pack = Pack::open_url(&address(&path(name)), &named).await.unwrap();
        assert_eq!(pack.digest(), digest);
    }
    let named = options().expected(newer.0);
    let error = Pack::open_url(&address(&path("of-an-older-one")), &named).await.unwrap_err();
    assert!(
        matches!(&error, Error::Pack { source, .. } if source.kind() == ErrorKind::WrongPack),
        "{error}"
    );
    // Beside a `Blob` lies nothing.
    let behind_zeros = blob(&path("sound")).await;
    assert!(Pack::open_blob(behind_zeros, &options()).await.unwrap_err().is_bad_pack());
}

#[wasm_bindgen]
pub async fn servers_may_be_what_servers_are() {
    for manner in [
        "",
        "ranges=no",
        "suffix=no",
        "suffix=416",
        "length=no",
        "etag=no",
        "etag=weak",
        "modified=no",
        "redirect=1",
        "head=404",
        "head=405",
        "head=403",
        "cors=plain",
        "cors=expose&ranges=no",
        // What passes.
        "short=3&times=1",
        "short=3&skip=2&times=1",
        "shift=1&times=1",
        "shift=1&skip=2&times=1",
        "reset=20&skip=1&times=3",
        "status=503&times=2",
        "status=429&retry-after=0&times=2",
        "status=500&skip=2&times=2",
    ] {
        for name in ["smallest", "compressed", "stored-blocks"] {
            let read = read_all(open(&format!("golden/{name}.pack?{manner}")).await).await;
            assert!(read.is_ok(), "{name}, {manner}: {read:?}");
        }
    }
}

#[wasm_bindgen]
pub async fn servers_may_fail() {
    use BadAnswer::{AnotherPart, BrokenOff, Compressed};
    type Is = fn(&RemoteProblem) -> bool;
    let manners: [(&str, Is); 14] = [
        ("status=404", |problem| *problem == RemoteProblem::NotFound(404)),
        ("status=401", |problem| *problem == RemoteProblem::Denied(401)),
        ("status=403", |problem| *problem == RemoteProblem::Denied(403)),
        ("status=500", |problem| *problem == RemoteProblem::Status(500)),
        ("status=429", |problem| *problem == RemoteProblem::Status(429)),
        ("short=3", |problem| *problem == RemoteProblem::BadAnswer(BrokenOff)),
        ("shift=1", |problem| *problem == RemoteProblem::BadAnswer(AnotherPart)),
        ("reset=0", |problem| matches!(problem, RemoteProblem::Connect(_))),
        ("stall=5", |problem| *problem == RemoteProblem::Timeout(300)),
        ("cors=no", |problem| *problem == RemoteProblem::Cors),
        ("cors=plain&head=405", |problem| *problem == RemoteProblem::NoSize),
        // Chromium itself may refuse a part of something compressed.
        ("gzip=1", |problem| {
            [RemoteProblem::BadAnswer(Compressed), RemoteProblem::Cors].contains(problem)
        }),
        ("change=1", |problem| *problem == RemoteProblem::Changed),
        ("change=2", |problem| *problem == RemoteProblem::Changed),
    ];
    for (manner, is) in manners {
        let url = address(&format!("golden/three-levels.pack?{manner}"));
        // Where nothing comes, no longer wait would help; everywhere else the machine may be busy.
        let timeout = if manner.starts_with("stall") { 300 } else { 30_000 };
        let options = options().timeout(timeout).retries(2);
        let read = read_all(Pack::open_url(&url, &options).await).await;
        match read {
            Err(Error::Remote { url, problem }) => {
                assert!(is(&problem), "{manner}: {problem:?}");
                assert!(!url.contains('?'), "secrets are not shown: {url}");
            }
            other => panic!("{manner}: {other:?}"),
        }
    }
}

#[wasm_bindgen]
pub async fn a_large_file_is_not_taken_as_a_whole() {
    let options = options().whole_limit(1000);
    let url = address("golden/stored-blocks.pack?ranges=no");
    let error = Pack::open_url(&url, &options).await.unwrap_err();
    let is_told = matches!(error, Error::Remote { problem: RemoteProblem::NoRanges(_), .. });
    assert!(is_told, "{error}");
}

#[wasm_bindgen]
pub async fn dictionaries_are_brought_when_they_are_needed() {
    let pack = open("zstd/learnt.pack").await.unwrap();
    let before = pack.traffic().requests;
    let record = String::from_utf8(pack.read("7.json").await.unwrap()).unwrap();
    assert!(record.starts_with(r#"{"number":7,"kind":"record""#), "{record}");
    let first = pack.traffic().requests - before;
    pack.read("8.json").await.unwrap();
    assert!(pack.traffic().requests - before - first <= 1, "a payload at most");
    assert!(pack.open_file("7.json").await.unwrap().content().dictionary.is_some());
    read_all(Ok(pack.clone())).await.unwrap();

    let large = pack.open_file("large.txt").await.unwrap();
    let whole = large.read().await.unwrap();
    assert_eq!(large.slice(300_000..300_100).await.unwrap(), whole[300_000..300_100]);
    let mut chunks = large.chunks(0..large.len()).unwrap();
    let mut all = Vec::new();
    while let Some(chunk) = chunks.next().await {
        all.extend(chunk.unwrap());
    }
    assert_eq!(all, whole);

    let damaged = open("zstd/damaged.pack").await.unwrap();
    let error = damaged.read("7.json").await.unwrap_err();
    assert!(error.is_bad_pack(), "{error}");
    assert!(damaged.read("large.txt").await.is_ok());
}

#[wasm_bindgen]
pub async fn signals_end_what_waits() {
    let controller = AbortController::new().unwrap();
    let url = address("golden/stored-blocks.pack");
    let pack = Pack::open_url(&url, &options().signal(controller.signal())).await.unwrap();
    // The server says nothing more; only the signal ends this.
    let stalled = address("golden/stored-blocks.pack?stall=5");
    let waiting = options().signal(controller.signal()).timeout(0);
    let stalled = Pack::open_url(&stalled, &waiting);
    let abort = async {
        gloo_timers::future::TimeoutFuture::new(20).await;
        controller.abort_with_reason(&"enough".into());
    };
    let (stalled, ()) = futures_util::future::join(stalled, abort).await;
    let is_ours = |error: &Error| matches!(error, Error::Aborted { reason } if reason.as_string().as_deref() == Some("enough"));
    assert!(is_ours(&stalled.unwrap_err()));
    assert!(is_ours(&pack.read("large").await.unwrap_err()));
    // Another handle of the same pack goes on.
    let other = AbortController::new().unwrap();
    assert!(pack.with_signal(other.signal()).read("large").await.is_ok());
}

#[wasm_bindgen]
pub async fn questions_fail_as_they_do_on_disk() {
    let all = open("golden/all-kinds.pack").await.unwrap();
    let other = Digest([7; 32]);
    let url = address("golden/all-kinds.pack");
    let error = Pack::open_url(&url, &options().expected(other)).await.unwrap_err();
    assert!(matches!(error, Error::Pack { source, .. } if source.kind() == ErrorKind::WrongPack));
    let right = options().expected(all.digest());
    assert!(Pack::open_url(&address("golden/all-kinds.pack"), &right).await.is_ok());
    assert!(matches!(all.read("nothing").await.unwrap_err(), Error::NoEntry { .. }));
    assert!(matches!(all.read("").await.unwrap_err(), Error::WrongKind { .. }));
    assert!(all.find("../out").await.unwrap_err().is_bad_pack());
    for bad in ["ftp://example.org/a", "https://me:secret@example.org/a", "https://"] {
        let error = Pack::open_url(bad, &options()).await.unwrap_err();
        assert!(matches!(error, Error::Remote { problem: RemoteProblem::Address, .. }));
        assert!(!error.to_string().contains("secret"));
    }
}

/// What README.md shows, which compiles.
#[expect(dead_code, reason = "its pack is nowhere; what it calls is tested above")]
async fn what_the_readme_shows(signal: web_sys::AbortSignal, log: impl Fn(&str)) -> Result<()> {
    // rangepack-wasm = { version = "0.1", default-features = false, features = ["web"] }
    use rangepack_wasm::web::{OpenOptions, Pack};

    let pack = Pack::open_url("photos.pack", &OpenOptions::new().signal(signal)).await?; // or open_blob(file, …)
    let mut cats = pack.read_dir("cats").await?;
    while let Some(cat) = cats.next().await {
        log(&cat?.path.display().to_string());
    }
    let film = pack.open_file("cats/film.mp4").await?;
    let beginning: Vec<u8> = film.slice(0..4096).await?; // costs that part
    let mut chunks = film.chunks(0..film.len())?; // a `futures` stream, verified piece by piece

    drop((beginning, chunks.next().await));
    Ok(())
}
