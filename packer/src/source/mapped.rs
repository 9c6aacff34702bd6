//! A file in memory: the module that holds `unsafe`, but for one call of the C library (`pack/train/cover.rs`).
//!
//! A file can be cut short while it is mapped. The system then raises SIGBUS at the first access behind its
//! new end, which ends a process that does nothing about it. Here zeros take the place of what is gone, and
//! the mapping remembers that it is [lost](Mapped::is_intact). (On Windows a mapped file cannot be cut.)
#![expect(unsafe_code, reason = "mapping a file is unsafe; see `Mapped::open`")]

use super::unmapped::Unmapped;
use rangepack_core::Extent;
use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A file that is open for reading, and mapped. Opening costs the same at any length.
#[derive(Debug)]
pub(crate) struct Mapped {
    /// `None` when the file is empty, which cannot be mapped. Before the mapping, so that it is watched as long as it
    /// is there.
    watch: Option<guard::Watch>,
    map: Option<memmap2::Mmap>,
    file: Unmapped,
    /// `None` when the file does not stay open.
    _place: Option<Place>,
}

/// One of the files that this process keeps open beside their mappings: half of those that the system lets it have. Others are opened for
/// each read of their payloads.
#[derive(Debug)]
struct Place;

static TAKEN: AtomicUsize = AtomicUsize::new(0);

impl Place {
    fn take() -> Option<Place> {
        let take = |taken: usize| (taken < Place::most()).then_some(taken + 1);
        // One that is made gives its room back when it goes, so none is made in vain.
        TAKEN.fetch_update(Relaxed, Relaxed, take).ok().map(|_| Place)
    }

    #[cfg(unix)]
    fn most() -> usize {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: it writes into what it is given, and nothing else.
        match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } {
            0 => usize::try_from(limit.rlim_cur / 2).unwrap_or(usize::MAX),
            _ => 0,
        }
    }

    #[cfg(not(unix))]
    fn most() -> usize {
        usize::MAX
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        TAKEN.fetch_sub(1, Relaxed);
    }
}

impl Mapped {
    /// Maps `path`.
    pub(crate) fn open(path: &Path) -> io::Result<Mapped> {
        // Asked before opening: to open a pipe is to wait for a writer.
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        let file = File::open(path)?;
        let is_empty = file.metadata()?.len() == 0;
        let place = Place::take();
        if is_empty {
            let file = Unmapped::of(path, file, place.is_some())?;
            return Ok(Mapped { watch: None, map: None, file, _place: place });
        }
        // SAFETY: the map is never written through. What remains is that another process changes
        // the file meanwhile. A changed byte is seen as such: whoever needs certainty hashes the bytes
        // he uses. Of a file that is cut short, zeros are seen: the mapping is watched before anybody reads it.
        let map = unsafe { memmap2::MmapOptions::new().map(&file)? };
        let watch = guard::Watch::new(&map)?;
        let file = Unmapped::of(path, file, place.is_some())?;
        Ok(Mapped { watch: Some(watch), map: Some(map), file, _place: place })
    }

    /// Gives back the memory of what was looked at so far; the system brings it again when it is looked at once more.
    pub(crate) fn forget(&self) {
        #[cfg(unix)]
        if let Some(map) = &self.map {
            // SAFETY: it is a map of a file that is never written through, so nothing is lost: the same bytes of the file come
            // again, and zeros where they were put in the place of what is gone.
            let _ = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
        }
    }

    /// Whether no byte was missing so far. Asked after bytes were used, it says whether they were the file's.
    #[inline]
    pub(crate) fn is_intact(&self) -> bool {
        self.watch.as_ref().is_none_or(guard::Watch::is_intact)
    }

    /// Bytes of the file as they are now, as a copy that nobody can change. They must be in the mapping.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] when the file has become too short.
    pub(crate) fn read(&self, extent: Extent) -> io::Result<Vec<u8>> {
        self.file.read(extent)
    }

    /// The same if all of it is in memory; `None` as well when the system does not tell.
    pub(crate) fn read_now(&self, extent: Extent) -> Option<Vec<u8>> {
        #[cfg(target_os = "linux")]
        {
            use rustix::io::{ReadWriteFlags, preadv2};
            let mut bytes = vec![0; usize::try_from(extent.len).ok()?];
            let into = &mut [io::IoSliceMut::new(&mut bytes)];
            let read =
                preadv2(self.file.file()?, into, extent.start, ReadWriteFlags::NOWAIT).ok()?;
            (read == bytes.len()).then_some(bytes)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = extent;
            None
        }
    }

