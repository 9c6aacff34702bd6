//! Runs of entries in a temporary file that vanishes with the process.

use crate::source::platform;
use rangepack_core::{
    AttributeBlock, BlockTable, Codec, Content, DictionaryPlace, DictionaryRef, Digest, Entry,
    Kind, Owner, PackPathBuf, Totals,
};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::sync::Arc;

/// So much is written at once, in bytes.
const BUFFER: usize = 64 << 10;

/// Sorted runs of entries, in pieces that lie in one file.
#[derive(Debug)]
pub(crate) struct Runs {
    file: File,
    end: u64,
    runs: Vec<Run>,
}

/// Entries in order, which come with time.
#[derive(Debug)]
struct Run {
    encoder: Encoder,
    last: PackPathBuf,
    entries: u64,
    /// First byte and length of each piece.
    pieces: VecDeque<(u64, u64)>,
}

impl Runs {
    /// No run yet; the file lies in `directory`.
    pub(crate) fn new(directory: &Path) -> io::Result<Runs> {
        Ok(Runs { file: tempfile::tempfile_in(directory)?, end: 0, runs: Vec::new() })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.runs.len()
    }

    /// Writes sorted entries: as many as come after its last one behind the first run, of the others as many behind the next,
    /// and what is left as a run of its own. So entries that came in order, or in a few orders at once, make few runs; and of
    /// entries with the same path the earlier is never in a later run.
    pub(crate) fn push(&mut self, mut entries: &[Entry]) -> io::Result<()> {
        for run in &mut self.runs {
            let fitting = entries.partition_point(|entry| entry.path < run.last);
            let (others, behind) = entries.split_at(fitting);
            run.write(behind, &mut self.file, &mut self.end)?;
            entries = others;
        }
        if let Some(last) = entries.last() {
            let mut run = Run {
                encoder: Encoder::default(),
                last: last.path.clone(),
                entries: 0,
                pieces: VecDeque::new(),
            };
            run.write(entries, &mut self.file, &mut self.end)?;
            self.runs.push(run);
        }
        Ok(())
    }

    /// Readers over all runs, each with a buffer of its own.
    pub(crate) fn read(self) -> io::Result<Vec<Entries<BufReader<Section>>>> {
        let file = Arc::new(self.file);
        let readers = self.runs.into_iter().map(|run| {
            let section = Section::new(file.clone(), run.pieces);
            let reader = BufReader::with_capacity(32 << 10, section);
            Entries { decoder: Decoder::default(), reader, left: run.entries }
        });
        Ok(readers.collect())
    }
}

impl Run {
    fn write(&mut self, entries: &[Entry], file: &mut File, end: &mut u64) -> io::Result<()> {
        let Some(last) = entries.last() else { return Ok(()) };
        let start = *end;
        let mut buffer = Vec::with_capacity(BUFFER);
        for entry in entries {
            self.encoder.encode(entry, &mut buffer);
            if buffer.len() >= BUFFER {
                file.write_all(&buffer)?;
                *end += buffer.len() as u64;
                buffer.clear();
            }
        }
        file.write_all(&buffer)?;
        *end += buffer.len() as u64;
        self.pieces.push_back((start, *end - start));
        self.entries += entries.len() as u64;
        self.last = last.path.clone();
        Ok(())
    }
}

/// Reads pieces of a file one after the other, so that many read the same handle.
#[derive(Debug)]
pub(crate) struct Section {
    file: Arc<File>,
    pieces: VecDeque<(u64, u64)>,
}

impl Section {
    /// First byte and length of each piece.
    pub(super) fn new(file: Arc<File>, pieces: VecDeque<(u64, u64)>) -> Section {
        Section { file, pieces }
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some((start, left)) = self.pieces.front_mut() else { return Ok(0) };
        let most = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
        let read = platform::read_at(&self.file, &mut buffer[..most], *start)?;
        (*start, *left) = (*start + read as u64, *left - read as u64);
        if *left == 0 {
            self.pieces.pop_front();
        }
        Ok(read)
    }
}

/// Entries read back.
#[derive(Debug)]
pub(crate) struct Entries<R> {
    decoder: Decoder,
    reader: R,
    left: u64,
}

