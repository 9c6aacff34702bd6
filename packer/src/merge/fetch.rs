//! Brings the small payloads of remote packs, many with each request.

use super::copy::key_of;
use crate::error::Result;
use crate::pack::Dedup;
use crate::read::pack::Pack;
use crate::read::small_files::Aside;
use crate::source::data::Gathered;
use rangepack_core::blocks::table_len;
use rangepack_core::{Content, Entry, Extent};
use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

/// What came with one request, of one entry. Nothing of it is verified.
#[derive(Debug, Default)]
pub(super) struct Brought(Vec<(Extent, Vec<u8>)>);

impl Brought {
    /// Bytes, if they came.
    pub(super) fn get(&self, extent: Extent) -> Option<&[u8]> {
        let (_, bytes) = self.0.iter().find(|(found, _)| *found == extent)?;
        Some(bytes)
    }
}

/// The payloads of these entries that lie in remote packs and are short, by the places of the entries; with their block tables and
/// attributes, where these lie close behind. Those that are `known` already are left where they are.
pub(super) fn bring(
    packs: &[Pack],
    entries: &[(usize, Entry)],
    known: &Dedup,
) -> Result<HashMap<usize, Brought>> {
    let mut brought = HashMap::new();
    let remote = packs.iter().enumerate().filter(|(_, pack)| pack.is_remote());
    let mut seen = HashSet::new();
    for (number, pack) in remote {
        let mut small = Aside::new(pack);
        for (place, (of, entry)) in entries.iter().enumerate() {
            if *of == number
                && let Some(content) = entry.content()
                && small.wants(content)
                && !key_of(content).is_some_and(|key| known.knows(&key, content.codec))
                && seen.insert((number, content.volume, content.offset, content.stored_size))
            {
                small.push(content, entry.attributes.as_ref(), place);
            }
        }
        small.bring(&mut |place, gathered| {
            if let Some((_, entry)) = entries.get(*place) {
                brought.insert(*place, kept(pack, entry, &gathered));
            }
            ControlFlow::Continue(())
        })?;
    }
    Ok(brought)
}

/// What is here of an entry.
fn kept(pack: &Pack, entry: &Entry, gathered: &Gathered<'_>) -> Brought {
    let payload = entry.content().map(Content::extent);
    // They lie with the index.
    let is_with_index = std::ptr::eq(gathered.data(), pack.tables());
    let table = entry.content().and_then(|content| {
        let blocks = content.blocks?;
        let len = table_len(content.size, blocks.block_log2);
        Some(Extent { start: blocks.offset, len })
    });
    let block = entry.attributes.map(|block| block.extent());
    let behind = [table, block].into_iter().flatten().filter(|_| is_with_index);
    let wanted = payload.into_iter().chain(behind);
    let here = |extent| Some((extent, gathered.here(extent)?.to_vec()));
    Brought(wanted.filter_map(here).collect())
}
