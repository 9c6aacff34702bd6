//! Reads, hashes and compresses source files, on the worker threads.

use super::PackOptions;
use super::attributes::Attached;
use super::compress::{Compression, Encoder};
use super::train::Trained;
use crate::error::LeftOut;
use crate::pack::walk::{Batch, Directory, FileId, ItemKind, Metadata};
use crate::source::attributes;
use rangepack_core::{Codec, Content, Digest, Owner};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

/// Files longer than a block are read block by block; shorter ones as a whole.
pub(crate) const BLOCK: u64 = 1 << rangepack_core::blocks::DEFAULT_BLOCK_LOG2;

/// How often a file that changes under the reader is read anew.
pub(crate) const ATTEMPTS: usize = 3;

/// A batch on its way to the workers, with what the container knows of its items.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) batch: Batch,
    /// Empty, or one for each item.
    pub(crate) priors: Vec<Option<Prior>>,
}

/// A batch of the walk, read.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) batch: Batch,
    /// What the container holds of the items already; empty, or one for each.
    pub(crate) priors: Vec<Option<Prior>>,
    /// What became of each item, in the batch's order.
    pub(crate) items: Vec<Item>,
    /// The payloads of all small files, side by side.
    pub(crate) data: Vec<u8>,
}

impl Done {
    /// How much of what was read waits here.
    pub(crate) fn bytes(&self) -> usize {
        let blocks = self.items.iter().map(|item| match item {
            Item::Directory(_, Some(attached)) | Item::Small(_, _, Some(attached)) => {
                attached.block.len()
            }
            _ => 0,
        });
        blocks.sum::<usize>() + self.data.len()
    }
}

/// What became of one item.
#[derive(Debug)]
pub(crate) enum Item {
    /// A directory.
    Directory(Metadata, Option<Box<Attached>>),
    /// A directory that is on no disk.
    Made,
    /// A symbolic link and its target.
    Symlink(Metadata, Vec<u8>),
    /// A file whose payload is in the batch's data.
    Small(Metadata, Small, Option<Box<Attached>>),
    /// A file that is to be read block by block. It is opened when its turn comes: hundreds may wait.
    Large(Metadata),
    /// A file that another name leads to, under which it is read.
    Linked(Metadata),
    /// The container holds it already, unchanged; which file it is, if it has other names.
    Unchanged(Option<FileId>),
    /// A socket, pipe or device.
    Special,
    /// It could not be read.
    Failed(LeftOut),
}

/// The payload of a small file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Small {
    /// Where it begins in the batch's data.
    pub(crate) start: usize,
    pub(crate) stored_size: usize,
    pub(crate) codec: Codec,
    /// Zeros until it is hashed, and so is that of the content.
    pub(crate) digest: Digest,
    /// That of the content, unless it is stored as it is.
    pub(crate) original_digest: Option<Digest>,
    /// Which dictionary it was compressed with.
    pub(crate) dictionary: Option<usize>,
    pub(crate) sparse: bool,
}

impl Small {
    /// As it is, without holes, not hashed yet.
    fn stored(start: usize, stored_size: usize) -> Small {
        Small {
            start,
            stored_size,
            codec: Codec::Stored,
            digest: Digest([0; 32]),
            original_digest: None,
            dictionary: None,
            sparse: false,
        }
    }
}

/// What the container holds of a path already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prior {
    pub(crate) kind: ItemKind,
    /// Length of a file, or of a link's target.
    pub(crate) size: u64,
    pub(crate) mtime: Option<i64>,
    pub(crate) mode: Option<u32>,
    pub(crate) owner: Option<Owner>,
    /// Digest of a link's target.
    pub(crate) target: Option<Digest>,
    /// Where a file's content is.
    pub(crate) content: Option<Content>,
    /// It is read whatever its size and time say.
    pub(crate) distrusted: bool,
}

impl Prior {
    /// Whether nothing changed: size, time, mode and owner. The old programs kept
    /// neither time nor mode; what is not known is not compared.
    fn is_still(&self, metadata: &Metadata, size: u64) -> bool {
        let owner = Owner { uid: metadata.uid, gid: metadata.gid };
        !self.distrusted
            && self.kind == metadata.kind
            && self.size == size
            && self.mtime.is_none_or(|mtime| mtime == metadata.mtime_ns)
            && self.mode.is_none_or(|mode| mode == metadata.mode & 0o7777)
            && self.owner.is_none_or(|known| known == owner)
    }
}

