//! Packs of other packs, whose table of volumes is not what it should be.

use super::{Packs, content, entry};
use crate::forge::Forge;
use rangepack_core::layout::{Section, Volume, VolumeTable};
use rangepack_core::{Digest, Extent, Kind, Result, Tag};

/// A table in pieces.
struct Table {
    records: Vec<u8>,
    blocks: Vec<u8>,
    section: Vec<u8>,
}

/// The bytes of a file with the payload `Hello!` and a newline, in volume 1 of a pack with this table.
fn pack(change: impl FnOnce(&mut Table)) -> Result<Forge> {
    let volume = Volume::new(b"no-such/part.pack".to_vec(), 500);
    with(volume, change)
}

fn with(mut volume: Volume, change: impl FnOnce(&mut Table)) -> Result<Forge> {
    volume.digest.get_or_insert(Digest([7; 32]));
    let mut file = content(b"Hello!\n");
    file.volume = 1;
    let mut forge = Forge::of(b"", &[entry("hello", Kind::File(file))?])?;
    let start = forge.before.len() as u64;
    let (mut records, table) = VolumeTable::write(&[volume], start)?;
    let blocks = records.split_off(table.content.size as usize);
    let mut table = Table { records, blocks, section: table.to_bytes() };
    change(&mut table);
    let bytes = [table.records, table.blocks].concat();
    let extent = Extent { start, len: bytes.len() as u64 };
    forge.before.extend(bytes);
    let records = Section::new(Tag::VOLUME_RECORDS, extent, None);
    Ok(forge.section(records).with(Tag::VOLUME_TABLE, &table.section))
}

/// Writes into the section, which has its digest made anew.
fn section(at: usize, value: &[u8]) -> Result<Vec<u8>> {
    let write = |table: &mut Table| table.section[at..at + value.len()].copy_from_slice(value);
    Ok(pack(write)?.seal())
}

fn named(name: &[u8]) -> Result<Vec<u8>> {
    Ok(with(Volume::new(name.to_vec(), 500), |_| {})?.seal())
}

pub(super) fn make() -> Result<Packs> {
    let good = pack(|_| {})?;
    let list = Volume::list_to_bytes(&[Volume::new(b"x".to_vec(), 5)])?;
    let mut no_records = good.clone();
    no_records.sections.remove(no_records.sections.len() - 2);
    Ok(vec![
        ("merged-part-missing", good.seal()),
        ("merged-list-and-table", good.clone().with(Tag::VOLUMES, &list).seal()),
        ("merged-no-records", no_records.seal()),
        ("merged-digest-wrong", good.clone().record(24, &[0; 32]).seal()),
        ("merged-count-zero", section(0, &[0; 4])?),
        ("merged-count-lies", section(0, &[0xff; 4])?),
        ("merged-record-too-short", section(4, &[42, 0])?),
        ("merged-record-len-lies", section(4, &[0xff; 2])?),
        ("merged-block-size", section(6, &[63])?),
        ("merged-records-past-end", section(8, &[0xff; 8])?),
        ("merged-table-past-end", section(16, &[0xff; 8])?),
        ("merged-section-cut-off", pack(|table| table.section.truncate(55))?.seal()),
        ("merged-section-and-more", pack(|table| table.section.push(0))?.seal()),
        ("merged-record-changed", pack(|table| table.records[0] ^= 1)?.seal()),
        ("merged-table-changed", pack(|table| table.blocks[0] ^= 1)?.seal()),
        ("merged-name-dotdot", named(b"../part.pack")?),
        ("merged-name-absolute", named(b"/part.pack")?),
        ("merged-name-inside-dotdot", named(b"a/../../part.pack")?),
        ("merged-name-device", named(b"a/nul.pack")?),
        ("merged-name-drive", named(b"c:/part.pack")?),
        ("merged-name-empty", named(b"")?),
        ("merged-name-backslash", named(br"a\part.pack")?),
        ("merged-of-itself", named(b"merged-of-itself.pack")?),
    ])
}
