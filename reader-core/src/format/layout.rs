//! Every byte offset of the paged index, `to_bytes` beside `from_bytes` (FORMAT.md, "Paged index").
//!
//! All integers are little-endian. Nothing outside this module knows where a field lies.

use crate::bytes::{Cursor, Extent};
use crate::error::{Error, Result, Structure};
use crate::{Digest, Totals};
use alloc::vec::Vec;

/// The last eight bytes of every pack with a paged index.
pub const FOOTER_MAGIC: [u8; 8] = *b"RngPack1";
/// Length of the footer in bytes.
pub const FOOTER_LEN: usize = 72;
/// The format version written here, and the newest that is read.
pub const VERSION: u16 = 1;
/// The root page is at most this long, so that one read of 64 KiB at the tail brings it and the footer.
pub const MAX_ROOT: usize = 48 << 10;
/// What a reader asks for first: the tail that holds footer and root page.
pub const TAIL: u64 = 64 << 10;
/// Length of the pages written here, in bytes.
pub const PAGE_SIZE: u32 = 32 << 10;
/// Pages may be as long as this, in bytes.
pub const MAX_PAGE_SIZE: u32 = 64 << 10;
/// Pages are at least this long, in bytes, so that one entry of any kind fits.
pub const MIN_PAGE_SIZE: u32 = 32 << 10;

/// Required feature: payloads lie in other files, which the root page names.
pub const REQUIRES_VOLUMES: u64 = 1;
/// All required features known here.
pub const KNOWN_REQUIRED: u64 = REQUIRES_VOLUMES;
/// Optional feature: there is a hash section, which the header names.
pub const HAS_HASH: u64 = 1;

/// The fixed-size footer: where the root page is and what its digest is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footer {
    /// Where the root page lies.
    pub root: Extent,
    /// Length of the whole file, footer included.
    pub file_len: u64,
    /// SHA-256 of the root page as stored: the name of the pack.
    pub digest: Digest,
}

impl Footer {
    /// Reads the footer at the end of `tail`, which ends where the file (of `file_len` bytes) ends.
    ///
    /// `None` when there is no footer.
    pub fn from_tail(tail: &[u8], file_len: u64) -> Result<Option<Footer>> {
        let Some(bytes) = tail.last_chunk::<FOOTER_LEN>() else { return Ok(None) };
        if bytes.last_chunk::<8>() != Some(&FOOTER_MAGIC) {
            return Ok(None);
        }
        let mut cursor = Cursor::new(Structure::Footer, bytes);
        let version = cursor.u16()?;
        if version != VERSION {
            return Err(Error::UnsupportedVersion { found: version, newest: VERSION });
        }
        let footer_len = cursor.u16()?;
        let root_len = u64::from(cursor.u32()?);
        let root_start = cursor.u64()?;
        let pack_len = cursor.u64()?;
        let digest = Digest(cursor.array()?);
        let reserved = cursor.u32()?;
        let expected = cursor.u32()?;
        let found = crc32(bytes);
        if expected != found {
            return Err(Error::ChecksumMismatch { structure: Structure::Footer, expected, found });
        }
        let bad =
            |field, value| Err(Error::BadField { structure: Structure::Footer, field, value });
        if usize::from(footer_len) != FOOTER_LEN {
            return bad("footer_len", u64::from(footer_len));
        }
        if reserved != 0 {
            return bad("reserved", u64::from(reserved));
        }
        if pack_len != file_len {
            return bad("file_len", pack_len);
        }
        if root_len > MAX_ROOT as u64 || root_len < ROOT_HEADER_LEN as u64 {
            return bad("root_len", root_len);
        }
        // The root page ends where the footer begins: one read of the tail brings both.
        let root = Extent::new(root_start, root_len, file_len)?;
        if root.end().checked_add(FOOTER_LEN as u64) != Some(file_len) {
            return bad("root_offset", root_start);
        }
        Ok(Some(Footer { root, file_len, digest }))
    }

