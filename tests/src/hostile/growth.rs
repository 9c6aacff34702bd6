//! Packs that grew, and notes beside them that are not what they should be.

use super::{footer, line, read, v1};
use crate::forge::Forge;
use crate::gzip::crc32;
use rangepack_core::layout::{FOOTER_LEN, Footer, GrowthNote, Section};
use rangepack_core::{Digest, Error, Extent, Result, Tag};
use std::path::Path;

/// A file, and the note beside it.
pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) pack: Vec<u8>,
    pub(super) note: Vec<u8>,
}

/// A note with another value at a place, and its check sum made right again.
fn changed(mut note: Vec<u8>, at: usize, value: &[u8]) -> Vec<u8> {
    note[at..at + value.len()].copy_from_slice(value);
    let sum = crc32(&note[..60]);
    note[60..].copy_from_slice(&sum.to_le_bytes());
    note
}

fn footer_of(pack: &[u8]) -> Result<Footer> {
    let not_a_pack = Error::NotAPack { file_len: pack.len() as u64 };
    Footer::from_tail(pack, pack.len() as u64)?.ok_or(not_a_pack)
}

/// The note that a pack gets before it grows.
fn note_of(pack: &[u8]) -> Result<Vec<u8>> {
    let digest = footer_of(pack)?.digest;
    Ok(GrowthNote { file_len: pack.len() as u64, digest }.to_bytes().to_vec())
}

/// What is behind a pack that grows, before its end is written.
fn growing(pack: &[u8]) -> Vec<u8> {
    [pack, &[0; 500]].concat()
}

pub(super) fn make(golden: &Path) -> Result<Vec<Case>> {
    let whole = read(golden, "two-generations.pack");
    let previous = Forge::open(&whole)?.sections.into_iter().find(|it| it.starts_with(b"prev"));
    let previous = previous.ok_or(Error::NotAPack { file_len: 0 })?;
    let place =
        |at: usize| previous[at..at + 8].iter().rev().fold(0, |n, byte| n << 8 | *byte as usize);
    let first = &whole[..place(8) + place(16) + FOOTER_LEN];
    let (older, newer) = (note_of(first)?, note_of(&whole)?);
    let unfinished = growing(&whole);
    let length = |len: u64| changed(older.clone(), 8, &len.to_le_bytes());
    let of =
        |pack: Vec<u8>| -> Result<(Vec<u8>, Vec<u8>)> { Ok((growing(&pack), note_of(&pack)?)) };

    let mut root_broken = first.to_vec();
    root_broken[place(8) + 20] ^= 1;
    let mut crc_wrong = unfinished.clone();
    crc_wrong.truncate(whole.len());
    *crc_wrong.last_mut().ok_or(Error::NotAPack { file_len: 0 })? ^= 1;
    let smallest = Forge::open(&read(golden, "smallest.pack"))?;
    let lying = smallest.clone().header(16, &u64::MAX.to_le_bytes()).seal();
    // It would lie within the page that names it.
    let at = Extent { start: smallest.before.len() as u64, len: 300 };
    let circle = smallest.section(Section::new(Tag::PREVIOUS, at, Some(Digest([0; 32])))).seal();
    let mut container = v1(first, &line("a pack", 0, first.len() as u64));
    let digest = Digest::of(b"hello").to_string();
    let at = container.windows(64).position(|it| it == digest.as_bytes()).unwrap_or_default();
    container[at..at + 64].copy_from_slice(Digest::of(first).to_string().as_bytes());

    let case = |name, (pack, note)| Case { name, pack, note };
    let beside = |name, note: Vec<u8>| Case { name, pack: unfinished.clone(), note };
    Ok(vec![
        beside("growth-sound", newer.clone()),
        beside("growth-of-an-older-one", older.clone()),
        case("growth-footer-not-written", (crc_wrong, older.clone())),
        beside("growth-reserved", changed(newer.clone(), 48, &[7; 12])),
        case("growth-of-a-whole-pack", (whole.clone(), older.clone())),
        case("growth-of-a-payload", (container, older.clone())),
        beside("growth-note-empty", Vec::new()),
        beside("growth-note-cut-off", newer[..63].to_vec()),
        beside("growth-note-and-more", [&newer[..], &[0]].concat()),
        beside("growth-note-twice", [&newer[..], &newer].concat()),
        beside("growth-note-is-a-pack", first.to_vec()),
        beside("growth-note-magic-wrong", changed(newer.clone(), 7, b"2")),
        beside("growth-note-crc-wrong", {
            let mut note = newer.clone();
            note[60] ^= 1;
            note
        }),
        beside("growth-note-digest-wrong", changed(newer.clone(), 16, &[0; 32])),
        beside("growth-note-digest-of-the-older-one", changed(newer.clone(), 16, &older[16..48])),
        beside("growth-note-digest-of-the-newer-one", changed(older.clone(), 16, &newer[16..48])),
        beside("growth-note-length-zero", length(0)),
        beside("growth-note-length-too-short", length(FOOTER_LEN as u64 - 1)),
        beside("growth-note-length-elsewhere", length(first.len() as u64 + 1)),
        beside("growth-note-length-of-the-file", length(unfinished.len() as u64)),
        beside("growth-note-length-past-end", length(1 << 40)),
        beside("growth-note-length-huge", length(u64::MAX)),
        case("growth-file-cut-off", (first[..first.len() - 1].to_vec(), older.clone())),
        case("growth-footer-of-another-file", {
            let other = footer(first, 16, &(unfinished.len() as u64).to_le_bytes());
            (growing(&other), older.clone())
        }),
        case("growth-root-changed", (growing(&root_broken), older.clone())),
        case("growth-entries-lie", of(lying)?),
        case("growth-previous-of-itself", of(circle)?),
    ])
}
