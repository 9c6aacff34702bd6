//! Names that mean the same file on every system.

use super::is_name;

/// Why a name is not one everywhere: Windows cannot hold a file of this name, or takes it for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum NameProblem {
    /// It is not one component of a path anywhere.
    #[error("it is no name of a file")]
    NoName,
    /// It is not UTF-8.
    #[error("its name is not Unicode")]
    NotUnicode,
    /// It holds a character that parts paths, names drives and streams, or stands for others.
    #[error("its name has one of \\ : * ? \" < > |")]
    Character,
    /// It holds a control character.
    #[error("its name has a control character")]
    Control,
    /// Windows leaves these out.
    #[error("its name ends in a space or a dot")]
    End,
    /// `CON`, `NUL`, `COM1` and the like, with any extension.
    #[error("its name is that of a device")]
    Device,
}

/// What keeps `name` from meaning a file of one directory on every system; `None` when nothing does.
///
/// ```
/// use rangepack_core::{NameProblem, name_problem};
/// assert_eq!(name_problem(b"notes.txt"), None);
/// assert_eq!(name_problem(br"..\..\notes.txt"), Some(NameProblem::Character));
/// assert_eq!(name_problem(b"nul.txt"), Some(NameProblem::Device));
/// ```
pub fn name_problem(name: &[u8]) -> Option<NameProblem> {
    if !is_name(name) {
        return Some(NameProblem::NoName);
    }
    if name.iter().any(|byte| b"\\:*?\"<>|".contains(byte)) {
        return Some(NameProblem::Character);
    }
    if name.iter().any(|byte| *byte < b' ') {
        return Some(NameProblem::Control);
    }
    if matches!(name.last(), Some(b' ' | b'.')) {
        return Some(NameProblem::End);
    }
    let Ok(text) = core::str::from_utf8(name) else { return Some(NameProblem::NotUnicode) };
    is_device(text).then_some(NameProblem::Device)
}

/// A device stays one with any extension, and with spaces before it.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end();
    let is = |device: &str| stem.eq_ignore_ascii_case(device);
    let is_numbered = |device: &str| {
        stem.split_at_checked(device.len()).is_some_and(|(begin, number)| {
            let mut characters = number.chars();
            begin.eq_ignore_ascii_case(device)
                && matches!(characters.next(), Some('0'..='9' | '¹' | '²' | '³'))
                && characters.next().is_none()
        })
    };
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].into_iter().any(is)
        || is_numbered("COM")
        || is_numbered("LPT")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_everywhere() {
        let bad = [
            ("..", NameProblem::NoName),
            ("a\0", NameProblem::NoName),
            ("a\\b", NameProblem::Character),
            ("c:", NameProblem::Character),
            ("file:stream", NameProblem::Character),
            ("\\\\host\\share\\x", NameProblem::Character),
            ("a*", NameProblem::Character),
            ("a\nb", NameProblem::Control),
            ("dot.", NameProblem::End),
            ("space ", NameProblem::End),
            (". .", NameProblem::End),
            ("con", NameProblem::Device),
            ("NUL.txt", NameProblem::Device),
            ("com1", NameProblem::Device),
            ("LPT9.tar.gz", NameProblem::Device),
            ("aux .c", NameProblem::Device),
            ("COM²", NameProblem::Device),
            ("conIN$", NameProblem::Device),
        ];
        for (name, problem) in bad {
            assert_eq!(name_problem(name.as_bytes()), Some(problem), "{name:?}");
        }
        assert_eq!(name_problem(b"\xff"), Some(NameProblem::NotUnicode));
        for name in ["a.b", "console", "com", "com10", " a", ".hidden", "é", "nul_", "a b", "cöm1"]
        {
            assert_eq!(name_problem(name.as_bytes()), None, "{name:?}");
        }
    }
}
