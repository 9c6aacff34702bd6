//! The two old formats, in a module of their own: it is twice as large, and few need it. And the notes beside packs that grow,
//! which are looked for where there is no index.

use crate::json::{Json, nothing, ready};
use crate::memory::{Notes, check};
use crate::reader::Reader;
use crate::value::{self, Answered, core_error};
use rangepack_core::fpack::{self, FpackItem};
use rangepack_core::layout::GrowthNote;
use rangepack_core::ndjson::{self, Item, Lines};
use rangepack_core::{Limits, MemoryIndex, trailer};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
impl Reader {
    /// Opens an old container.
    ///
    /// Gives what `pack.info` shows; for a CTNRv1 container `{ legacy: { offset, length } }`: bring that
    /// index with [`Reader::index_fill`].
    #[wasm_bindgen(js_name = openLegacy)]
    pub fn open_legacy(&mut self) -> Answered {
        let found = trailer::find_trailer(&self.pieces, self.file_len, self.limits.lookback);
        if let Some(trailer) = ready!(found) {
            self.trailer = Some(trailer.magic_offset);
            let mut json = Json::answer();
            json.begin(b'{').key("legacy").begin(b'{').extent(trailer.index)?;
            return json.end(b'}').end(b'}').answered();
        }
        self.open_fpack()
    }

    fn open_fpack(&mut self) -> Answered {
        let mut memory = MemoryIndex::new(&self.limits);
        let mut each = |item| match item {
            FpackItem::Entry(entry) => memory.push(Item::Entry(entry)),
            FpackItem::Refused(refused) => memory.push(Item::Refused(refused)),
            FpackItem::Lost { .. } => Ok(()),
        };
        let parsed = fpack::parse(&self.pieces, self.file_len, &self.limits, &mut each);
        let lost_names = ready!(parsed).lost_names;
        self.built(memory, "fpack", Notes { lost_names, ..Notes::default() })
    }

    /// Begins with the `length` bytes of an old container's index.
    #[wasm_bindgen(js_name = indexBegin)]
    pub fn index_begin(&mut self, length: f64) -> Result<(), JsValue> {
        let (value, limits) = (value::integer(length)?, &self.limits);
        check("v1_index_bytes", value, limits.v1_index_bytes)?;
        let (memory, lines) = (MemoryIndex::new(limits), Lines::new(limits));
        self.incoming = Some(Incoming { memory, lines, text: None, length: value });
        Ok(())
    }

    /// Takes the next bytes of an old container's index. Lines are taken in as they come; one JSON text has to be there
    /// as a whole.
    #[wasm_bindgen(js_name = indexFill)]
    pub fn index_fill(&mut self, bytes: &[u8]) -> Result<(), JsValue> {
        let Some(incoming) = &mut self.incoming else { return Ok(()) };
        incoming.fill(bytes, &self.limits)
    }

    /// Builds the index of an old container, whose lines are all there; with `beside` they lay in a file of their own.
    #[wasm_bindgen(js_name = indexFinish)]
    pub fn index_finish(&mut self, beside: bool) -> Answered {
        let Some(Incoming { mut memory, lines, text, length }) = self.incoming.take() else {
            return Err(core_error(rangepack_core::Error::NotAPack { file_len: self.file_len }));
        };
        let mut each = |item| memory.push(item);
        let summary = match text {
            Some(text) => ndjson::parse_index(&text, &self.limits, &mut each),
            None => lines.finish(&mut each),
        };
        let summary = summary.map_err(core_error)?;
        if beside {
            summary.check(length, self.file_len).map_err(core_error)?;
        }
        let bad_lines = summary.bad_lines;
        let misfit = self.trailer.is_some_and(|trailer| summary.is_misfit(trailer));
        // Where something lies behind the payloads it may be an index: the one beside it was kept.
        let unfinished = beside && summary.end == self.file_len;
        let notes = Notes { bad_lines, misfit, unfinished, ..Notes::default() };
        self.built(memory, "ctnrv1", notes)
    }
}

/// What the note beside a pack says that grows: its `size` before, and the digest of its `root` page; `undefined` when it is
/// none.
#[wasm_bindgen(js_name = growthNote)]
pub fn growth_note(bytes: &[u8]) -> Answered {
    let Some(note) = GrowthNote::from_bytes(bytes) else { return nothing() };
    let mut json = Json::answer();
    json.begin(b'{').count("size", note.file_len)?;
    json.digest("root", &note.digest).end(b'}').answered()
}

/// An index that comes piece by piece.
#[derive(Debug)]
pub(crate) struct Incoming {
    memory: MemoryIndex,
    lines: Lines,
    /// One JSON text, as far as it came; `None` when these are lines, or nothing came yet.
    text: Option<Vec<u8>>,
    length: u64,
}

impl Incoming {
    fn fill(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), JsValue> {
        if self.lines.is_new() && self.text.is_none() && !ndjson::is_lines(bytes) {
            check("section_bytes", self.length, limits.section_bytes)?;
            self.text = Some(Vec::new());
        }
        match &mut self.text {
            Some(text) => text.extend_from_slice(bytes),
            None => {
                let memory = &mut self.memory;
                self.lines.push(bytes, &mut |item| memory.push(item)).map_err(core_error)?;
            }
        }
        Ok(())
    }
}