    /// The footer's bytes.
    pub fn to_bytes(&self) -> [u8; FOOTER_LEN] {
        let mut out = [0u8; FOOTER_LEN];
        let root_len = u32::try_from(self.root.len).unwrap_or(u32::MAX);
        let mut put = Put { out: &mut out };
        put.bytes(&VERSION.to_le_bytes());
        put.bytes(&72u16.to_le_bytes());
        put.bytes(&root_len.to_le_bytes());
        put.bytes(&self.root.start.to_le_bytes());
        put.bytes(&self.file_len.to_le_bytes());
        put.bytes(&self.digest.0);
        put.bytes(&[0; 8]);
        put.bytes(&FOOTER_MAGIC);
        let sum = crc32(&out);
        if let Some(place) = out.get_mut(60..64) {
            place.copy_from_slice(&sum.to_le_bytes());
        }
        out
    }
}

fn crc32(footer: &[u8; FOOTER_LEN]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(footer.get(..60).unwrap_or(&[]));
    hasher.finalize()
}

/// Fills a fixed buffer from its beginning.
struct Put<'a> {
    out: &'a mut [u8],
}

impl Put<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        if let Some((head, rest)) = core::mem::take(&mut self.out).split_at_mut_checked(bytes.len())
        {
            head.copy_from_slice(bytes);
            self.out = rest;
        }
    }
}

/// Length of the root page's header without the names of volumes, in bytes.
pub const ROOT_HEADER_LEN: usize = 112;

/// The root page's header: everything about the pack as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Feature bits that a reader must know.
    pub required: u64,
    /// Feature bits that a reader may ignore.
    pub optional: u64,
    /// Length of each page in bytes.
    pub page_size: u32,
    /// Number of pages: leaves first, then inner pages, level by level.
    pub page_count: u32,
    /// Where the first page lies.
    pub pages_offset: u64,
    /// Payloads and block tables of this file end here.
    pub payload_end: u64,
    /// The CTNRv1 trailer, magic and length included; empty when the pack has none.
    pub trailer: Extent,
    /// Number of entries.
    pub entries: u64,
    /// How many of the files are symbolic links.
    pub symlinks: u64,
    /// Totals of the root directory.
    pub totals: Totals,
    /// Other files that hold payloads: volume 1 is the first of them.
    pub volumes: Vec<Volume>,
    /// The hash section, when there is one.
    pub hash: Option<HashSection>,
}

/// Where the hash section lies (FORMAT.md, "Hash section").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HashSection {
    /// Offset of its first slot.
    pub offset: u64,
    /// Number of slots.
    pub slots: u64,
}

impl HashSection {
    /// All its bytes.
    pub fn extent(&self) -> Extent {
        Extent { start: self.offset, len: self.slots.saturating_mul(HASH_SLOT_LEN as u64) }
    }
}

/// Another file that holds payloads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// Its name, a plain file name: it lies in the same directory as the pack.
    pub name: Vec<u8>,
    /// Its length in bytes.
    pub len: u64,
}

