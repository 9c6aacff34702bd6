//! Opens a pack from the bytes that are brought, and answers what is asked of its index.
//!
//! Every question gives `{ value }`, or `{ need: { offset, length } }`: then bring that range of the pack with
//! [`Reader::provide`] and ask again. Payloads in other files are JavaScript's part.

use crate::entry;
use crate::json::{Json, TooLarge, need, nothing, ready};
use crate::pieces::{Pages, Pieces};
use crate::plain;
use crate::value::{self, Answered, JsString, core_error, name_bytes};
use js_sys::{Float64Array, Uint8Array};
use rangepack_core::layout::{Volume, VolumeTable};
use rangepack_core::{
    Answer, DictionaryRef, Extent, Index, Limits, Opening, PackPath, PackPathBuf, Source, blocks,
};
use wasm_bindgen::prelude::*;

/// A pack, or an old container, of which ranges are brought.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Reader {
    pub(crate) file_len: u64,
    cache_bytes: u64,
    pub(crate) limits: Limits,
    /// What was brought of the file.
    pub(crate) pieces: Pieces,
    pub(crate) index: Option<Opened>,
    /// While the pack is being opened.
    opening: Option<Opening>,
    /// Where the trailer of an old container begins.
    #[cfg(feature = "legacy")]
    pub(crate) trailer: Option<u64>,
    /// The index of an old container, while it is brought.
    #[cfg(feature = "legacy")]
    pub(crate) incoming: Option<crate::legacy::Incoming>,
    /// Of the members of a zip archive, by where their headers lie.
    #[cfg(feature = "zip")]
    pub(crate) members: Vec<crate::zip::Member>,
    /// Its symbolic links, by the numbers that the index has in place of their targets.
    #[cfg(feature = "zip")]
    pub(crate) links: Vec<crate::zip::Link>,
}

#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) index: Index,
    /// The pages of an index that was built in memory; otherwise they lie in the pack.
    pub(crate) memory: Option<Vec<u8>>,
    /// Where the names of other files lie, in a merged pack.
    pub(crate) table: Option<VolumeTable>,
}

#[wasm_bindgen]
impl Reader {
    /// For a file of `file_len` bytes; `cache_bytes` of index pages are kept.
    #[wasm_bindgen(constructor)]
    pub fn new(file_len: f64, cache_bytes: f64) -> Result<Reader, JsValue> {
        let mut limits = Limits::default();
        // Addresses have 32 bits here.
        limits.lookback = 32 << 20;
        limits.v1_index_bytes = 1 << 30;
        limits.v1_entries = 10_000_000;
        limits.section_bytes = 32 << 20;
        limits.content_bytes = 1 << 30;
        Ok(Reader {
            file_len: value::integer(file_len)?,
            cache_bytes: value::integer(cache_bytes)?,
            limits,
            pieces: Pieces::default(),
            index: None,
            opening: None,
            #[cfg(feature = "legacy")]
            trailer: None,
            #[cfg(feature = "legacy")]
            incoming: None,
            #[cfg(feature = "zip")]
            members: Vec::new(),
            #[cfg(feature = "zip")]
            links: Vec::new(),
        })
    }

    /// Keeps bytes of the file that begin at `offset`.
    pub fn provide(&mut self, offset: f64, bytes: Box<[u8]>) -> Result<(), JsValue> {
        let start = value::integer(offset)?;
        let brought = Extent { start, len: bytes.len() as u64 };
        self.pieces.insert(start, bytes);
        let Some(opened) = &self.index else {
            if self.opening.is_some() {
                // Generations that it went past are not asked for again.
                self.pieces.shrink(self.cache_bytes + self.limits.section_bytes);
            }
            // The search for an old container's index asks for everything again.
            return Ok(());
        };
        let dropped = self.pieces.shrink(self.cache_bytes);
        if opened.memory.is_none() {
            // Bytes that come anew are believed only after they were checked anew.
            for extent in dropped.iter().chain([&brought]) {
                opened.index.forget(*extent);
            }
        }
        Ok(())
    }

    /// Whether this range is at hand.
    pub fn has(&self, offset: f64, length: f64) -> Result<bool, JsValue> {
        let extent = Extent { start: value::integer(offset)?, len: value::integer(length)? };
        Ok(self.pieces.bytes(extent).is_some())
    }

    /// Opens the pack, with `root` (64 hexadecimal digits) only the one of that name, which may be an earlier
    /// generation of it.
    ///
    /// Gives what `pack.info` shows; `undefined` when this is not a pack with a paged index. Then it may be growing, or
    /// in one of the old formats: both is for the module built with the feature `legacy`.
    pub fn open(&mut self, root: Option<String>) -> Answered {
        let expected = root.map(|root| value::digest(&root)).transpose()?;
        let opening = self.opening.get_or_insert_with(|| Opening::new(expected));
        let opened = ready!(opening.go_on(&self.pieces, self.file_len, &self.limits));
        let Some(index) = opened else {
            self.opening = None;
            return nothing();
        };
        let volumes = ready!(index.volumes(&self.pieces, &self.limits));
        let table = ready!(index.volume_table(&self.pieces, &self.limits));
        self.opening = None;
        self.index = Some(Opened { index, memory: None, table });
        let mut json = Json::answer();
        self.info(&mut json, "rangepack", &volumes)?;
        json.end(b'}').answered()
    }

