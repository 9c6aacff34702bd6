#![cfg(any(feature = "zstd", feature = "zstd-c"))]

use super::*;
use crate::{BlockTable, Codec, Content, DictionaryRef, Limits, decode_all};
use proptest::prelude::*;
use zstd::bulk::Compressor;

/// A sample of what small files have in common.
fn record(number: usize) -> Vec<u8> {
    let name = ["cat", "dog", "tree", "house"][number % 4];
    std::format!(
        "{{\"id\": {number}, \"label\": \"{name}\", \"license\": \"CC-BY-4.0\", \"score\": {}}}",
        number * 7919 % 1000
    )
    .into_bytes()
}

fn trained() -> Vec<u8> {
    let samples: Vec<_> = (0..2000).map(record).collect();
    zstd::dict::from_samples(&samples, 4096).unwrap()
}

fn frame(content: &[u8], dictionary: &[u8], id: bool) -> Vec<u8> {
    let mut encoder = Compressor::with_dictionary(3, dictionary).unwrap();
    encoder.include_dictid(id).unwrap();
    encoder.compress(content).unwrap()
}

fn content_of(payload: &[u8], size: usize) -> Content {
    Content::new(Codec::Zstd, 0, payload.len() as u64, size as u64)
        .with_digest(Some(Digest::of(payload)))
}

fn decode(stored: &[u8], size: usize, dictionary: Option<&Dictionary>) -> Result<Vec<u8>> {
    let mut out = b"before".to_vec();
    let done = Context::new().decode_frame(stored, size as u64, dictionary, &mut out);
    assert!(out.starts_with(b"before"));
    done.inspect_err(|_| assert_eq!(out, b"before"))?;
    Ok(out.split_off(6))
}

#[test]
fn dictionaries_are_verified_and_belong_to_their_frames() {
    let bytes = trained();
    let place = |bytes: &[u8]| DictionaryPlace {
        volume: 0,
        offset: 0,
        len: bytes.len() as u32,
        digest: Digest::of(bytes),
    };
    let dictionary = Dictionary::new(&place(&bytes), &bytes).unwrap();
    assert!(Dictionary::new(&place(&bytes), &bytes[1..]).is_err());
    let mut damaged = bytes.clone();
    damaged[100] ^= 1;
    assert!(matches!(
        Dictionary::new(&place(&bytes), &damaged),
        Err(Error::DigestMismatch { part: Part::Dictionary, .. })
    ));
    for none in [&b""[..], b"7", &bytes[..8], &bytes[..40], b"no dictionary at all"] {
        assert!(Dictionary::new(&place(none), none).is_err(), "{none:?}");
    }

    let content = record(31337);
    for id in [false, true] {
        let stored = frame(&content, &bytes, id);
        assert_eq!(decode(&stored, content.len(), Some(&dictionary)).unwrap(), content);
        assert!(decode(&stored, content.len(), None).is_err(), "{id}");
    }
    // One that has another number is not taken for it.
    let stored = frame(&content, &bytes, true);
    let mut other = bytes;
    other[4] ^= 1;
    let other = Dictionary::parse(&other).unwrap();
    assert!(matches!(
        decode(&stored, content.len(), Some(&other)),
        Err(Error::BadField { field: "dictionary", .. })
    ));
}

#[test]
fn a_file_needs_the_dictionary_that_its_entry_names_and_no_other() {
    let bytes = trained();
    let dictionary = Dictionary::parse(&bytes).unwrap();
    let text = record(5);
    let stored = frame(&text, &bytes, false);
    let content = content_of(&stored, text.len());
    let named = content.with_dictionary(Some(DictionaryRef::Number(1)));
    let limits = Limits::default();
    assert_eq!(*decode_all(&named, &stored, Some(&dictionary), &limits).unwrap(), text);
    assert_eq!(decode_all(&named, &stored, None, &limits), Err(Error::NoDictionary));
    assert_eq!(decode_all(&content, &stored, Some(&dictionary), &limits), Err(Error::NoDictionary));
}

