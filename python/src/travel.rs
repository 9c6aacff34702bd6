//! Entries as plain values, which go to other processes and come back as entries.

use crate::errors::raised;
use pyo3::prelude::*;
use rangepack::{
    AttributeBlock, BlockTable, Codec, Content, Digest, Entry, Kind, Owner, PackPathBuf, Totals,
};

/// An entry: path, mode, time, owner, attributes, tree digest; and what it is.
pub(crate) type Plain = (
    Vec<u8>,
    Option<u32>,
    Option<i64>,
    Option<(u32, u32)>,
    Option<(u64, u32, Hash)>,
    Option<Hash>,
    PlainKind,
);

/// A file, a directory with its totals, or a link with its target.
type PlainKind = (Option<PlainContent>, Option<(u64, u64, u64, u64)>, Option<Vec<u8>>);

/// Volume, offset, stored size, size, codec, two digests, block table, hard link, holes.
type PlainContent = (
    u32,
    u64,
    u64,
    u64,
    u8,
    Option<Hash>,
    Option<Hash>,
    Option<(u64, Hash, u8)>,
    Option<u64>,
    bool,
);

type Hash = [u8; 32];

/// The value of an entry.
pub(crate) fn plain(entry: &Entry) -> Plain {
    let hash = |digest: Digest| digest.0;
    let kind = match &entry.kind {
        Kind::File(content) => (
            Some((
                content.volume,
                content.offset,
                content.stored_size,
                content.size,
                content.codec.number(),
                content.digest.map(hash),
                content.original_digest.map(hash),
                content.blocks.map(|table| (table.offset, table.digest.0, table.block_log2)),
                content.hard_link,
                content.sparse,
            )),
            None,
            None,
        ),
        Kind::Directory(sums) => {
            (None, Some((sums.files, sums.directories, sums.bytes, sums.stored_bytes)), None)
        }
        Kind::Symlink(target) => (None, None, Some(target.clone())),
    };
    (
        entry.path.as_bytes().to_vec(),
        entry.mode,
        entry.mtime,
        entry.owner.map(|owner| (owner.uid, owner.gid)),
        entry.attributes.map(|block| (block.offset, block.len, block.digest.0)),
        entry.tree_digest.map(hash),
        kind,
    )
}

/// The entry that a value is of.
///
/// # Errors
/// `ValueError` for a path that no pack can hold.
pub(crate) fn entry(
    (path, mode, mtime, owner, attributes, tree_digest, kind): Plain,
) -> PyResult<Entry> {
    let path = PackPathBuf::new(path).map_err(|error| raised(error.into()))?;
    let kind = match kind {
        (Some(content), _, _) => Kind::File(content_of(content)),
        (_, Some((files, directories, bytes, stored_bytes)), _) => {
            Kind::Directory(Totals { files, directories, bytes, stored_bytes })
        }
        (_, _, target) => Kind::Symlink(target.unwrap_or_default()),
    };
    let block = |(offset, len, digest)| AttributeBlock { offset, len, digest: Digest(digest) };
    let mut entry = Entry::new(path, kind)
        .with_mode(mode)
        .with_mtime(mtime)
        .with_owner(owner.map(|(uid, gid)| Owner { uid, gid }))
        .with_attributes(attributes.map(block));
    entry.tree_digest = tree_digest.map(Digest);
    Ok(entry)
}

fn content_of(plain: PlainContent) -> Content {
    let (volume, offset, stored_size, size, codec, digest, original, blocks, link, sparse) = plain;
    let table =
        |(offset, digest, block_log2)| BlockTable { offset, digest: Digest(digest), block_log2 };
    Content::new(Codec::from_number(codec), offset, stored_size, size)
        .with_volume(volume)
        .with_digest(digest.map(Digest))
        .with_original_digest(original.map(Digest))
        .with_blocks(blocks.map(table))
        .with_hard_link(link)
        .with_sparse(sparse)
}
