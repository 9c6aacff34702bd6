//! The files that hold payloads, numbered as they are needed; and what lies with the index: block tables, attribute blocks.

use crate::error::{Action, Error, MergeProblem, Result};
use crate::index::dictionaries;
use crate::read::pack::Pack;
use crate::read::volumes::root_of;
use crate::source::location::Location;
use crate::source::replace::refuse_same;
use rangepack_core::blocks::table_len;
use rangepack_core::layout::Volume;
use rangepack_core::{DictionaryRef, Entry, Extent, Kind};
use std::collections::HashMap;
use std::io::Write;
use std::path::Path;

/// So much of what was copied is remembered, so that what several entries share is copied once, as a rule.
const REMEMBERED: usize = 1 << 16;

/// See [the module](self).
pub(super) struct Parts<'p> {
    packs: &'p [Pack],
    /// Where the parts lie below.
    base: &'p Location,
    /// The merged pack.
    out: &'p Path,
    volumes: Vec<Volume>,
    /// Numbers of volumes by the numbers of their packs, and their numbers there.
    numbers: HashMap<(usize, u32), u32>,
    /// The last that was asked for, which most often is the next.
    last: Option<((usize, u32), u32)>,
    /// The same by their names.
    names: HashMap<Vec<u8>, u32>,
    /// Where ranges of a pack were copied to.
    copied: HashMap<(usize, u64, u64), u64>,
    position: u64,
}

impl<'p> Parts<'p> {
    pub(super) fn new(packs: &'p [Pack], base: &'p Location, out: &'p Path) -> Parts<'p> {
        Parts {
            packs,
            base,
            out,
            volumes: Vec::new(),
            numbers: HashMap::new(),
            last: None,
            names: HashMap::new(),
            copied: HashMap::new(),
            position: 0,
        }
    }

    /// Makes an entry of pack `number` one of the merged pack. What lies with its index is copied to `file`.
    pub(super) fn take(
        &mut self,
        number: usize,
        entry: &mut Entry,
        file: &mut impl Write,
    ) -> Result<()> {
        if let Some(block) = &mut entry.attributes {
            let extent = block.extent();
            block.offset = self.copy(number, extent, file)?;
        }
        let Kind::File(content) = &mut entry.kind else { return Ok(()) };
        if let Some(blocks) = &mut content.blocks {
            let len = table_len(content.size, blocks.block_log2);
            let extent = Extent { start: blocks.offset, len };
            blocks.offset = self.copy(number, extent, file)?;
        }
        if let Some(which) = content.dictionary {
            let place = self.packs[number].dictionary_place(which)?;
            content.dictionary = Some(DictionaryRef::Place(place));
        }
        // An empty payload lies nowhere.
        if content.stored_size == 0 && content.dictionary.is_none() {
            (content.volume, content.offset) = (0, 0);
            return Ok(());
        }
        let mut failed = None;
        dictionaries::renumber(content, |volume| match self.volume(number, volume) {
            Ok(volume) => volume,
            Err(error) => {
                failed = Some(error);
                0
            }
        });
        failed.map_or(Ok(()), Err)
    }

    /// Where what comes next will lie in the merged pack.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn into_volumes(self) -> Vec<Volume> {
        self.volumes
    }

    /// Copies bytes that lie with the index of a pack, unless they were copied before; where they lie then.
    fn copy(&mut self, number: usize, extent: Extent, file: &mut impl Write) -> Result<u64> {
        let key = (number, extent.start, extent.len);
        if let Some(offset) = self.copied.get(&key) {
            return Ok(*offset);
        }
        let tables = self.packs[number].tables();
        // What an entry says is not believed.
        tables.check(extent)?;
        for piece in tables.pieces_of(extent) {
            file.write_all(&piece?).map_err(Error::io(Action::Write, self.out))?;
        }
        if self.copied.len() >= REMEMBERED {
            self.copied.clear();
        }
        let offset = self.position;
        self.copied.insert(key, offset);
        self.position += extent.len;
        Ok(offset)
    }

    /// The number that volume `volume` of pack `number` has in the merged one.
    fn volume(&mut self, number: usize, volume: u32) -> Result<u32> {
        let key = (number, volume);
        if let Some((_, known)) = self.last.filter(|last| last.0 == key) {
            return Ok(known);
        }
        let known = match self.numbers.get(&key) {
            Some(known) => *known,
            None => self.new_volume(key)?,
        };
        self.last = Some((key, known));
        Ok(known)
    }

    fn new_volume(&mut self, (number, volume): (usize, u32)) -> Result<u32> {
        let pack = &self.packs[number];
        let data = pack.volume(volume)?;
        let location = data.location();
        // It would be replaced by what speaks of it.
        match location.disk() {
            Some(path) => refuse_same(self.out, path)?,
            None if location.to_string().as_bytes() == self.out.as_os_str().as_encoded_bytes() => {
                return Err(Error::SameFile { path: self.out.to_owned() });
            }
            None => {}
        }
        let name = location.within(self.base).ok_or_else(|| {
            let (volume, folder) = (location.clone(), self.base.clone());
            Error::Merge(Box::new(MergeProblem::Elsewhere { volume, folder }))
        })?;
        let digest = match volume {
            0 => pack.digest().filter(|_| pack.index_beside().is_none()),
            _ => root_of(data)?,
        };
        let mut named = Volume::new(name, data.len());
        named.digest = digest;
        // Two packs may have their payloads in one file.
        let new = match self.names.get(&named.name) {
            Some(known) => *known,
            None => {
                let new = u32::try_from(self.volumes.len() + 1).unwrap_or(u32::MAX);
                self.names.insert(named.name.clone(), new);
                self.volumes.push(named);
                new
            }
        };
        self.numbers.insert((number, volume), new);
        Ok(new)
    }
}
