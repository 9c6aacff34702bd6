//! What stands in for a decoder where this crate is built without one.

use crate::error::{Error, Result};
use alloc::vec::Vec;

/// There is none.
pub(super) enum Prepared {}

/// Nothing.
#[derive(Clone, Default)]
pub(super) struct Context;

const UNSUPPORTED: Error = Error::UnsupportedCodec { number: 3 };

/// Fails: asked first, it leaves all of what would come then out of the program.
pub(super) fn available() -> Result<()> {
    Err(UNSUPPORTED)
}

impl Prepared {
    pub(super) fn new(_bytes: &[u8]) -> Result<Option<Prepared>> {
        Err(UNSUPPORTED)
    }
}

impl Context {
    pub(super) fn decode(
        &mut self,
        _frame: &[u8],
        _dictionary: Option<&Prepared>,
        _size: usize,
        _out: &mut Vec<u8>,
    ) -> Result<bool> {
        Err(UNSUPPORTED)
    }
}
