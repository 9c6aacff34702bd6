//! Packs in a store that speaks as Google's does: its XML interface, as far as the command asks for it.

use crate::servers::{packed, run};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What is in the store. Of a file whose name has `refused` in it the second part is refused; one with `later` is not there for who looks,
/// and there for who writes.
#[derive(Default)]
struct Store {
    objects: HashMap<String, Vec<u8>>,
    uploads: HashMap<String, BTreeMap<u32, Vec<u8>>>,
    /// The first lines of what was asked.
    asked: Vec<String>,
}

/// A request, and what was answered.
struct Asked {
    method: String,
    path: String,
    query: HashMap<String, String>,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

struct Answer(&'static str, Vec<String>, Vec<u8>);

fn plain(status: &'static str) -> Answer {
    Answer(status, Vec::new(), Vec::new())
}

fn xml(name: &str, text: &str) -> Answer {
    Answer("200 OK", Vec::new(), format!("<{name}>{text}</{name}>").into_bytes())
}

/// Headers of something with this content.
fn tag(content: &[u8]) -> String {
    format!("etag: \"{}\"", rangepack_core::Digest::of(content))
}

impl Asked {
    fn read(reader: &mut impl BufRead) -> Option<(String, Asked)> {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|len| *len > 0)?;
        let mut words = line.split(' ');
        let (method, target) = (words.next()?.to_owned(), words.next()?);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        let query = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (mut headers, mut header) = (HashMap::new(), String::new());
        while reader.read_line(&mut header).ok()? > 2 {
            let (name, value) = header.split_once(':')?;
            headers.insert(name.to_lowercase(), value.trim().to_owned());
            header.clear();
        }
        let len = headers.get("content-length").map_or(0, |len| len.parse().unwrap());
        let mut body = vec![0; len];
        reader.read_exact(&mut body).ok()?;
        let path = path.to_owned();
        Some((line, Asked { method, path, query, headers, body }))
    }
}

impl Store {
    fn answer(&mut self, asked: Asked) -> Answer {
        let Asked { method, path, query, headers, body } = asked;
        let upload = query.get("uploadId");
        match (&method[..], upload) {
            ("HEAD" | "GET", _) => match self.objects.get(&path) {
                Some(_) if method == "HEAD" && path.contains("later") => plain("404 Not Found"),
                None => plain("404 Not Found"),
                Some(content) => part(content, &headers),
            },
            ("POST", None) => {
                let id = self.uploads.len().to_string();
                self.uploads.insert(id.clone(), BTreeMap::new());
                xml("InitiateMultipartUploadResult", &format!("<UploadId>{id}</UploadId>"))
            }
            ("PUT", Some(id)) => {
                let number = query["partNumber"].parse().unwrap();
                if number == 2 && path.contains("refused") {
                    return plain("403 Forbidden");
                }
                // One that was under way when all of it was given up comes too late.
                let Some(parts) = self.uploads.get_mut(id) else { return plain("404 Not Found") };
                let answer = Answer("200 OK", vec![tag(&body)], Vec::new());
                parts.insert(number, body);
                answer
            }
            ("POST", Some(id)) => {
                let parts = self.uploads.remove(id).unwrap();
                let told = String::from_utf8(body).unwrap();
                assert_eq!(told.matches("<PartNumber>").count(), parts.len());
                let whole: Vec<u8> = parts.into_values().flatten().collect();
                self.objects.insert(path, whole);
                xml("CompleteMultipartUploadResult", "<ETag>whole</ETag>")
            }
            ("DELETE", Some(id)) => {
                self.uploads.remove(id);
                plain("204 No Content")
            }
            ("PUT", None) => {
                let only_new =
                    headers.get("x-goog-if-generation-match").is_some_and(|it| it == "0");
                if only_new && self.objects.contains_key(&path) {
                    return plain("412 Precondition Failed");
                }
                let answer = Answer("200 OK", vec![tag(&body)], Vec::new());
                self.objects.insert(path, body);
                answer
            }
            _ => plain("400 Bad Request"),
        }
    }
}

/// A range of a file, or all of it.
fn part(content: &[u8], headers: &HashMap<String, String>) -> Answer {
    let mut told = vec![tag(content), "last-modified: Thu, 01 Jan 2026 00:00:00 GMT".to_owned()];
    if headers.get("if-match").is_some_and(|wanted| !tag(content).ends_with(wanted)) {
        return plain("412 Precondition Failed");
    }
    let Some(range) = headers.get("range").and_then(|range| range.strip_prefix("bytes=")) else {
        return Answer("200 OK", told, content.to_vec());
    };
    let (start, end) = range.split_once('-').unwrap();
    let last = content.len() - 1;
    let (start, end) = match start.parse::<usize>() {
        Ok(start) => (start, end.parse::<usize>().unwrap_or(last).min(last)),
        Err(_) => (content.len().saturating_sub(end.parse().unwrap()), last),
    };
    told.push(format!("content-range: bytes {start}-{end}/{}", content.len()));
    Answer("206 Partial Content", told, content[start..=end].to_vec())
}

fn serve(stream: TcpStream, store: &Mutex<Store>) {
    let mut reader = BufReader::new(stream);
    while let Some((line, asked)) = Asked::read(&mut reader) {
        let is_head = asked.method == "HEAD";
        let Answer(status, headers, body) = {
            let mut store = store.lock().unwrap();
            store.asked.push(line);
            store.answer(asked)
        };
        let mut head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n", body.len());
        headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
        let body = if is_head { &[][..] } else { &body };
        let answer = [head.as_bytes(), b"\r\n", body].concat();
        if reader.get_mut().write_all(&answer).is_err() {
            return;
        }
    }
}

/// Starts it; what is in it, and what the environment has to say of it.
fn start() -> (Arc<Mutex<Store>>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let store = Arc::<Mutex<Store>>::default();
    let shared = Arc::clone(&store);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, store) = (stream.unwrap(), Arc::clone(&shared));
            std::thread::spawn(move || serve(stream, &store));
        }
    });
    let account = format!(
        "{{\"gcs_base_url\": \"http://{address}\", \"disable_oauth\": true, \"private_key\": \"\", \
         \"private_key_id\": \"\", \"client_email\": \"\"}}"
    );
    (store, account)
}