    /// Begins the object of what `pack.info` shows.
    pub(crate) fn info(
        &self,
        json: &mut Json,
        format: &str,
        volumes: &[Volume],
    ) -> Result<(), JsValue> {
        let Opened { index, memory, table } = self.opened()?;
        let volume_count = table.map_or(volumes.len() as u64, |table| table.count.into());
        let (header, totals) = (index.header(), index.totals());
        let paged = memory.is_none();
        json.begin(b'{').key("format").plain(format).key("volumes").begin(b'[');
        for volume in volumes {
            told_of(json, volume)?;
        }
        json.end(b']').key("sections").begin(b'[');
        for section in header.sections().iter().filter(|_| paged) {
            json.begin(b'{').extent(section.extent)?;
            json.key("tag").name(&section.tag.0).key("known").flag(section.is_known());
            if let Some(digest) = &section.digest {
                json.digest("sha256", digest);
            }
            json.end(b'}');
        }
        json.end(b']');
        // The index of an old container is in memory: nothing of it is fetched any more.
        let index_bytes = if paged { header.pages().len } else { 0 };
        for (key, value) in [
            ("fileSize", self.file_len),
            ("entries", index.len()),
            ("files", totals.files),
            ("symlinks", header.symlinks),
            ("directories", totals.directories),
            ("bytes", totals.bytes),
            ("storedBytes", totals.stored_bytes),
            ("indexBytes", index_bytes),
            ("pageSize", header.page_size.into()),
            ("volumeCount", volume_count),
        ] {
            json.count(key, value)?;
        }
        if paged {
            json.digest("root", &index.digest());
        }
        if let Some(digest) = &header.tree_digest {
            json.digest("treeDigest", digest);
        }
        Ok(())
    }

    /// Where the index pages end in the pack; 0 where none of them lie there.
    #[wasm_bindgen(getter, js_name = pagesEnd)]
    pub fn pages_end(&self) -> f64 {
        let in_pack = self.index.as_ref().filter(|opened| opened.memory.is_none());
        in_pack.map_or(0.0, |Opened { index, .. }| index.header().pages().end() as f64)
    }

    /// The bytes of what the user says of the pack, a JSON object; `undefined` when there is nothing.
    pub fn metadata(&self) -> Answered {
        let Opened { index, memory, .. } = self.opened()?;
        if memory.is_some() {
            return nothing();
        }
        let bytes = ready!(index.metadata(&self.pieces, &self.limits));
        let bytes = bytes.map_or(JsValue::UNDEFINED, |bytes| Uint8Array::from(bytes).into());
        Ok(value::ready(&bytes))
    }

    fn opened(&self) -> Result<&Opened, JsValue> {
        self.index.as_ref().ok_or_else(|| value::error("ERR_ARGUMENT", "the pack is not open yet"))
    }

    /// The index, and the bytes in which its pages lie.
    fn parts(&self) -> Result<(&Index, Pages<'_>), JsValue> {
        let Opened { index, memory, .. } = self.opened()?;
        Ok((index, memory.as_ref().map_or(Pages::Pack(&self.pieces), |m| Pages::Memory(m))))
    }

    /// The entry at `path`, links not followed; `undefined` when there is none. Of a plain file the answer is a text, and
    /// `numbers` beside it (see [`plain::write`]).
    pub fn lookup(&self, path: &JsString, numbers: &Float64Array) -> Answered {
        let path = pack_path(path)?;
        let (index, pages) = self.parts()?;
        let entry = ready!(index.lookup(&pages, path.as_path()));
        let Some(entry) = entry else { return nothing() };
        let known = entry::known(&entry);
        if let Some(text) = known.as_ref().ok().and_then(|known| plain::write(known, numbers)) {
            return Ok(text);
        }
        let mut json = Json::answer();
        entry::write_known(&mut json, &entry, known).map_err(core_error)?;
        json.answered()
    }

    /// `limit` children of a directory at most, those after the name `after`, in the order of names.
    pub fn list(&self, directory: &JsString, after: Option<JsString>, limit: u32) -> Answered {
        let directory = pack_path(directory)?;
        let after = after.as_ref().map(name_bytes);
        let (index, pages) = self.parts()?;
        let limit = limit as usize;
        let list = ready!(index.list(&pages, directory.as_path(), after.as_deref(), limit));
        let mut json = Json::answer();
        json.begin(b'[');
        for entry in &list {
            entry::write(&mut json, entry).map_err(core_error)?;
        }
        json.end(b']').answered()
    }

