//! Containers continued after all kinds of accidents, through the public interface.

use rangepack::IndexFormat;
use rangepack::{ContainerProblem, Error, Pack};
use rangepack::{CreateOptions, Tail, create};
use rangepack::{Event, Observer, PackOptions, pack};
use rangepack::{FinalizeOptions, finalize};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use support::home::{Home, finalizing, problem};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/seed-formats").join(name)
}

#[test]
fn continued_and_changed_files_packed_anew() {
    let home = Home::new();
    let created = home.create();
    assert!(created.resumed.is_none() && created.finished.is_none());
    assert_eq!(created.summary.files, 3);
    home.write("b", b"longer than it was before");
    home.write("d", b"new");
    // Same length, another time.
    home.write("c", b"CONTENT OF C");
    filetime_of(&home.at("source").join("c"));
    let created = home.create();
    let summary = created.summary;
    assert_eq!((summary.files, summary.changed, summary.unchanged), (3, 2, 1));
    assert_eq!(created.resumed.unwrap().journal.entries, 3);
    home.check();
    home.finalize();
    assert_eq!(home.check().header().entries, 4);
    // Finalized, and nothing new: nothing is touched, with and without the index beside it.
    for remove in [false, true] {
        if remove {
            fs::remove_file(home.at("c.idx")).unwrap();
        }
        let before = home.files();
        let created = home.create();
        assert!(created.resumed.unwrap().reopened);
        assert_eq!((created.summary.files, created.summary.unchanged), (0, 4));
        assert!(home.files() == before);
    }
    // Something new: the index comes back first.
    home.write("e", b"even newer");
    let created = home.create_with(&finalizing()).unwrap();
    assert!(created.resumed.unwrap().reopened && created.finished.is_some());
    assert_eq!(created.summary.files, 1);
    assert_eq!(home.check().header().entries, 5);
}

#[test]
fn a_finished_container_is_opened_again_only_when_that_is_asked_for() {
    let home = Home::new();
    home.create_with(&finalizing()).unwrap();
    fs::remove_file(home.at("c.idx")).unwrap();
    let mut options = CreateOptions::default();
    let run = |options: &CreateOptions| create(home.at("source"), home.at("c"), options, &());
    assert_eq!(run(&options).unwrap().summary.unchanged, 3);
    for name in ["bytes", "empty"] {
        home.write(name, if name == "empty" { b"" } else { b"some" });
        let before = home.files();
        for (dry_run, finalize) in [(false, false), (true, false), (false, true)] {
            (options.dry_run, options.finalize) = (dry_run, finalize);
            let refused = run(&options).unwrap_err();
            let problem = ContainerProblem::Finished;
            assert!(matches!(refused, Error::Container { problem: found, .. } if found == problem));
            assert!(home.files() == before, "nothing was touched");
        }
        fs::remove_file(home.at("source").join(name)).unwrap();
    }
    home.write("more", b"more");
    options.reopen = true;
    run(&options).unwrap();
    assert_eq!(home.check().header().entries, 4);
}

/// Gives a file a time that it cannot have by accident.
fn filetime_of(path: &Path) {
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    fs::File::options().write(true).open(path).unwrap().set_modified(time).unwrap();
}

#[test]
fn torn_lines_lost_newlines_and_bytes_without_a_line() {
    let home = Home::new();
    home.create();
    let mut index = OpenOptions::new().append(true).open(home.at("c.idx")).unwrap();
    index.write_all(b"{\"relpath\": \"x\", \"off").unwrap();
    let mut container = OpenOptions::new().append(true).open(home.at("c")).unwrap();
    container.write_all(b"CTNRv1__ and more").unwrap();
    // Nobody was writing them: they may be payloads that a newer index names.
    home.is_refused(&CreateOptions::default(), |error| {
        problem(error) == Some(&ContainerProblem::Tail { bytes: 17, under_way: Some(0) })
    });
    let resumed = home.create_cutting().resumed.unwrap();
    assert_eq!((resumed.journal.torn, resumed.cut, resumed.journal.entries), (21, 17, 3));
    // A last line that lacks its newline only is whole.
    let text = fs::read(home.at("c.idx")).unwrap();
    fs::write(home.at("c.idx"), text.trim_ascii_end()).unwrap();
    home.write("d", b"new");
    let created = home.create();
    assert_eq!((created.summary.files, created.summary.unchanged), (1, 3));
    assert_eq!(created.resumed.unwrap().journal.torn, 0);
    home.finalize();
    assert_eq!(home.check().header().entries, 4);
}

