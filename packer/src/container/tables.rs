//! Block tables for the large payloads of old containers, which have none; and what else lies beside payloads.

use crate::pack::BLOCK;
use crate::progress::Observer;
use rangepack_core::blocks::{BlockTableBuilder, DEFAULT_BLOCK_LOG2, table_len};
use rangepack_core::{AttributeBlock, BlockTable, Codec, Content, Digest, Extent, Hasher, Source};
use std::collections::HashMap;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use tempfile::SpooledTempFile;

/// Tables lie in memory up to this length, then in a temporary file.
const IN_MEMORY: usize = 8 << 20;

/// Tables on their way into the file that holds the new index.
#[derive(Debug)]
pub(crate) struct Tables {
    spool: SpooledTempFile,
    /// Where the first one will lie.
    start: u64,
    len: u64,
    /// Payloads that were read: identical content is stored once and named often.
    known: HashMap<(u64, u64), Known>,
    /// Attribute blocks, and where they will lie.
    blocks: HashMap<(u64, u32, Digest), u64>,
}

/// What a payload turned out to be.
#[derive(Debug, Clone, Copy)]
struct Known {
    digest: Digest,
    table: Option<BlockTable>,
}

impl Tables {
    /// No table yet; the first will lie at `start`. A temporary file lies in `directory`.
    pub(crate) fn new(directory: &Path, start: u64) -> Tables {
        let spool = tempfile::spooled_tempfile_in(IN_MEMORY, directory);
        Tables { spool, start, len: 0, known: HashMap::new(), blocks: HashMap::new() }
    }

    /// Gives a stored payload that is longer than a block its table, and its digest if it has none.
    ///
    /// `false` when the payload is not what its digest says: then it gets no table. Members that the old
    /// programs compressed can be decoded from their beginning only, so they get none either.
    pub(crate) fn add(
        &mut self,
        content: &mut Content,
        payload: &[u8],
        observer: &dyn Observer,
    ) -> io::Result<bool> {
        if content.codec != Codec::Stored || payload.len() as u64 <= BLOCK {
            return Ok(true);
        }
        let key = (content.offset, content.stored_size);
        let known = match self.known.get(&key) {
            Some(known) => *known,
            None => {
                let hashed = hash(payload, observer);
                let (digest, builder) = hashed.ok_or(io::ErrorKind::Interrupted)?;
                let sound = content.digest.is_none_or(|expected| expected == digest);
                let table = if sound { Some(self.push(builder)?) } else { None };
                let known = Known { digest, table };
                self.known.insert(key, known);
                known
            }
        };
        let sound = known.digest == *content.digest.get_or_insert(known.digest);
        content.blocks = known.table.filter(|_| sound);
        Ok(sound)
    }

    /// Takes over the table that a payload has in `file`; `false` when it does not lie there.
    pub(crate) fn copy(&mut self, content: &mut Content, file: &[u8]) -> io::Result<bool> {
        let Some(table) = &mut content.blocks else { return Ok(true) };
        let len = table_len(content.size, table.block_log2);
        let extent = Extent { start: table.offset, len };
        let Some(bytes) = file.bytes(extent) else {
            content.blocks = None;
            return Ok(false);
        };
        table.offset = self.write(bytes)?;
        Ok(true)
    }

    /// Takes over an attribute block that lies in `file`; `None` when it does not lie there.
    pub(crate) fn copy_attributes(
        &mut self,
        mut block: AttributeBlock,
        file: &[u8],
    ) -> io::Result<Option<AttributeBlock>> {
        let Some(bytes) = file.bytes(block.extent()) else { return Ok(None) };
        let key = (block.offset, block.len, block.digest);
        block.offset = match self.blocks.get(&key) {
            Some(offset) => *offset,
            None => {
                let offset = self.write(bytes)?;
                self.blocks.insert(key, offset);
                offset
            }
        };
        Ok(Some(block))
    }

    /// Adds the table of a payload whose blocks were hashed elsewhere.
    pub(crate) fn push(&mut self, builder: BlockTableBuilder) -> io::Result<BlockTable> {
        let (bytes, digest) = builder.finish();
        let offset = self.write(&bytes)?;
        Ok(BlockTable { offset, digest, block_log2: DEFAULT_BLOCK_LOG2 })
    }