    /// The numbers `{ start, end }` of everything below a directory.
    pub fn subtree(&self, directory: &JsString) -> Answered {
        let directory = pack_path(directory)?;
        let (index, pages) = self.parts()?;
        let range = ready!(index.subtree(&pages, directory.as_path()));
        let mut json = Json::answer();
        json.begin(b'{').count("start", range.start)?.count("end", range.end)?.end(b'}').answered()
    }

    /// The number of the first child of a directory whose name is not below `name`; without a name the
    /// number behind its last child.
    #[wasm_bindgen(js_name = lowerBound)]
    pub fn lower_bound(&self, directory: &JsString, name: Option<JsString>) -> Answered {
        let directory = pack_path(directory)?;
        let (index, pages) = self.parts()?;
        let bound = match name.as_ref().map(name_bytes) {
            Some(name) => index.lower_bound(&pages, directory.as_path(), &name),
            None => index.upper_bound(&pages, directory.as_path()),
        };
        Json::answer().number(ready!(bound))?.answered()
    }

    /// `{ entries, next }`: entries by number from `start`, as many as the pages at hand hold, at least
    /// one, at most `limit`; and the number that comes next.
    pub fn scan(&self, start: f64, end: f64, limit: u32) -> Answered {
        let (start, end) = (value::integer(start)?, value::integer(end)?);
        let (index, pages) = self.parts()?;
        let mut scan = index.scan(start..end);
        let mut json = Json::answer();
        json.begin(b'{').key("entries").begin(b'[');
        let mut count = 0;
        while count < limit {
            match scan.next(&pages).map_err(core_error)? {
                Answer::Ready(Some(entry)) => {
                    entry::write(&mut json, &entry).map_err(core_error)?
                }
                Answer::Ready(None) => break,
                Answer::Need(extent) if count == 0 => return need(extent),
                Answer::Need(_) => break,
            }
            count += 1;
        }
        json.end(b']').count("next", scan.position())?.end(b'}').answered()
    }

    /// What the table of volumes of a merged pack says of this one: `name` and `size`; `undefined` when it has none such.
    pub fn volume(&self, number: u32) -> Answered {
        let Some(table) = &self.opened()?.table else {
            return nothing();
        };
        let found = ready!(rangepack_core::volumes::volume(table, number, &self.pieces));
        let Some(volume) = found else { return nothing() };
        let mut json = Json::answer();
        told_of(&mut json, &volume)?;
        json.answered()
    }

    /// Where the dictionary with this number lies: `volume`, `offset`, `length` and `sha256`.
    pub fn dictionary(&self, number: u32) -> Answered {
        let (index, pages) = self.parts()?;
        let which = DictionaryRef::Number(number);
        let place = ready!(index.dictionary(&pages, which, &self.limits));
        let mut json = Json::answer();
        json.begin(b'{').extent(place.extent())?.key("volume").small(place.volume.into());
        json.digest("sha256", &place.digest).end(b'}').answered()
    }

    /// What to read for the bytes `start` to `end` of a file's content: `{ whole: true }` when only the
    /// whole payload can be verified, or `{ blocks, end }`, where each block has `index`, `offset`,
    /// `length` and `sha256` of its stored bytes, and its content is `start` to `end` of the file's. They
    /// reach to `end`; ask again from there for the rest.
    pub fn locate(&self, entry: &JsValue, start: f64, end: f64) -> Answered {
        let content = entry::content_of(entry)?;
        let range = value::integer(start)?..value::integer(end)?;
        // The table lies with the index, whatever volume the payload lies in.
        let slice = ready!(blocks::locate(&content, range, &self.pieces));
        let blocks::Slice::Blocks { blocks, range } = slice else {
            return Json::answer().begin(b'{').key("whole").flag(true).end(b'}').answered();
        };
        let mut json = Json::answer();
        json.begin(b'{').key("blocks").begin(b'[');
        for block in &blocks {
            json.begin(b'{').extent(block.stored)?.digest("sha256", &block.digest);
            json.count("index", block.index)?.count("start", block.content.start)?;
            json.count("end", block.content.end)?.end(b'}');
        }
        json.end(b']').count("end", range.end)?.end(b'}').answered()
    }
}

/// A path as it is typed: slashes at its ends do not count, and the empty one is the root.
fn pack_path(path: &JsString) -> Result<PackPathBuf, JsValue> {
    let bytes = name_bytes(path);
    let trimmed = rangepack_core::trim_path(&bytes);
    if trimmed.is_empty() {
        return Ok(PackPath::ROOT.to_owned());
    }
    let path = PackPath::new(trimmed).map_err(core_error)?;
    Ok(path.to_owned())
}

/// What is told of another file that holds payloads.
fn told_of(json: &mut Json, volume: &Volume) -> Result<(), TooLarge> {
    json.begin(b'{').key("name").name(&volume.name).count("size", volume.len)?.end(b'}');
    Ok(())
}
