//! Compares the NDJSON index of the CTNRv1 trailer with the paged index.

use super::{Findings, Flaw, LineFlaw};
use crate::error::{Error, Result};
use crate::index::ndjson::push_line;
use crate::read::pack::Pack;
use rangepack_core::ndjson::{self, IndexSummary, Item, Refused, parse_index};
use rangepack_core::trailer::trailer_header;
use rangepack_core::{Content, Digest, Entry, Kind, PackPathBuf, Scan, Tag};
use std::borrow::Cow;

/// So many entries are passed over before one is looked up.
const PASSED: usize = 16;

/// Reports every line that the paged index contradicts, and every entry without a line.
pub(super) fn check(pack: &Pack, findings: &Findings<'_>) {
    let header = pack.header();
    let (trailer, section) = (header.trailer(), header.section(Tag::TRAILER));
    // It lies in the file that holds the pages.
    let (Some(section), Some(file)) = (section, pack.index_file()) else { return };
    let limit = pack.options().limits.v1_index_bytes;
    // Its length was not checked against what is sensible to fetch.
    let bytes = if trailer.len > limit { Ok(Cow::Borrowed(&[][..])) } else { file.read(trailer) };
    let bytes = match bytes.map_err(Error::about_pack) {
        Ok(bytes) => bytes,
        Err(Ok(_)) => Cow::Borrowed(&[][..]),
        Err(Err(error)) => return findings.fail(error),
    };
    let Some(index) = bytes.strip_prefix(&trailer_header(section.extent.len)) else {
        return findings.structural(None, Flaw::NoTrailer);
    };
    if section.digest != Some(Digest::of(index)) {
        findings.structural(None, Flaw::Section { tag: Tag::TRAILER });
    }
    let scan = pack.index().scan(0..pack.index().len());
    let mut lines = Lines { pack, findings, seen: Vec::new(), files: 0, unreadable: None, scan };
    let summary = lines.all(index);
    if findings.is_over() {
        return;
    }
    match summary {
        Ok(summary) if summary.bad_lines > 0 => {
            let first = summary.bad.first().map_or(0, |bad| bad.number);
            findings.structural(None, Flaw::BadLines { count: summary.bad_lines, first });
        }
        Ok(_) => {}
        Err(error) => findings.structural(None, Flaw::Lines(Box::new(error))),
    }
    let unreadable = lines.unreadable.take();
    let is_told = unreadable.is_some();
    if let Some((count, first, problem)) = unreadable {
        findings.structural(None, Flaw::UnreadableLines { count, first, problem });
    }
    if let Err(error) = lines.missing() {
        match error.about_pack() {
            Ok(_) if is_told => {}
            Ok(problem) => findings.structural(None, Flaw::Lines(Box::new(problem))),
            Err(error) => findings.fail(error),
        }
    }
}

struct Lines<'l, 'o> {
    pack: &'l Pack,
    findings: &'l Findings<'o>,
    /// One bit for each entry that has had a line.
    seen: Vec<u64>,
    /// How many files and links have had one.
    files: u64,
    /// How many lines have an entry that cannot be read; the path of the first, and why.
    unreadable: Option<(u64, Vec<u8>, Box<rangepack_core::Error>)>,
    /// Stands behind the entry of the last line.
    scan: Scan<'l>,
}

impl Lines<'_, '_> {
    /// Compares all lines: those that are what is written for the next entry as they are, which takes a third of the time, and from
    /// the first other one on what they say.
    fn all(&mut self, index: &[u8]) -> rangepack_core::Result<IndexSummary> {
        let limits = &self.pack.options().limits;
        let (same, rest) = match ndjson::is_lines(index) {
            true => self.written(index),
            false => (0, index),
        };
        let findings = self.findings;
        let mut each = |item| {
            // Errors end the parsing; which one does not matter then.
            if findings.is_over() {
                return Err(rangepack_core::Error::NotAPack { file_len: 0 });
            }
            self.item(item);
            Ok(())
        };
        if same == 0 {
            return parse_index(index, limits, &mut each);
        }
        let mut lines = ndjson::Lines::new(limits);
        lines.push(rest, &mut each)?;
        let mut summary = lines.finish(&mut each)?;
        for bad in &mut summary.bad {
            bad.number += same;
        }
        Ok(summary)
    }

