//! Writes what the workers read, in the order of the walk: payloads to the output, entries to the sink.

use super::attributes::Attached;
use super::compress::Compression;
use super::large::{Large, Outcome};
use super::links::{Earlier, Links, Shared};
use super::output::Output;
use super::pipeline::Pipeline;
use super::read::{Done, Item, Small};
use super::train::Trained;
use super::walk::{Directory, Metadata, Problem};
use super::{PackOptions, Sink, Summary};
use crate::error::{Error, LeftOut, Result};
use crate::progress::{Event, Observer, cancelled};
use rangepack_core::{
    AttributeBlock, Codec, Content, DictionaryRef, Entry, Kind, Owner, PackPathBuf, Totals,
};
use std::path::Path;

/// What an item became.
struct Packed {
    metadata: Metadata,
    kind: Kind,
    /// Its content was stored already.
    duplicate: bool,
    attributes: Option<AttributeBlock>,
}

impl Packed {
    /// Another name of a file.
    fn again(Shared { metadata, content, attributes }: Shared) -> Packed {
        let duplicate = content.stored_size > 0;
        Packed { metadata, kind: Kind::File(content), duplicate, attributes }
    }
}

/// The one that writes.
pub(super) struct Writer<'w> {
    pipeline: &'w Pipeline,
    output: &'w mut Output,
    options: &'w PackOptions,
    trained: &'w Trained,
    observer: &'w dyn Observer,
    sink: &'w mut dyn Sink,
    links: Links,
    pub(super) summary: Summary,
}

