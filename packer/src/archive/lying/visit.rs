//! Members of an archive on their way into an index of it.

use super::hash::Reading;
use crate::archive::import::{Content, HardLinks, Member, MemberKind, Visit, path_of};
use crate::container::tables::Tables;
use crate::error::{Action, Error, LeftOut, Result};
use crate::index::groups::Groups;
use crate::index::sort::{Sorter, failed};
use crate::index::writer::IndexWriter;
use crate::pack::Attached;
use crate::progress::{Event, Observer, cancelled, go_on};
use crate::source::attributes::Found;
use rangepack_core::{Codec, Entry, Escaped, Kind, PackPathBuf, Totals};
use std::io;
use std::path::Path;

/// See [the module](self).
pub(super) struct Indexer<'i> {
    observer: &'i dyn Observer,
    /// The archive.
    name: &'i Path,
    /// The directory for temporary files.
    directory: &'i Path,
    reading: Reading,
    sorter: Sorter,
    links: HardLinks,
    /// How many files came.
    files: u64,
    is_absolute_told: bool,
    done: Done,
}

/// What was found.
pub(super) struct Done {
    /// What lies in the index, beside its pages.
    pub(super) tables: Tables,
    pub(super) failed: u64,
    pub(super) unreadable: u64,
    pub(super) special: u64,
}

impl<'i> Indexer<'i> {
    pub(super) fn new(
        observer: &'i dyn Observer,
        name: &'i Path,
        directory: &'i Path,
    ) -> Indexer<'i> {
        let tables = Tables::new(directory, 0);
        Indexer {
            observer,
            name,
            directory,
            reading: Reading::new(),
            sorter: Sorter::new(directory),
            links: HardLinks::default(),
            files: 0,
            is_absolute_told: false,
            done: Done { tables, failed: 0, unreadable: 0, special: 0 },
        }
    }

    fn skip(&mut self, name: &[u8], problem: LeftOut) -> Result<()> {
        match problem {
            LeftOut::Special => self.done.special += 1,
            LeftOut::Absolute => {}
            _ => self.done.failed += 1,
        }
        self.tell(name, &problem);
        Ok(())
    }

    fn tell(&self, name: &[u8], problem: &LeftOut) {
        let path = crate::filter::as_path(name);
        self.observer.event(Event::LeftOut { path: &path, problem });
    }

    /// What is to be known of a file.
    fn file(
        &mut self,
        member: &Member,
        size: u64,
        sparse: bool,
        payload: &mut dyn Content,
    ) -> Result<Option<Kind>> {
        let Some(lies) = &member.lies else {
            let problem = LeftOut::Damaged(io::ErrorKind::InvalidData.into());
            self.skip(&member.name, problem)?;
            return Ok(None);
        };
        let (observer, tables) = (self.observer, &mut self.done.tables);
        let stop = || match observer.cancelled() {
            true => Err(io::ErrorKind::Interrupted.into()),
            false => Ok(()),
        };
        let read = match self.reading.read(lies, size, payload, tables, stop) {
            Ok(read) => read,
            Err(_) if observer.cancelled() => return Err(cancelled(self.name)),
            Err(error) => Err(payload.failed(error)?),
        };
        match read {
            Ok(mut content) => {
                content.sparse = sparse;
                content.hard_link = Some(self.files);
                self.files += 1;
                if matches!(content.codec, Codec::Other(_)) {
                    self.done.unreadable += 1;
                    let why = LeftOut::Unreadable { codec: content.codec.number() };
                    self.tell(&member.name, &why);
                }
                Ok(Some(Kind::File(content)))
            }
            Err(problem) => {
                self.skip(&member.name, problem)?;
                Ok(None)
            }
        }
    }

    fn entry(&mut self, member: Member, path: PackPathBuf, kind: Kind) -> Result<()> {
        let temporary = || Error::io(Action::UseTemporary, self.directory);
        let mut attributes = None;
        let is_link = matches!(kind, Kind::Symlink(_));
        if !is_link && !member.attributes.is_empty() {
            let found = Found { pairs: member.attributes, unread: None };
            if let Some(attached) = Attached::new(Ok(found)) {
                let Attached { block, digest, problem } = *attached;
                if !block.is_empty() {
                    let added = self.done.tables.add_attributes(&block, digest);
                    attributes = Some(added.map_err(temporary())?);
                }
                if let Some(problem) = problem {
                    self.skip(&member.name, problem)?;
                }
            }
        }
        if !member.is_time_right {
            self.skip(&member.name, LeftOut::Time)?;
        }
        let bytes = if let Kind::File(content) = &kind { content.stored_size } else { 0 };
        let entry = Entry::new(path, kind)
            .with_mode(member.mode)
            .with_mtime(member.mtime)
            .with_attributes(attributes)
            .with_owner(member.owner);
        self.links.replace(&entry.path);
        self.observer.event(Event::Done { path: Escaped(entry.path.as_bytes()), bytes });
        self.sorter.push(entry).map_err(failed(self.directory, self.name))
    }

    /// Puts all entries into the index, in key order.
    pub(super) fn finish(mut self, index: &mut IndexWriter) -> Result<Done> {
        let (name, directory) = (self.name, self.directory);
        let temporary = || failed(directory, name);
        let sorter = std::mem::replace(&mut self.sorter, Sorter::new(directory));
        let links = std::mem::take(&mut self.links);
        let (mut sorted, linked) = links.sorted(sorter, directory).map_err(temporary())?;
        for (path, target) in &linked.lost {
            let target = target.display().to_string();
            self.skip(path.as_bytes(), LeftOut::HardLink { target })?;
        }
        let mut groups = Groups::default();
        for entry in sorted.by_ref() {
            let mut entry = entry.map_err(temporary())?;
            go_on(self.observer, name)?;
            if let Kind::File(content) = &mut entry.kind {
                content.hard_link = content.hard_link.filter(|own| linked.numbers.contains(own));
            }
            groups.renumber(0, &mut entry);
            index.push(&entry)?;
        }
        for refused in std::mem::take(&mut sorted.refused) {
            self.skip(&refused.name, LeftOut::Taken)?;
        }
        Ok(self.done)
    }
}

impl Visit for Indexer<'_> {
    fn member(&mut self, member: Member, content: &mut dyn Content) -> Result<()> {
        go_on(self.observer, self.name)?;
        let path = match path_of(&member.name) {
            Ok((None, _)) => return Ok(()),
            Ok((Some(path), is_absolute)) => {
                if is_absolute && !std::mem::replace(&mut self.is_absolute_told, true) {
                    self.skip(&member.name, LeftOut::Absolute)?;
                }
                path
            }
            Err(problem) => return self.skip(&member.name, problem),
        };
        let kind = match member.kind {
            MemberKind::File { size, sparse } => {
                match self.file(&member, size, sparse, content)? {
                    Some(kind) => kind,
                    None => return Ok(()),
                }
            }
            MemberKind::Directory => Kind::Directory(Totals::default()),
            MemberKind::Symlink(ref target) => match LeftOut::of_target(target) {
                Some(problem) => return self.skip(&member.name, problem),
                None => Kind::Symlink(target.clone()),
            },
            MemberKind::HardLink(ref target) => {
                return match self.links.add(path, target, self.files) {
                    Ok(()) => Ok(()),
                    Err(problem) => self.skip(&member.name, problem),
                };
            }
            MemberKind::LeftOut(problem) => return self.skip(&member.name, problem),
        };
        self.entry(member, path, kind)
    }

    fn problem(&mut self, problem: LeftOut) -> Result<()> {
        self.skip(self.name.as_os_str().as_encoded_bytes(), problem)
    }
}