impl Header {
    /// Reads a header at the beginning of an unmasked root page; also returns its length.
    pub fn from_bytes(root: &[u8], file_len: u64) -> Result<(Header, usize)> {
        let bad =
            |field, value| Err(Error::BadField { structure: Structure::RootHeader, field, value });
        let mut cursor = Cursor::new(Structure::RootHeader, root);
        let _mask = cursor.u8()?;
        let reserved = cursor.u8()?;
        let header_len = usize::from(cursor.u16()?);
        let page_size = cursor.u32()?;
        let required = cursor.u64()?;
        let unknown = required & !KNOWN_REQUIRED;
        if unknown != 0 {
            return Err(Error::UnsupportedFeatures { bits: unknown });
        }
        let optional = cursor.u64()?;
        let pages_offset = cursor.u64()?;
        let page_count = cursor.u32()?;
        let volume_count = cursor.u32()?;
        let payload_end = cursor.u64()?;
        let trailer_offset = cursor.u64()?;
        let trailer_len = cursor.u64()?;
        let entries = cursor.u64()?;
        let symlinks = cursor.u64()?;
        let totals = Totals {
            files: cursor.u64()?,
            directories: cursor.u64()?,
            bytes: cursor.u64()?,
            stored_bytes: cursor.u64()?,
        };
        if reserved != 0 {
            return bad("reserved", u64::from(reserved));
        }
        if !(MIN_PAGE_SIZE..=MAX_PAGE_SIZE).contains(&page_size) || !page_size.is_power_of_two() {
            return bad("page_size", u64::from(page_size));
        }
        let pages_len = u64::from(page_count).saturating_mul(u64::from(page_size));
        Extent::new(pages_offset, pages_len, file_len)?;
        let trailer = Extent::new(trailer_offset, trailer_len, file_len)?;
        Extent::new(0, payload_end, file_len)?;
        // Each volume takes at least 11 bytes, so a false count runs into the end of the root page.
        let mut volumes = Vec::new();
        for _ in 0..volume_count {
            let len = cursor.u64()?;
            let name_len = cursor.u16()?;
            let name = cursor.take(usize::from(name_len))?;
            if !crate::path::is_name(name) {
                return bad("volume name", u64::from(name_len));
            }
            volumes.push(Volume { name: name.to_vec(), len });
        }
        let mut hash = None;
        if optional & HAS_HASH != 0 {
            let section = HashSection { offset: cursor.u64()?, slots: cursor.u64()? };
            let extent = section.extent();
            Extent::new(extent.start, extent.len, file_len)?;
            hash = Some(section);
        }
        let read = root.len().saturating_sub(cursor.rest().len());
        // A later minor version may append fields; they are skipped.
        if header_len < read || header_len > root.len() {
            return bad("header_len", header_len as u64);
        }
        let header = Header {
            required,
            optional,
            page_size,
            page_count,
            pages_offset,
            payload_end,
            trailer,
            entries,
            symlinks,
            totals,
            volumes,
            hash,
        };
        Ok((header, header_len))
    }

    /// The header's bytes, mask 0.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(ROOT_HEADER_LEN);
        let names: usize = self.volumes.iter().map(|v| v.name.len().saturating_add(10)).sum();
        let appended = if self.hash.is_some() { 16 } else { 0 };
        let header_len = ROOT_HEADER_LEN.saturating_add(names).saturating_add(appended);
        out.extend([0, 0]);
        out.extend(u16::try_from(header_len).unwrap_or(u16::MAX).to_le_bytes());
        out.extend(self.page_size.to_le_bytes());
        out.extend(self.required.to_le_bytes());
        out.extend(self.optional.to_le_bytes());
        out.extend(self.pages_offset.to_le_bytes());
        out.extend(self.page_count.to_le_bytes());
        out.extend(u32::try_from(self.volumes.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend(self.payload_end.to_le_bytes());
        out.extend(self.trailer.start.to_le_bytes());
        out.extend(self.trailer.len.to_le_bytes());
        out.extend(self.entries.to_le_bytes());
        out.extend(self.symlinks.to_le_bytes());
        out.extend(totals_to_bytes(&self.totals));
        for volume in &self.volumes {
            out.extend(volume.len.to_le_bytes());
            out.extend(u16::try_from(volume.name.len()).unwrap_or(u16::MAX).to_le_bytes());
            out.extend(&volume.name);
        }
        if let Some(hash) = &self.hash {
            out.extend(hash.offset.to_le_bytes());
            out.extend(hash.slots.to_le_bytes());
        }
        out
    }

    /// Where page `number` lies.
    pub fn page(&self, number: u32) -> Result<Extent> {
        if number >= self.page_count {
            return Err(Error::BadField {
                structure: Structure::Inner,
                field: "first_child",
                value: u64::from(number),
            });
        }
        let size = u64::from(self.page_size);
        let start = self.pages_offset.saturating_add(u64::from(number).saturating_mul(size));
        Ok(Extent { start, len: size })
    }
}

/// A directory's totals, in the place where a file has its digest.
pub fn totals_to_bytes(totals: &Totals) -> [u8; 32] {
    let mut out = [0u8; 32];
    let mut put = Put { out: &mut out };
    for sum in [totals.files, totals.directories, totals.bytes, totals.stored_bytes] {
        put.bytes(&sum.to_le_bytes());
    }
    out
}

/// Reads what [`totals_to_bytes`] wrote.
pub fn totals_from_bytes(bytes: &[u8; 32]) -> Result<Totals> {
    let mut cursor = Cursor::new(Structure::Leaf, bytes);
    Ok(Totals {
        files: cursor.u64()?,
        directories: cursor.u64()?,
        bytes: cursor.u64()?,
        stored_bytes: cursor.u64()?,
    })
}

/// Length of one slot of the hash section, in bytes.
pub const HASH_SLOT_LEN: usize = 6;

/// A slot of the hash section: which entry a path may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashSlot {
    /// Page number of the entry's leaf, at most 2^24 − 1.
    pub leaf: u32,
    /// Which of the leaf's entries it is, at most 2^12 − 1.
    pub entry: u16,
    /// The lowest twelve bits of the path's hash.
    pub fingerprint: u16,
}

