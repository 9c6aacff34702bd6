//! Cuts a tree into lists of about the same weight, for as many processes or machines that pack them.

use super::walk::ItemKind;
use super::{PackOptions, walk};
use crate::error::{Action, Error, Result, Setting};
use crate::progress::{Event, Observer, go_on};
use crate::source::replace::{Finish, Replacement, create_directories, refuse_to_replace};
use rangepack_core::Escaped;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What a file weighs beside its bytes, and a directory or link: to open it takes as long as to read so many.
const EACH: u64 = 16 << 10;

/// A list of paths, one of several that a tree was cut into.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Share {
    /// The list: paths below the source, each ended by a NUL byte, in key order.
    pub list: PathBuf,
    /// How many files and links it names.
    pub files: u64,
    /// How many bytes these have.
    pub bytes: u64,
}

/// Writes `count` lists into `folder`, `part-000.list` and so on, that name all that packing `source` would pack, in key order.
/// Each weighs about the same: bytes, and 16 KiB for every entry. Packed one by one and merged they are the tree.
///
/// The tree is walked twice, and the system asked for the size of each file; no names are held. The same tree gives the same
/// lists.
///
/// # Errors
/// [`Error::Exists`] when a list is there already, and [`Error::Setting`] for a count of 0.
pub fn split(
    source: impl AsRef<Path>,
    count: usize,
    folder: impl AsRef<Path>,
    options: &PackOptions,
    observer: &dyn Observer,
) -> Result<Vec<Share>> {
    let (source, folder) = (source.as_ref(), folder.as_ref());
    Setting::Lists.check(count as u64)?;
    let digits = (count - 1).to_string().len().max(3);
    let list = |number: usize| folder.join(format!("part-{number:0digits$}.list"));
    create_directories(folder)?;
    (0..count).try_for_each(|number| refuse_to_replace(&list(number), false))?;

    let mut total = 0u64;
    each(source, options, observer, |_, _, weight| {
        total = total.saturating_add(weight);
        Ok(())
    })?;
    let mut shares: Vec<Share> = Vec::new();
    let mut open: Option<Replacement> = None;
    let mut lines = Vec::new();
    let mut before = 0u64;
    let write = |open: &mut Option<Replacement>, lines: &mut Vec<u8>, shares: &mut Vec<Share>| {
        let (Some(replacement), Some(share)) = (open.as_ref(), shares.last()) else {
            return Ok(());
        };
        let written = replacement.file().write_all(lines);
        lines.clear();
        written.map_err(Error::io(Action::Write, &share.list))
    };
    each(source, options, observer, |path, kind, weight| {
        // The share in which the middle of the entry's weight lies.
        let middle = u128::from(before) + u128::from(weight) / 2;
        let number = (middle * count as u128 / u128::from(total.max(1))) as usize;
        while shares.len() <= number.min(count - 1) {
            write(&mut open, &mut lines, &mut shares)?;
            finish(open.take())?;
            let list = list(shares.len());
            open = Some(Replacement::new(&list)?);
            shares.push(Share { list, files: 0, bytes: 0 });
        }
        lines.extend_from_slice(path);
        lines.push(0);
        if let Some(share) = shares.last_mut()
            && kind != ItemKind::Directory
        {
            share.files += 1;
            share.bytes += weight - EACH;
        }
        before = before.saturating_add(weight);
        if lines.len() >= 64 << 10 {
            write(&mut open, &mut lines, &mut shares)?;
        }
        observer.event(Event::Done { path: Escaped(path), bytes: weight - EACH });
        Ok(())
    })?;
    write(&mut open, &mut lines, &mut shares)?;
    finish(open)?;
    while shares.len() < count {
        let list = list(shares.len());
        finish(Some(Replacement::new(&list)?))?;
        shares.push(Share { list, files: 0, bytes: 0 });
    }
    Ok(shares)
}

fn finish(list: Option<Replacement>) -> Result<()> {
    let how = Finish { overwrite: false, sync: false };
    list.map_or(Ok(()), |list| list.finish(how))
}

/// Tells of all that would be packed: its path, what it is, and its weight.
fn each(
    source: &Path,
    options: &PackOptions,
    observer: &dyn Observer,
    mut tell: impl FnMut(&[u8], ItemKind, u64) -> Result<()>,
) -> Result<()> {
    for batch in walk(source, options, Vec::new(), &())? {
        go_on(observer, source)?;
        for item in batch.items() {
            let bytes = match item.kind {
                ItemKind::File => batch.directory.metadata(item.name).map_or(0, |found| found.size),
                ItemKind::Directory | ItemKind::Made | ItemKind::Symlink => 0,
                ItemKind::Other => continue,
            };
            tell(&batch.directory.pack_path_of(item.name), item.kind, bytes.saturating_add(EACH))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn lists_weigh_the_same_and_name_everything_once() {
        let home = tempfile::tempdir().unwrap();
        let tree = home.path().join("tree");
        for directory in ["a", "b", "c"] {
            fs::create_dir_all(tree.join(directory)).unwrap();
            for number in 0..40 {
                let content = vec![7; number * 1000];
                fs::write(tree.join(directory).join(format!("{number:02}")), content).unwrap();
            }
        }
        fs::create_dir(tree.join("empty")).unwrap();
        let options = PackOptions::default();
        let run = |name: &str, count| {
            let folder = home.path().join(name);
            split(&tree, count, folder, &options, &()).unwrap()
        };
        let names = |shares: &[Share]| -> Vec<u8> {
            shares.iter().flat_map(|share| fs::read(&share.list).unwrap()).collect()
        };
        let one = run("one", 1);
        assert_eq!((one[0].files, one[0].bytes), (120, 3 * 780_000));
        let four = run("four", 4);
        assert_eq!(names(&four), names(&one));
        for share in &four {
            let weight = share.bytes + share.files * EACH;
            assert!((1_000_000..1_300_000).contains(&weight), "{share:?}");
        }
        let many = run("many", 500);
        assert_eq!((many.len(), names(&many)), (500, names(&one)));
        assert_eq!(many[7].list.file_name().unwrap(), "part-007.list");
        let error = split(&tree, 4, home.path().join("four"), &options, &()).unwrap_err();
        assert!(matches!(error, Error::Exists { .. }));
        assert!(split(&tree, 0, home.path().join("none"), &options, &()).is_err());
    }
}
