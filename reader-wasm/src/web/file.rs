//! A file inside a pack: all of it, a part, or piece by piece; verified before it is given out.

use super::error::Result;
use super::pack::Pack;
use futures_util::stream::{self, LocalBoxStream};
use futures_util::{Stream, StreamExt, TryStreamExt};
use rangepack_core::blocks::{self, Block, Slice};
use rangepack_core::plan::plan;
use rangepack_core::zstd::Dictionary;
use rangepack_core::{
    Codec, Content, Decoder, Digest, Entry, Extent, Kind, PackPath, PackPathBuf, Part, decode_all,
};
use std::cell::RefCell;
use std::ops::Range;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

/// Payloads without a block table are read as a whole up to this many bytes.
const WHOLE: u64 = 8 << 20;

/// Longer ones are fetched in requests of about this many bytes.
const STEP: u64 = 2 << 20;

/// So many of these at once.
const IN_FLIGHT: usize = 3;

/// So much is decoded in one go, in bytes.
const PIECE: usize = 256 << 10;

/// Two payloads come with one request when no more lies between them, and with it no more than the longest is brought.
const GAP: u64 = 64 << 10;

/// See [`GAP`].
const LONGEST: u64 = 8 << 20;

/// A file inside a pack. Nothing is read before it is asked for.
#[derive(Debug, Clone)]
pub struct File {
    pack: Pack,
    path: PackPathBuf,
    content: Content,
    /// Digests of the parts of a payload without block table, once all of it was verified.
    vouched: RefCell<Option<Rc<[Digest]>>>,
}

impl File {
    pub(super) fn new(pack: Pack, path: PackPathBuf, content: Content) -> File {
        File { pack, path, content, vouched: RefCell::default() }
    }

