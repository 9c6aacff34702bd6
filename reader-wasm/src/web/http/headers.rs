//! What the headers of a response say. Browsers hide some of them from pages of other origins.

/// What `Content-Range` says, as far as it makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ContentRange {
    /// First byte and last.
    pub(super) part: Option<(u64, u64)>,
    /// Of the whole file.
    pub(super) total: Option<u64>,
}

/// Reads `bytes 0-9/100`, in which the part or the total may be `*`.
pub(super) fn content_range(value: &str) -> Option<ContentRange> {
    let (unit, rest) = value.trim().split_once(char::is_whitespace)?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    let (part, total) = rest.trim().split_once('/')?;
    let total = if total == "*" { None } else { Some(number(total)?) };
    let part = match part {
        "*" => None,
        part => {
            let (start, end) = part.split_once('-')?;
            Some((number(start)?, number(end)?))
        }
    };
    match (part, total) {
        (Some((start, end)), _) if start > end => None,
        (Some((_, end)), Some(total)) if end >= total => None,
        _ => Some(ContentRange { part, total }),
    }
}

/// Digits alone, and no more than a safe integer.
pub(super) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| digits && *number < 1 << 53)
}

/// Whether the content is compressed on the way.
pub(super) fn is_compressed(encoding: &str) -> bool {
    let names = encoding.split(|c: char| !c.is_ascii_alphanumeric());
    let known = ["gzip", "deflate", "br", "zstd", "compress"];
    names.into_iter().any(|name| known.iter().any(|known| known.eq_ignore_ascii_case(name)))
}

/// What tells one version of a file from another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Validators {
    /// A strong one.
    pub(super) etag: Option<String>,
    pub(super) modified: Option<String>,
}

impl Validators {
    /// Whether both speak, and of different versions.
    pub(super) fn differ(&self, other: &Validators) -> bool {
        match (&self.etag, &other.etag) {
            (Some(a), Some(b)) => a != b,
            _ => matches!((&self.modified, &other.modified), (Some(a), Some(b)) if a != b),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts() {
        let of = |text| content_range(text).map(|range| (range.part, range.total));
        assert_eq!(of("bytes 0-9/100"), Some((Some((0, 9)), Some(100))));
        assert_eq!(of(" Bytes  5-5/* "), Some((Some((5, 5)), None)));
        assert_eq!(of("bytes */7"), Some((None, Some(7))));
        for bad in ["", "bytes", "bytes 9-0/100", "bytes 0-100/100", "items 0-9/100", "bytes 0-/1"]
        {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(of("bytes 0-9/9007199254740992"), None);
        assert_eq!(of("bytes 0-9/+100"), None);
    }

    #[test]
    fn versions() {
        let of = |etag: Option<&str>, modified: Option<&str>| Validators {
            etag: etag.map(str::to_owned),
            modified: modified.map(str::to_owned),
        };
        assert!(of(Some("a"), None).differ(&of(Some("b"), None)));
        assert!(!of(Some("a"), Some("1")).differ(&of(Some("a"), Some("2"))));
        assert!(of(None, Some("1")).differ(&of(Some("a"), Some("2"))));
        assert!(!of(None, None).differ(&of(Some("a"), Some("2"))));
    }

    #[test]
    fn compression() {
        assert!(is_compressed("gzip") && is_compressed("identity, BR"));
        assert!(!is_compressed("") && !is_compressed("identity") && !is_compressed("brave"));
    }
}
