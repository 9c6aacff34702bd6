//! The two old formats, in a module of their own: it is twice as large, and few need it.

use crate::reader::{Notes, Opened, Reader, ready};
use crate::value::{self, Answered, KEYS, core_error, number, object};
use rangepack_core::fpack::{self, FpackItem};
use rangepack_core::ndjson::{self, Item};
use rangepack_core::{Answer, Built, MemoryIndex, trailer};
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
            return KEYS.with(|keys| {
                let range = object([
                    (&keys.offset, number(trailer.index.start)?),
                    (&keys.length, number(trailer.index.len)?),
                ]);
                Ok(value::ready(object([(&keys.legacy, range)])))
            });
        }
        self.open_fpack()
    }

    fn open_fpack(&mut self) -> Answered {
        let mut memory = MemoryIndex::default();
        let mut each = |item| {
            match item {
                FpackItem::Entry(entry) => memory.push(Item::Entry(entry)),
                FpackItem::Refused(refused) => memory.push(Item::Refused(refused)),
                FpackItem::Lost { .. } => {}
            }
            Ok(())
        };
        let parsed = fpack::parse(&self.pieces, self.file_len, &self.limits, &mut each);
        let lost_names = ready!(parsed).lost_names;
        self.built(memory, "fpack", Notes { lost_names, ..Notes::default() })
    }

    /// Makes room for the `length` bytes of an old container's index.
    #[wasm_bindgen(js_name = indexBegin)]
    pub fn index_begin(&mut self, length: f64) -> Result<(), JsValue> {
        let (what, value, limit) =
            ("v1_index_bytes", value::integer(length)?, self.limits.v1_index_bytes);
        let len = usize::try_from(value).ok().filter(|_| value <= limit);
        let over = || core_error(rangepack_core::Error::OverLimit { what, value, limit });
        self.incoming = Vec::new();
        self.incoming.try_reserve_exact(len.ok_or_else(over)?).map_err(|_| over())?;
        Ok(())
    }

    /// Takes the next bytes of an old container's index.
    #[wasm_bindgen(js_name = indexFill)]
    pub fn index_fill(&mut self, bytes: &[u8]) {
        self.incoming.extend_from_slice(bytes);
    }

    /// Builds the index of an old container, whose lines are all there; with `beside` they lay in a file of their own.
    #[wasm_bindgen(js_name = indexFinish)]
    pub fn index_finish(&mut self, beside: bool) -> Answered {
        let lines = core::mem::take(&mut self.incoming);
        let mut memory = MemoryIndex::default();
        let summary = ndjson::parse_index(&lines, &self.limits, &mut |item| {
            memory.push(item);
            Ok(())
        });
        let summary = summary.map_err(core_error)?;
        if beside {
            summary.check(lines.len() as u64, self.file_len).map_err(core_error)?;
        }
        let bad_lines = summary.bad_lines;
        drop(lines);
        self.built(memory, "ctnr", Notes { bad_lines, ..Notes::default() })
    }

    fn built(&mut self, memory: MemoryIndex, format: &str, mut notes: Notes) -> Answered {
        let Built { index, pages, refused, .. } =
            memory.finish(&self.limits).map_err(core_error)?;
        notes.refused = refused.len() as u64;
        self.index = Some(Opened { index, memory: Some(pages) });
        self.info(format, &[], &notes)
    }
}
