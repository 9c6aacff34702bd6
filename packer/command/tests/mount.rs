//! `rangepack mount`, as other programs see it.
//!
//! Where there is no FUSE the tests say so and pass.

use crate::common::{command, run};
use std::collections::BTreeMap;
use std::fs;
#[cfg(feature = "remote")]
use std::io::Write;
use std::io::{BufRead, BufReader, Read};
#[cfg(feature = "remote")]
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
#[cfg(feature = "remote")]
use std::sync::{Arc, Mutex};
#[cfg(feature = "remote")]
use std::thread;
use tempfile::TempDir;

/// Whether packs can be mounted here.
fn is_possible() -> bool {
    static OBSTACLE: LazyLock<Option<String>> = LazyLock::new(obstacle);
    if let Some(obstacle) = &*OBSTACLE {
        eprintln!("skipped, for nothing can be mounted here: {obstacle}");
    }
    OBSTACLE.is_none()
}

/// What this system lacks for mounting anything, if it lacks something.
fn obstacle() -> Option<String> {
    let device = fs::File::options().read(true).write(true).open("/dev/fuse");
    let helper = Command::new("fusermount3").arg("-V").output();
    if let Some(error) = device.err().or(helper.err()) {
        return Some(error.to_string());
    }
    // Containers may have the device and not the right to mount.
    let root = packed();
    let at = root.path().join("at");
    fs::create_dir(&at).unwrap();
    let tried = command(root.path(), "mount --daemon x.pack at").output().unwrap();
    let said = String::from_utf8_lossy(&tried.stderr).into_owned();
    let is_refused = ["not permitted", "denied"].iter().any(|words| said.contains(words));
    if !tried.status.success() && is_refused {
        return Some(said);
    }
    assert!(tried.status.success(), "{said}");
    assert!(unmount(&at));
    None
}

/// A mount by a process of its own; it ends with the test.
struct Mount {
    child: Child,
    directory: PathBuf,
}

impl Mount {
    fn start(at: &Path, line: &str, directory: &str) -> Mount {
        let directory = at.join(directory);
        fs::create_dir_all(&directory).unwrap();
        let mut command = command(at, &format!("mount {line}"));
        command.arg(&directory).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut mount = Mount { child: command.spawn().unwrap(), directory };
        let mut said = String::new();
        BufReader::new(mount.child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        if said.is_empty() {
            mount.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
            panic!("{line}: {said}");
        }
        assert_eq!(Path::new(said.trim_end()), mount.directory.canonicalize().unwrap());
        mount
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, signal).unwrap();
    }

    /// Waits for its end; what it came back with, and what it said.
    fn wait(&mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }

    /// Unmounts from outside.
    fn end(&mut self) -> String {
        assert!(unmount(&self.directory));
        let (status, said) = self.wait();
        assert_eq!(status.code(), Some(0), "{said}");
        said
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        unmount(&self.directory);
    }
}

fn unmount(directory: &Path) -> bool {
    let done = Command::new("fusermount3").args(["-u", "-z", "-q"]).arg(directory).status();
    done.unwrap().success()
}

/// A tree with everything that a pack keeps, and packs of it.
fn packed() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let at = root.path().join("src");
    fs::create_dir_all(at.join("sub/empty")).unwrap();
    fs::create_dir_all(at.join("many")).unwrap();
    fs::write(at.join("a.txt"), "hello\n").unwrap();
    fs::write(at.join("nothing"), "").unwrap();
    fs::write(at.join("n\\a, \u{e4}"), "name").unwrap();
    fs::write(at.join("sub").join("x".repeat(255)), "long").unwrap();
    let large: Vec<u8> = (0..2_000_000u32).map(|n| (n / 900 * 31) as u8).collect();
    fs::write(at.join("sub/large.bin"), large).unwrap();
    for number in 0..600 {
        fs::write(at.join(format!("many/{number}")), number.to_string().repeat(40)).unwrap();
    }
    fs::hard_link(at.join("a.txt"), at.join("sub/again.txt")).unwrap();
    std::os::unix::fs::symlink("../a.txt", at.join("sub/link")).unwrap();
    std::os::unix::fs::symlink("nowhere", at.join("broken")).unwrap();
    fs::set_permissions(at.join("a.txt"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::set_permissions(at.join("sub/empty"), fs::Permissions::from_mode(0o711)).unwrap();
    run(root.path(), "pack src x.pack", 0);
    root
}

/// What a tree is: of each path mode, time, length and content or target.
fn everything(at: &Path) -> BTreeMap<PathBuf, (u32, i64, i64, u64, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut left = vec![at.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let stat = path.symlink_metadata().unwrap();
            let (len, bytes) = if stat.is_dir() {
                left.push(path.clone());
                (0, Vec::new())
            } else if stat.is_symlink() {
                let target = fs::read_link(&path).unwrap();
                (stat.len(), target.into_os_string().into_encoded_bytes())
            } else {
                (stat.len(), fs::read(&path).unwrap())
            };
            let name = path.strip_prefix(at).unwrap().to_owned();
            found.insert(name, (stat.mode(), stat.mtime(), stat.mtime_nsec(), len, bytes));
        }
    }
    found
}

