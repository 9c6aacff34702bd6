//! Extended attributes of what is extracted.

use crate::error::Result;
use crate::read::pack::Pack;
use rangepack_core::{AttributeBlock, Attributes};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Blocks of more bytes in all are not remembered.
const REMEMBERED: u64 = 4 << 20;

/// Blocks that were read: most entries share a few.
#[derive(Debug, Default)]
pub(super) struct Blocks(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    blocks: HashMap<u64, (AttributeBlock, Arc<Attributes>)>,
    bytes: u64,
}

impl Blocks {
    /// The attributes in a block, verified.
    pub(super) fn read(&self, pack: &Pack, block: &AttributeBlock) -> Result<Arc<Attributes>> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, attributes)) = lock().blocks.get(&block.offset)
            && known == block
        {
            return Ok(Arc::clone(attributes));
        }
        let attributes = Arc::new(pack.attributes(block)?);
        let mut remembered = lock();
        remembered.bytes += u64::from(block.len);
        if remembered.bytes > REMEMBERED {
            *remembered = Remembered { bytes: block.len.into(), ..Remembered::default() };
        }
        remembered.blocks.insert(block.offset, (*block, Arc::clone(&attributes)));
        Ok(attributes)
    }
}
