//! The command against servers that others wrote: one that speaks S3, which runs here, and nginx.
//!
//! Where nginx is not installed its test says so and passes; `cargo xtask test` installs it.

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// How long a server may take to answer. It turns a hang into a message; nothing is measured by it.
const PATIENCE: Duration = Duration::from_secs(300);

/// A port that nobody uses, and that nobody is given who asks for any: systems take those from 32 768
/// on. So it is still free when the server comes to it. Each test has ports of its own.
fn free_port(test: u16) -> u16 {
    let first = (std::process::id() % 2000) as u16 * 10 + test * 5;
    let mut ports = (0..5).map(|number| 10_000 + first + number);
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).unwrap()
}

/// Starts a server and waits until it answers at `port`.
fn start(command: &mut Command, port: u16) -> Running {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut server = Running(command.spawn().unwrap());
    let begin = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(server.0.try_wait().unwrap().is_none(), "the server ended");
        assert!(begin.elapsed() < PATIENCE, "the server does not answer");
        std::thread::sleep(Duration::from_millis(10));
    }
    server
}

/// A directory `served` with a pack, and what was packed.
pub(crate) fn packed() -> TempDir {
    let root = tempfile::tempdir().unwrap();
    let source = root.path().join("src");
    fs::create_dir_all(source.join("sub")).unwrap();
    fs::create_dir_all(root.path().join("served/bucket/dir")).unwrap();
    for number in 0..500 {
        fs::write(source.join(format!("sub/{number:03}")), number.to_string().repeat(300)).unwrap();
    }
    fs::write(source.join("large"), (0..900_000u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>())
        .unwrap();
    run(root.path(), &[], "pack src served/bucket/dir/x.pack", 0);
    root
}

fn rangepack(at: &Path, environment: &[(&str, &str)], line: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rangepack"));
    for (name, _) in std::env::vars_os() {
        // What the machine knows of real stores must not be used here.
        let name = name.to_string_lossy().into_owned();
        let is_of_a_store = ["AWS_", "GOOGLE_", "AZURE_", "SERVICE_ACCOUNT"];
        if is_of_a_store.iter().any(|it| name.starts_with(it))
            || name.to_lowercase().ends_with("_proxy")
        {
            command.env_remove(name);
        }
    }
    let environment = environment.iter().copied();
    command.args(line.split(' ')).envs(environment).current_dir(at).output().unwrap()
}

/// Runs, checks the exit code, and returns standard output and standard error.
pub(crate) fn run(
    at: &Path,
    environment: &[(&str, &str)],
    line: &str,
    code: i32,
) -> (Vec<u8>, String) {
    let output = rangepack(at, environment, line);
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{line}\n{error}");
    (output.stdout, error)
}

/// Every command that reads, at a URL, against the same at a path.
fn everything(at: &Path, environment: &[(&str, &str)], url: &str) {
    let here = |line: &str| run(at, &[], &line.replace("PACK", "served/bucket/dir/x.pack"), 0);
    let there = |line: &str| run(at, environment, &line.replace("PACK", url), 0);
    for line in [
        "ls -l PACK",
        "ls -R --json PACK sub",
        "cat PACK large",
        "cat PACK sub/123 sub/007",
        "cat PACK large --offset 1M --length 300000",
    ] {
        assert!(here(line).0 == there(line).0, "{line}");
    }
    let tree = String::from_utf8(there("tree PACK").0).unwrap();
    assert!(tree.starts_with(url) && tree.contains("501 files"), "{tree}");
    let (info, said) = there("info -v PACK");
    let info = String::from_utf8(info).unwrap();
    assert!(info.contains("Rangepack 1") && info.starts_with(url), "{info}");
    assert_eq!(said, "fetched 100 KiB in 1 request\n");
    let (_, said) = there("verify -v PACK");
    assert!(said.contains("everything is as it was packed") && said.contains("fetched"), "{said}");
    let target = format!("out-{}", environment.len());
    there(&format!("extract PACK {target}"));
    assert_eq!(fs::read(at.join(&target).join("sub/499")).unwrap(), "499".repeat(300).as_bytes());
    let large = fs::read(at.join(&target).join("large")).unwrap();
    assert!(large == fs::read(at.join("src/large")).unwrap());
    let missing = url.replace("x.pack", "y.pack");
    let (_, said) = run(at, environment, &format!("ls {missing}"), 2);
    assert!(said.contains("there is no such file") && said.contains(&missing), "{said}");
    assert!(said.contains("hint:"), "{said}");
}

#[test]
fn nginx() {
    let places = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx"].map(PathBuf::from);
    let Some(nginx) = places.iter().find(|place| place.is_file()) else {
        println!("SKIPPED: nginx is not installed");
        return;
    };
    let root = packed();
    let at = root.path();
    let port = free_port(0);
    // Started by root its workers would be somebody else, who may not read the directory.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let configuration = format!(
        "{user} daemon off; pid nginx.pid; error_log error.log; worker_processes 1;\n\
         events {{}}\n\
         http {{\n\
           access_log off; client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t;\n\
           uwsgi_temp_path t; scgi_temp_path t;\n\
           server {{ listen 127.0.0.1:{port}; root {}/served;\n\
             location /closed/ {{ return 403; }} }}\n\
         }}\n",
        at.display()
    );
    fs::write(at.join("nginx.conf"), configuration).unwrap();
    let mut command = Command::new(nginx);
    let _server =
        start(command.arg("-p").arg(at).args(["-e", "error.log", "-c", "nginx.conf"]), port);
    everything(at, &[], &format!("http://127.0.0.1:{port}/bucket/dir/x.pack"));
    let (_, said) = run(at, &[], &format!("ls http://127.0.0.1:{port}/closed/x.pack"), 2);
    assert!(said.contains("access is denied (status 403)"), "{said}");
}