impl HashSlot {
    /// A slot that holds nothing.
    pub const EMPTY: [u8; HASH_SLOT_LEN] = [0xff; HASH_SLOT_LEN];

    /// Reads a slot; `None` when it is empty.
    #[inline]
    pub fn from_bytes(bytes: &[u8; HASH_SLOT_LEN]) -> Option<HashSlot> {
        if *bytes == HashSlot::EMPTY {
            return None;
        }
        let [a, b, c, d, e, f] = *bytes;
        Some(HashSlot {
            leaf: u32::from_le_bytes([a, b, c, 0]),
            entry: u16::from_le_bytes([d, e & 0x0f]),
            fingerprint: u16::from_le_bytes([e, f]) >> 4,
        })
    }

    /// The slot's bytes; `None` when a number is too large for one.
    pub fn to_bytes(&self) -> Option<[u8; HASH_SLOT_LEN]> {
        let [a, b, c, 0] = self.leaf.to_le_bytes() else { return None };
        if self.entry >= 1 << 12 || self.fingerprint >= 1 << 12 {
            return None;
        }
        let [d, high] = self.entry.to_le_bytes();
        let [low, f] = (self.fingerprint << 4).to_le_bytes();
        let bytes = [a, b, c, d, high | low, f];
        (bytes != HashSlot::EMPTY).then_some(bytes)
    }
}

/// First byte of a leaf page.
pub const LEAF: u8 = 1;
/// First byte of an inner page.
pub const INNER: u8 = 2;
/// Length of a leaf page's header, in bytes.
pub const LEAF_HEADER_LEN: usize = 104;
/// Where the runs of a leaf page begin: behind its header.
pub const LEAF_RUNS: u32 = 104;
/// Length of one run of a leaf page, in bytes.
pub const RUN_LEN: usize = 8;
/// Length of an inner page's header, in bytes.
pub const INNER_HEADER_LEN: usize = 16;

/// The columns of a leaf's rows, in this order (FORMAT.md, "Leaf pages").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
pub enum Column {
    /// Kind, codec and what else the entry carries: see `flag_*`.
    Flags = 0,
    /// 0 when not known, else permission bits + 2^16.
    Mode = 1,
    /// 0 when not known, else nanoseconds since 1970 + 2^63.
    Mtime = 2,
    /// The payload's offset in its volume.
    Offset = 3,
    /// The payload's stored length.
    StoredSize = 4,
    /// 0 when there is none, else 1 + place of the extra record.
    Extra = 5,
    /// 0 when not known, else user id + 1.
    Uid = 6,
    /// 0 when not known, else group id + 1.
    Gid = 7,
    /// The payload's volume.
    Volume = 8,
}

/// Number of columns.
pub const COLUMNS: usize = 9;

