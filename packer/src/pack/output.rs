//! Payloads, one after the other, into one file.

use super::dedup::{Dedup, Placed};
use super::links::Earlier;
use super::stream::Stream;
use crate::error::{Action, ContainerProblem, Error, Result};
use crate::source::replace::close;
use rangepack_core::{AttributeBlock, BlockTable, Codec, Content, Digest, Entry, blocks};
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// So many attribute blocks at least are remembered: most trees have few different ones.
const BLOCKS: usize = 1 << 14;

/// Tells somebody before the file grows to a place that was not told before.
pub(crate) struct Announce {
    /// Told how far.
    tell: Box<dyn FnMut(u64) -> Result<()>>,
    /// So many entries are made to last at a time.
    batch: u64,
    /// What was told last.
    until: u64,
    /// Up to here everything is named and lasts.
    committed: u64,
    /// Bytes that the entries of the next batch may take, as far as they are known.
    upcoming: u64,
}

impl Announce {
    /// `batch` entries are made to last at a time.
    pub(crate) fn new(batch: u64, tell: Box<dyn FnMut(u64) -> Result<()>>) -> Announce {
        Announce { tell, batch, until: 0, committed: 0, upcoming: 0 }
    }
}

impl fmt::Debug for Announce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Announce").field("until", &self.until).finish_non_exhaustive()
    }
}

/// Somebody who is told before the file grows beyond what he said: how far; what he says then is how far it may grow before he is
/// told again.
pub(crate) struct Growing {
    tell: Box<dyn FnMut(u64) -> Result<u64>>,
    until: u64,
}

impl Growing {
    pub(crate) fn new(tell: Box<dyn FnMut(u64) -> Result<u64>>) -> Growing {
        Growing { tell, until: 0 }
    }
}

impl fmt::Debug for Growing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Growing").field("until", &self.until).finish_non_exhaustive()
    }
}

/// Writes payloads in order, from one place, in large pieces.
#[derive(Debug)]
pub(crate) struct Output {
    /// `None` when nothing is to be written, or all goes into `stream`.
    file: Option<BufWriter<File>>,
    stream: Option<Stream>,
    /// Bytes behind the first position stay until something is written.
    begun: bool,
    /// Nothing may be written.
    sealed: bool,
    /// A write failed: what lies in the file is not known any more, so no line may name it.
    failed: bool,
    announce: Option<Announce>,
    growing: Option<Growing>,
    path: PathBuf,
    /// What lies before it was written by earlier runs.
    first: u64,
    /// Where the next byte goes, pending bytes included.
    position: u64,
    align: u64,
    dedup: Option<Dedup>,
    /// Where attribute blocks of this run lie.
    blocks: Dedup,
    /// Payloads of one batch lie side by side in memory; neighbours are written together.
    batch: Vec<u8>,
    pending: Range<usize>,
}

/// Where a payload came to lie.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placement {
    pub(crate) offset: u64,
    pub(crate) duplicate: bool,
}

impl Output {
    /// Appends to `file`, which is `position` bytes long. `dedup` knows payloads before that, if any.
    pub(crate) fn new(
        file: File,
        path: &Path,
        position: u64,
        align: u64,
        dedup: Option<Dedup>,
    ) -> Result<Output> {
        let mut file = file;
        file.seek(SeekFrom::Start(position)).map_err(Error::io(Action::Seek, path))?;
        Ok(Output {
            file: Some(BufWriter::with_capacity(64 << 10, file)),
            stream: None,
            begun: false,
            sealed: false,
            failed: false,
            announce: None,
            growing: None,
            path: path.to_owned(),
            first: position,
            position,
            align: align.max(1),
            dedup,
            blocks: Dedup::new(BLOCKS),
            batch: Vec::new(),
            pending: 0..0,
        })
    }