/// A server that speaks S3 until it is dropped, of whose buckets each is a folder of `served`, and where it is.
fn store(at: &Path) -> (tokio::runtime::Runtime, String) {
    let mut service = S3ServiceBuilder::new(FileSystem::new(at.join("served")).unwrap());
    service.set_auth(SimpleAuth::from_single("test", "secret"));
    let service = service.build();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0));
    let listener = runtime.block_on(listener).unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    runtime.spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let connection = http1::Builder::new();
            tokio::spawn(connection.serve_connection(TokioIo::new(socket), service.clone()));
        }
    });
    (runtime, endpoint)
}

fn environment(endpoint: &str) -> [(&str, &str); 5] {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "us-east-1"),
    ]
}

#[test]
fn s3() {
    let root = packed();
    let at = root.path();
    let (_server, endpoint) = store(at);
    let environment = environment(&endpoint);
    everything(at, &environment, "s3://bucket/dir/x.pack");
    let mut wrong = environment;
    wrong[3].1 = "guessed";
    let (_, said) = run(at, &wrong, "ls s3://bucket/dir/x.pack", 2);
    assert!(said.contains("access is denied"), "{said}");
}

#[test]
fn s3_is_written() {
    let root = packed();
    let at = root.path();
    // Longer than what is on its way at once, so that it takes parts, and some wait.
    let numbers = (0..20_000_000u32).flat_map(|n| n.wrapping_mul(0x9e37_79b1).to_le_bytes());
    fs::create_dir(at.join("long")).unwrap();
    fs::write(at.join("long/numbers"), numbers.collect::<Vec<_>>()).unwrap();
    let (_server, endpoint) = store(at);
    let environment = environment(&endpoint);
    let there = |line: &str, code: i32| run(at, &environment, line, code);
    let bucket = |name: &str| at.join("served/bucket").join(name);
    for source in ["src", "long"] {
        run(at, &[], &format!("pack {source} {source}.pack"), 0);
        there(&format!("pack {source} s3://bucket/new/{source}.pack"), 0);
        let here = fs::read(at.join(format!("{source}.pack"))).unwrap();
        assert!(here == fs::read(bucket(&format!("new/{source}.pack"))).unwrap(), "{source}");
        let (_, said) = there(&format!("pack {source} s3://bucket/new/{source}.pack"), 2);
        assert!(said.contains("exists already") && said.contains("--force"), "{said}");
        there(&format!("pack --force {source} s3://bucket/new/{source}.pack"), 0);
    }
    let before: Vec<_> = fs::read_dir(bucket("")).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(before.len(), 2, "nothing is left of parts: {before:?}");

    let mut wrong = environment;
    wrong[3].1 = "guessed";
    let (_, said) = run(at, &wrong, "pack src s3://bucket/y.pack", 2);
    assert!(said.contains("access is denied") && !said.contains("guessed"), "{said}");
    let nobody = format!("http://127.0.0.1:{}", free_port(1));
    let mut wrong = environment;
    wrong[0].1 = &nobody;
    let (_, said) = run(at, &wrong, "pack src s3://bucket/y.pack", 2);
    assert!(said.contains("cannot write s3://bucket/y.pack: no connection"), "{said}");

    // Only the index goes there.
    let (_, said) = there(
        "merge s3://bucket/new/src.pack s3://bucket/new/long.pack -o s3://bucket/all.pack",
        0,
    );
    assert!(said.contains("in 2 files") && bucket("all.pack").metadata().unwrap().len() < 200_000);
    let (numbers, _) = there("cat s3://bucket/all.pack numbers", 0);
    assert!(numbers == fs::read(at.join("long/numbers")).unwrap());
    assert!(there("verify s3://bucket/all.pack", 0).1.contains("everything is as it was packed"));
    let (_, said) = there("merge s3://bucket/all.pack -o s3://bucket/new/src.pack --force", 2);
    assert!(said.contains("read and written at once"), "{said}");
}

