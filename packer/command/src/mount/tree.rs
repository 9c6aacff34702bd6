//! The requests of the kernel.

use super::attributes::{DIGEST, Defaults, Extended, kind_of, of, of_root};
use super::contents::Contents;
use super::inodes::{Inodes, ROOT, inode};
use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, Generation, INodeNo, InitFlags,
    KernelConfig, LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus,
    ReplyEntry, ReplyOpen, ReplyStatfs, ReplyXattr, Request,
};
use rangepack::{Answer, EntryRef, Error, Pack, PackPath, PackPathBuf};
use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How long the kernel may answer by itself: nothing changes.
const FOREVER: Duration = Duration::from_secs(365 * 86_400);

/// The kernel takes no longer names in lists.
const LONGEST_NAME: usize = 1024;

/// So many files are told of when they are damaged, before it is forgotten which they were.
const TOLD: usize = 1000;

/// Who hears of what is wrong.
pub(super) type Tell = Box<dyn Fn(&Error) + Send + Sync>;

/// A pack, as the kernel sees it.
pub(super) struct Tree {
    pack: Pack,
    defaults: Defaults,
    tell: Tell,
    ended: Box<dyn Fn() + Send + Sync>,
    inodes: Inodes,
    contents: Contents,
    /// Entries of which it was told that something is wrong with them.
    told: Mutex<HashSet<u64>>,
    /// URLs that cannot be read, of which it was told, and what was asked of each: once that is answered, it is told anew.
    away: Mutex<HashMap<String, u64>>,
    is_any_away: AtomicBool,
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").field("pack", &self.pack).finish_non_exhaustive()
    }
}

/// What a request comes back with: something, or what the kernel is to say.
type Answered<T> = Result<T, Errno>;

impl Tree {
    /// Of a pack; `ended` is called when it is unmounted, and nobody uses it any more.
    pub(super) fn new(
        pack: Pack,
        defaults: Defaults,
        tell: Tell,
        ended: Box<dyn Fn() + Send + Sync>,
    ) -> Tree {
        let (inodes, contents) = (Inodes::default(), Contents::default());
        let (told, away, is_any_away) = Default::default();
        Tree { pack, defaults, tell, ended, inodes, contents, told, away, is_any_away }
    }

