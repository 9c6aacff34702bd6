//! The header of a gzip member, whose optional fields may be split anywhere.

use crate::crc32::Crc32;
use crate::error::{Error, Result, Structure};

/// A member's header, taken byte by byte; none of its strings are kept.
#[derive(Clone, Default)]
pub(super) struct Header {
    field: Field,
    flags: u8,
    crc32: Crc32,
}

#[derive(Clone, Copy)]
enum Field {
    /// The ten bytes that every header has; the number of those seen.
    Fixed(u8),
    ExtraLenLow,
    ExtraLenHigh(u8),
    Extra(u16),
    Name,
    Comment,
    ChecksumLow,
    ChecksumHigh(u8),
    End,
}

impl Default for Field {
    fn default() -> Self {
        Field::Fixed(0)
    }
}

impl Header {
    const CHECKSUM: u8 = 1 << 1;
    const EXTRA: u8 = 1 << 2;
    const NAME: u8 = 1 << 3;
    const COMMENT: u8 = 1 << 4;
    const RESERVED: u8 = 0b1110_0000;

    /// Takes the next byte; whether the header ends with it.
    pub(super) fn push(&mut self, byte: u8) -> Result<bool> {
        let bad = |field| {
            Err(Error::BadField { structure: Structure::Gzip, field, value: u64::from(byte) })
        };
        // The header's own check sum covers everything before it.
        if !matches!(self.field, Field::ChecksumLow | Field::ChecksumHigh(_)) {
            self.crc32.update(&[byte]);
        }
        self.field = match self.field {
            Field::Fixed(0) if byte != 0x1f => return bad("ID1"),
            Field::Fixed(1) if byte != 0x8b => return bad("ID2"),
            Field::Fixed(2) if byte != 8 => return bad("CM"),
            Field::Fixed(3) if byte & Self::RESERVED != 0 => return bad("FLG"),
            Field::Fixed(3) => {
                self.flags = byte;
                Field::Fixed(4)
            }
            Field::Fixed(seen) if seen < 9 => Field::Fixed(seen.saturating_add(1)),
            Field::Fixed(_) if self.flags & Self::EXTRA != 0 => Field::ExtraLenLow,
            Field::Fixed(_) => self.after_extra(),
            Field::ExtraLenLow => Field::ExtraLenHigh(byte),
            Field::ExtraLenHigh(low) => match u16::from_le_bytes([low, byte]) {
                0 => self.after_extra(),
                len => Field::Extra(len),
            },
            Field::Extra(1) => self.after_extra(),
            Field::Extra(left) => Field::Extra(left.saturating_sub(1)),
            Field::Name if byte == 0 => self.after_name(),
            Field::Comment if byte == 0 => self.after_comment(),
            Field::Name | Field::Comment => self.field,
            Field::ChecksumLow => Field::ChecksumHigh(byte),
            Field::ChecksumHigh(low) => {
                let expected = u32::from(u16::from_le_bytes([low, byte]));
                let found = self.crc32.clone().finalize() & 0xffff;
                if expected != found {
                    let structure = Structure::Gzip;
                    return Err(Error::ChecksumMismatch { structure, expected, found });
                }
                Field::End
            }
            Field::End => Field::End,
        };
        Ok(matches!(self.field, Field::End))
    }

    fn after_extra(&self) -> Field {
        if self.flags & Self::NAME != 0 { Field::Name } else { self.after_name() }
    }

    fn after_name(&self) -> Field {
        if self.flags & Self::COMMENT != 0 { Field::Comment } else { self.after_comment() }
    }

    fn after_comment(&self) -> Field {
        if self.flags & Self::CHECKSUM != 0 { Field::ChecksumLow } else { Field::End }
    }
}
