//! Directories and packs as lists: pages for people, JSON for programs.

use super::route::escape;
use super::shelf::{Served, Shelf, Turns};
use super::{body, send};
use crate::format::{Size, count_on_page, time};
use crate::record::Record;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::response::Response;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use rangepack::{Error, Result};
use rangepack_core::{Entry, Escaped, Kind, PackPathBuf};
use serde::Serialize;
use std::sync::Arc;

/// How many entries a list holds when nobody says.
const LIMIT: u64 = 1000;

/// How many it holds at most.
const MOST: u64 = 10_000;

/// So much of it is made at once, in bytes.
const CHUNK: usize = 32 << 10;

/// It ends before that when its paths are longer together, in bytes.
const TEXT: usize = 1 << 20;

const STYLE: &str = "\
:root { color-scheme: light dark; --line: light-dark(#e3e6e8, #2d3336); --soft: light-dark(#5c676d, #98a4aa); --link: light-dark(#0f5f59, #5eead4) }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; background: light-dark(#fff, #14181a); color: light-dark(#1b2225, #e4e9eb) }
h1 { font-size: 1.15rem; font-weight: 600; overflow-wrap: anywhere }
a { color: var(--link); text-decoration: none } a:hover { text-decoration: underline }
table { border-collapse: collapse; width: 100% }
th { text-align: left; font-weight: 500; color: var(--soft) }
th, td { padding: .3rem .75rem .3rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
td:first-child { overflow-wrap: anywhere } .n { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums } .s { color: var(--soft) }
nav { margin: 1rem 0; display: flex; gap: 1rem } code { font-size: .92em }
@media (max-width: 36rem) { .w { display: none } }";

/// Which part of a directory is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    start: u64,
    limit: u64,
}

impl Page {
    /// Reads `start` and `limit` from a query; `None` when they are no numbers.
    pub(super) fn asked(query: Option<&str>) -> Option<Page> {
        let number = |name, default| match value(query, name) {
            Some(text) => text.parse().ok(),
            None => Some(default),
        };
        Some(Page { start: number("start", 0)?, limit: number("limit", LIMIT)?.min(MOST) })
    }
}

/// The form that `format` in a query asks for.
pub(super) fn format_asked(query: Option<&str>) -> Option<&str> {
    value(query, "format")
}

fn value<'q>(query: Option<&'q str>, name: &str) -> Option<&'q str> {
    let mut pairs = query?.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Answers with entries of a directory. Any part of a long one is at hand at once.
///
/// `shown` is the path of the request, for a page for people, so that links beside it lead on; programs get JSON.
pub(super) fn respond(
    served: &Arc<Served>,
    name: &str,
    directory: &PackPathBuf,
    page: Page,
    shown: Option<&[u8]>,
) -> Result<Response> {
    let pack = &served.pack;
    let children = pack.ask(|pages| pack.index().children(pages, directory.as_path()))?;
    let start = children.start.saturating_add(page.start).min(children.end);
    let mut rows = Rows {
        served: Arc::clone(served),
        next: start,
        end: start.saturating_add(page.limit).min(children.end),
        start: start.saturating_sub(children.start),
        total: children.end.saturating_sub(children.start),
        text: 0,
        frame: match shown {
            Some(path) => Frame::html(name, path),
            None => Frame::json(name, &String::from_utf8_lossy(directory.as_bytes())),
        },
        is_html: shown.is_some(),
        first: children.start,
        state: State::Begin,
    };
    // What is wrong with the first entries is told as an error.
    let first = rows.more()?;
    let body = body::body(first.into(), body::Reader::list(rows));
    Ok(if shown.is_some() { send::page(StatusCode::OK, body) } else { send::json_body(body) })
}

/// A list that is made while it is sent: a client that is slow holds a chunk of it.
pub(super) struct Rows {
    served: Arc<Served>,
    /// The numbers of the next entry, and of that behind the last one.
    next: u64,
    end: u64,
    /// The number of the first one in its directory, from 0, and how many the directory has in all.
    start: u64,
    total: u64,
    /// The directory's first child.
    first: u64,
    /// How long the paths were so far, all together.
    text: usize,
    frame: Frame,
    is_html: bool,
    state: State,
}

/// What stands around the rows.
struct Frame {
    before: String,
    behind: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Begin,
    Rows,
    Over,
}

