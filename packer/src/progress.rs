//! How a long operation tells what it does, and is stopped.

use crate::error::{Difference, Error, LeftOut, Result};
use crate::source::location::Location;
use crate::verify::Flaw;
use rangepack_core::{Entry, Escaped};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Follows a long operation, and may stop it.
///
/// Several threads may tell it at once, so it is shared; what it counts is atomic or behind a lock. The
/// operation waits while it is told.
///
/// ```no_run
/// use rangepack::{Event, PackOptions, pack};
/// let tell = |event: Event<'_>| {
///     if let Event::LeftOut { path, problem } = event {
///         eprintln!("{}: {problem}", path.display());
///     }
/// };
/// let packed = pack("photos", "photos.pack", &PackOptions::default(), &tell)?;
/// println!("{} files", packed.summary.files);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A closure whose parameter has its type written out, as here, hears of everything; `&flag` of an `AtomicBool`, or of an
/// `Arc` of one, stops when it is set; `&(tell, &flag)` does both; `&()` looks away.
///
/// ```
/// # use rangepack::{PackOptions, pack};
/// # use std::sync::{Arc, atomic::{AtomicBool, Ordering}};
/// # let home = tempfile::tempdir()?;
/// # let (source, target) = (home.path(), home.path().join("a.pack"));
/// # std::fs::write(source.join("a"), "abc")?;
/// let flag = Arc::new(AtomicBool::new(false));
/// flag.store(true, Ordering::Relaxed); // by a signal handler, or another thread
/// assert!(pack(source, target, &PackOptions::new(), &flag).unwrap_err().is_cancelled());
/// # Ok::<(), std::io::Error>(())
/// ```
pub trait Observer: Sync {
    /// What happens, while it happens. Nothing is done with it unless this is overridden.
    fn event(&self, event: Event<'_>) {
        let _ = event;
    }

    /// Asked now and then, within large files as well: whether to stop. The operation then fails with an
    /// error that [`Error::is_cancelled`].
    fn cancelled(&self) -> bool {
        false
    }
}

/// Looks away.
impl Observer for () {}

