//! Whatever still speaks of what is in a damaged pack.

use crate::error::{Action, Error, Result};
use crate::index::dictionaries::{locate, renumber};
use crate::read::pack::Pack;
use crate::read::scan::{Scanned, scan};
use crate::source::location::{idx_path, sidecar_path};
use crate::source::options::OpenOptions;
use memchr::memmem;
use rangepack_core::layout::{Leaf, PAGE_SIZE};
use rangepack_core::ndjson::{self, Item};
use rangepack_core::trailer::MAGIC;
use rangepack_core::{DictionaryPlace, Digest, Entry, Kind};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// Longer lines are no entries.
const MAX_LINE: u64 = 1 << 20;

/// Read at once while something is searched for.
const WINDOW: usize = 8 << 20;

/// Who takes the entries.
type Each<'e> = dyn FnMut(Entry) -> Result<()> + 'e;

/// What was found.
pub(super) struct Clues<'c> {
    container: &'c Path,
    pub(super) found: Vec<(&'static str, u64)>,
    /// Pages and lines that cannot be read.
    pub(super) unreadable: u64,
    /// What the user said of the pack.
    pub(super) metadata: Option<Vec<u8>>,
}

impl<'c> Clues<'c> {
    pub(super) fn new(container: &'c Path) -> Clues<'c> {
        Clues { container, found: Vec::new(), unreadable: 0, metadata: None }
    }

    /// Hands all entries that anything tells of to `each`: the most trustworthy last, for the last counts.
    pub(super) fn gather(&mut self, index: Option<&Path>, each: &mut Each<'_>) -> Result<()> {
        let own = self.open(self.container, None);
        let beside = idx_path(self.container);
        if own.is_none() {
            self.leaves(each)?;
        }
        self.trailer(each)?;
        for path in [Some(beside.as_path()), index].into_iter().flatten() {
            if path.is_file() && self.open(self.container, Some(path)).is_none() {
                let file = File::open(path).map_err(Error::io(Action::Open, path))?;
                self.lines("the index beside it", path, BufReader::new(file), each)?;
            }
        }
        for path in
            [Some(sidecar_path(self.container)), index.map(PathBuf::from)].into_iter().flatten()
        {
            if path.is_file()
                && let Some(pack) = self.open(self.container, Some(&path))
            {
                self.pages("the paged index beside it", &pack, each)?;
            }
        }
        if let Some(pack) = own {
            self.pages("its paged index", &pack, each)?;
        }
        Ok(())
    }

    /// A paged index, if its root page is whole.
    fn open(&self, container: &Path, index: Option<&Path>) -> Option<Pack> {
        let options = OpenOptions { index: index.map(Into::into), ..OpenOptions::default() };
        let pack = Pack::open_with(container, &options).ok()?;
        // Without one of its own another may have been found, which has its turn.
        (pack.digest().is_some() && (index.is_some() || pack.index_beside().is_none()))
            .then_some(pack)
    }

    fn tell(&mut self, what: &'static str, entries: u64) {
        if entries > 0 {
            self.found.push((what, entries));
        }
    }

    fn pages(&mut self, what: &'static str, pack: &Pack, each: &mut Each<'_>) -> Result<()> {
        let (mut entries, mut failure) = (0, None);
        scan(pack, 0..pack.index().len(), |scanned| {
            match scanned {
                Scanned::Entry(_, entry) => match entry.to_entry() {
                    Ok(mut entry) => {
                        entries += 1;
                        // What cannot be found is told of when the payload is copied.
                        let _ = pack.place_dictionary(&mut entry);
                        // The file that the index lies beside is the one that is recovered.
                        if let Kind::File(content) = &mut entry.kind {
                            let beside = u32::from(pack.index_beside().is_some());
                            renumber(content, |volume| volume.saturating_sub(beside));
                        }
                        failure = each(entry).err();
                    }
                    Err(_) => self.unreadable += 1,
                },
                Scanned::Damaged { entries, .. } => self.unreadable += entries.end - entries.start,
            }
            failure.is_none()
        })?;
        if let Some(error) = failure {
            return Err(error);
        }
        if let Ok(metadata) = pack.user_metadata()
            && !metadata.is_empty()
        {
            self.metadata = serde_json::to_vec(&metadata).ok();
        }
        self.tell(what, entries);
        Ok(())
    }

    /// The last trailer whose index begins as one, as far as it goes.
    fn trailer(&mut self, each: &mut Each<'_>) -> Result<()> {
        let path = self.container;
        let read = || Error::io(Action::Read, path);
        let mut file = File::open(path).map_err(Error::io(Action::Open, path))?;
        let mut last = None;
        search(&mut file, |window, start| {
            for found in memmem::find_iter(window, MAGIC) {
                let index = window.get(found + 16..).unwrap_or(&[]);
                if ndjson::looks_like_index(&index[..index.len().min(16)]) && !index.is_empty() {
                    last = Some(start + found as u64 + 16);
                }
            }
        })
        .map_err(read())?;
        let Some(start) = last else { return self.scattered(each) };
        file.seek(SeekFrom::Start(start - 8)).map_err(read())?;
        let mut len = [0; 8];
        file.read_exact(&mut len).map_err(read())?;
        let (len, unreadable) = (u64::from_le_bytes(len), self.unreadable);
        // It was never finished when its length is 0, and what follows its lines is something else.
        let lines = BufReader::new(file.take(if len == 0 { u64::MAX } else { len }));
        self.lines("its CTNRv1 trailer", path, lines, each)?;
        self.unreadable = if len == 0 { unreadable } else { self.unreadable };
        Ok(())
    }

    fn lines(
        &mut self,
        what: &'static str,
        path: &Path,
        mut reader: impl BufRead,
        each: &mut Each<'_>,
    ) -> Result<()> {
        let (mut entries, mut line, mut first) = (0, Vec::new(), true);
        loop {
            line.clear();
            let read = reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line);
            if read.map_err(Error::io(Action::Read, path))? == 0 {
                break;
            }
            // Elements of an array are lines, too, as everybody writes them.
            let mut text = line.trim_ascii();
            if std::mem::take(&mut first) {
                text = text.strip_prefix(b"[").unwrap_or(text);
            }
            let text = text.strip_suffix(b"]").unwrap_or(text);
            let text = text.strip_suffix(b",").unwrap_or(text).trim_ascii();
            if text.is_empty() || text.starts_with(ndjson::NOTE) {
                continue;
            }
            match ndjson::parse_line(text) {
                Ok(Item::Entry(entry)) => {
                    entries += 1;
                    each(entry)?;
                }
                _ => self.unreadable += 1,
            }
        }
        self.tell(what, entries);
        Ok(())
    }