impl Frame {
    fn html(pack: &str, path: &[u8]) -> Frame {
        // No name holds it.
        const ROWS: &str = "\0";
        let title = format!("{pack}/{}", Escaped(path));
        let content = html! {
            h1 { (crumbs(pack, path)) }
            table {
                thead { tr { th { "Name" } th.n { "Size" } th.n.w { "Modified" } } }
                tbody { (PreEscaped(ROWS)) }
            }
            (PreEscaped(ROWS))
        };
        let page = page(&title, &content);
        let (before, behind) = page.split_once(ROWS).unwrap_or((&page, ""));
        Frame { before: before.to_owned(), behind: behind.to_owned() }
    }

    fn json(pack: &str, path: &str) -> Frame {
        let text = |text: &str| serde_json::Value::from(text);
        let before = format!("{{\"pack\":{},\"path\":{}", text(pack), text(path));
        Frame { before, behind: "]}".to_owned() }
    }
}

impl Rows {
    /// What to wait for before the next chunk.
    pub(super) fn turns(&self) -> Option<Turns> {
        self.served.turns.clone()
    }

    /// Whether the list is complete.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// The next bytes; `None` at the end.
    pub(super) fn chunk(&mut self) -> std::io::Result<Option<Bytes>> {
        if self.is_over() {
            return Ok(None);
        }
        self.more().map(|text| Some(text.into())).map_err(std::io::Error::other)
    }

    /// Some rows, and what stands before the first and behind the last.
    fn more(&mut self) -> Result<String> {
        let served = Arc::clone(&self.served);
        let mut text = String::new();
        let is_first = self.state == State::Begin;
        if is_first {
            text.push_str(&self.frame.before);
            if !self.is_html {
                let (total, start) = (self.total, self.start);
                text.push_str(&format!(",\"total\":{total},\"start\":{start},\"entries\":["));
            }
            self.state = State::Rows;
        }
        for (at, found) in served.pack.entries_at(self.next..self.end).enumerate() {
            let entry = found?.to_entry().map_err(|error| served.pack.error(error))?;
            self.next = self.next.saturating_add(1);
            self.text = self.text.saturating_add(entry.path.as_bytes().len());
            if let Kind::Symlink(target) = &entry.kind {
                self.text = self.text.saturating_add(target.len());
            }
            if self.is_html {
                text.push_str(&row(&entry).into_string());
            } else {
                if !is_first || at > 0 {
                    text.push(',');
                }
                text.push_str(&serde_json::to_string(&Record::new(&entry)).unwrap_or_default());
            }
            if self.text > TEXT {
                self.end = self.next;
            }
            if text.len() >= CHUNK {
                break;
            }
        }
        if self.next >= self.end {
            self.finish(&mut text);
        }
        Ok(text)
    }

    fn finish(&mut self, text: &mut String) {
        self.state = State::Over;
        if !self.is_html {
            text.push_str(&self.frame.behind);
            return;
        }
        let (start, total, end) = (self.start, self.total, self.next.saturating_sub(self.first));
        let to = |start: u64| format!("?start={start}");
        let nav = html! {
            nav.s {
                @if start > 0 { a href=(to(start.saturating_sub(LIMIT))) { "earlier" } }
                @if end < total { a href=(to(end)) { "further" } }
                @if start > 0 || end < total {
                    span { (start.saturating_add(1)) "–" (end) " of " (count_on_page(total, "entry")) }
                } @else { span { (count_on_page(total, "entry")) } }
                a href="?format=json" { "JSON" }
            }
        };
        text.push_str(&self.frame.behind.replace('\0', &nav.into_string()));
    }
}

fn page(title: &str, content: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body { (content) }
        }
    };
    page.into_string()
}

/// The way to a directory, each part of it a link.
fn crumbs(pack: &str, path: &[u8]) -> Markup {
    let parts: Vec<&[u8]> =
        path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect();
    let up = |levels: usize| "../".repeat(levels);
    html! {
        a href="/" { "packs" } " / "
        @if parts.is_empty() { (pack) } @else { a href=(up(parts.len())) { (pack) } }
        @for (at, part) in parts.iter().enumerate() {
            " / "
            @let below = parts.len() - 1 - at;
            @if below == 0 { (Escaped(part)) } @else { a href=(up(below)) { (Escaped(part)) } }
        }
    }
}

