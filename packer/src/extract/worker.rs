//! What one thread does: entry after entry, each verified before it gets its name.

use super::place::{Attributes, unguessable};
use super::present::Way;
use super::scan::scan;
use super::system::{LINKS, Place};
use super::{ExtractReport, Run, Stopped};
use crate::progress::Event;
use crate::read::content::{self, Verified};
use crate::read::pack::Pack;
use crate::read::payload_order::{PayloadOrder, payload_of};
use crate::read::small_files::{Aside, Share};
use crate::source::data::Gathered;
use rangepack_core::{Content, EntryRef, Escaped, Hasher};
use std::fs::File;
use std::io::{self, Read};
use std::ops::{ControlFlow, Range};
use std::sync::atomic::Ordering;

/// Which kinds of entries a pass over the index takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// Directories and files.
    Content,
    /// Other names of files that were written.
    HardLinks,
    /// Links: last, so that nothing can be written through them.
    Links,
}

/// Why an entry is not extracted.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("cannot {action} it: {source}")]
    Io { action: &'static str, source: io::Error },
    #[error("{0}")]
    Entry(#[from] rangepack_core::Error),
    #[error("{}", .0.in_one_line())]
    Pack(#[from] crate::Error),
    /// It would replace something.
    #[error("{}", if *is_compared { "what is there already differs" } else { "it exists already" })]
    Exists { is_compared: bool },
    /// Not its own fault.
    #[error("stopped")]
    Stopped,
}

impl Problem {
    pub(super) fn io(action: &'static str) -> impl FnOnce(io::Error) -> Problem {
        move |source| Problem::Io { action, source }
    }

    /// What is wrong with bytes of the pack; the pack need not be named with each of its files.
    pub(super) fn of_pack(error: crate::Error) -> Problem {
        match error.about_pack() {
            Ok(error) => Problem::Entry(error),
            Err(error) => Problem::Pack(error),
        }
    }

    fn is_disk_full(&self) -> bool {
        let Problem::Io { source, .. } = self else { return false };
        matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

enum Outcome {
    Done {
        size: u64,
        /// It took the place of something.
        replaces: bool,
    },
    Skipped,
    /// What is there is newer.
    Newer,
    /// Another name of its file is being written.
    PutOff,
}

pub(super) struct Worker<'r> {
    pub(super) run: &'r Run<'r>,
    /// `None` when nothing is written.
    pub(super) place: Option<Place<'r>>,
    /// Where other names of files lie.
    other: Option<Place<'r>>,
    pass: Pass,
    pub(super) name: Vec<u8>,
    path: Vec<u8>,
    temporary: Vec<u8>,
    pub(super) buffer: Vec<u8>,
    /// Bytes of the current file that the observer was told of.
    told: u64,
    /// Files of a remote pack that were come across.
    order: PayloadOrder,
    /// The last long one that was extracted, and its number.
    last: Option<(Content, u64)>,
    /// This thread's share, and of the problems none.
    pub(super) counts: ExtractReport,
}

impl<'r> Worker<'r> {
    pub(super) fn new(run: &'r Run<'r>) -> Worker<'r> {
        let place = run.target.as_ref().map(|target| Place::new(target, run.mode_of));
        let temporary = format!(".rangepack-{:016x}", unguessable()).into_bytes();
        Worker {
            run,
            place,
            other: None,
            pass: Pass::Content,
            name: Vec::new(),
            path: Vec::new(),
            temporary,
            buffer: Vec::new(),
            told: 0,
            order: PayloadOrder::default(),
            last: None,
            counts: ExtractReport::default(),
        }
    }

    /// Extracts the entries of one chunk that belong to this pass.
    pub(super) fn chunk(&mut self, range: Range<u64>, pass: Pass) {
        let pack = self.run.pack;
        self.pass = pass;
        let mut next = range.start;
        let is_split = pack.is_remote() && pass == Pass::Content;
        let (mut files, mut share) = (Vec::new(), Share::DISK);
        for item in scan(pack, range.clone()) {
            if self.run.is_stopped() {
                return;
            }
            let (ordinal, entry) = match item {
                Ok((ordinal, entry)) => {
                    next = ordinal + 1;
                    (ordinal, entry)
                }
                Err(error) if error.ends_reading() => return self.run.fail(error),
                Err(error) if pass != Pass::Links => {
                    // The index itself is damaged here: how many entries are lost is all that is known.
                    let message = format!("{} entries cannot be read: {error}", range.end - next);
                    self.run.failed(&pack.location().shown_bytes(), range.end - next, &message);
                    break;
                }
                Err(_) => break,
            };
            if self.run.strip.directory(entry.directory()).is_none() {
                // Each comes by in the first pass.
                self.counts.nameless += u64::from(pass == Pass::Content && !entry.is_directory());
                continue;
            }
            match (entry.is_symlink(), pass) {
                (true, Pass::Content) => self.run.has_links.store(true, Ordering::Relaxed),
                (false, Pass::Links) => {}
                _ => match entry.content() {
                    Ok(Some(content)) if is_split => self.order.push(&content, ordinal),
                    Ok(Some(content)) if pass == Pass::Content => {
                        if !share.take_content(Some(&content)) {
                            self.share(&files);
                            files.clear();
                            share = Share::DISK;
                            share.take_content(Some(&content));
                        }
                        files.push((ordinal, entry, content));
                    }
                    _ => self.entry(ordinal, &entry, None),
                },
            }
        }
        self.share(&files);
    }

    /// The files of a remote pack that were come across, which are extracted together.
    pub(super) fn put_off(&mut self) -> PayloadOrder {
        std::mem::take(&mut self.order)
    }

    /// Extracts files, the small ones of which come together.
    pub(super) fn share(&mut self, files: &[(u64, EntryRef<'r>, Content)]) {
        self.pass = Pass::Content;
        let mut small = Aside::hashing(self.run.pack);
        for (ordinal, entry, content) in files {
            if self.run.is_stopped() {
                return;
            }
            if !small.wants(content) {
                self.entry(*ordinal, entry, None);
            } else if !self.passed_over(*ordinal, entry, content) {
                // What is wrong with it is found again.
                let block = self.run.block(entry).ok().flatten();
                let block = block.filter(|block| self.run.blocks.known(block).is_none());
                small.push(content, block.as_ref(), (*ordinal, *entry));
            }
        }
        self.batch(&small);
    }

    /// Whether a file is there already, or in the way, so that nothing need be fetched for it.
    fn passed_over(&mut self, ordinal: u64, entry: &EntryRef<'r>, content: &Content) -> bool {
        if !self.run.asks() {
            return false;
        }
        self.name.clear();
        entry.push_name(&mut self.name);
        // What goes wrong goes wrong again when it is extracted.
        let is_needed = self.enter(entry).is_err()
            || matches!(self.way(entry, Some(content), b""), Ok(Way::Free { .. }));
        if !is_needed {
            self.entry(ordinal, entry, None);
        }
        !is_needed
    }

    /// Moves to the directory that the entry goes into.
    fn enter(&mut self, entry: &EntryRef<'r>) -> Result<(), Problem> {
        if let (Some(place), Some(directory)) =
            (&mut self.place, self.run.strip.directory(entry.directory()))
        {
            place.enter(directory, true).map_err(Problem::io("create"))?;
        }
        Ok(())
    }

    /// Extracts small files, which come together.
    fn batch(&mut self, small: &Aside<'r, (u64, EntryRef<'r>)>) {
        let run = self.run;
        let brought = small.bring(&mut |(ordinal, entry), gathered| {
            if run.is_stopped() {
                return ControlFlow::Break(());
            }
            self.entry(*ordinal, entry, Some(&gathered));
            ControlFlow::Continue(())
        });
        if let Err(error) = brought {
            run.fail(error);
        }
    }

    /// Extracts one entry; its payload may have been gathered before.
    fn entry(&mut self, ordinal: u64, entry: &EntryRef<'r>, gathered: Option<&Gathered<'_>>) {
        self.path.clear();
        entry.push_path(&mut self.path);
        self.name.clear();
        entry.push_name(&mut self.name);
        self.told = 0;
        let outcome = self.extract(ordinal, entry, gathered);
        let path = Escaped(&self.path);
        match outcome {
            Ok(Outcome::Done { size, replaces }) => {
                self.counts.replaced += u64::from(replaces);
                let count = if entry.is_directory() {
                    &mut self.counts.directories
                } else if entry.is_symlink() {
                    &mut self.counts.symlinks
                } else {
                    self.counts.bytes += size;
                    &mut self.counts.files
                };
                *count += 1;
                let bytes = size.saturating_sub(self.told);
                self.run.tell(Event::Done { path, bytes });
            }
            Ok(Outcome::Skipped) => {
                self.counts.skipped += 1;
                self.run.tell(Event::Present { path });
            }
            Ok(Outcome::Newer) => {
                self.counts.newer += 1;
                self.run.tell(Event::Present { path });
            }
            Ok(Outcome::PutOff) | Err(Problem::Stopped) => {}
            Err(Problem::Pack(error)) if error.ends_reading() => self.run.fail(error),
            Err(problem) => {
                // What an entry says of itself may have been gone.
                if let Err(error) = self.run.pack.intact() {
                    return self.run.fail(error);
                }
                self.counts.in_the_way += u64::from(matches!(problem, Problem::Exists { .. }));
                if problem.is_disk_full() {
                    self.run.stop(Stopped::DiskFull);
                }
                self.run.failed(&self.path, 1, &problem.to_string());
            }
        }
    }

    fn extract(
        &mut self,
        ordinal: u64,
        entry: &EntryRef<'r>,
        gathered: Option<&Gathered<'_>>,
    ) -> Result<Outcome, Problem> {
        self.enter(entry)?;
        if let Some(content) = entry.content()? {
            return self.file(ordinal, entry, &content, gathered);
        }
        let link_target = entry.link_target()?;
        let mut done = Outcome::Done { size: 0, replaces: false };
        if let Some(link_target) = link_target {
            match self.way(entry, None, link_target)? {
                Way::Present => return Ok(Outcome::Skipped),
                Way::Newer => return Ok(Outcome::Newer),
                Way::Free { replaces } => done = Outcome::Done { size: 0, replaces },
            }
        }
        let Some(place) = &self.place else { return Ok(done) };
        let Some(link_target) = link_target else {
            let mode = entry.mode()?;
            place.make_directory(&self.name, mode).map_err(Problem::io("create"))?;
            return Ok(done);
        };
        self.run.pack.intact()?;
        place
            .symlink(link_target, &self.temporary, &self.name, &self.run.attributes(entry, None)?)
            .map_err(Problem::io("create"))?;
        Ok(done)
    }

    fn file(
        &mut self,
        ordinal: u64,
        entry: &EntryRef<'r>,
        content: &Content,
        gathered: Option<&Gathered<'_>>,
    ) -> Result<Outcome, Problem> {
        let done = match self.way(entry, Some(content), b"")? {
            Way::Present => return Ok(Outcome::Skipped),
            Way::Newer => return Ok(Outcome::Newer),
            Way::Free { replaces } => Outcome::Done { size: content.size, replaces },
        };
        let group = content.hard_link.filter(|_| LINKS && self.place.is_some());
        if let Some(group) = group {
            if self.pass == Pass::HardLinks {
                if self.link(entry, content, group) {
                    return Ok(done);
                }
            } else if !self.run.links.claim(group, ordinal) {
                return Ok(Outcome::PutOff);
            }
        }
        let pass = self.pass;
        let is_again = gathered.is_none() && self.is_again(content);
        let earlier = if is_again { self.earlier(content) } else { None };
        let Worker { place, temporary, name, path, buffer, run, told, .. } = self;
        let mut buffered = None;
        if content.size <= run.options.chunk_size as u64 {
            let payload = match gathered {
                Some(gathered) => gathered.read(content.extent())?,
                None => run.pack.payload(content)?,
            };
            // Verified as a whole before anything is created.
            let dictionary = run.pack.dictionary(content)?;
            let limits = &run.pack.options().limits;
            let left = gathered.map_or(Ok(*content), |gathered| gathered.left_of(content))?;
            buffered = Some(content::whole(&left, payload, dictionary.as_ref(), limits)?);
        }
        let Some(place) = place else {
            if buffered.is_none() && !is_again {
                *told = stream(run, content, gathered, buffer, &mut |_| Ok(()))?;
            }
            return Ok(done);
        };
        let attributes = run.attributes(entry, gathered)?;
        let create = || place.create(temporary, &attributes, content.sparse);
        let mut file = create().map_err(Problem::io("create"))?;
        let mut write = |bytes: &[u8]| file.write(bytes).map_err(Problem::io("write"));
        match (&buffered, &earlier) {
            (Some(bytes), _) => write(bytes)?,
            (None, Some(earlier)) if copy(run, content, earlier, buffer, &mut write)? => {}
            (None, Some(_)) => {
                // Somebody changed it.
                drop(file);
                file = create().map_err(Problem::io("create"))?;
                let mut write = |bytes: &[u8]| file.write(bytes).map_err(Problem::io("write"));
                *told = stream(run, content, None, buffer, &mut write)?;
            }
            (None, None) => *told = stream(run, content, gathered, buffer, &mut write)?,
        }
        // Then all that the entry said was verified.
        run.pack.intact()?;
        // One call less for each of the many files that have one name.
        let linked = group.filter(|_| pass == Pass::Content);
        let linked = linked.map(|group| Ok((group, file.identity()?)));
        let linked = linked.transpose().map_err(Problem::io("create"))?;
        let extended = file.commit(name, run.options.fsync).map_err(Problem::io("create"))?;
        run.tell_unset(path, extended);
        if let Some((group, identity)) = linked {
            run.links.whole(group, identity);
        }
        self.last = Some((*content, ordinal));
        Ok(done)
    }

    /// Whether this is the content of the file of a remote pack that was extracted just before.
    fn is_again(&self, content: &Content) -> bool {
        let last = self.last.filter(|_| self.run.pack.is_remote());
        last.is_some_and(|(last, _)| payload_of(last) == payload_of(*content))
    }

    /// That file, where it can be told whether it still has this content.
    fn earlier(&mut self, content: &Content) -> Option<File> {
        content.content_digest()?;
        let (run, (_, ordinal)) = (self.run, self.last?);
        let written = run.pack.entry_numbered(ordinal).ok()??;
        let target = run.target.as_ref()?;
        let other = self.other.get_or_insert_with(|| Place::new(target, run.mode_of));
        let mut name = Vec::new();
        written.push_name(&mut name);
        other.enter(run.strip.directory(written.directory())?, false).ok()?;
        other.open_existing(&name).ok()
    }

    /// Makes a file another name of the one of its group that was written; `false` when that cannot be done, and it has to
    /// be written itself.
    fn link(&mut self, entry: &EntryRef<'r>, content: &Content, group: u64) -> bool {
        let run = self.run;
        let (Some(place), Some(target)) = (&self.place, &run.target) else { return false };
        let Some((ordinal, identity)) = run.links.written(group) else { return false };
        let Ok(Some(written)) = run.pack.entry_numbered(ordinal) else { return false };
        // Names of one file have all of this in common, unless the pack lies.
        let is_same = written.content() == Ok(Some(*content))
            && written.mode() == entry.mode()
            && written.mtime() == entry.mtime()
            && written.owner() == entry.owner()
            && written.attributes() == entry.attributes();
        if !is_same {
            return false;
        }
        let other = self.other.get_or_insert_with(|| Place::new(target, run.mode_of));
        let mut first = Vec::new();
        written.push_name(&mut first);
        let Some(directory) = run.strip.directory(written.directory()) else { return false };
        other.enter(directory, false).is_ok()
            && place.link((other, &first, identity), &self.temporary, &self.name).is_ok()
    }
}

/// Hands out the content of a file that was extracted before; it is good when this returns `Ok(true)`.
fn copy(
    run: &Run<'_>,
    content: &Content,
    mut from: &File,
    buffer: &mut Vec<u8>,
    write: &mut dyn FnMut(&[u8]) -> Result<(), Problem>,
) -> Result<bool, Problem> {
    buffer.resize(run.options.chunk_size, 0);
    let (mut hasher, mut left) = (Hasher::new(), content.size);
    loop {
        if run.is_stopped() {
            return Err(Problem::Stopped);
        }
        match from.read(buffer) {
            Ok(0) => return Ok(left == 0 && Some(hasher.finish()) == content.content_digest()),
            Ok(len) if len as u64 <= left => {
                left -= len as u64;
                hasher.update(&buffer[..len]);
                write(&buffer[..len])?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) | Err(_) => return Ok(false),
        }
    }
}

/// Hands out the content of a large file, which may have been gathered before, piece by piece; it is good when this returns `Ok`.
pub(super) fn stream(
    run: &Run<'_>,
    content: &Content,
    gathered: Option<&Gathered<'_>>,
    buffer: &mut Vec<u8>,
    write: &mut dyn FnMut(&[u8]) -> Result<(), Problem>,
) -> Result<u64, Problem> {
    let mut told = 0;
    run.pack.volume_of(content)?.check(content.extent())?;
    let (pack, longest) = (run.pack, run.options.chunk_size);
    let pieces = match gathered.and_then(|gathered| gathered.here(content.extent())) {
        Some(payload) => Verified::at_hand(pack, content, longest, payload),
        None => Verified::read(pack, content, longest),
    };
    let mut pieces = pieces.map_err(Problem::of_pack)?;
    loop {
        if run.is_stopped() {
            return Err(Problem::Stopped);
        }
        let Some(piece) = pieces.next(buffer).map_err(Problem::of_pack)? else { return Ok(told) };
        write(piece)?;
        let bytes = piece.len() as u64;
        told += bytes;
        run.tell(Event::Bytes { bytes });
    }
}

/// No more directories than this are remembered at once.
const BACKWARDS: u64 = 4096;

/// Gives directories their modes and times, the deepest first: a read-only one must not keep those
/// below it from getting theirs.
pub(super) fn finish_directories(run: &Run<'_>, range: Range<u64>, place: &mut Place<'_>) {
    let pack: &Pack = run.pack;
    let mut end = range.end;
    let mut path = Vec::new();
    while end > range.start {
        let start = end.saturating_sub(BACKWARDS).max(range.start);
        // What cannot be read was reported when the content was extracted.
        let entries = scan(pack, start..end).map_while(Result::ok).map(|(_, entry)| entry);
        let directories: Vec<EntryRef<'_>> = entries.filter(EntryRef::is_directory).collect();
        end = start;
        for entry in directories.into_iter().rev() {
            if run.is_stopped() {
                return;
            }
            path.clear();
            entry.push_path(&mut path);
            match finish_directory(run, &entry, &path, place) {
                Ok(()) => {}
                Err(Problem::Pack(error)) if error.ends_reading() => return run.fail(error),
                Err(problem) => run.failed(&path, 1, &problem.to_string()),
            }
        }
    }
}

fn finish_directory(
    run: &Run<'_>,
    entry: &EntryRef<'_>,
    path: &[u8],
    place: &mut Place<'_>,
) -> Result<(), Problem> {
    let attributes = run.attributes(entry, None)?;
    if attributes == Attributes::default() && !run.options.fsync {
        return Ok(());
    }
    let Some(path) = run.strip.path(entry.directory(), path) else { return Ok(()) };
    let directory = rangepack_core::PackPath::new(path)?;
    // One that is not there could not be created, which was reported.
    if place.enter(directory, false).is_err() {
        return Ok(());
    }
    let finished = place.finish_directory(&attributes, run.options.fsync);
    run.tell_unset(path, finished.map_err(Problem::io("set mode and time of"))?);
    Ok(())
}