    /// Length of the content in bytes.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.content.size
    }

    /// Whether the file is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where it is in the pack, links followed.
    #[must_use]
    pub fn path(&self) -> PackPath<'_> {
        self.path.as_path()
    }

    /// Where its bytes lie and how they are stored.
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// The whole content, in one piece.
    pub async fn read(&self) -> Result<Vec<u8>> {
        self.check_whole(self.content.size)?;
        let mut payload = Vec::new();
        let mut pieces = self.payload();
        while let Some(piece) = pieces.next().await {
            payload.extend(piece?);
        }
        self.decode(payload).await
    }

    /// A part of the content. Of a file with a block table only the blocks that hold it are fetched; without one all is.
    ///
    /// # Errors
    /// When the range is not in the file.
    pub async fn slice(&self, range: Range<u64>) -> Result<Vec<u8>> {
        self.check_range(&range)?;
        self.check_whole(range.end - range.start)?;
        if range == (0..self.content.size) {
            return self.read().await;
        }
        let mut part = Vec::new();
        // All of it is held back until everything is verified, so that one pass does.
        let mut chunks = self.pieces(range, true);
        while let Some(chunk) = chunks.next().await {
            part.extend(chunk?);
        }
        Ok(part)
    }

    /// The content, or a part of it, in pieces and bounded memory; every piece is verified before it is given out. Long files
    /// without a block table are fetched once to be verified, and once more to be given out.
    ///
    /// # Errors
    /// When the range is not in the file.
    pub fn chunks(&self, range: Range<u64>) -> Result<Chunks> {
        self.check_range(&range)?;
        Ok(Chunks(self.pieces(range, false)))
    }

    fn bad(&self, error: rangepack_core::Error) -> super::error::Error {
        self.pack.bad_entry(&self.path, error)
    }

    fn check_range(&self, range: &Range<u64>) -> Result<()> {
        let len = range.end.saturating_sub(range.start);
        match range.start <= range.end {
            true => Extent::new(range.start, len, self.content.size),
            false => {
                let file_len = self.content.size;
                Err(rangepack_core::Error::OutOfBounds { start: range.start, len, file_len })
            }
        }
        .map(drop)
        .map_err(|error| self.bad(error))
    }

    /// Refuses what cannot be read here, or has no room in memory, before any of it is fetched.
    fn check_whole(&self, value: u64) -> Result<()> {
        self.check()?;
        let (what, limit) = ("content_bytes", self.pack.shared.limits.content_bytes);
        if value.max(self.content.stored_size.min(value)) > limit {
            return Err(self.bad(rangepack_core::Error::OverLimit { what, value, limit }));
        }
        Ok(())
    }

    /// Refuses what cannot be read here, and sizes that do not belong together.
    fn check(&self) -> Result<()> {
        let content = self.content.with_dictionary(None);
        Decoder::new(&content, None).map(drop).map_err(|error| self.bad(error))
    }

    async fn dictionary(&self) -> Result<Option<Dictionary>> {
        self.pack.dictionary(&self.path, &self.content).await
    }

    async fn decode(&self, payload: Vec<u8>) -> Result<Vec<u8>> {
        let limits = &self.pack.shared.limits;
        let dictionary = self.dictionary().await?;
        let content = decode_all(&self.content, &payload, dictionary.as_ref(), limits)
            .map_err(|error| self.bad(error))?;
        Ok(match content {
            std::borrow::Cow::Borrowed(_) => payload,
            std::borrow::Cow::Owned(content) => content,
        })
    }

    /// The stored bytes in parts of [`STEP`].
    fn payload(&self) -> LocalBoxStream<'static, Result<Vec<u8>>> {
        let (pack, content) = (self.pack.clone(), self.content);
        let Extent { start, len } = content.extent();
        stream::iter((0..len).step_by(STEP as usize))
            .map(move |at| {
                let pack = pack.clone();
                let part = Extent { start: start + at, len: STEP.min(len - at) };
                async move { pack.stored(&content, part).await }
            })
            .buffered(IN_FLIGHT)
            .boxed_local()
    }

    fn pieces(
        &self,
        range: Range<u64>,
        held_back: bool,
    ) -> LocalBoxStream<'static, Result<Vec<u8>>> {
        let file = self.clone();
        let pieces = async move {
            file.check()?;
            if range.is_empty() {
                return Ok(stream::empty().boxed_local());
            }
            if file.content.blocks.is_some() {
                return Ok(file.block_by_block(range, file.dictionary().await?));
            }
            if file.content.stored_size.max(file.content.size) <= WHOLE {
                let whole = file.read().await?;
                // It was compared with the size of the content, in which the range lies.
                let part = whole[range.start as usize..range.end as usize].to_vec();
                return Ok(stream::once(async { Ok(part) }).boxed_local());
            }
            let has_no_digest =
                file.content.codec == Codec::Stored && file.content.digest.is_none();
            let vouched = match held_back || has_no_digest {
                true => None,
                false => Some(file.vouched().await?),
            };
            Ok(file.decoded(range, file.dictionary().await?, vouched))
        };
        stream::once(pieces).try_flatten().boxed_local()
    }

    /// Block by block; the next requests are on their way meanwhile.
    fn block_by_block(
        &self,
        range: Range<u64>,
        dictionary: Option<Dictionary>,
    ) -> LocalBoxStream<'static, Result<Vec<u8>>> {
        let (file, end) = (self.clone(), range.end);
        let located = stream::try_unfold(range.start, move |reached| {
            let file = file.clone();
            async move {
                if reached >= end {
                    return Ok(None);
                }
                let content = file.content;
                let found =
                    file.pack.ask_file(|_, table| blocks::locate(&content, reached..end, table));
                match found.await? {
                    Slice::Blocks { blocks, range } if range.end > reached => {
                        Ok(Some((steps(blocks), range.end)))
                    }
                    _ => Ok(None),
                }
            }
        });
        let file = self.clone();
        let fetched = located
            .map_ok(|steps| stream::iter(steps.into_iter().map(Ok)))
            .try_flatten()
            .map_ok({
                let file = file.clone();
                move |blocks: Vec<Block>| {
                    let file = file.clone();
                    async move {
                        let first = blocks.first().map_or(0, |block| block.stored.start);
                        let behind = blocks.last().map_or(0, |block| block.stored.end());
                        let extent = Extent { start: first, len: behind.saturating_sub(first) };
                        let stored = file.pack.stored(&file.content, extent).await?;
                        Ok((blocks, stored))
                    }
                }
            })
            .try_buffered(IN_FLIGHT);
        fetched
            .map_ok(move |(blocks, stored)| {
                let (file, range, dictionary) = (file.clone(), range.clone(), dictionary.clone());
                let first = blocks.first().map_or(0, |block| block.stored.start);
                stream::iter(blocks).map(move |block| {
                    let at = (block.stored.start - first) as usize;
                    let bytes = stored.get(at..at + block.stored.len as usize).unwrap_or_default();
                    let dictionary = dictionary.as_ref();
                    let content = blocks::decode_block(&file.content, &block, bytes, dictionary)
                        .map_err(|error| file.bad(error))?;
                    Ok(part(&content, block.content.start, &range))
                })
            })
            .try_flatten()
            .boxed_local()
    }

    /// A first pass over a payload, of which nothing is given out: digests of its parts, when all is verified.
    async fn vouched(&self) -> Result<Rc<[Digest]>> {
        if let Some(known) = self.vouched.borrow().clone() {
            return Ok(known);
        }
        let dictionary = self.dictionary().await?;
        let mut decoder =
            Decoder::new(&self.content, dictionary).map_err(|error| self.bad(error))?;
        let (mut digests, mut buffer) = (Vec::new(), vec![0; PIECE]);
        let mut parts = self.payload();
        while let Some(stored) = parts.next().await {
            let stored = stored?;
            digests.push(Digest::of(&stored));
            let mut rest = &stored[..];
            loop {
                let progress =
                    decoder.decode(rest, &mut buffer).map_err(|error| self.bad(error))?;
                rest = rest.get(progress.consumed..).unwrap_or_default();
                // An output that was not filled means that all input was used up.
                if progress.produced < buffer.len() {
                    break;
                }
            }
        }
        decoder.finish().map_err(|error| self.bad(error))?;
        let digests: Rc<[Digest]> = digests.into();
        *self.vouched.borrow_mut() = Some(Rc::clone(&digests));
        Ok(digests)
    }

    /// Decodes from the beginning; parts that were vouched for are verified before anything is made of them, and everything
    /// at the end.
    fn decoded(
        &self,
        range: Range<u64>,
        dictionary: Option<Dictionary>,
        vouched: Option<Rc<[Digest]>>,
    ) -> LocalBoxStream<'static, Result<Vec<u8>>> {
        let decoder = match Decoder::new(&self.content, dictionary) {
            Ok(decoder) => Some(decoder),
            Err(error) => {
                let error = self.bad(error);
                return stream::once(async { Err(error) }).boxed_local();
            }
        };
        let decoding = Decoding {
            file: self.clone(),
            payload: self.payload(),
            vouched,
            came: 0,
            stored: Vec::new(),
            consumed: 0,
            wants_more: true,
            position: 0,
            range,
            decoder,
        };
        stream::try_unfold(decoding, |mut decoding| async move {
            let piece = decoding.next().await?;
            Ok(piece.map(|piece| (piece, decoding)))
        })
        .boxed_local()
    }
}