#[test]
fn an_index_that_is_none_or_another_s_is_refused() {
    let home = Home::new();
    home.create();
    let index = fs::read(home.at("c.idx")).unwrap();
    fs::remove_file(home.at("c.idx")).unwrap();
    let mut dry = CreateOptions::default();
    dry.dry_run = true;
    for options in [&CreateOptions::default(), &dry, &finalizing()] {
        home.is_refused(options, |error| {
            matches!(problem(error), Some(ContainerProblem::IndexMissing { .. }))
        });
    }
    for wrong in [&b"some notes of mine\n"[..], b"some notes of mine", b"\0\0\0\0", b"{}\n{}\n"] {
        fs::write(home.at("c.idx"), wrong).unwrap();
        for options in [&CreateOptions::default(), &dry] {
            home.is_refused(options, |error| problem(error) == Some(&ContainerProblem::NoEntries));
        }
    }
    fs::write(home.at("c.idx"), &index).unwrap();
    let container = fs::read(home.at("c")).unwrap();
    fs::write(home.at("c"), &container[..container.len() - 1]).unwrap();
    for options in [&CreateOptions::default(), &dry] {
        home.is_refused(options, |error| {
            matches!(problem(error), Some(ContainerProblem::TooShort { .. }))
        });
    }
    fs::remove_file(home.at("c")).unwrap();
    for options in [&CreateOptions::default(), &dry] {
        home.is_refused(options, |error| {
            matches!(problem(error), Some(ContainerProblem::TooShort { .. }))
        });
    }
    fs::write(home.at("c"), container).unwrap();
    home.create();
    home.check();
}

#[test]
fn an_empty_index_beside_a_container_with_bytes_is_refused() {
    let home = Home::new();
    home.create();
    assert!(fs::read(home.at("c.idx")).unwrap().starts_with(b"\n# until "));
    fs::write(home.at("c.idx"), b"").unwrap();
    let mut dry = CreateOptions::default();
    dry.dry_run = true;
    for options in [&CreateOptions::default(), &dry, &finalizing()] {
        home.is_refused(options, |error| {
            matches!(problem(error), Some(ContainerProblem::Empty { .. }))
        });
    }
    let before = home.files();
    let error = finalize(home.at("c"), None, &FinalizeOptions::default(), &()).unwrap_err();
    assert!(error.to_string().contains("it is empty"), "{error}");
    assert!(home.files() == before);
    // A journal that was begun, and noted nothing, does not know the bytes that are there.
    fs::write(home.at("c.idx"), b"\n").unwrap();
    home.is_refused(&CreateOptions::default(), |error| {
        matches!(problem(error), Some(ContainerProblem::Tail { under_way: None, .. }))
    });
    assert_eq!(home.create_cutting().summary.files, 3);
    home.check();
    // Beside an empty container, or none, an empty index is as good as none.
    for container in [true, false] {
        fs::write(home.at("c.idx"), b"").unwrap();
        fs::remove_file(home.at("c")).unwrap();
        if container {
            fs::write(home.at("c"), b"").unwrap();
        }
        assert_eq!(home.create().summary.files, 3);
        home.check();
    }
    // The journal's beginning does not go into the container.
    home.finalize();
    let bytes = fs::read(home.at("c")).unwrap();
    let magic = bytes.windows(8).position(|window| window == b"CTNRv1__").unwrap();
    assert!(bytes[magic + 16..].starts_with(b"{\"relpath\""));
}

