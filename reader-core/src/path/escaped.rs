//! Names as people may see them.

use core::fmt;

/// Shows bytes as text that is safe on a terminal: control characters, the backslash and bytes that
/// are not UTF-8 appear as `\n`, `\\`, `\xNN` or `\u{NN}`.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_structs, reason = "wraps what is shown")]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        if f.width().is_some() || f.precision().is_some() {
            return f.pad(&alloc::format!("{}", Escaped(self.0)));
        }
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if is_deceptive(character) || character == '\\' {
                    write!(f, "{}", character.escape_default())?;
                } else {
                    f.write_char(character)?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Whether a character does something to a terminal, or makes text look like another: controls, those of writing
/// from right to left included.
pub fn is_deceptive(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn escaped_for_a_terminal() {
        assert_eq!(Escaped(b"a\x1b[31m\n\xffz").to_string(), "a\\u{1b}[31m\\n\\xffz");
        assert_eq!(alloc::format!("{:<5}|{:.1}", Escaped(b"\n"), Escaped(b"ab")), "\\n   |a");
        assert_eq!(Escaped("é \u{202e}\\".as_bytes()).to_string(), "é \\u{202e}\\\\");
    }
}