impl<R: Read> Iterator for Entries<R> {
    type Item = io::Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        Some(self.decoder.decode(&mut self.reader))
    }
}

const HAS_MODE: u8 = 1 << 2;
const HAS_MTIME: u8 = 1 << 3;
const HAS_OWNER: u8 = 1 << 4;
const HAS_ATTRIBUTES: u8 = 1 << 5;
const SPARSE: u8 = 1 << 0;
const HAS_DIGEST: u8 = 1 << 1;
const HAS_ORIGINAL: u8 = 1 << 2;
const HAS_BLOCKS: u8 = 1 << 3;
const HAS_LINK: u8 = 1 << 4;
const HAS_DICTIONARY: u8 = 1 << 5;
const HAS_NUMBER: u8 = 1 << 6;

/// Writes records: private to one run of the program, so there is no version and no padding.
/// A path keeps only what differs from the one before.
#[derive(Debug, Default)]
struct Encoder {
    path: Vec<u8>,
}

impl Encoder {
    fn encode(&mut self, entry: &Entry, out: &mut Vec<u8>) {
        let path = entry.path.as_bytes();
        let shared = self.path.iter().zip(path).take_while(|(a, b)| a == b).count();
        let kind = match entry.kind {
            Kind::File(_) => 0,
            Kind::Directory(_) => 1,
            Kind::Symlink(_) => 2,
        };
        let has = |bit, yes: bool| if yes { bit } else { 0 };
        out.push(
            kind | has(HAS_MODE, entry.mode.is_some())
                | has(HAS_MTIME, entry.mtime.is_some())
                | has(HAS_OWNER, entry.owner.is_some())
                | has(HAS_ATTRIBUTES, entry.attributes.is_some()),
        );
        out.extend((shared as u32).to_le_bytes());
        out.extend(((path.len() - shared) as u32).to_le_bytes());
        out.extend(&path[shared..]);
        if self.path.len() < shared {
            self.path.clear();
        }
        self.path.truncate(shared);
        self.path.extend(&path[shared..]);
        out.extend(entry.mode.map(u32::to_le_bytes).iter().flatten());
        out.extend(entry.mtime.map(i64::to_le_bytes).iter().flatten());
        if let Some(owner) = entry.owner {
            out.extend(owner.uid.to_le_bytes());
            out.extend(owner.gid.to_le_bytes());
        }
        if let Some(block) = entry.attributes {
            out.extend(block.offset.to_le_bytes());
            out.extend(block.len.to_le_bytes());
            out.extend(block.digest.0);
        }
        match &entry.kind {
            Kind::Directory(_) => {}
            Kind::Symlink(target) => {
                out.extend((target.len() as u32).to_le_bytes());
                out.extend(target);
            }
            Kind::File(content) => {
                out.push(
                    has(SPARSE, content.sparse)
                        | has(HAS_DIGEST, content.digest.is_some())
                        | has(HAS_ORIGINAL, content.original_digest.is_some())
                        | has(HAS_BLOCKS, content.blocks.is_some())
                        | has(HAS_LINK, content.hard_link.is_some())
                        | match content.dictionary {
                            None => 0,
                            Some(DictionaryRef::Place(_)) => HAS_DICTIONARY,
                            Some(DictionaryRef::Number(_)) => HAS_NUMBER,
                        },
                );
                out.push(content.codec.number());
                out.extend(content.volume.to_le_bytes());
                out.extend(content.offset.to_le_bytes());
                out.extend(content.stored_size.to_le_bytes());
                out.extend(content.size.to_le_bytes());
                out.extend(content.digest.iter().flat_map(|digest| digest.0));
                out.extend(content.original_digest.iter().flat_map(|digest| digest.0));
                if let Some(blocks) = content.blocks {
                    out.extend(blocks.offset.to_le_bytes());
                    out.extend(blocks.digest.0);
                    out.push(blocks.block_log2);
                }
                out.extend(content.hard_link.map(u64::to_le_bytes).iter().flatten());
                match content.dictionary {
                    None => {}
                    Some(DictionaryRef::Number(number)) => out.extend(number.to_le_bytes()),
                    Some(DictionaryRef::Place(place)) => {
                        out.extend(place.volume.to_le_bytes());
                        out.extend(place.offset.to_le_bytes());
                        out.extend(place.len.to_le_bytes());
                        out.extend(place.digest.0);
                    }
                }
            }
        }
    }
}