    /// Lines without anything that leads to them.
    fn scattered(&mut self, each: &mut Each<'_>) -> Result<()> {
        let path = self.container;
        let mut file = File::open(path).map_err(Error::io(Action::Open, path))?;
        let (mut entries, mut failure, mut passed) = (0, None, 0);
        search(&mut file, |window, start| {
            for found in memmem::find_iter(window, b"{\"relpath\": ") {
                let at = start + found as u64;
                let line = window.get(found..).unwrap_or(&[]);
                let Some(end) = memchr::memchr(b'\n', line) else { continue };
                if at < passed || failure.is_some() {
                    continue;
                }
                if let Ok(Item::Entry(entry)) = ndjson::parse_line(line[..end].trim_ascii()) {
                    passed = at + end as u64;
                    entries += 1;
                    failure = each(entry).err();
                }
            }
        })
        .map_err(Error::io(Action::Read, path))?;
        if let Some(error) = failure {
            return Err(error);
        }
        self.tell("index lines that nothing leads to", entries);
        Ok(())
    }

    /// Leaf pages without anything that leads to them: they lie side by side.
    fn leaves(&mut self, each: &mut Each<'_>) -> Result<()> {
        let path = self.container;
        let mut file = File::open(path).map_err(Error::io(Action::Open, path))?;
        let (mut entries, mut failure, mut passed) = (0, None, 0);
        let dictionaries = listed(&mut file).map_err(Error::io(Action::Read, path))?;
        let page = PAGE_SIZE as usize;
        search(&mut file, |window, start| {
            // A page that begins in the overlap is seen whole in the next window.
            for found in memmem::find_iter(window, b"\x01\x00") {
                let at = start + found as u64;
                if at < passed || failure.is_some() {
                    continue;
                }
                let Some(leaf) = window.get(found..).map(|rest| &rest[..rest.len().min(page)])
                else {
                    continue;
                };
                let Some(found) = all_of(leaf) else { continue };
                passed = at + page as u64;
                for mut entry in found {
                    entries += 1;
                    locate(&mut entry, &dictionaries);
                    failure = each(entry).err();
                    if failure.is_some() {
                        return;
                    }
                }
            }
        })
        .map_err(Error::io(Action::Read, path))?;
        if let Some(error) = failure {
            return Err(error);
        }
        self.tell("index pages that nothing leads to", entries);
        Ok(())
    }
}

/// The entries of a leaf page all of which can be read.
fn all_of(page: &[u8]) -> Option<Vec<Entry>> {
    let leaf = Leaf::parse(page).ok().filter(|leaf| !leaf.is_empty())?;
    let mut run = 0;
    (0..leaf.len()).map(|slot| leaf.entry(slot, &mut run).ok()?.to_entry().ok()).collect()
}

/// The dictionaries that a pack begins with, if it does: they lie right behind the list of them.
fn listed(file: &mut File) -> std::io::Result<Vec<DictionaryPlace>> {
    let mut list = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(DictionaryPlace::list_len(1)).read_to_end(&mut list)?;
    let Ok(first) = DictionaryPlace::from_list(&list, 1) else { return Ok(Vec::new()) };
    let count = DictionaryPlace::count_in(first.offset);
    file.by_ref().take(first.offset - list.len() as u64).read_to_end(&mut list)?;
    let mut places = Vec::new();
    let mut next = first.offset;
    for number in 1..=u32::try_from(count).unwrap_or(0) {
        let mut bytes = Vec::new();
        match DictionaryPlace::from_list(&list, number) {
            Ok(place) if place.volume == 0 && place.offset == next => {
                file.seek(SeekFrom::Start(next))?;
                file.by_ref().take(place.len.into()).read_to_end(&mut bytes)?;
                next = place.extent().end();
                // A damaged one leaves the others their numbers; it is found out when it is copied.
                places.push(place);
            }
            _ => return Ok(Vec::new()),
        }
        if number == 1 && Digest::of(&bytes) != first.digest {
            return Ok(Vec::new());
        }
    }
    Ok(places)
}

/// Hands windows of a file to `each`, which overlap by a page, and where they begin.
fn search(file: &mut File, mut each: impl FnMut(&[u8], u64)) -> std::io::Result<()> {
    let overlap = PAGE_SIZE as usize;
    let (mut window, mut start) = (Vec::with_capacity(WINDOW + overlap), 0u64);
    file.seek(SeekFrom::Start(0))?;
    loop {
        let read = file.by_ref().take(WINDOW as u64).read_to_end(&mut window)?;
        each(&window, start);
        if read == 0 {
            return Ok(());
        }
        let drop = window.len().saturating_sub(overlap);
        window.drain(..drop);
        start += drop as u64;
    }
}