/// Mask of the kind in [`Column::Flags`].
pub const FLAG_KIND: u64 = 0b11;
/// A regular file.
pub const KIND_FILE: u64 = 0;
/// A directory.
pub const KIND_DIRECTORY: u64 = 1;
/// A symbolic link.
pub const KIND_SYMLINK: u64 = 2;
/// The payload is a gzip member; the extra record begins with the content's size.
pub const FLAG_GZIP: u64 = 1 << 2;
/// The extra record holds a block table's place.
pub const FLAG_BLOCKS: u64 = 1 << 3;
/// The payload's digest is not known.
pub const FLAG_NO_DIGEST: u64 = 1 << 4;
/// The extra record holds the content's digest.
pub const FLAG_ORIGINAL_DIGEST: u64 = 1 << 5;
/// All flags.
pub const FLAGS_KNOWN: u64 = 0b11_1111;

/// A leaf page's fixed header, as it is written.
#[derive(Debug, Clone, Copy)]
pub struct LeafHeader {
    /// Number of entries.
    pub entries: u16,
    /// Number of runs: neighbours in the same directory.
    pub runs: u16,
    /// Where the extra records begin in the heap.
    pub extras: u16,
    /// Length of the heap.
    pub heap_len: u32,
    /// Each column's smallest value.
    pub bases: [u64; COLUMNS],
    /// How many bytes each column takes in a row, 0 to 8.
    pub widths: [u8; COLUMNS],
}

/// Where the bases of the columns begin.
const LEAF_BASES: usize = 16;
/// Where the widths of the columns begin.
const LEAF_WIDTHS: usize = 88;

impl LeafHeader {
    /// The header's bytes.
    pub fn to_bytes(&self) -> [u8; LEAF_HEADER_LEN] {
        let mut out = [0u8; LEAF_HEADER_LEN];
        let mut put = Put { out: &mut out };
        put.bytes(&[LEAF, 0]);
        put.bytes(&self.entries.to_le_bytes());
        put.bytes(&self.runs.to_le_bytes());
        put.bytes(&self.extras.to_le_bytes());
        put.bytes(&self.heap_len.to_le_bytes());
        put.bytes(&[0; 4]);
        for base in self.bases {
            put.bytes(&base.to_le_bytes());
        }
        put.bytes(&self.widths);
        out
    }
}

/// Where the parts of a leaf page lie, as its header tells: all that a look-up needs at first.
#[derive(Debug, Clone, Copy)]
pub struct LeafShape {
    /// Number of entries.
    pub entries: u16,
    /// Number of runs.
    pub runs: u16,
    /// Where the extra records begin in the heap.
    pub extras: u16,
    /// Length of a row.
    pub stride: u8,
    /// Where the names' places begin.
    pub name_offsets: u32,
    /// Where the rows begin.
    pub rows: u32,
    /// Where the digests begin.
    pub digests: u32,
    /// Where the heap begins.
    pub heap: u32,
    /// Where the heap ends.
    pub end: u32,
}

impl LeafShape {
    /// Reads the header of a leaf page, and checks that all its parts are there.
    #[inline]
    pub fn from_bytes(page: &[u8]) -> Result<LeafShape> {
        let bad = |field, value| Err(Error::BadField { structure: Structure::Leaf, field, value });
        let mut cursor = Cursor::new(Structure::Leaf, page);
        let [kind, reserved] = cursor.array()?;
        let entries = cursor.u16()?;
        let runs = cursor.u16()?;
        let extras = cursor.u16()?;
        let heap_len = cursor.u32()?;
        let Some(widths) = page.get(LEAF_WIDTHS..).and_then(|rest| rest.first_chunk::<COLUMNS>())
        else {
            let (structure, need, have) =
                (Structure::Leaf, LEAF_HEADER_LEN as u64, page.len() as u64);
            return Err(Error::Truncated { structure, need, have });
        };
        if kind != LEAF || reserved != 0 {
            return bad("kind", u64::from(kind));
        }
        let mut stride = 0u8;
        for width in widths {
            if *width > 8 {
                return bad("width", u64::from(*width));
            }
            stride = stride.saturating_add(*width);
        }
        if entries > 0 && runs == 0 {
            return bad("runs", 0);
        }
        // At most 104 + 8 · 65535 + 2 · 65536 + 104 · 65535 + 2^32: no u64 overflows.
        let count = u64::from(entries);
        let name_offsets =
            u64::from(runs).saturating_mul(RUN_LEN as u64).saturating_add(LEAF_HEADER_LEN as u64);
        let rows = name_offsets.saturating_add(count.saturating_add(1).saturating_mul(2));
        let digests = rows.saturating_add(count.saturating_mul(u64::from(stride)));
        let heap = digests.saturating_add(count.saturating_mul(32));
        let end = heap.saturating_add(u64::from(heap_len));
        if end > page.len() as u64 {
            let (need, have) = (end, page.len() as u64);
            return Err(Error::Truncated { structure: Structure::Leaf, need, have });
        }
        let place = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        Ok(LeafShape {
            entries,
            runs,
            extras,
            stride,
            name_offsets: place(name_offsets),
            rows: place(rows),
            digests: place(digests),
            heap: place(heap),
            end: place(end),
        })
    }
}

