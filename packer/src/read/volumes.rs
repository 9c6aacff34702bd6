//! Other files that hold payloads: named by the index, opened when they are needed.

use crate::error::{Error, Result, VolumeProblem};
use crate::read::pack::Pack;
use crate::source::data::{Data, Gathered};
use crate::source::location::Location;
use crate::source::options::OpenOptions;
use rangepack_core::layout::{FOOTER_LEN, Footer, Volume, VolumeTable};
use rangepack_core::{Digest, Extent, Index, volumes};
use std::borrow::Cow;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The other files that hold payloads (FORMAT.md, "Volumes"). The first has number 1.
#[derive(Debug)]
pub(crate) struct Volumes {
    named: Named,
    /// The file that was opened.
    pack: Location,
    /// The one that names the others.
    index: Location,
    /// How many files were opened of those that stay open.
    kept: AtomicUsize,
}

/// How the index names them.
#[derive(Debug)]
enum Named {
    /// All together.
    List(Vec<(Volume, OnceLock<Data>)>),
    /// Each by a record of its own, which is read when it is needed.
    Table { table: Box<VolumeTable>, opened: Box<[OnceLock<Shelf>]> },
}

/// Some neighbours, made when the first of them is needed.
type Shelf = Box<[OnceLock<Box<Data>>]>;

/// So many are neighbours.
const SHELF: usize = 4096;

