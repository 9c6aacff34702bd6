//! What a section of a pack is.

use core::fmt;

/// What a section is: four characters (FORMAT.md, "Sections").
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_structs, reason = "the four characters are the value")]
pub struct Tag(pub [u8; 4]);

impl Tag {
    /// Payloads, block tables and attribute blocks.
    pub const DATA: Tag = Tag(*b"data");
    /// The pages.
    pub const TREE: Tag = Tag(*b"tree");
    /// Where dictionaries lie.
    pub const DICTIONARIES: Tag = Tag(*b"dict");
    /// Other files that hold payloads.
    pub const VOLUMES: Tag = Tag(*b"vols");
    /// Where the table of volumes lies, when these are packs.
    pub const VOLUME_TABLE: Tag = Tag(*b"vtab");
    /// The table of volumes: its records, and their block table.
    pub const VOLUME_RECORDS: Tag = Tag(*b"vrec");
    /// The hash section.
    pub const HASH: Tag = Tag(*b"hash");
    /// The CTNRv1 trailer.
    pub const TRAILER: Tag = Tag(*b"ctnr");
    /// What the user says of the pack: a JSON object.
    pub const METADATA: Tag = Tag(*b"meta");
    /// An earlier root page.
    pub const PREVIOUS: Tag = Tag(*b"prev");
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.escape_ascii())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