#[cfg(unix)]
#[test]
fn s3_gets_copies_of_packs_that_are_nowhere_here() {
    let root = packed();
    let at = root.path();
    let numbers = (0..10_000_000u32).flat_map(|n| n.wrapping_mul(0x9e37_79b1).to_le_bytes());
    fs::create_dir(at.join("long")).unwrap();
    fs::write(at.join("long/numbers"), numbers.collect::<Vec<_>>()).unwrap();
    let (_server, endpoint) = store(at);
    for source in ["src", "long"] {
        run(at, &[], &format!("pack {source} served/bucket/dir/{source}.pack"), 0);
    }
    let inputs = "s3://bucket/dir/src.pack s3://bucket/dir/long.pack";
    let merge = |to: &str, code: i32| {
        let mut command = Command::new("sh");
        // Whoever writes a file of more than 8 MiB is ended.
        let limited = "ulimit -f 16384; exec \"$0\" merge --copy $1 -o \"$2\"";
        let rangepack = env!("CARGO_BIN_EXE_rangepack");
        let command = command.args(["-c", limited, rangepack, inputs, to]).current_dir(at);
        let output =
            command.envs(environment(&endpoint)).env_remove("HTTP_PROXY").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}");
        said
    };
    merge("s3://bucket/new/one.pack", 0);
    let here = "merge --copy served/bucket/dir/src.pack served/bucket/dir/long.pack -o one.pack";
    run(at, &[], here, 0);
    let made = fs::read(at.join("served/bucket/new/one.pack")).unwrap();
    assert!(made == fs::read(at.join("one.pack")).unwrap());
    assert!(merge("s3://bucket/new/one.pack", 2).contains("exists already"));

    // A part that is damaged near its end, when most of it was sent.
    let names = || {
        let mut names = Vec::new();
        for folder in ["served", "served/bucket", "served/bucket/new"] {
            let list = fs::read_dir(at.join(folder)).unwrap();
            // What this server was receiving when a connection ended is no part of anything, and stays for a while.
            let list = list.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            names.extend(list.filter(|name| !name.starts_with(".tmp.")));
        }
        names.sort();
        names
    };
    let before = names();
    let part = at.join("served/bucket/dir/long.pack");
    let mut bytes = fs::read(&part).unwrap();
    bytes[39_999_000] ^= 1;
    fs::write(&part, bytes).unwrap();
    let said = merge("s3://bucket/new/two.pack", 1);
    assert!(said.contains("numbers"), "{said}");
    assert_eq!(names(), before, "nothing is left of parts");
}

/// What a store was asked for, one question after the other.
type Asked = std::sync::mpsc::Receiver<String>;

