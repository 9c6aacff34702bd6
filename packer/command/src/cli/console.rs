//! What is said on the terminal, in which colours, and how names are shown there.

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use rangepack::Location;
use rangepack_core::{Escaped, is_deceptive};
use std::borrow::Cow;
use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::path::Path;

/// When something is done that only a terminal is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum When {
    /// On a terminal
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// The options of every command.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Global {
    /// Print warnings and errors only: no progress, no summary
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// When to use colours [auto: on a terminal, unless NO_COLOR is set]
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true
    )]
    pub(super) color: When,
}

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default();

impl Global {
    fn colors(&self, stream: &impl anstream::stream::RawStream) -> bool {
        match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto => AutoStream::choice(stream) != ColorChoice::Never,
        }
    }

    /// Says what went wrong, and what can be done about it.
    pub(super) fn error(&self, problem: &str, hint: Option<&str>) {
        self.say(ERROR, "rangepack: error:", problem);
        if let Some(hint) = hint {
            self.say(HINT, "hint:", hint);
        }
    }

    /// Says what is strange about one file.
    pub(super) fn warning(&self, path: &Path, problem: &str) {
        let path = Escaped(path.as_os_str().as_encoded_bytes());
        self.say(WARNING, "warning:", &format!("{path}: {problem}"));
    }

    /// The same of a pack.
    pub(super) fn warning_of(&self, pack: &Location, problem: &str) {
        self.say(WARNING, "warning:", &format!("{}: {problem}", Escaped(&pack.shown_bytes())));
    }

    /// Says what should be known, and what can be done about it.
    pub(super) fn caution(&self, problem: &str, hint: &str) {
        self.say(WARNING, "warning:", problem);
        self.say(HINT, "hint:", hint);
    }

    fn say(&self, style: Style, label: &str, text: &str) {
        let mut line = String::new();
        if self.colors(&io::stderr()) {
            line.push_str(&format!("{style}{label}{style:#} "));
        } else {
            line.push_str(label);
            line.push(' ');
        }
        line.push_str(&printable(text));
        put(&line);
    }

    /// Standard output, buffered.
    pub(super) fn stdout(&self) -> Out {
        let stdout = io::stdout();
        let (escape, color) = (stdout.is_terminal(), self.colors(&stdout));
        Out { out: BufWriter::with_capacity(64 << 10, stdout), escape, color }
    }
}

/// Writes a line to standard error, which may tell of names that somebody else chose.
pub(super) fn note(line: &str) {
    put(&printable(line));
}

/// When standard error is gone there is nobody left to tell.
fn put(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// A name of raw bytes, to be shown like a path on disk.
pub(super) fn os_path(name: &[u8]) -> Cow<'_, Path> {
    #[cfg(unix)]
    return Cow::Borrowed(Path::new(
        <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name),
    ));
    #[cfg(not(unix))]
    return Cow::Owned(String::from_utf8_lossy(name).into_owned().into());
}

/// Text in which control characters are spelt out, those of bidirectional writing included.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_deceptive) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_deceptive(character) {
            safe.extend(character.escape_default());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// How names of a kind are coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// Not at all: files.
    Plain,
    /// A directory's name.
    Directory,
    /// A symbolic link's name.
    Symlink,
    /// What is beside the name.
    Dim,
}

impl Paint {
    fn style(self) -> Style {
        match self {
            Paint::Plain => Style::new(),
            Paint::Directory => AnsiColor::Blue.on_default().bold(),
            Paint::Symlink => AnsiColor::Cyan.on_default(),
            Paint::Dim => Style::new().dimmed(),
        }
    }
}

/// Standard output, which must be flushed at the end.
#[derive(Debug)]
pub(super) struct Out {
    out: BufWriter<Stdout>,
    /// It is a terminal, which names must not take control of.
    pub(super) escape: bool,
    color: bool,
}

impl Out {
    /// Writes a name: as it is, or so that a terminal can show it.
    #[inline]
    pub(super) fn name(&mut self, parts: &[&[u8]], paint: Paint) -> io::Result<()> {
        let style = if self.color { paint.style() } else { Style::new() };
        let is_plain = style == Style::new();
        if !is_plain {
            write!(self.out, "{style}")?;
        }
        if self.escape {
            // Parts may be cut in the middle of a character.
            write!(self.out, "{}", Escaped(&parts.concat()))?;
        } else {
            parts.iter().try_for_each(|part| self.out.write_all(part))?;
        }
        if !is_plain {
            write!(self.out, "{style:#}")?;
        }
        Ok(())
    }

    /// Writes a value as JSON and ends the line.
    pub(super) fn json(&mut self, value: &impl serde::Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut *self, value)?;
        self.write_all(b"\n")
    }
}

impl Write for Out {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    #[inline]
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_cannot_take_control_of_a_terminal() {
        assert_eq!(printable("a\x1b[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
        assert!(matches!(printable("é \\ fine"), Cow::Borrowed(_)));
    }
}
