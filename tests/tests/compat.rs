//! What Rangepack writes by default, read by the rules of the old programs: `compat/check_v1.py`.

use rangepack::{CreateOptions, create};
use rangepack::{PackOptions, pack};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

/// Whether the checker is content; `None` without Python.
fn check(arguments: &[&OsStr]) -> Option<(bool, String)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("compat/check_v1.py");
    match Command::new("python3").arg(script).args(arguments).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            Some((output.status.success(), String::from_utf8_lossy(&text).into_owned()))
        }
        Err(_) => {
            eprintln!("python3 is not here: not checked");
            None
        }
    }
}

fn is_fine(container: &Path, source: &Path) {
    if let Some((fine, report)) = check(&[container.as_os_str(), source.as_os_str()]) {
        assert!(fine, "{report}");
    }
}

fn is_refused(container: &Path, source: &Path, word: &str) {
    if let Some((fine, report)) = check(&[container.as_os_str(), source.as_os_str()]) {
        assert!(!fine && report.contains(word), "{report}");
    }
}

fn strange_tree(source: &Path) {
    fs::create_dir_all(source.join("sub/deep")).unwrap();
    fs::create_dir(source.join("empty")).unwrap();
    for name in [
        &b"CTNRv1__"[..],
        b"a CTNRv1__ in the middle",
        b"quote\"back\\slash",
        b"line\nbreak\r\x1c",
        "u2028 \u{2028} \u{85}".as_bytes(),
        b"\xff\xfe not unicode",
        b"sub/deep/file",
    ] {
        fs::write(source.join(OsStr::from_bytes(name)), [name, b" content"].concat()).unwrap();
    }
    let magic = [b"CTNRv1__\x40\0\0\0\0\0\0\0{\"relpath\": \"x\"}\n".as_slice(); 9].concat();
    fs::write(source.join("magic"), &magic).unwrap();
    fs::write(source.join("zzz"), [magic.as_slice(), &vec![7; 700_000]].concat()).unwrap();
    fs::write(source.join("zzzz"), magic).unwrap();
    fs::write(source.join("nothing"), b"").unwrap();
    std::os::unix::fs::symlink("magic", source.join("link")).unwrap();
}

#[test]
fn trees_of_all_kinds() {
    let home = tempfile::tempdir().unwrap();
    let (strange, one, none) =
        (home.path().join("strange"), home.path().join("one"), home.path().join("none"));
    strange_tree(&strange);
    fs::create_dir(&one).unwrap();
    fs::write(one.join("only"), b"only").unwrap();
    fs::create_dir(&none).unwrap();
    for source in [&strange, &one, &none] {
        for compress in [None, Some(6)] {
            let mut options = PackOptions::default();
            options.compress = compress.map(rangepack::Compression::Gzip);
            options.overwrite = true;
            let target = home.path().join("x.pack");
            pack(source, &target, &options, &()).unwrap();
            is_fine(&target, source);

            let mut options = CreateOptions::default();
            options.pack.compress = compress.map(rangepack::Compression::Gzip);
            options.finalize = true;
            let name = format!("{:?}{compress:?}.container", source.file_name().unwrap());
            let container = home.path().join(name);
            create(source, &container, &options, &()).unwrap();
            is_fine(&container, source);
        }
    }
}

#[test]
fn the_journal_of_an_unfinished_container() {
    let home = tempfile::tempdir().unwrap();
    let (source, container) = (home.path().join("source"), home.path().join("x.container"));
    strange_tree(&source);
    create(&source, &container, &CreateOptions::default(), &()).unwrap();
    let index = home.path().join("x.container.idx");
    let arguments = [
        OsStr::new("--idx"),
        index.as_os_str(),
        OsStr::new("--allow-directories"),
        container.as_os_str(),
        source.as_os_str(),
    ];
    if let Some((fine, report)) = check(&arguments) {
        assert!(fine, "{report}");
    }
}

#[test]
fn what_is_wrong_is_noticed() {
    let home = tempfile::tempdir().unwrap();
    let (source, target) = (home.path().join("source"), home.path().join("x.pack"));
    fs::create_dir(&source).unwrap();
    for (name, content) in [("a", &b"first"[..]), ("b", b"second")] {
        fs::write(source.join(name), content).unwrap();
    }
    let mut options = PackOptions::default();
    options.overwrite = true;
    pack(&source, &target, &options, &()).unwrap();
    is_fine(&target, &source);
    let sound = fs::read(&target).unwrap();

    let tamper = |change: &dyn Fn(&mut Vec<u8>), word: &str| {
        let mut bytes = sound.clone();
        change(&mut bytes);
        fs::write(&target, bytes).unwrap();
        is_refused(&target, &source, word);
    };
    tamper(&|bytes| bytes[0] ^= 1, "sha256");
    tamper(&|bytes| bytes.extend(b"CTNRv1__"), "length");
    tamper(&|bytes| bytes.extend(b"CTNRv1__\x02\0\0\0\0\0\0\0[]"), "missing");
    tamper(&|bytes| bytes.extend(b"CTNRv1__\0\0\0\0\0\0\0\0"), "cannot be");
    tamper(&|bytes| bytes.extend(b"CTNRv1__\x09\0\0\0\0\0\0\0{\"a\": 1}\n"), "single line");
    tamper(&|bytes| bytes.truncate(8), "no magic");

    fs::write(&target, &sound).unwrap();
    fs::write(source.join("a"), b"FIRST").unwrap();
    is_refused(&target, &source, "another content");
    fs::write(source.join("a"), b"first").unwrap();
    fs::write(source.join("c"), b"").unwrap();
    is_refused(&target, &source, "missing");
    fs::remove_file(source.join("c")).unwrap();
    fs::remove_file(source.join("b")).unwrap();
    is_refused(&target, &source, "not in the source");

    fs::write(source.join("a"), b"aa".repeat(50)).unwrap();
    fs::create_dir(source.join("d")).unwrap();
    options.compress = Some(rangepack::Compression::Gzip(6));
    pack(&source, &target, &options, &()).unwrap();
    is_fine(&target, &source);
    options.index.directories = rangepack::DirectoryLines::Always;
    pack(&source, &target, &options, &()).unwrap();
    is_refused(&target, &source, "directories");
}
