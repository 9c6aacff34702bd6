//! Packs that are written into an object store while they are made.

use super::sources::Sources;
use super::{PackOptions, Packed, pack_stream};
use crate::error::{Error, Result};
use crate::progress::Observer;
use crate::source::location::Url;
use crate::source::options::RemoteOptions;
use crate::source::remote::send;
use std::path::PathBuf;

/// Packs into a file of an object store, at an `s3://`, `gs://` or `az://` URL. It appears when all of it is there, and nothing of it is left when this
/// fails: what was sent is taken back, unless the process is killed or the store cannot be reached any more.
///
/// It is sent while it is made. Large files and the index wait in a temporary file until they are complete; of the rest 64 MiB are in memory at most, of
/// packs of more than 31 GiB more and more: 2.7 GiB at 5 TiB. A file that is there is replaced with [`PackOptions::overwrite`] only. The store makes
/// sure of that for packs of up to 16 MiB, where it can; longer ones are looked for at the beginning and before the end.
/// [`PackOptions::fsync`] is ignored.
///
/// # Errors
/// Those of [`pack()`](super::pack()), and [`Error::Upload`].
pub fn pack_url(
    sources: Sources,
    url: &Url,
    options: &PackOptions,
    remote: &RemoteOptions,
    observer: &dyn Observer,
) -> Result<Packed> {
    options.check()?;
    let name = PathBuf::from(url.to_string());
    send(url, remote, options.overwrite, observer, |sending| {
        let out = Box::new(sending.clone());
        let packed = pack_stream(sources, out, &name, options, observer)?;
        let failed = packed.summary.failed;
        if failed > 0 && !options.incomplete && sending.has_old() {
            return Err(Error::Incomplete { path: name.clone(), failed });
        }
        Ok(packed)
    })
}
