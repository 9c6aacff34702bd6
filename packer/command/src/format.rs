//! Numbers, sizes, times and modes as people read them.

use jiff::civil::DateTime;
use jiff::fmt::temporal::DateTimePrinter;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use rangepack_core::Kind;
use std::ffi::OsString;
use std::fmt;
use std::io::{IsTerminal, stderr, stdout};
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

/// Stands between thousands: a narrow space that no line is broken at.
const THIN_SPACE: char = '\u{202f}';

/// Whether thousands stand apart: where people read, in a locale that has the space. Programs read plain digits.
static APART: LazyLock<bool> = LazyLock::new(|| {
    stdout().is_terminal() && stderr().is_terminal() && knows_unicode(std::env::var_os)
});

/// Whether a locale is one of Unicode; that of the system where none is set.
fn knows_unicode(variable: impl Fn(&'static str) -> Option<OsString>) -> bool {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let Some(locale) = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set) else {
        return cfg!(not(unix));
    };
    let locale = locale.to_string_lossy().to_ascii_uppercase();
    locale.contains("UTF-8") || locale.contains("UTF8")
}

/// A number; with its thousands apart on a terminal: `1 234 567`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count(pub(crate) u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&if *APART { apart(self.0) } else { self.0.to_string() })
    }
}

fn apart(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(THIN_SPACE);
        }
        text.push(digit);
    }
    text
}

/// So many things: `1 file`, `2 files`, `2 directories`.
pub(crate) fn count(number: u64, thing: &str) -> String {
    things(&Count(number).to_string(), number, thing)
}

/// The same on a page, which people read wherever it was made.
#[cfg(feature = "serve")]
pub(crate) fn count_on_page(number: u64, thing: &str) -> String {
    things(&apart(number), number, thing)
}

fn things(count: &str, number: u64, thing: &str) -> String {
    match (number, thing.strip_suffix('y')) {
        (1, _) => format!("{count} {thing}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        _ => format!("{count} {thing}s"),
    }
}

/// Files, those of them that are links named apart: `3 files`, `3 files (1 link)`. In all outputs links are files,
/// as in the totals of directories.
pub(crate) fn files(files: u64, links: u64) -> String {
    let files = count(files, "file");
    if links == 0 { files } else { format!("{files} ({})", count(links, "link")) }
}

/// A number of bytes: `812 B`, `1.2 KiB`, `34 MiB`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size(pub(crate) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        let mut value = self.0 as f64;
        let mut unit = 0;
        // 1023.7 KiB would be rounded to 1024 KiB.
        while value >= 1023.5 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        let unit_name = UNITS[unit];
        if unit == 0 || value >= 99.95 {
            f.pad(&format!("{value:.0} {unit_name}"))
        } else {
            f.pad(&format!("{value:.1} {unit_name}"))
        }
    }
}

/// `part` of `whole` in percent: `66.7%`; nothing of nothing is all of it.
pub(crate) fn percent(part: u64, whole: u64) -> String {
    let share = if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
    format!("{:.1}%", share * 100.0)
}

/// How many a second.
pub(crate) fn rate(number: u64, time: Duration) -> u64 {
    let seconds = time.as_secs_f64();
    if seconds > 0.0 { (number as f64 / seconds) as u64 } else { 0 }
}