/// A worker: buffers and encoder that are used again and again.
pub(crate) struct Worker<'d> {
    /// Extended attributes of files are kept.
    attributes: bool,
    /// Those of directories.
    of_directories: bool,
    encoder: Option<Encoder<'d>>,
    /// For large files with holes where no compression is asked for.
    for_holes: Option<Encoder<'d>>,
    trained: &'d Trained,
    /// What was compressed of a batch, until it is hashed.
    contents: Vec<u8>,
    /// Small files that are to be hashed: their places among the items, and those of their contents, if these were compressed.
    unhashed: Vec<(usize, Range<usize>)>,
}

/// So a hole takes little room, and little time.
const FOR_HOLES: Compression = Compression::Gzip(1);

impl<'d> Worker<'d> {
    /// For a run with these options and dictionaries.
    pub(crate) fn new(options: &PackOptions, trained: &'d Trained) -> Worker<'d> {
        let attributes = options.attributes;
        let of_directories = attributes && options.index.keeps_directories();
        let encoder = options.compress.map(|how| Encoder::new(how, trained));
        Worker {
            attributes,
            of_directories,
            encoder,
            for_holes: None,
            trained,
            contents: Vec::new(),
            unhashed: Vec::new(),
        }
    }

    /// Reads every item of a batch. `data` is memory to fill. `claim` is asked once which of some files with
    /// several names are to be read here.
    pub(crate) fn batch(
        &mut self,
        task: Task,
        mut data: Vec<u8>,
        claim: impl FnOnce(&[FileId]) -> Vec<bool>,
    ) -> Done {
        let Task { batch, priors } = task;
        data.clear();
        self.contents.clear();
        let mut items = Vec::with_capacity(batch.len());
        let (mut linked, mut files) = (Vec::new(), Vec::new());
        for (index, item) in batch.items().enumerate() {
            let prior = priors.get(index).copied().flatten();
            let (end, contents) = (data.len(), self.contents.len());
            let done = self.item(&batch.directory, item.name, item.kind, prior, &mut data);
            let done = self.settle(index, done, &mut data, (end, contents));
            if let Item::Linked(metadata) = &done
                && let Some(file) = metadata.file_id()
            {
                linked.push((index, item.name));
                files.push(file);
            }
            items.push(done);
        }
        for ((index, name), is_first) in linked.into_iter().zip(claim(&files)) {
            if is_first {
                let ends = (data.len(), self.contents.len());
                let done = self.file(&batch.directory, name, None, &mut data, true);
                items[index] = self.settle(index, done, &mut data, ends);
            }
        }
        self.hash(&mut items, &data);
        Done { batch, priors, items, data }
    }

    /// What became of an item. Whatever was read of a file that failed later goes.
    fn settle(
        &mut self,
        index: usize,
        done: io::Result<Item>,
        data: &mut Vec<u8>,
        (end, contents): (usize, usize),
    ) -> Item {
        let done = done.unwrap_or_else(|error| Item::Failed(error.into()));
        if let Item::Small(_, small, _) = &done {
            if small.original_digest.is_none() {
                self.contents.truncate(contents);
            }
            self.unhashed.push((index, contents..self.contents.len()));
        } else {
            data.truncate(end);
            self.contents.truncate(contents);
        }
        done
    }

    /// Hashes the small files of a batch.
    fn hash(&mut self, items: &mut [Item], data: &[u8]) {
        let mut messages = Vec::with_capacity(2 * self.unhashed.len());
        for (index, content) in &self.unhashed {
            if let Item::Small(_, small, _) = &items[*index] {
                messages.push(&data[small.start..][..small.stored_size]);
                messages.extend(small.original_digest.map(|_| &self.contents[content.clone()]));
            }
        }
        let mut digests = Digest::of_each(&messages).into_iter();
        for (index, _) in self.unhashed.drain(..) {
            if let Item::Small(_, small, _) = &mut items[index] {
                let of_both = std::iter::once(&mut small.digest).chain(&mut small.original_digest);
                of_both.zip(&mut digests).for_each(|(digest, found)| *digest = found);
            }
        }
        self.contents.clear();
    }

    fn item(
        &mut self,
        directory: &Arc<Directory>,
        name: &[u8],
        kind: ItemKind,
        prior: Option<Prior>,
        data: &mut Vec<u8>,
    ) -> io::Result<Item> {
        match kind {
            ItemKind::Directory => {
                let metadata = directory.metadata(name)?;
                if prior.is_some_and(|prior| prior.is_still(&metadata, 0)) {
                    return Ok(Item::Unchanged(None));
                }
                let attached = match self.of_directories {
                    true => Attached::new(directory.attributes_of(name)),
                    false => None,
                };
                Ok(Item::Directory(metadata, attached))
            }
            ItemKind::Symlink => {
                let metadata = directory.metadata(name)?;
                let target = directory.read_link(name)?;
                let is_still = |prior: Prior| {
                    prior.is_still(&metadata, target.len() as u64)
                        && prior.target == Some(Digest::of(&target))
                };
                if prior.is_some_and(is_still) {
                    return Ok(Item::Unchanged(None));
                }
                if let Some(problem) = LeftOut::of_target(&target) {
                    return Ok(Item::Failed(problem));
                }
                Ok(Item::Symlink(metadata, target))
            }
            ItemKind::Made => Ok(Item::Made),
            ItemKind::Other => Ok(Item::Special),
            ItemKind::File => match unchanged(directory, name, prior) {
                Some(file) => Ok(Item::Unchanged(file)),
                None => self.file(directory, name, prior, data, false),
            },
        }
    }

    /// Reads a file unless it is large, anew when it changes meanwhile. One with other names is read only if this is
    /// its `first`.
    fn file(
        &mut self,
        directory: &Arc<Directory>,
        name: &[u8],
        prior: Option<Prior>,
        data: &mut Vec<u8>,
        first: bool,
    ) -> io::Result<Item> {
        for attempt in 0..ATTEMPTS {
            let file = directory.open_file(name)?;
            let metadata = directory.metadata_of(&file)?;
            if metadata.kind != ItemKind::File {
                return Ok(Item::Special);
            }
            if prior.is_some_and(|prior| prior.is_still(&metadata, metadata.size)) {
                return Ok(Item::Unchanged(metadata.file_id()));
            }
            if metadata.size > BLOCK {
                return Ok(Item::Large(metadata));
            }
            if metadata.file_id().is_some() && !first {
                return Ok(Item::Linked(metadata));
            }
            metadata.settle(attempt);
            let (start, contents) = (data.len(), self.contents.len());
            if let Some((small, attached)) = self.small(directory, name, &file, &metadata, data)?
                && directory.metadata_of(&file)?.is_still(&metadata)
            {
                return Ok(Item::Small(metadata, small, attached));
            }
            data.truncate(start);
            self.contents.truncate(contents);
        }
        Ok(Item::Failed(LeftOut::Changed))
    }

    /// Appends a small file's payload to `data`; `None` when it is longer or shorter than a moment ago.
    fn small(
        &mut self,
        directory: &Directory,
        name: &[u8],
        file: &File,
        metadata: &Metadata,
        data: &mut Vec<u8>,
    ) -> io::Result<Option<(Small, Option<Box<Attached>>)>> {
        let sparse = directory.has_holes(file, metadata);
        let (start, content) = (data.len(), self.contents.len());
        let size = metadata.size as usize;
        let compressed = self.encoder.is_some();
        let out = if compressed { &mut self.contents } else { &mut *data };
        if crate::source::platform::read_whole(file, size, out)? != size {
            return Ok(None);
        }
        let small = match compressed {
            true => self.compress(content, || directory.pack_path_of(name), data)?,
            false => Small::stored(start, size),
        };
        let attached = match self.attributes {
            true => Attached::new(attributes::read(file)),
            false => None,
        };
        Ok(Some((Small { sparse, ..small }, attached)))
    }

    /// Appends the payload of a short file that is at hand to `data`; `path` is its path in the pack.
    #[cfg(feature = "archives")]
    pub(crate) fn given(
        &mut self,
        content: &[u8],
        path: &[u8],
        data: &mut Vec<u8>,
    ) -> io::Result<Small> {
        self.contents.clear();
        self.contents.extend_from_slice(content);
        let small = self.compress(0, || path.to_vec(), data)?;
        let digest = Digest::of(&data[small.start..]);
        let original_digest = small.original_digest.map(|_| Digest::of(content));
        Ok(Small { digest, original_digest, ..small })
    }

    /// Appends the last content, which begins there in `contents`, to `data`, compressed if that makes it shorter.
    fn compress(
        &mut self,
        content: usize,
        path: impl FnOnce() -> Vec<u8>,
        data: &mut Vec<u8>,
    ) -> io::Result<Small> {
        let start = data.len();
        let content = &self.contents[content..];
        if let Some(encoder) = &mut self.encoder
            && !content.is_empty()
        {
            let dictionary = encoder.whole(content, path, data)?;
            let stored_size = data.len() - start;
            if stored_size < content.len() {
                let original_digest = Some(Digest([0; 32]));
                let stored = Small::stored(start, stored_size);
                let codec = encoder.codec();
                return Ok(Small { codec, original_digest, dictionary, ..stored });
            }
            data.truncate(start);
        }
        data.extend_from_slice(content);
        Ok(Small::stored(start, content.len()))
    }

    /// Reads one block of a large file, hashes it, compresses it.
    pub(crate) fn block(&mut self, job: BlockJob) -> io::Result<BlockDone> {
        let content = match job.from {
            BlockSource::File(file, offset) => read_block(&file, offset, job.len)?,
            #[cfg(feature = "archives")]
            BlockSource::Given(content) => content?,
        };
        let mut stored = None;
        let mut crc = crc32fast::Hasher::new();
        if job.codec != Codec::Stored {
            if job.codec == Codec::Gzip {
                crc.update(&content);
            }
            let Worker { encoder, for_holes, trained, .. } = self;
            let encoder = match encoder {
                Some(encoder) => encoder,
                None => for_holes.get_or_insert_with(|| Encoder::new(FOR_HOLES, trained)),
            };
            let mut out = Vec::new();
            encoder.block(&content, job.first, job.last, &mut out)?;
            stored = Some(out);
        }
        // The last block of a gzip member still lacks its trailer: the writer hashes it.
        let open = job.codec == Codec::Gzip && job.last;
        let digest = (!open).then(|| Digest::of(stored.as_ref().unwrap_or(&content)));
        Ok(BlockDone { content, stored, crc, digest })
    }
}

fn read_block(file: &File, offset: u64, len: usize) -> io::Result<Vec<u8>> {
    let mut content = vec![0; len];
    let mut filled = 0;
    while filled < content.len() {
        let at = offset + filled as u64;
        match crate::source::platform::read_at(file, &mut content[filled..], at) {
            Ok(0) => {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it became shorter"));
            }
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(content)
}

/// Where a block comes from.
#[derive(Debug)]
pub(crate) enum BlockSource {
    /// A file, at this offset.
    File(Arc<File>, u64),
    /// It is at hand, or could not be read.
    #[cfg(feature = "archives")]
    Given(io::Result<Vec<u8>>),
}

/// One block of a large file.
#[derive(Debug)]
pub(crate) struct BlockJob {
    pub(crate) from: BlockSource,
    pub(crate) len: usize,
    pub(crate) first: bool,
    pub(crate) last: bool,
    /// How it is to be stored.
    pub(crate) codec: Codec,
}

/// What a worker made of a block.
#[derive(Debug)]
pub(crate) struct BlockDone {
    pub(crate) content: Vec<u8>,
    pub(crate) stored: Option<Vec<u8>>,
    pub(crate) crc: crc32fast::Hasher,
    pub(crate) digest: Option<Digest>,
}

/// Whether a file is the one that the container holds, in which case nobody opens it; and which file of the system it is.
fn unchanged(directory: &Directory, name: &[u8], prior: Option<Prior>) -> Option<Option<FileId>> {
    let prior = prior?;
    // What is wrong is found again when it is opened.
    let metadata = directory.metadata(name).ok()?;
    let is_still = metadata.kind == ItemKind::File && prior.is_still(&metadata, metadata.size);
    is_still.then(|| metadata.file_id())
}
