//! Which packs are served, and the open ones among them.

use super::answer::can_be_told;
use super::parts::Parts;
use super::stamp::{FileStamp, Stamp};
use headers::ETag;
use rangepack::Data;
use rangepack::Location;
use rangepack::{Error, RemoteProblem, Result};
use rangepack::{OpenOptions, Pack};
use rangepack_core::Content;
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::Semaphore;

/// In a folder anything may lie; what is no pack is not searched for a trailer further than this.
const LOOKBACK: u64 = 1 << 20;

/// Whoever answers at once looks at a pack again after so long. For two requests of the same moment one look is enough, and it
/// takes as long as all the rest.
const MOMENT: Duration = Duration::from_millis(2);

/// The packs that are served.
#[derive(Debug)]
pub(super) struct Shelf {
    /// Packs that were named.
    packs: BTreeMap<String, Location>,
    /// Folders in which packs are looked for.
    folders: Vec<PathBuf>,
    options: OpenOptions,
    open: Mutex<HashMap<String, Arc<Slot>>>,
    /// Of the remote ones among the packs that were named.
    turns: HashMap<String, Turns>,
    /// Of the threads that serve connections all but one may ask the file system, so that one goes on when it hangs.
    asking: Semaphore,
    /// Of lists of everything, which wait for all remote packs that are not open.
    list_turns: Turns,
    /// Which pack a part was found in last.
    parts: Mutex<HashMap<String, String>>,
}

/// An open pack. Whoever comes while it is being opened waits.
type Slot = Mutex<Option<(Stamp, Opened)>>;

/// A pack, or why it cannot be opened.
type Opened = std::result::Result<Arc<Served>, Arc<Error>>;

/// Which file of a pack's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RawFile {
    /// The pack itself.
    Pack,
    /// The index beside it.
    Index,
    /// One of the packs that a merged one speaks of: its number, and the digest of its root page, if that is known.
    Part(u32, Option<rangepack::Digest>),
}

/// One of the files that a pack consists of.
#[derive(Debug)]
pub(super) struct FileOf {
    /// The pack's name.
    pub(super) name: String,
    /// The pack.
    pub(super) served: Arc<Served>,
    /// Which file.
    pub(super) file: RawFile,
}

/// An open pack with the files that it consists of.
#[derive(Debug)]
pub(super) struct Served {
    /// The pack.
    pub(super) pack: Pack,
    /// The `.idx` of an old container.
    idx: Option<Data>,
    stamp: Stamp,
    parts: Parts,
    /// Whoever waits for the network on its account takes one.
    pub(super) turns: Option<Turns>,
    /// When it was looked at last, whether it still lies there as it was opened.
    looked_at: Mutex<Instant>,
}

/// So many requests at once may wait for one remote pack, and keep a thread waiting.
pub(super) type Turns = Arc<Semaphore>;

/// See [`Turns`].
const TURNS: usize = 32;

impl Served {
    fn open(
        location: &Location,
        stamp: &Stamp,
        turns: Option<Turns>,
        options: &OpenOptions,
    ) -> Result<Served> {
        let pack = Pack::open_with(location, options)?;
        let idx = match pack.digest() {
            Some(_) => None,
            None => Data::open_if_there(&location.idx(), options)?,
        };
        let looked_at = Mutex::new(Instant::now());
        Ok(Served { pack, idx, stamp: stamp.clone(), parts: Parts::default(), turns, looked_at })
    }

    /// The index that lies beside it, if one does.
    fn beside(&self) -> Option<&Data> {
        self.pack.index_beside().or(self.idx.as_ref())
    }

    /// The pack's bytes, those of the index beside it, or those of a part, which is a pack itself. Other files that a pack names are not
    /// given out: a stranger's pack could name any.
    pub(super) fn data(&self, file: RawFile) -> Option<&Data> {
        match file {
            RawFile::Pack => Some(self.pack.data()),
            RawFile::Index => self.beside(),
            RawFile::Part(number, _) => self.pack.volume(number).ok(),
        }
    }

    /// Fails when one of its files cannot be given out.
    pub(super) fn check(&self, file: RawFile) -> Result<()> {
        match file {
            RawFile::Part(number, _) => self.pack.volume(number).map(|_| ()),
            RawFile::Pack | RawFile::Index => Ok(()),
        }
    }

