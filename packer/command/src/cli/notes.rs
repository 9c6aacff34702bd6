//! What is strange about an old container, in words.

use crate::format::{Size, count};
use rangepack::{Notes, Pack};

/// What is strange about an old container.
pub(super) fn of(pack: &Pack) -> Vec<String> {
    in_words(pack.notes())
}

/// The same, of notes that are at hand.
pub(super) fn in_words(notes: &Notes) -> Vec<String> {
    let mut lines = Vec::new();
    if notes.bad_lines > 0 {
        let mut text = format!("{} of the index cannot be read", count(notes.bad_lines, "line"));
        if let Some(bad) = notes.bad.first() {
            text.push_str(&format!("; the first is line {}, at byte {}", bad.number, bad.offset));
        }
        lines.push(text);
    }
    if !notes.refused.is_empty() {
        let names = count(notes.refused.len() as u64, "entry");
        lines.push(format!(
            "{names} that no pack may hold, or that a later one replaced, not shown"
        ));
    }
    if notes.trailing > 0 {
        let bytes = Size(notes.trailing);
        lines.push(format!(
            "{bytes} behind the trailer: a paged index that was cut short or changed?"
        ));
    }
    if notes.misfit {
        let text = "the last payload that is named does not end where the trailer begins: is that the index of a \
                    container that was packed as a file into this one, whose own index is lost?";
        lines.push(text.to_owned());
    }
    if let Some(unfinished) = notes.unfinished {
        let mut text = "not finalized: its index lies beside it".to_owned();
        if unfinished.is_half_made() {
            text.push_str("; a run was interrupted, or goes on, and more may be missing");
        }
        if unfinished.unnamed > 0 {
            text.push_str(&format!("; nothing names its last {}", Size(unfinished.unnamed)));
        }
        lines.push(text);
    }
    if notes.lost_names > 0 {
        lines.push(format!("{} cut off when it was made", count(notes.lost_names, "name")));
    }
    lines
}
