//! Indexes that are built in memory, for what has none that can be searched.

use crate::json::Json;
use crate::reader::{Opened, Reader};
use crate::value::{Answered, core_error};
use rangepack_core::{Built, MemoryIndex};
use wasm_bindgen::prelude::*;

impl Reader {
    /// Opens what `memory` has, and gives what `pack.info` shows.
    pub(crate) fn built(
        &mut self,
        memory: MemoryIndex,
        format: &str,
        mut notes: Notes,
    ) -> Answered {
        let Built { index, pages, refused, .. } =
            memory.finish(&self.limits).map_err(core_error)?;
        notes.refused += refused.len() as u64;
        self.index = Some(Opened { index, memory: Some(pages), table: None });
        let mut json = Json::answer();
        self.info(&mut json, format, &[])?;
        json.count("refused", notes.refused)?.count("badLines", notes.bad_lines)?;
        json.count("lostNames", notes.lost_names)?.key("misfit").flag(notes.misfit);
        json.key("unfinished").flag(notes.unfinished).end(b'}').answered()
    }
}

/// What was strange in such an index.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) refused: u64,
    pub(crate) bad_lines: u64,
    pub(crate) lost_names: u64,
    /// The index may be that of another container, which was packed as a file into this one.
    pub(crate) misfit: bool,
    /// It has no index inside yet: the one beside it counts.
    pub(crate) unfinished: bool,
}

/// Refuses what is beyond a limit.
pub(crate) fn check(what: &'static str, value: u64, limit: u64) -> Result<(), JsValue> {
    if value <= limit {
        return Ok(());
    }
    Err(core_error(rangepack_core::Error::OverLimit { what, value, limit }))
}
