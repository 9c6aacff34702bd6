//! Checks whether a pack is what it says: its index, every payload, every digest.

mod flaw;
mod structure;
mod hashes;
mod payload;
mod lines;

use crate::error::{Error, Result, Setting};
use crate::progress::{Event, Latch, Observer, PROBLEMS_KEPT, cancelled};
use crate::read::legacy::Notes;
use crate::read::pack::Pack;
use crate::read::payload_order::{PayloadOrder, payload_of};
use crate::read::small_files::{Aside, Share};
use crate::setters::setters;
use crate::source::data::Gathered;
use crate::source::location::Location;
pub use flaw::{Counted, Flaw, LineFlaw};
use payload::Checked;
use rangepack_core::{
    AttributeBlock, Content, Entry, EntryRef, Escaped, Kind, PackPath, PackPathBuf,
};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// What of a pack is verified, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct VerifyOptions {
    /// Files, or directories with everything below them; `None` is the whole pack.
    pub paths: Option<Vec<PackPathBuf>>,
    /// How many threads hash and decode.
    pub threads: usize,
    /// Read and check payloads and attribute blocks, not only the index.
    pub payloads: bool,
    /// Compare the lines of the CTNRv1 trailer with the paged index, when the whole pack is verified.
    pub ndjson: bool,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        VerifyOptions {
            paths: None,
            threads: crate::source::platform::default_threads(),
            payloads: true,
            ndjson: true,
        }
    }
}

setters!(VerifyOptions {
    paths(impl Into<Option<Vec<PackPathBuf>>>),
    threads(usize),
    payloads(bool),
    ndjson(bool),
});

/// Something that is wrong with a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The entry that it is about; `None` when it is about the pack as a whole.
    pub path: Option<PackPathBuf>,
    /// What is wrong.
    pub flaw: Flaw,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}: {}", path.display(), self.flaw),
            None => self.flaw.fmt(f),
        }
    }
}

/// What was verified, and what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "what is wrong with the pack is in it"]
#[non_exhaustive]
pub struct VerifyReport {
    /// Regular files that were checked, bad ones included.
    pub files: u64,
    /// Directories that were checked.
    pub directories: u64,
    /// Symbolic links that were checked.
    pub symlinks: u64,
    /// Bytes of content in these files.
    pub bytes: u64,
    /// Their bytes as stored, each file counted even where identical content is stored once.
    pub stored_bytes: u64,
    /// Entries that are damaged, or asked for and not there.
    pub bad: u64,
    /// Files without a digest (those of `.fpack` files): only their lengths were checked.
    pub unverifiable: u64,
    /// Problems of the index itself.
    pub structural: u64,
    /// Entries of an old container that are not in its index, because no pack may hold their names or these are lost.
    pub left_out: u64,
    /// The index of an old container is not whole: lines of it cannot be read, it may be that of another container, bytes
    /// lie behind it (those of a paged index that was cut or changed, most likely), or a run was interrupted.
    pub is_partial: bool,
    /// The first [`PROBLEMS_KEPT`](crate::PROBLEMS_KEPT) problems, in the order in which they were found.
    pub problems: Vec<Problem>,
}

impl VerifyReport {
    /// Whether nothing is wrong, and nothing known to be missing.
    pub fn is_sound(&self) -> bool {
        self.bad == 0 && self.structural == 0 && self.left_out == 0 && !self.is_partial
    }

    /// Adds what was strange when the pack was opened.
    fn note(&mut self, notes: &Notes) {
        let is_half_made = notes.unfinished.is_some_and(|open| open.is_half_made());
        self.left_out = notes.refused.len() as u64 + notes.lost_names;
        self.is_partial = notes.bad_lines > 0 || notes.trailing > 0 || notes.misfit || is_half_made;
    }

    /// How many problems are not in the list.
    pub fn unlisted(&self) -> u64 {
        (self.bad + self.structural).saturating_sub(self.problems.len() as u64)
    }
}

