//! Members of an archive on their way into a pack: contents to the workers and then to the output, entries to be sorted.

use super::links::HardLinks;
use super::long::{Exactly, spool, wrong_size};
use super::members::{Content, Member, MemberKind, Visit, fill, path_of};
use super::open::Opened;
use super::sample::accepts;
use crate::Summary;
use crate::error::{Action, Error, LeftOut, Result};
use crate::index::groups::Groups;
use crate::index::sort::{Sorter, failed};
use crate::index::writer::IndexWriter;
use crate::pack::{
    Attached, BLOCK, Compression, Ordered, Output, PackOptions, Pipeline, Small, Stored, Trained,
    Worker, store_file, store_stream,
};
use crate::progress::{Event, Observer, go_on};
use crate::source::attributes::Found;
use rangepack_core::{Codec, Content as Place, DictionaryRef, Entry, Kind, PackPathBuf, Totals};
use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// So many members, or bytes of content, go to a worker at once.
const MEMBERS: usize = 64;
const BYTES: usize = 512 << 10;

/// What filling a pack takes.
pub(super) struct Filler<'f> {
    pub(super) options: &'f PackOptions,
    pub(super) trained: &'f Trained,
    pub(super) observer: &'f dyn Observer,
    /// The archive.
    pub(super) name: &'f Path,
    /// The directory for temporary files.
    pub(super) scratch: &'f Path,
}

impl Filler<'_> {
    /// Packs all members; what comes with the sums are patterns that matched nothing.
    pub(super) fn fill(
        &self,
        opened: Opened,
        output: &mut Output,
        index: &mut IndexWriter,
    ) -> Result<(Summary, Vec<String>)> {
        let workers = self.options.threads.max(1);
        let pipeline = Pipeline::new(workers);
        let nothing = std::iter::empty();
        pipeline.run(nothing, workers, self.options, self.trained, |pipeline| {
            let mut run = Run {
                filler: self,
                pipeline,
                output,
                ordered: pipeline.ordered(),
                batch: Batch::default(),
                sorter: Sorter::new(self.scratch),
                links: HardLinks::default(),
                wanted: HashSet::new(),
                summary: Summary::default(),
                files: 0,
                is_absolute_told: false,
                last_directory: None,
            };
            opened.each(&mut run)?;
            run.flush()?;
            run.finish(index)
        })
    }
}

/// Some members, whose contents are at hand.
#[derive(Default)]
struct Batch {
    items: Vec<Item>,
    bytes: usize,
}

struct Item {
    member: Member,
    path: PackPathBuf,
    /// What a short file holds.
    content: Vec<u8>,
}

/// The same when a worker had it.
struct Done {
    items: Vec<(Item, Option<Small>)>,
    data: Vec<u8>,
}

impl Batch {
    fn work(self, worker: &mut Worker<'_>) -> io::Result<Done> {
        let mut data = Vec::with_capacity(self.bytes);
        let mut items = Vec::with_capacity(self.items.len());
        for mut item in self.items {
            let small = match item.member.kind {
                MemberKind::File { sparse, .. } => {
                    let content = std::mem::take(&mut item.content);
                    let small = worker.given(&content, item.path.as_bytes(), &mut data)?;
                    Some(Small { sparse, ..small })
                }
                _ => None,
            };
            items.push((item, small));
        }
        Ok(Done { items, data })
    }
}

struct Run<'r> {
    filler: &'r Filler<'r>,
    pipeline: &'r Pipeline,
    output: &'r mut Output,
    ordered: Ordered<'r, Done>,
    batch: Batch,
    sorter: Sorter,
    links: HardLinks,
    /// Directories above wanted files, where a filter says which files are wanted.
    wanted: HashSet<Vec<u8>>,
    summary: Summary,
    /// How many files came.
    files: u64,
    is_absolute_told: bool,
    /// The directory of the last member, and whether the filter leaves it out.
    last_directory: Option<(Vec<u8>, bool)>,
}

