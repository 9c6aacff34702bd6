//! Extracts a pack into a directory: verified, in parallel, and never outside that directory.

mod extended;
mod holes;
mod links;
mod names;
mod place;
mod present;
pub(crate) mod scan;
mod selection;
mod strip;
mod worker;
#[cfg(unix)]
#[path = "extract/unix.rs"]
mod system;
#[cfg(not(unix))]
#[path = "extract/portable.rs"]
mod system;

pub use selection::Selection;

use crate::error::{Action, EntryPath, Error, Limited, Result, Setting};
use crate::progress::{Event, Observer, PROBLEMS_KEPT, cancelled};
use crate::read::legacy::Notes;
use crate::read::pack::Pack;
use crate::read::payload_order::PayloadOrder;
use crate::setters::setters;
use crate::source::data::Gathered;
use extended::Blocks;
use links::Links;
use names::Rules;
use place::{Attributes, ModeOf, Unset, unguessable};
use rangepack_core::ndjson::BadLine;
use rangepack_core::{AttributeBlock, EntryRef, Escaped, PackPath};
use scan::{Chunks, Ranges, Shares};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use strip::Strip;
use system::{Place, Target};
use worker::{Pass, Problem, Worker};

/// Which files of the target count as extracted already, and are left alone. Links do when they have the right target,
/// unless none do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Present {
    /// None.
    None,
    /// Those of the right size.
    SameSize,
    /// Those of the right size and time, and those with the right content.
    SameTime,
    /// Those with the right content. Where the pack does not know its SHA-256 (compressed files of old containers)
    /// the file is extracted again, unless that would not be done with one that differs: then both are read.
    #[default]
    SameContent,
}

/// Which files and links of the target are replaced by entries that are not [`Present`] in it: each at once, by
/// renaming. Nothing else ever is: no directory, pipe, socket or device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replace {
    /// None: the entry fails.
    #[default]
    Never,
    /// Those that are not newer than the entry. Newer ones are left alone; so are all, and the entry fails, where the
    /// pack does not know its time.
    Older,
    /// All.
    Always,
}

/// What of a pack is extracted, and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExtractOptions {
    /// Which entries.
    pub selection: Selection,
    /// So many components are left out at the beginning of each path; entries of which no name is left then are not
    /// extracted.
    pub strip_components: usize,
    /// How many threads verify, decode and write.
    pub threads: usize,
    /// Longer files are written in pieces of this many bytes; 1024 at least.
    pub chunk_size: usize,
    /// What counts as extracted already.
    pub present: Present,
    /// What is replaced.
    pub replace: Replace,
    /// Verify every payload, write nothing.
    pub dry_run: bool,
    /// Stop at the first entry that fails.
    pub fail_fast: bool,
    /// Give entries the owners that the pack tells, and keep their set-user-id and set-group-id
    /// bits, which are dropped otherwise. An entry that cannot be given away fails.
    pub owner: bool,
    /// Give files and directories the extended attributes that the pack tells, access control lists among them.
    /// Those that cannot be set are told of, which is no failure. Those named `security.` and
    /// `trusted.`, capabilities among them, come with `owner` only.
    pub attributes: bool,
    /// Wait until each file is on disk before it gets its name.
    pub fsync: bool,
    /// Refuse to begin when the files selected have more bytes in all.
    pub max_total_bytes: Option<u64>,
    /// Refuse to begin when more entries are selected.
    pub max_entries: Option<u64>,
}

impl Default for ExtractOptions {
    fn default() -> Self {
        ExtractOptions {
            selection: Selection::everything(),
            threads: crate::source::platform::default_threads(),
            chunk_size: 1 << 20,
            strip_components: 0,
            present: Present::default(),
            replace: Replace::default(),
            dry_run: false,
            fail_fast: false,
            owner: false,
            attributes: false,
            fsync: false,
            max_total_bytes: None,
            max_entries: None,
        }
    }
}