struct Decoding {
    file: File,
    payload: LocalBoxStream<'static, Result<Vec<u8>>>,
    vouched: Option<Rc<[Digest]>>,
    /// Parts that came.
    came: usize,
    /// The last one, and how much of it was used up.
    stored: Vec<u8>,
    consumed: usize,
    wants_more: bool,
    /// How much content was decoded.
    position: u64,
    range: Range<u64>,
    /// `None` when everything was verified.
    decoder: Option<Decoder>,
}

impl Decoding {
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            let Some(decoder) = &mut self.decoder else { return Ok(None) };
            if self.wants_more {
                let Some(stored) = self.payload.next().await.transpose()? else {
                    let decoder = self.decoder.take();
                    let finished = decoder.map_or(Ok(()), Decoder::finish);
                    return finished.map(|()| None).map_err(|error| self.file.bad(error));
                };
                self.compare(&stored)?;
                (self.stored, self.consumed, self.wants_more) = (stored, 0, false);
                continue;
            }
            let rest = self.stored.get(self.consumed..).unwrap_or_default();
            let mut content = vec![0; PIECE];
            let progress =
                decoder.decode(rest, &mut content).map_err(|error| self.file.bad(error))?;
            self.consumed += progress.consumed;
            self.wants_more = progress.produced < content.len();
            content.truncate(progress.produced);
            let start = self.position;
            self.position += content.len() as u64;
            let wanted = part(&content, start, &self.range);
            if !wanted.is_empty() {
                return Ok(Some(wanted));
            }
        }
    }

    /// Fails unless the next part is what it was in the first pass.
    fn compare(&mut self, stored: &[u8]) -> Result<()> {
        let expected = self.vouched.as_ref().and_then(|vouched| vouched.get(self.came).copied());
        let at = self.came as u64 * STEP;
        self.came += 1;
        let (Some(expected), found) = (expected, Digest::of(stored)) else { return Ok(()) };
        if found == expected {
            return Ok(());
        }
        let extent = Extent { start: self.file.content.offset + at, len: stored.len() as u64 };
        let part = Part::Block;
        let error = rangepack_core::Error::DigestMismatch { part, extent, expected, found };
        Err(self.file.bad(error))
    }
}

