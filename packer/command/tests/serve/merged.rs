//! Merged packs and their parts, as clients see them.

use super::Server;
use rangepack::{Location, MergeInput, MergeOptions, OpenOptions, Pack, PackOptions, merge, pack};
use std::fs;
use std::path::Path;

fn parts(home: &Path) {
    for (part, name) in [("one", "a.txt"), ("parts/two", "b.txt"), ("other", "c.txt")] {
        let source = home.join("src").join(part);
        fs::create_dir_all(&source).unwrap();
        fs::create_dir_all(home.join("parts")).unwrap();
        fs::write(source.join(name), format!("of {part}\n").repeat(30)).unwrap();
        pack(&source, home.join(format!("{part}.pack")), &PackOptions::new(), &()).unwrap();
    }
    fs::write(home.join("secret.txt"), "nobody's business\n".repeat(100)).unwrap();
}

fn merged(home: &Path, parts: &[&str], options: &MergeOptions, out: &str) {
    let inputs: Vec<_> = parts.iter().map(|part| MergeInput::new(home.join(part))).collect();
    merge(&inputs, home.join(out), options, &()).unwrap();
}

#[test]
fn a_merged_pack_is_served_with_its_parts_and_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let at = home.path();
    parts(at);
    merged(at, &["one.pack", "parts/two.pack"], &MergeOptions::new(), "all.pack");
    let folder = [".", "all.pack"];
    for place in folder {
        let server = Server::start(at, &[place]);
        for (path, content) in [("a.txt", "of one\n"), ("b.txt", "of parts/two\n")] {
            let answer = server.get(&format!("/all.pack/files/{path}"), &[]);
            assert_eq!((answer.status, answer.text()), (200, &content.repeat(30)[..]));
        }
        for part in ["one.pack", "parts/two.pack"] {
            let bytes = fs::read(at.join(part)).unwrap();
            let digest = Pack::open(at.join(part)).unwrap().digest().unwrap();
            let answer = server.get(&format!("/{part}"), &[("range", "bytes=5-99")]);
            assert_eq!((answer.status, &answer.body[..]), (206, &bytes[5..100]), "{part}");
            assert_eq!(answer.header("etag"), format!("\"{digest}\""));
        }
        for other in [
            "secret.txt",
            "parts",
            "src/one/a.txt",
            "../secret.txt",
            "parts/../secret.txt",
            "parts%2F..%2Fsecret.txt",
            "/one.pack",
            "parts/three.pack",
        ] {
            assert_eq!(server.get(&format!("/{other}"), &[]).status, 404, "{other}");
        }
        let status = server.get("/other.pack", &[]).status;
        assert_eq!(status, if place == "." { 200 } else { 404 });
        // A reader over the network finds them.
        let remote = Location::from(format!("http://{}/all.pack", server.address).as_str());
        let remote = Pack::open(remote).unwrap();
        assert_eq!(remote.read("b.txt").unwrap(), "of parts/two\n".repeat(30).as_bytes());
    }
    fs::remove_file(at.join("parts/two.pack")).unwrap();
    let server = Server::start(at, &["all.pack"]);
    assert_eq!(server.get("/parts/two.pack", &[]).status, 404);
    assert_eq!(server.get("/all.pack/files/b.txt", &[]).status, 500);
    assert_eq!(server.get("/all.pack/files/a.txt", &[]).status, 200);
}

#[test]
fn parts_that_lie_elsewhere_are_served_when_that_is_said() {
    let home = tempfile::tempdir().unwrap();
    let at = home.path();
    parts(at);
    fs::create_dir(at.join("merged")).unwrap();
    let options = MergeOptions::new().volumes(Location::Disk(at.to_owned()));
    merged(at, &["one.pack", "parts/two.pack"], &options, "merged/all.pack");
    let server = Server::start(at, &["merged/all.pack", "--volumes", "."]);
    assert_eq!(server.get("/all.pack/files/b.txt", &[]).status, 200);
    assert_eq!(server.get("/parts/two.pack", &[]).status, 200);
    assert_eq!(server.get("/other.pack", &[]).status, 404);
    let server = Server::start(at, &["merged/all.pack"]);
    assert_eq!(server.get("/all.pack/files/b.txt", &[]).status, 500);
    assert_eq!(server.get("/parts/two.pack", &[]).status, 404);
}

/// A stranger's pack may name any file beside it, and say what it likes of it.
#[test]
fn no_file_that_is_no_pack_is_given_out() {
    let home = tempfile::tempdir().unwrap();
    let at = home.path();
    parts(at);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    // Of such a container no root page is known, and payloads of the other have no digests.
    for (name, golden) in
        [("old", golden.join("json-array.container")), ("f", golden.join("fpack.fpack"))]
    {
        fs::copy(&golden, at.join(name)).unwrap();
        merged(at, &[name], &MergeOptions::new(), &format!("{name}.merged"));
        let file = |server: &Server| {
            let opened = Pack::open_with(at.join(format!("{name}.merged")), &OpenOptions::new());
            let opened = opened.unwrap();
            let mut files = opened.entries().map(|entry| entry.unwrap().to_entry().unwrap());
            let path = files.find(|entry| entry.size() > 0).unwrap().path;
            let path = path.display().to_string().replace(' ', "%20");
            server.get(&format!("/{name}.merged/files/{path}"), &[]).status
        };
        let server = Server::start(at, &[&format!("{name}.merged")]);
        assert_eq!((server.get(&format!("/{name}"), &[]).status, file(&server)), (200, 200));
        drop(server);
        let len = fs::metadata(at.join(name)).unwrap().len();
        let mut secret = "nobody's business\n".repeat(100_000).into_bytes();
        secret.truncate(len as usize);
        fs::write(at.join(name), secret).unwrap();
        let server = Server::start(at, &[&format!("{name}.merged")]);
        assert_eq!((server.get(&format!("/{name}"), &[]).status, file(&server)), (500, 500));
    }
}
