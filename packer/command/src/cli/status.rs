//! Status files: how far a run has come, for other programs to read.

use super::Result;
use super::exit::Failure;
use super::progress::Steps;
use crate::format::{now, rate};
use rangepack::replace_file;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often the file is written at most.
const INTERVAL: Duration = Duration::from_secs(1);

/// The options.
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// Keep a file up to date that says how far the run has come
    #[arg(long, value_name = "FILE")]
    pub(super) status_file: Option<PathBuf>,
    /// How the status file is written
    #[arg(long, value_name = "FORMAT", default_value = "kv")]
    pub(super) status_format: StatusFormat,
}

impl StatusArgs {
    /// The file, if one is wanted; `bytes_key` is what the bytes done are called in it.
    pub(super) fn file(&self, bytes_key: &'static str) -> Option<StatusFile> {
        let path = self.status_file.as_deref()?;
        Some(StatusFile::new(path, self.status_format, bytes_key))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum StatusFormat {
    /// Lines of `key=value`
    Kv,
    /// One JSON object
    Json,
}

/// What a run is at, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Running,
    Finished,
    Interrupted,
    /// Not everything was done that was to be done.
    Failed,
}

impl State {
    /// How a run ended that came back with this.
    pub(super) fn of<T>(result: &rangepack::Result<T>) -> State {
        match result {
            Ok(_) => State::Finished,
            Err(error) if error.is_cancelled() => State::Interrupted,
            Err(_) => State::Failed,
        }
    }

    fn name(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Finished => "finished",
            State::Interrupted => "interrupted",
            State::Failed => "failed",
        }
    }
}

/// A status file. It is replaced as a whole, so nobody reads half of one.
#[derive(Debug)]
pub(super) struct StatusFile {
    path: PathBuf,
    format: StatusFormat,
    bytes_key: &'static str,
    start_time: String,
    started: Instant,
    written: Option<Instant>,
}

impl StatusFile {
    fn new(path: &Path, format: StatusFormat, bytes_key: &'static str) -> StatusFile {
        let (start_time, started) = (now(), Instant::now());
        StatusFile { path: path.to_owned(), format, bytes_key, start_time, started, written: None }
    }

    /// Writes it if a second has gone by since the last time.
    pub(super) fn update(&mut self, steps: &Steps, current: Option<(&[u8], u64)>) -> Result<()> {
        if self.written.is_some_and(|written| written.elapsed() < INTERVAL) {
            return Ok(());
        }
        self.write(steps, current, State::Running)
    }

    /// Writes it for the last time.
    pub(super) fn finish(&mut self, steps: &Steps, state: State) -> Result<()> {
        self.write(steps, None, state)
    }

    fn write(&mut self, steps: &Steps, current: Option<(&[u8], u64)>, state: State) -> Result<()> {
        if self.written.is_none() {
            refuse_to_replace(&self.path)?;
        }
        let fields = self.fields(steps, current, state, self.started.elapsed());
        let text = match self.format {
            StatusFormat::Kv => to_lines(&fields),
            StatusFormat::Json => to_json(&fields),
        };
        replace_file(&self.path, text.as_bytes())?;
        self.written = Some(Instant::now());
        Ok(())
    }

    fn fields(
        &self,
        steps: &Steps,
        current: Option<(&[u8], u64)>,
        state: State,
        elapsed: Duration,
    ) -> Vec<(&'static str, Value)> {
        let left = match state {
            State::Running => steps.time_left(elapsed).map(|left| left.as_secs()),
            State::Finished => Some(0),
            State::Interrupted | State::Failed => None,
        };
        let name = current.map(|(name, _)| String::from_utf8_lossy(name).into_owned());
        let mut fields = vec![
            ("start_time", Value::Text(self.start_time.clone())),
            ("total_files", steps.total_files.into()),
            ("total_bytes", steps.total_bytes.into()),
            ("processed_files", Value::Number(steps.files)),
            (self.bytes_key, Value::Number(steps.bytes)),
            ("current_file", Value::Text(name.unwrap_or_default())),
            ("current_file_bytes", current.map(|(_, size)| size).into()),
            ("speed_bps", Value::Number(rate(steps.bytes, elapsed))),
            ("eta_seconds", left.into()),
            ("status", Value::Text(state.name().to_owned())),
        ];
        if state != State::Running {
            fields.push(("finished_time", Value::Text(now())));
        }
        fields
    }
}

