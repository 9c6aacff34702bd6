//! What a payload is, found out as its bytes come: its digest, that of its content, and those of its blocks.

use crate::archive::import::Lies;
use crate::container::tables::Tables;
use crate::error::LeftOut;
use crate::pack::BLOCK;
use rangepack_core::blocks::BlockTableBuilder;
use rangepack_core::{Codec, Content, Decoder, Digest, FOREIGN_METHOD, Hasher};
use std::io::{self, Read};

/// Reads payloads.
pub(super) struct Reading {
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Reading {
    pub(super) fn new() -> Reading {
        Reading { input: vec![0; BLOCK as usize], output: vec![0; BLOCK as usize] }
    }

    /// Reads all of the payload that lies there, and says what an entry has to say of it. `Err` within: what is wrong with it.
    pub(super) fn read(
        &mut self,
        lies: &Lies,
        size: u64,
        payload: &mut dyn Read,
        tables: &mut Tables,
        mut go_on: impl FnMut() -> io::Result<()>,
    ) -> io::Result<Result<Content, LeftOut>> {
        let mut content = Content::new(lies.codec, lies.offset, lies.len, size).with_volume(1);
        let damaged = |error| Ok(Err(LeftOut::Damaged(io::Error::other(error))));
        let mut decoder = match lies.codec {
            Codec::Deflate | Codec::Zstd => match Decoder::new(&content, None) {
                Ok(decoder) => Some(decoder),
                Err(error) if lies.codec == Codec::Deflate => return damaged(error),
                Err(_) => None,
            },
            _ => None,
        };
        let is_stored = lies.codec == Codec::Stored;
        let mut builder = (is_stored && lies.len > BLOCK).then(BlockTableBuilder::new);
        let (mut stored, mut original) = (Hasher::new(), Hasher::new());
        let mut crc32 = crc32fast::Hasher::new();
        let mut left = lies.len;
        while left > 0 {
            go_on()?;
            let piece = &mut self.input[..left.min(BLOCK) as usize];
            payload.read_exact(piece)?;
            left -= piece.len() as u64;
            stored.update(piece);
            if is_stored && lies.crc32.is_some() {
                crc32.update(piece);
            }
            if let Some(builder) = &mut builder {
                builder.push(piece.len() as u32, Digest::of(piece));
            }
            let mut rest = &piece[..];
            while let Some(decoding) = &mut decoder {
                match decoding.decode(rest, &mut self.output) {
                    Ok(progress) => {
                        let decoded = &self.output[..progress.produced];
                        original.update(decoded);
                        crc32.update(decoded);
                        rest = &rest[progress.consumed..];
                        if progress.produced < self.output.len() {
                            break;
                        }
                        go_on()?;
                    }
                    Err(error) if lies.codec == Codec::Deflate => return damaged(error),
                    Err(_) => decoder = None,
                }
            }
        }
        let is_decoded = decoder.is_some();
        match decoder.map(Decoder::finish) {
            Some(Err(error)) if lies.codec == Codec::Deflate => return damaged(error),
            Some(Ok(())) => content.original_digest = Some(original.finish()),
            // Frames that no pack may hold.
            Some(Err(_)) | None if lies.codec == Codec::Zstd => {
                content.codec = Codec::Other(FOREIGN_METHOD);
            }
            Some(Err(_)) | None => {}
        }
        let is_known = is_stored || (is_decoded && content.codec == lies.codec);
        let found = crc32.finalize();
        if let Some(expected) = lies.crc32.filter(|expected| is_known && *expected != found) {
            let text = format!("its CRC-32 is {found:08x}, not {expected:08x}");
            return Ok(Err(LeftOut::Damaged(io::Error::other(text))));
        }
        content.digest = Some(stored.finish());
        if let Some(builder) = builder {
            content.blocks = Some(tables.push(builder)?);
        }
        Ok(Ok(content))
    }
}