impl Visit for Run<'_> {
    fn member(&mut self, member: Member, content: &mut dyn Content) -> Result<()> {
        go_on(self.filler.observer, self.filler.name)?;
        let path = match path_of(&member.name) {
            Ok((None, _)) => return Ok(()),
            Ok((Some(path), is_absolute)) => {
                if is_absolute && !std::mem::replace(&mut self.is_absolute_told, true) {
                    self.skip(&member.name, LeftOut::Absolute)?;
                }
                path
            }
            Err(problem) => return self.skip(&member.name, problem),
        };
        let is_directory = matches!(member.kind, MemberKind::Directory);
        if !accepts(&self.filler.options.filter, &path, is_directory, &mut self.last_directory) {
            return Ok(());
        }
        let Member { name, kind, .. } = member;
        match kind {
            MemberKind::LeftOut(problem) => return self.skip(&name, problem),
            MemberKind::Symlink(ref target) => {
                if let Some(problem) = LeftOut::of_target(target) {
                    return self.skip(&name, problem);
                }
            }
            _ => {}
        }
        let member = Member { name, kind, ..member };
        let mut item = Item { member, path, content: Vec::new() };
        if let MemberKind::File { size, sparse } = item.member.kind {
            if size > BLOCK {
                self.flush()?;
                return self.large(item, size, sparse, content);
            }
            item.content = vec![0; size as usize];
            let read = fill(content, &mut item.content).and_then(|filled| {
                let more = fill(content, &mut [0])?;
                if filled as u64 == size && more == 0 { Ok(()) } else { Err(wrong_size()) }
            });
            if let Err(error) = read {
                let problem = content.failed(error)?;
                return self.skip(&item.member.name, problem);
            }
        }
        self.batch.bytes += item.content.len();
        self.batch.items.push(item);
        if self.batch.items.len() >= MEMBERS || self.batch.bytes >= BYTES {
            self.send()?;
        }
        Ok(())
    }

    fn problem(&mut self, problem: LeftOut) -> Result<()> {
        self.flush()?;
        self.skip(self.filler.name.as_os_str().as_encoded_bytes(), problem)
    }
}