    /// Says what is wrong with an entry, once, and of a file that cannot be fetched once for all of them; the kernel hears
    /// only that something is.
    fn failed(&self, number: u64, error: &Error) -> Errno {
        if let Error::Remote { url, .. } = error {
            let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
            let url = url.to_string();
            let is_new = !away.contains_key(&url);
            if is_new {
                away.insert(url, number);
            }
            self.is_any_away.store(true, Ordering::Relaxed);
            drop(away);
            if is_new {
                (self.tell)(error);
            }
            return Errno::EIO;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= TOLD {
            told.clear();
        }
        if told.insert(number) {
            drop(told);
            (self.tell)(error);
        }
        Errno::EIO
    }

    /// Notes that what was asked of an entry is answered.
    fn answered(&self, number: u64) {
        if self.is_any_away.load(Ordering::Relaxed) {
            let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
            away.retain(|_, asked| *asked != number);
            self.is_any_away.store(!away.is_empty(), Ordering::Relaxed);
        }
    }

    /// Asks something of an entry; what came of it was made of bytes that were there.
    fn about<T>(
        &self,
        number: u64,
        question: impl Fn(&EntryRef<'_>) -> rangepack_core::Result<T>,
    ) -> Answered<T> {
        let asked = self.pack.ask(|pack| {
            Ok(match pack.index().entry_at(pack, number)? {
                Answer::Ready(Some(entry)) => Answer::Ready(Some(question(&entry)?)),
                Answer::Ready(None) => Answer::Ready(None),
                Answer::Need(extent) => Answer::Need(extent),
            })
        });
        asked.map_err(|error| self.failed(number, &error))?.ok_or(Errno::ENOENT)
    }

    fn number(&self, inode: INodeNo) -> Answered<u64> {
        self.inodes.number(inode.0).ok_or(Errno::ENOENT)
    }

    /// The path of a directory.
    fn directory(&self, inode: INodeNo) -> Answered<PackPathBuf> {
        if inode.0 == ROOT {
            return Ok(PackPath::ROOT.to_owned());
        }
        self.about(self.number(inode)?, |entry| {
            entry.is_directory().then(|| entry.path()).transpose()
        })?
        .ok_or(Errno::ENOTDIR)
    }

    /// What the kernel is told of the entry with this number, its inode among it.
    fn attributes(&self, number: u64, entry: &EntryRef<'_>) -> rangepack_core::Result<FileAttr> {
        let content = entry.content()?;
        let mut group = content.as_ref().and_then(|content| content.hard_link);
        if let Some(of_group) = group {
            let first = self.inodes.meet(of_group, number);
            // In a forged pack the names of a group may be those of different files.
            if first != number && !self.is_same(first, content.as_ref()) {
                group = None;
            }
        }
        of(entry, inode(number, group), group.is_some(), &self.defaults)
    }

    fn is_same(&self, number: u64, content: Option<&rangepack::Content>) -> bool {
        let other = self.about(number, |entry| entry.content());
        other.is_ok_and(|other| other.as_ref() == content)
    }

    /// The entry with this name in a directory. None when there is none.
    fn child(&self, directory: PackPath<'_>, name: &[u8]) -> Answered<Option<FileAttr>> {
        let found = self.pack.ask(|pack| pack.index().lower_bound(pack, directory, name));
        let number = found.map_err(|error| self.failed(u64::MAX, &error))?;
        let told = self.about(number, |entry| {
            let [start, rest] = entry.name_parts();
            let is_it = entry.directory() == directory && name.strip_prefix(start) == Some(rest);
            is_it.then(|| self.attributes(number, entry)).transpose()
        });
        match told {
            Err(error) if error.code() == Errno::ENOENT.code() => Ok(None),
            told => told,
        }
    }

    /// Lists a directory from `offset` on, as long as `add` takes more. An offset is that of the next entry and three; before
    /// the first entry stand the directory itself and the one above.
    fn list(
        &self,
        inode: INodeNo,
        offset: u64,
        mut add: impl FnMut(Listed<'_>) -> Answered<bool>,
    ) -> Answered<()> {
        let path = self.directory(inode)?;
        for (next, name) in (1..).zip([&b"."[..], b".."]) {
            if offset < next && !add(Listed { next, name, number: 0, entry: None })? {
                return Ok(());
            }
        }
        let failed = |error: Error| self.failed(u64::MAX, &error);
        let first = match offset.checked_sub(3) {
            Some(number) => number,
            None => {
                let first =
                    self.pack.ask(|pack| pack.index().lower_bound(pack, path.as_path(), b""));
                first.map_err(failed)?
            }
        };
        let mut name = Vec::new();
        let end = self.pack.index().len();
        for (number, entry) in (first..).zip(self.pack.entries_at(first..end)) {
            let entry = entry.map_err(failed)?;
            if entry.directory() != path.as_path() {
                break;
            }
            name.clear();
            entry.push_name(&mut name);
            let next = number.saturating_add(4);
            let listed = Listed { next, name: &name, number, entry: Some(&entry) };
            if name.len() <= LONGEST_NAME && !add(listed)? {
                break;
            }
        }
        // What was listed was made of bytes that were there.
        self.pack.ask(|_| Ok(Answer::Ready(()))).map_err(failed)?;
        self.answered(u64::MAX);
        Ok(())
    }

    fn told(&self, inode: INodeNo) -> Answered<FileAttr> {
        if inode.0 == ROOT {
            return Ok(of_root(ROOT, &self.defaults));
        }
        let number = self.number(inode)?;
        self.about(number, |entry| self.attributes(number, entry))
    }

    fn bytes(&self, inode: INodeNo, offset: u64, size: u32) -> Answered<Vec<u8>> {
        let number = self.number(inode)?;
        let read = self.contents.read(&self.pack, number, offset, size as usize);
        let bytes = read.map_err(|error| self.failed(number, &error))?;
        self.answered(number);
        Ok(bytes)
    }

    /// The value of an extended attribute.
    fn extended(&self, inode: INodeNo, name: &[u8]) -> Answered<Vec<u8>> {
        if inode.0 == ROOT {
            return Err(Errno::NO_XATTR);
        }
        let number = self.number(inode)?;
        let extended = self.about(number, Extended::of)?;
        match (name, extended) {
            (DIGEST, Extended { digest: Some(digest), .. }) => Ok(digest.to_string().into_bytes()),
            (name, Extended { block: Some(block), .. }) => {
                let kept = self.pack.attributes(&block);
                let kept = kept.map_err(|error| self.failed(number, &error))?;
                let found = kept.iter().find(|(of, _)| *of == name);
                found.map(|(_, value)| value.to_vec()).ok_or(Errno::NO_XATTR)
            }
            _ => Err(Errno::NO_XATTR),
        }
    }

    /// The names of all extended attributes, each with a zero behind it.
    fn extended_names(&self, inode: INodeNo) -> Answered<Vec<u8>> {
        let mut names = Vec::new();
        if inode.0 == ROOT {
            return Ok(names);
        }
        let mut push = |name: &[u8]| {
            names.extend_from_slice(name);
            names.push(0);
        };
        let number = self.number(inode)?;
        let extended = self.about(number, Extended::of)?;
        if extended.digest.is_some() {
            push(DIGEST);
        }
        if let Some(block) = extended.block {
            let kept = self.pack.attributes(&block);
            let kept = kept.map_err(|error| self.failed(number, &error))?;
            let is_own = |name: &[u8]| name == DIGEST && extended.digest.is_some();
            kept.iter().filter(|(name, _)| !is_own(name)).for_each(|(name, _)| push(name));
        }
        Ok(names)
    }
}

/// One line of a list.
struct Listed<'a> {
    /// The offset of what comes next.
    next: u64,
    name: &'a [u8],
    number: u64,
    /// None of the directory itself and the one above.
    entry: Option<&'a EntryRef<'a>>,
}

impl Filesystem for Tree {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        for wanted in [
            InitFlags::FUSE_DO_READDIRPLUS,
            InitFlags::FUSE_READDIRPLUS_AUTO,
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_CACHE_SYMLINKS,
        ] {
            // An older kernel goes without.
            let _ = config.add_capabilities(wanted);
        }
        Ok(())
    }

    fn destroy(&mut self) {
        (self.ended)();
    }

    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let directory = self.directory(parent);
        match directory.and_then(|directory| self.child(directory.as_path(), name.as_bytes())) {
            Ok(Some(told)) => reply.entry(&FOREVER, &told, Generation(0)),
            // That there is nothing may be kept, too: it has the inode 0.
            Ok(None) => {
                let nothing = of_root(0, &self.defaults);
                reply.entry(&FOREVER, &nothing, Generation(0));
            }
            Err(error) => reply.error(error),
        }
    }