/// A first line that is torn goes, and what stands there then is a new journal.
#[test]
fn a_torn_first_line_leaves_a_new_journal() {
    let home = Home::new();
    home.create();
    fs::write(home.at("c.idx"), b"{\"relpath\": \"a\", \"off").unwrap();
    for name in ["a", "b", "c"] {
        fs::remove_file(home.at("source").join(name)).unwrap();
    }
    home.is_refused(&CreateOptions::default(), |error| {
        matches!(problem(error), Some(ContainerProblem::Tail { .. }))
    });
    assert!(home.create_cutting().resumed.is_some());
    assert!(home.lines().is_empty());
    assert_eq!(fs::read(home.at("c")).unwrap(), b"");
}

#[test]
fn without_a_source_nothing_is_made() {
    let home = Home::new();
    fs::remove_dir_all(home.at("source")).unwrap();
    home.is_refused(&CreateOptions::default(), |error| {
        matches!(error, Error::Io { action: rangepack::Action::Read, .. })
    });
    assert!(home.files().is_empty());
}

#[test]
fn an_array_is_converted_and_a_dry_run_only_reads_it() {
    let home = Home::new();
    home.create();
    let lines = home.lines();
    let array = format!("[{}]\n", lines.join(",\n"));
    let mut dry = CreateOptions::default();
    dry.dry_run = true;
    // One that breaks off stays as it is.
    fs::write(home.at("c.idx"), &array[..array.len() - 5]).unwrap();
    for options in [&CreateOptions::default(), &dry] {
        home.is_refused(options, |error| error.to_string().contains("c.idx"));
    }
    fs::write(home.at("c.idx"), &array).unwrap();
    home.write("d", b"new");
    let before = home.files();
    let created = home.create_with(&dry).unwrap();
    assert_eq!((created.summary.files, created.summary.unchanged), (1, 3));
    assert!(home.files() == before);
    let created = home.create();
    assert_eq!((created.summary.files, created.summary.unchanged), (1, 3));
    assert!(fs::read_to_string(home.at("c.idx")).unwrap().starts_with(&lines.join("\n")));
    home.check();
}

#[test]
fn a_dry_run_finds_what_a_run_finds() {
    let mut dry = CreateOptions::default();
    (dry.dry_run, dry.tail) = (true, Tail::Cut);
    let finds_the_same = |home: &Home| {
        let before = home.files();
        let found = home.create_with(&dry).unwrap().resumed;
        assert!(home.files() == before, "a dry run wrote something");
        assert_eq!(found, home.create_cutting().resumed);
        found.unwrap()
    };
    let home = Home::new();
    home.create();
    // Bytes that no line names, and a torn line.
    let mut bytes = fs::read(home.at("c")).unwrap();
    bytes.extend(b"the rest of a payload");
    fs::write(home.at("c"), bytes).unwrap();
    let mut lines = fs::read(home.at("c.idx")).unwrap();
    lines.extend(b"{\"relpath\": \"x");
    fs::write(home.at("c.idx"), lines).unwrap();
    let found = finds_the_same(&home);
    assert_eq!((found.cut, found.journal.torn, found.reopened), (21, 14, false));
    // A finalized container, with its index beside it and without.
    home.create_with(&finalizing()).unwrap();
    assert!(finds_the_same(&home).reopened);
    let _ = fs::remove_file(home.at("c.idx"));
    assert!(finds_the_same(&home).reopened);
    // One whose index names other payloads than the one inside.
    let mut ndjson = finalizing();
    ndjson.pack.index.format = IndexFormat::Ndjson;
    let home = Home::new();
    home.create_with(&ndjson).unwrap();
    let lines = home.lines();
    fs::write(home.at("c.idx"), format!("{}\n", lines[0])).unwrap();
    for options in [&CreateOptions::default(), &dry] {
        home.is_refused(options, |error| {
            matches!(problem(error), Some(ContainerProblem::Differs { .. }))
        });
    }
}

/// Stops after the first batch, or at once.
struct Stop(AtomicBool, bool);

