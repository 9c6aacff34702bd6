//! Paths: what is accepted is safe, sorts as FORMAT.md says ("Keys"), and shows as plain text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rangepack_core::{Escaped, MAX_PATH, PackPath, is_name};
use std::path::{Component, Path};

// A path can hold no NUL, so one parts two paths to compare.
fuzz_target!(|bytes: &[u8]| {
    shows_as_plain_text(bytes);
    let mut parts = bytes.splitn(2, |byte| *byte == 0);
    let first = parts.next().and_then(accepted);
    let second = parts.next().and_then(accepted);
    if let (Some(first), Some(second)) = (first, second) {
        assert_eq!(first.cmp(&second), naive_key(&first).cmp(&naive_key(&second)));
        assert_eq!(second.cmp(&first), first.cmp(&second).reverse());
        let naively = first.as_bytes() == second.as_bytes()
            || first.as_bytes().starts_with(&[second.as_bytes(), b"/"].concat());
        assert_eq!(first.is_within(second), naively);
    }
});

fn accepted(bytes: &[u8]) -> Option<PackPath<'_>> {
    let path = PackPath::new(bytes).ok()?;
    assert_eq!(path.as_bytes(), bytes);
    assert!(bytes.len() <= MAX_PATH);
    assert!(is_name(path.name()));

    let parent = path.parent();
    assert!(path.is_within(parent) && path.is_within(PackPath::ROOT));
    assert_eq!(PackPath::directory(parent.as_bytes()), Ok(parent));
    if parent.is_root() {
        assert_eq!(path.name(), bytes);
    } else {
        assert_eq!([parent.as_bytes(), path.name()].join(&b'/'), bytes);
    }

    // Joined to a target directory, it stays inside.
    if let Ok(text) = std::str::from_utf8(bytes) {
        let safe = |component| matches!(component, Component::Normal(_));
        assert!(Path::new(text).components().all(safe));
    }
    Some(path)
}

/// The key in the plainest form whose own order is the pack's.
fn naive_key<'a>(path: &PackPath<'a>) -> (Vec<&'a [u8]>, &'a [u8]) {
    let parent = path.parent().as_bytes();
    let components = parent.split(|byte| *byte == b'/').filter(|name| !name.is_empty());
    (components.collect(), path.name())
}

fn shows_as_plain_text(bytes: &[u8]) {
    let shown = Escaped(bytes).to_string();
    assert!(!shown.chars().any(char::is_control));
    // Nothing is lost: plain text stays, everything else grows.
    assert!(shown.len() >= bytes.len());
    if bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'\\') {
        assert_eq!(shown.as_bytes(), bytes);
    }
}
