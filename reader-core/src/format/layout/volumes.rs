//! Other files that hold payloads (FORMAT.md, "Volumes").

use super::put::{to_u16, to_u32};
use crate::bytes::Cursor;
use crate::digest::Digest;
use crate::error::{Error, Result, Structure};
use crate::path::{NameProblem, name_problem};
use alloc::vec::Vec;

/// Another file that holds payloads.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Volume {
    /// Its name, a plain file name: it lies in the same directory as the pack. Empty in a sidecar: the file
    /// beside which that lies. In a table of volumes it may lie below that directory: then names are joined by `/`.
    pub name: Vec<u8>,
    /// Its length in bytes.
    pub len: u64,
    /// SHA-256 of its root page, where it is a pack and the index says so.
    pub digest: Option<Digest>,
}

impl Volume {
    /// The file `name`, `len` bytes long.
    pub fn new(name: Vec<u8>, len: u64) -> Volume {
        Volume { name, len, digest: None }
    }

    /// The file beside which the index lies.
    pub fn beside(len: u64) -> Volume {
        Volume::new(Vec::new(), len)
    }

    /// The bytes of the section that names `volumes`, the first of which has number 1.
    ///
    /// # Errors
    /// [`Error::TooLarge`] when there are too many, or a name is too long.
    pub fn list_to_bytes(volumes: &[Volume]) -> Result<Vec<u8>> {
        let mut out = to_u32("number of volumes", volumes.len() as u64)?.to_le_bytes().to_vec();
        for volume in volumes {
            out.extend(volume.len.to_le_bytes());
            out.extend(to_u16("length of a volume's name", volume.name.len())?.to_le_bytes());
            out.extend(&volume.name);
        }
        Ok(out)
    }

    /// Reads such a section.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::TrailingBytes`], and [`Error::BadField`] for names that do not stay in
    /// their directory on every system.
    pub fn list_from_bytes(bytes: &[u8]) -> Result<Vec<Volume>> {
        let mut cursor = Cursor::new(Structure::Volumes, bytes);
        let count = cursor.u32()?;
        let mut volumes = Vec::new();
        for number in 1..=u64::from(count) {
            let len = cursor.u64()?;
            let name_len = cursor.u16()?;
            let name = cursor.take(usize::from(name_len))?;
            if !name.is_empty() && !is_plain(name) {
                let (structure, field) = (Structure::Volumes, "name");
                return Err(Error::BadField { structure, field, value: number });
            }
            volumes.push(Volume::new(name.to_vec(), len));
        }
        if !cursor.rest().is_empty() {
            let len = bytes.len().saturating_sub(cursor.rest().len()) as u64;
            return Err(Error::TrailingBytes { structure: Structure::Volumes, len });
        }
        Ok(volumes)
    }
}

/// Whether a name means a file of the same directory, wherever it is read; it need not be text.
pub(super) fn is_plain(name: &[u8]) -> bool {
    matches!(name_problem(name), None | Some(NameProblem::NotUnicode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_come_back_and_names_stay_in_their_directory() {
        let volumes = [Volume::new(b"a.pack".to_vec(), 7), Volume::beside(u64::MAX)];
        let bytes = Volume::list_to_bytes(&volumes).unwrap();
        assert_eq!(Volume::list_from_bytes(&bytes).as_deref(), Ok(&volumes[..]));
        for cut in 0..bytes.len() {
            assert!(Volume::list_from_bytes(&bytes[..cut]).is_err());
        }
        assert!(Volume::list_from_bytes(&[&bytes[..], b"?"].concat()).is_err());
        let bad = [
            "..",
            ".",
            "a/b",
            "/a",
            r"\\host\share\x",
            r"..\a",
            "c:x",
            "a\nb",
            "a\0",
            "nul",
            "COM1.pack",
            "a.",
            "a ",
        ];
        for name in bad {
            let bytes = Volume::list_to_bytes(&[Volume::new(name.into(), 1)]).unwrap();
            assert!(Volume::list_from_bytes(&bytes).is_err(), "{name:?}");
        }
        // A count that the bytes cannot hold takes no memory.
        assert!(Volume::list_from_bytes(&[0xff; 14]).is_err());
    }
}
