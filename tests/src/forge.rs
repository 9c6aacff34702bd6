//! Takes a pack apart, and seals it again when it was damaged on purpose.

use rangepack_core::layout::{Footer, Header};
use rangepack_core::{Digest, Entry, Extent, Sections, TreeBuilder};

/// A pack in pieces. Digests and the footer are made anew by [`Forge::seal`].
#[derive(Debug, Clone)]
pub struct Forge {
    /// Everything before the root page.
    pub before: Vec<u8>,
    /// The root page's header, unmasked.
    pub header: Vec<u8>,
    /// The root page's node: a leaf or inner page without padding.
    pub node: Vec<u8>,
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
        let (_, header_len) = Header::from_bytes(&root, pack.len() as u64)?;
        let node = root.split_off(header_len);
        Ok(Forge { before: pack[..start].to_vec(), header: root, node })
    }

    /// A pack with any entries, true or not, in key order, and the payloads.
    pub fn of(payloads: &[u8], entries: &[Entry]) -> rangepack_core::Result<Forge> {
        let mut builder = TreeBuilder::new();
        let mut pages = Vec::new();
        for entry in entries {
            builder.push(entry, &mut pages)?;
        }
        let end = payloads.len() as u64;
        let sections = Sections::new(end, end);
        let tree = builder.finish(&mut pages)?.finish(sections, &mut pages)?;
        let mut pack = [payloads, &pages].concat();
        pack.extend(tree.root(pack.len() as u64, Extent { start: 0, len: 0 })?.0);
        Forge::open(&pack)
    }

    /// Writes a little-endian number into the header.
    #[must_use]
    pub fn header(mut self, at: usize, value: &[u8]) -> Forge {
        self.header[at..at + value.len()].copy_from_slice(value);
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
        let root = [&self.header[..], &self.node].concat();
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