#[test]
fn a_mount_is_the_tree_that_was_packed() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    run(at, "pack src gzip.pack --compress", 0);
    run(at, "pack src zstd.pack --compress=zstd", 0);
    let source = everything(&at.join("src"));
    for pack in ["x.pack", "gzip.pack", "zstd.pack"] {
        let mut mount = Mount::start(at, pack, "m");
        let shown = everything(&at.join("m"));
        assert!(shown.keys().eq(source.keys()), "{pack}");
        for (path, there) in &source {
            assert!(&shown[path] == there, "{pack}: {}", path.display());
        }
        let stat = |path: &str| at.join("m").join(path).symlink_metadata().unwrap();
        assert_eq!(stat("a.txt").ino(), stat("sub/again.txt").ino());
        assert!(stat("a.txt").nlink() > 1 && stat("nothing").nlink() == 1);
        let user = at.symlink_metadata().unwrap();
        assert_eq!((stat("a.txt").uid(), stat("sub").gid()), (user.uid(), user.gid()));
        assert_eq!(mount.end(), said_of(at, pack));
    }
}

/// What is said when nothing is wrong.
fn said_of(at: &Path, pack: &str) -> String {
    let place = at.join("m").canonicalize().unwrap();
    let place = place.display();
    format!("{pack}: 608 files; Ctrl-C, or `fusermount3 -u {place}` ends it\n")
}

#[test]
fn digests_and_what_was_kept_are_extended_attributes() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    let flags = rustix::fs::XattrFlags::empty();
    let file = at.join("src/a.txt");
    let keeps = rustix::fs::setxattr(&file, "user.mine", b"yours", flags).is_ok();
    run(at, "pack src kept.pack --xattrs --compress=zstd", 0);
    let mut mount = Mount::start(at, "kept.pack", "m");
    let value = |path: &str, name: &str| {
        let mut bytes = [0; 200];
        let len = rustix::fs::getxattr(at.join("m").join(path), name, &mut bytes)?;
        Ok::<_, rustix::io::Errno>(bytes[..len].to_vec())
    };
    let digest = |content: &[u8]| rangepack::Digest::of(content).to_string().into_bytes();
    let name = "user.rangepack.sha256";
    assert_eq!(value("a.txt", name).unwrap(), digest(b"hello\n"));
    let large = fs::read(at.join("src/sub/large.bin")).unwrap();
    assert_eq!(value("sub/large.bin", name).unwrap(), digest(&large));
    for (path, name) in [("sub", name), ("", name), ("a.txt", "user.none")] {
        assert_eq!(value(path, name).unwrap_err(), rustix::io::Errno::NODATA, "{path}");
    }
    let mut names = [0; 200];
    let len = rustix::fs::listxattr(at.join("m/a.txt"), &mut names).unwrap();
    let names = String::from_utf8(names[..len].to_vec()).unwrap();
    if keeps {
        assert_eq!(value("a.txt", "user.mine").unwrap(), b"yours");
        assert_eq!(names, "user.rangepack.sha256\0user.mine\0");
    } else {
        eprintln!("without attributes of files: {}", at.display());
    }
    let mut few = [0; 10];
    let short = rustix::fs::getxattr(at.join("m/a.txt"), name, &mut few);
    assert_eq!(short.unwrap_err(), rustix::io::Errno::RANGE);
    mount.end();
}

