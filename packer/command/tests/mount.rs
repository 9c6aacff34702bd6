//! `rangepack mount`, as other programs see it.
//!
//! Where there is no FUSE the tests say so and pass.

use crate::common::{command, run};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use tempfile::TempDir;

/// Whether packs can be mounted here.
fn is_possible() -> bool {
    let device = fs::File::options().read(true).write(true).open("/dev/fuse");
    let helper = Command::new("fusermount3").arg("-V").output();
    match (device, helper) {
        (Ok(_), Ok(_)) => true,
        (device, helper) => {
            eprintln!(
                "skipped, for nothing can be mounted here: {:?} {:?}",
                device.err(),
                helper.err()
            );
            false
        }
    }
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
    for number in 0..2000 {
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
    format!("{pack}: 2008 files; Ctrl-C, or `fusermount3 -u {place}` ends it\n")
}