    /// Writes a pack from its beginning into what cannot be read or cut; `path` stands for it in errors.
    pub(crate) fn stream(stream: Stream, path: &Path, align: u64, dedup: Option<Dedup>) -> Output {
        let (stream, path) = (Some(stream), path.to_owned());
        Output { stream, path, ..Output::nowhere(align, dedup) }
    }

    /// Counts, but writes nothing.
    pub(crate) fn nowhere(align: u64, dedup: Option<Dedup>) -> Output {
        Output {
            file: None,
            stream: None,
            begun: true,
            sealed: false,
            failed: false,
            announce: None,
            growing: None,
            path: PathBuf::new(),
            first: 0,
            position: 0,
            align: align.max(1),
            dedup,
            blocks: Dedup::new(BLOCKS),
            batch: Vec::new(),
            pending: 0..0,
        }
    }

    /// Tells `announce` before the file grows.
    pub(crate) fn announcing(mut self, announce: Announce) -> Output {
        self.announce = Some(Announce { until: 0, committed: self.position, ..announce });
        self
    }

    /// Tells `growing` before the file grows. What is taken back is not cut off, but written over.
    pub(crate) fn growing(mut self, growing: Growing) -> Output {
        self.growing = Some(growing);
        self
    }

    /// Where the file has a stored content already, as far as that is remembered, and its block table.
    pub(crate) fn stored(
        &mut self,
        digest: &Digest,
        codec: Codec,
    ) -> Option<(u64, Option<BlockTable>)> {
        self.find(digest, codec, None).map(|placed| (placed.offset, placed.blocks))
    }

    /// Remembers where a content was written that [`Output::write`] was given.
    pub(crate) fn remember(&mut self, content: &Content) {
        if let (Some(dedup), Some(digest)) = (&mut self.dedup, content.digest) {
            let (offset, blocks) = (content.offset, content.blocks);
            dedup.insert(digest, content.codec, Placed { offset, blocks });
        }
    }

    /// Remembers what the file holds of an entry already.
    pub(crate) fn learn(&mut self, entry: &Entry) {
        if let Some(dedup) = &mut self.dedup {
            dedup.learn(entry);
        }
        if let Some(AttributeBlock { offset, digest, .. }) = entry.attributes {
            self.blocks.insert(digest, Codec::Stored, Placed { offset, blocks: None });
        }
    }

    /// Refuses to write anything, if `sealed`: the container is finished.
    pub(crate) fn seal(mut self, sealed: bool) -> Output {
        self.sealed = sealed;
        self
    }

    /// Cuts off what stands behind the first position, once: an index that is no longer true.
    pub(crate) fn begin(&mut self) -> Result<()> {
        if self.sealed && !self.begun {
            return Err(Error::container(&self.path, ContainerProblem::Finished));
        }
        let begun = std::mem::replace(&mut self.begun, true);
        if let (false, Some(file)) = (begun, &self.file) {
            // Cutting makes ext4 write a file out when it is closed, so not without need. What is cut off is
            // gone for good before anything takes its place.
            let file = file.get_ref();
            let cut = file.metadata().and_then(|metadata| match metadata.len() > self.position {
                true => file.set_len(self.position).and_then(|()| file.sync_all()),
                false => Ok(()),
            });
            cut.map_err(|error| {
                self.failed = true;
                Error::io(Action::Cut, &self.path)(error)
            })?;
        }
        Ok(())
    }

    /// How many entries are made to last at a time; `None` when nobody is told of bytes to come.
    pub(crate) fn batch(&self) -> Option<u64> {
        self.announce.as_ref().map(|announce| announce.batch)
    }

    /// The entries of the next batch may take so many bytes.
    pub(crate) fn expect(&mut self, bytes: u64) {
        if let Some(announce) = &mut self.announce {
            announce.upcoming = bytes;
        }
    }

    /// How far the file may grow with the next batch, as far as that is known.
    pub(crate) fn expects_until(&self) -> u64 {
        let upcoming = self.announce.as_ref().map_or(0, |announce| announce.upcoming);
        self.position.saturating_add(upcoming)
    }