#[test]
fn nothing_can_be_written() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    let mut mount = Mount::start(at, "x.pack", "m");
    let inside = at.join("m");
    let refused = [
        fs::write(inside.join("new"), ""),
        fs::write(inside.join("a.txt"), ""),
        fs::remove_file(inside.join("a.txt")),
        fs::create_dir(inside.join("new")),
        fs::rename(inside.join("a.txt"), inside.join("b.txt")),
        fs::set_permissions(inside.join("a.txt"), fs::Permissions::from_mode(0o777)),
    ];
    for (number, refused) in refused.into_iter().enumerate() {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ReadOnlyFilesystem, "{number}");
    }
    mount.end();
}

#[test]
fn many_processes_read_at_once() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    run(at, "pack src zstd.pack --compress=zstd", 0);
    let mut paths: Vec<_> = everything(&at.join("src")).into_iter().collect();
    paths.retain(|(path, _)| at.join("src").join(path).is_file());
    let mut mount = Mount::start(at, "zstd.pack", "m");
    let readers: Vec<_> = (0..8)
        .map(|number| {
            let turned = paths.len() * number / 8;
            let order = paths[turned..].iter().chain(&paths[..turned]);
            let mut cat = Command::new("cat");
            cat.args(order.clone().map(|(path, _)| path)).current_dir(at.join("m"));
            let child = cat.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
            let expected = order.map(|(path, _)| fs::read(at.join("src").join(path)).unwrap());
            (child, expected.collect::<Vec<_>>().concat())
        })
        .collect();
    // Ranges of a large file through one file object, from several threads.
    let large = fs::read(at.join("src/sub/large.bin")).unwrap();
    let file = fs::File::open(at.join("m/sub/large.bin")).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (file, large) = (&file, &large);
            scope.spawn(move || {
                for step in 0..50 {
                    let start = (step * 7_919_777 + thread * 333_333) % large.len();
                    let mut bytes = vec![0; 5000.min(large.len() - start)];
                    std::os::unix::fs::FileExt::read_exact_at(file, &mut bytes, start as u64)
                        .unwrap();
                    assert!(bytes == large[start..start + bytes.len()], "{start}");
                }
            });
        }
    });
    drop(file);
    for (child, expected) in readers {
        assert!(child.wait_with_output().unwrap().stdout == expected);
    }
    mount.end();
}

#[test]
fn damage_is_an_error_and_told() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    let mut bytes = fs::read(at.join("x.pack")).unwrap();
    let large = fs::read(at.join("src/sub/large.bin")).unwrap();
    let place = |content: &[u8]| bytes.windows(content.len()).position(|it| it == content).unwrap();
    let (small, middle) = (place(&b"7".repeat(40)), place(&large[..4096]) + 1_000_000);
    bytes[small] ^= 1;
    bytes[middle] ^= 1;
    fs::write(at.join("x.pack"), bytes).unwrap();
    let mut mount = Mount::start(at, "x.pack", "m");
    let inside = at.join("m");
    let is_io =
        |error: std::io::Error| error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error());
    for _ in 0..2 {
        assert!(is_io(fs::read(inside.join("many/7")).unwrap_err()));
        assert!(is_io(fs::read(inside.join("sub/large.bin")).unwrap_err()));
    }
    assert_eq!(fs::read(inside.join("a.txt")).unwrap(), b"hello\n");
    let mut end = vec![0; 100_000];
    let file = fs::File::open(inside.join("sub/large.bin")).unwrap();
    let start = large.len() - end.len();
    file.read_exact_at(&mut end, start as u64).unwrap();
    assert!(end == large[start..]);
    drop(file);
    let said = mount.end();
    for path in ["many/7: ", "sub/large.bin: "] {
        assert_eq!(said.matches(path).count(), 1, "{said}");
    }
}

