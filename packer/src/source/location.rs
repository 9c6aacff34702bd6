//! Where a file lies: a path on disk, or a URL. Told apart once, at the door.

use super::platform::{self, directory_of};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

/// What is behind a container's name in that of the NDJSON index beside it.
const IDX: &str = ".idx";

/// The same for a paged index.
const RPX: &str = ".rpx";

/// The same for the note beside a pack that is growing.
const GROWTH: &str = ".grow";

/// Where a file lies that is read.
///
/// Whatever can be a path becomes one: text that begins with `http://`, `https://`, `s3://`, `gs://` or
/// `az://` is a URL, everything else a path on disk. [`Location::Disk`] says that a path is meant, whatever
/// it looks like.
///
/// It is shown without password and query, which may hold a signature.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "a file lies on a disk or elsewhere")]
pub enum Location {
    /// On disk.
    Disk(PathBuf),
    /// On a server or in an object store.
    Url(Url),
}

impl Location {
    /// The path, if it lies on disk.
    pub fn disk(&self) -> Option<&Path> {
        match self {
            Location::Disk(path) => Some(path),
            Location::Url(_) => None,
        }
    }

    /// Whether it is a URL.
    pub fn is_url(&self) -> bool {
        matches!(self, Location::Url(_))
    }

    /// Whether it looks like a URL of a scheme that is not read, and is taken for a path.
    pub(crate) fn is_unknown_url(&self) -> bool {
        let Some((scheme, _)) =
            self.disk().and_then(Path::to_str).and_then(|it| it.split_once("://"))
        else {
            return false;
        };
        let mut bytes = scheme.bytes();
        bytes.next().is_some_and(|first| first.is_ascii_alphabetic())
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
    }

    /// Its last part: a file's name on disk, of a URL as it is written there; empty when there is none.
    pub fn name(&self) -> &OsStr {
        match self {
            Location::Disk(path) => path.file_name().unwrap_or_default(),
            Location::Url(url) => OsStr::new(url.parts().0.rsplit('/').next().unwrap_or_default()),
        }
    }

    /// What is shown of it, byte for byte: the path, which need not be Unicode, or the URL without its secrets.
    pub fn shown_bytes(&self) -> Cow<'_, [u8]> {
        match self {
            Location::Disk(path) => Cow::Borrowed(path.as_os_str().as_encoded_bytes()),
            Location::Url(url) => Cow::Owned(url.to_string().into_bytes()),
        }
    }

    /// Where the NDJSON index beside a container lies: `<container>.idx`.
    pub fn idx(&self) -> Location {
        self.with_suffix(IDX)
    }

    /// Where the paged index beside a container lies: `<container>.rpx`.
    pub fn sidecar(&self) -> Location {
        self.with_suffix(RPX)
    }

    /// Where the note lies that is beside a pack while it grows (FORMAT.md, "Files beside a pack").
    pub fn growth_note(&self) -> Location {
        self.with_suffix(GROWTH)
    }

    /// The container beside which a paged index lies: its own name without `.rpx`; `None` when it has another.
    pub(crate) fn beside_which(&self) -> Option<Location> {
        match self {
            Location::Disk(path) => {
                let name = path.file_name()?.as_encoded_bytes();
                self.sibling(name.strip_suffix(RPX.as_bytes()).filter(|name| !name.is_empty())?)
            }
            Location::Url(url) => {
                let (way, query) = url.parts();
                let way = way.strip_suffix(RPX).filter(|way| !way.ends_with('/'))?;
                Some(Location::Url(Url { scheme: url.scheme, rest: format!("{way}{query}") }))
            }
        }
    }

    fn with_suffix(&self, suffix: &str) -> Location {
        match self {
            Location::Disk(path) => Location::Disk(with_suffix(path, suffix)),
            Location::Url(url) => {
                let (way, query) = url.parts();
                Location::Url(Url { scheme: url.scheme, rest: format!("{way}{suffix}{query}") })
            }
        }
    }

    /// The directory in which it lies.
    pub(crate) fn folder(&self) -> Location {
        match self {
            Location::Disk(path) => Location::Disk(directory_of(path)),
            Location::Url(url) => {
                let (way, query) = url.parts();
                let directory = way.rfind('/').map_or(way, |slash| &way[..slash]);
                Location::Url(Url { scheme: url.scheme, rest: format!("{directory}/{query}") })
            }
        }
    }

    /// The file of this name below a directory, where names of directories end in `/`; `None` when it cannot be written here.
    pub(crate) fn below(&self, name: &[u8]) -> Option<Location> {
        let url = match self {
            Location::Disk(path) => {
                return Some(Location::Disk(path.join(platform::path_of(name).ok()?)));
            }
            Location::Url(url) => url,
        };
        let (way, query) = url.parts();
        let way = way.strip_suffix('/').unwrap_or(way);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        let name: String = if url.scheme.is_http() {
            let escape = |byte: &u8| match byte {
                byte if plain(*byte) => char::from(*byte).into(),
                byte => format!("%{byte:02X}"),
            };
            name.iter().map(escape).collect()
        } else {
            std::str::from_utf8(name).ok()?.to_owned()
        };
        Some(Location::Url(Url { scheme: url.scheme, rest: format!("{way}/{name}{query}") }))
    }

    /// The file `name` in the directory where this one lies; `None` when such a name cannot be written
    /// here.
    fn sibling(&self, name: &[u8]) -> Option<Location> {
        self.folder().below(name)
    }

    /// What names it below a directory, or below the beginning of a URL: the opposite of [`Location::below`]. `None` when it
    /// does not lie there.
    pub(crate) fn within(&self, folder: &Location) -> Option<Vec<u8>> {
        match (self, folder) {
            (Location::Disk(path), Location::Disk(folder)) => {
                let directory = directory_of(path).canonicalize().ok()?;
                let below = directory.strip_prefix(folder.canonicalize().ok()?).ok()?.to_owned();
                let names = below.iter().chain(path.file_name());
                let names: Vec<&[u8]> = names.map(OsStr::as_encoded_bytes).collect();
                Some(names.join(&b'/'))
            }
            (Location::Url(url), Location::Url(folder)) if url.scheme == folder.scheme => {
                let (way, _) = url.parts();
                let (folder, _) = folder.parts();
                let name = way.strip_prefix(folder.strip_suffix('/').unwrap_or(folder))?;
                let name = name.strip_prefix('/').filter(|name| !name.is_empty())?;
                match url.scheme.is_http() {
                    true => unescaped(name.as_bytes()),
                    false => Some(name.as_bytes().to_vec()),
                }
            }
            _ => None,
        }
    }
}