    /// Adds an attribute block, unless the same is there already.
    #[cfg(feature = "archives")]
    pub(crate) fn add_attributes(
        &mut self,
        block: &[u8],
        digest: Digest,
    ) -> io::Result<AttributeBlock> {
        let len = block.len() as u32;
        let offset = match self.blocks.get(&(0, len, digest)) {
            Some(offset) => *offset,
            None => {
                let offset = self.write(block)?;
                self.blocks.insert((0, len, digest), offset);
                offset
            }
        };
        Ok(AttributeBlock { offset, len, digest })
    }

    /// Returns where the bytes will lie.
    fn write(&mut self, bytes: &[u8]) -> io::Result<u64> {
        self.spool.write_all(bytes)?;
        let offset = self.start + self.len;
        self.len += bytes.len() as u64;
        Ok(offset)
    }

    /// Where the last table will end.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.len
    }

    /// Writes all tables to `out`, which stands where the first is to lie.
    pub(crate) fn write_to(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.spool.seek(SeekFrom::Start(0))?;
        io::copy(&mut self.spool, out).map(|_| ())
    }
}

/// The digest of the whole on another thread, those of the blocks here; `None` when it was stopped.
fn hash(payload: &[u8], observer: &dyn Observer) -> Option<(Digest, BlockTableBuilder)> {
    let blocks = || payload.chunks(BLOCK as usize).take_while(|_| !observer.cancelled());
    let (digest, builder) = std::thread::scope(|scope| {
        let whole = scope.spawn(|| {
            let mut hasher = Hasher::new();
            blocks().for_each(|block| hasher.update(block));
            hasher.finish()
        });
        let mut builder = BlockTableBuilder::new();
        blocks().for_each(|block| builder.push(block.len() as u32, Digest::of(block)));
        let digest = whole.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (digest, builder)
    });
    (!observer.cancelled()).then_some((digest, builder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(offset: u64, stored_size: u64, digest: Option<Digest>) -> Content {
        Content::new(Codec::Stored, offset, stored_size, stored_size)
            .with_volume(1)
            .with_digest(digest)
    }

    #[test]
    fn sound_payloads_get_one_table_and_damaged_ones_none() {
        let payload: Vec<u8> = (0..700_000u32).map(|i| (i >> 4) as u8).collect();
        let (len, digest) = (payload.len() as u64, Digest::of(&payload));
        let mut tables = Tables::new(&std::env::temp_dir(), 1000);
        let mut first = content(5, len, Some(digest));
        assert!(tables.add(&mut first, &payload, &()).unwrap());
        let table = first.blocks.unwrap();
        assert_eq!(table.offset, 1000);
        assert_eq!(tables.end(), 1000 + table_len(len, DEFAULT_BLOCK_LOG2));
        // The same payload under another name, once without a digest.
        let mut second = content(5, len, None);
        assert!(tables.add(&mut second, &payload, &()).unwrap());
        assert_eq!(second, first);
        let end = tables.end();
        for (offset, claimed) in [(5, Digest::of(b"")), (9, Digest::of(b""))] {
            let mut damaged = content(offset, len, Some(claimed));
            assert!(!tables.add(&mut damaged, &payload, &()).unwrap());
            assert_eq!((damaged.blocks, damaged.digest), (None, Some(claimed)));
        }
        // What one entry says wrong does not hurt the next.
        assert!(tables.add(&mut content(9, len, None), &payload, &()).unwrap());
        let mut small = content(7, BLOCK, None);
        assert!(tables.add(&mut small, &payload[..BLOCK as usize], &()).unwrap());
        assert_eq!((small.blocks, tables.end()), (None, end));
        let mut out = Vec::new();
        tables.write_to(&mut out).unwrap();
        assert_eq!(out.len() as u64, end - 1000);
    }

    #[test]
    fn a_table_is_taken_over_if_it_is_there() {
        let mut tables = Tables::new(&std::env::temp_dir(), 0);
        let size = BLOCK + 1;
        let len = table_len(size, DEFAULT_BLOCK_LOG2) as usize;
        let mut content = content(0, 10, None);
        (content.size, content.codec) = (size, Codec::Gzip);
        let table = BlockTable { offset: 3, digest: Digest::of(b""), block_log2: 18 };
        content.blocks = Some(table);
        assert!(tables.copy(&mut content, &vec![7; len + 3]).unwrap());
        assert_eq!(content.blocks, Some(BlockTable { offset: 0, ..table }));
        assert!(!tables.copy(&mut content, &vec![7; len - 1]).unwrap());
        assert_eq!(content.blocks, None);
    }
}
