//! How far into its container an entry reaches.

use rangepack_core::{Entry, Kind, blocks};

/// Where the last byte ends that an entry of a container speaks of, in the container itself.
pub(crate) fn end_of(entry: &Entry) -> u64 {
    let block = entry.attributes.map_or(0, |block| block.offset.saturating_add(block.len.into()));
    let Kind::File(content) = &entry.kind else { return block };
    let payload = match content.volume {
        0 => content.offset.saturating_add(content.stored_size),
        _ => 0,
    };
    let table = content.blocks.map_or(0, |table| {
        let len = blocks::table_len(content.size, table.block_log2);
        table.offset.saturating_add(len)
    });
    payload.max(table).max(block)
}
