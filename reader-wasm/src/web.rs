//! Packs in Rust web applications: an asynchronous [`Pack`] over `fetch` and `Blob`s.
//!
//! ```no_run
//! use rangepack_wasm::web::{OpenOptions, Pack, Result};
//!
//! async fn show(url: &str) -> Result<Vec<u8>> {
//!     let pack = Pack::open_url(url, &OpenOptions::new()).await?;
//!     let mut cats = pack.read_dir("cats").await?;
//!     while let Some(cat) = cats.next().await {
//!         web_sys::console::log_1(&cat?.path.display().to_string().into());
//!     }
//!     let film = pack.open_file("cats/film.mp4").await?;
//!     let beginning = film.slice(0..4096.min(film.len())).await?; // costs that part
//!     let mut chunks = film.chunks(0..film.len())?;
//!     while let Some(chunk) = chunks.next().await {
//!         let _verified: Vec<u8> = chunk?;
//!     }
//!     Ok(beginning)
//! }
//! ```
//!
//! It runs in pages and workers, asks the same questions of the same core as the library `rangepack`, and fails in
//! the same kinds. Everything is verified; old containers open, too. Applications take the crate without what the
//! npm package is made of:
//!
//! ```toml
//! rangepack-wasm = { version = "0.1", default-features = false, features = ["web"] }
//! ```

mod error;
mod options;
mod abort;
mod source;
mod http;
mod open;
mod growing;
mod legacy;
mod pack;
mod file;

pub use error::{BadAnswer, Error, Expected, RemoteProblem, Result, VolumeProblem};
pub use file::{Chunks, File};
pub use open::Format;
pub use options::OpenOptions;
pub use pack::{Entries, Pack};
pub use rangepack_core::{
    Codec, Content, Digest, Entry, ErrorKind, Escaped, Extent, Kind, Owner, PackPath, PackPathBuf,
    ParseDigestError, Totals,
};
pub use rangepack_core::{Error as FormatError, Index, layout::Header, layout::Volume};
pub use source::Traffic;