setters!(ExtractOptions {
    selection(Selection),
    strip_components(usize),
    threads(usize),
    chunk_size(usize),
    present(Present),
    replace(Replace),
    dry_run(bool),
    fail_fast(bool),
    owner(bool),
    attributes(bool),
    fsync(bool),
    max_total_bytes(impl Into<Option<u64>>),
    max_entries(impl Into<Option<u64>>),
});

/// Why a run ended before all entries were tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stopped {
    /// An entry failed, and [`ExtractOptions::fail_fast`] was set.
    FirstFailure,
    /// There is no room left in the target.
    DiskFull,
}

/// An entry that was not extracted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NotExtracted {
    /// Its path.
    pub path: EntryPath,
    /// Why.
    pub message: String,
}

/// What became of the entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "what was not extracted is in it"]
#[non_exhaustive]
pub struct ExtractReport {
    /// Regular files extracted.
    pub files: u64,
    /// Directories created, or found there.
    pub directories: u64,
    /// Symbolic links created.
    pub symlinks: u64,
    /// Bytes of content in the files extracted.
    pub bytes: u64,
    /// Files and links among those extracted that took the place of others.
    pub replaced: u64,
    /// Entries that were in the target already.
    pub skipped: u64,
    /// Entries that were not extracted, because what the target has of that name is newer.
    pub newer: u64,
    /// Files and links of whose names nothing was left without the first components.
    pub nameless: u64,
    /// Entries that could not be extracted.
    pub failed: u64,
    /// Those of them that would have replaced something.
    pub in_the_way: u64,
    /// Entries, extracted, some of whose extended attributes could not be set.
    pub attributes_left_out: u64,
    /// Entries that are none to extract: whose names no pack may hold, the target cannot hold, or an `.fpack` has lost;
    /// and lines of an old index that do not say what an entry needs.
    pub refused: u64,
    /// The first of those failed and refused, [`PROBLEMS_KEPT`](crate::PROBLEMS_KEPT) at most.
    pub problems: Vec<NotExtracted>,
    /// Patterns that match nothing, fit for a terminal.
    pub unmatched: Vec<EntryPath>,
    /// Why the run ended early, if it did.
    pub stopped: Option<Stopped>,
}

impl ExtractReport {
    /// Whether everything that was asked for is in the target.
    pub fn is_complete(&self) -> bool {
        self.failed == 0
            && self.refused == 0
            && self.unmatched.is_empty()
            && self.stopped.is_none()
            && !self.is_all_nameless()
    }

    /// Whether nothing is left of the name of any file or link, so that none is in the target.
    pub fn is_all_nameless(&self) -> bool {
        self.nameless > 0
            && self.files + self.symlinks + self.skipped + self.newer + self.failed == 0
    }

    fn add(&mut self, share: &ExtractReport) {
        self.files += share.files;
        self.directories += share.directories;
        self.symlinks += share.symlinks;
        self.bytes += share.bytes;
        self.replaced += share.replaced;
        self.skipped += share.skipped;
        self.newer += share.newer;
        self.nameless += share.nameless;
        self.in_the_way += share.in_the_way;
    }

    fn keep(&mut self, path: &[u8], message: &str) {
        if self.problems.len() < PROBLEMS_KEPT {
            let (path, message) = (path.into(), message.to_owned());
            self.problems.push(NotExtracted { path, message });
        }
    }
}

