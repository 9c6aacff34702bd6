//! `rangepack serve`, as clients see it.

mod client;
mod load;
mod merged;

use client::{Answer, Client, PATIENCE};
use rangepack::{MergeInput, MergeOptions, create, merge};
use rangepack::{OpenOptions, Pack};
use rangepack::{PackOptions, pack};
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server in a process of its own; it is killed with the test.
struct Server {
    child: Child,
    url: String,
    /// `host:port`.
    address: String,
}

impl Server {
    fn start(folder: &Path, arguments: &[&str]) -> Server {
        let mut child = command(folder, &[&["--port", "0"], arguments].concat()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim_end().to_owned();
        let address =
            url.split('/').nth(2).unwrap_or_else(|| panic!("no URL: {line:?}")).to_owned();
        Server { child, url, address }
    }

    fn client(&self) -> Client {
        Client::new(&self.address)
    }

    fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.client().get(path, headers)
    }

    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, signal).unwrap();
    }

    fn wait(&mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rangepack"));
    command.arg("serve").args(arguments).current_dir(folder);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Waits until something holds, however long that takes.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Bytes that tell where they are.
fn numbers(count: u32) -> Vec<u8> {
    (0..count).flat_map(|number| number.wrapping_mul(0x9e37_79b1).to_le_bytes()).collect()
}

/// A folder with a tree in `src`, and with it as `a.pack` and, compressed, as `c.pack`.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let source = home.path().join("src");
    fs::create_dir_all(source.join("docs/empty")).unwrap();
    let file = |path: &str, bytes: &[u8]| fs::write(source.join(path), bytes).unwrap();
    file("hello.txt", b"hello\n");
    file("empty.bin", b"");
    file("docs/index.html", b"<h1>Docs</h1>");
    file("docs/<b> & \"c\" \u{e4}.svg", b"<svg/>");
    file("numbers.bin", &numbers(500_000));
    file("lines.log", "the same line\n".repeat(100_000).as_bytes());
    #[cfg(unix)]
    std::os::unix::fs::symlink("hello.txt", source.join("link")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("nowhere", source.join("broken")).unwrap();
    pack(&source, home.path().join("a.pack"), &PackOptions::default(), &()).unwrap();
    let mut options = PackOptions::default();
    options.compress = Some(rangepack::Compression::Gzip(6));
    pack(&source, home.path().join("c.pack"), &options, &()).unwrap();
    home
}

#[test]
fn a_pack_is_sent_by_ranges() {
    let home = home();
    let server = Server::start(home.path(), &["a.pack"]);
    let bytes = fs::read(home.path().join("a.pack")).unwrap();
    let digest = Pack::open(home.path().join("a.pack")).unwrap().digest().unwrap();
    let mut client = server.client();
    let whole = client.get("/a.pack", &[]);
    assert_eq!((whole.status, whole.header("accept-ranges")), (200, "bytes"));
    assert_eq!(whole.header("etag"), format!("\"{digest}\""));
    assert_eq!(whole.header("cache-control"), "no-cache");
    assert_eq!(whole.header("content-type"), "application/octet-stream");
    assert!(whole.body == bytes);
    for (range, expected) in [
        ("bytes=0-0", 0..1),
        ("bytes=100-299999", 100..300_000),
        ("bytes=-70000", bytes.len() - 70_000..bytes.len()),
        ("bytes=-99999999999", 0..bytes.len()),
        ("bytes=5-", 5..bytes.len()),
    ] {
        let part = client.get("/a.pack", &[("range", range)]);
        assert_eq!(part.status, 206, "{range}");
        let told = format!("bytes {}-{}/{}", expected.start, expected.end - 1, bytes.len());
        assert_eq!(part.header("content-range"), told);
        assert!(part.body == bytes[expected], "{range}");
    }
    let behind = client.get("/a.pack", &[("range", &format!("bytes={}-", bytes.len()))]);
    assert_eq!(
        (behind.status, behind.header("content-range")),
        (416, &*format!("bytes */{}", bytes.len()))
    );
    let tag = whole.header("etag");
    assert_eq!(client.get("/a.pack", &[("if-none-match", tag)]).status, 304);
    let other = client.get("/a.pack", &[("if-range", "\"other\""), ("range", "bytes=0-0")]);
    assert_eq!(other.status, 200);
    let head = client.ask("HEAD", "/a.pack", &[]).unwrap();
    assert_eq!((head.status, head.header("content-length")), (200, &*bytes.len().to_string()));
    let refused = client.ask("POST", "/a.pack", &[]).unwrap();
    assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"));
    // And our own reader takes it for a pack on any server.
    let pack = Pack::open(format!("http://{}/a.pack", server.address)).unwrap();
    assert_eq!(pack.read("numbers.bin").unwrap(), numbers(500_000));
}

#[test]
fn every_file_has_a_url() {
    let home = home();
    let server = Server::start(home.path(), &["a.pack", "c.pack"]);
    let pack = Pack::open(home.path().join("a.pack")).unwrap();
    let mut client = server.client();
    for name in ["a.pack", "c.pack"] {
        for path in ["hello.txt", "empty.bin", "numbers.bin", "lines.log"] {
            let bytes = fs::read(home.path().join("src").join(path)).unwrap();
            let url = format!("/{name}/files/{path}");
            let whole = client.get(&url, &[]);
            assert_eq!(whole.status, 200, "{url}");
            assert!(whole.body == bytes, "{url}");
            let packer_says = pack.open_file(path).unwrap().content().digest.unwrap();
            assert_eq!(whole.header("etag"), format!("\"{packer_says}\""), "{url}");
            assert_eq!(whole.header("x-content-type-options"), "nosniff");
            let tag = whole.header("etag").to_owned();
            assert_eq!(client.get(&url, &[("if-none-match", &tag)]).status, 304);
            if bytes.len() > 900_000 {
                let part =
                    client.get(&url, &[("range", "bytes=300001-800000"), ("if-range", &tag)]);
                assert_eq!(part.status, 206);
                assert!(part.body == bytes[300_001..800_001], "{url}");
                let end = client.get(&url, &[("range", "bytes=-9")]);
                assert!(end.body == bytes[bytes.len() - 9..], "{url}");
            }
        }
    }
    assert_eq!(
        client.get("/a.pack/files/hello.txt", &[]).header("content-type"),
        "text/plain; charset=utf-8"
    );
    let page = client.get("/a.pack/files/docs/index.html?download", &[]);
    assert_eq!(page.header("content-disposition"), "attachment");
    assert!(page.header("content-security-policy").starts_with("sandbox "));
    let drawing = client.get("/a.pack/files/docs/%3Cb%3E%20&%20%22c%22%20%C3%A4.svg", &[]);
    assert_eq!((drawing.status, drawing.header("content-type")), (200, "image/svg+xml"));
    assert!(drawing.header("content-security-policy").starts_with("sandbox "));
    for nothing in [
        "/a.pack/files/nope",
        "/b.pack",
        "/b.pack/files/x",
        "/a.pack/files/../../etc/passwd",
        "/x/y",
        "/a.pack/files/hello.txt/x",
    ] {
        let answer = client.get(nothing, &[]);
        assert_eq!(answer.status, 404, "{nothing}");
        assert!(!answer.text().contains(home.path().to_str().unwrap()), "{}", answer.text());
    }
    if cfg!(unix) {
        assert_eq!(client.get("/a.pack/files/link", &[]).body, b"hello\n");
        let broken = client.get("/a.pack/files/broken", &[]);
        assert_eq!(broken.status, 404);
        assert!(broken.text().contains("leads nowhere"), "{}", broken.text());
    }
}

#[test]
fn directories_are_listed() {
    let home = home();
    let server = Server::start(home.path(), &["a.pack"]);
    let mut client = server.client();
    let moved = client.get("/a.pack/files/docs?limit=1", &[]);
    assert_eq!((moved.status, moved.header("location")), (307, "/a.pack/files/docs/?limit=1"));
    let list = client.get("/a.pack/files/docs/", &[]);
    assert_eq!((list.header("content-type"), list.header("vary")), ("application/json", "Accept"));
    let list = list.json();
    assert_eq!((&list["total"], &list["start"]), (&3.into(), &0.into()));
    assert_eq!(list["entries"][2]["path"], "docs/index.html");
    assert_eq!(list["entries"][1]["totals"]["files"], 0);
    let second = client.get("/a.pack/files/docs/?start=1&limit=1", &[]).json();
    assert_eq!(second["entries"][0]["path"], "docs/empty");
    assert_eq!(second["entries"].as_array().unwrap().len(), 1);
    assert_eq!(
        client.get("/a.pack/files/docs/?start=9", &[]).json()["entries"],
        serde_json::json!([])
    );
    assert_eq!(client.get("/a.pack/files/docs/?start=x", &[]).status, 400);
    assert_eq!(client.get("/a.pack/files/hello.txt/", &[]).status, 404);
    let page = client.get("/a.pack/files/docs/", &[("accept", "text/html,*/*")]);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    assert!(
        page.text().contains("&lt;b&gt; &amp; &quot;c&quot;") && !page.text().contains("<b>"),
        "{}",
        page.text()
    );
    let json = client.get("/a.pack/files/docs/?format=json", &[("accept", "text/html")]);
    assert_eq!(json.json()["path"], "docs");

    // Trusted pages take the place of lists.
    let server = Server::start(home.path(), &["a.pack", "--site"]);
    let page = server.get("/a.pack/files/docs/", &[("accept", "text/html")]);
    assert_eq!((page.text(), page.header("content-security-policy")), ("<h1>Docs</h1>", ""));
    assert_eq!(server.get("/a.pack/files/", &[]).json()["path"], "");
}

fn names(server: &Server) -> Vec<String> {
    let packs = server.get("/packs.json", &[]).json();
    packs["packs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pack| pack["name"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_folder_is_watched_and_old_containers_bring_their_index() {
    let home = home();
    let server = Server::start(home.path(), &[]);
    assert_eq!(names(&server), ["a.pack", "c.pack"]);
    // With the viewer, which is told of the list; without it, with the list itself and how to get it.
    let start = server.get("/", &[("accept", "text/html")]);
    let with = start.text().contains("content=\"packs.json\"");
    let without = start.text().contains("a.pack/files/") && start.text().contains("xtask viewer");
    assert!(start.status == 200 && (with || without), "{}", start.text());
    let first = server.get("/a.pack", &[]).header("etag").to_owned();
    let mut options = rangepack::CreateOptions::default();
    options.pack.threads = 1;
    create(home.path().join("src"), home.path().join("old"), &options, &()).unwrap();
    assert_eq!(names(&server), ["a.pack", "c.pack", "old"]);
    let packs = server.get("/packs.json", &[]).json();
    assert_eq!(
        (&packs["packs"][2]["index"], &packs["packs"][2]["root"]),
        (&"old.idx".into(), &().into())
    );
    assert_eq!(packs["packs"][0]["files"], if cfg!(unix) { 8 } else { 6 });
    let index = server.get("/old.idx", &[]);
    assert!(index.body == fs::read(home.path().join("old.idx")).unwrap());
    assert_ne!(index.header("etag"), server.get("/old", &[]).header("etag"));
    let mut opened = OpenOptions::default();
    opened.index = Some(format!("http://{}/old.idx", server.address).into());
    let old =
        Pack::open_with(Path::new(&format!("http://{}/old", server.address)), &opened).unwrap();
    assert_eq!(old.read("hello.txt").unwrap(), b"hello\n");
    // Another pack takes the place of one.
    fs::rename(home.path().join("c.pack"), home.path().join("a.pack")).unwrap();
    assert_eq!(names(&server), ["a.pack", "old"]);
    let second = server.get("/a.pack", &[("if-none-match", &first)]);
    assert_eq!(second.status, 200);
    assert!(second.body == fs::read(home.path().join("a.pack")).unwrap());
    // What was removed is let go, once the thread that answered has dropped what it read from.
    fs::remove_file(home.path().join("a.pack")).unwrap();
    assert_eq!(names(&server), ["old"]);
    #[cfg(target_os = "linux")]
    until("the server to let go of what was removed", || {
        let maps = fs::read_to_string(format!("/proc/{}/maps", server.child.id())).unwrap();
        !maps.contains("(deleted)")
    });
    // A time that no header can tell.
    let time = std::time::UNIX_EPOCH - Duration::from_secs(300_000_000);
    fs::File::options()
        .write(true)
        .open(home.path().join("old"))
        .unwrap()
        .set_modified(time)
        .unwrap();
    let early = server.get("/old", &[]);
    assert_eq!((early.status, early.header("last-modified")), (200, ""));
    for outside in ["/src", "/../a.pack", "/%2e%2e%2fa.pack", "/src/hello.txt", "/.", "/.."] {
        assert_eq!(server.get(outside, &[]).status, 404, "{outside}");
    }
}

#[test]
fn any_part_of_a_file_without_a_block_table_is_reached() {
    let home = home();
    let bytes = numbers(250).repeat(11_000);
    fs::write(home.path().join("src/long.bin"), &bytes).unwrap();
    let mut options = rangepack::CreateOptions::default();
    options.pack.compress = Some(rangepack::Compression::Gzip(6));
    create(home.path().join("src"), home.path().join("old"), &options, &()).unwrap();
    let server = Server::start(home.path(), &["old"]);
    let mut client = server.client();
    for range in [0..1, 10_000_000..10_000_100, 5_000_000..9_000_000, bytes.len() - 3..bytes.len()]
    {
        let header = format!("bytes={}-{}", range.start, range.end - 1);
        let part = client.get("/old/files/long.bin", &[("range", &header)]);
        assert_eq!(part.status, 206);
        assert!(part.body == bytes[range], "{header}");
    }
}

#[test]
fn a_pack_cannot_name_other_files() {
    let home = home();
    let old = home.path().join("old");
    let options = rangepack::CreateOptions::default();
    create(home.path().join("src"), &old, &options, &()).unwrap();
    let index = Command::new(env!("CARGO_BIN_EXE_rangepack"))
        .args(["index", "--paged", "--quiet", "old"])
        .current_dir(home.path())
        .status();
    assert!(index.unwrap().success());
    // An index beside its container may; the same one as a pack of its own may not.
    fs::copy(home.path().join("old.rpx"), home.path().join("evil.pack")).unwrap();
    let server = Server::start(home.path(), &[]);
    let packs = server.get("/packs.json", &[]).json();
    let error = packs["packs"][2]["error"].as_str().unwrap();
    assert!(error.contains("belongs beside a container"), "{packs}");
    assert_eq!(packs["packs"][3]["index"], "old.rpx");
    assert_eq!(server.get("/old/files/hello.txt", &[]).body, b"hello\n");
    assert!(server.get("/old.rpx", &[]).body == fs::read(home.path().join("old.rpx")).unwrap());
    assert_eq!(server.get("/evil.pack/files/hello.txt", &[]).status, 500);
}

#[test]
fn a_remote_pack_is_passed_on() {
    let home = home();
    let mut origin = Server::start(home.path(), &["c.pack"]);
    let url = format!("http://{}/c.pack", origin.address);
    let server = Server::start(home.path(), &[&url, "--quiet"]);
    let mut client = server.client();
    assert!(client.get("/c.pack/files/numbers.bin", &[]).body == numbers(500_000));
    let bytes = fs::read(home.path().join("c.pack")).unwrap();
    assert!(
        client.get("/c.pack", &[("range", "bytes=-70000")]).body == bytes[bytes.len() - 70_000..]
    );
    assert!(client.get("/c.pack", &[]).body == bytes);
    // It is replaced there: first that is said, then it is the new one.
    fs::copy(home.path().join("a.pack"), home.path().join("new")).unwrap();
    fs::rename(home.path().join("new"), home.path().join("c.pack")).unwrap();
    let changed = client.get("/c.pack/files/numbers.bin", &[]);
    assert_eq!(changed.status, 502);
    assert!(changed.text().contains("replaced"), "{}", changed.text());
    assert!(client.get("/c.pack/files/numbers.bin", &[]).body == numbers(500_000));
    origin.child.kill().unwrap();
    origin.wait();
    let gone = client.get("/c.pack/files/lines.log", &[]);
    assert_eq!(gone.status, 502, "{}", gone.text());
}

#[cfg(unix)]
#[test]
fn an_origin_that_hangs_holds_up_nobody_else() {
    let home = home();
    let origin = Server::start(home.path(), &["c.pack"]);
    let url = format!("http://{}/c.pack", origin.address);
    let server = Server::start(home.path(), &[&url, "a.pack", "--no-log"]);
    origin.signal(rustix::process::Signal::STOP);
    let mut waiting: Vec<Client> = (0..300).map(|_| server.client()).collect();
    for client in &mut waiting {
        client.send("GET", "/c.pack/files/numbers.bin", &[]).unwrap();
    }
    assert_eq!(server.get("/a.pack/files/hello.txt", &[]).body, b"hello\n");
    // It came before any of those that were asked for earlier.
    assert!(waiting.iter().all(Client::has_nothing));
    // The origin goes on again before anyone lost patience.
    origin.signal(rustix::process::Signal::CONT);
    let whole = numbers(500_000);
    for client in &mut waiting {
        let answer = client.receive(false).unwrap();
        assert!(answer.status == 503 || answer.body == whole, "{}", answer.status);
    }
}

#[test]
fn strangers_are_kept_out() {
    let home = home();
    let server = Server::start(home.path(), &["a.pack"]);
    let rebound = server.get("/a.pack", &[("host", "evil.example")]);
    assert_eq!(rebound.status, 421);
    assert_eq!(server.get("/a.pack", &[]).header("cross-origin-resource-policy"), "same-origin");
    assert_eq!(
        server
            .get("/a.pack", &[("origin", "https://x.example")])
            .header("access-control-allow-origin"),
        ""
    );

    let server = Server::start(home.path(), &["a.pack", "--allow-host", "evil.example"]);
    assert_eq!(server.get("/a.pack", &[("host", "evil.example")]).status, 200);
    // What is in packs is no script of this server.
    for (dest, status) in [("script", 403), ("serviceworker", 403), ("image", 200)] {
        let answer = server.get("/a.pack/files/hello.txt", &[("sec-fetch-dest", dest)]);
        assert_eq!(answer.status, status, "{dest}");
        assert!(status == 403 || answer.header("vary") == "Sec-Fetch-Dest");
    }

    let server = Server::start(
        home.path(),
        &["a.pack", "--token=sesame-open", "--cors", "https://x.example"],
    );
    assert!(server.url.ends_with("token=sesame-open"), "{}", server.url);
    let mut client = server.client();
    let refused = client.get("/a.pack", &[]);
    assert_eq!((refused.status, refused.header("www-authenticate")), (401, "Bearer"));
    for wrong in ["Bearer sesame", "Bearer sesame-open2", "Basic sesame-open", ""] {
        assert_eq!(client.get("/a.pack", &[("authorization", wrong)]).status, 401, "{wrong}");
    }
    let known = client.get("/a.pack/files/hello.txt", &[("authorization", "Bearer sesame-open")]);
    assert_eq!((known.status, known.header("cache-control")), (200, "private, no-cache"));
    assert_eq!(client.get("/a.pack/files/hello.txt?token=sesame-open", &[]).status, 200);
    assert_eq!(client.get("/a.pack/files/hello.txt?token=no", &[]).status, 401);
    // A browser gets a cookie for it.
    let person = client.get("/a.pack/files/?x&token=sesame-open", &[("accept", "text/html")]);
    assert_eq!((person.status, person.header("location")), (303, "/a.pack/files/?x"));
    let cookie = person.header("set-cookie");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    let cookie = format!("a=b; {}", cookie.split(';').next().unwrap());
    assert_eq!(client.get("/a.pack", &[("cookie", &cookie)]).status, 200);

    // Pages of the origin that is named may ask, and ask beforehand without the token.
    let asks = [
        ("origin", "https://x.example"),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "range,authorization"),
    ];
    let preflight = client.ask("OPTIONS", "/a.pack", &asks).unwrap();
    assert_eq!(preflight.status, 200);
    assert_eq!(preflight.header("access-control-allow-origin"), "https://x.example");
    assert!(preflight.header("access-control-allow-headers").contains("range"));
    let read = client.get(
        "/a.pack",
        &[("origin", "https://x.example"), ("authorization", "Bearer sesame-open")],
    );
    assert_eq!(read.header("access-control-allow-origin"), "https://x.example");
    assert!(read.header("access-control-expose-headers").contains("content-range"));
    let other = client.get(
        "/a.pack",
        &[("origin", "https://y.example"), ("authorization", "Bearer sesame-open")],
    );
    assert_eq!(other.header("access-control-allow-origin"), "");
}

#[test]
fn damage_is_never_sent() {
    let home = home();
    let mut bytes = fs::read(home.path().join("a.pack")).unwrap();
    let at =
        |needle: &[u8]| bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    let (hello, late) = (at(b"hello\n"), at(&numbers(500_000)[1_900_000..1_900_032]));
    bytes[hello] ^= 1;
    bytes[late] ^= 1;
    fs::write(home.path().join("bad.pack"), &bytes).unwrap();
    let server = Server::start(home.path(), &["bad.pack"]);
    let answer = server.get("/bad.pack/files/hello.txt", &[]);
    assert_eq!(answer.status, 500);
    assert!(answer.text().contains("hello.txt"), "{}", answer.text());
    // Of a long file the sound blocks come, and then nothing.
    let mut client = server.client();
    client.send("GET", "/bad.pack/files/numbers.bin", &[]).unwrap();
    let mut sent = Vec::new();
    let _ = client.0.read_to_end(&mut sent);
    let start = sent.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    assert!(sent.len() - start <= 1_900_000, "{} bytes", sent.len());
    assert!(numbers(500_000).starts_with(&sent[start..]));
    let part = server.get("/bad.pack/files/numbers.bin", &[("range", "bytes=0-999")]);
    assert_eq!((part.status, &part.body[..]), (206, &numbers(250)[..]));
}

/// Blocks are remembered that were verified, and right whatever becomes of the file.
#[test]
fn what_was_verified_is_not_believed_of_other_bytes() {
    let home = home();
    let path = home.path().join("a.pack");
    let bytes = fs::read(&path).unwrap();
    let needle = &numbers(500_000)[..32];
    let start = bytes.windows(32).position(|window| window == needle).unwrap();
    let server = Server::start(home.path(), &["a.pack"]);
    let part = |from: usize| {
        let range = format!("bytes={from}-{}", from + 999);
        server.get("/a.pack/files/numbers.bin", &[("range", &range)])
    };
    for _ in 0..3 {
        assert!(part(5000).body == numbers(500_000)[5000..6000]);
    }
    // Overwritten where it lies: a block that is remembered, and one that is not.
    let mut other = bytes.clone();
    other[start + 5500] ^= 1;
    other[start + 1_000_500] ^= 1;
    fs::write(&path, &other).unwrap();
    let known = part(5000);
    assert!(known.status == 500 || known.body == numbers(500_000)[5000..6000]);
    assert_eq!(part(1_000_000).status, 500);
    // Another pack takes its place.
    fs::write(home.path().join("src/numbers.bin"), &numbers(600_000)[400..]).unwrap();
    let next = home.path().join("next");
    pack(home.path().join("src"), &next, &PackOptions::default(), &()).unwrap();
    let raw = fs::read(&next).unwrap();
    fs::rename(&next, &path).unwrap();
    assert!(server.get("/a.pack", &[("range", "bytes=0-999999")]).body == raw[..1_000_000]);
    assert!(part(5000).body == numbers(600_000)[5400..6400]);
}

/// Also where its bytes lie in another pack, which is not mapped.
#[test]
fn a_file_is_whole_whichever_of_its_blocks_are_remembered() {
    let home = home();
    let part = MergeInput::new(home.path().join("a.pack"));
    merge(&[part], home.path().join("merged.pack"), &MergeOptions::default(), &()).unwrap();
    let server = Server::start(home.path(), &["a.pack", "merged.pack"]);
    let all = numbers(500_000);
    for pack in ["a.pack", "merged.pack"] {
        let path = format!("/{pack}/files/numbers.bin");
        for start in [3, 4, 6].map(|block| (block << 18) + 5000) {
            let range = format!("bytes={start}-{}", start + 99);
            assert!(server.get(&path, &[("range", &range)]).body == all[start..start + 100]);
        }
        assert!(server.get(&path, &[]).body == all, "{pack}");
    }
}

#[test]
fn slow_clients_and_too_many_are_borne_with() {
    let home = home();
    let server =
        Server::start(home.path(), &["a.pack", "--header-timeout", "1", "--max-connections", "2"]);
    // One that never ends its head, and one that never begins it, are left after a second.
    let (mut slow, silent) = (server.client(), TcpStream::connect(&server.address).unwrap());
    use std::io::Write;
    slow.0.get_mut().write_all(b"GET /a.pack HTTP/1.1\r\nhost: loc").unwrap();
    // Both places are taken; the third gets its turn then. (It might need a second itself, on a busy machine.)
    let hello = |mut client: Client| client.ask("GET", "/a.pack/files/hello.txt", &[]);
    let is_hello = |answer: std::io::Result<Answer>| answer.is_ok_and(|it| it.body == b"hello\n");
    until("a free place", || is_hello(hello(server.client())));
    for mut left in [slow.0.into_inner(), silent] {
        left.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        let _ = left.read_to_end(&mut rest);
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{rest:?}");
    }
    let huge = "x".repeat(100_000);
    let mut client = server.client();
    let answer = client.ask("GET", "/a.pack", &[("x-long", &huge)]);
    assert!(answer.is_err() || answer.unwrap().status == 431);
    until("an answer after that", || is_hello(hello(server.client())));
}

/// Whether the server closed a connection.
fn has_ended(client: &mut Client) -> bool {
    !matches!(client.0.fill_buf(), Ok(bytes) if !bytes.is_empty())
}

#[test]
fn who_finds_no_free_place_waits() {
    let home = home();
    let places = ["a.pack", "--header-timeout", "600", "--max-connections", "2"];
    let server = Server::start(home.path(), &places);
    let path = "/a.pack/files/hello.txt";
    let (mut first, mut second) = (server.client(), server.client());
    assert_eq!((first.get(path, &[]).status, second.get(path, &[]).status), (200, 200));
    let mut third = server.client();
    third.send("GET", path, &[]).unwrap();
    // Those that have a place are answered, and then give it up, although they would ask again and again.
    until("a place for the third", || {
        for client in [&mut first, &mut second] {
            assert!(
                client.ask("GET", path, &[]).is_ok_and(|it| it.status == 200) || has_ended(client)
            );
        }
        !third.has_nothing()
    });
    assert_eq!(third.receive(false).unwrap().body, b"hello\n");
}

#[cfg(unix)]
#[test]
fn what_is_under_way_is_finished() {
    let home = home();
    let large = numbers(8_000_000);
    fs::write(home.path().join("src/large.bin"), &large).unwrap();
    pack(home.path().join("src"), home.path().join("large.pack"), &PackOptions::default(), &())
        .unwrap();
    let mut server = Server::start(home.path(), &["large.pack"]);
    let mut client = server.client();
    client.send("GET", "/large.pack/files/large.bin", &[]).unwrap();
    // Its head has come: it is under way.
    client.0.fill_buf().unwrap();
    // Whatever is asked for, the log is plain text.
    assert_eq!(server.get("/\u{9b}31m?token=secret", &[]).status, 404);
    server.signal(rustix::process::Signal::INT);
    until("the server to listen no more", || TcpStream::connect(&server.address).is_err());
    let answer = client.receive(false).unwrap();
    assert!(answer.body == large);
    assert_eq!(server.wait().code(), Some(0));
    let mut log = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert!(log.contains("GET /large.pack/files/large.bin 200 32000000 "), "{log}");
    assert!(log.contains("GET /%C2%9B31m 404 ") && !log.contains("secret"), "{log}");
}

#[test]
fn what_cannot_be_served_is_told() {
    let home = home();
    let fails = |arguments: &[&str], expected: &str| {
        let output = command(home.path(), arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(
            output.status.code(),
            Some(if expected.contains("footer") { 1 } else { 2 }),
            "{text}"
        );
        assert!(text.contains(expected) && text.contains("hint:"), "{text}");
        assert!(output.stdout.is_empty());
    };
    fs::write(home.path().join("notes"), "no pack").unwrap();
    fails(&["notes"], "no Rangepack footer");
    let origin = command(home.path(), &["a.pack", "--cors", "example.org"]).output().unwrap();
    assert_eq!(origin.status.code(), Some(2));
    fails(&["a.pack", "--host", "203.0.113.1"], "cannot listen at 203.0.113.1:8080");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    fails(&["a.pack", "--port", &port], "choose another with --port");
    let missing = command(home.path(), &["missing.pack"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
}

#[cfg(unix)]
#[test]
fn a_pack_that_is_cut_ends_no_server() {
    let home = home();
    fs::write(home.path().join("src/large"), numbers(8 << 20)).unwrap();
    let mut options = PackOptions::default();
    options.overwrite = true;
    pack(home.path().join("src"), home.path().join("a.pack"), &options, &()).unwrap();
    let mut server = Server::start(home.path(), &["a.pack", "c.pack"]);
    // These wait for the client to read on when the pack is cut: it is more than sockets hold.
    let mut under_way = ["/a.pack/files/large", "/a.pack"].map(|path| {
        let mut client = server.client();
        client.send("GET", path, &[]).unwrap();
        client.0.fill_buf().unwrap();
        client
    });
    let file = fs::OpenOptions::new().write(true).open(home.path().join("a.pack")).unwrap();
    file.set_len(1000).unwrap();
    for client in &mut under_way {
        assert!(client.receive(false).is_err());
    }
    let lost = server.get("/a.pack/files/hello.txt", &[]);
    assert_eq!(lost.status, 500, "{}", lost.text());
    assert_eq!(server.get("/c.pack/files/hello.txt", &[]).body, b"hello\n");
    assert!(server.child.try_wait().unwrap().is_none());
}

#[cfg(unix)]
#[test]
fn names_of_packs_give_terminals_no_orders() {
    let home = home();
    fs::rename(home.path().join("a.pack"), home.path().join("a\x1b]0;evil\x07\u{202e}.pack"))
        .unwrap();
    let mut child = command(home.path(), &["--port", "0", "."]).spawn().unwrap();
    let (mut url, mut said) = (String::new(), String::new());
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let _ = child.kill();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    assert!(said.contains("evil") && url.starts_with("http://"), "{said} {url}");
    let is_safe = |it: char| it == '\n' || !it.is_control() && it != '\u{202e}';
    assert!(said.chars().all(is_safe), "{said:?}");
}

/// What lies behind a second slash or a backslash is another host for a browser.
#[test]
fn redirects_lead_to_this_server() {
    let home = home();
    fs::copy(home.path().join("a.pack"), home.path().join("x")).unwrap();
    let server = Server::start(home.path(), &[".", "--token=sesame-open"]);
    let html = [("accept", "text/html")];
    for path in ["/\\evil.example/", "//evil.example/", "/\\/evil.example", "/a.pack/files/docs"] {
        for query in ["?token=sesame-open", "?token=sesame-open&x=1"] {
            let answer = server.get(&format!("{path}{query}"), &html);
            let location = answer.header("location");
            assert!(location.starts_with('/') && answer.status == 303, "{path}: {answer:?}");
            assert!(!location.starts_with("//") && !location.contains('\\'), "{path}: {location}");
        }
    }
}

/// What it prints is for people, and for other commands, too.
#[cfg(feature = "remote")]
#[test]
fn the_printed_url_is_read_like_that_of_the_pack() {
    let home = home();
    let ls = |url: &str| {
        let output =
            Command::new(env!("CARGO_BIN_EXE_rangepack")).args(["ls", url]).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let server = Server::start(home.path(), &["a.pack", "--token=secret-one"]);
    assert!(server.url.ends_with("token=secret-one"), "{}", server.url);
    let (code, listed, said) = ls(&server.url);
    assert!(code == Some(0) && listed.contains("hello.txt"), "{listed}{said}");
    let (code, _, said) = ls(&format!("http://{}/a.pack", server.address));
    assert!(code == Some(2) && said.contains("token") && !said.contains("AWS"), "{said}");
    // Browsers are shown the page, and nobody is sent elsewhere.
    let with = |path: &str, headers: &[(&str, &str)]| server.get(path, headers);
    let browser = with("/?token=secret-one", &[("Accept", "text/html"), ("Range", "bytes=0-9")]);
    assert_eq!(browser.status, 303);
    let away = with("/?pack=//evil.example&token=secret-one", &[("Range", "bytes=0-9")]);
    assert_eq!(away.header("location"), "/evil.example?token=secret-one");
    // Of several packs it has to be said which.
    let server = Server::start(home.path(), &["a.pack", "c.pack"]);
    let (code, _, said) = ls(&server.url);
    assert!(code == Some(2) && said.contains("404"), "{said}");
    assert_eq!(ls(&format!("{}c.pack", server.url)).0, Some(0));
}
