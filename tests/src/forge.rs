//! Takes a pack apart, and seals it again when it was damaged on purpose.

use rangepack_core::blocks::BlockTableBuilder;
use rangepack_core::layout::{Footer, Header, InnerHeader, PAGE_SIZE, Section};
use rangepack_core::{Digest, Entry, Extent, Kind, Tag, Totals, TreeBuilder};

/// A pack in pieces. Digests and the footer are made anew by [`Forge::seal`].
#[derive(Debug, Clone)]
pub struct Forge {
    /// Everything before the root page.
    pub before: Vec<u8>,
    /// The root page's header, unmasked.
    pub header: Vec<u8>,
    /// The records of its table of sections.
    pub sections: Vec<Vec<u8>>,
    /// The root page's node: a leaf or inner page without padding.
    pub node: Vec<u8>,
}

/// Length of the header, and of a record of the table.
const HEADER: usize = 96;
const RECORD: usize = 56;

/// The table of a payload whose blocks have these lengths as they are stored.
pub fn block_table(payload: &[u8], lengths: &[u32]) -> BlockTableBuilder {
    let mut builder = BlockTableBuilder::new();
    let mut begin = 0;
    for length in lengths {
        let end = begin + *length as usize;
        builder.push(*length, Digest::of(&payload[begin..end]));
        begin = end;
    }
    builder
}

/// A page below an inner node.
#[derive(Debug, Clone, Copy)]
pub struct Child<'a> {
    /// Its separator; empty for the first child.
    pub separator: &'a [u8],
    /// All its bytes.
    pub page: &'a [u8],
    /// How many entries it is said to hold.
    pub entries: u64,
}