/// Text without its escapes of the form `%41`; `None` when one is none.
fn unescaped(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    while let Some((first, rest)) = text.split_first() {
        text = rest;
        if *first != b'%' {
            out.push(*first);
            continue;
        }
        let (digits, rest) = text.split_at_checked(2)?;
        out.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        text = rest;
    }
    Some(out)
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::Disk(path) => path.display().fmt(f),
            Location::Url(url) => url.fmt(f),
        }
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Location {
        match path.to_str().and_then(Url::parse) {
            Some(url) => Location::Url(url),
            None => Location::Disk(path),
        }
    }
}

impl From<OsString> for Location {
    fn from(text: OsString) -> Location {
        PathBuf::from(text).into()
    }
}

impl From<String> for Location {
    fn from(text: String) -> Location {
        PathBuf::from(text).into()
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for Location {
    fn from(path: &P) -> Location {
        path.as_ref().to_owned().into()
    }
}

impl From<Url> for Location {
    fn from(url: Url) -> Location {
        Location::Url(url)
    }
}

impl From<&Location> for Location {
    fn from(location: &Location) -> Location {
        location.clone()
    }
}

/// The URL of a file. It is shown without password and query.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Url {
    scheme: Scheme,
    /// What is behind `://`.
    rest: String,
}

impl Url {
    /// Reads a URL; `None` when the text is none of a kind that can be read.
    pub fn parse(text: &str) -> Option<Url> {
        let (scheme, rest) = text.split_once("://")?;
        let is = |known: &Scheme| known.name().eq_ignore_ascii_case(scheme);
        Some(Url { scheme: Scheme::ALL.into_iter().find(is)?, rest: rest.to_owned() })
    }

    /// A URL of the caller's own, who [opens](crate::OpenOptions::opener) what is there. It is shown as it is, so it must hold no
    /// secret.
    pub fn given(text: &str) -> Url {
        Url { scheme: Scheme::Given, rest: text.to_owned() }
    }

    /// What kind of server it is.
    #[cfg(feature = "remote")]
    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// All of it, secrets included: for asking, never for showing.
    #[cfg(feature = "remote")]
    pub(crate) fn secret_text(&self) -> String {
        match self.scheme {
            Scheme::Given => self.rest.clone(),
            scheme => format!("{}://{}", scheme.name(), self.rest),
        }
    }