    /// Everything is named and lasts, and it was told that the file may grow up to `until`.
    pub(crate) fn committed(&mut self, until: u64) {
        if let Some(announce) = &mut self.announce {
            (announce.until, announce.committed) = (until, self.position);
        }
    }

    /// Before `len` bytes are added.
    fn grow(&mut self, len: u64) -> Result<()> {
        if let Some(growing) = &mut self.growing {
            let end = self.position.saturating_add(len);
            if end > growing.until {
                growing.until = (growing.tell)(end).inspect_err(|_| self.failed = true)?;
            }
            self.begun = true;
        }
        self.begin()?;
        let Some(announce) = &mut self.announce else { return Ok(()) };
        let end = self.position.saturating_add(len);
        if end > announce.until {
            // A long batch is not told of piece by piece.
            let unnamed = self.position.saturating_sub(announce.committed);
            let until = end.saturating_add(unnamed);
            (announce.tell)(until).inspect_err(|_| self.failed = true)?;
            announce.until = until;
        }
        Ok(())
    }

    fn write_out(&mut self, bytes: &[u8]) -> Result<()> {
        let written = match (&mut self.file, &mut self.stream) {
            (Some(file), _) => file.write_all(bytes),
            (None, Some(stream)) => stream.write_all(bytes),
            (None, None) => Ok(()),
        };
        written.map_err(|error| {
            self.failed = true;
            Error::io(Action::Write, &self.path)(error)
        })
    }

    /// From here on what is written may be taken back, until it is released.
    pub(crate) fn hold(&mut self) -> Result<()> {
        self.flush_pending()?;
        let held = self.stream.as_mut().map_or(Ok(()), |stream| stream.hold());
        held.map_err(Error::io(Action::UseTemporary, &std::env::temp_dir()))
    }

    /// What was written stays.
    pub(crate) fn release(&mut self) -> Result<()> {
        self.flush_pending()?;
        let released = self.stream.as_mut().map_or(Ok(()), |stream| stream.release());
        released.map_err(Error::io(Action::Write, &self.path))
    }

    /// Writes what is pending, and gives the stream back.
    pub(crate) fn into_stream(mut self) -> Result<Option<Stream>> {
        self.flush_pending()?;
        Ok(self.stream)
    }

    /// Whether anything was changed behind the first position.
    pub(crate) fn has_begun(&self) -> bool {
        self.begun
    }

    /// Where the next payload goes, after what it takes to align it.
    pub(crate) fn next(&self) -> u64 {
        self.position.next_multiple_of(self.align)
    }

    /// Where the next byte goes.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Takes over the payloads of a batch.
    pub(crate) fn begin_batch(&mut self, data: Vec<u8>) {
        self.batch = data;
        self.pending = 0..0;
    }

    /// Writes what is pending, and gives the batch's memory back.
    pub(crate) fn end_batch(&mut self) -> Result<Vec<u8>> {
        self.flush_pending()?;
        Ok(std::mem::take(&mut self.batch))
    }

    fn flush_pending(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        let batch = std::mem::take(&mut self.batch);
        let written = self.write_out(&batch[pending]);
        self.batch = batch;
        written
    }

    /// Where the same stored bytes may lie.
    fn find(&mut self, digest: &Digest, codec: Codec, earlier: Option<Earlier>) -> Option<Placed> {
        let earlier = earlier.and_then(|earlier| earlier.find(digest, codec));
        earlier.or_else(|| self.dedup.as_mut()?.find(digest, codec))
    }

