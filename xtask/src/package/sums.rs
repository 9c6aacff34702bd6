//! The check sums of everything that was made, in the form that `sha256sum -c` reads.

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// Their file, which has no line for itself.
const NAME: &str = "SHA256SUMS";

/// Writes them for all files below a folder, by name.
pub(super) fn write(folder: &Path) -> Result<()> {
    let mut text = String::new();
    for file in files(folder)? {
        writeln!(text, "{}  {}", digest(&folder.join(&file))?, plain(&file))?;
    }
    fs::write(folder.join(NAME), text)?;
    Ok(())
}

/// Whether each file is what its line says, and none is without one.
pub(super) fn check(folder: &Path) -> Result<()> {
    let text = fs::read_to_string(folder.join(NAME))?;
    let lines: Vec<_> = text.lines().filter_map(|line| line.split_once("  ")).collect();
    ensure!(lines.len() == files(folder)?.len(), "{NAME} does not tell of all files");
    for (sum, name) in lines {
        ensure!(digest(&folder.join(name))? == sum, "{name} is not what {NAME} says");
    }
    Ok(())
}

/// Shows what lies in the folder, with sizes; of folders, how many files they have.
pub(super) fn list(folder: &Path) -> Result<()> {
    for path in names(folder)? {
        let name = plain(path.strip_prefix(folder)?);
        if path.is_dir() {
            let inside = files(&path)?;
            let sizes = inside.iter().map(|file| Ok(fs::metadata(path.join(file))?.len()));
            let size = sizes.sum::<io::Result<u64>>()?;
            println!("  {:>8.1} KB  {name}/ ({} files)", size as f64 / 1e3, inside.len());
        } else {
            println!("  {:>8.1} KB  {name}", fs::metadata(&path)?.len() as f64 / 1e3);
        }
    }
    Ok(())
}

/// All files below a folder, relative to it, in order; without the sums themselves.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    fn gather(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
        for path in names(folder)? {
            if path.is_dir() {
                gather(&path, found)?;
            } else {
                found.push(path);
            }
        }
        Ok(())
    }
    let mut found = Vec::new();
    gather(folder, &mut found)?;
    let inside = found.iter().map(|path| Ok(path.strip_prefix(folder)?.to_owned()));
    let mut inside = inside.collect::<Result<Vec<_>>>()?;
    inside.retain(|path| path != Path::new(NAME));
    inside.sort();
    Ok(inside)
}

fn names(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

fn digest(path: &Path) -> Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = io::Read::read(&mut file, &mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// As it stands in lists, with slashes on every system.
fn plain(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_its_line() {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("book")).unwrap();
        fs::write(home.path().join("b"), "").unwrap();
        fs::write(home.path().join("book/a"), "abc").unwrap();
        write(home.path()).unwrap();
        let text = fs::read_to_string(home.path().join(NAME)).unwrap();
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(text, format!("{empty}  b\n{abc}  book/a\n"));
        check(home.path()).unwrap();
        fs::write(home.path().join("b"), "changed").unwrap();
        assert!(check(home.path()).is_err());
        fs::write(home.path().join("b"), "").unwrap();
        fs::write(home.path().join("c"), "").unwrap();
        assert!(check(home.path()).is_err());
    }
}
