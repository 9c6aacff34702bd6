//! Runs a process under `strace` and tells what it did to the files of one directory, in order.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The calls that change files, or lead to them.
const CALLS: &str = "trace=openat,open,creat,close,dup,dup2,dup3,fcntl,lseek,write,pwrite64,writev,pwritev,pwritev2,\
ftruncate,truncate,fallocate,copy_file_range,sendfile,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,link,\
linkat,unlink,unlinkat,rmdir,mkdir,mkdirat,symlink,symlinkat";

/// A file or directory, whatever its name: they are numbered as they appear.
pub type Inode = usize;

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "they are what the calls are called")]
pub enum Op {
    Write {
        inode: Inode,
        offset: u64,
        bytes: Vec<u8>,
    },
    Cut {
        inode: Inode,
        len: u64,
    },
    Directory {
        inode: Inode,
    },
    Sync {
        inode: Inode,
    },
    /// A name leads to a file or directory from now on.
    Link {
        directory: Inode,
        name: String,
        inode: Inode,
    },
    Unlink {
        directory: Inode,
        name: String,
    },
    Symlink {
        directory: Inode,
        name: String,
        target: PathBuf,
    },
}

/// What lay in a directory before, and what was done.
#[derive(Debug)]
pub struct Trace {
    /// Directories and their names; the first is the directory itself.
    pub directories: HashMap<Inode, HashMap<String, Inode>>,
    /// Files and their bytes.
    pub files: HashMap<Inode, Vec<u8>>,
    /// In order.
    pub ops: Vec<Op>,
}

/// Whether processes can be watched here. Says so when they cannot.
pub fn can_trace() -> bool {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let can = traced.is_ok_and(|output| output.status.success());
    if !can {
        eprintln!("skipped: strace is not here, or may not watch");
    }
    can
}

/// Runs `command` and records what it does in `home`; it has to end well. Only what lies there is of interest, save
/// what begins with `except`.
///
/// # Panics
/// When it fails, or does something that is not understood.
pub fn record(command: &mut Command, home: &Path, except: &str) -> Trace {
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut traced = Command::new("strace");
    traced.args(["-f", "-qq", "-xx", "-s", "100000000", "--seccomp-bpf", "-e", CALLS, "-o"]);
    traced.arg(log.path()).arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        traced.env(key, value.unwrap());
    }
    let mut recorder = Recorder::new(home, except);
    let output = traced.stdin(Stdio::null()).output().expect("strace is needed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(log.path()).unwrap();
    let mut unfinished: HashMap<&str, &str> = HashMap::new();
    for line in text.lines() {
        let (thread, rest) = line.split_once(' ').unwrap();
        let rest = rest.trim_start();
        if let Some(begun) = rest.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, begun);
        } else if let Some(resumed) = rest.strip_prefix("<... ") {
            let (_, end) = resumed.split_once(" resumed>").unwrap();
            let begun = unfinished.remove(thread).unwrap();
            recorder.line(&format!("{begun}{end}"));
        } else {
            recorder.line(rest);
        }
    }
    recorder.trace
}

/// An open file, which several descriptors may share.
#[derive(Clone)]
struct Open {
    inode: Inode,
    position: std::rc::Rc<std::cell::Cell<u64>>,
    appends: bool,
}

struct Recorder<'r> {
    home: &'r Path,
    except: &'r str,
    trace: Trace,
    /// What names lead to now.
    directories: HashMap<Inode, HashMap<String, Inode>>,
    lens: HashMap<Inode, u64>,
    open: HashMap<i64, Open>,
    next: Inode,
}

