//! Extended attributes of what is extracted.

use crate::error::Result;
use crate::read::pack::Pack;
use crate::source::data::Gathered;
use rangepack_core::{AttributeBlock, Attributes};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    fn lock(&self) -> MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Those that are remembered.
    pub(super) fn known(&self, block: &AttributeBlock) -> Option<Arc<Attributes>> {
        let remembered = self.lock();
        let (known, attributes) = remembered.blocks.get(&block.offset)?;
        (known == block).then(|| Arc::clone(attributes))
    }

    /// The attributes in a block, verified; it may be among bytes that were gathered before.
    pub(super) fn read(
        &self,
        pack: &Pack,
        block: &AttributeBlock,
        gathered: Option<&Gathered<'_>>,
    ) -> Result<Arc<Attributes>> {
        if let Some(known) = self.known(block) {
            return Ok(known);
        }
        let attributes = Arc::new(pack.attributes_among(block, gathered)?);
        let mut remembered = self.lock();
        remembered.bytes += u64::from(block.len);
        if remembered.bytes > REMEMBERED {
            *remembered = Remembered { bytes: block.len.into(), ..Remembered::default() };
        }
        remembered.blocks.insert(block.offset, (*block, Arc::clone(&attributes)));
        Ok(attributes)
    }
}
