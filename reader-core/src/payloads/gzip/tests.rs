use super::*;
use alloc::{vec, vec::Vec};
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::io::Write as _;

fn member(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Decodes with pieces of the given sizes, taken in turn.
fn decode(member: &[u8], limit: u64, inputs: &[usize], outputs: &[usize]) -> Result<Vec<u8>> {
    let mut decoder = GzipDecoder::new(limit);
    let mut content = Vec::new();
    let (mut inputs, mut outputs) = (inputs.iter().cycle(), outputs.iter().cycle());
    let mut start = 0;
    loop {
        let end = member.len().min(start + inputs.next().unwrap());
        let mut output = vec![0; *outputs.next().unwrap()];
        let progress = decoder.decode(&member[start..end], &mut output)?;
        start += progress.consumed;
        content.extend_from_slice(&output[..progress.produced]);
        let filled = progress.produced == output.len();
        assert!(filled || start == end, "{progress:?} stopped early");
        if start == member.len() && !filled {
            decoder.finish()?;
            assert!(progress.finished);
            return Ok(content);
        }
    }
}

fn whole(member: &[u8], limit: u64) -> Result<Vec<u8>> {
    decode(member, limit, &[usize::MAX >> 1], &[4096])
}

/// A header with all four optional fields.
fn decorated(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0b1_1110, 1, 2, 3, 4, 2, 3];
    bytes.extend_from_slice(b"\x05\0extra");
    bytes.extend_from_slice(b"name\0comment\0");
    let checksum = crc32fast::hash(&bytes) as u16;
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes.extend_from_slice(&member(content)[10..]);
    bytes
}

#[test]
fn optional_header_fields_are_skipped_at_any_split() {
    let bytes = decorated(b"hello");
    for split in 1..bytes.len() {
        assert_eq!(decode(&bytes, 5, &[split, 1], &[1]).unwrap(), b"hello");
    }
    let mut damaged = bytes.clone();
    damaged[18] ^= 1; // inside the name, which only the header's check sum covers
    assert!(matches!(whole(&damaged, 5), Err(Error::ChecksumMismatch { .. })));
    let mut reserved = bytes;
    reserved[3] |= 0x20;
    assert!(matches!(whole(&reserved, 5), Err(Error::BadField { field: "FLG", .. })));
}

#[test]
fn an_empty_extra_field_is_an_extra_field() {
    let mut bytes = vec![0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 3, 0, 0];
    bytes.extend_from_slice(&member(b"x")[10..]);
    assert_eq!(whole(&bytes, 1).unwrap(), b"x");
}

#[test]
fn every_truncation_errors() {
    let bytes = decorated(b"hello, hello, hello");
    for len in 0..bytes.len() {
        let found = decode(&bytes[..len], 19, &[7], &[3]);
        assert!(matches!(found, Err(Error::Truncated { .. })), "{len}: {found:?}");
    }
}

#[test]
fn every_flipped_bit_errors_or_is_harmless() {
    let content = b"abcabcabcabcabc hello hello \0\0\0\0\0\0\0\0\0\0\0";
    let good = member(content);
    for bit in 0..good.len() * 8 {
        let mut bytes = good.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(found) = whole(&bytes, content.len() as u64) {
            assert_eq!(found, content, "bit {bit}");
        }
    }
}

#[test]
fn a_second_member_is_refused() {
    let first = member(b"one");
    for extra in [member(b"two"), vec![0]] {
        let two = [first.clone(), extra].concat();
        let expected = Error::TrailingBytes { structure: Structure::Gzip, len: first.len() as u64 };
        assert_eq!(whole(&two, 100), Err(expected.clone()));
        assert_eq!(decode(&two, 100, &[1], &[1]), Err(expected));
    }
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let bytes = member(&vec![0; 1 << 20]);
    for limit in [0, 1, 4096, (1 << 20) - 1] {
        let expected = Error::SizeMismatch { expected: limit, found: limit + 1 };
        assert_eq!(whole(&bytes, limit), Err(expected));
    }
    assert_eq!(whole(&bytes, 1 << 20).unwrap().len(), 1 << 20);
}

#[test]
fn errors_stay() {
    let mut decoder = GzipDecoder::new(10);
    let error = decoder.decode(b"PK", &mut []).unwrap_err();
    assert_eq!(decoder.decode(&member(b""), &mut []), Err(error.clone()));
    assert_eq!(decoder.finish(), Err(error));
}

#[test]
fn empty_content_needs_no_output() {
    let progress = GzipDecoder::new(0).decode(&member(b""), &mut []).unwrap();
    assert!(progress.finished);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn round_trip(
        seed in proptest::collection::vec(any::<u8>(), 0..300),
        times in 1usize..300,
        inputs in proptest::collection::vec(1usize..50, 1..8),
        outputs in proptest::collection::vec(1usize..5000, 1..8),
    ) {
        let content = seed.repeat(times);
        let found = decode(&member(&content), content.len() as u64, &inputs, &outputs);
        prop_assert_eq!(found.unwrap(), content);
    }

    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        header in any::<bool>(),
    ) {
        let bytes = if header { [&MEMBER_HEADER[..], &bytes].concat() } else { bytes };
        let _ = decode(&bytes, 1000, &[3], &[5]);
    }
}