/// A time span: `12 ms`, `0.9 s`, `42 s`, `2 min 10 s`, `3 h 05 min`.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 if time.as_millis() < 100 => format!("{} ms", time.as_millis()),
        0..10 => format!("{:.1} s", time.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A moment in UTC, to the second: `2026-11-21T03:38:19Z`.
pub(crate) fn time(nanoseconds: i64) -> String {
    print_time(nanoseconds, Some(0))
}

/// A moment in UTC with as many digits as it needs: `2026-11-21T03:38:19.25Z`.
pub(crate) fn exact_time(nanoseconds: i64) -> String {
    print_time(nanoseconds, None)
}

fn print_time(nanoseconds: i64, precision: Option<u8>) -> String {
    // Every i64 is within the years 1677 to 2262.
    let moment = Timestamp::from_nanosecond(nanoseconds.into()).unwrap_or_default();
    DateTimePrinter::new().precision(precision).timestamp_to_string(&moment)
}

/// This moment in UTC, to the second.
pub(crate) fn now() -> String {
    moment(SystemTime::now())
}

/// A moment in UTC, to the second; of a clock that is wrong by thousands of years the nearest that can be written.
fn moment(time: SystemTime) -> String {
    let nearest = match time < SystemTime::UNIX_EPOCH {
        true => Timestamp::MIN,
        false => Timestamp::MAX,
    };
    let moment = Timestamp::try_from(time).unwrap_or(nearest);
    DateTimePrinter::new().precision(Some(0)).timestamp_to_string(&moment)
}

/// Reads a moment: a date or a time, of UTC where nothing else is said, or a time ago: `3 days`, `2h`.
pub(crate) fn moment_given(text: &str) -> Result<i64, String> {
    let utc = |time: DateTime| time.to_zoned(TimeZone::UTC).map(|time| time.timestamp());
    let ago = |span: Span| {
        let now = Timestamp::now().to_zoned(TimeZone::UTC);
        now.checked_sub(span.abs()).map(|time| time.timestamp())
    };
    let moment = text
        .parse::<Timestamp>()
        .or_else(|_| text.parse::<DateTime>().and_then(utc))
        .or_else(|_| text.parse::<Span>().and_then(ago))
        .map_err(|_| "a time is meant: 2024-06-30, 2024-06-30T12:00:00Z, or `3 days` ago")?;
    let nanoseconds = moment.as_nanosecond();
    Ok(i64::try_from(nanoseconds).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX }))
}

/// Kind and permissions as `ls` shows them: `drwxr-xr-x`; question marks when not known.
pub(crate) fn mode(kind: char, mode: Option<u32>) -> String {
    let Some(mode) = mode else { return format!("{kind}?????????") };
    let mut text = String::with_capacity(10);
    text.push(kind);
    for (shift, special, letter) in [(6, 0o4000, 's'), (3, 0o2000, 's'), (0, 0o1000, 't')] {
        let bits = mode >> shift;
        text.push(if bits & 4 != 0 { 'r' } else { '-' });
        text.push(if bits & 2 != 0 { 'w' } else { '-' });
        text.push(match (bits & 1 != 0, mode & special != 0) {
            (true, false) => 'x',
            (true, true) => letter,
            (false, true) => letter.to_ascii_uppercase(),
            (false, false) => '-',
        });
    }
    text
}