impl Observer for Stop {
    fn event(&self, event: Event<'_>) {
        if matches!(event, Event::Packed { .. }) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn cancelled(&self) -> bool {
        self.1 || self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn an_interrupted_run_keeps_what_was_packed() {
    let home = Home::new();
    for n in 0..300 {
        home.write(&format!("n{n}"), format!("{n}").as_bytes());
    }
    let mut options = CreateOptions::default();
    options.fsync_every = 1000;
    let (source, container) = (home.at("source"), home.at("c"));
    let at_once = &Stop(AtomicBool::new(false), true);
    let error = create(&source, &container, &options, at_once).unwrap_err();
    assert!(error.is_cancelled());
    assert!(home.files().is_empty());
    let error = create(&source, &container, &options, &Stop(AtomicBool::new(false), false));
    assert!(error.is_err());
    assert_eq!(home.lines().len(), 64);
    assert_eq!(home.create().summary.unchanged, 64);
    home.finalize();
    fs::remove_file(home.at("c.idx")).unwrap();
    // Interrupted before anything was added to a finalized container: it stays as it is.
    let before = home.files();
    home.write("new", b"new");
    create(&source, &container, &options, &Stop(AtomicBool::new(false), true)).unwrap_err();
    assert!(home.files() == before);
}

#[test]
fn a_run_that_is_stopped_before_the_index_goes_in_is_continued() {
    let home = Home::new();
    let mut options = CreateOptions::default();
    options.finalize = true;
    let (source, container) = (home.at("source"), home.at("c"));
    // All lie in one batch, so it is asked again only when that is packed.
    let stop = Stop(AtomicBool::new(false), false);
    let error = create(&source, &container, &options, &stop).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    let error = finalize(&container, None, &FinalizeOptions::default(), &AtomicBool::new(true));
    assert!(error.unwrap_err().is_cancelled());
    let created = create(&source, &container, &options, &()).unwrap();
    assert!(created.is_finalized && created.summary.files == 0, "{created:?}");
    home.check();
}

/// Says stop when it was asked so often.
struct StopAt(AtomicUsize);

impl Observer for StopAt {
    fn cancelled(&self) -> bool {
        // It wraps, and stays above.
        self.0.fetch_sub(1, Ordering::Relaxed).wrapping_sub(1) > usize::MAX / 2
    }
}

#[test]
fn a_large_file_is_cancelled_between_its_blocks() {
    for compress in [None, Some(1)] {
        let home = Home::new();
        home.write("large", &b"again and again ".repeat(500_000));
        let mut options = CreateOptions::default();
        options.pack.compress = compress.map(rangepack::Compression::Gzip);
        // All lie in one batch, before which it is asked once; the large file has 31 blocks.
        let observer = StopAt(AtomicUsize::new(10));
        let (source, container) = (home.at("source"), home.at("c"));
        let error = create(&source, &container, &options, &observer).unwrap_err();
        assert!(error.is_cancelled() && error.to_string().contains("large"), "{error}");
        assert!(observer.0.into_inner() > usize::MAX - 5, "it was asked on");
        // The others are kept, and nothing of it.
        assert_eq!(Pack::open(&container).unwrap().header().entries, 3);
        assert_eq!(container.metadata().unwrap().len(), 3 * "content of a".len() as u64);
        assert_eq!(home.create_with(&options).unwrap().summary.files, 1);
        home.check();
    }
}

#[test]
fn the_old_programs_containers_go_on() {
    for (name, entries) in [
        ("plain.container", None),
        ("gzip.container", None),
        ("json-array.container", None),
        ("json-object.container", None),
        ("trailing-bytes.container", None),
        ("one-file.container", Some(1)),
        ("unfinalized.container", None),
    ] {
        let home = Home::new();
        fs::copy(fixture(name), home.at("c")).unwrap();
        let before = match fs::read(fixture("unfinalized.container.idx")) {
            Ok(index) if name == "unfinalized.container" => {
                fs::write(home.at("c.idx"), index).unwrap();
                Pack::open(home.at("c")).unwrap()
            }
            _ => Pack::open(home.at("c")).unwrap(),
        };
        let files = before.header().totals.files;
        assert!(entries.is_none_or(|entries| entries == files), "{name}");
        let created = home.create_with(&finalizing()).unwrap();
        assert_eq!(created.summary.files, 3, "{name}");
        assert!(created.resumed.is_some(), "{name}");
        assert_eq!(home.check().header().totals.files, files + 3, "{name}");
    }
}

/// A container or pack that lies in the source is the last payload.
#[test]
fn a_container_in_the_container_is_a_file() {
    for format in [IndexFormat::Ndjson, IndexFormat::Both, IndexFormat::Paged] {
        let home = Home::new();
        let mut options = PackOptions::default();
        options.index.format = format;
        pack(home.at("source"), home.at("nested"), &options, &()).unwrap();
        home.write("zz", &fs::read(home.at("nested")).unwrap());
        fs::remove_file(home.at("nested")).unwrap();
        home.create();
        assert_eq!(home.check().header().entries, 4, "{format:?}");
        assert_eq!(home.create().summary.unchanged, 4);
        home.write("zzz", b"more");
        home.create();
        assert_eq!(home.check().header().entries, 5);
        // Its payload is there, but its line is not: it is packed anew.
        fs::write(home.at("c.idx"), home.lines()[..3].join("\n") + "\n").unwrap();
        fs::remove_file(home.at("source").join("zzz")).unwrap();
        assert_eq!(Pack::open(home.at("c")).unwrap().header().entries, 3, "{format:?}");
        home.is_refused(&CreateOptions::default(), |error| {
            matches!(problem(error), Some(ContainerProblem::Tail { .. }))
        });
        assert_eq!(home.create_cutting().summary.files, 1, "{format:?}");
        home.check();
        // Without the index nothing may be believed.
        let index = fs::read(home.at("c.idx")).unwrap();
        fs::remove_file(home.at("c.idx")).unwrap();
        home.is_refused(&CreateOptions::default(), |error| {
            matches!(problem(error), Some(ContainerProblem::IndexMissing { .. }))
        });
        fs::write(home.at("c.idx"), index).unwrap();
        home.finalize();
        assert_eq!(home.check().header().entries, 4, "{format:?}");
    }
}

#[test]
fn a_finalized_container_survives_a_file_that_cannot_be_packed() {
    let home = Home::new();
    home.create_with(&finalizing()).unwrap();
    fs::remove_file(home.at("c.idx")).unwrap();
    let before = home.files();
    std::os::unix::net::UnixListener::bind(home.at("source").join("socket")).unwrap();
    let created = home.create();
    assert_eq!((created.summary.special, created.summary.files), (1, 0));
    assert!(home.files() == before);
}

#[test]
fn ndjson_becomes_paged_and_finalizing_twice_is_refused() {
    let home = Home::new();
    let mut options = finalizing();
    options.pack.index.format = IndexFormat::Ndjson;
    options.remove_index = true;
    home.create_with(&options).unwrap();
    assert!(!home.at("c.idx").exists());
    assert!(Pack::open(home.at("c")).unwrap().digest().is_none());
    let created = home.create_with(&finalizing()).unwrap();
    assert!(created.finished.is_some() && created.summary.files == 0);
    assert!(home.check().digest().is_some());
    let before = home.files();
    finalize(home.at("c"), None, &FinalizeOptions::default(), &()).unwrap_err();
    assert!(home.files() == before);
}

#[test]
fn a_directory_becomes_a_file_and_a_file_a_directory() {
    for with_index in [true, false] {
        let home = Home::new();
        let d = home.at("source").join("d");
        fs::create_dir_all(d.join("deep")).unwrap();
        home.write("d/inside", b"inside");
        home.write("d/deep/er", b"deeper");
        home.create_with(&finalizing()).unwrap();
        fs::remove_dir_all(&d).unwrap();
        home.write("d", b"a file now");
        fs::remove_file(home.at("source").join("b")).unwrap();
        fs::create_dir(home.at("source").join("b")).unwrap();
        home.write("b/x", b"x");
        let forget = || {
            if !with_index {
                fs::remove_file(home.at("c.idx")).unwrap();
            }
        };
        forget();
        let created = home.create().summary;
        assert_eq!((created.files, created.directories, created.changed), (2, 1, 2));
        let check = |replaced| {
            let pack = Pack::open(home.at("c")).unwrap();
            assert_eq!(pack.read("d").unwrap(), b"a file now");
            assert_eq!(pack.read("b/x").unwrap(), b"x");
            // a, b, b/x, c, d: everything that lay below d is gone.
            assert_eq!(pack.header().entries, 5);
            assert_eq!(pack.notes().refused.len(), replaced);
        };
        check(4);
        let created = home.create_with(&finalizing()).unwrap();
        assert_eq!((created.summary.files, created.summary.changed), (0, 0));
        assert_eq!(created.replaced.len(), 4);
        check(0);
        // And back: what was there before is packed again.
        forget();
        fs::remove_file(&d).unwrap();
        fs::create_dir_all(d.join("deep")).unwrap();
        home.write("d/deep/er", b"deeper");
        let created = home.create_with(&finalizing()).unwrap();
        assert_eq!(created.summary.files, 1);
        assert_eq!(Pack::open(home.at("c")).unwrap().read("d/deep/er").unwrap(), b"deeper");
    }
}

/// The last payload of a container may be that of a line which does not count any more.
#[test]
fn finalized_with_a_last_payload_that_no_entry_names() {
    let home = Home::new();
    home.create();
    home.write("c", b"content of a");
    filetime_of(&home.at("source").join("c"));
    home.create_with(&finalizing()).unwrap();
    let before = home.files();
    assert_eq!(home.create().summary.unchanged, 3);
    assert!(home.files() == before);
    home.write("d", b"new");
    assert_eq!(home.create().summary.files, 1);
    home.check();
}

/// What an earlier run stored is not stored again, unless it was damaged since.
#[test]
fn contents_of_earlier_runs_are_known() {
    let noise = |len: u32| -> Vec<u8> {
        (0..len).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    };
    for compress in [None, Some(6)] {
        for finalized in [false, true] {
            let home = Home::new();
            home.write("large", &noise(700_000));
            home.write("text", &b"again and again ".repeat(50_000));
            home.write("z", b"the last one proves whose index it is");
            let mut options = if finalized { finalizing() } else { CreateOptions::default() };
            options.pack.compress = compress.map(rangepack::Compression::Gzip);
            home.create_with(&options).unwrap();
            let copies = |to: &str| {
                for name in ["a", "large", "text"] {
                    let name = home.at("source").join(name);
                    fs::copy(&name, name.with_extension(to)).unwrap();
                }
            };
            copies("copy");
            let mut dry = options.clone();
            (dry.dry_run, dry.finalize) = (true, false);
            for options in [&dry, &options] {
                let summary = home.create_with(options).unwrap().summary;
                assert_eq!((summary.files, summary.duplicates, summary.stored_bytes), (3, 3, 0));
            }
            home.create_with(&finalizing()).unwrap();
            let pack = home.check();
            // The middle of each payload is damaged: copies are stored anew.
            let mut bytes = fs::read(home.at("c")).unwrap();
            for name in ["a", "large", "text"] {
                let content = *pack.open_file(name).unwrap().content();
                bytes[(content.offset + content.stored_size / 2) as usize] ^= 1;
            }
            fs::write(home.at("c"), bytes).unwrap();
            copies("again");
            let summary = home.create_with(&options).unwrap().summary;
            assert_eq!((summary.files, summary.duplicates), (3, 0));
            let pack = Pack::open(home.at("c")).unwrap();
            for name in ["a", "large", "text"] {
                let source = fs::read(home.at("source").join(name)).unwrap();
                assert!(pack.read(format!("{name}.again")).unwrap() == source);
            }
        }
    }
}

#[test]
fn an_empty_tree_and_empty_files() {
    let home = Home::new();
    for name in ["a", "b", "c"] {
        fs::remove_file(home.at("source").join(name)).unwrap();
    }
    home.create_with(&finalizing()).unwrap();
    assert_eq!(home.check().header().entries, 0);
    home.write("nothing", b"");
    home.create_with(&finalizing()).unwrap();
    assert_eq!(home.check().header().entries, 1);
    let before = home.files();
    home.create_with(&finalizing()).unwrap();
    assert!(home.files() == before);
}
