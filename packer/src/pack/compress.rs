//! Encoders: gzip members whose blocks decode alone, and Zstandard frames.

use super::train::Trained;
use flate2::{Compress, FlushCompress, Status};
use rangepack_core::{Codec, gzip};
use std::io::{self, Cursor};
use zstd::bulk::Compressor;

/// How files are compressed, where that makes them shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Each file is one gzip member, at this level: 1 to 9.
    Gzip(u32),
    /// Each file is one Zstandard frame, or one for each block, at this level: 1 to 22.
    Zstd(u32),
}

impl Compression {
    /// How it is said in the index.
    pub fn codec(self) -> Codec {
        match self {
            Compression::Gzip(_) => Codec::Gzip,
            Compression::Zstd(_) => Codec::Zstd,
        }
    }
}

/// An encoder that is used again and again.
pub(crate) enum Encoder<'d> {
    Gzip(Deflater),
    Zstd(Frames<'d>),
}

impl<'d> Encoder<'d> {
    /// One that has these dictionaries, if it can use any.
    pub(crate) fn new(compression: Compression, trained: &'d Trained) -> Encoder<'d> {
        match compression {
            Compression::Gzip(level) => Encoder::Gzip(Deflater::new(level)),
            Compression::Zstd(level) => Encoder::Zstd(Frames::new(level, trained)),
        }
    }

    pub(crate) fn codec(&self) -> Codec {
        match self {
            Encoder::Gzip(_) => Codec::Gzip,
            Encoder::Zstd(_) => Codec::Zstd,
        }
    }

    /// Appends the payload of a whole small file that has this path in the pack; which dictionary it needs.
    pub(crate) fn whole(
        &mut self,
        content: &[u8],
        path: impl FnOnce() -> Vec<u8>,
        out: &mut Vec<u8>,
    ) -> io::Result<Option<usize>> {
        match self {
            Encoder::Gzip(deflater) => {
                out.extend(gzip::MEMBER_HEADER);
                deflater.block(content, true, out)?;
                out.extend(gzip::member_trailer(crc32fast::hash(content), content.len() as u64));
                Ok(None)
            }
            Encoder::Zstd(frames) => frames.whole(content, path, out),
        }
    }

    /// Appends the stored bytes of one block of a large file. Those of the last one still lack the trailer of a gzip member.
    pub(crate) fn block(
        &mut self,
        content: &[u8],
        first: bool,
        last: bool,
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        match self {
            Encoder::Gzip(deflater) => {
                if first {
                    out.extend(gzip::MEMBER_HEADER);
                }
                deflater.block(content, last, out)
            }
            Encoder::Zstd(frames) => frames.plain()?.append(content, out),
        }
    }
}

/// A deflate encoder with full flushes, so that blocks compressed apart form one gzip member.
#[derive(Debug)]
pub(crate) struct Deflater(Compress);

impl Deflater {
    /// At `level` 1 to 9.
    pub(crate) fn new(level: u32) -> Deflater {
        Deflater(Compress::new(flate2::Compression::new(level), false))
    }

    /// Appends the deflate data of one block: ended by a full flush, or by the final bit if it is the last.
    ///
    /// Each block starts afresh, so the bytes depend on this block alone.
    fn block(&mut self, input: &[u8], last: bool, out: &mut Vec<u8>) -> io::Result<()> {
        self.0.reset();
        let flush = if last { FlushCompress::Finish } else { FlushCompress::Full };
        // Room for the worst case: deflate grows incompressible data by less than an eighth.
        out.reserve(input.len() + input.len() / 8 + 256);
        let mut consumed = 0usize;
        loop {
            let before = self.0.total_in();
            let status =
                self.0.compress_vec(&input[consumed..], out, flush).map_err(io::Error::other)?;
            consumed += (self.0.total_in() - before) as usize;
            let full = out.len() == out.capacity();
            let done =
                if last { status == Status::StreamEnd } else { consumed == input.len() && !full };
            if done {
                return Ok(());
            }
            out.reserve(64 << 10);
        }
    }
}

/// Encodes frames, with dictionaries for the files that have one.
pub(crate) struct Frames<'d> {
    level: u32,
    trained: &'d Trained,
    plain: Option<FrameEncoder<'d>>,
    /// One for all dictionaries, and which of them it has now: an encoder takes a megabyte, and to give it another dictionary
    /// costs nothing.
    with: Option<(usize, FrameEncoder<'d>)>,
}

impl<'d> Frames<'d> {
    fn new(level: u32, trained: &'d Trained) -> Frames<'d> {
        Frames { level, trained, plain: None, with: None }
    }

    fn whole(
        &mut self,
        content: &[u8],
        path: impl FnOnce() -> Vec<u8>,
        out: &mut Vec<u8>,
    ) -> io::Result<Option<usize>> {
        let which = self.trained.for_file(path, content.len());
        match which {
            Some(number) => self.with(number)?.append(content, out)?,
            None => self.plain()?.append(content, out)?,
        }
        Ok(which)
    }

    fn plain(&mut self) -> io::Result<&mut FrameEncoder<'d>> {
        let Frames { level, plain, .. } = self;
        Ok(match plain {
            Some(encoder) => encoder,
            None => plain.insert(FrameEncoder::new(*level)?),
        })
    }

    /// The encoder, with this dictionary.
    fn with(&mut self, number: usize) -> io::Result<&mut FrameEncoder<'d>> {
        let Frames { trained, with, .. } = self;
        let dictionary = trained.dictionaries()[number].prepared();
        let (now, encoder) = match with {
            Some(with) => with,
            None => with.insert((number, FrameEncoder::with(dictionary)?)),
        };
        if *now != number {
            encoder.0.set_prepared_dictionary(dictionary)?;
            *now = number;
        }
        Ok(encoder)
    }
}

/// Encodes frames of one kind: without check sum, for there is SHA-256, and without the number of the dictionary, which the
/// entry names.
pub(super) struct FrameEncoder<'d>(Compressor<'d>);

impl<'d> FrameEncoder<'d> {
    pub(super) fn new(level: u32) -> io::Result<FrameEncoder<'d>> {
        Compressor::new(level.cast_signed()).and_then(set).map(FrameEncoder)
    }

    pub(super) fn with(
        dictionary: &'d zstd::dict::EncoderDictionary<'static>,
    ) -> io::Result<FrameEncoder<'d>> {
        Compressor::with_prepared_dictionary(dictionary).and_then(set).map(FrameEncoder)
    }

    /// Appends the frame that holds `content`.
    pub(super) fn append(&mut self, content: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        out.reserve(zstd::zstd_safe::compress_bound(content.len()));
        let mut end = Cursor::new(&mut *out);
        end.set_position(end.get_ref().len() as u64);
        self.0.compress_to_buffer(content, &mut end)?;
        Ok(())
    }
}

fn set(mut encoder: Compressor<'_>) -> io::Result<Compressor<'_>> {
    encoder.include_checksum(false)?;
    encoder.include_dictid(false)?;
    encoder.include_contentsize(true)?;
    Ok(encoder)
}
