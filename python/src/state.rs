//! What is open, in this process, and questions to it.

use crate::errors::raised;
use crate::keys::{Key, place};
use crate::work::wait;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use rangepack::{EntryRef, FormatError, Location, Numbers, OpenOptions};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

/// How often this process, or one that it came from, was made by a fork since the module was loaded. Connections do not
/// survive one.
static FORKS: AtomicU64 = AtomicU64::new(0);

/// To be called in the child after each fork.
#[pyfunction]
pub(crate) fn after_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// What is open.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) pack: rangepack::Pack,
    files: OnceLock<Arc<Numbers>>,
    forks: u64,
}

impl State {
    fn new(location: &Location, options: &OpenOptions) -> rangepack::Result<State> {
        let pack = rangepack::Pack::open_with(location, options)?;
        Ok(State { pack, files: OnceLock::new(), forks: FORKS.load(Ordering::Relaxed) })
    }

    /// Whether it is this process that opened it, where that counts.
    fn is_usable(&self) -> bool {
        !self.pack.is_remote() || self.forks == FORKS.load(Ordering::Relaxed)
    }

    /// The numbers of all files. The first call reads the whole index.
    pub(crate) fn number_files(self: &Arc<Self>, py: Python<'_>) -> PyResult<&Arc<Numbers>> {
        if let Some(files) = self.files.get() {
            return Ok(files);
        }
        let files = ask(py, Arc::clone(self), |state| state.pack.number(|entry| entry.is_file()))?;
        Ok(self.files.get_or_init(|| Arc::new(files)))
    }

    /// How many files there are, without reading anything.
    pub(crate) fn len(&self) -> u64 {
        let index = self.pack.index();
        index.totals().files.saturating_sub(index.header().symlinks)
    }

    /// The entries at some spots: faster than one by one, for the memory is asked for several at a time.
    pub(crate) fn entries<'s>(
        &'s self,
        spots: &[Spot],
        found: &mut Vec<rangepack::Result<EntryRef<'s>>>,
    ) {
        let number =
            |spot: &Spot| if let Spot::Entry(number) = spot { Some(*number) } else { None };
        let numbers: Option<Vec<u64>> = spots.iter().map(number).collect();
        match numbers {
            Some(numbers) => self.pack.entries_of(&numbers, found),
            None => {
                let glance = |all, spot: &Spot| match spot {
                    Spot::Path(path) => all ^ self.pack.index().glance(&self.pack, path),
                    Spot::Entry(_) => all,
                };
                std::hint::black_box(spots.iter().fold(0, glance));
                found.extend(spots.iter().map(|spot| self.entry(spot)));
            }
        }
    }

    /// What `of` says of the entries at some spots.
    pub(crate) fn each<T>(
        &self,
        spots: &[Spot],
        of: impl Fn(&EntryRef<'_>) -> Result<T, FormatError>,
    ) -> rangepack::Result<Vec<T>> {
        let mut found = Vec::with_capacity(spots.len());
        self.entries(spots, &mut found);
        let of = |entry: rangepack::Result<EntryRef<'_>>| {
            of(&entry?).map_err(|error| self.pack.error(error))
        };
        found.into_iter().map(of).collect()
    }

    /// The entry at a spot, links followed.
    pub(crate) fn entry(&self, spot: &Spot) -> rangepack::Result<EntryRef<'_>> {
        let number = match spot {
            Spot::Path(path) => return self.pack.entry(path),
            Spot::Entry(number) => *number,
        };
        self.pack.entry_at(number)
    }
}

/// A pack that is open, will be when it is first asked, or was closed.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) location: Location,
    pub(crate) options: OpenOptions,
    slot: RwLock<Slot>,
}

#[derive(Debug)]
enum Slot {
    Later,
    Open(Arc<State>),
    Closed,
}

impl Handle {
    /// Opens nothing yet.
    pub(crate) fn new(location: Location, options: OpenOptions) -> Handle {
        Handle { location, options, slot: RwLock::new(Slot::Later) }
    }