/// Extracts what [`ExtractOptions::selection`] names into the directory `target`, which is created if missing, unless
/// nothing that was named is in the pack.
///
/// Nothing is replaced unless [`ExtractOptions::replace`] says so: by default a file that has the right content counts as
/// extracted, and one that differs stays, and the entry fails.
///
/// A file gets its name only when its payload was verified and it has its content, mode and time; a
/// damaged one leaves nothing behind and does not stop the others. Modes and times are those of the
/// pack where it knows them. Directories that exist are used, and get the modes and times of the
/// pack; a file never replaces a directory, nor the reverse.
///
/// Files that the pack knows as hard links of each other become names of one file, where one of them was written
/// in this run and the file system can do it; else each is a file of its own. Files that had holes get them where
/// they have nothing but zeros.
///
/// Nothing is written outside `target`: no directory on the way to an entry may be a symbolic link,
/// not even one that leads to another place in `target`. (`target` itself may be one.) Links are
/// created after everything else; what they lead to is restored byte for byte, wherever that is.
///
/// An old container's names that no pack may hold are reported as refused, and so is whatever else its index
/// speaks of and does not tell well enough, selected or not; so are names that the target cannot hold: the later of two that differ in case only where the file system does not
/// tell them apart, and on Windows names with special characters or those of devices.
///
/// # Errors
/// Only for what concerns the whole run: an option takes other numbers, the observer wanted it to stop
/// ([`Error::Cancelled`]; what was extracted stays), the target cannot be opened, the index cannot be read, one
/// of the limits is exceeded, or a remote pack cannot be read any further (what was extracted stays). Everything that concerns one entry is in the report.
pub fn extract(
    pack: &Pack,
    target: impl AsRef<Path>,
    options: &ExtractOptions,
    observer: &dyn Observer,
) -> Result<ExtractReport> {
    extract_under(None, pack, target.as_ref(), options, observer)
}

/// As [`extract`]; `rules` are found out by trying when they are not given.
fn extract_under(
    rules: Option<Rules>,
    pack: &Pack,
    target: &Path,
    options: &ExtractOptions,
    observer: &dyn Observer,
) -> Result<ExtractReport> {
    Setting::Threads.check(options.threads)?;
    Setting::ChunkSize.check(options.chunk_size)?;
    if options.selection.is_everything() {
        pack.expect_walk();
    }
    let selected = options.selection.resolve(pack)?;
    check_limits(pack, &selected.ranges, options)?;
    let is_nothing = selected.ranges.len() == 0 && !options.selection.is_everything();
    let is_new = target.symlink_metadata().is_err();
    let opened = if options.dry_run || is_nothing { None } else { Some(open_target(target)?) };
    let rules = match (rules, &opened) {
        (Some(rules), _) => rules,
        (None, Some(opened)) => find_rules(opened).map_err(Error::io(Action::WriteIn, target))?,
        (None, None) => Rules::default(),
    };
    let mut odd = Vec::new();
    let mut refuse = |path: &[u8], problem: &str| odd.push((path.to_vec(), problem.to_owned()));
    let mut strip = Strip::new(options.strip_components);
    let ranges = rules.apply(pack, selected.ranges, &mut refuse)?;
    let ranges = strip.apply(pack, rules, ranges, &mut refuse)?;
    let mode_of = |directory: &[u8]| mode_of(pack, &strip.original(directory)?);
    let report = ExtractReport { unmatched: selected.unmatched, ..ExtractReport::default() };
    let run = Run {
        pack,
        options: options.clone(),
        strip: &strip,
        is_new,
        observer,
        target: opened,
        mode_of: &mode_of,
        has_links: AtomicBool::new(false),
        links: Links::default(),
        blocks: Blocks::default(),
        stopped: OnceLock::new(),
        failure: OnceLock::new(),
        report: Mutex::new(report),
    };
    run.refuse_odd(pack.notes());
    odd.iter().for_each(|(path, message)| run.refused(path, message));
    run.tell(Event::Selected { entries: ranges.len() });
    run.pass(&ranges, Pass::Content);
    run.pass(&run.links.put_off(), Pass::HardLinks);
    if run.has_links.load(Ordering::Relaxed) {
        run.pass(&ranges, Pass::Links);
    }
    run.finish(&ranges).map_err(Error::io(Action::Sync, target))?;
    if let Some(error) = run.failure.into_inner() {
        return Err(error);
    }
    // What entries said of themselves may have been gone.
    pack.intact()?;
    let mut report = run.report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.stopped = run.stopped.into_inner();
    Ok(report)
}