impl Recorder<'_> {
    fn new<'r>(home: &'r Path, except: &'r str) -> Recorder<'r> {
        let trace = Trace { directories: HashMap::new(), files: HashMap::new(), ops: Vec::new() };
        let mut recorder = Recorder {
            home,
            except,
            trace,
            directories: HashMap::new(),
            lens: HashMap::new(),
            open: HashMap::new(),
            next: 0,
        };
        recorder.survey(home);
        recorder.directories.clone_from(&recorder.trace.directories);
        recorder
    }

    fn survey(&mut self, directory: &Path) -> Inode {
        let own = self.number();
        let mut names = HashMap::new();
        for entry in std::fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if directory == self.home && name.starts_with(self.except) {
                continue;
            }
            let inode = if entry.file_type().unwrap().is_dir() {
                self.survey(&entry.path())
            } else {
                let (inode, bytes) = (self.number(), std::fs::read(entry.path()).unwrap());
                self.lens.insert(inode, bytes.len() as u64);
                self.trace.files.insert(inode, bytes);
                inode
            };
            names.insert(name, inode);
        }
        self.trace.directories.insert(own, names);
        own
    }

    fn number(&mut self) -> Inode {
        self.next += 1;
        self.next - 1
    }

    /// Where a path leads: the directory, and the last name in it. `None` for what is of no interest.
    fn place(&self, at: &str, path: &str) -> Option<(Inode, String)> {
        let path = PathBuf::from(text(path));
        let (mut directory, rest) = match (path.is_absolute(), at.parse()) {
            (true, _) => (0, path.strip_prefix(self.home).ok()?.to_owned()),
            (false, Ok(descriptor)) => (self.open.get(&descriptor)?.inode, path.clone()),
            (false, Err(_)) => return None,
        };
        let mut names: Vec<String> =
            rest.components().map(|name| name.as_os_str().to_str().unwrap().to_owned()).collect();
        let last = names.pop().unwrap_or_default();
        if directory == 0 && names.first().unwrap_or(&last).starts_with(self.except) {
            return None;
        }
        for name in names {
            directory = *self.directories.get(&directory)?.get(&name)?;
        }
        Some((directory, last))
    }

    fn find(&self, (directory, name): &(Inode, String)) -> Option<Inode> {
        match name.as_str() {
            "" | "." => Some(*directory),
            name => self.directories.get(directory)?.get(name).copied(),
        }
    }

    fn link(&mut self, (directory, name): (Inode, String), inode: Inode) {
        self.directories.entry(directory).or_default().insert(name.clone(), inode);
        self.trace.ops.push(Op::Link { directory, name, inode });
    }

    fn unlink(&mut self, (directory, name): (Inode, String)) {
        self.directories.entry(directory).or_default().remove(&name);
        self.trace.ops.push(Op::Unlink { directory, name });
    }

    fn cut(&mut self, inode: Inode, len: u64) {
        self.lens.insert(inode, len);
        self.trace.ops.push(Op::Cut { inode, len });
    }

    fn write(&mut self, descriptor: &str, at: Option<u64>, bytes: &[u8], written: i64) {
        let Some(open) = self.open.get(&number(descriptor)) else { return };
        let (inode, len) = (open.inode, *self.lens.get(&open.inode).unwrap_or(&0));
        let offset = at.unwrap_or(if open.appends { len } else { open.position.get() });
        let bytes = bytes[..written as usize].to_vec();
        let end = offset + bytes.len() as u64;
        if at.is_none() {
            open.position.set(end);
        }
        self.lens.insert(inode, len.max(end));
        self.trace.ops.push(Op::Write { inode, offset, bytes });
    }

    fn line(&mut self, line: &str) {
        // Signals and the ends of threads.
        let Some((call, rest)) = line.split_once('(') else { return };
        let (arguments, result) = rest.rsplit_once(" = ").unwrap();
        let arguments = arguments.trim_end().strip_suffix(')').unwrap();
        let result: i64 = result.split(' ').next().unwrap().parse().unwrap_or(-1);
        if result < 0 {
            return;
        }
        let arguments: Vec<&str> = arguments.split(", ").collect();
        match (call, arguments.as_slice()) {
            ("openat", [at, path, flags, ..]) => self.opened(self.place(at, path), flags, result),
            ("open" | "creat", [path, flags, ..]) => {
                self.opened(self.place("AT_FDCWD", path), flags, result);
            }
            ("close", [descriptor]) => {
                self.open.remove(&number(descriptor));
            }
            ("dup", [descriptor]) | ("dup2" | "dup3", [descriptor, ..]) => {
                self.share(descriptor, result);
            }
            ("fcntl", [descriptor, command, ..]) if command.starts_with("F_DUPFD") => {
                self.share(descriptor, result);
            }
            ("fcntl", _) => {}
            ("lseek", [descriptor, ..]) => {
                if let Some(open) = self.open.get(&number(descriptor)) {
                    open.position.set(result as u64);
                }
            }
            ("write", [descriptor, bytes, _]) => {
                if self.open.contains_key(&number(descriptor)) {
                    self.write(descriptor, None, &unescaped(bytes), result);
                }
            }
            ("pwrite64", [descriptor, bytes, _, offset]) => {
                self.write(descriptor, Some(number(offset) as u64), &unescaped(bytes), result);
            }
            ("writev", [descriptor, ..]) if self.open.contains_key(&number(descriptor)) => {
                let pieces = rest.split("iov_base=").skip(1);
                let bytes = pieces.flat_map(|piece| unescaped(piece.split(',').next().unwrap()));
                self.write(descriptor, None, &bytes.collect::<Vec<u8>>(), result);
            }
            ("ftruncate", [descriptor, len]) => {
                if let Some(open) = self.open.get(&number(descriptor)) {
                    self.cut(open.inode, number(len) as u64);
                }
            }
            ("fsync" | "fdatasync", [descriptor]) => {
                if let Some(open) = self.open.get(&number(descriptor)) {
                    self.trace.ops.push(Op::Sync { inode: open.inode });
                }
            }
            ("unlink" | "rmdir", [path]) => {
                self.place("AT_FDCWD", path).into_iter().for_each(|place| self.unlink(place));
            }
            ("unlinkat", [at, path, _]) => {
                self.place(at, path).into_iter().for_each(|place| self.unlink(place));
            }
            ("rename", [from, to]) => self.rename(("AT_FDCWD", from), ("AT_FDCWD", to)),
            ("renameat" | "renameat2", [from_at, from, to_at, to, ..]) => {
                self.rename((from_at, from), (to_at, to));
            }
            ("linkat", [from_at, from, to_at, to, _]) => {
                let Some(to) = self.place(to_at, to) else { return };
                let opened = text(from).strip_prefix("/proc/self/fd/").and_then(|n| n.parse().ok());
                let inode = match opened {
                    Some(descriptor) => self.open.get(&descriptor).map(|open| open.inode),
                    None => self.place(from_at, from).and_then(|place| self.find(&place)),
                };
                self.link(to, inode.expect("a file of this directory"));
            }
            ("mkdir", [path, _]) => self.made(self.place("AT_FDCWD", path)),
            ("mkdirat", [at, path, _]) => self.made(self.place(at, path)),
            ("symlinkat", [target, at, path]) => {
                if let Some((directory, name)) = self.place(at, path) {
                    let target = PathBuf::from(text(target));
                    self.trace.ops.push(Op::Symlink { directory, name, target });
                }
            }
            ("symlink", [target, path]) => {
                if let Some((directory, name)) = self.place("AT_FDCWD", path) {
                    let target = PathBuf::from(text(target));
                    self.trace.ops.push(Op::Symlink { directory, name, target });
                }
            }
            // Of other files, then.
            (_, [descriptor, ..]) if !self.open.contains_key(&number(descriptor)) => {}
            _ => panic!("{line} is not understood"),
        }
    }

    fn opened(&mut self, place: Option<(Inode, String)>, flags: &str, descriptor: i64) {
        self.open.remove(&descriptor);
        let Some(place) = place else { return };
        let found = self.find(&place);
        let inode = if flags.contains("O_TMPFILE") {
            self.number()
        } else if let Some(inode) = found {
            inode
        } else {
            let inode = self.number();
            self.link(place, inode);
            inode
        };
        if flags.contains("O_TRUNC") {
            self.cut(inode, 0);
        }
        let appends = flags.contains("O_APPEND");
        self.open.insert(descriptor, Open { inode, position: Default::default(), appends });
    }

    fn share(&mut self, descriptor: &str, other: i64) {
        match self.open.get(&number(descriptor)).cloned() {
            Some(open) => self.open.insert(other, open),
            None => self.open.remove(&other),
        };
    }

    fn made(&mut self, place: Option<(Inode, String)>) {
        if let Some(place) = place {
            let inode = self.number();
            self.directories.insert(inode, HashMap::new());
            self.trace.ops.push(Op::Directory { inode });
            self.link(place, inode);
        }
    }

    fn rename(&mut self, from: (&str, &str), to: (&str, &str)) {
        let (Some(from), Some(to)) = (self.place(from.0, from.1), self.place(to.0, to.1)) else {
            return;
        };
        let inode = self.find(&from).unwrap();
        self.link(to, inode);
        self.unlink(from);
    }
}

fn number(text: &str) -> i64 {
    text.parse().unwrap_or(-1)
}

/// The bytes of a string, all of which are written in hexadecimal digits.
fn unescaped(string: &str) -> Vec<u8> {
    let string = string.trim_matches(['"', '}', ']', '[', '{']);
    let string = string.trim_end_matches('"');
    string
        .split("\\x")
        .skip(1)
        .map(|digits| u8::from_str_radix(&digits[..2], 16).unwrap())
        .collect()
}

fn text(string: &str) -> String {
    String::from_utf8(unescaped(string)).unwrap()
}