    /// Stores the payload that lies at `range` of the batch, unless it is stored already: `earlier`, perhaps.
    pub(crate) fn place(
        &mut self,
        range: Range<usize>,
        codec: Codec,
        digest: Digest,
        earlier: Option<Earlier>,
    ) -> Result<Placement> {
        let stored_size = range.len() as u64;
        if stored_size == 0 {
            return Ok(Placement { offset: self.position, duplicate: false });
        }
        let known = self.find(&digest, codec, earlier);
        if let Some(placed) = known
            && (placed.offset >= self.first
                || self.holds(placed.offset, &self.batch[range.clone()]))
        {
            return Ok(Placement { offset: placed.offset, duplicate: true });
        }
        self.pad()?;
        self.grow(stored_size)?;
        let offset = self.position;
        if self.pending.end != range.start || self.pending.is_empty() {
            self.flush_pending()?;
            self.pending = range;
        } else {
            self.pending.end = range.end;
        }
        self.position += stored_size;
        if let Some(dedup) = &mut self.dedup {
            dedup.insert(digest, codec, Placed { offset, blocks: None });
        }
        Ok(Placement { offset, duplicate: false })
    }

    /// Fills up to the alignment.
    pub(crate) fn pad(&mut self) -> Result<()> {
        let gap = self.next() - self.position;
        if gap > 0 {
            self.grow(gap)?;
            self.flush_pending()?;
            let zeros = [0; 4096];
            let mut left = gap;
            while left > 0 {
                let piece = left.min(zeros.len() as u64);
                self.write_out(&zeros[..piece as usize])?;
                left -= piece;
            }
            self.position += gap;
        }
        Ok(())
    }

