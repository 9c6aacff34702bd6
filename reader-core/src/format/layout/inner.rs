//! Inner pages: header and sections (FORMAT.md, "Inner pages").

use super::put::Put;
use crate::bytes::Cursor;
use crate::error::{Error, Result, Structure};

/// First byte of an inner page.
pub const INNER: u8 = 2;
/// Length of an inner page's header, in bytes.
pub const INNER_HEADER_LEN: usize = 16;

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
