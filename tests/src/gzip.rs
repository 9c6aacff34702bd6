//! Gzip members by hand: deflate streams that are the same whatever a compressor does.

use rangepack_core::gzip::{MEMBER_HEADER, member_trailer};

/// CRC-32 as in gzip, bit by bit.
pub fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    })
}

/// A member whose deflate stream only stores.
pub fn member(content: &[u8]) -> Vec<u8> {
    member_with(&MEMBER_HEADER, content)
}

/// A deflate stream that only stores.
pub fn raw(content: &[u8]) -> Vec<u8> {
    let len = content.len() as u16;
    let mut out = vec![1];
    out.extend(len.to_le_bytes());
    out.extend((!len).to_le_bytes());
    out.extend(content);
    out
}

/// The same with another header.
pub fn member_with(header: &[u8], content: &[u8]) -> Vec<u8> {
    let mut out = header.to_vec();
    out.extend(raw(content));
    out.extend(member_trailer(crc32(content), content.len() as u64));
    out
}

/// A member of any deflate stream, with a trailer that says this.
pub fn member_of(deflated: &[u8], crc32: u32, size: u64) -> Vec<u8> {
    [&MEMBER_HEADER[..], deflated, &member_trailer(crc32, size)].concat()
}

/// What is stored of a large file, and what it is cut into.
#[derive(Debug, Clone)]
pub struct Blocks {
    /// A whole member.
    pub payload: Vec<u8>,
    /// Its content.
    pub content: Vec<u8>,
    /// Stored length of each block: those of the first and last include header and trailer.
    pub lengths: Vec<u32>,
}

/// How a block differs from what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// The second block copies from the first.
    RefersBack,
    /// The first block is the stream's final one.
    EndsEarly,
}

/// A member of blocks that can be decoded alone, of 4096 bytes each; the last has only eight. In each block
/// eight bytes of text are repeated.
pub fn blocks(count: usize) -> Blocks {
    blocks_with(count, None)
}

/// The same, perhaps with a flaw.
pub fn blocks_with(count: usize, flaw: Option<Flaw>) -> Blocks {
    let (mut payload, mut content, mut lengths) = (MEMBER_HEADER.to_vec(), Vec::new(), Vec::new());
    let mut begin = 0;
    for number in 0..count {
        let is_last = number + 1 == count;
        let ends_early = flaw == Some(Flaw::EndsEarly) && number == 0;
        let refers_back = flaw == Some(Flaw::RefersBack) && number == 1;
        let text = format!("{:07} ", if refers_back { 0 } else { number });
        let mut bits = Bits::default();
        // A block of fixed codes, the final one or not.
        bits.put(u32::from(is_last || ends_early), 1);
        bits.put(1, 2);
        if refers_back {
            // Eight bytes from eight bytes before.
            bits.code(262 - 256, 7);
            bits.distance_eight();
        } else {
            text.bytes().for_each(|byte| bits.code(0x30 + u32::from(byte), 8));
        }
        if !is_last {
            // 15 times 258 bytes, and 218.
            for _ in 0..15 {
                bits.code(0xc5, 8);
                bits.distance_eight();
            }
            bits.code(0xc3, 8);
            bits.put(218 - 195, 5);
            bits.distance_eight();
        }
        bits.code(0, 7);
        if !is_last {
            // An empty stored block, which ends on a byte.
            bits.put(0, 3);
        }
        payload.extend(bits.out);
        if !is_last {
            payload.extend([0, 0, 0xff, 0xff]);
        }
        content.extend(text.repeat(if is_last { 1 } else { 512 }).bytes());
        if is_last {
            payload.extend(member_trailer(crc32(&content), content.len() as u64));
        }
        lengths.push((payload.len() - begin) as u32);
        begin = payload.len();
    }
    Blocks { payload, content, lengths }
}

/// Bits in deflate's order.
#[derive(Debug, Default)]
struct Bits {
    out: Vec<u8>,
    used: u32,
}

impl Bits {
    /// The lowest `count` bits, the lowest first.
    fn put(&mut self, value: u32, count: u32) {
        for at in 0..count {
            if self.used.is_multiple_of(8) {
                self.out.push(0);
            }
            let last = self.out.len() - 1;
            self.out[last] |= ((value >> at & 1) as u8) << (self.used % 8);
            self.used += 1;
        }
    }

    /// A Huffman code: the highest bit first.
    fn code(&mut self, code: u32, count: u32) {
        (0..count).rev().for_each(|at| self.put(code >> at & 1, 1));
    }

    /// Distance code 5 stands for 7 and 8.
    fn distance_eight(&mut self) {
        self.code(5, 5);
        self.put(1, 1);
    }
}
