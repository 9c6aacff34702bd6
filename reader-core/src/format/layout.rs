//! Every byte offset of the paged index and of block tables, what writes a field beside what reads it
//! (FORMAT.md, "Pages").
//!
//! All integers are little-endian. Nothing outside this room knows where a field lies or how wide it is.
//! Writers fail with [`crate::Error::TooLarge`] where a number does not fit.

pub(crate) mod put;
mod strings;
mod columns;
mod leaf;
mod record;
pub(crate) mod entry;
mod attributes;
mod inner;
mod hash;
mod section;
mod volumes;
mod volume_table;
mod dictionaries;
mod root;
mod footer;
mod growth;
mod blocks;
mod trailer;
mod tree;

pub use attributes::Attributes;
pub use blocks::{BLOCK_LOG2, BlockTableBuilder};
pub(crate) use blocks::{BlockRecord, PageRecord, TableShape};
pub(crate) use columns::{Ranges, Row};
pub use entry::set_sums;
pub(crate) use entry::{Above, Flags};
pub use footer::{FOOTER_LEN, FOOTER_MAGIC, Footer, REMOTE_TAIL, TAIL, VERSION};
pub use growth::{GROWTH_NOTE_LEN, GrowthNote};
pub use hash::{HASH_SLOT_LEN, HashSection, HashSlot};
pub use inner::{INNER_HEADER_LEN, InnerHeader};
pub(crate) use inner::{InnerPage, InnerParts, inner_len, is_inner};
pub(crate) use leaf::{LeafCounts, LeafPage, LeafParts, LeafRun, RunRecord, leaf_len};
pub(crate) use root::apply_mask;
pub use root::{Header, MAX_ROOT, PAGE_SIZE};
pub use section::Section;
pub(crate) use strings::Heap;
pub use trailer::{MAGIC, trailer_header};
pub(crate) use trailer::{TRAILER_HEADER_LEN, index_len};
pub(crate) use tree::TreeHasher;
pub use volume_table::VolumeTable;
pub use volumes::Volume;