    /// What is behind the pack's name in that of the index beside it, if one lies there.
    pub(super) fn index_suffix(&self) -> Option<&'static str> {
        let idx = self.idx.as_ref().map(|_| ".idx");
        if self.pack.index_beside().is_some() { Some(".rpx") } else { idx }
    }

    fn stamp(&self, file: RawFile) -> Option<&FileStamp> {
        let [pack, sidecar, idx] = &self.stamp.0;
        match file {
            RawFile::Pack => pack.as_ref(),
            RawFile::Index if self.pack.index_beside().is_some() => sidecar.as_ref(),
            RawFile::Index => idx.as_ref(),
            RawFile::Part(..) => None,
        }
    }

    /// When one of its files was changed last, if that is known and can be told.
    pub(super) fn modified(&self, file: RawFile) -> Option<SystemTime> {
        self.stamp(file)?.modified.filter(|time| can_be_told(*time))
    }

    /// What stands for the bytes of one of its files: of a pack its root digest.
    pub(super) fn etag(&self, file: RawFile) -> Option<ETag> {
        let text = match (file, self.pack.digest().filter(|_| self.pack.index_beside().is_none())) {
            (RawFile::Pack, Some(digest)) | (RawFile::Part(_, Some(digest)), _) => {
                digest.to_string()
            }
            (RawFile::Part(..), _) => {
                let path = self.data(file)?.location().disk()?;
                FileStamp::new(&fs::metadata(path).ok()?).text()?
            }
            _ => self.stamp(file)?.text()?,
        };
        format!("\"{text}\"").parse().ok()
    }

    /// What stands for the bytes of a file in an old pack that has no digests.
    pub(super) fn etag_of(&self, content: &Content) -> Option<ETag> {
        let stamp = self.stamp(RawFile::Pack)?.text()?;
        format!("\"{stamp}-{:x}-{:x}\"", content.offset, content.size).parse().ok()
    }
}

impl Shelf {
    /// Sorts out what was named. Two packs of one name get different ones; `taken` are not free.
    pub(super) fn new(
        places: &[Location],
        options: &OpenOptions,
        taken: impl Fn(&str) -> bool,
    ) -> Shelf {
        let (mut packs, mut folders) = (BTreeMap::new(), Vec::new());
        for place in places {
            if let Some(folder) = place.disk().filter(|path| path.is_dir()) {
                folders.push(folder.to_owned());
                continue;
            }
            let name = name_of(place).unwrap_or_else(|| "pack".to_owned());
            let mut unique = name.clone();
            let mut number = 2;
            while packs.contains_key(&unique) || taken(&unique) {
                unique = format!("{name}-{number}");
                number += 1;
            }
            packs.insert(unique, place.clone());
        }
        let remote = packs.iter().filter(|(_, place): &(_, &Location)| place.is_url());
        let turns = remote.map(|(name, _)| (name.clone(), Arc::new(Semaphore::new(TURNS))));
        let mut options = options.clone();
        (options.alone, options.merged) = (true, true);
        Shelf {
            turns: turns.collect(),
            list_turns: Arc::new(Semaphore::new(TURNS)),
            packs,
            folders,
            options,
            asking: Semaphore::new(super::threads().saturating_sub(1)),
            open: Mutex::default(),
            parts: Mutex::default(),
        }
    }

    /// Opens what was named, so that it is told at once when that fails.
    pub(super) fn open_named(&self) -> Result<()> {
        for (name, location) in &self.packs {
            let stamp = Stamp::of(location);
            let served = Served::open(location, &stamp, self.turns(name), &self.options)?;
            let slot = Mutex::new(Some((stamp, Ok(Arc::new(served)))));
            lock(&self.open).insert(name.clone(), Arc::new(slot));
        }
        Ok(())
    }

    /// What to wait for before asking about a pack, when it is a remote one.
    pub(super) fn turns(&self, name: &str) -> Option<Turns> {
        // What has no pack's name may be a part of any.
        let may_be_remote = !self.turns.is_empty() && !self.packs.contains_key(name);
        self.turns.get(name).cloned().or_else(|| may_be_remote.then(|| self.list_turns()))
    }

    /// What to wait for before asking for the list of all.
    pub(super) fn list_turns(&self) -> Turns {
        Arc::clone(&self.list_turns)
    }

    /// The only pack, if one was named and nothing else.
    pub(super) fn only(&self) -> Option<&str> {
        let mut names = self.packs.keys();
        names
            .next()
            .filter(|_| self.packs.len() == 1 && self.folders.is_empty())
            .map(String::as_str)
    }