    /// What is open; opened now when it is not yet, and anew in a process that was forked when connections are needed.
    ///
    /// # Errors
    /// `ValueError` when it was closed, and those of opening.
    pub(crate) fn state(&self, py: Python<'_>) -> PyResult<Arc<State>> {
        match &*self.slot.read().unwrap_or_else(PoisonError::into_inner) {
            Slot::Open(state) if state.is_usable() => return Ok(Arc::clone(state)),
            Slot::Open(_) | Slot::Later => {}
            Slot::Closed => {
                return Err(PyValueError::new_err(format!("the pack {} is closed", self.location)));
            }
        }
        self.open(py)
    }

    #[cold]
    fn open(&self, py: Python<'_>) -> PyResult<Arc<State>> {
        let before = match &*self.slot.read().unwrap_or_else(PoisonError::into_inner) {
            Slot::Open(state) => Some(Arc::clone(state)),
            Slot::Later | Slot::Closed => None,
        };
        let (location, mut options) = (self.location.clone(), self.options.clone());
        // The process before had this very pack, and the numbers of its files are known.
        if let Some(root) = before.as_ref().and_then(|before| before.pack.digest()) {
            options = options.expected(root);
        }
        let open = move || State::new(&location, &options);
        let opened = if self.location.is_url() { wait(py, open)? } else { py.detach(open) };
        let mut opened = opened.map_err(raised)?;
        if let Some(before) = &before {
            opened.files = before.files.clone();
        }
        let opened = Arc::new(opened);
        let mut slot = self.slot.write().unwrap_or_else(PoisonError::into_inner);
        match &*slot {
            // Another thread was faster, or closed it meanwhile.
            Slot::Open(state) if state.is_usable() => return Ok(Arc::clone(state)),
            Slot::Closed => return Ok(opened),
            // What the other process opened belongs to that: closing it here would wait for threads that are not here.
            Slot::Open(state) => std::mem::forget(Arc::clone(state)),
            Slot::Later => {}
        }
        *slot = Slot::Open(Arc::clone(&opened));
        Ok(opened)
    }

    pub(crate) fn close(&self) {
        *self.slot.write().unwrap_or_else(PoisonError::into_inner) = Slot::Closed;
    }

    pub(crate) fn is_closed(&self) -> bool {
        matches!(*self.slot.read().unwrap_or_else(PoisonError::into_inner), Slot::Closed)
    }
}

/// Where something is in a pack.
#[derive(Debug, Clone)]
pub(crate) enum Spot {
    Path(Vec<u8>),
    /// An entry by its number, as the index counts.
    Entry(u64),
}

/// # Errors
/// `IndexError` for a number that no file has, `TypeError` for what is neither number nor path.
pub(crate) fn spot(py: Python<'_>, state: &Arc<State>, key: &Bound<'_, PyAny>) -> PyResult<Spot> {
    let number = match Key::of(key)? {
        Key::Path(path) => return Ok(Spot::Path(path)),
        Key::Number(number) => number,
    };
    numbered(state.number_files(py)?, number)
}

/// The entry that has a number among `files`.
///
/// # Errors
/// `IndexError` when none has.
pub(crate) fn numbered(files: &Numbers, number: i64) -> PyResult<Spot> {
    let entry = files.entry(place(number, files.len())?);
    entry.map(Spot::Entry).ok_or_else(|| PyIndexError::new_err(number))
}

/// Does what may wait for the disk, or longer for a network.
pub(crate) fn ask<T: Send + 'static>(
    py: Python<'_>,
    state: Arc<State>,
    question: impl FnOnce(&State) -> rangepack::Result<T> + Send + 'static,
) -> PyResult<T> {
    if state.pack.is_remote() {
        return wait(py, move || question(&state))?.map_err(raised);
    }
    py.detach(|| question(&state)).map_err(raised)
}
