//! A server of byte ranges of one file that takes its time and keeps count.

use anyhow::Result;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

/// Its threads end with the process.
pub(crate) struct Server {
    pub(crate) url: String,
    counted: Arc<Counted>,
}

#[derive(Default)]
struct Counted {
    requests: AtomicU64,
    bytes: AtomicU64,
}

impl Server {
    /// Serves `file` at a free port of this machine; every answer takes `late`.
    pub(crate) fn start(file: &Path, late: Duration) -> Result<Server> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}/served.pack", listener.local_addr()?);
        let counted = Arc::new(Counted::default());
        let (shared, file) = (Arc::clone(&counted), file.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (counted, file) = (Arc::clone(&shared), file.clone());
                thread::spawn(move || connection(&stream, &file, late, &counted));
            }
        });
        Ok(Server { url, counted })
    }

    /// Requests, and bytes of content, since this was asked last.
    pub(crate) fn taken(&self) -> (u64, u64) {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        (take(&self.counted.requests), take(&self.counted.bytes))
    }
}

fn connection(stream: &TcpStream, path: &PathBuf, late: Duration, counted: &Counted) {
    // Who goes away ends it.
    let _ = stream.set_nodelay(true);
    let Ok(mut file) = File::open(path) else { return };
    let mut lines = BufReader::new(stream);
    while answer(&mut lines, stream, &mut file, late, counted).is_some() {}
}

fn answer(
    lines: &mut impl BufRead,
    mut out: &TcpStream,
    file: &mut File,
    late: Duration,
    counted: &Counted,
) -> Option<()> {
    let length = file.metadata().ok()?.len();
    let mut range = None;
    loop {
        let mut line = String::new();
        if lines.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("range") => {
                range = Some(bounds(value, length)?);
            }
            _ if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    counted.requests.fetch_add(1, Ordering::Relaxed);
    thread::sleep(late);
    let (status, start, end) = match range {
        Some((start, end)) => ("206 Partial Content", start, end),
        None => ("200 OK", 0, length),
    };
    let told = match range {
        Some(_) => format!("Content-Range: bytes {start}-{}/{length}\r\n", end - 1),
        None => String::new(),
    };
    let long = end - start;
    let head = format!(
        "HTTP/1.1 {status}\r\nETag: \"{length}\"\r\nAccept-Ranges: bytes\r\nContent-Length: {long}\r\n{told}\r\n"
    );
    out.write_all(head.as_bytes()).ok()?;
    file.seek(SeekFrom::Start(start)).ok()?;
    let sent = std::io::copy(&mut file.take(long), &mut out).ok()?;
    counted.bytes.fetch_add(sent, Ordering::Relaxed);
    (sent == long).then_some(())
}

/// First byte, and that behind the last.
fn bounds(range: &str, length: u64) -> Option<(u64, u64)> {
    let (first, last) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) => (first, length.min(last + 1)),
        (Ok(first), Err(_)) => (first, length),
        (Err(_), Ok(last)) => (length.saturating_sub(last), length),
        _ => return None,
    };
    (start < end).then_some((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_http() {
        assert_eq!(bounds("bytes=0-9", 100), Some((0, 10)));
        assert_eq!(bounds("bytes=90-", 100), Some((90, 100)));
        assert_eq!(bounds("bytes=-30", 100), Some((70, 100)));
        assert_eq!(bounds("bytes=90-200", 100), Some((90, 100)));
        assert_eq!(bounds("bytes=100-200", 100), None);
        assert_eq!(bounds("lines=1-2", 100), None);
    }

    #[test]
    fn what_is_sent_is_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "0123456789").unwrap();
        let server = Server::start(&path, Duration::ZERO).unwrap();
        let address = server.url.strip_prefix("http://").unwrap().split('/').next().unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nRange: bytes=-3\r\n\r\n").unwrap();
        let mut answer = [0; 512];
        let mut said = String::new();
        while !said.ends_with("789") {
            let read = stream.read(&mut answer).unwrap();
            said.push_str(std::str::from_utf8(&answer[..read]).unwrap());
        }
        assert!(said.contains("Content-Range: bytes 7-9/10\r\n"), "{said}");
        // The last count is made when everything is sent.
        let (mut requests, mut bytes) = server.taken();
        while bytes == 0 {
            let (more, longer) = server.taken();
            (requests, bytes) = (requests + more, bytes + longer);
        }
        assert_eq!((requests, bytes), (1, 3));
    }
}
