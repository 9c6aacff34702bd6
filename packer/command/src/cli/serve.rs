//! `rangepack serve`: packs over HTTP.

use super::Result;
use super::arguments::{check_place, parse_size};
use super::console::{Global, note};
use super::exit::Exit;
use crate::format::count;
use crate::serve::{Found, Log, ServeOptions, Server, make_token};
use rangepack::Location;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  rangepack serve photos.pack --open
  rangepack serve /data/packs --host 0.0.0.0 --token
  rangepack serve https://host/photos.pack s3://bucket/logs.pack
  rangepack serve site.pack --site --port 8000
  curl -O http://127.0.0.1:8080/photos.pack/files/2024/summer/beach.jpg
  rangepack ls http://127.0.0.1:8080/photos.pack

What is where:
  /                       the viewer
  /packs.json             which packs there are
  /PACK                   the pack itself, by ranges; its root digest is its ETag
  /PACK/files/PATH        a file in it, verified, by ranges; its SHA-256 is its ETag
  /PACK/files/DIRECTORY/  a list: HTML, or JSON for programs (?format=json&start=0&limit=1000)
  /PART                   of a merged pack: its parts, by their names there, as far as they are packs themselves

Packs in a folder (not in folders below it) are found when they are asked for, and read anew when they
were replaced. Replace a pack by renaming another over it; one that is cut short or overwritten in place
while it is read gives errors.

Only this machine is answered, unless --host says otherwise; use --token then. There is no TLS: put a
proxy in front for that, and name it with --allow-host. Pages in packs are shown alone, without their style
sheets and scripts in other files, in a sandbox of the browser where they reach nothing of this server; --site
trusts them.";

/// Serve packs over HTTP, with the viewer
///
/// Answers browsers, other readers of packs, and everything that fetches URLs. A remote pack is fetched by
/// ranges, as much of it as is asked for.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// Packs, folders with packs, and URLs of packs (http, https, s3, gs, az)
    #[arg(value_name = "PACK|DIR|URL", default_value = ".")]
    places: Vec<Location>,
    /// Name or address to listen at; 0.0.0.0 means all of this machine
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    host: String,
    /// Port to listen at; 0 takes one that is free
    #[arg(short, long, value_name = "PORT", default_value_t = 8080)]
    port: u16,
    /// Open the viewer in the browser
    #[arg(short, long)]
    open: bool,
    /// Answer only those who know a token: TOKEN, or one that is made up and printed
    #[arg(long, value_name = "TOKEN", num_args = 0..=1, require_equals = true, value_parser = parse_token)]
    token: Option<Option<String>>,
    /// Let pages of this origin read everything, too (repeatable): `https://example.org`, or `*` for all
    #[arg(long, value_name = "ORIGIN")]
    cors: Vec<String>,
    /// Answer to this name as well (repeatable): that of a proxy in front
    #[arg(long, value_name = "NAME")]
    allow_host: Vec<String>,
    /// Let caches answer for so many seconds without asking again
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    max_age: u32,
    /// Where the parts of merged packs lie, if not below their directory: a directory, or the beginning of their URLs
    #[arg(long, value_name = "DIR|URL")]
    volumes: Option<Location>,
    /// Show index.html for directories, and trust pages in packs like pages of this server
    #[arg(long)]
    site: bool,
    /// Connections at once; more wait
    #[arg(long, value_name = "N", default_value = "4096", value_parser = parse_connections)]
    max_connections: usize,
    /// Seconds for the head of a request, and between two requests
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    header_timeout: u16,
    /// Do not print a line for every request
    #[arg(long)]
    no_log: bool,
}

/// Serves until it is interrupted.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    args.places.iter().chain(&args.volumes).try_for_each(check_place)?;
    let interrupted = super::interrupt::flag();
    let token = match &args.token {
        None => None,
        Some(Some(token)) => Some(token.clone()),
        Some(None) => Some(make_token()?),
    };
    let mut options = ServeOptions::default();
    options.host.clone_from(&args.host);
    options.port = args.port;
    options.token = token;
    options.hosts.clone_from(&args.allow_host);
    options.cors.clone_from(&args.cors);
    options.max_age = args.max_age;
    options.open.volumes.clone_from(&args.volumes);
    options.site = args.site;
    options.max_connections = args.max_connections;
    options.header_timeout = Duration::from_secs(args.header_timeout.into());
    let writer = (!args.no_log && !global.quiet).then(LogWriter::start);
    let server = Server::bind(&args.places, &options, writer.as_ref().map(LogWriter::log))?;
    tell(&server, global)?;
    if args.open
        && let Err(error) = open::that_detached(server.url())
    {
        global.error(&format!("cannot open a browser: {error}"), Some("open the URL by hand"));
    }
    server.run(interrupted)?;
    if let Some(writer) = writer {
        writer.finish();
    }
    // To be stopped is how it ends.
    Ok(Exit::Fine)
}