/// A flag that stops when it is set, by a signal handler for example.
impl Observer for AtomicBool {
    fn cancelled(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}

/// The same, shared with who sets it.
impl Observer for Arc<AtomicBool> {
    fn cancelled(&self) -> bool {
        self.load(Ordering::Relaxed)
    }
}

/// Hears of everything and never stops.
impl<F: Fn(Event<'_>) + Sync> Observer for F {
    fn event(&self, event: Event<'_>) {
        self(event);
    }
}

/// Hears of everything, and stops when the flag is set.
impl<F: Fn(Event<'_>) + Sync> Observer for (F, &AtomicBool) {
    fn event(&self, event: Event<'_>) {
        (self.0)(event);
    }

    fn cancelled(&self) -> bool {
        self.1.load(Ordering::Relaxed)
    }
}

/// What happens in a long operation, while it happens.
///
/// | operation | sends | in which order |
/// |---|---|---|
/// | [`Pack::open_observed`](crate::Pack::open_observed) | `Index` | as it comes, from the calling thread |
/// | [`pack`](crate::pack()), [`create`](crate::create) | `Index`, `Reached`, `Packed`, `Unchanged`, `LeftOut` | that of the pack, from one thread |
/// | [`extract`](crate::extract()) | `Selected` once, `Refused` around it; `Bytes`; then `Done`, `Present`, `Failed`, one for each entry tried, and `Incomplete` | none, from all its threads |
/// | [`verify`](crate::verify()) | `Bytes`, `Problem`, and `Done` for each file, sound or not | none, from all its threads; problems as they are listed in the report |
/// | [`compare`](crate::compare()) | `Reached`, `Done` for each entry of the tree, `LeftOut`, `Difference` | key order, from one thread |
/// | [`compare_packs`](crate::compare_packs) | `Done` for each entry of the other in directories that may differ, `Difference` | key order, from the calling thread |
/// | [`rebuild`](crate::rebuild) | `Done` for each entry | that of the old index, from the calling thread |
/// | [`write_ndjson`](crate::write_ndjson) | `Done` for each entry | none, from all its threads |
/// | [`finalize`](crate::finalize) | `Index`, `Selected` once, then `Done` for each entry | key order, from the calling thread |
/// | [`recover`](crate::recover) | `Selected` once, then `Done` or `Failed` for each entry | key order, from the calling thread |
/// | [`split`](crate::split) | `Done` for each entry, `LeftOut` | that of the pack, from the calling thread |
/// | [`merge`](crate::merge) | `Index`, `Selected` once, then `Done` for each entry | key order, from the calling thread |
/// | [`add`](crate::add), [`sync`](crate::sync()) | `Reached`, `Packed`, `Unchanged`, `LeftOut` | that of the pack, from one thread |
/// | [`sync_pack`](crate::sync_pack) | `Done` for each file that was brought | none, from the calling thread |
/// | [`survey`](crate::survey) | `Done` for each entry that would be packed, `LeftOut` | that of the pack, from the calling thread |
///
/// Paths inside packs are raw bytes that show themselves escaped for a terminal.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event<'a> {
    /// So much was read of an index that has to be read as a whole: of a remote old container, or beside a container
    /// that is continued or finalized.
    Index {
        /// Bytes that were read.
        bytes: u64,
        /// All that there are.
        total: u64,
    },
    /// So many entries were selected, or found, and each will be told of.
    Selected {
        /// How many.
        entries: u64,
    },
    /// So much more content of a large file is done, before the file is. The file's [`Event::Done`] does
    /// not count it again.
    Bytes {
        /// How many more.
        bytes: u64,
    },
    /// So much of the large file is read that is being packed. What is read again is told again; the file's
    /// [`Event::Packed`] counts all of it.
    Reached {
        /// Bytes from its beginning.
        bytes: u64,
    },
    /// An entry is in the pack.
    Packed {
        /// The entry.
        entry: &'a Entry,
        /// Its content was there already.
        duplicate: bool,
    },
    /// An entry is in the container already, unchanged.
    Unchanged,
    /// Something was left out of the pack, or some of its attributes were.
    LeftOut {
        /// Where it is on disk.
        path: &'a Path,
        /// Why.
        problem: &'a LeftOut,
    },
    /// An entry is done: extracted, verified, compared, or in the new index.
    Done {
        /// Its path in the pack.
        path: Escaped<'a>,
        /// Bytes of content, without those that [`Event::Bytes`] told of; of [`rebuild`](crate::rebuild) as stored.
        bytes: u64,
    },
    /// An entry was in the target already.
    Present {
        /// Its path in the pack.
        path: Escaped<'a>,
    },
    /// An entry could not be extracted; nothing of it is left in the target.
    Failed {
        /// Its path in the pack.
        path: Escaped<'a>,
        /// Why.
        problem: &'a str,
    },
    /// An entry was extracted, and lacks some of its extended attributes.
    Incomplete {
        /// Its path in the pack.
        path: Escaped<'a>,
        /// Why.
        problem: &'a str,
    },
    /// An entry must not be extracted under its name.
    Refused {
        /// Its name.
        path: Escaped<'a>,
        /// Why.
        problem: &'a str,
    },
    /// A pack and what it is compared with differ.
    Difference {
        /// Where, as a path in the pack.
        path: Escaped<'a>,
        /// In what.
        difference: &'a Difference,
    },
    /// Something is wrong with a pack that is verified.
    Problem {
        /// The pack.
        pack: &'a Location,
        /// The entry that it is about; `None` when it is about the pack as a whole.
        path: Option<Escaped<'a>>,
        /// What is wrong.
        problem: &'a Flaw,
    },
}

/// The number of problems that a report of extracting or verifying keeps; all are counted, and told to the
/// observer.
pub const PROBLEMS_KEPT: usize = 1000;

/// Fails when the observer wants it to stop; `at` is what was being worked on.
pub(crate) fn go_on(observer: &dyn Observer, at: impl Into<Location>) -> Result<()> {
    if observer.cancelled() { Err(cancelled(at)) } else { Ok(()) }
}

/// Hears nothing, and stops when the other one does.
pub(crate) struct Mute<'o>(pub(crate) &'o dyn Observer);

impl Observer for Mute<'_> {
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

/// Says that the observer wanted it to stop.
pub(crate) fn cancelled(at: impl Into<Location>) -> Error {
    Error::Cancelled { at: at.into() }
}

/// Who wanted to stop once goes on wanting it, for what was left half done is not seen by who asks later.
pub(crate) struct Latch<'o> {
    observer: &'o dyn Observer,
    stopped: AtomicBool,
}

impl Latch<'_> {
    pub(crate) fn new(observer: &dyn Observer) -> Latch<'_> {
        Latch { observer, stopped: AtomicBool::new(false) }
    }
}

impl Observer for Latch<'_> {
    fn event(&self, event: Event<'_>) {
        self.observer.event(event);
    }

    fn cancelled(&self) -> bool {
        if self.observer.cancelled() {
            self.stopped.store(true, Ordering::Relaxed);
        }
        self.stopped.load(Ordering::Relaxed)
    }
}