/// The part of `content`, which begins at `start`, that lies in `range`.
fn part(content: &[u8], start: u64, range: &Range<u64>) -> Vec<u8> {
    let at = |position: u64| {
        let distance = usize::try_from(position.saturating_sub(start)).unwrap_or(usize::MAX);
        distance.min(content.len())
    };
    content[at(range.start)..at(range.end).max(at(range.start))].to_vec()
}

/// Blocks side by side, as many as one request brings.
fn steps(blocks: Vec<Block>) -> Vec<Vec<Block>> {
    let mut steps: Vec<Vec<Block>> = Vec::new();
    let mut bytes = 0u64;
    for block in blocks {
        bytes = bytes.saturating_add(block.stored.len);
        match steps.last_mut() {
            Some(step) if bytes <= STEP => step.push(block),
            _ => {
                bytes = block.stored.len;
                steps.push(vec![block]);
            }
        }
    }
    steps
}

/// The content of a file in pieces; see [`File::chunks`]. It is a `futures` stream, too.
pub struct Chunks(LocalBoxStream<'static, Result<Vec<u8>>>);

impl Chunks {
    /// The next piece; `None` at the end, and after an error.
    pub async fn next(&mut self) -> Option<Result<Vec<u8>>> {
        self.0.next().await
    }
}

impl Stream for Chunks {
    type Item = Result<Vec<u8>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl std::fmt::Debug for Chunks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chunks")
    }
}

impl Pack {
    /// The contents of many files, in their order, neighbours together: in as few requests as it takes. All of them are held in
    /// memory.
    pub async fn read_many(&self, entries: &[Entry]) -> Vec<Result<Vec<u8>>> {
        let files: Vec<Result<File>> = entries.iter().map(|entry| self.open_entry(entry)).collect();
        let mut contents: Vec<Option<Result<Vec<u8>>>> = entries.iter().map(|_| None).collect();
        let mut volumes: Vec<u32> =
            entries.iter().filter_map(|entry| of(entry)).map(|c| c.volume).collect();
        volumes.sort_unstable();
        volumes.dedup();
        for volume in volumes {
            // What lies elsewhere, or is long, has no part in it.
            let extent = |entry: &Entry| match of(entry) {
                Some(content) if content.volume == volume && content.stored_size <= STEP => {
                    content.extent()
                }
                _ => Extent { start: 0, len: 0 },
            };
            let extents: Vec<Extent> = entries.iter().map(extent).collect();
            let reads = plan(&extents, GAP, LONGEST).reads;
            let fetch = |read: rangepack_core::plan::Read| async move {
                let content = Content::new(Codec::Stored, 0, 0, 0).with_volume(volume);
                let bytes = self.stored(&content, read.extent).await;
                (read, bytes)
            };
            let mut coming = stream::iter(reads.into_iter().map(fetch)).buffered(IN_FLIGHT);
            while let Some((read, bytes)) = coming.next().await {
                for (number, extent) in read.parts {
                    let decoded = match (&bytes, files.get(number)) {
                        (Ok(bytes), Some(Ok(file))) => {
                            let at = (extent.start - read.extent.start) as usize;
                            let stored = bytes.get(at..at + extent.len as usize);
                            file.decode(stored.unwrap_or_default().to_vec()).await
                        }
                        (Err(error), _) | (_, Some(Err(error))) => Err(error.clone()),
                        (Ok(_), None) => Ok(Vec::new()),
                    };
                    if let Some(place) = contents.get_mut(number) {
                        *place = Some(decoded);
                    }
                }
            }
        }
        let mut all = Vec::new();
        for (file, content) in files.into_iter().zip(contents) {
            all.push(match (content, file) {
                (Some(content), _) => content,
                (None, Ok(file)) => file.read().await,
                (None, Err(error)) => Err(error),
            });
        }
        all
    }
}

fn of(entry: &Entry) -> Option<&Content> {
    if let Kind::File(content) = &entry.kind { Some(content) } else { None }
}