    /// The names of all packs, and of all files in the folders that may be packs.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.packs.keys().cloned().collect();
        for folder in &self.folders {
            let Ok(files) = fs::read_dir(folder) else { continue };
            let found = files.flatten().filter_map(|file| file.file_name().into_string().ok());
            names.extend(found.filter(|name| is_candidate(folder, name)));
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    /// All packs that there are now, with their names.
    pub(super) fn list(&self) -> Vec<(String, Opened)> {
        let names = self.names();
        // Those that were removed would keep their room on the disk.
        lock(&self.open).retain(|name, _| names.binary_search(name).is_ok());
        let opened = names.into_iter().map(|name| (self.get(&name), name));
        opened.filter_map(|(opened, name)| Some((name, opened?))).collect()
    }

    /// Where the pack of this name lies, if there may be one.
    fn place(&self, name: &str) -> Option<Location> {
        let in_folder = || {
            let folder = self.folders.iter().find(|folder| is_candidate(folder, name))?;
            Some(Location::Disk(folder.join(name)))
        };
        self.packs.get(name).cloned().or_else(in_folder)
    }

    /// A pack by its name; `None` when nothing of that name is one.
    pub(super) fn get(&self, name: &str) -> Option<Opened> {
        let is_named = self.packs.contains_key(name);
        let Some(location) = self.place(name) else {
            // It is not there any more.
            lock(&self.open).remove(name);
            return None;
        };
        let mut options = self.options.clone();
        if !is_named {
            options.limits.lookback = options.limits.lookback.min(LOOKBACK);
        }
        let slot = Arc::clone(lock(&self.open).entry(name.to_owned()).or_default());
        let held = lock(&slot).clone();
        let opened = match held.filter(|held| is_current(held, &location)) {
            Some((_, opened)) => opened,
            None => self.open_anew(name, &location, &mut lock(&slot), &options),
        };
        match opened {
            Err(error) if !is_named && is_no_pack(&error) => None,
            opened => Some(opened),
        }
    }

    /// Opens a pack, unless somebody did so meanwhile.
    fn open_anew(
        &self,
        name: &str,
        location: &Location,
        slot: &mut Option<(Stamp, Opened)>,
        options: &OpenOptions,
    ) -> Opened {
        if let Some((_, opened)) = slot.as_ref().filter(|held| is_current(held, location)) {
            return opened.clone();
        }
        let stamp = Stamp::of(location);
        let served = Served::open(location, &stamp, self.turns(name), options);
        let opened = served.map(Arc::new).map_err(Arc::new);
        // A network may be back the next time.
        let keep = opened.is_ok() || !location.is_url();
        *slot = keep.then(|| (stamp, opened.clone()));
        opened
    }

    /// A pack on this machine that is open and was not replaced; nothing when whoever wants to know it would have to wait.
    pub(super) fn at_hand(&self, name: &str) -> Option<Arc<Served>> {
        let slot = Arc::clone(lock(&self.open).get(name)?);
        let held = slot.try_lock().ok()?.clone()?;
        let served = held.1.as_ref().ok().filter(|served| !served.pack.is_remote())?;
        let now = Instant::now();
        if now.saturating_duration_since(*lock(&served.looked_at)) > MOMENT {
            let _asking = self.asking.try_acquire().ok()?;
            if !is_current(&held, &self.place(name)?) {
                return None;
            }
            *lock(&served.looked_at) = now;
        }
        Some(Arc::clone(served))
    }

    /// A pack, the index beside one, or a part of one, by its name.
    pub(super) fn file(&self, name: &str) -> Option<std::result::Result<FileOf, Arc<Error>>> {
        let of = |name: &str, served, file| FileOf { name: name.to_owned(), served, file };
        if let Some(opened) = self.get(name) {
            return Some(opened.map(|served| of(name, served, RawFile::Pack)));
        }
        if let Some((pack, suffix)) = name.rfind('.').map(|dot| name.split_at(dot))
            && let Some(Ok(served)) = self.get(pack)
            && served.index_suffix() == Some(suffix)
        {
            return Some(Ok(of(pack, served, RawFile::Index)));
        }
        self.part(name).map(Ok)
    }

    /// A part of a merged pack, by its name there.
    fn part(&self, name: &str) -> Option<FileOf> {
        let find = |pack: String| {
            let served = self.if_open(&pack)?;
            let file = served.parts.find(&served.pack, name)?;
            Some(FileOf { name: pack, served, file })
        };
        let known = lock(&self.parts).get(name).cloned();
        if let Some(found) = known.and_then(find) {
            return Some(found);
        }
        let Some(found) = self.names().into_iter().find_map(find) else {
            lock(&self.parts).remove(name);
            return None;
        };
        lock(&self.parts).insert(name.to_owned(), found.name.clone());
        Some(found)
    }

    /// A pack, if that takes no asking over a network.
    fn if_open(&self, name: &str) -> Option<Arc<Served>> {
        if !self.packs.get(name).is_some_and(Location::is_url) {
            return self.get(name)?.ok();
        }
        let slot = Arc::clone(lock(&self.open).get(name)?);
        let slot = lock(&slot);
        let (_, opened) = (*slot).as_ref()?;
        opened.as_ref().ok().cloned()
    }

    /// Opens a pack anew the next time, if it was replaced or cut while it was read, or what came of it was damaged.
    pub(super) fn notice(&self, name: &str, error: &Error) {
        let is_stale = match error {
            Error::Remote { problem: RemoteProblem::Changed, .. } | Error::Lost { .. } => true,
            // It may have been damaged on the way.
            error => error.is_bad_pack() && self.packs.get(name).is_some_and(Location::is_url),
        };
        if is_stale {
            lock(&self.open).remove(name);
        }
    }
}

/// Whether a file in a folder may be a pack: neither hidden nor what lies beside a pack.
fn is_candidate(folder: &Path, name: &str) -> bool {
    // On Windows a colon leads to other drives, and to other streams of a file.
    let parted = |char: char| "/\\\0".contains(char) || cfg!(windows) && char == ':';
    if name.is_empty() || name.starts_with('.') || name.contains(parted) {
        return false;
    }
    let beside = [".rpx", ".idx"].iter().filter_map(|suffix| name.strip_suffix(suffix));
    if beside.into_iter().any(|pack| folder.join(pack).is_file()) {
        return false;
    }
    folder.join(name).is_file()
}

/// Whether what was opened, or could not be, is what lies there now, whole.
fn is_current((known, opened): &(Stamp, Opened), location: &Location) -> bool {
    *known == Stamp::of(location)
        && opened.as_ref().map_or(true, |served| served.pack.intact().is_ok())
}

fn is_no_pack(error: &Error) -> bool {
    match error {
        Error::Pack { source, .. } => source.kind() == rangepack_core::ErrorKind::NotAPack,
        // It was removed, or nobody may read it.
        Error::Io { .. } | Error::OtherFormat { .. } => true,
        _ => false,
    }
}

/// The last part of a path or URL.
fn name_of(location: &Location) -> Option<String> {
    let name = location.name();
    if name.is_empty() {
        return None;
    }
    if location.is_url() {
        let name = percent_encoding::percent_decode(name.as_encoded_bytes());
        return Some(name.decode_utf8_lossy().into_owned());
    }
    Some(name.to_string_lossy().into_owned())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rangepack::{PackOptions, pack};

    fn make(folder: &Path, name: &str, text: &str) {
        let source = tempfile::tempdir().unwrap();
        fs::write(source.path().join("a.txt"), text).unwrap();
        let mut options = PackOptions::default();
        options.overwrite = true;
        pack(source.path(), folder.join(name), &options, &()).unwrap();
    }

    fn names(shelf: &Shelf) -> Vec<String> {
        shelf.list().into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn a_folder_is_watched() {
        let home = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(&[home.path().into()], &OpenOptions::default(), |_| false);
        assert_eq!(names(&shelf), [""; 0]);
        make(home.path(), "b.pack", "one");
        make(home.path(), ".hidden.pack", "one");
        fs::write(home.path().join("notes.txt"), "no pack").unwrap();
        fs::create_dir(home.path().join("folder")).unwrap();
        assert_eq!(names(&shelf), ["b.pack"]);
        let text =
            |shelf: &Shelf| shelf.get("b.pack").unwrap().unwrap().pack.read("a.txt").unwrap();
        assert_eq!(text(&shelf), b"one");
        make(home.path(), "b.pack", "another");
        assert_eq!(text(&shelf), b"another");
        fs::remove_file(home.path().join("b.pack")).unwrap();
        assert!(shelf.get("b.pack").is_none());
        for name in ["", ".", "..", "notes.txt", "folder", "../b.pack", ".hidden.pack", "a/b"] {
            assert!(shelf.get(name).is_none(), "{name}");
        }
    }

    #[test]
    fn packs_of_one_name_are_told_apart() {
        let home = tempfile::tempdir().unwrap();
        for folder in ["one", "two"] {
            fs::create_dir(home.path().join(folder)).unwrap();
            make(&home.path().join(folder), "a.pack", folder);
        }
        let places = ["one/a.pack", "two/a.pack"].map(|place| home.path().join(place).into());
        let shelf = Shelf::new(&places, &OpenOptions::default(), |name| name == "a.pack-2");
        assert_eq!(names(&shelf), ["a.pack", "a.pack-3"]);
        assert_eq!(shelf.get("a.pack-3").unwrap().unwrap().pack.read("a.txt").unwrap(), b"two");
    }

    #[test]
    fn the_last_part_of_a_url_is_its_name() {
        let name = |url: &str| name_of(&url.into()).unwrap();
        assert_eq!(name("https://h/d/a%20b.pack?sig=1"), "a b.pack");
        assert_eq!(name("s3://b/k/x.pack"), "x.pack");
        assert_eq!(name("/d/a.pack"), "a.pack");
    }
}