    /// Length of the file now, in bytes.
    pub(crate) fn len_now(&self) -> io::Result<u64> {
        self.file.len_now()
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.map.as_deref().unwrap_or(&[])
    }
}

/// Puts zeros where the pages of a mapping are gone.
///
/// A handler of signals may take no lock and no memory. So the mappings stand in a list that only grows, by as many
/// places as there are mappings at the same time.
#[cfg(unix)]
mod guard {
    use std::io;
    use std::mem::MaybeUninit;
    use std::ptr;
    use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::SeqCst, compiler_fence};
    use std::sync::{Mutex, Once, PoisonError};

    /// What the handler knows of a mapping.
    #[derive(Debug)]
    struct Place {
        /// Its address, or 0: then the place is free.
        start: AtomicUsize,
        len: AtomicUsize,
        lost: AtomicBool,
        next: AtomicPtr<Place>,
    }

    static FIRST: AtomicPtr<Place> = AtomicPtr::new(ptr::null_mut());
    /// Who takes a place holds it.
    static TAKING: Mutex<()> = Mutex::new(());
    static PAGE: AtomicUsize = AtomicUsize::new(0);
    /// What was done about the signal before.
    static BEFORE: AtomicPtr<libc::sigaction> = AtomicPtr::new(ptr::null_mut());

    fn places() -> impl Iterator<Item = &'static Place> {
        let at = |place: &AtomicPtr<Place>| {
            // SAFETY: places are leaked, so they are never freed; null is `None`.
            unsafe { place.load(SeqCst).as_ref::<'static>() }
        };
        std::iter::successors(at(&FIRST), move |place| at(&place.next))
    }

    /// Keeps a mapping watched until it is dropped.
    #[derive(Debug)]
    pub(super) struct Watch(&'static Place);

    impl Watch {
        pub(super) fn new(bytes: &[u8]) -> io::Result<Watch> {
            install()?;
            let _taking = TAKING.lock().unwrap_or_else(PoisonError::into_inner);
            let free = places().find(|place| place.start.load(SeqCst) == 0);
            let place = free.unwrap_or_else(|| {
                let place = Box::leak(Box::new(Place {
                    start: AtomicUsize::new(0),
                    len: AtomicUsize::new(0),
                    lost: AtomicBool::new(false),
                    next: AtomicPtr::new(FIRST.load(SeqCst)),
                }));
                FIRST.store(ptr::from_mut(place), SeqCst);
                place
            });
            place.lost.store(false, SeqCst);
            place.len.store(bytes.len(), SeqCst);
            place.start.store(bytes.as_ptr() as usize, SeqCst);
            Ok(Watch(place))
        }

        #[inline]
        pub(super) fn is_intact(&self) -> bool {
            // What was read before is not read after this.
            compiler_fence(SeqCst);
            !self.0.lost.load(SeqCst)
        }
    }

    impl Drop for Watch {
        fn drop(&mut self) {
            self.0.start.store(0, SeqCst);
        }
    }

    /// Sees to the signal from now on. Whoever has seen to it since (Ray and others do when they start) is passed over: what is
    /// not about these mappings goes to who was there first, so that no two hand it to each other forever.
    fn install() -> io::Result<()> {
        static INSTALL: Once = Once::new();
        INSTALL.call_once(|| {
            // SAFETY: `sysconf` and `sigaction` are given what they ask for: structures of their own type, of which
            // all zeros is a value, and a handler that lives as long as the program.
            unsafe {
                let page = libc::sysconf(libc::_SC_PAGESIZE);
                PAGE.store(usize::try_from(page).unwrap_or(0), SeqCst);
                let mut before = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
                if libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut before) != 0 {
                    return;
                }
                // Known before the handler may need it.
                BEFORE.store(Box::leak(Box::new(before)), SeqCst);
            }
        });
        let known = !BEFORE.load(SeqCst).is_null() && PAGE.load(SeqCst) > 0;
        if known && is_installed() { Ok(()) } else { Err(io::ErrorKind::Unsupported.into()) }
    }

    /// Whether the handler is there, which is put there if it is not.
    fn is_installed() -> bool {
        let own = on_signal as *const () as libc::sighandler_t;
        // SAFETY: as in `install`.
        unsafe {
            let mut now = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            if libc::sigaction(libc::SIGBUS, ptr::null(), &raw mut now) != 0 {
                return false;
            }
            if now.sa_sigaction == own {
                return true;
            }
            let mut action = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
            action.sa_sigaction = own;
            action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
            libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) == 0
        }
    }

    extern "C" fn on_signal(
        signal: libc::c_int,
        info: *mut libc::siginfo_t,
        context: *mut libc::c_void,
    ) {
        // SAFETY: the system gives a valid `info` to a handler with SA_SIGINFO.
        let address = unsafe { (*info).si_addr() } as usize;
        if !fill(address) {
            // SAFETY: these are the arguments that the handler itself was given.
            unsafe { pass_on(signal, info, context) }
        }
    }

    /// Puts zeros from the page at `address` to the end of its mapping; `false` when it is none of these.
    fn fill(address: usize) -> bool {
        let page = address & !(PAGE.load(SeqCst) - 1);
        for place in places() {
            let (start, len) = (place.start.load(SeqCst), place.len.load(SeqCst));
            // A place that was taken anew meanwhile may tell the length of another mapping.
            if start != place.start.load(SeqCst) || start == 0 {
                continue;
            }
            let Some(len) = len.checked_sub(address.wrapping_sub(start)).filter(|left| *left > 0)
            else {
                continue;
            };
            place.lost.store(true, SeqCst);
            let end = address + len;
            // SAFETY: the pages belong to a mapping that is in use, for it was just read, and nobody ever writes to
            // them. Zeros take their place under whoever reads.
            let filled = unsafe {
                let flags = libc::MAP_PRIVATE | libc::MAP_ANON | libc::MAP_FIXED;
                libc::mmap(page as *mut _, end - page, libc::PROT_READ, flags, -1, 0)
            };
            return filled != libc::MAP_FAILED;
        }
        false
    }

    /// Does what was done before this module came.
    ///
    /// # Safety
    /// The arguments must be those of a handler of this signal.
    unsafe fn pass_on(signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
        // SAFETY: it was stored before the handler was installed, and is never freed. What stands in it is a handler
        // that takes the arguments that its flags speak of.
        unsafe {
            let before = &*BEFORE.load(SeqCst);
            match before.sa_sigaction {
                libc::SIG_DFL | libc::SIG_IGN => {
                    // What raised the signal is done again, and ends the process.
                    let mut default = MaybeUninit::<libc::sigaction>::zeroed().assume_init();
                    default.sa_sigaction = libc::SIG_DFL;
                    libc::sigaction(signal, &raw const default, ptr::null_mut());
                }
                handler if before.sa_flags & libc::SA_SIGINFO != 0 => {
                    let handler: extern "C" fn(
                        libc::c_int,
                        *mut libc::siginfo_t,
                        *mut libc::c_void,
                    ) = std::mem::transmute(handler);
                    handler(signal, info, context);
                }
                handler => {
                    let handler: extern "C" fn(libc::c_int) = std::mem::transmute(handler);
                    handler(signal);
                }
            }
        }
    }
}

