//! Why packs cannot be served.

use std::io;

/// What keeps the server from starting, or from going on.
#[derive(Debug)]
pub(crate) enum ServeError {
    /// A pack that was named cannot be opened.
    Pack(rangepack::Error),
    /// Nobody can listen there.
    Listen {
        /// `host:port`.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// This is not the origin of a page.
    Origin(String),
    /// The system has no threads left.
    Threads(io::Error),
    /// It is earlier than 1970 or later than 9999, and no answer can tell its date.
    Clock,
    /// The system has no random numbers.
    Random(getrandom::Error),
}

impl From<rangepack::Error> for ServeError {
    fn from(error: rangepack::Error) -> ServeError {
        ServeError::Pack(error)
    }
}