#[test]
fn a_pack_that_is_cut_short_gives_errors() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    let mut mount = Mount::start(at, "x.pack", "m");
    let inside = at.join("m");
    assert_eq!(fs::read(inside.join("a.txt")).unwrap(), b"hello\n");
    fs::File::options().write(true).open(at.join("x.pack")).unwrap().set_len(10_000).unwrap();
    assert!(fs::read(inside.join("many/599")).is_err());
    assert!(fs::read(inside.join("sub/large.bin")).is_err());
    assert!(
        fs::read_dir(inside.join("many")).is_err()
            || fs::read_dir(inside.join("sub")).is_err()
            || everything_fails(&inside)
    );
    let said = mount.end();
    assert!(said.contains("rangepack: error: "), "{said}");
}

/// Whether listing what the kernel has not seen fails.
fn everything_fails(at: &Path) -> bool {
    fs::read_dir(at.join("many")).unwrap().any(|entry| entry.is_err())
}

#[test]
fn a_pack_that_is_replaced_stays_what_it_was() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    fs::create_dir(at.join("other")).unwrap();
    fs::write(at.join("other/a.txt"), "another\n").unwrap();
    run(at, "pack other other.pack", 0);
    let mut mount = Mount::start(at, "x.pack", "m");
    fs::rename(at.join("other.pack"), at.join("x.pack")).unwrap();
    let shown = everything(&at.join("m"));
    assert!(shown.iter().eq(everything(&at.join("src")).iter()));
    mount.end();
    let mut mount = Mount::start(at, "x.pack", "m");
    assert_eq!(fs::read(at.join("m/a.txt")).unwrap(), b"another\n");
    mount.end();
}

#[test]
fn signals_unmount() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    for signal in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let mut mount = Mount::start(at, "x.pack", "m");
        assert_eq!(fs::read(at.join("m/a.txt")).unwrap(), b"hello\n");
        mount.signal(signal);
        let (status, said) = mount.wait();
        assert_eq!((status.code(), said), (Some(0), said_of(at, "x.pack")));
        assert_eq!(fs::read_dir(at.join("m")).unwrap().count(), 0);
    }
    // Who has a file open reads on, in a directory that is empty for all others.
    let mut mount = Mount::start(at, "x.pack", "m");
    let mut file = fs::File::open(at.join("m/sub/large.bin")).unwrap();
    mount.signal(rustix::process::Signal::INT);
    while fs::read_dir(at.join("m")).unwrap().count() > 0 {
        std::thread::yield_now();
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    assert!(bytes == fs::read(at.join("src/sub/large.bin")).unwrap());
    assert!(mount.child.try_wait().unwrap().is_none());
    drop(file);
    assert_eq!(mount.wait().0.code(), Some(0));
}

#[test]
fn a_daemon_comes_back_when_it_has_mounted() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    fs::create_dir(at.join("m")).unwrap();
    let place = at.join("m").canonicalize().unwrap();
    let (out, said) = run(at, "mount x.pack m --daemon", 0);
    let shown = fs::read(at.join("m/a.txt"));
    let is_unmounted = unmount(&at.join("m"));
    assert_eq!(out.trim_end(), place.to_str().unwrap());
    assert!(said.contains("608 files; `fusermount3 -u "), "{said}");
    assert_eq!((shown.unwrap(), is_unmounted), (b"hello\n".to_vec(), true));
    for (line, code, text) in [
        ("mount none.pack m --daemon", 2, "none.pack"),
        ("mount src/a.txt m --daemon", 1, "a.txt"),
        ("mount x.pack src --daemon", 2, "not empty"),
    ] {
        let (out, said) = run(at, line, code);
        assert!(out.is_empty() && said.contains(text), "{line}: {out} {said}");
    }
}

#[test]
fn a_daemon_tells_of_damage_in_a_file() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    let mut bytes = fs::read(at.join("x.pack")).unwrap();
    let small = bytes.windows(6).position(|it| it == b"hello\n").unwrap();
    bytes[small] ^= 1;
    fs::write(at.join("x.pack"), bytes).unwrap();
    fs::create_dir(at.join("m")).unwrap();
    let mut mounting = command(at, "mount x.pack m --daemon --quiet");
    mounting.stdout(Stdio::null()).stderr(fs::File::create(at.join("log")).unwrap());
    assert!(mounting.status().unwrap().success());
    let read = fs::read(at.join("m/sub/again.txt"));
    let is_unmounted = unmount(&at.join("m"));
    assert!(read.is_err() && is_unmounted);
    let log = fs::read_to_string(at.join("log")).unwrap();
    assert!(
        log.starts_with("rangepack: error: x.pack: sub/again.txt: ") && log.lines().count() == 1,
        "{log}"
    );
}

