//! Zstandard frames and a dictionary, for packs that no packer makes.

use rangepack_core::{DictionaryPlace, DictionaryRef, Digest, Entry, Kind};

/// A JSON record like many others.
pub fn record(number: usize) -> Vec<u8> {
    let label = ["cat", "dog", "tree", "house"][number % 4];
    format!(
        "{{\"id\": {number}, \"label\": \"{label}\", \"license\": \"CC-BY-4.0\", \"score\": 0.{}, \"boxes\": [{}, {}]}}\n",
        number * 7919 % 1000,
        number * 31 % 640,
        number * 17 % 480,
    )
    .into_bytes()
}

/// A dictionary for such records.
pub fn dictionary() -> Vec<u8> {
    let samples: Vec<_> = (0..1000).map(record).collect();
    zstd::dict::from_samples(&samples, 2048).expect("there are enough samples")
}

/// One frame with everything that a frame may have: a check sum, and the number of its dictionary.
pub fn frame(content: &[u8], dictionary: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::bulk::Compressor::with_dictionary(3, dictionary).expect("a level");
    encoder.include_checksum(true).expect("a flag");
    encoder.compress(content).expect("memory")
}

/// The same as the packer writes it: without either.
pub fn plain_frame(content: &[u8], dictionary: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::bulk::Compressor::with_dictionary(3, dictionary).expect("a level");
    encoder.include_dictid(false).expect("a flag");
    encoder.compress(content).expect("memory")
}

/// A frame of raw blocks that says what it is given to say: descriptor, and the fields behind it.
pub fn raw(descriptor: u8, fields: &[u8], content: &[u8]) -> Vec<u8> {
    let block = ((content.len() as u32) << 3 | 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, descriptor][..], fields, &block[..3], content].concat()
}

/// Where a dictionary lies that is in the pack.
pub fn place(offset: usize, dictionary: &[u8]) -> DictionaryPlace {
    let (len, digest) = (dictionary.len() as u32, Digest::of(dictionary));
    DictionaryPlace { volume: 0, offset: offset as u64, len, digest }
}

/// Makes a file's entry name a dictionary by its number.
pub fn name(entry: &mut Entry, number: u32) {
    if let Kind::File(content) = &mut entry.kind {
        content.dictionary = Some(DictionaryRef::Number(number));
    }
}