/// A column of a leaf page: its smallest value, where it begins in a row, how many bytes it takes.
#[inline]
pub fn leaf_column(page: &[u8], column: Column) -> Option<(u64, usize, u8)> {
    let index = column as usize;
    let widths = page.get(LEAF_WIDTHS..)?.first_chunk::<COLUMNS>()?;
    let base = page.get(index.checked_mul(8)?.checked_add(LEAF_BASES)?..)?.first_chunk()?;
    let before = widths.get(..index)?.iter().map(|width| usize::from(*width)).sum();
    Some((u64::from_le_bytes(*base), before, *widths.get(index)?))
}

/// Neighbours in a leaf that lie in the same directory, and what their names begin with.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// The first of them.
    pub first: u16,
    /// Where in the heap the directory's path begins.
    pub directory: u16,
    /// Length of that path.
    pub directory_len: u16,
    /// Length of the common prefix of the names; it follows the path in the heap.
    pub prefix_len: u16,
}

impl Run {
    /// Reads a run.
    #[inline]
    pub fn from_bytes(bytes: &[u8; RUN_LEN]) -> Run {
        let [a, b, c, d, e, f, g, h] = *bytes;
        Run {
            first: u16::from_le_bytes([a, b]),
            directory: u16::from_le_bytes([c, d]),
            directory_len: u16::from_le_bytes([e, f]),
            prefix_len: u16::from_le_bytes([g, h]),
        }
    }

    /// The run's bytes.
    pub fn to_bytes(&self) -> [u8; RUN_LEN] {
        let mut out = [0u8; RUN_LEN];
        let mut put = Put { out: &mut out };
        for field in [self.first, self.directory, self.directory_len, self.prefix_len] {
            put.bytes(&field.to_le_bytes());
        }
        out
    }
}

/// An inner page's fixed header.
#[derive(Debug, Clone, Copy)]
pub struct InnerHeader {
    /// 1 for pages just above the leaves.
    pub level: u8,
    /// Number of children.
    pub children: u16,
    /// Length of what all separators begin with; it stands first in the heap.
    pub prefix_len: u16,
    /// Bytes of each count, 0 to 8.
    pub count_width: u8,
    /// Page number of the first child; the others follow it.
    pub first_child: u32,
    /// Length of the heap.
    pub heap_len: u32,
}

impl InnerHeader {
    /// Reads the header of an inner page.
    #[inline]
    pub fn from_bytes(page: &[u8]) -> Result<InnerHeader> {
        let mut cursor = Cursor::new(Structure::Inner, page);
        let [kind, level] = cursor.array()?;
        let children = cursor.u16()?;
        let prefix_len = cursor.u16()?;
        let [count_width, reserved] = cursor.array()?;
        let first_child = cursor.u32()?;
        let heap_len = cursor.u32()?;
        let bad = |field, value| Err(Error::BadField { structure: Structure::Inner, field, value });
        if kind != INNER || reserved != 0 {
            return bad("kind", u64::from(kind));
        }
        if level == 0 {
            return bad("level", 0);
        }
        if children == 0 {
            return bad("children", 0);
        }
        if count_width > 8 {
            return bad("count_width", u64::from(count_width));
        }
        Ok(InnerHeader { level, children, prefix_len, count_width, first_child, heap_len })
    }

