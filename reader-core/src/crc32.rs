//! CRC-32, that of gzip: crc32fast's, save in WebAssembly, where its tables of 16 KiB would be a fifth of what pages fetch.

#[cfg(not(target_family = "wasm"))]
pub(crate) use crc32fast::Hasher as Crc32;
#[cfg(target_family = "wasm")]
pub(crate) use small::Crc32;

/// The sum of some bytes.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = Crc32::new();
    sum.update(bytes);
    sum.finalize()
}

#[cfg(any(target_family = "wasm", test))]
mod small {
    /// The polynomial of gzip, the lowest power first.
    const POLYNOMIAL: u32 = 0xedb8_8320;

    /// What each byte makes of the sum, with none to three bytes 0 behind it.
    static TABLES: [[u32; 256]; 4] = tables();

    /// The sum of what came so far.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Crc32(u32);

    impl Crc32 {
        pub(crate) fn new() -> Crc32 {
            Crc32::default()
        }

        pub(crate) fn update(&mut self, bytes: &[u8]) {
            let mut sum = !self.0;
            let (words, rest) = bytes.as_chunks();
            for word in words {
                let [a, b, c, d] = (sum ^ u32::from_le_bytes(*word)).to_le_bytes();
                sum = of(3, a) ^ of(2, b) ^ of(1, c) ^ of(0, d);
            }
            for byte in rest {
                let [low, ..] = sum.to_le_bytes();
                sum = of(0, low ^ byte) ^ (sum >> 8);
            }
            self.0 = !sum;
        }

        pub(crate) fn finalize(self) -> u32 {
            self.0
        }
    }

    #[inline]
    fn of(zeros: usize, byte: u8) -> u32 {
        TABLES.get(zeros).and_then(|table| table.get(usize::from(byte))).copied().unwrap_or(0)
    }

    #[expect(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::cast_possible_truncation,
        reason = "the compiler runs it"
    )]
    const fn tables() -> [[u32; 256]; 4] {
        let mut tables = [[0; 256]; 4];
        let mut byte = 0;
        while byte < 256 {
            let mut sum = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                sum = (sum >> 1) ^ (POLYNOMIAL * (sum & 1));
                bit += 1;
            }
            tables[0][byte] = sum;
            byte += 1;
        }
        let mut at = 256;
        while at < 4 * 256 {
            let before = tables[at / 256 - 1][at % 256];
            tables[at / 256][at % 256] = tables[0][before as usize % 256] ^ (before >> 8);
            at += 1;
        }
        tables
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use std::vec::Vec;

        #[test]
        fn the_sum_is_that_of_gzip_however_it_is_cut() {
            let bytes: Vec<u8> =
                (0..1000u32).map(|number| ((number * number) >> 3) as u8).collect();
            for (start, cut) in [(0, 0), (0, 1), (1, 5), (2, 999), (3, 1000), (990, 993)] {
                let mut sum = Crc32::new();
                sum.update(&bytes[start..cut.max(start)]);
                sum.update(&bytes[cut.max(start)..]);
                assert_eq!(sum.finalize(), crc32fast::hash(&bytes[start..]), "{start} {cut}");
            }
            assert_eq!(Crc32::new().finalize(), 0);
        }
    }
}