/// A store that begins an upload, and never answers to a part of it; and that has no bucket `none`.
fn hanging_store() -> (String, Asked) {
    use std::io::{BufRead, BufReader, Read, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, asked) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, sender) = (stream.unwrap(), sender.clone());
            std::thread::spawn(move || {
                let mut reader = BufReader::new(stream);
                loop {
                    let (mut line, mut len) = (String::new(), 0);
                    if reader.read_line(&mut line).unwrap_or(0) == 0 {
                        return;
                    }
                    let mut header = String::new();
                    while reader.read_line(&mut header).unwrap_or(0) > 2 {
                        let value = header.to_lowercase();
                        len = value
                            .strip_prefix("content-length:")
                            .map_or(len, |value| value.trim().parse().unwrap());
                        header.clear();
                    }
                    let method = line.split(' ').next().unwrap_or("").to_owned();
                    let _ = sender.send(line.clone());
                    let has_bucket = !line.contains("/none/");
                    if method == "PUT" && has_bucket {
                        continue;
                    }
                    std::io::copy(&mut (&mut reader).take(len), &mut std::io::sink()).unwrap();
                    let body = "<InitiateMultipartUploadResult><Bucket>b</Bucket><Key>k</Key>\
                                <UploadId>one</UploadId></InitiateMultipartUploadResult>";
                    let answer = match &method[..] {
                        "HEAD" | "PUT" => {
                            "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n".to_owned()
                        }
                        "POST" => {
                            format!(
                                "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}",
                                body.len()
                            )
                        }
                        _ => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
                    };
                    reader.get_mut().write_all(answer.as_bytes()).unwrap();
                }
            });
        }
    });
    (endpoint, asked)
}

#[test]
fn a_bucket_that_is_not_there_is_told() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("src")).unwrap();
    let (endpoint, _asked) = hanging_store();
    let environment = environment(&endpoint);
    let (_, said) = run(root.path(), &environment, "pack src s3://none/x.pack", 2);
    assert!(said.contains("cannot write s3://none/x.pack: there is no such bucket"), "{said}");
    assert!(said.contains("hint:") && !said.contains("secret"), "{said}");
}

#[test]
fn an_upload_that_is_interrupted_is_taken_back() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    fs::create_dir(at.join("src")).unwrap();
    fs::write(at.join("src/long"), vec![7; 80 << 20]).unwrap();
    run(at, &[], "pack src x.pack", 0);
    for line in ["pack src s3://bucket/x.pack", "merge --copy x.pack -o s3://bucket/x.pack"] {
        interrupted(at, line);
    }
}

/// Interrupts a command when the first part of what it makes was sent.
fn interrupted(at: &Path, line: &str) {
    let (endpoint, asked) = hanging_store();
    let environment = environment(&endpoint);
    let mut command = Command::new(env!("CARGO_BIN_EXE_rangepack"));
    command.args(line.split(' ')).envs(environment).current_dir(at);
    let child = command.env_remove("HTTP_PROXY").env_remove("http_proxy");
    let child = child.stderr(Stdio::piped()).spawn().unwrap();
    let until = |method: &str| {
        while let Ok(line) = asked.recv_timeout(PATIENCE) {
            if line.starts_with(method) {
                return line;
            }
        }
        panic!("no {method} came");
    };
    until("PUT ");
    let process = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    let taken_back = until("DELETE ");
    assert!(taken_back.contains("uploadId=one"), "{taken_back}");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn urls_where_files_are_written() {
    let root = tempfile::tempdir().unwrap();
    for line in [
        "pack src https://example.org/x.pack",
        "merge x.pack -o https://example.org/x.pack",
        "compact s3://bucket/x.pack",
        "pack s3://bucket/src x.pack",
        "create --src src --container gs://bucket/x",
        "finalize az://bucket/x",
        "index https://example.org/x --paged",
        "index https://example.org/x --ndjson y",
        "extract x.pack https://example.org/out",
    ] {
        let (_, said) = run(root.path(), &[], line, 2);
        assert!(said.contains("is a URL") && said.contains("hint:"), "{line}: {said}");
    }
}
