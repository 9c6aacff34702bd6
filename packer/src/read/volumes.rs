//! Other files that hold payloads: named by the index, opened when they are needed.

use crate::error::{Error, Result, VolumeProblem};
use crate::source::data::Data;
use crate::source::location::Location;
use crate::source::options::OpenOptions;
use rangepack_core::layout::Volume;
use std::sync::OnceLock;

/// The other files that hold payloads (FORMAT.md, "Volumes"). The first has number 1.
#[derive(Debug)]
pub(crate) struct Volumes {
    files: Vec<(Volume, OnceLock<Data>)>,
    /// The file that was opened.
    pack: Location,
    /// The one that names the others.
    index: Location,
}

impl Volumes {
    /// Those that the file at `index` names; `pack` is the one that was opened.
    ///
    /// # Errors
    /// With [`OpenOptions::alone`] when there is one but the pack itself.
    pub(crate) fn new(
        pack: &Location,
        index: &Location,
        named: Vec<Volume>,
        options: &OpenOptions,
    ) -> Result<Volumes> {
        let files = named.into_iter().map(|volume| (volume, OnceLock::new())).collect();
        let volumes = Volumes { files, pack: pack.clone(), index: index.clone() };
        if options.alone {
            for volume in volumes.named() {
                volumes.locate(volume, options)?;
            }
        }
        Ok(volumes)
    }

    /// What the index says of them.
    pub(crate) fn named(&self) -> impl ExactSizeIterator<Item = &Volume> {
        self.files.iter().map(|(volume, _)| volume)
    }

    /// Those that are open.
    pub(crate) fn opened(&self) -> impl Iterator<Item = &Data> {
        self.files.iter().filter_map(|(_, file)| file.get())
    }

    /// Volume `number`, counted from 1; `None` when the index names none such.
    pub(crate) fn get(&self, number: u32, options: &OpenOptions) -> Option<Result<&Data>> {
        let (volume, file) = self.files.get(usize::try_from(number.checked_sub(1)?).ok()?)?;
        if let Some(file) = file.get() {
            return Some(Ok(file));
        }
        let opened = self.open(volume, options);
        Some(opened.map(|data| file.get_or_init(|| data)))
    }

    /// Where a volume lies.
    fn locate(&self, volume: &Volume, options: &OpenOptions) -> Result<Location> {
        let Volumes { pack, index, .. } = self;
        let (location, problem) = match volume.name.as_slice() {
            b"" => (index.beside_which(), VolumeProblem::NotBeside),
            name => (index.sibling(name), VolumeProblem::Name),
        };
        let location = location.ok_or_else(|| wrong(index, volume, problem))?;
        if options.alone && location.name() != pack.name() {
            return Err(wrong(index, volume, VolumeProblem::Elsewhere));
        }
        Ok(location)
    }

    fn open(&self, volume: &Volume, options: &OpenOptions) -> Result<Data> {
        let (location, index) = (self.locate(volume, options)?, &self.index);
        let missing = || wrong(index, volume, VolumeProblem::Missing);
        let data = Data::open_if_there(&location, options)?.ok_or_else(missing)?;
        if data.len() != volume.len {
            let (expected, found) = (volume.len, data.len());
            return Err(wrong(index, volume, VolumeProblem::Length { expected, found }));
        }
        Ok(data)
    }
}

fn wrong(index: &Location, volume: &Volume, problem: VolumeProblem) -> Error {
    Error::Volume { index: index.clone(), volume: volume.name.clone(), problem }
}
