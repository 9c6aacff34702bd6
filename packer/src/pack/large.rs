//! Large files: read block by block on the workers, hashed as a whole and written here.

use super::attributes::Attached;
use super::links::Earlier;
use super::output::Output;
use super::pipeline::Pipeline;
use super::read::{ATTEMPTS, BLOCK, BlockJob, BlockSource};
use crate::error::{LeftOut, Result};
use crate::pack::walk::{Directory, ItemKind, Metadata};
use crate::progress::{self, Event, Observer};
use crate::source::attributes;
use rangepack_core::blocks::{BlockTableBuilder, DEFAULT_BLOCK_LOG2};
use rangepack_core::{BlockTable, Codec, Content, Digest, Hasher, gzip};
#[cfg(feature = "archives")]
use std::fs::File;
use std::sync::Arc;

/// After this many blocks a file that has not shrunk is not compressed any further.
const TRIAL: u64 = 16;

/// What became of a large file.
pub(crate) enum Outcome {
    /// It is stored, or was stored already.
    Stored {
        content: Box<Content>,
        metadata: Metadata,
        duplicate: bool,
        attached: Option<Box<Attached>>,
    },
    /// It could not be read.
    Failed(LeftOut),
}

/// A large file that is to be packed.
pub(crate) struct Large<'l> {
    pub(crate) pipeline: &'l Pipeline,
    pub(crate) output: &'l mut Output,
    pub(crate) directory: &'l Directory,
    pub(crate) name: &'l [u8],
    /// How it is compressed, if that makes it shorter.
    pub(crate) codec: Codec,
    /// Extended attributes are kept.
    pub(crate) attributes: bool,
    /// Where it may be stored already.
    pub(crate) earlier: Option<Earlier>,
    /// Asked before each block, and told after it.
    pub(crate) observer: &'l dyn Observer,
}

impl Large<'_> {
    /// Packs it. Whatever goes wrong with the file itself, nothing of it stays in the output; nor does it when
    /// the run is cancelled.
    pub(crate) fn pack(self) -> Result<Outcome> {
        let Large { pipeline, output, directory, name, observer, .. } = self;
        output.pad()?;
        let start = output.position();
        let mut problem = LeftOut::Changed;
        for attempt in 0..ATTEMPTS {
            let opened = directory.open_file(name);
            let opened = opened
                .and_then(|file| directory.metadata_of(&file).map(|metadata| (file, metadata)));
            let (file, metadata) = match opened {
                Ok(opened) => opened,
                Err(error) => return Ok(Outcome::Failed(error.into())),
            };
            if metadata.kind != ItemKind::File {
                return Ok(Outcome::Failed(LeftOut::NotAFile));
            }
            metadata.settle(attempt);
            let sparse = directory.has_holes(&file, &metadata);
            let shared = Arc::new(file);
            // It may have become empty, and nothing can be compressed then; or short, and is stored as it is.
            let (size, long_holes) = (metadata.size, sparse && metadata.size > BLOCK);
            let codec = match self.codec {
                _ if size == 0 => Codec::Stored,
                Codec::Stored if long_holes => Codec::Gzip,
                codec => codec,
            };
            let read = &mut |offset, _| BlockSource::File(shared.clone(), offset);
            let mut copy = Copy { pipeline, output, read, size, sparse, long_holes, observer };
            let copied = copy.run_or_store(codec, start)?;
            match copied {
                Copied::Done(content) => {
                    let attached = match self.attributes {
                        true => Attached::new(attributes::read(&*shared)),
                        false => None,
                    };
                    let now = directory.metadata_of(&shared);
                    if now.is_ok_and(|now| now.is_still(&metadata)) {
                        let (content, duplicate) = known(output, start, *content, self.earlier)?;
                        let content = Box::new(content);
                        return Ok(Outcome::Stored { content, metadata, duplicate, attached });
                    }
                    problem = LeftOut::Changed;
                }
                Copied::Failed(error) => problem = error,
                Copied::NotShorter => {}
                Copied::Cancelled => {
                    output.rewind(start)?;
                    return Err(progress::cancelled(directory.disk_path_of(name)));
                }
            }
            output.rewind(start)?;
        }
        Ok(Outcome::Failed(problem))
    }
}

/// The content where it lies, and whether it lay there before: then what was written of it is taken back.
fn known(
    output: &mut Output,
    start: u64,
    mut content: Content,
    earlier: Option<Earlier>,
) -> Result<(Content, bool)> {
    let known = output.find_large(&content, earlier)?;
    if let Some(placed) = known {
        content.offset = placed.offset;
        content.blocks = placed.blocks;
        output.rewind(start)?;
    }
    Ok((content, known.is_some()))
}

enum Copied {
    Done(Box<Content>),
    /// Compression does not make it shorter.
    NotShorter,
    Failed(LeftOut),
    Cancelled,
}

struct Copy<'c> {
    pipeline: &'c Pipeline,
    output: &'c mut Output,
    /// Gives the block of this offset and length; blocks are asked for in order, from the first each time.
    read: &'c mut dyn FnMut(u64, usize) -> BlockSource,
    size: u64,
    sparse: bool,
    /// Behind what does not shrink there may be a hole of any length.
    long_holes: bool,
    observer: &'c dyn Observer,
}

