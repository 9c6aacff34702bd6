//! A tar archive in gzip whose bytes depend on names and contents alone.

use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// A file of an archive.
pub(super) struct Member {
    /// Its name there.
    pub(super) name: String,
    pub(super) from: PathBuf,
    pub(super) is_program: bool,
}

/// Writes the members below a folder `top`, by name, all of one time and of root.
pub(super) fn write(archive: &Path, top: &str, mut members: Vec<Member>, time: u64) -> Result<()> {
    members.sort_by(|one, other| one.name.cmp(&other.name));
    let file =
        File::create(archive).with_context(|| format!("cannot write {}", archive.display()))?;
    let mut tar = Builder::new(GzBuilder::new().write(file, Compression::best()));
    let mut folders = vec![];
    for member in members {
        let name = format!("{top}/{}", member.name);
        for (at, _) in name.match_indices('/') {
            let folder = name.get(..=at).unwrap_or_default().to_owned();
            if !folders.contains(&folder) {
                let mut header = header(EntryType::Directory, 0o755, 0, time);
                tar.append_data(&mut header, &folder, std::io::empty())?;
                folders.push(folder);
            }
        }
        let bytes = fs::read(&member.from)
            .with_context(|| format!("cannot read {}", member.from.display()))?;
        let mode = if member.is_program { 0o755 } else { 0o644 };
        let mut header = header(EntryType::Regular, mode, bytes.len() as u64, time);
        tar.append_data(&mut header, &name, bytes.as_slice())?;
    }
    tar.into_inner()?.finish()?.sync_all()?;
    Ok(())
}

fn header(kind: EntryType, mode: u32, len: u64, time: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(len);
    header.set_mtime(time);
    header.set_uid(0);
    header.set_gid(0);
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_files_give_the_same_bytes() {
        let home = tempfile::tempdir().unwrap();
        let made = |name: &str, order: [&str; 2]| {
            let members = order.map(|name| {
                fs::write(home.path().join(name), name).unwrap();
                Member {
                    name: format!("man/{name}"),
                    from: home.path().join(name),
                    is_program: name == "a",
                }
            });
            let archive = home.path().join(name);
            write(&archive, "top", members.into(), 1_700_000_000).unwrap();
            fs::read(archive).unwrap()
        };
        let first = made("first.tar.gz", ["a", "b"]);
        assert_eq!(first, made("second.tar.gz", ["b", "a"]));

        let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(first.as_slice()));
        let entries = archive.entries().unwrap().map(|entry| {
            let entry = entry.unwrap();
            let (path, mode) = (entry.path_bytes().into_owned(), entry.header().mode().unwrap());
            (String::from_utf8(path).unwrap(), mode)
        });
        let expected =
            [("top/", 0o755), ("top/man/", 0o755), ("top/man/a", 0o755), ("top/man/b", 0o644)];
        assert_eq!(
            entries.collect::<Vec<_>>(),
            expected.map(|(name, mode)| (name.to_owned(), mode))
        );
    }
}
