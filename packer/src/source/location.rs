//! Where a file lies: a path on disk, or a URL. Nothing else looks at that.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

/// The schemes that are read.
const SCHEMES: [&str; 5] = ["http", "https", "s3", "gs", "az"];

/// Whether a path is the URL of a remote file; everything else is a path on disk.
pub fn is_url(path: &Path) -> bool {
    scheme(path).is_some()
}

/// The scheme of a URL, as it is written in [`SCHEMES`].
pub(crate) fn scheme(path: &Path) -> Option<&'static str> {
    let (scheme, _) = path.to_str()?.split_once("://")?;
    SCHEMES.into_iter().find(|known| known.eq_ignore_ascii_case(scheme))
}

/// A path as it is shown: of a URL neither password nor query, which may hold a signature.
pub fn shown(path: &Path) -> PathBuf {
    let Some((scheme, rest)) = url_parts(path) else { return path.to_owned() };
    let (rest, query) = split_query(scheme, rest);
    let (host, way) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let mark = if query.is_empty() { "" } else { "?…" };
    PathBuf::from(format!("{scheme}://{host}{way}{mark}"))
}

/// `<container>.idx`, the index beside a container.
pub fn idx_path(container: &Path) -> PathBuf {
    with_suffix(container, ".idx")
}

/// `<container>.rpx`: a paged index beside an old container, found when that is opened.
pub fn sidecar_path(container: &Path) -> PathBuf {
    with_suffix(container, ".rpx")
}

/// The path with `suffix` behind its last name: `<container>.idx`.
pub(crate) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    if let Some((scheme, rest)) = url_parts(path) {
        let (rest, query) = split_query(scheme, rest);
        return PathBuf::from(format!("{scheme}://{rest}{suffix}{query}"));
    }
    let mut name = path.as_os_str().to_owned();
    name.push(OsString::from(suffix));
    PathBuf::from(name)
}

/// The file `name` in the directory where `path` lies.
pub(crate) fn sibling(path: &Path, name: &[u8]) -> io::Result<PathBuf> {
    let Some((scheme, rest)) = url_parts(path) else {
        return Ok(crate::pack::directory_of(path).join(crate::source::platform::path_of(name)?));
    };
    let (rest, query) = split_query(scheme, rest);
    let directory = rest.rfind('/').map_or(rest, |slash| &rest[..slash]);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let name = if is_http(scheme) {
        let escape = |byte: &u8| match byte {
            byte if plain(*byte) => char::from(*byte).into(),
            byte => format!("%{byte:02X}"),
        };
        name.iter().map(escape).collect()
    } else {
        let bad = |_| io::Error::new(io::ErrorKind::InvalidData, "the name is not Unicode");
        std::str::from_utf8(name).map_err(bad)?.to_owned()
    };
    Ok(PathBuf::from(format!("{scheme}://{directory}/{name}{query}")))
}

fn url_parts(path: &Path) -> Option<(&'static str, &str)> {
    Some((scheme(path)?, path.to_str()?.split_once("://")?.1))
}

pub(crate) fn is_http(scheme: &str) -> bool {
    scheme.starts_with("http")
}

/// What comes before query and fragment, and these. In keys of object stores nothing has a meaning.
fn split_query<'u>(scheme: &str, rest: &'u str) -> (&'u str, &'u str) {
    let end = if is_http(scheme) { rest.find(['?', '#']) } else { None };
    rest.split_at(end.unwrap_or(rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_paths() {
        for url in ["http://h/a", "HTTPS://h/a?b", "s3://b/k", "gs://b/k", "az://c/k"] {
            assert!(is_url(Path::new(url)), "{url}");
        }
        for path in ["a.pack", "/s3/a", "http:/a", "file:///a", "c:\\a", "s3:a", ""] {
            assert!(!is_url(Path::new(path)), "{path}");
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let of = |url: &str| shown(Path::new(url)).display().to_string();
        assert_eq!(of("https://me:pw@h/a@b?X-Sig=1"), "https://h/a@b?…");
        assert_eq!(of("s3://b/k"), "s3://b/k");
        assert_eq!(of("dir/a?b"), "dir/a?b");
    }

    #[test]
    fn neighbours() {
        let suffix = |path: &str| with_suffix(Path::new(path), ".idx");
        assert_eq!(suffix("a/b"), Path::new("a/b.idx"));
        assert_eq!(suffix("https://h/b?q=1"), Path::new("https://h/b.idx?q=1"));
        let beside = |path: &str| sibling(Path::new(path), b"x y").unwrap();
        assert_eq!(beside("a/b"), Path::new("a/x y"));
        assert_eq!(beside("b"), Path::new("./x y"));
        assert_eq!(beside("http://h/d/k?q"), Path::new("http://h/d/x%20y?q"));
        assert_eq!(beside("s3://b/d/k?q"), Path::new("s3://b/d/x y"));
    }
}
