//! Entries as JSON objects, one a line.

use crate::format;
use rangepack_core::{Entry, Kind};
use serde::Serialize;

/// What `ls --json` says of an entry.
#[derive(Debug, Serialize)]
pub(crate) struct Record {
    path: String,
    /// The path's bytes in hexadecimal digits, where they are not UTF-8.
    #[serde(skip_serializing_if = "Option::is_none")]
    path_hex: Option<String>,
    kind: &'static str,
    #[serde(flatten)]
    file: Option<File>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_target: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    link_target_hex: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    totals: Option<Totals>,
    /// Octal, as `chmod` takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mtime: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gid: Option<u32>,
    /// What lies below a directory, whatever its layout and times.
    #[serde(skip_serializing_if = "Option::is_none")]
    tree_sha256: Option<String>,
    /// Length of its extended attributes.
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute_bytes: Option<u32>,
    /// Their digest: entries with the same one have the same attributes.
    #[serde(skip_serializing_if = "Option::is_none")]
    attribute_sha256: Option<String>,
}

#[derive(Debug, Serialize)]
struct File {
    size: u64,
    stored_size: u64,
    offset: u64,
    codec: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    volume: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_sha256: Option<String>,
    /// Files with the same number were one file with several names.
    #[serde(skip_serializing_if = "Option::is_none")]
    hard_link: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    sparse: bool,
}

/// What lies below a directory; links are files.
#[derive(Debug, Serialize)]
pub(crate) struct Totals {
    files: u64,
    directories: u64,
    bytes: u64,
    stored_bytes: u64,
}

impl From<rangepack_core::Totals> for Totals {
    fn from(totals: rangepack_core::Totals) -> Totals {
        let rangepack_core::Totals { files, directories, bytes, stored_bytes } = totals;
        Totals { files, directories, bytes, stored_bytes }
    }
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// Bytes as text, and their digits where the text cannot say it all.
pub(crate) fn text(bytes: &[u8]) -> (String, Option<String>) {
    match String::from_utf8_lossy(bytes) {
        std::borrow::Cow::Borrowed(text) => (text.to_owned(), None),
        std::borrow::Cow::Owned(text) => {
            let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            (text, Some(hex))
        }
    }
}

impl Record {
    /// Everything known of an entry.
    pub(crate) fn new(entry: &Entry) -> Record {
        let (path, path_hex) = text(entry.path.as_bytes());
        let mut record = Record {
            path,
            path_hex,
            kind: format::kind(&entry.kind),
            file: None,
            link_target: None,
            link_target_hex: None,
            totals: None,
            mode: entry.mode.map(|mode| format!("{mode:04o}")),
            mtime: entry.mtime.map(format::exact_time),
            uid: entry.owner.map(|owner| owner.uid),
            gid: entry.owner.map(|owner| owner.gid),
            tree_sha256: entry.tree_digest.map(|digest| digest.to_string()),
            attribute_bytes: entry.attributes.map(|block| block.len),
            attribute_sha256: entry.attributes.map(|block| block.digest.to_string()),
        };
        match &entry.kind {
            Kind::File(content) => {
                record.file = Some(File {
                    size: content.size,
                    stored_size: content.stored_size,
                    offset: content.offset,
                    codec: content.codec.name(),
                    volume: content.volume,
                    sha256: content.digest.map(|digest| digest.to_string()),
                    original_sha256: content.original_digest.map(|digest| digest.to_string()),
                    hard_link: content.hard_link,
                    sparse: content.sparse,
                });
            }
            Kind::Directory(totals) => {
                record.totals = Some((*totals).into());
            }
            Kind::Symlink(target) => {
                let (target, hex) = text(target);
                (record.link_target, record.link_target_hex) = (Some(target), hex);
            }
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rangepack_core::PackPathBuf;

    fn json(path: &[u8], kind: Kind) -> String {
        let path = PackPathBuf::new(path.to_vec()).unwrap();
        let entry = Entry::new(path, kind).with_mode(Some(0o644)).with_mtime(Some(0));
        serde_json::to_string(&Record::new(&entry)).unwrap()
    }

    #[test]
    fn only_what_is_known() {
        let link = json(b"a", Kind::Symlink(b"b\n".to_vec()));
        let expected = r#"{"path":"a","kind":"symlink","link_target":"b\n","mode":"0644","mtime":"1970-01-01T00:00:00Z"}"#;
        assert_eq!(link, expected);
        let directory = json(b"a", Kind::Directory(rangepack_core::Totals::default()));
        assert!(directory.contains(r#""totals":{"files":0,"#), "{directory}");
    }

    #[test]
    fn names_that_are_not_unicode() {
        let link = json(b"\xff", Kind::Symlink(b"x".to_vec()));
        assert!(link.contains("\"path\":\"\u{fffd}\",\"path_hex\":\"ff\""), "{link}");
    }
}
