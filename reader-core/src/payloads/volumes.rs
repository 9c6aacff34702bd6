//! Volumes by number: records of the table of volumes, each verified alone (FORMAT.md, "Table of volumes").

use super::blocks::{Slice, decode_block, locate};
use crate::bytes::{Answer, Source, ready};
use crate::error::{Error, Result, Structure};
use crate::format::layout::{Volume, VolumeTable};
use alloc::vec::Vec;

/// Volume `number` of a table, counted from 1; `None` when it has none such. `source` is the file that holds the index.
///
/// Takes the block in which the record lies (or two), and of the block table a page of each level.
///
/// # Errors
/// [`Error::DigestMismatch`] and [`Error::BadField`] when the table is not sound, or the name does not stay below the folder
/// of the pack on every system.
pub fn volume<S: Source + ?Sized>(
    table: &VolumeTable,
    number: u32,
    source: &S,
) -> Result<Answer<Option<Volume>>> {
    let Some(wanted) = table.record(number) else { return Ok(Answer::Ready(None)) };
    let Slice::Blocks { blocks, .. } = ready!(locate(&table.content, wanted.clone(), source)?)
    else {
        let (structure, field) = (Structure::Volumes, "blocks");
        return Err(Error::BadField { structure, field, value: 0 });
    };
    let mut record = Vec::new();
    for block in blocks {
        let Some(bytes) = source.bytes(block.stored) else {
            return Ok(Answer::Need(block.stored));
        };
        let bytes = decode_block(&table.content, &block, bytes, None)?;
        let place = |at: u64| {
            let within = at.saturating_sub(block.content.start).min(bytes.len() as u64);
            usize::try_from(within).unwrap_or(usize::MAX)
        };
        record.extend(bytes.get(place(wanted.start)..place(wanted.end)).unwrap_or_default());
    }
    VolumeTable::read_record(number, &record).map(Some).map(Answer::Ready)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Digest;
    use alloc::format;

    /// A file that holds the table of `count` volumes, and where it lies there.
    fn file(count: u32) -> (Vec<u8>, VolumeTable) {
        let volumes: Vec<Volume> = (1..=count)
            .map(|number| Volume {
                digest: Some(Digest([number as u8; 32])),
                ..Volume::new(format!("parts/{number:06}.pack").into_bytes(), number.into())
            })
            .collect();
        VolumeTable::write(&volumes, 0).unwrap()
    }

    fn name_of(file: &[u8], table: &VolumeTable, number: u32) -> Result<Option<Vec<u8>>> {
        match volume(table, number, file)? {
            Answer::Ready(found) => Ok(found.map(|volume| volume.name)),
            Answer::Need(_) => panic!("everything is at hand"),
        }
    }

    #[test]
    fn any_volume_of_many_is_read_alone() {
        let (file, table) = file(5000);
        for number in [1, 2, 273, 274, 4999, 5000] {
            let name = format!("parts/{number:06}.pack").into_bytes();
            assert_eq!(name_of(&file, &table, number), Ok(Some(name)));
        }
        for number in [0, 5001, u32::MAX] {
            assert_eq!(name_of(&file, &table, number), Ok(None));
        }
    }

    #[test]
    fn no_flipped_byte_is_believed() {
        let (mut file, table) = file(40);
        let expected = name_of(&file, &table, 40);
        for place in 0..file.len() {
            file[place] ^= 1;
            let found = name_of(&file, &table, 40);
            assert!(found.is_err() || found == expected, "{place}");
            file[place] ^= 1;
        }
    }
}