/// Verifies a pack, or [`VerifyOptions::paths`] of it.
///
/// For the whole pack the index is checked as well: every page, the order of keys, that each directory
/// comes before what lies in it, all totals, and the NDJSON index against the paged one. Payloads and attribute
/// blocks are hashed and decoded by several threads, in key order; those of a remote pack in the order in which they lie in
/// it, so that none comes twice. Memory grows only with the number of
/// directories, and by one bit for each entry (by 16 bytes for each file of a remote pack). A bad entry does not stop the others.
///
/// # Errors
/// [`Error::Cancelled`] when the observer wanted it to stop,
/// [`Error::Remote`] when a remote pack cannot be read any further, [`Error::Lost`] when one on disk was cut short
/// meanwhile. What is wrong with the pack is in the report, not an error.
pub fn verify(
    pack: &Pack,
    options: &VerifyOptions,
    observer: &dyn Observer,
) -> Result<VerifyReport> {
    let observer = &Latch::new(observer);
    let (report, failure) = (Mutex::default(), OnceLock::new());
    let findings = Findings { pack: pack.location(), report, failure, observer };
    let paths = options.paths.as_deref();
    Setting::Threads.check(options.threads)?;
    let threads = options.threads;
    let has_lines = paths.is_none() && options.ndjson;
    let (sender, receiver) = sync_channel(threads * 2);
    // Only the workers hold it: without them nothing waits for room in the channel.
    let receiver = Arc::new(Mutex::new(receiver));
    let workers = Workers {
        pack,
        findings: &findings,
        checked: Checked::default(),
        attributes: Checked::default(),
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            let (workers, receiver) = (&workers, Arc::clone(&receiver));
            scope.spawn(move || workers.run(&receiver));
        }
        drop(receiver);
        // They take as long as the index. From a network they come when its pages are here.
        if has_lines && !pack.is_remote() {
            scope.spawn(|| lines::check(pack, &findings));
        }
        let most = if pack.is_remote() { Share::REMOTE } else { Share::DISK };
        let share = most.clone();
        let (batch, payloads) = (Vec::new(), options.payloads);
        let order = pack.is_remote().then(PayloadOrder::default);
        let mut queue = Queue { sender, batch, payloads, most, share, order, findings: &findings };
        match paths {
            None => {
                pack.expect_walk();
                structure::check(pack, options.ndjson, &mut queue);
            }
            Some(paths) => paths.iter().for_each(|path| selected(pack, path, &mut queue)),
        }
        queue.put_off(pack);
        queue.flush();
        drop(queue);
        if has_lines && pack.is_remote() && !findings.is_over() {
            lines::check(pack, &findings);
        }
    });
    if observer.cancelled() {
        return Err(cancelled(pack.location()));
    }
    if let Some(error) = findings.failure.into_inner() {
        return Err(error);
    }
    // What was found in bytes that were gone is nothing.
    pack.intact()?;
    let mut report = findings.report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.note(pack.notes());
    Ok(report)
}

/// Queues the file at `path`, or everything below the directory there.
fn selected(pack: &Pack, path: &PackPathBuf, queue: &mut Queue<'_, '_>) {
    let findings = queue.findings;
    let at = path.as_path();
    if at != PackPath::ROOT {
        match pack.find(at) {
            Ok(Some(entry)) => {
                queue.entry_ref(None, &entry);
                if !entry.is_directory() {
                    return;
                }
            }
            Ok(None) => return findings.bad(path, Flaw::Missing),
            Err(error) => {
                return match Flaw::of(error) {
                    Ok(flaw) => findings.bad(path, flaw),
                    Err(error) => findings.fail(error),
                };
            }
        }
    }
    match pack.ask(|pages| pack.index().subtree(pages, at)) {
        Ok(range) => structure::scan(pack, range, queue, |queue, number, entry| {
            queue.entry_ref(Some(number), entry);
        }),
        Err(error) => match error.about_pack() {
            Ok(problem) => findings.structural(Some(path), problem),
            Err(error) => findings.fail(error),
        },
    }
}

