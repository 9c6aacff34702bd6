//! What went wrong, in one line: the message of an error, and that of its cause.

use rangepack::Error;

/// An error of the library with all that it says of what is behind it.
pub(crate) fn words(error: &Error) -> String {
    match error {
        Error::Io { source, .. } => format!("{error}: {source}"),
        Error::Pack { pack, source } => format!("{pack}: {source}"),
        Error::Entry { pack, entry, source } => format!("{pack}: {entry}: {source}"),
        error => error.to_string(),
    }
}