/// The name of a kind in JSON.
pub(crate) fn kind(kind: &Kind) -> &'static str {
    match kind {
        Kind::File(_) => "file",
        Kind::Directory(_) => "directory",
        Kind::Symlink(_) => "symlink",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands() {
        let text = |number| apart(number).replace(THIN_SPACE, " ");
        assert_eq!(text(0), "0");
        assert_eq!(text(999), "999");
        assert_eq!(text(1000), "1 000");
        assert_eq!(text(u64::MAX), "18 446 744 073 709 551 615");
        assert_eq!(format!("[{:>6}]", Count(12)), "[    12]");
    }

    #[test]
    fn locales() {
        let knows = |set: &[(&str, &str)]| {
            knows_unicode(|name| set.iter().find(|(is, _)| *is == name).map(|(_, to)| to.into()))
        };
        assert!(knows(&[("LANG", "en_US.UTF-8")]));
        assert!(knows(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
        assert!(!knows(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(!knows(&[("LANG", "POSIX")]));
    }

    #[test]
    fn plurals() {
        assert_eq!(count(1, "directory"), "1 directory");
        assert_eq!(count(0, "directory"), "0 directories");
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(2, "file"), "2 files");
        assert_eq!(files(3, 0), "3 files");
        assert_eq!(files(3, 1), "3 files (1 link)");
    }

    #[test]
    fn sizes() {
        let text = |size| Size(size).to_string();
        assert_eq!(text(0), "0 B");
        assert_eq!(text(1023), "1023 B");
        assert_eq!(text(1024), "1.0 KiB");
        assert_eq!(text(1280), "1.2 KiB");
        assert_eq!(text(100 << 10), "100 KiB");
        assert_eq!(text((1 << 20) - 1), "1.0 MiB");
        assert_eq!(text(u64::MAX), "16.0 EiB");
        assert_eq!(format!("[{:>8}]", Size(5)), "[     5 B]");
    }

    #[test]
    fn shares_and_rates() {
        assert_eq!(percent(2, 3), "66.7%");
        assert_eq!(percent(0, 0), "100.0%");
        assert_eq!(rate(100, Duration::from_millis(500)), 200);
        assert_eq!(rate(100, Duration::ZERO), 0);
    }

    #[test]
    fn durations() {
        let text = |seconds| duration(Duration::from_secs_f64(seconds));
        assert_eq!(text(0.0129), "12 ms");
        assert_eq!(text(0.94), "0.9 s");
        assert_eq!(text(42.9), "42 s");
        assert_eq!(text(130.0), "2 min 10 s");
        assert_eq!(text(11_100.0), "3 h 05 min");
    }

    #[test]
    fn times() {
        assert_eq!(time(0), "1970-01-01T00:00:00Z");
        assert_eq!(time(1_000_000_000_250_000_000), "2001-09-09T01:46:40Z");
        assert_eq!(exact_time(1_000_000_000_250_000_000), "2001-09-09T01:46:40.25Z");
        assert_eq!(time(-1_000_000_000), "1969-12-31T23:59:59Z");
        assert!(time(i64::MIN).starts_with("1677-"));
        assert!(time(i64::MAX).starts_with("2262-"));
        assert!(now().ends_with('Z'));
        let far = Duration::from_secs(9_000_000_000_000);
        assert_eq!(moment(SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00Z");
        for (time, year) in [
            (SystemTime::UNIX_EPOCH.checked_add(far), "9999-"),
            (SystemTime::UNIX_EPOCH.checked_sub(far), "-009999-"),
        ] {
            // Not every system has such times.
            assert!(time.is_none_or(|time| moment(time).starts_with(year)));
        }
    }

    #[test]
    fn moments_as_they_are_given() {
        let second = 1_000_000_000;
        assert_eq!(moment_given("1970-01-02"), Ok(86_400 * second));
        assert_eq!(moment_given("1970-01-01T00:00:01Z"), Ok(second));
        assert_eq!(moment_given("1970-01-01 01:00:00+01"), Ok(0));
        assert_eq!(moment_given("9999-01-01"), Ok(i64::MAX));
        let now = i64::try_from(Timestamp::now().as_nanosecond()).unwrap();
        for text in ["3 days", "3days", "3d", "3 days ago", "72h"] {
            let moment = moment_given(text).unwrap();
            let ago = 3 * 86_400 * second;
            assert!((now - ago..now).contains(&moment), "{text}");
        }
        for bad in ["", "yesterday", "3", "2024-13-01"] {
            assert!(moment_given(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn modes() {
        assert_eq!(mode('d', Some(0o755)), "drwxr-xr-x");
        assert_eq!(mode('-', Some(0o4640)), "-rwSr-----");
        assert_eq!(mode('-', Some(0o6755)), "-rwsr-sr-x");
        assert_eq!(mode('d', Some(0o1777)), "drwxrwxrwt");
        assert_eq!(mode('d', Some(0o1776)), "drwxrwxrwT");
        assert_eq!(mode('l', None), "l?????????");
    }
}