impl<'w> Writer<'w> {
    /// Payloads go to `output`, entries to `sink`. Groups of hard links are numbered on from `groups`.
    pub(super) fn new(
        pipeline: &'w Pipeline,
        output: &'w mut Output,
        options: &'w PackOptions,
        trained: &'w Trained,
        groups: u64,
        observer: &'w dyn Observer,
        sink: &'w mut dyn Sink,
    ) -> Writer<'w> {
        let (links, summary) = (Links::new(groups), Summary::default());
        Writer { pipeline, output, options, trained, observer, sink, links, summary }
    }

    /// Writes a batch, and gives its memory back.
    pub(super) fn batch(&mut self, done: Done) -> Result<Vec<u8>> {
        let Done { mut batch, priors, items, data } = done;
        if self.observer.cancelled() {
            return Err(cancelled(batch.directory.disk_path()));
        }
        for Problem { disk_path, kind } in std::mem::take(&mut batch.problems) {
            self.skip(&disk_path, kind)?;
        }
        self.output.begin_batch(data);
        let upcoming = self.upcoming(&items);
        for (index, (item, source)) in items.into_iter().zip(batch.items()).enumerate() {
            let name = source.name;
            let directory = &*batch.directory;
            self.output.expect(upcoming.get(index).copied().unwrap_or(0));
            let prior = priors.get(index).copied().flatten();
            let packed = match item {
                Item::Directory(metadata, attached) => {
                    let attributes = self.attach(directory, name, attached)?;
                    let kind = Kind::Directory(Totals::default());
                    Packed { metadata, kind, duplicate: false, attributes }
                }
                Item::Made => {
                    let path = directory.pack_path_of(name);
                    if let Ok(path) = PackPathBuf::new(path) {
                        self.summary.directories += 1;
                        self.push(&Entry::new(path, Kind::Directory(Totals::default())), false)?;
                    }
                    continue;
                }
                Item::Symlink(metadata, target) => {
                    let kind = Kind::Symlink(target);
                    Packed { metadata, kind, duplicate: false, attributes: None }
                }
                Item::Small(metadata, small, attached) => match self.links.join(&metadata) {
                    Some(shared) => Packed::again(shared),
                    None => {
                        let before = prior.and_then(|prior| prior.content);
                        let (content, duplicate) = self.small(small, &metadata, before)?;
                        let attributes = self.attach(directory, name, attached)?;
                        Packed { metadata, kind: Kind::File(content), duplicate, attributes }
                    }
                },
                Item::Large(metadata) | Item::Linked(metadata) => {
                    let before = prior.and_then(|prior| prior.content);
                    match self.large(directory, name, &metadata, before)? {
                        Ok(packed) => packed,
                        Err(problem) => {
                            self.skip(&directory.disk_path_of(name), problem)?;
                            continue;
                        }
                    }
                }
                Item::Unchanged(file) => {
                    let content = prior.and_then(|prior| prior.content);
                    if let Some((file, content)) = file.zip(content) {
                        self.links.unchanged(file, content);
                    }
                    if let Ok(path) = PackPathBuf::new(directory.pack_path_of(name)) {
                        self.sink.unchanged(path)?;
                    }
                    self.summary.unchanged += 1;
                    self.observer.event(Event::Unchanged);
                    continue;
                }
                Item::Special => {
                    self.skip(&directory.disk_path_of(name), LeftOut::Special)?;
                    continue;
                }
                Item::Failed(problem) => {
                    self.skip(&directory.disk_path_of(name), problem)?;
                    continue;
                }
            };
            self.summary.changed += u64::from(prior.is_some());
            self.entry(directory, name, packed)?;
        }
        self.output.end_batch()
    }

    /// For each item the bytes that those behind it will take, as many as are made to last at a time; none when
    /// nobody asks.
    fn upcoming(&self, items: &[Item]) -> Vec<u64> {
        let Some(batch) = self.output.batch() else { return Vec::new() };
        let batch = usize::try_from(batch).unwrap_or(usize::MAX);
        let size = |item: &Item| match item {
            Item::Small(_, small, _) => small.stored_size as u64,
            Item::Large(metadata) => metadata.size,
            _ => 0,
        };
        let mut sums = vec![0u64];
        items.iter().for_each(|item| {
            let before = sums.last().copied().unwrap_or(0);
            sums.push(before.saturating_add(size(item)));
        });
        let last = items.len();
        (1..=last).map(|from| sums[from.saturating_add(batch).min(last)] - sums[from]).collect()
    }

    /// `before` is what the file held at an earlier time.
    fn small(
        &mut self,
        small: Small,
        metadata: &Metadata,
        before: Option<Content>,
    ) -> Result<(Content, bool)> {
        let stored_size = small.stored_size as u64;
        let range = small.start..small.start + small.stored_size;
        let earlier = self.earlier(metadata, before);
        let place = self.output.place(range, small.codec, small.digest, earlier)?;
        let dictionary = small.dictionary.and_then(|number| self.trained.place(number));
        let is_stored = matches!(small.codec, Codec::Stored);
        let size = if is_stored { stored_size } else { metadata.size };
        let content = Content::new(small.codec, place.offset, stored_size, size)
            .with_digest(Some(small.digest))
            .with_original_digest(small.original_digest)
            .with_dictionary(dictionary.map(DictionaryRef::Place))
            .with_sparse(small.sparse);
        Ok((content, place.duplicate))
    }

    /// Where an earlier run stored a file: under another of its names, or this one.
    fn earlier(&self, metadata: &Metadata, before: Option<Content>) -> Option<Earlier> {
        let before = before.filter(|_| self.options.dedup);
        self.links.earlier(metadata).or_else(|| before.as_ref().and_then(Earlier::of))
    }

    /// Packs a file that was not read, unless it is another name of one that is packed.
    fn large(
        &mut self,
        directory: &Directory,
        name: &[u8],
        metadata: &Metadata,
        before: Option<Content>,
    ) -> Result<std::result::Result<Packed, LeftOut>> {
        let mut shared = self.links.join(metadata);
        if shared.is_none() && metadata.file_id().is_some() {
            // It may have changed after this name was looked at, and before it was read under the other.
            let now = directory.metadata(name).ok();
            shared = now.and_then(|metadata| self.links.join(&metadata));
        }
        if let Some(shared) = shared {
            return Ok(Ok(Packed::again(shared)));
        }
        self.output.hold()?;
        let earlier = self.earlier(metadata, before);
        let large = Large {
            pipeline: self.pipeline,
            output: &mut *self.output,
            directory,
            name,
            codec: self.options.compress.map_or(Codec::Stored, Compression::codec),
            attributes: self.options.attributes,
            earlier,
            observer: self.observer,
        };
        let packed = large.pack()?;
        self.output.release()?;
        Ok(match packed {
            Outcome::Stored { content, metadata, duplicate, attached } => {
                let attributes = self.attach(directory, name, attached)?;
                Ok(Packed { metadata, kind: Kind::File(*content), duplicate, attributes })
            }
            Outcome::Failed(problem) => Err(problem),
        })
    }

    /// Stores what attributes there are, and tells of those that are missing.
    fn attach(
        &mut self,
        directory: &Directory,
        name: &[u8],
        attached: Option<Box<Attached>>,
    ) -> Result<Option<AttributeBlock>> {
        let Some(attached) = attached else { return Ok(None) };
        let Attached { block, digest, problem } = *attached;
        if let Some(problem) = problem {
            self.skip(&directory.disk_path_of(name), problem)?;
        }
        if block.is_empty() {
            return Ok(None);
        }
        self.output.attach(&block, digest).map(Some)
    }

    fn entry(&mut self, directory: &Directory, name: &[u8], packed: Packed) -> Result<()> {
        let Packed { metadata, mut kind, duplicate, attributes } = packed;
        let path = match PackPathBuf::new(directory.pack_path_of(name)) {
            Ok(path) => path,
            Err(error) => {
                return self.skip(&directory.disk_path_of(name), LeftOut::Name(error));
            }
        };
        if !metadata.has_fitting_time() {
            self.skip(&directory.disk_path_of(name), LeftOut::Time)?;
        }
        match &mut kind {
            Kind::File(content) => {
                if content.hard_link.is_none() {
                    let shared = Shared { metadata, content: *content, attributes };
                    *content = self.links.number(shared);
                }
                self.summary.files += 1;
                self.summary.bytes += content.size;
                self.summary.duplicates += u64::from(duplicate);
                self.summary.stored_bytes += if duplicate { 0 } else { content.stored_size };
            }
            Kind::Directory(_) => self.summary.directories += 1,
            Kind::Symlink(_) => self.summary.symlinks += 1,
        }
        let entry = Entry::new(path, kind)
            .with_mode(Some(metadata.mode & 0o7777))
            .with_mtime(Some(metadata.mtime_ns))
            .with_attributes(attributes)
            .with_owner(
                self.options.owner.then_some(Owner { uid: metadata.uid, gid: metadata.gid }),
            );
        self.push(&entry, duplicate)
    }

    fn push(&mut self, entry: &Entry, duplicate: bool) -> Result<()> {
        self.sink.entry(entry, self.output)?;
        self.observer.event(Event::Packed { entry, duplicate });
        Ok(())
    }

    fn skip(&mut self, path: &Path, problem: LeftOut) -> Result<()> {
        match problem {
            LeftOut::Special => self.summary.special += 1,
            LeftOut::BadIgnoreLine { .. } => {}
            _ if problem.is_of_attributes() => self.summary.attributes_left_out += 1,
            _ => {
                self.summary.failed += 1;
                if self.options.strict {
                    return Err(Error::Strict { path: path.to_owned(), problem });
                }
            }
        }
        self.observer.event(Event::LeftOut { path, problem: &problem });
        Ok(())
    }
}
