//! What a path of a URL means.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// Everything in a path that is not plain.
const SPECIAL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Route {
    /// The viewer, or a list of packs where it was not built in.
    Home,
    /// The packs, as JSON.
    Packs,
    /// The bytes of a pack, or a file of the viewer: a name.
    Name(String),
    /// Something inside a pack: the pack's name and a path, which ends with a slash when a
    /// directory is meant.
    Entry(String, Vec<u8>),
    /// What was asked for lies here.
    Redirect(String),
    /// Nothing.
    Nothing,
}

/// The name under which packs list themselves.
pub(super) const PACKS: &str = "packs.json";

/// Reads the path of a URL, which begins with a slash.
pub(super) fn route(path: &str) -> Route {
    let path = path.strip_prefix('/').unwrap_or(path);
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().map(|name| name.into_owned());
    let (name, rest) = match path.split_once('/') {
        None if path.is_empty() => return Route::Home,
        None if path == PACKS => return Route::Packs,
        None => return decoded(path).map_or(Route::Nothing, Route::Name),
        Some(parts) => parts,
    };
    let Ok(name) = decoded(name) else { return Route::Nothing };
    if name.is_empty() {
        return Route::Nothing;
    }
    // Escaped anew: a backslash would name another host.
    let files = || Route::Redirect(format!("/{}/files/", escape(name.as_bytes())));
    match rest.strip_prefix("files") {
        Some("") => files(),
        Some(inside) if inside.starts_with('/') => {
            Route::Entry(name, percent_decode_str(&inside[1..]).collect())
        }
        _ if rest.is_empty() => files(),
        _ => decoded(path).map_or(Route::Nothing, Route::Name),
    }
}

/// The path of a URL as one name.
pub(super) fn whole(path: &str) -> Option<String> {
    let path = path.strip_prefix('/').unwrap_or(path);
    percent_decode_str(path).decode_utf8().ok().map(|name| name.into_owned())
}

/// The path of a request as a redirect may name it: a second slash at its beginning would name another host, and so would a
/// backslash.
pub(super) fn own_path(path: &str) -> String {
    format!("/{}", path.trim_start_matches('/').replace('\\', "%5C"))
}

/// A name, or one part of a path, as it is written in URLs.
pub(super) fn escape(name: &[u8]) -> String {
    percent_encode(name, SPECIAL).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let entry = |name: &str, path: &[u8]| Route::Entry(name.to_owned(), path.to_vec());
        let name = |name: &str| Route::Name(name.to_owned());
        for (path, expected) in [
            ("/", Route::Home),
            ("/packs.json", Route::Packs),
            ("/a.pack", name("a.pack")),
            ("/a%20b.pack", name("a b.pack")),
            ("/assets/x.js", name("assets/x.js")),
            ("/a.pack/", Route::Redirect("/a.pack/files/".to_owned())),
            ("/a.pack/files", Route::Redirect("/a.pack/files/".to_owned())),
            ("/\\evil/", Route::Redirect("/%5Cevil/files/".to_owned())),
            ("//", Route::Nothing),
            ("//evil/", Route::Nothing),
            ("/a.pack/files/", entry("a.pack", b"")),
            ("/a.pack/files/d/", entry("a.pack", b"d/")),
            ("/a.pack/files/d/%ff%25", entry("a.pack", b"d/\xff%")),
            ("/a.pack/filesx", name("a.pack/filesx")),
            ("/%ff", Route::Nothing),
        ] {
            assert_eq!(route(path), expected, "{path}");
        }
    }

    #[test]
    fn redirects_stay_here() {
        for (path, own) in [
            ("/a/files/b", "/a/files/b"),
            ("//evil.example/", "/evil.example/"),
            ("/\\evil.example/", "/%5Cevil.example/"),
            ("//\\/evil.example", "/%5C/evil.example"),
            ("\\\\evil", "/%5C%5Cevil"),
        ] {
            assert_eq!(own_path(path), own);
        }
    }

    #[test]
    fn names_are_escaped() {
        assert_eq!(escape("a b/\u{e4}?#%".as_bytes()), "a%20b%2F%C3%A4%3F%23%25");
        let path = format!("/p/files/{}", escape(b"\xff<"));
        assert_eq!(route(&path), Route::Entry("p".to_owned(), b"\xff<".to_vec()));
    }
}