/// Nothing to watch: a file that is mapped cannot be cut.
#[cfg(not(unix))]
mod guard {
    #[derive(Debug)]
    pub(super) struct Watch;

    impl Watch {
        pub(super) fn new(_bytes: &[u8]) -> std::io::Result<Watch> {
            Ok(Watch)
        }

        pub(super) fn is_intact(&self) -> bool {
            true
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cut_off_reads_as_zeros_and_is_known() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![7; 1 << 20]).unwrap();
        let other = Mapped::open(file.path()).unwrap();
        let mapped = Mapped::open(file.path()).unwrap();
        assert_eq!(mapped[1_000_000], 7);
        file.as_file().set_len(100_000).unwrap();
        assert_eq!(mapped[99_999], 7);
        assert!(mapped.is_intact());
        // The last page that is there has zeros behind the end; the next one is gone.
        assert_eq!((mapped[900_000], mapped[500_000], mapped[1_000_000]), (0, 0, 0));
        assert!(!mapped.is_intact() && other.is_intact());
        assert_eq!(mapped[99_999], 7);
        let cut = Extent { start: 99_000, len: 1001 };
        assert_eq!(mapped.read(cut).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert_eq!(mapped.len_now().unwrap(), 100_000);
        drop(mapped);
        // Its place is free again, and says nothing of the next one.
        assert!(Mapped::open(file.path()).unwrap().is_intact());
        assert_eq!(other[200_000], 0);
        assert!(!other.is_intact());
    }
}