impl Run<'_> {
    /// Gives the batch to the workers, and writes one that is done when many are under way.
    fn send(&mut self) -> Result<()> {
        let batch = std::mem::take(&mut self.batch);
        if batch.items.is_empty() {
            return Ok(());
        }
        self.ordered.send(Box::new(move |worker| batch.work(worker)));
        if self.ordered.is_full() {
            self.write_next()?;
        }
        Ok(())
    }

    /// Until everything that came is written.
    fn flush(&mut self) -> Result<()> {
        self.send()?;
        while self.write_next()? {}
        Ok(())
    }

    fn write_next(&mut self) -> Result<bool> {
        let Some(done) = self.ordered.take() else { return Ok(false) };
        let Done { items, data } = done.map_err(Error::io(Action::Compress, self.filler.name))?;
        self.output.begin_batch(data);
        for (Item { member, path, .. }, small) in items {
            let mut duplicate = false;
            let kind = match member.kind {
                MemberKind::File { size, .. } => {
                    let Some(small) = small else { continue };
                    let range = small.start..small.start + small.stored_size;
                    let place = self.output.place(range, small.codec, small.digest, None)?;
                    duplicate = place.duplicate;
                    let dictionary = small.dictionary;
                    let dictionary = dictionary.and_then(|at| self.filler.trained.place(at));
                    let stored = small.stored_size as u64;
                    Kind::File(
                        Place::new(small.codec, place.offset, stored, size)
                            .with_digest(Some(small.digest))
                            .with_original_digest(small.original_digest)
                            .with_dictionary(dictionary.map(DictionaryRef::Place))
                            .with_sparse(small.sparse),
                    )
                }
                MemberKind::Directory => Kind::Directory(Totals::default()),
                MemberKind::Symlink(ref target) => Kind::Symlink(target.clone()),
                MemberKind::HardLink(ref target) => {
                    if let Err(problem) = self.links.add(path, target, self.files) {
                        self.skip(&member.name, problem)?;
                    }
                    continue;
                }
                MemberKind::LeftOut(_) => continue,
            };
            self.entry(member, path, kind, duplicate)?;
        }
        self.output.end_batch()?;
        Ok(true)
    }

    /// Packs a long file, block by block.
    fn large(
        &mut self,
        item: Item,
        size: u64,
        sparse: bool,
        content: &mut dyn Content,
    ) -> Result<()> {
        let Filler { options, observer, scratch, name, .. } = *self.filler;
        self.output.hold()?;
        let codec = options.compress.map_or(Codec::Stored, Compression::codec);
        let mut bytes = Exactly { content, left: size };
        let stored = if codec == Codec::Stored && !sparse {
            store_stream(self.pipeline, self.output, &mut bytes, size, observer, name)?
        } else {
            // Whether it becomes shorter is seen when it is done.
            match spool(&mut bytes, size, scratch, observer, name)? {
                Ok(file) => {
                    let file = Arc::new(file);
                    let how = (codec, size, sparse);
                    store_file(self.pipeline, self.output, &file, how, observer, name)?
                }
                Err(error) => Stored::Failed(LeftOut::Io(error)),
            }
        };
        self.output.release()?;
        match stored {
            Stored::Done(content, duplicate) => {
                let Item { member, path, .. } = item;
                self.entry(member, path, Kind::File(*content), duplicate)
            }
            Stored::Failed(LeftOut::Io(error)) => {
                let problem = bytes.content.failed(error)?;
                self.skip(&item.member.name, problem)
            }
            Stored::Failed(problem) => self.skip(&item.member.name, problem),
        }
    }

    /// Adds an entry, whose payload is written.
    fn entry(
        &mut self,
        member: Member,
        path: PackPathBuf,
        mut kind: Kind,
        duplicate: bool,
    ) -> Result<()> {
        let options = self.filler.options;
        let is_directory = matches!(kind, Kind::Directory(_));
        let is_link = matches!(kind, Kind::Symlink(_));
        let mut attributes = None;
        let has_entry = !is_directory || options.index.keeps_directories();
        if options.attributes && has_entry && !is_link {
            let found = Found { pairs: member.attributes, unread: None };
            if let Some(attached) = Attached::new(Ok(found)) {
                let Attached { block, digest, problem } = *attached;
                if let Some(problem) = problem {
                    self.skip(&member.name, problem)?;
                }
                if !block.is_empty() {
                    attributes = Some(self.output.attach(&block, digest)?);
                }
            }
        }
        if !member.is_time_right {
            self.skip(&member.name, LeftOut::Time)?;
        }
        if let Kind::File(content) = &mut kind {
            content.hard_link = Some(self.files);
            self.files += 1;
            self.summary.duplicates += u64::from(duplicate);
            self.summary.stored_bytes += if duplicate { 0 } else { content.stored_size };
        }
        if !is_directory && options.filter.narrows() {
            let mut above = path.as_path().parent();
            while !above.is_root() && self.wanted.insert(above.as_bytes().to_vec()) {
                above = above.parent();
            }
        }
        let entry = Entry::new(path, kind)
            .with_mode(member.mode)
            .with_mtime(member.mtime)
            .with_attributes(attributes)
            .with_owner(member.owner.filter(|_| options.owner));
        self.links.replace(&entry.path);
        self.filler.observer.event(Event::Packed { entry: &entry, duplicate });
        self.sorter.push(entry).map_err(failed(self.filler.scratch, self.filler.name))
    }

    /// Puts all entries into the index, in key order.
    fn finish(self, index: &mut IndexWriter) -> Result<(Summary, Vec<String>)> {
        let Run { filler, sorter, links, wanted, mut summary, .. } = self;
        let Filler { options, observer, name, scratch, .. } = *filler;
        let temporary = || failed(scratch, name);
        let (mut sorted, linked) = links.sorted(sorter, scratch).map_err(temporary())?;
        for (path, target) in &linked.lost {
            let target = target.display().to_string();
            skip(filler, &mut summary, path.as_bytes(), LeftOut::HardLink { target })?;
        }
        let mut unmatched = options.filter.unmatched();
        let mut groups = Groups::default();
        let mut seen = HashSet::new();
        let narrows = options.filter.narrows();
        for entry in sorted.by_ref() {
            let mut entry = entry.map_err(temporary())?;
            go_on(observer, name)?;
            match &mut entry.kind {
                Kind::Directory(_) => {
                    if narrows && !wanted.contains(entry.path.as_bytes()) {
                        continue;
                    }
                    summary.directories += 1;
                }
                Kind::Symlink(_) => summary.symlinks += 1,
                Kind::File(content) => {
                    let number = content.hard_link.filter(|own| linked.numbers.contains(own));
                    content.hard_link = number;
                    summary.files += 1;
                    summary.bytes += content.size;
                    let is_again = number.is_some_and(|number| !seen.insert(number));
                    summary.duplicates += u64::from(is_again && content.stored_size > 0);
                }
            }
            groups.renumber(0, &mut entry);
            unmatched.see(entry.path.as_bytes(), entry.is_directory());
            index.push(&entry)?;
        }
        for refused in std::mem::take(&mut sorted.refused) {
            skip(filler, &mut summary, &refused.name, LeftOut::Taken)?;
        }
        Ok((summary, unmatched.patterns()))
    }

    fn skip(&mut self, name: &[u8], problem: LeftOut) -> Result<()> {
        skip(self.filler, &mut self.summary, name, problem)
    }
}

/// Tells of something that is not packed, and counts it.
fn skip(filler: &Filler<'_>, summary: &mut Summary, name: &[u8], problem: LeftOut) -> Result<()> {
    let path = crate::filter::as_path(name);
    match problem {
        LeftOut::Special => summary.special += 1,
        LeftOut::Absolute => {}
        _ if problem.is_of_attributes() => summary.attributes_left_out += 1,
        _ => {
            summary.failed += 1;
            if filler.options.strict {
                return Err(Error::Strict { path: path.into_owned(), problem });
            }
        }
    }
    filler.observer.event(Event::LeftOut { path: &path, problem: &problem });
    Ok(())
}