/// Sums up what was selected, before anything is written for it.
fn check_limits(pack: &Pack, ranges: &Ranges, options: &ExtractOptions) -> Result<()> {
    let over = |what, value, limit| {
        Err(Error::TooMuch { pack: pack.location().clone(), what, value, limit })
    };
    if let Some(limit) = options.max_entries
        && ranges.len() > limit
    {
        return over(Limited::Entries, ranges.len(), limit);
    }
    let Some(limit) = options.max_total_bytes else { return Ok(()) };
    let mut total = 0u64;
    // The totals of the root page are only what the pack says of itself.
    for item in ranges.iter().flat_map(|range| scan::scan(pack, range)) {
        let size = item?.1.size().map_err(Error::pack(pack.location()))?;
        total = total.saturating_add(size);
        if total > limit {
            return over(Limited::Bytes, total, limit);
        }
    }
    Ok(())
}

fn open_target(target: &Path) -> Result<Target> {
    std::fs::create_dir_all(target).map_err(Error::io(Action::Create, target))?;
    let probe = format!(".rangepack-{:016x}", unguessable());
    Target::open(target, probe.as_bytes()).map_err(Error::io(Action::WriteIn, target))
}

fn find_rules(target: &Target) -> std::io::Result<Rules> {
    Rules::find(|a, b| {
        let probe = format!(".rangepack-{:016x}-", unguessable());
        target.is_same(format!("{probe}{a}").as_bytes(), format!("{probe}{b}").as_bytes())
    })
}

/// The mode that the pack knows for one of its directories.
fn mode_of(pack: &Pack, directory: &[u8]) -> Option<u32> {
    let entry = pack.find(PackPath::new(directory).ok()?).ok()??;
    entry.mode().ok()?
}

/// One run, shared by its threads.
struct Run<'r> {
    pack: &'r Pack,
    options: ExtractOptions,
    strip: &'r Strip,
    /// The target was made by this run, so nothing is in it that was there before.
    is_new: bool,
    observer: &'r dyn Observer,
    /// `None` in a dry run.
    target: Option<Target>,
    mode_of: &'r ModeOf<'r>,
    /// Set when the first pass comes across a link: most packs need no second one.
    has_links: AtomicBool,
    /// Files with several names.
    links: Links,
    blocks: Blocks,
    stopped: OnceLock<Stopped>,
    /// Why the pack cannot be read any further, which is nobody's fault in it.
    failure: OnceLock<Error>,
    report: Mutex<ExtractReport>,
}

