//! The C library: for programs that have a C compiler when they are built.

extern crate std;

use crate::error::Result;
use alloc::vec::Vec;
use core::cell::RefCell;
use zstd_safe::{DCtx, DDict};

/// Whether anything can be decoded.
pub(super) fn available() -> Result<()> {
    Ok(())
}

/// A dictionary with its tables built.
pub(super) struct Prepared(DDict<'static>);

impl Prepared {
    /// `None` when it is not sound.
    pub(super) fn new(bytes: &[u8]) -> Result<Option<Prepared>> {
        Ok(DDict::try_create(bytes).map(Prepared))
    }
}

std::thread_local! {
    /// It is some 160 KB long, and used again and again.
    static CONTEXT: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

/// Nothing: there is one for each thread.
#[derive(Clone, Default)]
pub(super) struct Context;

impl Context {
    /// Appends the content of `frame`, which is `size` bytes long; `false` when it cannot be decoded.
    pub(super) fn decode(
        &mut self,
        frame: &[u8],
        dictionary: Option<&Prepared>,
        size: usize,
        out: &mut Vec<u8>,
    ) -> Result<bool> {
        let start = out.len();
        out.resize(start.saturating_add(size), 0);
        let place = out.get_mut(start..).unwrap_or_default();
        let decoded = CONTEXT.with_borrow_mut(|context| {
            if context.is_none() {
                *context = DCtx::try_create();
            }
            let context = context.as_mut()?;
            let decoded = match dictionary {
                Some(Prepared(dictionary)) => {
                    context.decompress_using_ddict(place, frame, dictionary)
                }
                None => context.decompress(place, frame),
            };
            decoded.ok()
        });
        out.truncate(start.saturating_add(decoded.unwrap_or(0)));
        Ok(decoded.is_some())
    }
}
