//! The examples of the library, which `cargo test --workspace` and `cargo build -p rangepack --examples` build.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use support::server::{Manner, Server};

fn command(example: &str) -> Command {
    let tests = std::env::current_exe().expect("this program");
    let target = tests.ancestors().nth(2).expect("its target folder").to_owned();
    let program =
        target.join("examples").join(example).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.is_file(), "`cargo build -p rangepack --examples` makes {}", program.display());
    Command::new(program)
}

fn run(example: &str, arguments: &[&str]) -> Output {
    command(example).args(arguments).output().expect("it starts")
}

/// What it prints.
fn says(example: &str, arguments: &[&str]) -> String {
    let output = run(example, arguments);
    assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

fn folder() -> PathBuf {
    support::file("../packer/examples")
}

/// A pack of the sample, and its digest.
fn pack(home: &Path) -> (String, String) {
    let target = home.join("sample.pack").to_str().expect("a plain path").to_owned();
    let said =
        says("pack", &[folder().join("sample").to_str().expect("plain"), &target, "1000000"]);
    let (counts, digest) = said.trim_end().rsplit_once(", ").expect("counts and a digest");
    assert!(counts.starts_with("3 files, "), "{said}");
    (target, digest.to_owned())
}

#[test]
fn each_does_what_it_says() {
    let home = tempfile::tempdir().unwrap();
    let (pack, digest) = pack(home.path());
    let list = says("list", &[&pack]);
    let names: Vec<_> = list.lines().filter_map(|line| line.split_whitespace().last()).collect();
    assert_eq!(names, ["animals.csv", "gradient.png", "poems.zip"]);
    assert_eq!(says("slice", &[&pack, "animals.csv", "17", "7"]), "cat,4,4");
    assert!(says("read_zip", &[&pack, "poems.zip"]).ends_with("Tyger Tyger, burning bright,\n"));
    assert_eq!(says("read_image", &[&pack, "gradient.png"]), "gradient.png: 32 x 24 pixels\n");
    assert_eq!(says("read_csv", &[&pack, "animals.csv", "legs"]), "14\n");
    assert_eq!(says("threads", &[&pack, "3"]), "1854 bytes\n");
    assert_eq!(says("tokio", &[&pack, "animals.csv"]), "animals.csv: 53 bytes\n");

    let server = Server::start(Manner::Normal);
    let url = server.put("sample.pack", std::fs::read(&pack).unwrap());
    let read = says("remote", &[&url, &digest, "animals.csv"]);
    assert!(read.starts_with("animals.csv: 53 bytes, "), "{read}");
    let other = digest.replace(['0', '1', '2', '3'], "4");
    assert!(!run("remote", &[&url, &other, "animals.csv"]).status.success());
}

/// Lines of code without what a formatter changes.
fn lines_of(code: &str) -> String {
    code.chars().filter(|c| !c.is_whitespace() && *c != ',').collect()
}

#[test]
fn what_the_readme_shows_runs() {
    let readme = std::fs::read_to_string(support::file("../README.md")).unwrap();
    let mut shown = readme.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let example = std::fs::read_to_string(folder().join("readme.rs")).unwrap();
    assert!(lines_of(&example).contains(&lines_of(shown.next().unwrap())));
    // Only browsers run the other; `cargo xtask page --test` compiles it.
    let page = std::fs::read_to_string(support::file("../reader-wasm/tests/web/tests.rs")).unwrap();
    assert!(lines_of(&page).contains(&lines_of(shown.next().unwrap())));
    assert!(shown.next().is_none());

    let home = tempfile::tempdir().unwrap();
    for (name, content) in
        [("cats/1.jpg", "cat"), ("notes/readme.txt", "of cats"), ("cats.zip", "")]
    {
        let path = home.path().join("photos").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let output = command("readme").current_dir(home.path()).output().unwrap();
    let says = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(says, "cats/1.jpg\nSome(3) bytes, \"of cats\", 0 bytes\n", "{output:?}");
}

#[test]
fn packing_stops_when_it_is_told_to() {
    let home = tempfile::tempdir().unwrap();
    let source = home.path().join("many");
    std::fs::create_dir(&source).unwrap();
    for number in 0..1000 {
        std::fs::write(source.join(format!("{number}")), [b'x'; 100]).unwrap();
    }
    let target = home.path().join("many.pack");
    let arguments = [source.to_str().unwrap(), target.to_str().unwrap(), "5000"];
    assert_eq!(says("pack", &arguments), "stopped: more than 5000 bytes\n");
    assert!(!target.exists());
}

/// Every example is tried here.
#[test]
fn none_is_forgotten() {
    let this = std::fs::read_to_string(support::file("tests/examples.rs")).unwrap();
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(name) = name.strip_suffix(".rs") {
            assert!(
                this.contains(&format!("\"{name}\", &[&")) || ["pack", "readme"].contains(&name),
                "{name}"
            );
        }
    }
}

/// The command has options; the library has fields, and its errors are for everybody.
#[test]
fn the_library_names_no_options_of_the_command() {
    fn search(folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                search(&path);
            } else {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
                for line in code {
                    let is_option = |(at, _): (usize, &str)| {
                        line[at + 2..].starts_with(|c: char| c.is_ascii_lowercase())
                    };
                    assert!(!line.match_indices("--").any(is_option), "{}: {line}", path.display());
                }
            }
        }
    }
    search(&support::file("../packer/src"));
}
