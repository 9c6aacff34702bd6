//! The paged index that ends a file, or ended it before it began to grow (FORMAT.md, "Files beside a pack").

use super::error::{Error, RemoteProblem, Result};
use super::http::Http;
use super::open::Opening;
use super::options::OpenOptions;
use super::source::Bytes;
use rangepack_core::layout::{GROWTH_NOTE_LEN, GrowthNote};
use rangepack_core::{Digest, ErrorKind, Extent, Index, Source};
use web_sys::Url;

/// Opens the paged index; `None` when there is none. A note is looked for where the file may have more bytes than its last index knows
/// of, and if `is_thorough` wherever there is no index: browsers show every question for what is not there.
pub(super) async fn open(
    opening: &mut Opening,
    options: &OpenOptions,
    is_thorough: bool,
) -> Result<Option<Index>> {
    let opened = index(opening, options.expected).await;
    match &opened {
        Ok(Some(_)) => return opened,
        Ok(None) if !is_thorough && !ends_with_zero(opening) => return opened,
        Err(error) if !is_broken(error) => return opened,
        _ => {}
    }
    let Some(note) = note(opening, options).await? else { return opened };
    if note.file_len >= opening.end {
        return opened;
    }
    let end = std::mem::replace(&mut opening.end, note.file_len);
    match index(opening, None).await {
        Ok(Some(found)) if found.digest() == note.digest => {
            return match options.expected {
                Some(_) => index(opening, options.expected).await,
                None => Ok(Some(found)),
            };
        }
        Err(error) if !is_broken(&error) => return Err(error),
        _ => {}
    }
    opening.end = end;
    opened
}

/// Whether an error of opening may come of a file that is growing.
pub(super) fn is_broken(error: &Error) -> bool {
    matches!(error, Error::Pack { source, .. } if source.kind() != ErrorKind::WrongPack)
}

async fn index(opening: &mut Opening, expected: Option<Digest>) -> Result<Option<Index>> {
    let (end, limits) = (opening.end, opening.limits);
    opening.ask(|pieces| Index::open(pieces, end, expected, &limits)).await
}

/// A file that grows ends with zeros, or a footer. The end is the first thing that is fetched.
fn ends_with_zero(opening: &Opening) -> bool {
    let last = opening.end.checked_sub(1).map(|start| Extent { start, len: 1 });
    last.and_then(|last| opening.pieces.bytes(last)).is_some_and(|last| last == [0])
}

/// The note beside a file, if there is one that is whole; nothing lies beside a `Blob`.
async fn note(opening: &Opening, options: &OpenOptions) -> Result<Option<GrowthNote>> {
    let Bytes::Http(http) = &opening.bytes else { return Ok(None) };
    let Ok(url) = Url::new(http.url()) else { return Ok(None) };
    url.set_pathname(&format!("{}.grow", url.pathname()));
    let note = Bytes::Http(Box::new(Http::new(&url.href(), options)?));
    let len = GROWTH_NOTE_LEN as u64;
    match note.open(len, opening.signal.as_ref()).await {
        Ok(bytes) if note.size() == len => Ok(GrowthNote::from_bytes(&bytes)),
        Ok(_) => Ok(None),
        // Some stores say that a file which is not there may not be read.
        Err(Error::Remote {
            problem: RemoteProblem::NotFound(_) | RemoteProblem::Denied(_),
            ..
        }) => Ok(None),
        Err(error) => Err(error),
    }
}