    fn getattr(&self, _: &Request, inode: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match self.told(inode) {
            Ok(told) => reply.attr(&FOREVER, &told),
            Err(error) => reply.error(error),
        }
    }

    fn readlink(&self, _: &Request, inode: INodeNo, reply: ReplyData) {
        let target = self.number(inode).and_then(|number| {
            self.about(number, |entry| Ok(entry.link_target()?.map(<[u8]>::to_vec)))
        });
        match target {
            Ok(Some(target)) => reply.data(&target),
            Ok(None) => reply.error(Errno::EINVAL),
            Err(error) => reply.error(error),
        }
    }

    /// From now on the kernel opens and closes files by itself, and keeps their contents.
    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.error(Errno::ENOSYS);
    }

    /// The same of directories.
    fn opendir(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.error(Errno::ENOSYS);
    }

    fn read(
        &self,
        _: &Request,
        inode: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.bytes(inode, offset, size) {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        }
    }

    fn readdir(
        &self,
        _: &Request,
        of: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectory,
    ) {
        let listed = self.list(of, offset, |line| {
            let (number, kind) = match line.entry {
                None => (of.0, FileType::Directory),
                Some(entry) => {
                    let content = entry.content().unwrap_or_default();
                    let group = content.and_then(|content| content.hard_link);
                    (inode(line.number, group), kind_of(entry))
                }
            };
            Ok(!reply.add(INodeNo(number), line.next, kind, OsStr::from_bytes(line.name)))
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn readdirplus(
        &self,
        _: &Request,
        of: INodeNo,
        _: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let listed = self.list(of, offset, |line| {
            let told = match line.entry {
                // The kernel takes only the name of these.
                None => of_root(of.0, &self.defaults),
                Some(entry) => {
                    let told = self.attributes(line.number, entry);
                    told.map_err(|error| self.failed(line.number, &self.pack.error(error)))?
                }
            };
            let name = OsStr::from_bytes(line.name);
            Ok(!reply.add(told.ino, line.next, name, &FOREVER, &told, Generation(0)))
        });
        match listed {
            Ok(()) => reply.ok(),
            Err(error) => reply.error(error),
        }
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        const BLOCK: u32 = 4096;
        let totals = self.pack.index().totals();
        let entries = self.pack.index().len().saturating_add(1);
        let blocks = totals.bytes.div_ceil(BLOCK.into());
        reply.statfs(blocks, 0, 0, entries, 0, BLOCK, 255, BLOCK);
    }

    fn getxattr(&self, _: &Request, inode: INodeNo, name: &OsStr, size: u32, reply: ReplyXattr) {
        extended_reply(self.extended(inode, name.as_bytes()), size, reply);
    }

    fn listxattr(&self, _: &Request, inode: INodeNo, size: u32, reply: ReplyXattr) {
        extended_reply(self.extended_names(inode), size, reply);
    }
}

/// Answers with a value, or with its length when that is what is asked for.
fn extended_reply(value: Answered<Vec<u8>>, size: u32, reply: ReplyXattr) {
    match value {
        Err(error) => reply.error(error),
        Ok(value) => match u32::try_from(value.len()) {
            Ok(len) if size == 0 => reply.size(len),
            Ok(len) if len <= size => reply.data(&value),
            _ => reply.error(Errno::ERANGE),
        },
    }
}