/// What was found so far, and who wants to hear of it; and why it cannot go on.
struct Findings<'o> {
    pack: &'o Location,
    report: Mutex<VerifyReport>,
    failure: OnceLock<Error>,
    observer: &'o dyn Observer,
}

impl Findings<'_> {
    fn lock(&self) -> MutexGuard<'_, VerifyReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The pack cannot be read any further; the first error counts.
    fn fail(&self, error: Error) {
        let _ = self.failure.set(error);
    }

    /// Whether nothing more is to be done.
    fn is_over(&self) -> bool {
        self.observer.cancelled() || self.failure.get().is_some()
    }

    fn count(&self, count: impl FnOnce(&mut VerifyReport)) {
        count(&mut self.lock());
    }

    fn bad(&self, path: &PackPathBuf, flaw: impl Into<Flaw>) {
        self.add(Some(path), flaw.into(), |report| report.bad += 1);
    }

    fn structural(&self, path: Option<&PackPathBuf>, flaw: impl Into<Flaw>) {
        self.add(path, flaw.into(), |report| report.structural += 1);
    }

    fn add(&self, path: Option<&PackPathBuf>, flaw: Flaw, count: fn(&mut VerifyReport)) {
        let problem = Problem { path: path.cloned(), flaw };
        let mut report = self.lock();
        count(&mut report);
        let path = path.map(|path| Escaped(path.as_bytes()));
        self.observer.event(Event::Problem { pack: self.pack, path, problem: &problem.flaw });
        if report.problems.len() < PROBLEMS_KEPT {
            report.problems.push(problem);
        }
    }
}

/// An entry that names bytes that are to be checked.
struct Job {
    path: PackPathBuf,
    /// The payload of a file.
    content: Option<Content>,
    attributes: Option<AttributeBlock>,
}

/// Gathers files for the workers.
struct Queue<'q, 'o> {
    sender: SyncSender<Vec<Job>>,
    batch: Vec<Job>,
    /// Whether there is anything to do for the workers.
    payloads: bool,
    /// The share that no file is in yet, and that of this batch.
    most: Share,
    share: Share,
    /// The files of a remote pack wait here until all are known.
    order: Option<PayloadOrder>,
    findings: &'q Findings<'o>,
}

impl Queue<'_, '_> {
    /// Reads all of an entry, which may have a number, and queues its payload; `None` when the entry is damaged.
    fn entry_ref(&mut self, number: Option<u64>, entry: &EntryRef<'_>) -> Option<Entry> {
        match entry.to_entry() {
            Ok(entry) => {
                self.entry(number, &entry);
                Some(entry)
            }
            Err(error) => {
                match entry.path() {
                    Ok(path) => self.findings.bad(&path, error),
                    Err(error) => self.findings.structural(None, error),
                }
                None
            }
        }
    }

    fn entry(&mut self, number: Option<u64>, entry: &Entry) {
        self.findings.count(|report| match &entry.kind {
            Kind::File(content) => {
                report.files += 1;
                report.bytes = report.bytes.saturating_add(content.size);
                report.stored_bytes = report.stored_bytes.saturating_add(content.stored_size);
                report.unverifiable += u64::from(content.digest.is_none());
            }
            Kind::Directory(_) => report.directories += 1,
            Kind::Symlink(_) => report.symlinks += 1,
        });
        let content = if let Kind::File(content) = entry.kind { Some(content) } else { None };
        if self.payloads && (content.is_some() || entry.attributes.is_some()) {
            match (&mut self.order, number, content) {
                (Some(order), Some(number), Some(content)) => order.push(&content, number),
                _ => self.job(entry.path.clone(), content, entry.attributes),
            }
        }
    }

    /// Queues the files of a remote pack in the order of their payloads.
    fn put_off(&mut self, pack: &Pack) {
        for number in self.order.take().into_iter().flat_map(PayloadOrder::numbers) {
            if self.findings.is_over() {
                return;
            }
            // It was read before, and its page is here.
            let owned =
                |entry: EntryRef<'_>| entry.to_entry().map_err(Error::pack(pack.location()));
            match pack.entry_numbered(number).and_then(|entry| entry.map(owned).transpose()) {
                Ok(Some(Entry { path, kind: Kind::File(content), attributes, .. })) => {
                    self.job(path, Some(content), attributes);
                }
                Ok(_) => {}
                Err(error) => return self.findings.fail(error),
            }
        }
    }