    /// Bucket and key of a file in an object store.
    #[cfg(feature = "remote")]
    pub(crate) fn bucket_and_key(&self) -> (&str, &str) {
        self.rest.split_once('/').unwrap_or((&self.rest, ""))
    }

    /// Host and path; query and fragment. In keys of object stores nothing has a meaning.
    fn parts(&self) -> (&str, &str) {
        let end = if self.scheme.is_http() { self.rest.find(['?', '#']) } else { None };
        self.rest.split_at(end.unwrap_or(self.rest.len()))
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme == Scheme::Given {
            return f.write_str(&self.rest);
        }
        let (rest, query) = self.parts();
        let (host, way) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
        let mark = if query.is_empty() { "" } else { "?…" };
        write!(f, "{}://{host}{way}{mark}", self.scheme.name())
    }
}

/// Secrets are not for logs, either.
impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// What kinds of servers are read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    Http,
    Https,
    S3,
    Gs,
    Az,
    /// One that the caller reads.
    Given,
}

impl Scheme {
    const ALL: [Scheme; 5] = [Scheme::Http, Scheme::Https, Scheme::S3, Scheme::Gs, Scheme::Az];

    /// As it is written in URLs.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::S3 => "s3",
            Scheme::Gs => "gs",
            Scheme::Az => "az",
            Scheme::Given => "",
        }
    }

    fn is_http(self) -> bool {
        matches!(self, Scheme::Http | Scheme::Https)
    }
}

/// `<container>.idx`, where the NDJSON index of a container on disk lies.
pub fn idx_path(container: &Path) -> PathBuf {
    with_suffix(container, IDX)
}

/// `<pack>.grow`, where the note beside a pack on disk lies while it grows.
pub(crate) fn growth_note_path(pack: &Path) -> PathBuf {
    with_suffix(pack, GROWTH)
}

/// `<container>.rpx`, where the paged index of a container on disk lies.
pub fn sidecar_path(container: &Path) -> PathBuf {
    with_suffix(container, RPX)
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_told_from_paths() {
        for url in ["http://h/a", "HTTPS://h/a?b", "s3://b/k", "gs://b/k", "az://c/k"] {
            assert!(Location::from(url).is_url(), "{url}");
        }
        for path in ["a.pack", "/s3/a", "http:/a", "file:///a", "c:\\a", "s3:a", ""] {
            assert_eq!(Location::from(path).disk(), Some(Path::new(path)));
        }
    }

    #[test]
    fn secrets_are_not_shown() {
        let of = |url: &str| Location::from(url).to_string();
        assert_eq!(of("https://me:pw@h/a@b?X-Sig=1"), "https://h/a@b?…");
        assert_eq!(of("s3://b/k"), "s3://b/k");
        assert_eq!(of("dir/a?b"), "dir/a?b");
        let debug = format!("{:?}", Location::from("https://me:pw@h/a?X-Sig=1"));
        assert!(!debug.contains("pw") && !debug.contains("Sig"), "{debug}");
    }

    #[test]
    fn neighbours() {
        let is = |location: Location, text: &str| assert_eq!(location, Location::from(text));
        is(Location::from("a/b").idx(), "a/b.idx");
        is(Location::from("https://h/b?q=1").idx(), "https://h/b.idx?q=1");
        is(Location::from("s3://b/k?q").sidecar(), "s3://b/k?q.rpx");
        let beside = |text: &str| Location::from(text).sibling(b"x y").unwrap();
        is(beside("a/b"), "a/x y");
        is(beside("b"), "./x y");
        is(beside("http://h/d/k?q"), "http://h/d/x%20y?q");
        is(beside("s3://b/d/k?q"), "s3://b/d/x y");
        assert_eq!(Location::from("s3://b/k").sibling(b"\xff"), None);
        let given = Location::from(Url::given("memory://d/k?q"));
        assert_eq!(given.sidecar().to_string(), "memory://d/k?q.rpx");
        assert_eq!(given.sibling(b"x y"), Some(Url::given("memory://d/x y").into()));
        assert_eq!(given.sidecar().beside_which(), Some(given));
    }

    #[test]
    fn names() {
        let name = |text: &str| Location::from(text).name().to_owned();
        assert_eq!(name("https://h/d/a%20b.pack?sig=1/2"), "a%20b.pack");
        assert_eq!(name("s3://b/k/x.pack"), "x.pack");
        assert_eq!(name("/d/a.pack"), "a.pack");
        assert_eq!(name("/"), "");
    }
}
