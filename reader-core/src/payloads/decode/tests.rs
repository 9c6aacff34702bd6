use super::*;
use alloc::vec;
use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use std::io::Write as _;

fn stored(bytes: &[u8]) -> (Content, Vec<u8>) {
    let len = bytes.len() as u64;
    let content = Content::new(Codec::Stored, 77, len, len).with_digest(Some(Digest::of(bytes)));
    (content, bytes.to_vec())
}

fn gzip(bytes: &[u8]) -> (Content, Vec<u8>) {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    let payload = encoder.finish().unwrap();
    let content = Content {
        size: bytes.len() as u64,
        codec: Codec::Gzip,
        original_digest: Some(Digest::of(bytes)),
        ..stored(&payload).0
    };
    (content, payload)
}

/// The same as a raw deflate stream.
fn deflate(bytes: &[u8]) -> (Content, Vec<u8>) {
    let (content, member) = gzip(bytes);
    let payload = member[10..member.len() - 8].to_vec();
    let (stored_size, digest) = (payload.len() as u64, Some(Digest::of(&payload)));
    (Content { codec: Codec::Deflate, stored_size, digest, ..content }, payload)
}

/// Without digests, so that what is wrong shows in the stream itself.
fn undigested(content: Content, payload: &[u8], size: u64) -> Content {
    let stored_size = payload.len() as u64;
    Content { size, stored_size, digest: None, original_digest: None, ..content }
}

#[test]
fn raw_deflate_streams_end_where_they_say() {
    for bytes in [&b""[..], b"x", &[7; 100_000], &b"some text, and some text again".repeat(50)] {
        let (content, payload) = deflate(bytes);
        assert_eq!(both(&content, &payload).unwrap(), bytes);
        let size = bytes.len() as u64;
        assert_eq!(both(&undigested(content, &payload, size), &payload).unwrap(), bytes);
        let longer = [&payload[..], b"\0"].concat();
        let shorter = &payload[..payload.len() - 1];
        for (payload, size) in
            [(&longer[..], size), (shorter, size), (&payload, size + 1), (&payload, u64::MAX)]
        {
            both(&undigested(content, payload, size), payload).unwrap_err();
        }
        if size > 0 {
            both(&undigested(content, &payload, size - 1), &payload).unwrap_err();
        }
    }
}

fn piecewise(content: &Content, payload: &[u8], input: usize, output: usize) -> Result<Vec<u8>> {
    let mut decoder = Decoder::new(content, None)?;
    let mut decoded = Vec::new();
    let mut buffer = vec![0; output];
    let mut finished = content.stored_size == 0;
    for mut piece in payload.chunks(input) {
        loop {
            let progress = decoder.decode(piece, &mut buffer)?;
            decoded.extend_from_slice(&buffer[..progress.produced]);
            piece = &piece[progress.consumed..];
            finished = progress.finished;
            if progress.produced < output {
                assert!(piece.is_empty());
                break;
            }
        }
    }
    decoder.finish()?;
    assert!(finished);
    Ok(decoded)
}

fn both(content: &Content, payload: &[u8]) -> Result<Vec<u8>> {
    let whole = decode_all(content, payload, None, &Limits::default()).map(Cow::into_owned);
    let pieces = piecewise(content, payload, 3, 5);
    assert_eq!(whole.is_ok(), pieces.is_ok(), "{whole:?} {pieces:?}");
    if let (Ok(whole), Ok(pieces)) = (&whole, &pieces) {
        assert_eq!(whole, pieces);
    }
    whole
}

#[test]
fn stored_content_is_borrowed() {
    let (content, payload) = stored(b"as it is");
    let decoded = decode_all(&content, &payload, None, &Limits::default()).unwrap();
    assert!(matches!(decoded, Cow::Borrowed(bytes) if bytes == b"as it is"));
}