#[test]
fn who_is_unmounted_leaves_the_next_alone() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    let mut first = Mount::start(at, "x.pack", "m");
    for _ in 0..5 {
        assert!(unmount(&at.join("m")));
        let next = Mount::start(at, "x.pack", "m");
        assert_eq!(first.wait().0.code(), Some(0));
        assert_eq!(fs::read(at.join("m/a.txt")).unwrap(), b"hello\n");
        // The first of them must not unmount what is there now.
        std::mem::forget(std::mem::replace(&mut first, next));
    }
    first.end();
}

#[test]
fn what_is_in_the_way_is_told() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    for (directory, text, hint) in [
        ("none", "there is no such directory", "mkdir none"),
        ("x.pack", "it is not a directory", "make one"),
        ("src", "it is not empty", "fusermount3 -u src"),
    ] {
        let (_, said) = run(at, &format!("mount x.pack {directory}"), 2);
        assert!(said.contains(text) && said.contains(hint), "{said}");
    }
    // One whose process was killed.
    let mut mount = Mount::start(at, "x.pack", "m");
    mount.child.kill().unwrap();
    mount.child.wait().unwrap();
    let (_, said) = run(at, "mount x.pack m", 2);
    assert!(said.contains("has ended") && said.contains("fusermount3 -u m"), "{said}");
    drop(mount);
    Mount::start(at, "x.pack", "m").end();
}

#[test]
fn merged_packs_and_old_containers_are_mounted() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    fs::create_dir(at.join("other")).unwrap();
    fs::write(at.join("other/b.txt"), "of another\n").unwrap();
    run(at, "pack other other.pack --compress", 0);
    run(at, "merge x.pack other.pack --prefix other.pack=other -o all.pack", 0);
    let mut mount = Mount::start(at, "all.pack", "m");
    assert_eq!(fs::read(at.join("m/other/b.txt")).unwrap(), b"of another\n");
    assert_eq!(fs::read(at.join("m/a.txt")).unwrap(), b"hello\n");
    assert!(
        fs::read(at.join("m/sub/large.bin")).unwrap()
            == fs::read(at.join("src/sub/large.bin")).unwrap()
    );
    mount.end();
    // In the old gzip members there is no way but from their beginning.
    let large = fs::read(at.join("src/sub/large.bin")).unwrap();
    for how in ["", " --compress"] {
        run(at, &format!("pack src old.container --force --index-format ndjson{how}"), 0);
        let mut mount = Mount::start(at, "old.container", "m");
        assert!(everything(&at.join("m")).keys().eq(everything(&at.join("src")).keys()));
        let file = fs::File::open(at.join("m/sub/large.bin")).unwrap();
        for start in [1_900_000, 700_000, 0, 1_234_567] {
            let mut bytes = vec![0; 20_000];
            std::os::unix::fs::FileExt::read_exact_at(&file, &mut bytes, start as u64).unwrap();
            assert!(bytes == large[start..start + bytes.len()], "{how} {start}");
        }
        drop(file);
        assert!(fs::read(at.join("m/sub/large.bin")).unwrap() == large);
        mount.end();
    }
}

#[cfg(all(feature = "remote", feature = "serve"))]
#[test]
fn a_remote_pack_is_fetched_as_far_as_it_is_read() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    let mut serving = command(at, "serve x.pack --port 0 --no-log");
    let mut server = serving.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let host = url.trim_end().splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    let mut mount = Mount::start(at, &format!("{host}/x.pack"), "m");
    let shown = everything(&at.join("m"));
    assert!(shown.iter().eq(everything(&at.join("src")).iter()));
    // When it is gone, what the kernel has stays, and the rest is an error.
    server.kill().unwrap();
    server.wait().unwrap();
    assert_eq!(fs::read(at.join("m/a.txt")).unwrap(), b"hello\n");
    mount.end();
}

/// How a server behaves: as it should, with errors, or as if another file were there.
#[cfg(feature = "remote")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Fine,
    Fails,
    HangsUp,
    Replaced,
}

