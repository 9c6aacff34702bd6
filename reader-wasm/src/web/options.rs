//! How a pack is opened.

use rangepack_core::Digest;
use std::fmt;
use web_sys::{AbortSignal, RequestCredentials};

/// How a pack is opened, and how its server is asked. Built from [`OpenOptions::new`].
#[derive(Clone)]
#[non_exhaustive]
pub struct OpenOptions {
    /// Accept only the pack whose root page has this digest.
    pub expected: Option<Digest>,
    /// The address of an old container's index, where that lies in a file beside it (`.idx`).
    pub index: Option<String>,
    /// Ends everything that this pack does, once it is aborted.
    pub signal: Option<AbortSignal>,
    /// Sent with every request, such as `Authorization`.
    pub headers: Vec<(String, String)>,
    /// Whether cookies are sent, as for `fetch`.
    pub credentials: Option<RequestCredentials>,
    /// How often a request is tried again when that may help, with growing pauses; 4.
    pub retries: u32,
    /// Milliseconds before the first of these; 250.
    pub retry_delay: u32,
    /// Milliseconds without a single byte after which a request is given up; 30 000.
    pub timeout: u32,
    /// Bytes a second that must come at least, looked at whenever `timeout` has passed; 1024.
    pub least_speed: u32,
    /// From a server that ignores ranges a file is taken as a whole if it is no longer; 16 MiB.
    pub whole_limit: u64,
    /// Index pages that are kept in memory, in bytes; 32 MiB, and 4 at least.
    pub cache_bytes: u64,
}

impl Default for OpenOptions {
    fn default() -> OpenOptions {
        OpenOptions {
            expected: None,
            index: None,
            signal: None,
            headers: Vec::new(),
            credentials: None,
            retries: 4,
            retry_delay: 250,
            timeout: 30_000,
            least_speed: 1024,
            whole_limit: 16 << 20,
            cache_bytes: 32 << 20,
        }
    }
}

/// Headers and addresses may hold secrets, which are not for logs.
impl fmt::Debug for OpenOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenOptions").field("expected", &self.expected).finish_non_exhaustive()
    }
}

/// A method for each field.
macro_rules! setters {
    ($($field:ident($type:ty),)*) => {
        $(
            #[doc = concat!("Sets [`", stringify!($field), "`](#structfield.", stringify!($field), ").")]
            #[must_use]
            pub fn $field(mut self, $field: $type) -> OpenOptions {
                self.$field = $field.into();
                self
            }
        )*
    };
}

impl OpenOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> OpenOptions {
        OpenOptions::default()
    }

    setters! {
        expected(impl Into<Option<Digest>>),
        index(impl Into<Option<String>>),
        signal(impl Into<Option<AbortSignal>>),
        headers(impl Into<Vec<(String, String)>>),
        credentials(impl Into<Option<RequestCredentials>>),
        retries(u32),
        retry_delay(u32),
        timeout(u32),
        least_speed(u32),
        whole_limit(u64),
        cache_bytes(u64),
    }
}