#[test]
fn every_truncation_and_every_flipped_byte_errors() {
    for (content, payload) in [stored(b"some bytes"), gzip(b"some bytes, some bytes")] {
        for len in 0..payload.len() {
            assert!(both(&content, &payload[..len]).is_err());
        }
        for at in 0..payload.len() {
            let mut damaged = payload.clone();
            damaged[at] ^= 0x11;
            assert!(both(&content, &damaged).is_err());
            let mut hasher = PayloadHasher::new();
            hasher.update(&damaged);
            assert!(hasher.finish(&content).is_err());
        }
        let longer = [&payload[..], &[0]].concat();
        assert!(both(&content, &longer).is_err());
        let mut hasher = PayloadHasher::new();
        payload.chunks(3).for_each(|piece| hasher.update(piece));
        assert_eq!(hasher.finish(&content), Ok(()));
    }
}

#[test]
fn without_digests_the_check_sum_is_left() {
    let (content, payload) = gzip(b"0123456789");
    let content = Content { digest: None, original_digest: None, ..content };
    assert_eq!(both(&content, &payload).unwrap(), b"0123456789");
    for at in 0..payload.len() {
        let mut damaged = payload.clone();
        damaged[at] ^= 0x40;
        if let Ok(decoded) = both(&content, &damaged) {
            assert_eq!(decoded, b"0123456789", "byte {at}");
        }
    }
}

#[test]
fn the_content_has_its_own_digest() {
    let (content, payload) = gzip(b"0123456789");
    let wrong = Content { original_digest: Some(Digest::of(b"other")), ..content };
    let error = both(&wrong, &payload).unwrap_err();
    assert!(matches!(error, Error::DigestMismatch { part: Part::Original, .. }));
}

#[test]
fn lengths_must_be_those_of_the_entry() {
    let (content, payload) = gzip(&[7; 5000]);
    for size in [0, 4999, 5001, 60_000] {
        let error = both(&Content { size, ..content }, &payload).unwrap_err();
        assert!(matches!(error, Error::SizeMismatch { expected, .. } if expected == size));
    }
    let (content, payload) = stored(b"0123456789");
    assert!(both(&Content { size: 9, ..content }, &payload).is_err());
}

#[test]
fn implausible_sizes_are_refused_at_once() {
    let (content, payload) = gzip(b"x");
    let most = content.stored_size * 1032 + 65536;
    assert!(Decoder::new(&Content { size: most, ..content }, None).is_ok());
    for size in [most + 1, u64::MAX] {
        let bomb = Content { size, ..content };
        assert!(Decoder::new(&bomb, None).is_err());
        assert!(decode_all(&bomb, &payload, None, &Limits::default()).is_err());
    }
}

#[test]
fn content_over_the_limit_is_not_decoded() {
    let (content, payload) = gzip(&[0; 1000]);
    let limits = Limits { content_bytes: 999, ..Limits::default() };
    assert_eq!(
        decode_all(&content, &payload, None, &limits),
        Err(Error::OverLimit { what: "content_bytes", value: 1000, limit: 999 })
    );
}

#[test]
fn errors_stay() {
    let (content, payload) = stored(b"abc");
    let mut decoder = Decoder::new(&content, None).unwrap();
    decoder.decode(&payload, &mut [0; 3]).unwrap();
    let error = decoder.decode(b"d", &mut [0; 3]).unwrap_err();
    assert_eq!(error, Error::PayloadLength { expected: 3, found: 4 });
    assert_eq!(decoder.decode(b"", &mut []), Err(error.clone()));
    assert_eq!(decoder.finish(), Err(error));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn round_trip(
        seed in proptest::collection::vec(any::<u8>(), 0..100),
        times in 1usize..3000,
        input in 1usize..2000,
        output in 1usize..2000,
    ) {
        let bytes = seed.repeat(times);
        for (content, payload) in [stored(&bytes), gzip(&bytes)] {
            let whole = decode_all(&content, &payload, None, &Limits::default()).unwrap();
            prop_assert_eq!(&whole[..], &bytes[..]);
            let pieces = piecewise(&content, &payload, input, output).unwrap();
            prop_assert_eq!(&pieces[..], &bytes[..]);
        }
    }
}
