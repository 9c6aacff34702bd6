//! Writes what the workers read, in the order of the walk: payloads to the output, entries to the sink.

use super::large;
use super::output::Output;
use super::pipeline::Pipeline;
use super::read::{Done, Item, Small};
use super::walk::{Directory, Metadata, Problem};
use super::{PackOptions, Sink, Summary};
use crate::error::{Error, LeftOut, Result};
use crate::progress::{Event, Observer, cancelled};
use rangepack_core::{Codec, Content, Entry, Kind, Owner, PackPathBuf, Totals};
use std::path::Path;

/// The one that writes.
pub(super) struct Writer<'w, 's> {
    pipeline: &'w Pipeline,
    output: &'w mut Output,
    options: &'w PackOptions,
    observer: &'w dyn Observer,
    sink: &'w mut Sink<'s>,
    pub(super) summary: Summary,
}

impl<'w, 's> Writer<'w, 's> {
    /// Payloads go to `output`, entries to `sink`.
    pub(super) fn new(
        pipeline: &'w Pipeline,
        output: &'w mut Output,
        options: &'w PackOptions,
        observer: &'w dyn Observer,
        sink: &'w mut Sink<'s>,
    ) -> Writer<'w, 's> {
        Writer { pipeline, output, options, observer, sink, summary: Summary::default() }
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
        let mut at = 0;
        for (index, (item, source)) in items.into_iter().zip(batch.items()).enumerate() {
            let name = source.name;
            let directory = &*batch.directory;
            let (metadata, kind, duplicate) = match item {
                Item::Directory(metadata) => (metadata, Kind::Directory(Totals::default()), false),
                Item::Symlink(metadata, target) => (metadata, Kind::Symlink(target), false),
                Item::Small(metadata, small) => {
                    let range = at..at + small.stored_size;
                    at = range.end;
                    let (content, duplicate) = self.small(small, range, metadata.size)?;
                    (metadata, Kind::File(content), duplicate)
                }
                Item::Large => {
                    let compress = self.options.compress.is_some();
                    let (pipeline, output) = (self.pipeline, &mut *self.output);
                    let cancelled = || self.observer.cancelled();
                    match large::pack(pipeline, output, directory, name, compress, &cancelled)? {
                        large::Outcome::Stored { content, metadata, duplicate } => {
                            (metadata, Kind::File(content), duplicate)
                        }
                        large::Outcome::Failed(problem) => {
                            self.skip(&directory.disk_path_of(name), problem)?;
                            continue;
                        }
                    }
                }
                Item::Unchanged => {
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
            self.summary.changed += u64::from(priors.get(index).is_some_and(Option::is_some));
            self.entry(directory, name, &metadata, kind, duplicate)?;
        }
        self.output.end_batch()
    }

    fn small(
        &mut self,
        small: Small,
        range: std::ops::Range<usize>,
        size: u64,
    ) -> Result<(Content, bool)> {
        let stored_size = small.stored_size as u64;
        let place = self.output.place(range, small.codec, small.digest)?;
        let content = Content::new(
            small.codec,
            place.offset,
            stored_size,
            if small.codec == Codec::Stored { stored_size } else { size },
        )
        .with_digest(Some(small.digest))
        .with_original_digest(small.original_digest);
        Ok((content, place.duplicate))
    }

    fn entry(
        &mut self,
        directory: &Directory,
        name: &[u8],
        metadata: &Metadata,
        kind: Kind,
        duplicate: bool,
    ) -> Result<()> {
        let path = match PackPathBuf::new(directory.pack_path_of(name)) {
            Ok(path) => path,
            Err(error) => {
                return self.skip(&directory.disk_path_of(name), LeftOut::Name(error));
            }
        };
        match &kind {
            Kind::File(content) => {
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
            .with_owner(
                self.options.owner.then_some(Owner { uid: metadata.uid, gid: metadata.gid }),
            );
        (self.sink)(&entry, self.output)?;
        self.observer.event(Event::Packed { entry: &entry, duplicate });
        Ok(())
    }

    fn skip(&mut self, path: &Path, problem: LeftOut) -> Result<()> {
        match problem {
            LeftOut::Special => self.summary.special += 1,
            LeftOut::BadIgnoreLine { .. } => {}
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