    fn job(
        &mut self,
        path: PackPathBuf,
        content: Option<Content>,
        attributes: Option<AttributeBlock>,
    ) {
        if !self.share.take_content(content.as_ref()) {
            self.flush();
            self.share.take_content(content.as_ref());
        }
        self.batch.push(Job { path, content, attributes });
    }

    fn flush(&mut self) {
        self.share = self.most.clone();
        let batch = std::mem::take(&mut self.batch);
        // It fails only when all workers are gone, and then their panic is on its way.
        let _ = self.sender.send(batch);
    }
}

/// What all workers share.
struct Workers<'w, 'o> {
    pack: &'w Pack,
    findings: &'w Findings<'o>,
    checked: Checked<Content>,
    attributes: Checked<AttributeBlock>,
}

impl Workers<'_, '_> {
    /// Checks batches until there are no more. After cancelling they are only taken off the channel.
    fn run(&self, receiver: &Mutex<Receiver<Vec<Job>>>) {
        loop {
            let batch = receiver.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(batch) = batch else { return };
            let mut small = Aside::hashing(self.pack);
            let (aside, others): (Vec<Job>, Vec<Job>) =
                batch.into_iter().partition(|job| job.content.is_some_and(|it| small.wants(&it)));
            for job in &others {
                if self.findings.is_over() {
                    break;
                }
                self.job(job, None);
            }
            for job in aside {
                match job.content.filter(|content| !self.checked.contains(&payload_of(*content))) {
                    Some(content) => {
                        let wanted = |block: &AttributeBlock| !self.attributes.contains(block);
                        let attributes = job.attributes.filter(wanted);
                        small.push(&content, attributes.as_ref(), job);
                    }
                    // What was found good needs no second fetching.
                    None => self.job(&job, None),
                }
            }
            self.batch(&small);
        }
    }

    /// Checks small files of a remote pack, which come together.
    fn batch(&self, small: &Aside<'_, Job>) {
        let brought = small.bring(&mut |job, gathered| {
            if self.findings.is_over() {
                return ControlFlow::Break(());
            }
            self.job(job, Some(gathered));
            ControlFlow::Continue(())
        });
        if let Err(error) = brought {
            self.findings.fail(error);
        }
    }

    fn job(&self, job: &Job, gathered: Option<Gathered<'_>>) {
        let Job { path, content, attributes } = job;
        let mut bytes = content.map_or(0, |content| content.size);
        let gathered = gathered.as_ref();
        let checked = content.map_or(Ok(()), |it| self.content(&it, gathered, &mut bytes));
        let checked =
            checked.and_then(|()| attributes.map_or(Ok(()), |it| self.attributes(&it, gathered)));
        match checked.map_err(Flaw::of) {
            Ok(()) => {}
            Err(Ok(flaw)) => self.findings.bad(path, flaw),
            Err(Err(error)) => self.findings.fail(error),
        }
        if content.is_some() {
            self.findings.observer.event(Event::Done { path: Escaped(path.as_bytes()), bytes });
        }
    }

    /// Checks a payload, unless the same was found good before.
    fn content(
        &self,
        content: &Content,
        gathered: Option<&Gathered<'_>>,
        bytes: &mut u64,
    ) -> Result<()> {
        let payload = payload_of(*content);
        if !self.checked.contains(&payload) {
            payload::check(self.pack, content, gathered, bytes, self.findings.observer)?;
            self.checked.insert(&payload);
        }
        Ok(())
    }

    /// The same of an attribute block.
    fn attributes(&self, block: &AttributeBlock, gathered: Option<&Gathered<'_>>) -> Result<()> {
        if !self.attributes.contains(block) {
            self.pack.attributes_among(block, gathered)?;
            self.attributes.insert(block);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