/// An inner node over these pages, the first of which has number `first_child`. The separators share
/// nothing; counts have eight bytes.
pub fn node(level: u8, first_child: u32, children: &[Child<'_>]) -> Vec<u8> {
    let heap_len = children.iter().map(|child| child.separator.len() as u32).sum();
    let header = InnerHeader {
        level,
        children: children.len() as u16,
        prefix_len: 0,
        count_width: 8,
        first_child,
        heap_len,
    };
    let mut node = header.to_bytes().to_vec();
    let mut place = 0u16;
    for child in children {
        node.extend(place.to_le_bytes());
        place += child.separator.len() as u16;
    }
    node.extend(place.to_le_bytes());
    let mut before = 0u64;
    for child in children {
        node.extend(before.to_le_bytes());
        before += child.entries;
    }
    children.iter().for_each(|child| node.extend(Digest::of(child.page).0));
    children.iter().for_each(|child| node.extend(child.separator));
    node
}

impl Forge {
    /// Takes a sound pack apart.
    pub fn open(pack: &[u8]) -> rangepack_core::Result<Forge> {
        let not_a_pack = rangepack_core::Error::NotAPack { file_len: pack.len() as u64 };
        let footer = Footer::from_tail(pack, pack.len() as u64)?.ok_or(not_a_pack)?;
        let start = footer.root.start as usize;
        let mut root = pack[start..footer.root.end() as usize].to_vec();
        let mask = root[0];
        root.iter_mut().for_each(|byte| *byte ^= mask);
        let (_, node) = Header::from_bytes(&root, footer.root.start)?;
        Ok(Forge {
            before: pack[..start].to_vec(),
            header: root[..HEADER].to_vec(),
            sections: root[HEADER..node].chunks(RECORD).map(<[u8]>::to_vec).collect(),
            node: root[node..].to_vec(),
        })
    }

    /// A pack with any entries, true or not, in key order, and what lies before the pages. The sums of
    /// the header are theirs; its tree digest is not known.
    pub fn of(data: &[u8], entries: &[Entry]) -> rangepack_core::Result<Forge> {
        Forge::of_leaves(data, &[entries])
    }

    /// The same with a page for each of these runs of entries, whatever their keys; of a single one it
    /// becomes the root node.
    pub fn of_leaves(data: &[u8], leaves: &[&[Entry]]) -> rangepack_core::Result<Forge> {
        let mut pages = Vec::new();
        let mut single = Vec::new();
        for entries in leaves {
            let mut builder = TreeBuilder::new();
            entries.iter().try_for_each(|entry| builder.push(entry, &mut pages))?;
            single = builder.finish(&mut pages)?.single().to_vec();
            if leaves.len() > 1 {
                let mut page = single.clone();
                page.resize(PAGE_SIZE as usize, 0);
                pages.extend(page);
            }
        }
        let section = Section::new(Tag::DATA, Extent { start: 0, len: data.len() as u64 }, None);
        let tree = TreeBuilder::new().finish(&mut Vec::new())?.finish(0, None, &mut Vec::new())?;
        let mut pack = [data, &pages].concat();
        pack.extend(tree.root(pack.len() as u64, vec![section])?.bytes);
        let mut forge = Forge::open(&pack)?;
        let mut totals = Totals::default();
        leaves.concat().iter().for_each(|entry| totals.add(&Totals::of(&entry.kind)));
        let is_link = |entry: &&Entry| matches!(entry.kind, Kind::Symlink(_));
        let links = leaves.concat().iter().filter(is_link).count() as u64;
        let count = leaves.concat().len() as u64;
        let sums = [count, links, totals.files, totals.directories, totals.bytes];
        for (number, sum) in sums.into_iter().chain([totals.stored_bytes]).enumerate() {
            forge = forge.header(16 + 8 * number, &sum.to_le_bytes());
        }
        forge.node = single;
        if !pages.is_empty() {
            let extent = Extent { start: data.len() as u64, len: pages.len() as u64 };
            forge = forge.section(Section::new(Tag::TREE, extent, None));
        }
        Ok(forge)
    }

    /// Adds a section to the table.
    #[must_use]
    pub fn section(mut self, section: Section) -> Forge {
        self.sections.push(section.to_bytes().to_vec());
        self
    }

    /// Adds a section with these bytes, which come to lie right before the root page.
    #[must_use]
    pub fn with(mut self, tag: Tag, bytes: &[u8]) -> Forge {
        let extent = Extent { start: self.before.len() as u64, len: bytes.len() as u64 };
        self.before.extend(bytes);
        self.section(Section::new(tag, extent, Some(Digest::of(bytes))))
    }

    /// Writes bytes into the header.
    #[must_use]
    pub fn header(mut self, at: usize, value: &[u8]) -> Forge {
        self.header[at..at + value.len()].copy_from_slice(value);
        self
    }

    /// Writes bytes into the record of the last section.
    #[must_use]
    pub fn record(mut self, at: usize, value: &[u8]) -> Forge {
        if let Some(record) = self.sections.last_mut() {
            record[at..at + value.len()].copy_from_slice(value);
        }
        self
    }

    /// Writes bytes into the node.
    #[must_use]
    pub fn node(mut self, at: usize, value: &[u8]) -> Forge {
        self.node[at..at + value.len()].copy_from_slice(value);
        self
    }

    /// The pack with all digests right.
    pub fn seal(&self) -> Vec<u8> {
        self.seal_masked(0)
    }

    /// The same, its root page combined with a mask.
    pub fn seal_masked(&self, mask: u8) -> Vec<u8> {
        let count = (self.sections.len() as u16).to_le_bytes();
        let mut root = [&self.header[..], &self.sections.concat(), &self.node].concat();
        root[4..6].copy_from_slice(&count);
        root.iter_mut().for_each(|byte| *byte ^= mask);
        let start = self.before.len() as u64;
        let root_len = root.len() as u64;
        let footer = Footer {
            root: Extent { start, len: root_len },
            file_len: start + root_len + rangepack_core::layout::FOOTER_LEN as u64,
            digest: Digest::of(&root),
        };
        [&self.before[..], &root, &footer.to_bytes().unwrap()].concat()
    }
}
