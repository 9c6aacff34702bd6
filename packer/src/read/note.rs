//! Notes in a journal: what was under way when they were written (docs/old-formats.md, "Journal").
//!
//! A crash leaves bytes behind the last payload that a line names. They may be cut off only if they can be
//! what was being written then, and that is announced beforehand, durably.

use rangepack_core::ndjson::NOTE;

/// One note. It is the last line of everything that is appended at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Note {
    /// The container's bytes below this offset may be those of payloads, or of an index, that are being written;
    /// 0 when nothing is.
    pub(crate) until: u64,
    /// Where in the journal what was appended together with this note begins: all before that is durable.
    pub(crate) since: u64,
}

/// What a line is that is not an entry.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Noted {
    Note(Note),
    /// Somebody else's remark.
    Remark,
    /// No note, or a damaged one.
    Nothing,
}

impl Note {
    /// What each of them begins with.
    pub(crate) const BEGINNING: &str = "# until ";

    /// Appends the line, with a newline.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let text = format!("{}{} since {}", Note::BEGINNING, self.until, self.since);
        let sum = crc32fast::hash(text.as_bytes());
        out.extend_from_slice(format!("{text} crc32 {sum:08x}\n").as_bytes());
    }

    /// What this line is, which has no newline any more.
    pub(crate) fn find(line: &[u8]) -> Noted {
        if !line.starts_with(Note::BEGINNING.as_bytes()) {
            return if line.starts_with(NOTE) { Noted::Remark } else { Noted::Nothing };
        }
        std::str::from_utf8(line).ok().and_then(Note::parse).map_or(Noted::Nothing, Noted::Note)
    }

    fn parse(line: &str) -> Option<Note> {
        let (text, sum) = line.rsplit_once(" crc32 ")?;
        if u32::from_str_radix(sum, 16).ok()? != crc32fast::hash(text.as_bytes()) {
            return None;
        }
        let (until, since) = text.strip_prefix(Note::BEGINNING)?.split_once(" since ")?;
        Some(Note { until: until.parse().ok()?, since: since.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_read_back_and_changes_seen() {
        let note = Note { until: u64::MAX, since: 7 };
        let mut line = Vec::new();
        note.write(&mut line);
        assert_eq!(line.pop(), Some(b'\n'));
        assert_eq!(Note::find(&line), Noted::Note(note));
        for bit in 0..line.len() * 8 {
            let mut changed = line.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let found = Note::find(&changed);
            // Digits of a check may be of either case.
            assert!(found == Noted::Note(note) || !matches!(found, Noted::Note(_)), "bit {bit}");
        }
        assert_eq!(Note::find(b"# mine"), Noted::Remark);
        assert_eq!(Note::find(b"{}"), Noted::Nothing);
    }
}
