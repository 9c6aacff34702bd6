//! A small HTTP server that sends ranges of files, counts what it sends, and misbehaves if asked to.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// As a server should.
    Normal,
    /// Sends whole files only.
    NoRanges,
    /// Refuses ranges that count from the end.
    NoSuffix,
    /// Every second answer stops in the middle of its body.
    Short,
    /// Every second request is told to come again.
    Busy,
    /// The first request is answered, the others hear nothing.
    Stalls,
    /// The file is another one after so many requests.
    Replaced(u64),
    /// After so many requests every answer has another first byte, and nothing tells.
    Forges(u64),
    /// Every answer has this status.
    Status(u16),
    /// Claims another range than it sends.
    Lies,
    /// Sends body after body a byte at a time.
    Drips,
    /// The bodies of so many requests behind the first one are damaged.
    Damages(u64),
    /// Sends everybody to the server at this port.
    Redirects(u16),
}

/// A file by its path, with the query that must come with it.
type Files = BTreeMap<String, Arc<Vec<u8>>>;

struct State {
    manner: Mutex<Manner>,
    files: Mutex<Files>,
    requests: AtomicU64,
    bytes: AtomicU64,
    log: Mutex<Vec<String>>,
}

/// A server on a free port of this machine; its threads end with the process.
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Server {
    /// Starts it.
    pub fn start(manner: Manner) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::new(State {
            manner: Mutex::new(manner),
            files: Mutex::default(),
            requests: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            log: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Server { address, state }
    }

    /// Puts a file at `/name` (which may have a query), and returns its URL.
    pub fn put(&self, name: &str, content: Vec<u8>) -> String {
        lock(&self.state.files).insert(format!("/{name}"), Arc::new(content));
        format!("http://{}/{name}", self.address)
    }

    /// The port that it listens at.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Where a file would be.
    pub fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// Behaves in another way from now on.
    pub fn behave(&self, manner: Manner) {
        *lock(&self.state.manner) = manner;
    }

    /// Requests and bytes of content since this was asked last.
    pub fn taken(&self) -> (u64, u64) {
        let take = |counter: &AtomicU64| counter.swap(0, Ordering::Relaxed);
        lock(&self.state.log).clear();
        (take(&self.state.requests), take(&self.state.bytes))
    }

    /// The ranges asked for since then.
    pub fn log(&self) -> Vec<String> {
        lock(&self.state.log).clone()
    }
}

fn serve(stream: TcpStream, state: &State) {
    // Head and body are written one after the other; the second must not wait for the first.
    let _ = stream.set_nodelay(true);
    let Ok(mut out) = stream.try_clone() else { return };
    let mut lines = BufReader::new(stream);
    // The client closes the connection when it has had enough.
    while answer(&mut lines, &mut out, state).is_some() {}
}

/// One request; `None` ends the connection.
fn answer(lines: &mut impl BufRead, out: &mut TcpStream, state: &State) -> Option<()> {
    let mut first = String::new();
    lines.read_line(&mut first).ok()?;
    let path = first.split(' ').nth(1)?.to_owned();
    let (mut range, mut if_match) = (None, None);
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "range" => range = Some(value.trim().to_owned()),
            "referer" => lock(&state.log).push(format!("referer {}", value.trim())),
            "if-match" => if_match = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let number = state.requests.fetch_add(1, Ordering::Relaxed);
    let asked = range.clone().unwrap_or_default();
    lock(&state.log).push(format!("{path} {asked}"));
    let manner = *lock(&state.manner);
    let file = lock(&state.files).get(&path).cloned();
    let status = |out: &mut TcpStream, status: &str| {
        let head = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        out.write_all(head.as_bytes()).ok()
    };
    match manner {
        Manner::Status(code) => return status(out, &format!("{code} As Told")),
        Manner::Redirects(port) => {
            let head = format!(
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{port}/there\r\nContent-Length: 0\r\n\r\n"
            );
            return out.write_all(head.as_bytes()).ok();
        }
        Manner::Busy if number.is_multiple_of(2) => return status(out, "429 Too Many Requests"),
        Manner::Stalls if number > 0 => {
            // Longer than any test waits; ends with the client's connection.
            let _ = out.set_read_timeout(Some(Duration::from_secs(60)));
            let _ = lines.read(&mut [0]);
            return None;
        }
        _ => {}
    }
    let Some(file) = file else { return status(out, "404 Not Found") };
    let etag = match manner {
        Manner::Replaced(after) if number >= after => "\"new\"",
        _ => "\"old\"",
    };
    if if_match.is_some_and(|wanted| wanted != etag) {
        return status(out, "412 Precondition Failed");
    }
    let len = file.len();
    let range = range.filter(|_| manner != Manner::NoRanges);
    let Some(range) = range else {
        let head = format!("HTTP/1.1 200 OK\r\nETag: {etag}\r\nContent-Length: {len}\r\n\r\n");
        out.write_all(head.as_bytes()).ok()?;
        return out.write_all(&file).ok();
    };
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (start, end) = match (from.parse::<usize>(), to.parse::<usize>()) {
        (Ok(from), Ok(to)) => (from, len.min(to + 1)),
        (Err(_), Ok(_)) if manner == Manner::NoSuffix => {
            return status(out, "416 Range Not Satisfiable");
        }
        (Err(_), Ok(last)) => (len.saturating_sub(last), len),
        _ => return status(out, "400 Bad Request"),
    };
    if start >= end {
        let head = format!(
            "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Range: bytes */{len}\r\n\
             Content-Length: 0\r\n\r\n"
        );
        return out.write_all(head.as_bytes()).ok();
    }
    let told = if manner == Manner::Lies { start.saturating_sub(1) } else { start };
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nETag: {etag}\r\nContent-Range: bytes {told}-{}/{len}\r\n\
         Content-Length: {}\r\n\r\n",
        end - 1,
        end - start
    );
    out.write_all(head.as_bytes()).ok()?;
    let body = &file[start..end];
    let short = manner == Manner::Short && number.is_multiple_of(2);
    let body = if short { &body[..body.len() / 2] } else { body };
    let mut forged = body.to_vec();
    if let (Manner::Forges(after), Some(first)) = (manner, forged.first_mut())
        && number >= after
    {
        *first ^= 1;
    }
    let body = &forged;
    state.bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
    match manner {
        Manner::Drips => {
            for byte in body {
                out.write_all(&[*byte]).ok()?;
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        Manner::Damages(most) if (1..=most).contains(&number) => {
            let mut body = body.to_vec();
            let middle = body.len() / 2;
            body[middle] ^= 1;
            out.write_all(&body).ok()?;
        }
        _ => out.write_all(body).ok()?,
    }
    (!short).then_some(())
}