#[derive(Debug, Default)]
struct Decoder {
    path: Vec<u8>,
}

impl Decoder {
    fn decode(&mut self, reader: &mut impl Read) -> io::Result<Entry> {
        let [flags] = array(reader)?;
        let shared = u32::from_le_bytes(array(reader)?) as usize;
        let rest = u32::from_le_bytes(array(reader)?) as usize;
        self.path.resize(shared + rest, 0);
        reader.read_exact(&mut self.path[shared..])?;
        let path = PackPathBuf::new(self.path.clone()).map_err(io::Error::other)?;
        let mode = (flags & HAS_MODE != 0).then(|| array(reader)).transpose()?;
        let mtime = (flags & HAS_MTIME != 0).then(|| array(reader)).transpose()?;
        let owner = if flags & HAS_OWNER != 0 {
            let uid = u32::from_le_bytes(array(reader)?);
            Some(Owner { uid, gid: u32::from_le_bytes(array(reader)?) })
        } else {
            None
        };
        let attributes = if flags & HAS_ATTRIBUTES != 0 {
            let offset = u64::from_le_bytes(array(reader)?);
            let len = u32::from_le_bytes(array(reader)?);
            Some(AttributeBlock { offset, len, digest: Digest(array(reader)?) })
        } else {
            None
        };
        let kind = match flags & 3 {
            1 => Kind::Directory(Totals::default()),
            2 => {
                let mut target = vec![0; u32::from_le_bytes(array(reader)?) as usize];
                reader.read_exact(&mut target)?;
                Kind::Symlink(target)
            }
            _ => Kind::File(content(reader)?),
        };
        let mode = mode.map(u32::from_le_bytes);
        Ok(Entry::new(path, kind)
            .with_mode(mode)
            .with_mtime(mtime.map(i64::from_le_bytes))
            .with_owner(owner)
            .with_attributes(attributes))
    }
}

fn content(reader: &mut impl Read) -> io::Result<Content> {
    let [flags, codec] = array(reader)?;
    let volume = u32::from_le_bytes(array(reader)?);
    let offset = u64::from_le_bytes(array(reader)?);
    let stored_size = u64::from_le_bytes(array(reader)?);
    let size = u64::from_le_bytes(array(reader)?);
    let digest = (flags & HAS_DIGEST != 0).then(|| array(reader)).transpose()?.map(Digest);
    let original_digest =
        (flags & HAS_ORIGINAL != 0).then(|| array(reader)).transpose()?.map(Digest);
    let blocks = if flags & HAS_BLOCKS != 0 {
        let offset = u64::from_le_bytes(array(reader)?);
        let digest = Digest(array(reader)?);
        let [block_log2] = array(reader)?;
        Some(BlockTable { offset, digest, block_log2 })
    } else {
        None
    };
    let link = (flags & HAS_LINK != 0).then(|| array(reader)).transpose()?;
    let dictionary = if flags & HAS_DICTIONARY != 0 {
        let volume = u32::from_le_bytes(array(reader)?);
        let offset = u64::from_le_bytes(array(reader)?);
        let len = u32::from_le_bytes(array(reader)?);
        let digest = Digest(array(reader)?);
        Some(DictionaryRef::Place(DictionaryPlace { volume, offset, len, digest }))
    } else if flags & HAS_NUMBER != 0 {
        Some(DictionaryRef::Number(u32::from_le_bytes(array(reader)?)))
    } else {
        None
    };
    Ok(Content::new(Codec::from_number(codec), offset, stored_size, size)
        .with_volume(volume)
        .with_digest(digest)
        .with_original_digest(original_digest)
        .with_blocks(blocks)
        .with_dictionary(dictionary)
        .with_hard_link(link.map(u64::from_le_bytes))
        .with_sparse(flags & SPARSE != 0))
}

fn array<const N: usize>(reader: &mut impl Read) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes)?;
    Ok(bytes)
}
