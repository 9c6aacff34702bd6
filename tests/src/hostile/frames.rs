//! Zstandard frames and dictionaries.

use super::{Packs, content, entry};
use crate::forge::Forge;
use crate::frames::{dictionary, place, plain_frame, raw, record};
use rangepack_core::{
    Codec, Content, DictionaryPlace, DictionaryRef, Digest, Kind, MAX_DICTIONARY, Result, Tag,
};

/// A pack of one zstd payload behind `before`.
fn pack(
    before: &[u8],
    payload: &[u8],
    size: u64,
    number: Option<u32>,
    list: &[u8],
) -> Result<Vec<u8>> {
    let file = encoded(before.len() as u64, payload, size);
    let file = file.with_dictionary(number.map(DictionaryRef::Number));
    let data = [before, payload].concat();
    let forge = Forge::of(&data, &[entry("file", Kind::File(file))?])?;
    let forge = if list.is_empty() { forge } else { forge.with(Tag::DICTIONARIES, list) };
    Ok(forge.seal())
}

fn encoded(offset: u64, payload: &[u8], size: u64) -> Content {
    let mut file = content(payload);
    (file.offset, file.codec, file.size) = (offset, Codec::Zstd, size);
    file
}

pub(super) fn make() -> Result<Packs> {
    let text = record(7);
    let size = text.len() as u64;
    let short = size as u8;
    let plain = |payload: &[u8]| pack(b"", payload, size, None, b"");
    let good = raw(0x20, &[short], &text);
    let dictionary = dictionary();
    let frame = plain_frame(&text, &dictionary);
    let list = DictionaryPlace::list_to_bytes(&[place(0, &dictionary)]);
    let with = |number, list: &[u8]| pack(&dictionary, &frame, size, number, list);
    let one = |changed: DictionaryPlace| DictionaryPlace::list_to_bytes(&[changed]);
    let here = place(0, &dictionary);
    // The same tables, and other bytes behind them: another dictionary, with a digest of its own.
    let mut other = dictionary.clone();
    other.iter_mut().rev().take(1500).for_each(|byte| *byte ^= 0x15);
    let other_list = one(place(0, &other));
    let not_one = vec![7; 500];
    let mut of_gzip = encoded(0, &good, size).with_dictionary(Some(DictionaryRef::Number(1)));
    of_gzip.codec = Codec::Gzip;
    let known = Some(Digest::of(&text));
    let other_pack = {
        let file = encoded(other.len() as u64, &frame, size)
            .with_original_digest(known)
            .with_dictionary(Some(DictionaryRef::Number(1)));
        let data = [&other[..], &frame].concat();
        Forge::of(&data, &[entry("file", Kind::File(file))?])?.with(Tag::DICTIONARIES, &other_list)
    };
    Ok(vec![
        ("zstd-sound", plain(&good)?),
        ("zstd-not-zstd", plain(b"no frame of Zstandard at all")?),
        ("zstd-truncated", plain(&good[..good.len() - 1])?),
        ("zstd-two-frames", pack(b"", &good.repeat(2), 2 * size, None, b"")?),
        ("zstd-trailing-byte", plain(&[&good[..], b"?"].concat())?),
        ("zstd-skippable-frame", plain(&[b"\x50\x2a\x4d\x18\x04\0\0\0skip", &good[..]].concat())?),
        ("zstd-size-lies", plain(&raw(0x20, &[short - 1], &text))?),
        ("zstd-size-of-the-entry-lies", pack(b"", &good, size + 1, None, b"")?),
        ("zstd-less-content", plain(&raw(0x20, &[short], &text[1..]))?),
        ("zstd-more-content", plain(&raw(0x20, &[short], &[&text[..], b"?"].concat()))?),
        ("zstd-without-a-size", plain(&raw(0, &[0x58], &text))?),
        (
            "zstd-window-of-2-gib",
            plain(&raw(0x80, &[&[0xa8], &(size as u32).to_le_bytes()[..]].concat(), &text))?,
        ),
        ("zstd-reserved-bit", plain(&raw(0x28, &[short], &text))?),
        ("zstd-reserved-block", plain(&[&good[..6], &[7, 0, 0]].concat())?),
        (
            "zstd-bomb",
            pack(
                b"",
                &[
                    &[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..],
                    &(1u64 << 40).to_le_bytes(),
                    &[0xfb, 0xff, 0xff, 0],
                ]
                .concat(),
                1 << 40,
                None,
                b"",
            )?,
        ),
        ("zstd-beyond-a-frame", {
            let long = vec![0; (4 << 20) + 1];
            let bytes = zstd::bulk::compress(&long, 3).expect("memory");
            pack(b"", &bytes, long.len() as u64, None, b"")?
        }),
        ("zstd-check-sum-wrong", plain(&[&raw(0x24, &[short], &text)[..], &[0; 4]].concat())?),
        ("zstd-dictionary-sound", with(Some(1), &list)?),
        ("zstd-dictionary-not-named", with(None, &list)?),
        ("zstd-dictionary-without-need", pack(&dictionary, &good, size, Some(1), &list)?),
        ("zstd-dictionary-not-listed", with(Some(2), &list)?),
        ("zstd-dictionary-no-list", with(Some(1), b"")?),
        ("zstd-dictionary-list-cut", with(Some(1), &list[..list.len() - 1])?),
        (
            "zstd-dictionary-digest-wrong",
            with(Some(1), &one(DictionaryPlace { digest: Digest([7; 32]), ..here }))?,
        ),
        (
            "zstd-dictionary-past-end",
            with(Some(1), &one(DictionaryPlace { offset: 1 << 40, ..here }))?,
        ),
        ("zstd-dictionary-empty", with(Some(1), &one(DictionaryPlace { len: 0, ..here }))?),
        (
            "zstd-dictionary-too-long",
            with(Some(1), &one(DictionaryPlace { len: MAX_DICTIONARY + 1, ..here }))?,
        ),
        (
            "zstd-dictionary-in-no-volume",
            with(Some(1), &one(DictionaryPlace { volume: 7, ..here }))?,
        ),
        (
            "zstd-dictionary-is-none",
            pack(&not_one, &frame, size, Some(1), &one(place(0, &not_one)))?,
        ),
        ("zstd-dictionary-is-another", other_pack.seal()),
        (
            "zstd-dictionary-of-gzip",
            Forge::of(&good, &[entry("file", Kind::File(of_gzip))?])?.seal(),
        ),
    ])
}
