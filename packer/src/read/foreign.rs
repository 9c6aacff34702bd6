//! Other formats that are taken for packs, told by what they begin with.

use crate::error::{Error, OtherFormat};
use crate::source::data::Data;
use rangepack_core::Extent;

/// Where the magic of tar ends, the last of those that are known.
const HEAD: u64 = 262;

/// Says that a file is no pack, and what it is instead if that shows.
pub(super) fn is_no_pack(data: &Data) -> Error {
    let len = data.len();
    let head = data.read(Extent { start: 0, len: len.min(HEAD) });
    match head.ok().and_then(|head| recognise(&head)) {
        Some(format) => Error::OtherFormat { path: data.location().clone(), format },
        None => Error::pack(data.location())(rangepack_core::Error::NotAPack { file_len: len }),
    }
}

fn recognise(head: &[u8]) -> Option<OtherFormat> {
    const MAGICS: [(usize, &[u8], OtherFormat); 9] = [
        (0, b"PK\x03\x04", OtherFormat::Zip),
        (0, b"PK\x05\x06", OtherFormat::Zip),
        (0, b"\x1f\x8b", OtherFormat::Gzip),
        (0, b"\x28\xb5\x2f\xfd", OtherFormat::Zstd),
        (0, b"\xfd7zXZ\0", OtherFormat::Xz),
        (0, b"BZh", OtherFormat::Bzip2),
        (0, b"7z\xbc\xaf\x27\x1c", OtherFormat::SevenZip),
        (0, b"hsqs", OtherFormat::Squashfs),
        (257, b"ustar", OtherFormat::Tar),
    ];
    let is = |(at, magic, _): &&(usize, &[u8], OtherFormat)| {
        head.get(*at..).is_some_and(|rest| rest.starts_with(magic))
    };
    MAGICS.iter().find(is).map(|(_, _, format)| *format)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Pack;

    #[test]
    fn other_formats_are_told_and_errors_are_of_packs() {
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(recognise(&tar), Some(OtherFormat::Tar));
        assert_eq!(recognise(&tar[..261]), None);
        assert_eq!(recognise(b"PK\x03\x04..."), Some(OtherFormat::Zip));
        assert_eq!(recognise(b"PK"), None);
        assert_eq!(recognise(b""), None);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.tar");
        std::fs::write(&path, tar).unwrap();
        let error = Pack::open(&path).unwrap_err();
        assert!(error.is_bad_pack(), "{error}");
        assert!(matches!(error, Error::OtherFormat { format: OtherFormat::Tar, .. }), "{error}");
    }
}