/// Writes the log on a thread of its own, so that a terminal or pipe that nobody reads holds up no
/// request; lines that do not fit are counted instead.
struct LogWriter {
    lines: SyncSender<Option<String>>,
    lost: Arc<AtomicU64>,
    done: Receiver<()>,
}

impl LogWriter {
    fn start() -> LogWriter {
        let (lines, queue) = sync_channel::<Option<String>>(4096);
        let (finished, done) = sync_channel(1);
        let lost = Arc::new(AtomicU64::new(0));
        let missing = Arc::clone(&lost);
        std::thread::spawn(move || {
            while let Ok(Some(line)) = queue.recv() {
                note(&line);
                match missing.swap(0, Ordering::Relaxed) {
                    0 => {}
                    lines => {
                        note(&format!("{} of the log could not be written", count(lines, "line")))
                    }
                }
            }
            let _ = finished.send(());
        });
        LogWriter { lines, lost, done }
    }

    fn log(&self) -> Log {
        let (lines, lost) = (self.lines.clone(), Arc::clone(&self.lost));
        Arc::new(move |line: &str| {
            if lines.try_send(Some(line.to_owned())).is_err() {
                lost.fetch_add(1, Ordering::Relaxed);
            }
        })
    }

    /// Waits until everything was written, as long as somebody reads it.
    fn finish(self) {
        if self.lines.try_send(None).is_ok() {
            let _ = self.done.recv_timeout(Duration::from_secs(2));
        }
    }
}

/// Says where it is and what is there. The URL goes to standard output, for scripts.
fn tell(server: &Server, global: &Global) -> Result<()> {
    if !global.quiet {
        let packs = server.packs();
        if packs.is_empty() {
            note("no pack is here yet; those that come will be found");
        }
        let is_one = packs.len() == 1;
        for (name, pack) in packs {
            match pack {
                Ok(Found { files, notes }) => {
                    // The URL of all is that of the only one, too.
                    let url =
                        if is_one { String::new() } else { format!(", {}", server.url_of(&name)) };
                    note(&format!("{name}: {}{url}", count(files, "file")));
                    for text in super::notes::in_words(&notes) {
                        global.warning(Path::new(&name), &text);
                    }
                }
                Err(error) => note(&format!("{name}: {error}")),
            }
        }
        if !server.has_viewer() {
            note("this build is without the viewer; `cargo xtask viewer` and a new build add it");
        }
    }
    if server.is_open_to_all() {
        let hint = "--token asks for one, --host 127.0.0.1 answers this machine only";
        global.caution("everybody who reaches this machine can read these packs", hint);
    }
    let mut out = global.stdout();
    writeln!(out, "{}", server.url())?;
    Ok(out.flush()?)
}

fn parse_token(text: &str) -> std::result::Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if text.len() < 8 || !text.bytes().all(plain) {
        return Err("a token has at least 8 letters, digits or any of -._~".to_owned());
    }
    Ok(text.to_owned())
}

fn parse_connections(text: &str) -> std::result::Result<usize, String> {
    match parse_size(text) {
        Ok(number @ 1..=1_000_000) => Ok(number as usize),
        _ => Err("a number from 1 to 1000000 is meant".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn tokens() {
        let token = |line: &str| parse::<Args>(line).map(|args| args.token);
        assert_eq!(token("serve a.pack").unwrap(), None);
        assert_eq!(token("serve --token a.pack").unwrap(), Some(None));
        assert_eq!(token("serve --token=secret-1 a.pack").unwrap(), Some(Some("secret-1".into())));
        for bad in ["serve --token=short", "serve --token=with;semicolon", "serve --token="] {
            assert!(token(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn without_places_it_is_this_folder() {
        let args = parse::<Args>("serve").unwrap();
        assert_eq!(args.places, [Location::from(".")]);
        assert!(parse::<Args>("serve --max-connections 0").is_err());
        assert!(parse::<Args>("serve --header-timeout 0").is_err());
    }
}