#[test]
fn what_a_frame_says_of_itself_is_checked() {
    let text = record(1);
    let size = text.len();
    let stored = zstd::bulk::compress(&text, 3).unwrap();
    assert_eq!(decode(&stored, size, None).unwrap(), text);
    for len in 0..stored.len() {
        assert!(decode(&stored[..len], size, None).is_err(), "{len}");
    }
    let field = |bytes: &[u8], name: &str| match decode(bytes, size, None) {
        Err(Error::BadField { field, .. }) => assert_eq!(field, name),
        other => panic!("{name}: {other:?}"),
    };
    // Something behind it, another size, another magic, one that is skipped.
    assert!(matches!(
        decode(&[&stored[..], b"?"].concat(), size, None),
        Err(Error::TrailingBytes { .. })
    ));
    for wrong in [0, size - 1, size + 1] {
        assert!(matches!(decode(&stored, wrong, None), Err(Error::SizeMismatch { .. })));
    }
    field(b"\x28\xb5\x2f\xfe\0\0\0\0\0", "magic");
    field(b"\x50\x2a\x4d\x18\x01\0\0\0?", "magic");
    // The reserved bit; no content size; a window of 2 GiB; a reserved kind of block.
    let mut reserved = stored.clone();
    reserved[4] |= 8;
    field(&reserved, "descriptor");
    field(b"\x28\xb5\x2f\xfd\x00\x58\x01\0\0", "content size");
    let window =
        [b"\x28\xb5\x2f\xfd\x80\xa8", &(size as u32).to_le_bytes()[..], b"\x01\0\0"].concat();
    field(&window, "window size");
    let kind = [b"\x28\xb5\x2f\xfd\x20", &[size as u8][..], b"\x07\0\0"].concat();
    field(&kind, "block type");
    // Content that is said to be longer than it can be, or than a frame may hold.
    let long = [b"\x28\xb5\x2f\xfd\xe0", &u64::MAX.to_le_bytes()[..], b"\x01\0\0"].concat();
    assert!(Context::new().decode_frame(&long, u64::MAX, None, &mut Vec::new()).is_err());
    let over = MAX_FRAME + 1;
    let bomb = zstd::bulk::compress(&std::vec![0; over as usize], 3).unwrap();
    assert!(matches!(
        Context::new().decode_frame(&bomb, over, None, &mut Vec::new()),
        Err(Error::BadField { field: "content size", .. })
    ));
    // A check sum that is wrong.
    let mut encoder = Compressor::new(3).unwrap();
    encoder.include_checksum(true).unwrap();
    let mut summed = encoder.compress(&text).unwrap();
    assert_eq!(decode(&summed, size, None).unwrap(), text);
    *summed.last_mut().unwrap() ^= 1;
    assert!(matches!(decode(&summed, size, None), Err(Error::BadFrame { .. })));
}

#[test]
fn a_payload_of_frames_is_what_its_blocks_are() {
    let text: Vec<u8> = (0..40_000).flat_map(|number: u32| (number / 3).to_le_bytes()).collect();
    let mut payload = Vec::new();
    for block in text.chunks(1 << 16) {
        payload.extend(zstd::bulk::compress(block, 3).unwrap());
    }
    let table = BlockTable { offset: 0, digest: Digest([0; 32]), block_log2: 16 };
    let content = content_of(&payload, text.len()).with_blocks(Some(table));
    let limits = Limits::default();
    assert!(*decode_all(&content, &payload, None, &limits).unwrap() == text);
    // Without a table each frame says how much it holds.
    let alone = content.with_blocks(None);
    assert!(*decode_all(&alone, &payload, None, &limits).unwrap() == text);
    let other = Some(BlockTable { block_log2: 17, ..table });
    assert!(decode_all(&content.with_blocks(other), &payload, None, &limits).is_err());
    for (input, output) in [(1, 100_000), (7, 13), (4096, 1000), (1 << 20, 1 << 20)] {
        let mut decoder = crate::Decoder::new(&content, None).unwrap();
        let (mut out, mut rest) = (Vec::<u8>::new(), &payload[..]);
        let mut piece = std::vec![0; output];
        loop {
            let progress = decoder.decode(&rest[..rest.len().min(input)], &mut piece).unwrap();
            rest = &rest[progress.consumed..];
            out.extend(&piece[..progress.produced]);
            if progress.finished && progress.produced < output {
                break;
            }
        }
        decoder.finish().unwrap();
        assert!(out == text, "{input} {output}");
    }
    // The last frame is missing, or there is one too many.
    let mut decoder = crate::Decoder::new(&content, None).unwrap();
    let mut out = std::vec![0; text.len() + 1];
    decoder.decode(&payload[..payload.len() - 1], &mut out).unwrap();
    assert!(decoder.finish().is_err());
    let longer = Content { stored_size: content.stored_size + 1, digest: None, ..content };
    let mut decoder = crate::Decoder::new(&longer, None).unwrap();
    assert!(decoder.decode(&[&payload[..], b"("].concat(), &mut out).is_err());
}

#[test]
fn content_that_cannot_be_there_is_refused_beforehand() {
    let bomb = Content::new(Codec::Zstd, 0, 9, MAX_FRAME);
    assert!(matches!(FrameDecoder::new(&bomb, None), Err(Error::SizeMismatch { .. })));
    // Frames of nothing lead nowhere.
    let nothing = zstd::bulk::compress(b"", 3).unwrap();
    let payload = [&nothing[..], &zstd::bulk::compress(b"abc", 3).unwrap()].concat();
    let content = content_of(&payload, 3);
    assert!(decode_all(&content, &payload, None, &Limits::default()).is_err());
    let empty = content_of(&nothing, 0);
    assert!(decode_all(&empty, &nothing, None, &Limits::default()).unwrap().is_empty());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        size in 0u64..70_000,
        descriptor in any::<u8>(),
    ) {
        let _ = Context::new().decode_frame(&bytes, size, None, &mut Vec::new());
        let framed = [b"\x28\xb5\x2f\xfd", &[descriptor][..], &bytes].concat();
        let _ = Context::new().decode_frame(&framed, size, None, &mut Vec::new());
    }

    #[test]
    fn a_changed_frame_is_refused_or_has_its_length(
        at in any::<proptest::sample::Index>(),
        bit in 0u8..8,
        number in 0usize..1000,
    ) {
        let text = record(number).repeat(3);
        let mut stored = zstd::bulk::compress(&text, 3).unwrap();
        let place = at.index(stored.len());
        stored[place] ^= 1 << bit;
        if let Ok(decoded) = decode(&stored, text.len(), None) {
            prop_assert_eq!(decoded.len(), text.len());
        }
    }
}