    /// Passes over the lines at the beginning that are what is written for the next entry; how many they are, and the rest.
    fn written<'i>(&mut self, index: &'i [u8]) -> (u64, &'i [u8]) {
        let (mut same, mut rest, mut line) = (0, index, Vec::new());
        loop {
            let number = self.scan.position();
            // What is wrong with an entry is found by whoever looks for it.
            let Ok(Some((_, mut entry))) = self.next_entry() else { break };
            let is_directory = matches!(entry.kind, Kind::Directory(_));
            line.clear();
            if self.pack.place_dictionary(&mut entry).is_ok() {
                push_line(&entry, true, &mut line);
            }
            match rest.strip_prefix(&line[..]).filter(|_| !line.is_empty()) {
                Some(behind) => {
                    rest = behind;
                    same += 1;
                    self.mark(number);
                    self.files += u64::from(!is_directory);
                }
                // Directories need none.
                None if is_directory => {}
                None => {
                    self.scan = self.pack.index().scan(number..self.pack.index().len());
                    break;
                }
            }
            if self.findings.is_over() {
                break;
            }
        }
        (same, rest)
    }

    fn item(&mut self, item: Item) {
        match item {
            Item::Refused(refused) => {
                let Refused { name, problem, .. } = refused;
                self.findings.structural(None, Flaw::BadName { name, problem });
            }
            Item::Entry(line) => {
                match self.line(&line).map_err(Error::about_pack) {
                    Ok(None) => {}
                    Ok(Some(flaw)) => self.findings.structural(Some(&line.path), Flaw::Line(flaw)),
                    // The page or entry is told of by who looks at all of them: once, not for each line.
                    Err(Ok(problem)) => match &mut self.unreadable {
                        Some((count, ..)) => *count += 1,
                        none => *none = Some((1, line.path.into_bytes(), Box::new(problem))),
                    },
                    Err(Err(error)) => self.findings.fail(error),
                }
            }
        }
    }

    /// What is wrong with a line, if anything.
    fn line(&mut self, line: &Entry) -> Result<Option<LineFlaw>> {
        let (pack, index) = (self.pack, self.pack.index());
        let path = line.path.as_path();
        // Written, they are in the order of entries.
        let (number, mut entry) = match self.next_at(&line.path) {
            Some(found) => found,
            None => {
                let number =
                    pack.ask(|pages| index.lower_bound(pages, path.parent(), path.name()))?;
                self.scan = index.scan(number..index.len());
                let Some(found) = self.next_entry()? else { return Ok(Some(LineFlaw::NoEntry)) };
                found
            }
        };
        if entry.path != line.path {
            return Ok(Some(LineFlaw::NoEntry));
        }
        pack.place_dictionary(&mut entry)?;
        if self.mark(number) {
            return Ok(Some(LineFlaw::Again));
        }
        self.files += u64::from(!matches!(entry.kind, Kind::Directory(_)));
        Ok((!agrees(line, &entry)).then_some(LineFlaw::Differs))
    }

    /// The next entry, and its number.
    fn next_entry(&mut self) -> Result<Option<(u64, Entry)>> {
        let number = self.scan.position();
        let entry = self.pack.ask(|pages| self.scan.next(pages))?;
        let owned = entry.map(|entry| entry.to_entry()).transpose();
        Ok(owned.map_err(Error::pack(self.pack.location()))?.map(|entry| (number, entry)))
    }

    /// The entry with this path if it is among the next ones, behind directories, which have no lines.
    fn next_at(&mut self, path: &PackPathBuf) -> Option<(u64, Entry)> {
        for _ in 0..PASSED {
            let (number, entry) = self.next_entry().ok()??;
            if entry.path == *path {
                return Some((number, entry));
            }
            if !matches!(entry.kind, Kind::Directory(_)) {
                return None;
            }
        }
        None
    }

    /// Notes that an entry has a line; returns whether it had one before.
    fn mark(&mut self, number: u64) -> bool {
        let word = (number / 64) as usize;
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        let bit = 1 << (number % 64);
        let before = self.seen[word] & bit != 0;
        self.seen[word] |= bit;
        before
    }

    /// Reports files and links without a line. Directories need none.
    fn missing(&self) -> Result<()> {
        if self.files == self.pack.header().totals.files {
            return Ok(());
        }
        let index = self.pack.index();
        let mut scan = index.scan(0..index.len());
        loop {
            let number = scan.position();
            let entry = self.pack.ask(|pages| scan.next(pages))?;
            let Some(entry) = entry else { return Ok(()) };
            let word = self.seen.get((number / 64) as usize).copied().unwrap_or(0);
            if word & (1 << (number % 64)) == 0 && !entry.is_directory() {
                self.findings.structural(entry.path().ok().as_ref(), Flaw::NoLine);
            }
        }
    }
}

/// Whether a line says the same as an entry. What it does not speak of may be left out: old programs
/// write little.
fn agrees(line: &Entry, entry: &Entry) -> bool {
    let kind = match (&line.kind, &entry.kind) {
        (Kind::File(line), Kind::File(entry)) => contents_agree(line, entry),
        (Kind::Symlink(line), Kind::Symlink(entry)) => line == entry,
        (Kind::Directory(_), Kind::Directory(_)) => true,
        _ => false,
    };
    kind && said(line.mode, entry.mode)
        && said(line.mtime, entry.mtime)
        && said(line.owner, entry.owner)
        && said(line.attributes, entry.attributes)
}

fn contents_agree(line: &Content, entry: &Content) -> bool {
    let place = |content: &Content| {
        let Content { volume, offset, stored_size, size, codec, .. } = *content;
        (volume, offset, stored_size, size, codec)
    };
    place(line) == place(entry)
        && said(line.digest, entry.digest)
        && said(line.original_digest, entry.original_digest)
        && said(line.blocks, entry.blocks)
        && line.dictionary == entry.dictionary
        && said(line.hard_link, entry.hard_link)
        && (!line.sparse || entry.sparse)
}

fn said<T: PartialEq>(line: Option<T>, entry: Option<T>) -> bool {
    line.is_none() || line == entry
}
