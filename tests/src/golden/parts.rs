//! Payloads and entries of a tree, to be changed before they become a pack.

use crate::forge::{Forge, block_table};
use crate::tree::{Node, Tree};
use rangepack_core::{
    BlockTable, Codec, Content, Digest, DirectorySums, Entry, Kind, PackPathBuf, Result, Totals,
};

/// The payloads of a tree, and its entries in key order.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) data: Vec<u8>,
    pub(super) entries: Vec<Entry>,
}

impl Parts {
    /// All stored, side by side in key order.
    pub(super) fn of(tree: &Tree) -> Result<Parts> {
        Parts::behind(Vec::new(), tree)
    }

    /// The same behind other bytes.
    pub(super) fn behind(data: Vec<u8>, tree: &Tree) -> Result<Parts> {
        let mut parts = Parts { data, entries: Vec::new() };
        for item in &tree.0 {
            let kind = match &item.node {
                Node::Directory => Kind::Directory(Totals::default()),
                Node::Link(target) => Kind::Symlink(target.clone()),
                Node::File(_) => Kind::File(Content::new(Codec::Stored, 0, 0, 0)),
            };
            let path = PackPathBuf::new(item.path.clone())?;
            let entry = Entry::new(path, kind).with_mode(item.mode).with_mtime(item.mtime);
            parts.entries.push(entry);
        }
        parts.entries.sort_by(|a, b| a.path.as_path().cmp(&b.path.as_path()));
        for number in 0..parts.entries.len() {
            let path = parts.entries[number].path.as_bytes();
            let item = tree.0.iter().find(|item| item.path == path);
            if let Some(Node::File(content)) = item.map(|item| &item.node) {
                let stored = parts.store(content);
                parts.entries[number].kind = Kind::File(stored);
            }
        }
        Ok(parts)
    }

    /// Puts a payload behind the others.
    pub(super) fn store(&mut self, payload: &[u8]) -> Content {
        let (offset, size) = (self.data.len() as u64, payload.len() as u64);
        self.data.extend(payload);
        Content::new(Codec::Stored, offset, size, size).with_digest(Some(Digest::of(payload)))
    }

    /// The same of one that is encoded content.
    pub(super) fn encode(&mut self, codec: Codec, payload: &[u8], content: &[u8]) -> Content {
        let mut stored = self.store(payload);
        (stored.codec, stored.size) = (codec, content.len() as u64);
        stored.with_original_digest(Some(Digest::of(content)))
    }

    /// Puts a block table there.
    pub(super) fn table(&mut self, block_log2: u8, payload: &[u8], lengths: &[u32]) -> BlockTable {
        let (table, digest) = block_table(payload, lengths).finish();
        let offset = self.store(&table).offset;
        BlockTable { offset, digest, block_log2 }
    }

    pub(super) fn entry(&mut self, path: &str) -> &mut Entry {
        let found = self.entries.iter_mut().find(|entry| entry.path.as_bytes() == path.as_bytes());
        found.expect("the tree has this path")
    }

    pub(super) fn content(&mut self, path: &str) -> &mut Content {
        let Kind::File(content) = &mut self.entry(path).kind else { panic!("{path} is a file") };
        content
    }

    /// Gives the directories their sums; returns those of the root.
    pub(super) fn sum_up(&mut self) -> Result<(Totals, Option<Digest>)> {
        let mut sums = DirectorySums::default();
        self.entries.iter().try_for_each(|entry| sums.push(entry))?;
        let sums = sums.finish()?;
        let is_directory = |entry: &&mut Entry| matches!(entry.kind, Kind::Directory(_));
        let directories = self.entries.iter_mut().filter(is_directory);
        for (entry, (totals, digest)) in directories.zip(sums.directories) {
            (entry.kind, entry.tree_digest) = (Kind::Directory(totals), digest);
        }
        Ok(sums.root)
    }

    /// A pack of one leaf, which ends the root page.
    pub(super) fn forge(self) -> Result<Forge> {
        self.leaves(&[])
    }

    /// A pack with a leaf up to each of these numbers of entries, and one for the rest. Of several the
    /// node of the root page is still to be made.
    pub(super) fn leaves(mut self, ends: &[usize]) -> Result<Forge> {
        let root = self.sum_up()?;
        let mut leaves = Vec::new();
        let mut begin = 0;
        for end in ends.iter().copied().chain([self.entries.len()]) {
            leaves.push(&self.entries[begin..end]);
            begin = end;
        }
        Ok(self.header(Forge::of_leaves(&self.data, &leaves)?, root))
    }

    pub(super) fn header(&self, forge: Forge, (totals, digest): (Totals, Option<Digest>)) -> Forge {
        let symlinks = self.entries.iter().filter(|entry| matches!(entry.kind, Kind::Symlink(_)));
        let mut sums = vec![self.entries.len() as u64, symlinks.count() as u64];
        sums.extend([totals.files, totals.directories, totals.bytes, totals.stored_bytes]);
        let sums: Vec<u8> = sums.iter().flat_map(|sum| sum.to_le_bytes()).collect();
        forge.header(16, &sums).header(64, &digest.map_or([0; 32], |digest| digest.0))
    }
}
