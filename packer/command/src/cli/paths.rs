//! PATHs on a command line: those of entries, or globs; and what may have been meant when there is none.

use super::Result;
use super::exit::Failure;
use rangepack::{Error, Globs, Pack};
use rangepack_core::{EntryRef, Escaped, trim_path};
use std::collections::HashSet;

/// What all commands say of PATHs.
pub(super) const ABOUT: &str = "\
A PATH is that of a file or directory in the pack. With `*`, `?`, `[` or `{` in it, it is a glob unless there is
an entry of just that name: as in .gitignore, it matches at any depth without a `/` (`*.txt`), and from the root
with one (`/*.txt`, `notes/*.txt`, `notes/**`). Quote globs from the shell.";

/// So many names of a directory are compared with one that is not there.
const COMPARED: usize = 20_000;

/// Whether a PATH is a glob, and names no entry.
pub(super) fn is_glob(pack: &Pack, path: &[u8]) -> Result<bool> {
    if !Globs::is_pattern(path) {
        return Ok(false);
    }
    match pack.symlink_metadata(path) {
        Ok(_) => Ok(false),
        Err(Error::NoEntry { .. } | Error::WrongKind { .. }) => Ok(true),
        // What can be no path can be a glob.
        Err(Error::Pack { source, .. })
            if source.kind() == rangepack_core::ErrorKind::BadQuestion =>
        {
            Ok(true)
        }
        Err(error) => Err(error.into()),
    }
}

/// Tells `each` of every entry that a glob matches; an error when there is none.
pub(super) fn each_match(
    pack: &Pack,
    glob: &[u8],
    mut each: impl FnMut(&EntryRef<'_>) -> Result<()>,
) -> Result<()> {
    let text = String::from_utf8_lossy(glob);
    let globs = Globs::new([&text]).map_err(|error| bad_glob(&error))?;
    let mut is_matched = false;
    let mut path = Vec::new();
    let below = match pack.walk(globs.base()) {
        Ok(entries) => entries,
        Err(Error::NoEntry { .. } | Error::WrongKind { .. }) => return Err(missing(pack, glob)),
        Err(error) => return Err(error.into()),
    };
    for entry in below {
        let entry = entry?;
        path.clear();
        entry.push_path(&mut path);
        if globs.matches(&path, entry.is_directory()) {
            is_matched = true;
            each(&entry)?;
        }
    }
    if is_matched { Ok(()) } else { Err(missing(pack, glob)) }
}

/// Says what is wrong with a glob.
pub(super) fn bad_glob(error: &rangepack::FilterError) -> Failure {
    Failure::Usage {
        problem: error.to_string(),
        hint: "globs know `*`, `**`, `?`, `[a-z]` and `{a,b}`; quote them from the shell",
    }
}

/// Nothing is there under this path, or matches this glob.
fn missing(pack: &Pack, path: &[u8]) -> Failure {
    let (pack, entry) = (pack.location().clone(), path.into());
    Failure::Library(Error::NoEntry { pack, entry })
}

/// The failure, with what may have been meant when it is that nothing is there.
pub(super) fn with_suggestion(pack: &Pack, path: &[u8], failure: Failure) -> Failure {
    match failure {
        Failure::Library(error @ Error::NoEntry { .. }) => match suggestion(pack, path) {
            Some(hint) => Failure::Hinted { error: Box::new(error), hint },
            None => Failure::Library(error),
        },
        failure => failure,
    }
}

/// What may have been meant by a path that is not there, as advice.
pub(super) fn suggestion(pack: &Pack, path: &[u8]) -> Option<String> {
    if Globs::is_pattern(path) {
        let text = std::str::from_utf8(path).ok()?;
        let anywhere = Globs::new([text]).is_ok() && text.trim_end_matches('/').contains('/');
        let hint = "without a `/` a glob matches at any depth, with one from the root of the pack";
        return anywhere.then(|| hint.to_owned());
    }
    let path = trim_path(path);
    let mut directory = Vec::new();
    let mut components = path.split(|byte| *byte == b'/');
    let wrong = loop {
        let name = components.next()?;
        let next = join(&directory, name);
        if pack.resolve_directory(&next).is_err() {
            break name;
        }
        directory = next;
    };
    let wanted = String::from_utf8_lossy(wrong).to_lowercase();
    // One mistake in a short name, one in four letters of a long one.
    let letters = wanted.chars().count();
    let most = if letters < 3 { 0 } else { (letters / 4).max(1) };
    let mut best: Option<(usize, Vec<u8>)> = None;
    let mut name = Vec::new();
    for entry in pack.read_dir(&directory).ok()?.take(COMPARED) {
        name.clear();
        entry.ok()?.push_name(&mut name);
        let there = String::from_utf8_lossy(&name).to_lowercase();
        let mistakes = strsim::osa_distance(&wanted, &there);
        if mistakes <= most && best.as_ref().is_none_or(|(least, _)| mistakes < *least) {
            best = Some((mistakes, name.clone()));
        }
    }
    let found = join(&directory, &best?.1);
    let rest: Vec<&[u8]> = components.collect();
    let whole = join(&found, &rest.join(&b'/'));
    let is_there = !rest.is_empty() && pack.symlink_metadata(&whole).is_ok();
    let meant = if is_there { whole } else { found };
    Some(format!("did you mean {}?", Escaped(&meant)))
}

/// Directories that were taken with all they hold.
#[derive(Debug, Default)]
pub(super) struct Taken(HashSet<Vec<u8>>);

impl Taken {
    /// Takes a directory.
    pub(super) fn take(&mut self, directory: &[u8]) {
        self.0.insert(directory.to_vec());
    }

    /// Whether a path lies in one of them.
    pub(super) fn holds(&self, path: &[u8]) -> bool {
        let mut slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        !self.0.is_empty() && slashes.any(|(end, _)| self.0.contains(&path[..end]))
    }
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() }
}