    /// Appends bytes of a large payload or its block table.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.grow(bytes.len() as u64)?;
        self.flush_pending()?;
        self.write_out(bytes)?;
        self.position += bytes.len() as u64;
        Ok(())
    }

    /// Stores an attribute block, once. It is not aligned: nobody reads it for itself.
    pub(crate) fn attach(&mut self, block: &[u8], digest: Digest) -> Result<AttributeBlock> {
        let known = self
            .blocks
            .find(&digest, Codec::Stored)
            .filter(|placed| placed.offset >= self.first || self.holds(placed.offset, block));
        let offset = known.map_or(self.position, |placed| placed.offset);
        if known.is_none() {
            self.write(block)?;
            self.blocks.insert(digest, Codec::Stored, Placed { offset, blocks: None });
        }
        // It was made by `Attributes::to_bytes`.
        let len = u32::try_from(block.len()).unwrap_or(u32::MAX);
        Ok(AttributeBlock { offset, len, digest })
    }

    /// Where the same payload and block table as the large one that was just written lie already. If
    /// they do not, this one is remembered.
    pub(crate) fn find_large(
        &mut self,
        content: &Content,
        earlier: Option<Earlier>,
    ) -> Result<Option<Placed>> {
        let Some(digest) = content.digest else { return Ok(None) };
        let (offset, blocks) = (content.offset, content.blocks);
        if let Some(placed) = self.find(&digest, content.codec, earlier) {
            if placed.offset >= self.first {
                return Ok(Some(placed));
            }
            let table_len = |log2| blocks::table_len(content.size, log2);
            let same_table = match (placed.blocks, blocks) {
                (None, None) => true,
                (Some(old), Some(new)) if old.digest == new.digest => {
                    self.repeats(old.offset, new.offset, table_len(new.block_log2))?
                }
                // An old program made no table: this payload can be read better.
                _ => false,
            };
            if same_table && self.repeats(placed.offset, offset, content.stored_size)? {
                return Ok(Some(placed));
            }
        }
        if let Some(dedup) = &mut self.dedup {
            dedup.insert(digest, content.codec, Placed { offset, blocks });
        }
        Ok(None)
    }

    /// Whether an earlier run left these bytes at `offset`. A payload may have been damaged since, and
    /// then must be stored anew. What cannot be read is not there.
    fn holds(&self, offset: u64, bytes: &[u8]) -> bool {
        let Some(file) = &self.file else { return true };
        if offset.saturating_add(bytes.len() as u64) > self.first {
            return false;
        }
        let mut found = vec![0; bytes.len()];
        let read = crate::source::platform::read_exact_at(file.get_ref(), &mut found, offset);
        read.is_ok() && found == bytes
    }

    /// The same for bytes that were just written at `offset`.
    fn repeats(&mut self, earlier: u64, offset: u64, len: u64) -> Result<bool> {
        let Some(file) = &mut self.file else { return Ok(true) };
        file.flush().map_err(|error| {
            self.failed = true;
            Error::io(Action::Write, &self.path)(error)
        })?;
        let mut piece = vec![0; 256 << 10];
        let mut at = 0;
        while at < len {
            let take = (len - at).min(256 << 10) as usize;
            let Some(file) = &self.file else { return Ok(true) };
            crate::source::platform::read_exact_at(file.get_ref(), &mut piece[..take], offset + at)
                .map_err(Error::io(Action::Read, &self.path))?;
            if !self.holds(earlier.saturating_add(at), &piece[..take]) {
                return Ok(false);
            }
            at += take as u64;
        }
        Ok(true)
    }

    /// Takes back everything from `position` on.
    pub(crate) fn rewind(&mut self, position: u64) -> Result<()> {
        if !self.begun {
            // Nothing was written; what stands behind the first position is still true.
            return Ok(());
        }
        self.flush_pending()?;
        if let Some(stream) = &mut self.stream {
            let cut = stream.cut(self.position - position);
            cut.map_err(Error::io(Action::UseTemporary, &std::env::temp_dir()))?;
        }
        let is_cut = self.growing.is_none();
        if let Some(file) = &mut self.file {
            let cut = file
                .flush()
                .and_then(|()| if is_cut { file.get_mut().set_len(position) } else { Ok(()) })
                .and_then(|()| file.seek(SeekFrom::Start(position)));
            if let Err(error) = cut {
                self.failed = true;
                return Err(Error::io(Action::Write, &self.path)(error));
            }
        }
        self.position = position;
        Ok(())
    }

    /// Makes everything written durable. After a write that failed it fails always.
    pub(crate) fn sync(&mut self) -> Result<()> {
        if self.failed {
            let error = std::io::Error::other("an earlier write failed");
            return Err(Error::io(Action::Sync, &self.path)(error));
        }
        self.flush_pending()?;
        let Some(file) = &mut self.file else { return Ok(()) };
        file.flush().and_then(|()| file.get_ref().sync_data()).map_err(|error| {
            // The system may forget after telling once that it could not write.
            self.failed = true;
            Error::io(Action::Sync, &self.path)(error)
        })
    }

    /// Writes what is pending, and closes the file.
    pub(crate) fn finish(mut self) -> Result<()> {
        self.flush_pending()?;
        let Some(file) = self.file.take() else { return Ok(()) };
        let file = file.into_inner().map_err(|error| error.into_error());
        close(file.map_err(Error::io(Action::Write, &self.path))?, &self.path)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn after_a_failed_write_nothing_can_be_made_durable() {
        let path = Path::new("/dev/full");
        let file = File::options().write(true).open(path).unwrap();
        let mut output = Output::new(file, path, 0, 1, None).unwrap();
        // Longer than the buffer, so that nothing of it is left there to fail again.
        let len = 100_000;
        output.begin_batch(vec![0; len]);
        output.place(0..len, Codec::Stored, Digest::of(b""), None).unwrap();
        assert!(output.end_batch().is_err());
        let error = output.sync().unwrap_err();
        assert!(format!("{error:?}").contains("earlier"), "{error:?}");
    }

    #[test]
    fn taking_back_nothing_cuts_nothing() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"payload and index").unwrap();
        let handle = file.reopen().unwrap();
        let mut output = Output::new(handle, file.path(), 7, 1, None).unwrap();
        output.rewind(7).unwrap();
        assert!(!output.has_begun());
        assert_eq!(std::fs::read(file.path()).unwrap(), b"payload and index");
        output.write(b"!").unwrap();
        output.rewind(7).unwrap();
        assert_eq!(std::fs::read(file.path()).unwrap(), b"payload");
    }
}
