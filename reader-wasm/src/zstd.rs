//! Decodes zstd payloads, frame by frame, in memory that is used again and again.
//!
//! Many of them are small, and what a call costs counts: stored bytes are written to where [`Frames::room`] says and content is
//! read where [`Frames::decode`] left it, so that nothing is allocated here for a frame, and copied once on either side.

use crate::code::code_of;
use js_sys::Reflect;
use rangepack_core::Error;
use rangepack_core::zstd::{Context, Dictionary, Frame, MAX_FRAME};
use wasm_bindgen::prelude::*;

/// The longest frame that may be stored, in bytes: the core allows a quarter more than the content, and a check sum.
const LONGEST: usize = (MAX_FRAME + MAX_FRAME / 4) as usize + 4;

/// An `Error` with a stable `code`.
fn failed(failure: Error) -> JsValue {
    let error = js_sys::Error::new(&failure.to_string());
    // Setting a property of an error never fails.
    let _ = Reflect::set(&error, &"code".into(), &code_of(&failure).into());
    error.into()
}

/// The memory of this module.
#[wasm_bindgen(js_name = ownMemory)]
#[must_use]
pub fn own_memory() -> JsValue {
    wasm_bindgen::memory()
}

/// A decoder, and dictionaries that were made ready for it.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Frames {
    context: Context,
    /// By number; the first has number 1.
    dictionaries: Vec<Option<Dictionary>>,
    stored: Vec<u8>,
    content: Vec<u8>,
    consumed: usize,
}

#[wasm_bindgen]
impl Frames {
    /// One that has decoded nothing.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new() -> Frames {
        Frames::default()
    }

    /// Makes a dictionary ready, whose digest the caller has compared, and gives the number that it has from now on.
    pub fn prepare(&mut self, bytes: &[u8]) -> Result<usize, JsValue> {
        let dictionary = Some(Dictionary::parse(bytes).map_err(failed)?);
        match self.dictionaries.iter().position(Option::is_none) {
            Some(place) => {
                self.dictionaries[place] = dictionary;
                Ok(place + 1)
            }
            None => {
                self.dictionaries.push(dictionary);
                Ok(self.dictionaries.len())
            }
        }
    }

    /// Gives up a dictionary; its number is that of another one then.
    pub fn forget(&mut self, dictionary: usize) {
        if let Some(place) = self.dictionaries.get_mut(dictionary.wrapping_sub(1)) {
            *place = None;
        }
    }

    /// Where in memory the caller writes `len` stored bytes, before [`Frames::decode`].
    pub fn room(&mut self, len: usize) -> *const u8 {
        let len = len.min(LONGEST);
        if self.stored.len() < len {
            self.stored.resize(len, 0);
        }
        self.stored.as_ptr()
    }

    /// Decodes the frame with which the `len` stored bytes begin, and gives where in memory its content lies: until the next
    /// call of any method. It is `size` bytes long; if not `exact`, it may be shorter, and is as long as it says.
    /// `start` is where in the payload the frame begins, for the error.
    pub fn decode(
        &mut self,
        len: usize,
        size: u32,
        exact: bool,
        dictionary: usize,
        start: f64,
    ) -> Result<*const u8, JsValue> {
        self.frame(len, size.into(), exact, dictionary).map_err(|error| match error {
            Error::BadFrame { .. } => failed(Error::BadFrame { start: start as u64 }),
            error => failed(error),
        })?;
        Ok(self.content.as_ptr())
    }

    fn frame(
        &mut self,
        len: usize,
        size: u64,
        exact: bool,
        dictionary: usize,
    ) -> Result<(), Error> {
        let stored = self.stored.get(..len.min(LONGEST)).unwrap_or_default();
        let dictionary = match dictionary.checked_sub(1) {
            None => None,
            Some(place) => {
                let known = self.dictionaries.get(place).and_then(Option::as_ref);
                Some(known.ok_or(Error::NoDictionary)?)
            }
        };
        self.content.clear();
        let frame = Frame::of(stored)?;
        let stored = stored.get(..frame.len).unwrap_or_default();
        // A frame of nothing would lead nowhere.
        let size = if exact { size } else { frame.size.max(1).min(size) };
        self.context.decode_frame(stored, size, dictionary, &mut self.content)?;
        self.consumed = frame.len;
        Ok(())
    }

    /// Length of the content of the last frame, in bytes.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn length(&self) -> usize {
        self.content.len()
    }

    /// How many of the stored bytes the last frame took.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn consumed(&self) -> usize {
        self.consumed
    }
}
