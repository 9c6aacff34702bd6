//! The server beside nginx: ranges of packs as they are, and verified ranges of files in them.

use crate::bench::Bench;
use crate::bench::measure::{Race, timed};
use crate::bench::results::{Bound, Role, Section, Unit};
use crate::run;
use anyhow::{Context as _, Result, bail};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const LONG: u64 = 256 << 20;

/// Asks for 4 KiB at random places below `last`; both servers and both programs are told the same.
fn script(last: u64) -> String {
    format!(
        "math.randomseed(1)\n\
         request = function()\n\
           local start = math.random(0, {last})\n\
           wrk.headers['Range'] = 'bytes=' .. start .. '-' .. (start + 4095)\n\
           return wrk.format('GET', nil)\n\
         end\n"
    )
}

pub(super) fn run(bench: &Bench) -> Result<Section> {
    let mut section = Section::new(
        "Requests a second by 64 connections of wrk on the same machine, each for 4 KiB at a random place: of the pack itself, \
         beside nginx with a worker for each core; and of a stored file of 256 MiB in a pack, of which Rangepack verifies each block.",
    );
    if !bench.peers.has("wrk") {
        section.missing.push("all of it, without wrk".to_owned());
        return Ok(section);
    }
    let folder = &bench.scratch;
    let pack = folder.join("raw.pack");
    timed(&mut bench.pack(&bench.corpora.equal()?, &pack))?;
    let raw = folder.join("raw.lua");
    fs::write(&raw, script(fs::metadata(&pack)?.len() - 4096))?;
    let long = bench.corpora.once("served", |tree| {
        fs::create_dir_all(tree)?;
        let content: Vec<u8> = (0..LONG / 8).flat_map(u64::to_le_bytes).collect();
        Ok(fs::write(tree.join("long.bin"), content)?)
    })?;
    let long_pack = folder.join("long.pack");
    timed(&mut bench.pack(&long, &long_pack))?;
    let verified = folder.join("verified.lua");
    fs::write(&verified, script(LONG - 4096))?;

    let own = rangepack(bench, folder)?;
    let url = format!("{}/raw.pack", own.url);
    let mut race = Race::new("raw ranges of a pack", Unit::PerSecond);
    race.enter("rangepack serve", Role::Own, || load(bench, &raw, &url));
    let nginx = if bench.peers.has("nginx") { Some(nginx(folder)?) } else { None };
    if let Some(nginx) = &nginx {
        let (raw, url) = (&raw, format!("{}/raw.pack", nginx.url));
        race.enter("nginx", Role::Peer, move || load(bench, raw, &url));
    }
    let contest = race.run(bench.rounds)?;
    if let Some(ratio) = contest.ratio("nginx") {
        section.aim("raw ranges / nginx, 64 connections", ratio, Bound::AtLeast(0.9));
    }
    section.contests.push(contest);

    let url = format!("{}/long.pack/files/long.bin", own.url);
    let mut race = Race::new("verified ranges of a file in a pack", Unit::PerSecond);
    race.enter("rangepack serve", Role::Own, || load(bench, &verified, &url));
    let contest = race.run(bench.rounds)?;
    let rate = contest.measured.first().map_or(f64::NAN, |own| own.median());
    section.aim("verified ranges a second", rate, Bound::AtLeast(10_000.0));
    section.contests.push(contest);
    Ok(section)
}

/// Requests a second.
fn load(bench: &Bench, script: &Path, url: &str) -> Result<f64> {
    let seconds = if bench.quick { "1s" } else { "5s" };
    let mut wrk = run::command("wrk", ["-t1", "-c64", "-d", seconds, "-s"]);
    let said = run::output(wrk.arg(script).arg(url))?;
    if said.contains("Non-2xx") {
        bail!("{url} answered with errors: {said}");
    }
    let rate = said.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    Ok(rate.context("wrk said something else")?.trim().parse()?)
}

/// A server that ends with the scenario.
struct Server {
    child: Child,
    url: String,
    /// What asks it to end: killed at once it would leave its workers.
    stop: Option<Command>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let stopped = self.stop.as_mut().is_some_and(run::succeeds);
        if !stopped {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}

fn rangepack(bench: &Bench, folder: &Path) -> Result<Server> {
    let mut command = bench.rangepack(&[&"serve", &folder, &"--port", &"0", &"--no-log", &"-q"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn()?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut line)?;
    }
    let address = line.split(['?', ' ']).next().unwrap_or_default().trim();
    let url = address.trim_end_matches('/').to_owned();
    let server = Server { child, url, stop: None };
    if server.url.starts_with("http://") { Ok(server) } else { bail!("serve printed {line:?}") }
}

fn nginx(folder: &Path) -> Result<Server> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let configuration = folder.join("nginx.conf");
    let shown = folder.display();
    fs::write(
        &configuration,
        format!(
            "daemon off; worker_processes auto; pid {shown}/nginx.pid; error_log {shown}/nginx.log;\n\
             user root; events {{ worker_connections 1024; }}\n\
             http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;\n\
             server {{ listen {address}; root {shown}; }} }}\n"
        ),
    )?;
    let command = || {
        let mut command = run::command("nginx", ["-p"]);
        command.arg(folder).arg("-c").arg(&configuration);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let mut stop = command();
    stop.args(["-s", "stop"]);
    let child = command().spawn()?;
    let server = Server { child, url: format!("http://{address}"), stop: Some(stop) };
    let start = Instant::now();
    while TcpStream::connect(address).is_err() {
        if start.elapsed() > Duration::from_secs(10) {
            bail!("nginx does not answer: see {shown}/nginx.log");
        }
        std::thread::yield_now();
    }
    Ok(server)
}
