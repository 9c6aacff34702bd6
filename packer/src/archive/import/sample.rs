//! Which members of an archive are wanted, and what short files among them are like.

use super::members::{Content, Member, MemberKind, Visit, fill, path_of};
use super::open::Opened;
use crate::error::{LeftOut, Result};
use crate::filter::Filter;
use crate::pack::{PackOptions, Sampler};
use crate::progress::{Observer, go_on};
use rangepack_core::PackPathBuf;
use std::path::{Path, PathBuf};

/// Whether the filter wants a path, and the directories above it.
pub(super) fn accepts(
    filter: &Filter,
    path: &PackPathBuf,
    is_directory: bool,
    last: &mut Option<(Vec<u8>, bool)>,
) -> bool {
    if !filter.is_active() {
        return true;
    }
    let above = path.as_path().parent();
    let is_out = match last {
        Some((directory, is_out)) if directory == above.as_bytes() => *is_out,
        _ => {
            let bytes = above.as_bytes();
            let ends = memchr::memchr_iter(b'/', bytes).chain([bytes.len()]);
            let mut all = ends.map(|end| &bytes[..end]).filter(|path| !path.is_empty());
            let is_out = all.any(|directory| !filter.accepts(directory, true));
            *last = Some((bytes.to_vec(), is_out));
            is_out
        }
    };
    let is_mere_directory = is_directory && filter.narrows();
    !is_out && (is_mere_directory || filter.accepts(path.as_bytes(), is_directory))
}

/// Shows all short files of an archive to what takes samples of them.
pub(super) fn sample(
    opened: Opened,
    options: &PackOptions,
    name: &Path,
    sampler: &mut Sampler,
    observer: &dyn Observer,
) -> Result<()> {
    let name = name.to_owned();
    opened.each(&mut Sampling { options, name, sampler, observer, last_directory: None })
}

struct Sampling<'s> {
    options: &'s PackOptions,
    name: PathBuf,
    sampler: &'s mut Sampler,
    observer: &'s dyn Observer,
    last_directory: Option<(Vec<u8>, bool)>,
}

impl Visit for Sampling<'_> {
    fn member(&mut self, member: Member, content: &mut dyn Content) -> Result<()> {
        go_on(self.observer, &self.name)?;
        let (MemberKind::File { size, .. }, Ok((Some(path), _))) =
            (&member.kind, path_of(&member.name))
        else {
            return Ok(());
        };
        if accepts(&self.options.filter, &path, false, &mut self.last_directory) {
            // What is wrong with it is told when it is packed.
            self.sampler.see(path.as_bytes(), || {
                let len = crate::pack::is_short(*size)?;
                let mut bytes = vec![0; len];
                (fill(content, &mut bytes).ok()? == len).then_some(bytes)
            });
        }
        Ok(())
    }

    fn problem(&mut self, _: LeftOut) -> Result<()> {
        Ok(())
    }
}