/// Whatever else lies there, an index or somebody's thesis, is not replaced.
fn refuse_to_replace(path: &Path) -> Result<()> {
    // To open a pipe is to wait for a writer.
    if !path.is_file() {
        return Ok(());
    }
    let mut beginning = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| {
        std::io::Read::read_to_end(&mut std::io::Read::take(file, 64), &mut beginning).map(|_| ())
    });
    let is_status =
        beginning.starts_with(b"start_time=") || beginning.starts_with(b"{\"start_time\":");
    match read {
        // Writing will tell what cannot be read.
        Err(_) => Ok(()),
        Ok(()) if beginning.is_empty() || is_status => Ok(()),
        Ok(()) => Err(Failure::Usage {
            problem: format!("{} is there, and is no status file", path.display()),
            hint: "give the status file another name",
        }),
    }
}

/// A value; what is not known is an empty text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Number(u64),
}

impl From<Option<u64>> for Value {
    fn from(number: Option<u64>) -> Value {
        number.map_or_else(|| Value::Text(String::new()), Value::Number)
    }
}

fn to_lines(fields: &[(&str, Value)]) -> String {
    let line = |(key, value): &(&str, Value)| match value {
        // A name may hold what ends a line.
        Value::Text(text) => format!("{key}={}\n", super::console::printable(text)),
        Value::Number(number) => format!("{key}={number}\n"),
    };
    fields.iter().map(line).collect()
}

fn to_json(fields: &[(&str, Value)]) -> String {
    struct Map<'a>(&'a [(&'a str, Value)]);
    impl Serialize for Map<'_> {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
        }
    }
    use std::result::Result;
    // Texts and numbers can always be written.
    let mut text = serde_json::to_string(&Map(fields)).unwrap_or_default();
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn file(directory: &Path, format: StatusFormat) -> StatusFile {
        StatusFile::new(&directory.join("status"), format, "bytes_written")
    }

    #[test]
    fn lines_hold_every_key_and_end_where_they_should() {
        let directory = tempfile::tempdir().unwrap();
        let mut status = file(directory.path(), StatusFormat::Kv);
        let steps = Steps { files: 3, bytes: 7, ..Steps::default() };
        status.update(&steps, Some((b"a\nstatus=finished", 5))).unwrap();
        let text = fs::read_to_string(directory.path().join("status")).unwrap();
        let keys: Vec<_> = text.lines().map(|line| line.split('=').next().unwrap()).collect();
        let expected = "start_time total_files total_bytes processed_files bytes_written \
                        current_file current_file_bytes speed_bps eta_seconds status";
        assert_eq!(keys.join(" "), expected);
        assert!(text.contains("\ntotal_files=\n"));
        assert!(text.contains("\nprocessed_files=3\nbytes_written=7\n"));
        assert!(text.contains("\ncurrent_file=a\\nstatus=finished\ncurrent_file_bytes=5\n"));
        assert!(text.ends_with("\nstatus=running\n"));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn json_and_the_end() {
        let directory = tempfile::tempdir().unwrap();
        let mut status = file(directory.path(), StatusFormat::Json);
        let steps = Steps { files: 3, bytes: 7, total_files: Some(3), total_bytes: None };
        status.update(&steps, None).unwrap();
        // Within the same second, which may not be over meanwhile, the file is left alone; but its end is
        // always written.
        status.written = Some(Instant::now() + Duration::from_secs(3600));
        status.update(&Steps { files: 99, ..steps }, None).unwrap();
        let read = || {
            let text = fs::read_to_string(directory.path().join("status")).unwrap();
            serde_json::from_str::<serde_json::Value>(&text).unwrap()
        };
        assert_eq!(read()["processed_files"], 3);
        assert_eq!(read()["total_bytes"], "");
        assert_eq!(read()["finished_time"], serde_json::Value::Null);
        status.finish(&steps, State::Interrupted).unwrap();
        assert_eq!(read()["status"], "interrupted");
        assert_eq!(read()["total_files"], 3);
        assert!(read()["finished_time"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn what_cannot_be_written_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let mut status = file(&directory.path().join("missing"), StatusFormat::Kv);
        assert!(status.update(&Steps::default(), None).is_err());
    }
}
