//! Zstandard frames: what is accepted is what the C library makes of them, the same at any split, and never more than was said.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::zstd::{Context, Dictionary, Frame};
use rangepack_core::{Codec, Content, Decoder, DictionaryRef, Limits, decode_all};
use std::sync::LazyLock;

static BYTES: &[u8] = include_bytes!("zstd.dictionary");
static DICTIONARY: LazyLock<Dictionary> =
    LazyLock::new(|| Dictionary::parse(BYTES).expect("it is one"));

fuzz_target!(|bytes: &[u8]| {
    let Some(([flags, step], payload)) = bytes.split_first_chunk::<2>() else { return };
    let dictionary = (flags & 1 != 0).then(|| DICTIONARY.clone());
    let Ok(frame) = Frame::of(payload) else { return };
    // Frames side by side hold what the first says, or twice as much.
    let size = frame.size.min(1 << 20) << (flags >> 1 & 1);
    let named = dictionary.as_ref().map(|_| DictionaryRef::Number(1));
    let content = Content::new(Codec::Zstd, 0, payload.len() as u64, size).with_dictionary(named);
    let whole = decode_all(&content, payload, dictionary.as_ref(), &Limits::default());
    assert_eq!(
        whole.as_deref().ok(),
        in_pieces(&content, payload, dictionary.clone(), usize::from(*step) + 1).as_deref()
    );
    let mut one = Vec::new();
    let decoded = Context::new().decode_frame(payload, frame.size, dictionary.as_ref(), &mut one);
    if decoded.is_ok() {
        assert_eq!(one.len() as u64, frame.size);
        let theirs = match dictionary {
            Some(_) => zstd::bulk::Decompressor::with_dictionary(BYTES),
            None => zstd::bulk::Decompressor::new(),
        };
        let theirs = theirs.and_then(|mut library| library.decompress(payload, one.len()));
        assert_eq!(theirs.ok().as_deref(), Some(&one[..]));
    }
    if let Ok(dictionary) = Dictionary::parse(payload) {
        let _ = Context::new().decode_frame(payload, 100, Some(&dictionary), &mut Vec::new());
    }
});

fn in_pieces(
    content: &Content,
    payload: &[u8],
    dictionary: Option<Dictionary>,
    step: usize,
) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(content, dictionary).ok()?;
    let (mut all, mut output) = (Vec::new(), [0; 1000]);
    for mut piece in payload.chunks(step) {
        loop {
            let progress = decoder.decode(piece, &mut output).ok()?;
            all.extend_from_slice(&output[..progress.produced]);
            piece = &piece[progress.consumed..];
            if progress.produced < output.len() {
                break;
            }
        }
        assert!(all.len() as u64 <= content.size);
    }
    decoder.finish().ok()?;
    Some(all)
}