fn row(entry: &Entry) -> Markup {
    let path = entry.path.as_bytes();
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
    // A name with a colon would be taken for a scheme.
    let link = format!("./{}", escape(name));
    let modified = entry.mtime.map_or_else(String::new, time);
    let shown = Escaped(name);
    html! {
        tr {
            @match &entry.kind {
                Kind::Directory(totals) => {
                    td { a href={ (link) "/" } { (shown) "/" } span.s { "  " (count_on_page(totals.files, "file")) } }
                    td.n { (Size(totals.bytes)) }
                }
                Kind::File(content) => {
                    td { a href=(link) { (shown) } }
                    td.n { (Size(content.size)) }
                }
                Kind::Symlink(target) => {
                    td { a href=(link) { (shown) } span.s { " → " (Escaped(target)) } }
                    td.n {}
                }
            }
            td.n.w.s { (modified) }
        }
    }
}

/// What is told of a pack.
#[derive(Serialize)]
struct PackRecord {
    name: String,
    /// Where its bytes are, relative to the list.
    url: String,
    /// Where the index is that lies beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    #[serde(flatten)]
    content: Option<Numbers>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct Numbers {
    bytes: u64,
    files: u64,
    directories: u64,
    root: Option<String>,
}

impl Numbers {
    fn of(served: &Served) -> Numbers {
        let totals = served.pack.header().totals;
        Numbers {
            bytes: served.pack.file_len(),
            files: totals.files,
            directories: totals.directories,
            root: served.pack.digest().map(|digest| digest.to_string()),
        }
    }
}

fn records(shelf: &Shelf) -> Vec<PackRecord> {
    let record = |(name, opened): (String, std::result::Result<std::sync::Arc<Served>, _>)| {
        let url = escape(name.as_bytes());
        match opened {
            Ok(served) => {
                let index = served.index_suffix().map(|suffix| format!("{url}{suffix}"));
                PackRecord { name, url, index, content: Some(Numbers::of(&served)), error: None }
            }
            Err(error) => {
                let error: std::sync::Arc<Error> = error;
                let error = Some(send::told(&error).1);
                PackRecord { name, url, index: None, content: None, error }
            }
        }
    };
    shelf.list().into_iter().map(record).collect()
}

/// All packs, for programs.
pub(super) fn packs(shelf: &Shelf) -> Response {
    #[derive(Serialize)]
    struct Packs {
        packs: Vec<PackRecord>,
    }
    send::json(&Packs { packs: records(shelf) })
}

/// All packs, for people, where the viewer was not built in.
pub(super) fn home(shelf: &Shelf) -> Response {
    let records = records(shelf);
    let content = html! {
        h1 { "Packs" }
        @if records.is_empty() { p { "There is no pack here yet." } }
        table {
            thead { tr { th { "Name" } th.n { "Size" } th.n { "Files" } } }
            tbody {
                @for record in &records {
                    tr {
                        @match &record.content {
                            Some(numbers) => {
                                td { a href={ (record.url) "/files/" } { (record.name) } " " a.s href=(record.url) { "(the pack itself)" } }
                                td.n { (Size(numbers.bytes)) }
                                td.n { (numbers.files) }
                            }
                            None => {
                                td { (record.name) br; span.s { (record.error.as_deref().unwrap_or("")) } }
                                td.n {} td.n {}
                            }
                        }
                    }
                }
            }
        }
        p.s {
            "This build of rangepack is without the viewer, which needs Node to be built. To add it, run "
            code { "cargo xtask viewer" } " and build rangepack again."
        }
    };
    send::page(StatusCode::OK, page("Packs", &content))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages() {
        let page = |start, limit| Some(Page { start, limit });
        assert_eq!(Page::asked(None), page(0, LIMIT));
        assert_eq!(Page::asked(Some("start=5&limit=7&x")), page(5, 7));
        assert_eq!(Page::asked(Some("limit=99999999")), page(0, MOST));
        for bad in ["start=-1", "start=", "limit=1e3", "start=99999999999999999999"] {
            assert_eq!(Page::asked(Some(bad)), None, "{bad}");
        }
    }

    #[test]
    fn names_cannot_be_markup() {
        let path = PackPathBuf::new(b"d/<script>:\"\x1b".to_vec()).unwrap();
        let kind = Kind::Symlink(b"<b>".to_vec());
        let entry = Entry::new(path, kind);
        let html = row(&entry).into_string();
        assert!(
            !html.contains("<script>") && !html.contains("<b>") && !html.contains('\x1b'),
            "{html}"
        );
        assert!(html.contains("href=\"./%3Cscript%3E%3A%22%1B\""), "{html}");
    }
}
