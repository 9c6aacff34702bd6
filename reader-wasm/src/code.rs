//! The codes of errors in JavaScript.

use rangepack_core::{Error, ErrorKind};

/// The code of the npm package for what the core found wrong.
#[must_use]
pub fn code_of(failure: &Error) -> &'static str {
    match failure.kind() {
        ErrorKind::NotAPack => "ERR_NOT_A_PACK",
        ErrorKind::Unsupported => "ERR_UNSUPPORTED",
        ErrorKind::OverLimit => "ERR_LIMIT",
        ErrorKind::WrongPack => "ERR_WRONG_PACK",
        ErrorKind::BadQuestion => "ERR_BAD_PATH",
        _ => "ERR_CORRUPT",
    }
}