impl Run<'_> {
    fn pass(&self, ranges: &Ranges, pass: Pass) {
        if ranges.len() == 0 {
            return;
        }
        // All but files; for a thread alone pages come one after the other.
        let is_split = self.pack.is_remote() && pass == Pass::Content;
        let threads = if is_split { 1 } else { self.options.threads };
        let (chunks, order) = (Chunks::new(ranges, threads), Mutex::default());
        self.work(threads, |worker| {
            let mut chunk = Vec::new();
            while !self.is_stopped() && chunks.take(&mut chunk) {
                chunk.drain(..).for_each(|range| worker.chunk(range, pass));
            }
            if is_split {
                *order.lock().unwrap_or_else(PoisonError::into_inner) = worker.put_off();
            }
        });
        if is_split {
            self.payloads(order.into_inner().unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Files of a remote pack, in the order in which their payloads lie.
    fn payloads(&self, order: PayloadOrder) {
        let shares = Shares::new(self.pack, order.numbers());
        self.work(self.options.threads, |worker| {
            let mut share = Vec::new();
            while !self.is_stopped() {
                match shares.take(&mut share) {
                    Ok(true) => worker.share(&share),
                    Ok(false) => return,
                    Err(error) => return self.fail(error),
                }
            }
        });
    }

    /// Does some work with so many threads, and adds up what they count.
    fn work<'r>(&'r self, threads: usize, work: impl Fn(&mut Worker<'r>) + Sync) {
        let work = || {
            let mut worker = Worker::new(self);
            work(&mut worker);
            self.lock().add(&worker.counts);
        };
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(work);
            }
            work();
        });
    }

    /// Modes and times of directories, when nothing in them changes any more.
    fn finish(&self, ranges: &Ranges) -> std::io::Result<()> {
        let Some(target) = &self.target else { return Ok(()) };
        let mut place = Place::new(target, self.mode_of);
        for range in ranges.iter().rev() {
            worker::finish_directories(self, range, &mut place);
        }
        if self.options.fsync { target.sync() } else { Ok(()) }
    }

    /// Whether it matters what the target has under an entry's name.
    fn asks(&self) -> bool {
        !self.is_new
    }

    /// The attribute block of an entry, if it is wanted.
    fn block(&self, entry: &EntryRef<'_>) -> rangepack_core::Result<Option<AttributeBlock>> {
        let block = if self.options.attributes { entry.attributes()? } else { None };
        Ok(block.filter(|_| !entry.is_symlink()))
    }

    /// What an entry gets; its attribute block may have been gathered before.
    fn attributes(
        &self,
        entry: &EntryRef<'_>,
        gathered: Option<&Gathered<'_>>,
    ) -> std::result::Result<Attributes, Problem> {
        let owner = if self.options.owner { entry.owner()? } else { None };
        // Programs that run as somebody else are not made from a stranger's pack.
        let allowed = if owner.is_some() { 0o7777 } else { 0o1777 };
        let mode = entry.mode()?.map(|mode| mode & allowed);
        let block = self.block(entry)?;
        let extended = block.map(|block| self.blocks.read(self.pack, &block, gathered)).transpose();
        // The pack need not be named with each of its files.
        let extended = extended.map_err(Problem::of_pack)?;
        Ok(Attributes { mode, mtime: entry.mtime()?, owner, extended })
    }

    fn tell(&self, event: Event<'_>) {
        self.observer.event(event);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, ExtractReport> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, path: &[u8], count: u64, message: &str) {
        let mut report = self.lock();
        report.failed += count;
        report.keep(path, message);
        drop(report);
        self.tell(Event::Failed { path: Escaped(path), problem: message });
        if self.options.fail_fast {
            self.stop(Stopped::FirstFailure);
        }
    }

    /// Tells of everything in an old index that is no entry.
    fn refuse_odd(&self, notes: &Notes) {
        for refused in &notes.refused {
            self.refused(&refused.name, &format!("it is refused: {}", refused.problem));
        }
        for BadLine { number, offset, name, .. } in &notes.bad {
            let line = format!("line {number} of the index");
            let problem = "does not say what an entry needs";
            match name {
                Some(name) => self.refused(name, &format!("{line}, at byte {offset}, {problem}")),
                None => self.refused(line.as_bytes(), &format!("at byte {offset}, it {problem}")),
            }
        }
        for (number, payload) in &notes.lost {
            let file = format!("file {} of the .fpack", number + 1);
            let message = format!(
                "its name was cut off; its content is bytes {}..+{}",
                payload.start, payload.len
            );
            self.refused(file.as_bytes(), &message);
        }
        let told = notes.bad.len() + notes.lost.len();
        self.lock().refused += (notes.bad_lines + notes.lost_names).saturating_sub(told as u64);
    }

    fn refused(&self, path: &[u8], message: &str) {
        let mut report = self.lock();
        report.refused += 1;
        report.keep(path, message);
        drop(report);
        self.tell(Event::Refused { path: Escaped(path), problem: message });
    }

    /// Tells when an entry that was extracted lacks extended attributes.
    fn tell_unset(&self, path: &[u8], extended: std::result::Result<(), Unset>) {
        if let Err(unset) = extended {
            self.lock().attributes_left_out += 1;
            let (path, problem) = (Escaped(path), unset.to_string());
            self.tell(Event::Incomplete { path, problem: &problem });
        }
    }

    /// Stops all threads; the first reason counts.
    fn stop(&self, why: Stopped) {
        // It is set already when another thread was quicker.
        let _ = self.stopped.set(why);
    }

    fn is_stopped(&self) -> bool {
        if self.observer.cancelled() {
            self.fail(cancelled(self.pack.location()));
        }
        self.stopped.get().is_some() || self.failure.get().is_some()
    }

    /// Stops all threads; the first error counts.
    fn fail(&self, error: Error) {
        let _ = self.failure.set(error);
    }
}

#[cfg(test)]
mod tests;