#[test]
fn packs_are_written_to_googles_store_and_read_there() {
    let root = packed();
    let at = root.path();
    let numbers = (0..10_000_000u32).flat_map(|n| n.wrapping_mul(0x9e37_79b1).to_le_bytes());
    fs::create_dir(at.join("long")).unwrap();
    fs::write(at.join("long/numbers"), numbers.collect::<Vec<_>>()).unwrap();
    let (store, account) = start();
    let environment = [("GOOGLE_SERVICE_ACCOUNT_KEY", &account[..]), ("GOOGLE_ALLOW_HTTP", "true")];
    let there = |line: &str, code: i32| run(at, &environment, line, code).1;
    let count = |method: &str, with: &str| {
        let store = store.lock().unwrap();
        store.asked.iter().filter(|it| it.starts_with(method) && it.contains(with)).count()
    };
    // One that goes there at once, and one in parts.
    for (source, parts) in [("src", 0), ("long", 3)] {
        run(at, &[], &format!("pack {source} {source}.pack"), 0);
        let pack = format!("pack {source} gs://bucket/dir/{source}.pack");
        there(&pack, 0);
        assert_eq!(count("PUT", "partNumber"), parts);
        let said = there(&pack, 2);
        assert!(said.contains("exists already") && said.contains("--force"), "{said}");
        let object = format!("/bucket/dir%2F{source}%2Epack");
        let here = fs::read(at.join(format!("{source}.pack"))).unwrap();
        assert!(store.lock().unwrap().objects.get(&object) == Some(&here), "{source}");
        let said = there(&format!("verify gs://bucket/dir/{source}.pack"), 0);
        assert!(said.contains("everything is as it was packed"), "{said}");
    }
    there("pack --force src gs://bucket/dir/src.pack", 0);
    there(
        "merge --copy gs://bucket/dir/src.pack gs://bucket/dir/long.pack -o gs://bucket/one.pack",
        0,
    );
    there("verify gs://bucket/one.pack", 0);
    let (listed, _) = run(at, &environment, "ls gs://bucket/one.pack", 0);
    assert_eq!(listed, b"large\nnumbers\nsub\n");

    // Who looks sees nothing, and who writes is told by the store.
    there("pack src gs://bucket/later.pack", 0);
    let said = there("pack src gs://bucket/later.pack", 2);
    assert!(said.contains("exists already"), "{said}");

    let said = there("pack long gs://bucket/refused.pack", 2);
    assert!(said.contains("cannot write gs://bucket/refused.pack: access is denied"), "{said}");
    assert_eq!(count("DELETE", "uploadId"), 1);
    let store = store.lock().unwrap();
    assert!(store.uploads.is_empty() && !store.objects.keys().any(|key| key.contains("refused")));
}