    /// The header's bytes.
    pub fn to_bytes(&self) -> [u8; INNER_HEADER_LEN] {
        let mut out = [0u8; INNER_HEADER_LEN];
        let mut put = Put { out: &mut out };
        put.bytes(&[INNER, self.level]);
        put.bytes(&self.children.to_le_bytes());
        put.bytes(&self.prefix_len.to_le_bytes());
        put.bytes(&[self.count_width, 0]);
        put.bytes(&self.first_child.to_le_bytes());
        put.bytes(&self.heap_len.to_le_bytes());
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    fn footer() -> Footer {
        Footer {
            root: Extent { start: 1000, len: 500 },
            file_len: 1572,
            digest: Digest::of(b"root"),
        }
    }

    #[test]
    fn a_footer_round_trips_and_every_flipped_bit_is_noticed() {
        let bytes = footer().to_bytes();
        assert_eq!(Footer::from_tail(&bytes, 1572), Ok(Some(footer())));
        for bit in 0..FOOTER_LEN * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(!matches!(Footer::from_tail(&flipped, 1572), Ok(Some(_))), "bit {bit}");
        }
        assert_eq!(Footer::from_tail(&bytes[1..], 1571), Ok(None));
        assert!(Footer::from_tail(&bytes, 1573).is_err());
    }

    #[test]
    fn a_header_round_trips() {
        let header = Header {
            required: REQUIRES_VOLUMES,
            optional: 0,
            page_size: PAGE_SIZE,
            page_count: 2,
            pages_offset: 7,
            payload_end: 5,
            trailer: Extent { start: 8, len: 9 },
            entries: 10,
            symlinks: 3,
            totals: Totals { files: 1, directories: 2, bytes: 3, stored_bytes: 4 },
            volumes: vec![Volume { name: b"x.container".to_vec(), len: 99 }],
            hash: None,
        };
        let hash = Some(HashSection { offset: 70_000, slots: 5000 });
        let with_hash = Header { optional: HAS_HASH, hash, ..header.clone() };
        for header in [&header, &with_hash] {
            let bytes = header.to_bytes();
            assert_eq!(Header::from_bytes(&bytes, 100_000), Ok((header.clone(), bytes.len())));
        }
        // Slots that reach past the end of the file.
        for slots in [5001, u64::MAX] {
            let hash = Some(HashSection { offset: 70_000, slots });
            let bytes = Header { hash, ..with_hash.clone() }.to_bytes();
            assert!(Header::from_bytes(&bytes, 100_000).is_err());
        }
        let bytes = header.to_bytes();
        for cut in 0..bytes.len() {
            assert!(Header::from_bytes(&bytes[..cut], 100_000).is_err());
        }
        // Pages that reach past the end of the file.
        assert!(Header::from_bytes(&bytes, 1000).is_err());
        let newer = Header { required: 1 << 40, ..header };
        assert_eq!(
            Header::from_bytes(&newer.to_bytes(), 100_000),
            Err(Error::UnsupportedFeatures { bits: 1 << 40 })
        );
    }

    #[test]
    fn a_hash_slot_round_trips() {
        for (leaf, entry, fingerprint) in
            [(0, 0, 0), (1, 2, 3), ((1 << 24) - 1, 4095, 4094), (0x12_3456, 0x789, 0xabc)]
        {
            let slot = HashSlot { leaf, entry, fingerprint };
            assert_eq!(HashSlot::from_bytes(&slot.to_bytes().unwrap()), Some(slot));
        }
        for (leaf, entry, fingerprint) in
            [(1 << 24, 0, 0), (0, 4096, 0), (0, 0, 4096), ((1 << 24) - 1, 4095, 4095)]
        {
            assert_eq!(HashSlot { leaf, entry, fingerprint }.to_bytes(), None);
        }
        assert_eq!(HashSlot::from_bytes(&HashSlot::EMPTY), None);
        let slot = HashSlot { leaf: 0x12_3456, entry: 0x789, fingerprint: 0xabc };
        assert_eq!(slot.to_bytes(), Some([0x56, 0x34, 0x12, 0x89, 0xc7, 0xab]));
    }
}
