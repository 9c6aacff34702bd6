//! Opens packs and old containers: which index there is, and the files that it speaks of.

use super::dictionaries::Dictionaries;
use super::format::Format;
use super::growing::{open_grown, open_index};
use super::legacy::{self, Notes};
use super::pack::{Opened, Pack, Pages};
use super::volumes::Volumes;
use crate::error::{Error, Result, Setting};
use crate::progress::Observer;
use crate::source::data::Data;
use crate::source::location::Location;
use crate::source::options::{OpenOptions, Verify};
use rangepack_core::{Digest, Index};
use std::sync::Arc;

impl Pack {
    /// Opens a pack or an old container.
    pub fn open(location: impl Into<Location>) -> Result<Pack> {
        Pack::open_with(location, &OpenOptions::default())
    }

    /// Opens a pack or an old container in a certain way.
    pub fn open_with(location: impl Into<Location>, options: &OpenOptions) -> Result<Pack> {
        Pack::open_at(&location.into(), options, &())
    }

    /// Opens a pack or an old container, whose whole index may have to be fetched first.
    pub fn open_observed(
        location: impl Into<Location>,
        options: &OpenOptions,
        observer: &dyn Observer,
    ) -> Result<Pack> {
        Pack::open_at(&location.into(), options, observer)
    }

    fn open_at(
        location: &Location,
        options: &OpenOptions,
        observer: &dyn Observer,
    ) -> Result<Pack> {
        Setting::Timeout.check(options.remote.timeout.as_millis())?;
        let (data, own) = match &options.index {
            Some(_) => (Data::open(location, options)?, None),
            None => open_grown(location, options)?,
        };
        if let Some(index) = own {
            let volumes = Volumes::named_by(&index, &data, location, options)?;
            return Ok(Pack::new(
                data,
                volumes,
                index,
                Pages::Data,
                Format::Paged,
                options,
                Notes::default(),
            ));
        }
        let beside = match &options.index {
            Some(index) => Some(Data::open(index, options)?),
            None => Data::open_if_there(&location.sidecar(), options)?,
        };
        let mut external = None;
        if let Some(beside) = beside {
            if let Some(index) = open_index(&beside, options)? {
                let volumes = Volumes::named_by(&index, &beside, location, options)?;
                let pages = Pages::Beside(beside);
                return Ok(Pack::new(
                    data,
                    volumes,
                    index,
                    pages,
                    Format::Paged,
                    options,
                    Notes::default(),
                ));
            }
            external = options.index.is_some().then_some(beside);
        }
        if let Some(expected) = options.expected {
            // An old container has no digest of its own that could be compared.
            let found = Digest([0; 32]);
            return Err(Error::pack(location)(rangepack_core::Error::WrongRoot {
                expected,
                found,
            }));
        }
        let legacy = legacy::load(&data, external, options, observer)?;
        let pages = Pages::Memory(legacy.pages);
        let index = legacy.index;
        let volumes = Volumes::new(location, location, Vec::new(), options)?;
        let format = legacy.format;
        Ok(Pack::new(data, volumes, index, pages, format, options, legacy.notes))
    }

    fn new(
        data: Data,
        volumes: Volumes,
        index: Index,
        pages: Pages,
        format: Format,
        options: &OpenOptions,
        notes: Notes,
    ) -> Pack {
        let (location, mut options) = (data.location().clone(), options.clone());
        if let Some(file) = pages.file(&data) {
            file.keep_pages(index.header());
        }
        let is_remote = data.is_remote() || volumes.are_remote(&options);
        if is_remote {
            options.verify = Verify::Payloads;
        }
        let dictionaries = Dictionaries::new(index.header());
        Pack(Arc::new(Opened {
            location,
            data,
            volumes,
            index,
            pages,
            format,
            options,
            notes,
            dictionaries,
            is_remote,
        }))
    }
}