/// Serves ranges of one file, a request for each connection; gives its address.
#[cfg(feature = "remote")]
fn serve(file: Vec<u8>, manner: Arc<Mutex<Manner>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let file = Arc::new(file);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (file, manner) = (Arc::clone(&file), *manner.lock().unwrap());
            thread::spawn(move || answer(stream, &file, manner));
        }
    });
    address
}

#[cfg(feature = "remote")]
fn answer(mut stream: TcpStream, file: &[u8], manner: Manner) -> Option<()> {
    if manner == Manner::HangsUp {
        return None;
    }
    let (mut path, mut range) = (String::new(), None);
    for line in BufReader::new(stream.try_clone().ok()?).lines() {
        let line = line.ok()?.to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        if path.is_empty() {
            path.clone_from(&line);
        }
        range = line.strip_prefix("range: bytes=").map(str::to_owned).or(range);
    }
    let (len, end) = (file.len(), "Connection: close\r\n\r\n");
    let status = match manner {
        _ if !path.contains("/x.pack ") => "404 Not Found",
        Manner::Fails => "500 Broken",
        _ => "206 Partial Content",
    };
    let range = range.filter(|_| status.starts_with("206"));
    let Some((from, to)) = range.as_deref().and_then(|range| range.split_once('-')) else {
        return write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 0\r\n{end}").ok();
    };
    let (from, to) = match from.parse::<usize>() {
        Ok(from) => (from, len.min(to.parse::<usize>().ok()? + 1)),
        Err(_) => (len.saturating_sub(to.parse().ok()?), len),
    };
    let mut bytes = file[from..to].to_vec();
    if manner == Manner::Replaced {
        bytes.iter_mut().for_each(|byte| *byte ^= 1);
    }
    let (part, last) = (to - from, to - 1);
    let head = format!(
        "HTTP/1.1 {status}\r\nETag: \"{}\"\r\nContent-Range: bytes {from}-{last}/{len}\r\nContent-Length: {part}\r\n{end}",
        manner == Manner::Replaced
    );
    stream.write_all(&[head.as_bytes(), &bytes].concat()).ok()
}

#[cfg(feature = "remote")]
#[test]
fn a_server_that_fails_gives_errors_until_it_is_back() {
    if !is_possible() {
        return;
    }
    let root = packed();
    let at = root.path();
    let manner = Arc::new(Mutex::new(Manner::Fine));
    let address = serve(fs::read(at.join("x.pack")).unwrap(), Arc::clone(&manner));
    let url = format!("http://{address}/x.pack");
    let mut mount = Mount::start(at, &url, "m");
    let inside = at.join("m");
    // What the kernel has seen it does not ask for again.
    let count = fs::read_dir(inside.join("many")).unwrap().count();
    assert!(count > 500);
    let large = fs::read(at.join("src/sub/large.bin")).unwrap();
    let behave = |next: Manner| *manner.lock().unwrap() = next;
    for (round, next) in [Manner::Fails, Manner::HangsUp, Manner::Replaced].into_iter().enumerate()
    {
        behave(next);
        let is_io = |error: std::io::Error| {
            error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
        };
        // Far from what came with the others.
        let start = 600_000 * (round as u64 + 1);
        let file = fs::File::open(inside.join("sub/large.bin")).unwrap();
        let mut bytes = vec![0; 5000];
        assert!(is_io(file.read_exact_at(&mut bytes, start).unwrap_err()), "{next:?}");
        let small = format!("many/{}", 7 + 200 * round);
        assert!(is_io(fs::read(inside.join(&small)).unwrap_err()), "{next:?}");
        behave(Manner::Fine);
        file.read_exact_at(&mut bytes, start).unwrap();
        assert!(bytes == large[start as usize..][..5000], "{next:?}");
        assert_eq!(
            fs::read(inside.join(&small)).unwrap(),
            fs::read(at.join("src").join(&small)).unwrap()
        );
    }
    let said = mount.end();
    // Once for each time, whatever was read.
    let lines: Vec<_> = said.lines().filter(|line| line.contains("error: ")).collect();
    assert_eq!(lines.len(), 3, "{said}");
    for (line, why) in lines.iter().zip(["status 500", "", "it was replaced while it was read"]) {
        assert!(line.contains(&url) && line.contains(why), "{said}");
    }
}
