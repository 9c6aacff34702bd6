//! Other files that hold payloads: named by the index, opened when they are needed.

use crate::error::{Error, Result, VolumeProblem};
use crate::source::data::Data;
use crate::source::location::Location;
use crate::source::options::OpenOptions;
use rangepack_core::layout::Volume;
use std::ffi::OsStr;
use std::sync::OnceLock;

/// The other files that hold payloads (FORMAT.md, "Volumes"). The first has number 1.
#[derive(Debug, Default)]
pub(crate) struct Volumes {
    files: Vec<(Volume, OnceLock<Data>)>,
    /// Names of the file that was opened, and of the one that names the others; `None` without any.
    places: Option<(Location, Location)>,
}

impl Volumes {
    /// Those that the file at `index` names; `pack` is the one that was opened.
    pub(crate) fn new(pack: &Location, index: &Location, named: Vec<Volume>) -> Volumes {
        let files = named.into_iter().map(|volume| (volume, OnceLock::new())).collect();
        Volumes { files, places: Some((pack.clone(), index.clone())) }
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

    fn open(&self, volume: &Volume, options: &OpenOptions) -> Result<Data> {
        let wrong = |index: &Location, problem| {
            let (index, volume) = (index.clone(), volume.name.clone());
            Error::Volume { index, volume, problem }
        };
        let nowhere = || Location::Disk(Default::default());
        let (pack, index) = self.places.clone().unwrap_or_else(|| (nowhere(), nowhere()));
        let location = match volume.name.as_slice() {
            b"" => index.beside_which(),
            name => index.sibling(name),
        };
        let location = location.ok_or_else(|| wrong(&index, VolumeProblem::Name))?;
        let is_pack = location.name() == pack.name() && location.name() != OsStr::new("");
        if options.alone && !is_pack {
            return Err(wrong(&index, VolumeProblem::Elsewhere));
        }
        let missing = || wrong(&index, VolumeProblem::Missing);
        let data = Data::open_if_there(&location, options)?.ok_or_else(missing)?;
        if data.len() != volume.len {
            let (expected, found) = (volume.len, data.len());
            return Err(wrong(&index, VolumeProblem::Length { expected, found }));
        }
        Ok(data)
    }
}