impl Copy<'_> {
    /// Copies what begins at `start` of the output, as it is if compression does not make it shorter.
    fn run_or_store(&mut self, codec: Codec, start: u64) -> Result<Copied> {
        match self.run(codec)? {
            Copied::NotShorter => {
                self.output.rewind(start)?;
                self.run(Codec::Stored)
            }
            copied => Ok(copied),
        }
    }

    fn run(&mut self, codec: Codec) -> Result<Copied> {
        let (read, size) = (&mut *self.read, self.size);
        let count = size.div_ceil(BLOCK);
        let jobs = (0..count).map(|index| {
            let offset = index * BLOCK;
            let len = BLOCK.min(size - offset) as usize;
            let (first, last) = (index == 0, index + 1 == count);
            BlockJob { from: read(offset, len), len, first, last, codec }
        });
        let start = self.output.position();
        let mut table = BlockTableBuilder::new();
        let mut payload = Hasher::new();
        let mut original = Hasher::new();
        let mut crc = crc32fast::Hasher::new();
        for (index, block) in (0u64..).zip(self.pipeline.blocks(jobs)) {
            if self.observer.cancelled() {
                return Ok(Copied::Cancelled);
            }
            let block = match block {
                Ok(block) => block,
                Err(error) => return Ok(Copied::Failed(error.into())),
            };
            let (stored, digest) = match block.stored {
                None => {
                    let digest = block.digest.unwrap_or_else(|| Digest::of(&block.content));
                    (block.content, digest)
                }
                Some(mut stored) => {
                    original.update(&block.content);
                    crc.combine(&block.crc);
                    if codec == Codec::Gzip && index + 1 == count {
                        stored.extend(gzip::member_trailer(crc.clone().finalize(), size));
                    }
                    let digest = block.digest.unwrap_or_else(|| Digest::of(&stored));
                    (stored, digest)
                }
            };
            payload.update(&stored);
            table.push(stored.len() as u32, digest);
            self.output.write(&stored)?;
            let written = self.output.position() - start;
            let read = (index + 1) * BLOCK;
            self.observer.event(Event::Reached { bytes: read.min(size) });
            if codec != Codec::Stored
                && !self.long_holes
                && (written >= size || index + 1 == TRIAL && written >= read)
            {
                return Ok(Copied::NotShorter);
            }
        }
        let stored_size = self.output.position() - start;
        // A file that became shorter meanwhile may be a single block, which needs no table.
        let blocks = if count > 1 {
            let (bytes, digest) = table.finish();
            let offset = self.output.position();
            self.output.write(&bytes)?;
            Some(BlockTable { offset, digest, block_log2: DEFAULT_BLOCK_LOG2 })
        } else {
            None
        };
        Ok(Copied::Done(Box::new(
            Content::new(codec, start, stored_size, size)
                .with_digest(Some(payload.finish()))
                .with_original_digest((codec != Codec::Stored).then(|| original.finish()))
                .with_blocks(blocks)
                .with_sparse(self.sparse),
        )))
    }
}

/// What became of a large file that is in no directory.
#[cfg(feature = "archives")]
pub(crate) enum Stored {
    /// It is stored, or was stored already.
    Done(Box<Content>, bool),
    /// It could not be read; nothing of it is in the output.
    Failed(LeftOut),
}

/// Stores what comes once, from front to back, as it is.
#[cfg(feature = "archives")]
pub(crate) fn store_stream(
    pipeline: &Pipeline,
    output: &mut Output,
    content: &mut dyn std::io::Read,
    size: u64,
    observer: &dyn Observer,
    name: &std::path::Path,
) -> Result<Stored> {
    let mut taken = 0;
    let read = &mut |_, len: usize| {
        let mut block = vec![0; len];
        taken += len as u64;
        let filled = content.read_exact(&mut block);
        // What verifies it may have something to say at its end.
        let filled = filled.and_then(|()| match taken == size {
            true => content.read(&mut [0]).map(drop),
            false => Ok(()),
        });
        BlockSource::Given(filled.map(|()| block))
    };
    store(pipeline, output, read, (Codec::Stored, size, false), observer, name)
}

/// Stores a file with this codec, if that makes it shorter, of this size, with holes or not.
#[cfg(feature = "archives")]
pub(crate) fn store_file(
    pipeline: &Pipeline,
    output: &mut Output,
    file: &Arc<File>,
    how: (Codec, u64, bool),
    observer: &dyn Observer,
    name: &std::path::Path,
) -> Result<Stored> {
    let read = &mut |offset, _| BlockSource::File(file.clone(), offset);
    store(pipeline, output, read, how, observer, name)
}

#[cfg(feature = "archives")]
fn store(
    pipeline: &Pipeline,
    output: &mut Output,
    read: &mut dyn FnMut(u64, usize) -> BlockSource,
    (codec, size, sparse): (Codec, u64, bool),
    observer: &dyn Observer,
    name: &std::path::Path,
) -> Result<Stored> {
    output.pad()?;
    let start = output.position();
    let codec = if codec == Codec::Stored && sparse { Codec::Gzip } else { codec };
    let mut copy = Copy { pipeline, output, read, size, sparse, long_holes: sparse, observer };
    let problem = match copy.run_or_store(codec, start)? {
        Copied::Done(content) => {
            let (content, duplicate) = known(output, start, *content, None)?;
            return Ok(Stored::Done(Box::new(content), duplicate));
        }
        Copied::Cancelled => {
            output.rewind(start)?;
            return Err(progress::cancelled(name));
        }
        Copied::Failed(problem) => problem,
        Copied::NotShorter => LeftOut::Changed,
    };
    output.rewind(start)?;
    Ok(Stored::Failed(problem))
}