/// So many files on disk stay open; others are opened for each read.
const KEPT: usize = 256;

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
        let volumes = Volumes::of(Named::List(files), pack, index);
        if options.alone
            && let Named::List(files) = &volumes.named
        {
            for (volume, _) in files {
                volumes.locate(volume, options)?;
            }
        }
        Ok(volumes)
    }

    /// Those that the index in `file` names.
    ///
    /// # Errors
    /// With [`OpenOptions::alone`] when there is one but the pack itself.
    pub(crate) fn named_by(
        index: &Index,
        file: &Data,
        pack: &Location,
        options: &OpenOptions,
    ) -> Result<Volumes> {
        let mut source = Gathered::new(file);
        let table = source.ask(|source| index.volume_table(source, &options.limits))?;
        let Some(table) = table else {
            let named = source.ask(|source| index.volumes(source, &options.limits))?;
            return Volumes::new(pack, file.location(), named, options);
        };
        if options.alone && !options.merged {
            let volume = Volume::new(Vec::new(), 0);
            return Err(wrong(file.location(), &volume, None, VolumeProblem::Elsewhere));
        }
        let shelves = (table.count as usize).div_ceil(SHELF);
        let opened = (0..shelves).map(|_| OnceLock::new()).collect();
        Ok(Volumes::of(Named::Table { table: Box::new(table), opened }, pack, file.location()))
    }

    fn of(named: Named, pack: &Location, index: &Location) -> Volumes {
        let (pack, index) = (pack.clone(), index.clone());
        Volumes { named, pack, index, kept: AtomicUsize::new(0) }
    }

    /// Whether they come over a network, be they open yet or not.
    pub(crate) fn are_remote(&self, options: &OpenOptions) -> bool {
        self.count() > 0 && options.volumes.as_ref().unwrap_or(&self.index).is_url()
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u32 {
        match &self.named {
            // The section that lists them counts in 32 bits.
            Named::List(files) => u32::try_from(files.len()).unwrap_or(u32::MAX),
            Named::Table { table, .. } => table.count,
        }
    }

    /// What the index, which lies in `file`, says of volume `number`; `None` when it names none such.
    pub(crate) fn name(&self, number: u32, file: Option<&Data>) -> Result<Option<Cow<'_, Volume>>> {
        match (&self.named, file) {
            (Named::List(files), _) => {
                let at = number.checked_sub(1).and_then(|at| files.get(usize::try_from(at).ok()?));
                Ok(at.map(|(volume, _)| Cow::Borrowed(volume)))
            }
            (Named::Table { table, .. }, Some(file)) => {
                let found =
                    Gathered::new(file).ask(|source| volumes::volume(table, number, source))?;
                Ok(found.map(Cow::Owned))
            }
            (Named::Table { .. }, None) => Ok(None),
        }
    }

    /// Those that are open.
    pub(crate) fn opened(&self) -> impl Iterator<Item = &Data> {
        let (list, shelves): (&[_], &[OnceLock<Shelf>]) = match &self.named {
            Named::List(files) => (files, &[]),
            Named::Table { opened, .. } => (&[], opened),
        };
        let shelves = shelves.iter().filter_map(OnceLock::get).flatten();
        let of_table = shelves.filter_map(|data| data.get().map(Box::as_ref));
        list.iter().filter_map(|(_, file)| file.get()).chain(of_table)
    }

    /// Volume `number`, counted from 1; `None` when the index, which lies in `file`, names none such.
    pub(crate) fn get(
        &self,
        number: u32,
        file: Option<&Data>,
        options: &OpenOptions,
    ) -> Result<Option<&Data>> {
        let Some(at) = number.checked_sub(1).and_then(|at| usize::try_from(at).ok()) else {
            return Ok(None);
        };
        match &self.named {
            Named::List(files) => {
                let Some((volume, data)) = files.get(at) else { return Ok(None) };
                if let Some(data) = data.get() {
                    return Ok(Some(data));
                }
                let opened = self.open(volume, options)?;
                Ok(Some(data.get_or_init(|| opened)))
            }
            Named::Table { opened, .. } => {
                let Some(shelf) = opened.get(at / SHELF) else { return Ok(None) };
                let shelf = shelf.get_or_init(|| (0..SHELF).map(|_| OnceLock::new()).collect());
                let Some(data) = shelf.get(at % SHELF) else { return Ok(None) };
                if let Some(data) = data.get() {
                    return Ok(Some(data));
                }
                let Some(volume) = self.name(number, file)? else { return Ok(None) };
                let opened = self.open(&volume, options)?;
                Ok(Some(data.get_or_init(|| Box::new(opened))))
            }
        }
    }

    /// Where a volume lies.
    fn locate(&self, volume: &Volume, options: &OpenOptions) -> Result<Location> {
        let Volumes { pack, index, .. } = self;
        let (location, problem) = match (volume.name.as_slice(), &options.volumes) {
            // Who names a file and its index says which one is meant.
            (b"", _) if options.index.is_some() => (Some(pack.clone()), VolumeProblem::NotBeside),
            (b"", _) => (index.beside_which(), VolumeProblem::NotBeside),
            (name, Some(folder)) => (folder.below(name), VolumeProblem::Name),
            (name, None) => (index.folder().below(name), VolumeProblem::Name),
        };
        let location = location.ok_or_else(|| wrong(index, volume, None, problem))?;
        let is_listed = matches!(self.named, Named::List(_));
        if options.alone && is_listed && location.name() != pack.name() {
            return Err(wrong(index, volume, Some(&location), VolumeProblem::Elsewhere));
        }
        Ok(location)
    }

    fn open(&self, volume: &Volume, options: &OpenOptions) -> Result<Data> {
        let (mut location, index) = (self.locate(volume, options)?, &self.index);
        if volume.name.is_empty()
            && let Some(folder) = &options.volumes
            && let Some(elsewhere) = folder.below(location.name().as_encoded_bytes())
            && self.pack == *index
            && Data::open_if_there(&location, options)?.is_none()
        {
            location = elsewhere;
        }
        let wrong = |problem| wrong(index, volume, Some(&location), problem);
        let data = match &self.named {
            Named::List(_) => Data::open_if_there(&location, options)?,
            Named::Table { .. } => {
                let keep = self.kept.fetch_add(1, Ordering::Relaxed) < KEPT;
                Data::open_volume(&location, options, keep)?
            }
        };
        let data = data.ok_or_else(|| wrong(VolumeProblem::Missing))?;
        if data.len() != volume.len {
            let (expected, found) = (volume.len, data.len());
            return Err(wrong(VolumeProblem::Length { expected, found }));
        }
        // Over a network this would be one more request; there, too, no payload is believed that the index does not name.
        if let Some(expected) = volume.digest.filter(|_| options.alone || !data.is_remote()) {
            let found = root_of(&data)?;
            if found != Some(expected) {
                return Err(wrong(VolumeProblem::OtherPack));
            }
        } else if options.alone && matches!(self.named, Named::Table { .. }) {
            // A stranger's index may name any file, and payloads that nobody took a digest of are not verified.
            let itself = OpenOptions {
                volumes: None,
                merged: false,
                expected: None,
                index: None,
                ..options.clone()
            };
            if Pack::open_with(&location, &itself).is_err() {
                return Err(wrong(VolumeProblem::Elsewhere));
            }
        }
        Ok(data)
    }
}

/// The digest that the footer of a pack names; `None` when it is no pack.
pub(crate) fn root_of(data: &Data) -> Result<Option<Digest>> {
    let Some(start) = data.len().checked_sub(FOOTER_LEN as u64) else { return Ok(None) };
    let footer = data.read(Extent { start, len: FOOTER_LEN as u64 })?;
    Ok(Footer::from_tail(&footer, data.len()).ok().flatten().map(|footer| footer.digest))
}

fn wrong(
    index: &Location,
    volume: &Volume,
    at: Option<&Location>,
    problem: VolumeProblem,
) -> Error {
    let (index, volume) = (index.clone(), volume.name.clone());
    Error::Volume { index, volume, at: at.cloned(), problem }
}
