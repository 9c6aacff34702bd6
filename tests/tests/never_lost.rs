//! Nothing that was packed is lost to a torn write, a wrong index, a second writer or a damaged line.

use rangepack::{
    ContainerProblem, CreateOptions, Error, FinalizeOptions, IndexFormat, IndexOptions,
};
use rangepack::{IndexTarget, NdjsonOptions, Pack, RebuildOptions, Tail, Unfinished};
use rangepack::{create, finalize, rebuild, sidecar_path, write_ndjson};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{FileExt, PermissionsExt};
use support::home::{Home, finalizing, problem};

const FORMATS: [IndexFormat; 3] = [IndexFormat::Both, IndexFormat::Paged, IndexFormat::Ndjson];

fn filled(files: usize) -> Home {
    let home = Home::new();
    for n in 0..files {
        home.write(&format!("file {n:04}"), format!("{n} ").repeat(50).as_bytes());
    }
    home
}

fn in_format(format: IndexFormat) -> CreateOptions {
    let mut options = finalizing();
    options.pack.index.format = format;
    options
}

/// A page of the index inside is not what was written, as a power cut may leave it.
#[test]
fn a_torn_index_inside_is_made_again_from_the_one_beside() {
    for format in FORMATS {
        let home = filled(300);
        home.create();
        let payloads = home.at("c").metadata().unwrap().len();
        home.create_with(&in_format(format)).unwrap();
        let (whole, index) = (fs::read(home.at("c")).unwrap(), fs::read(home.at("c.idx")).unwrap());
        let mut pages: Vec<u64> = (payloads..whole.len() as u64).step_by(4096).collect();
        pages.push(whole.len() as u64 - 100);
        for page in pages {
            let tear = || {
                fs::write(home.at("c"), &whole).unwrap();
                fs::write(home.at("c.idx"), &index).unwrap();
                let file = OpenOptions::new().write(true).open(home.at("c")).unwrap();
                let len = (whole.len() as u64 - page).min(4096);
                file.write_all_at(&vec![0; len as usize], page).unwrap();
            };
            tear();
            let mut options = in_format(format);
            options.remove_index = true;
            home.create_with(&options).unwrap();
            home.check();
            tear();
            let mut options = FinalizeOptions::default();
            options.index.format = format;
            let done = finalize(home.at("c"), None, &options, &());
            // Zeros in place of zeros tear nothing.
            let is_whole = fs::read(home.at("c")).unwrap() == whole;
            assert!(done.is_ok() || is_whole, "{format:?}, {page}: {done:?}");
            home.check();
        }
    }
}

#[test]
fn a_torn_index_without_one_beside_is_an_error() {
    let home = filled(300);
    let mut options = finalizing();
    options.remove_index = true;
    home.create_with(&options).unwrap();
    let bytes = fs::read(home.at("c")).unwrap();
    let trailer = bytes.windows(8).position(|window| window == b"CTNRv1__").unwrap();
    let mut torn = bytes.clone();
    torn[trailer + 500] ^= 1;
    fs::write(home.at("c"), torn).unwrap();
    home.is_refused(&CreateOptions::default(), |error| {
        matches!(problem(error), Some(ContainerProblem::Damaged { .. }))
    });
}

#[test]
fn another_container_s_index_and_an_older_one_cut_nothing() {
    let (home, other) = (filled(20), Home::new());
    home.create();
    other.create();
    let (container, index) = (home.at("c"), home.at("c.idx"));
    let lines = home.lines();
    let whole = fs::read(&index).unwrap();
    for wrong in [
        fs::read(other.at("c.idx")).unwrap(),
        // What a copy made earlier looks like, and one without notes, as the old program writes it.
        whole[..whole.len() / 2].to_vec(),
        (lines[..3].join("\n") + "\n").into_bytes(),
    ] {
        fs::write(&index, &wrong).unwrap();
        for finish in [false, true] {
            let mut options = CreateOptions::default();
            options.reopen = true;
            options.finalize = finish;
            home.is_refused(&options, |error| {
                matches!(
                    problem(error),
                    Some(ContainerProblem::Foreign { .. } | ContainerProblem::Tail { .. })
                )
            });
        }
        let before = home.files();
        finalize(&container, None, &FinalizeOptions::default(), &()).unwrap_err();
        assert!(home.files() == before);
    }
    // The bytes can be kept: they stay where they are, and what they were is packed again.
    fs::write(&index, lines[..3].join("\n") + "\n").unwrap();
    let before = fs::read(&container).unwrap();
    let mut options = finalizing();
    options.tail = Tail::Keep;
    assert_eq!(home.create_with(&options).unwrap().summary.files, 20);
    assert!(fs::read(&container).unwrap().starts_with(&before));
    home.check();
    // Readers of the old format know a trailer by what lies before it.
    fs::write(&index, lines[..3].join("\n") + "\n").unwrap();
    fs::write(&container, before).unwrap();
    let mut keeping = FinalizeOptions::default();
    (keeping.tail, keeping.index.format) = (Tail::Keep, IndexFormat::Ndjson);
    let error = finalize(&container, None, &keeping, &()).unwrap_err();
    assert_eq!(problem(&error), Some(&ContainerProblem::KeepsNoTail));
}

/// Every bit of a journal: either it is told, or it changes nothing.
#[test]
fn changed_bits_of_a_journal_are_found() {
    let home = Home::new();
    home.create();
    let (container, whole) = (fs::read(home.at("c")).unwrap(), fs::read(home.at("c.idx")).unwrap());
    let expected = Pack::open(home.at("c")).unwrap();
    let expected: Vec<_> =
        expected.entries().map(|entry| entry.unwrap().to_entry().unwrap()).collect();
    // One of each byte: all take long.
    for bit in (0..whole.len()).map(|byte| byte * 8 + byte % 8) {
        let mut changed = whole.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        fs::write(home.at("c.idx"), &changed).unwrap();
        fs::write(home.at("c"), &container).unwrap();
        let mut options = FinalizeOptions::default();
        options.remove_index = true;
        match finalize(home.at("c"), None, &options, &()) {
            Ok(_) => {
                let pack = Pack::open(home.at("c")).unwrap();
                let found = pack.entries().map(|entry| entry.unwrap().to_entry().unwrap());
                assert!(found.eq(expected.iter().cloned()), "bit {bit}");
            }
            Err(error) => {
                assert!(error.to_string().contains("c"), "{error}");
                assert!(fs::read(home.at("c.idx")).unwrap() == changed, "bit {bit}");
                assert!(fs::read(home.at("c")).unwrap() == container, "bit {bit}");
            }
        }
    }
}

#[test]
fn a_damaged_line_is_named() {
    let home = filled(20);
    home.create();
    let text = fs::read_to_string(home.at("c.idx")).unwrap();
    let damaged = text.replacen("\"offset\": ", "\"offset\"; ", 1);
    fs::write(home.at("c.idx"), damaged).unwrap();
    let line = text.lines().position(|line| line.starts_with('{')).unwrap() as u64 + 1;
    let is_named = |error: &Error| {
        matches!(problem(error), Some(ContainerProblem::BadLine { number, problem: None, .. })
            if *number == line)
    };
    home.is_refused(&CreateOptions::default(), is_named);
    home.is_refused(&finalizing(), is_named);
    let error = finalize(home.at("c"), None, &FinalizeOptions::default(), &()).unwrap_err();
    assert!(is_named(&error) && error.to_string().contains("line"), "{error}");
    // The way out: without the line the file is packed again.
    let without: Vec<_> = text.lines().filter(|other| !other.contains("\"a\"")).collect();
    fs::write(home.at("c.idx"), without.join("\n") + "\n").unwrap();
    assert_eq!(home.create().summary.files, 1);
    home.check();
}

/// Lines that were being appended when the power failed: any part of them may be missing.
#[test]
fn lines_that_were_being_appended_are_dropped() {
    let home = filled(40);
    let mut options = CreateOptions::default();
    options.reopen = true;
    (options.fsync_every, options.index_batch) = (8, Some(8));
    home.create_with(&options).unwrap();
    let (container, whole) =
        (fs::read(home.at("c")).unwrap(), fs::read_to_string(home.at("c.idx")).unwrap());
    // The last append of lines, and the note behind them; the run did not come to its end.
    let end = whole.rfind("# until 0").unwrap();
    let lines = &whole[..end];
    let last = lines[..lines.trim_end().rfind('\n').unwrap()].rfind("\n#").unwrap();
    let start = lines[last + 1..].find('\n').unwrap() + last + 2;
    for hole in (start..end).step_by(100) {
        let mut torn = lines.as_bytes().to_vec();
        let stop = (hole + 512).min(end);
        torn[hole..stop].fill(0);
        fs::write(home.at("c.idx"), torn).unwrap();
        fs::write(home.at("c"), &container).unwrap();
        let created = home.create_with(&options).unwrap();
        assert!(created.summary.files <= 8 && created.resumed.unwrap().journal.torn > 0);
        home.check();
    }
    // The same further up was on disk for good.
    let mut damaged = lines.as_bytes().to_vec();
    damaged[400..912].fill(0);
    fs::write(home.at("c.idx"), damaged).unwrap();
    home.is_refused(&options, |error| {
        matches!(problem(error), Some(ContainerProblem::BadLine { .. }))
    });
}

#[test]
fn an_existing_index_is_replaced_by_force_and_only_by_all_of_it() {
    let home = filled(5);
    home.create_with(&finalizing()).unwrap();
    let (pack, mut by_force) = (Pack::open(home.at("c")).unwrap(), NdjsonOptions::default());
    by_force.overwrite = true;
    let write = |name: &str, options| write_ndjson(&pack, home.at(name), options, &());
    fs::write(home.at("thesis.txt"), "all of it").unwrap();
    for name in ["thesis.txt", "c.idx"] {
        let error = write(name, NdjsonOptions::default()).unwrap_err();
        assert!(matches!(error, Error::Exists { .. }), "{error}");
    }
    write("c.idx", by_force).unwrap();
    write("thesis.txt", by_force).unwrap();
    home.check();
    // An index that knows more is never replaced.
    let other = Home::new();
    other.write("more", b"than the other");
    other.create();
    fs::copy(other.at("c.idx"), home.at("other.idx")).unwrap();
    let before = home.files();
    let error = write("other.idx", by_force).unwrap_err();
    assert!(
        matches!(problem(&error), Some(ContainerProblem::WouldLose { entry }) if entry == "more")
    );
    assert!(home.files() == before);
    // Nor is one replaced by a paged one.
    let mut options = RebuildOptions::default();
    let open = home.at("open");
    fs::copy(other.at("c"), &open).unwrap();
    fs::copy(other.at("c.idx"), home.at("open.idx")).unwrap();
    options.overwrite = true;
    let beside = |name: &str, options: &RebuildOptions| {
        rebuild(&open, &IndexTarget::Beside(home.at(name)), options, &())
    };
    assert!(matches!(beside("open.idx", &options), Err(Error::Exists { .. })));
    beside("open.rpx", &options).unwrap();
    assert!(matches!(beside("open.rpx", &RebuildOptions::default()), Err(Error::Exists { .. })));
    beside("open.rpx", &options).unwrap();
}

/// Whoever writes a container or an index of it keeps all others away.
#[test]
fn one_writer_at_a_time() {
    let home = filled(5);
    home.create();
    let pack = Pack::open(home.at("c")).unwrap();
    let locked = fs::File::open(home.at("c")).unwrap();
    locked.lock().unwrap();
    let before = home.files();
    let mut by_force = NdjsonOptions::default();
    by_force.overwrite = true;
    let mut options = RebuildOptions::default();
    options.overwrite = true;
    let beside = IndexTarget::Beside(sidecar_path(&home.at("c")));
    let other = Home::new();
    other.create();
    let others = Pack::open(other.at("c")).unwrap();
    for result in [
        create(home.at("source"), home.at("c"), &CreateOptions::default(), &()).map(|_| ()),
        finalize(home.at("c"), None, &FinalizeOptions::default(), &()).map(|_| ()),
        write_ndjson(&pack, home.at("c.idx"), by_force, &()).map(|_| ()),
        // Another pack's lines under this one's name.
        write_ndjson(&others, home.at("c.idx"), by_force, &()).map(|_| ()),
        rebuild(home.at("c"), &beside, &options, &()).map(|_| ()),
        rebuild(home.at("c"), &IndexTarget::InPlace(IndexOptions::default()), &options, &())
            .map(|_| ()),
    ] {
        let error = result.unwrap_err();
        assert_eq!(problem(&error), Some(&ContainerProblem::Locked), "{error}");
    }
    assert!(home.files() == before);
}

/// The last payload of a container that only old readers are to read is no entry's any more.
#[test]
fn a_superseded_last_payload_goes_with_its_line() {
    let home = Home::new();
    home.create();
    home.write("c", b"content of a");
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    let file = fs::File::options().write(true).open(home.at("source").join("c")).unwrap();
    file.set_modified(time).unwrap();
    let mut options = in_format(IndexFormat::Ndjson);
    options.remove_index = true;
    home.create_with(&options).unwrap();
    home.check();
    home.write("d", b"new");
    home.create();
    home.create_with(&options).unwrap();
    assert_eq!(home.check().header().entries, 4);
}

#[test]
fn a_pack_at_the_end_of_an_unfinished_container_is_not_taken_for_it() {
    for format in FORMATS {
        let (inner, home) = (Home::new(), Home::new());
        inner.create_with(&in_format(format)).unwrap();
        home.write("z", &fs::read(inner.at("c")).unwrap());
        home.create();
        fs::remove_file(home.at("c.idx")).unwrap();
        // Its entries lie elsewhere; or, by accident, where the same files lie, but then they are not all.
        match Pack::open(home.at("c")) {
            Ok(pack) => assert!(pack.notes().misfit, "{format:?}"),
            Err(error) => assert!(error.is_bad_pack(), "{error}"),
        }
        home.is_refused(&CreateOptions::default(), |error| {
            matches!(problem(error), Some(ContainerProblem::IndexMissing { .. }))
        });
    }
}

#[test]
fn an_unfinished_container_says_so() {
    let home = filled(5);
    home.create();
    let state = || Pack::open(home.at("c")).unwrap().notes().unfinished;
    assert_eq!(state(), Some(Unfinished::default()));
    // The run did not come to its end.
    let text = fs::read_to_string(home.at("c.idx")).unwrap();
    fs::write(home.at("c.idx"), &text[..text.rfind("# until 0").unwrap()]).unwrap();
    let mut container = OpenOptions::new().append(true).open(home.at("c")).unwrap();
    std::io::Write::write_all(&mut container, b"part").unwrap();
    let state = state().unwrap();
    assert!(state.interrupted && state.unnamed == 4, "{state:?}");
    home.finalize_cutting();
    assert_eq!(Pack::open(home.at("c")).unwrap().notes().unfinished, None);
}

#[test]
fn modes_owners_and_targets_that_change_are_noticed() {
    let home = Home::new();
    let source = home.at("source");
    std::os::unix::fs::symlink("one", source.join("link")).unwrap();
    home.create();
    fs::set_permissions(source.join("a"), fs::Permissions::from_mode(0o600)).unwrap();
    let times = fs::symlink_metadata(source.join("link")).unwrap().modified().unwrap();
    fs::remove_file(source.join("link")).unwrap();
    std::os::unix::fs::symlink("two", source.join("link")).unwrap();
    let time = rustix::fs::Timespec {
        tv_sec: times.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64,
        tv_nsec: times.duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos().into(),
    };
    let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    rustix::fs::utimensat(rustix::fs::CWD, source.join("link"), &times, flags).unwrap();
    let summary = home.create_with(&finalizing()).unwrap().summary;
    assert_eq!((summary.files, summary.symlinks, summary.changed), (1, 1, 2));
    let pack = Pack::open(home.at("c")).unwrap();
    let entry = |path: &str| {
        let path = rangepack_core::PackPath::new(path.as_bytes()).unwrap();
        pack.find(path).unwrap().unwrap().to_entry().unwrap()
    };
    assert_eq!(entry("a").mode, Some(0o600));
    assert_eq!(entry("link").kind, rangepack_core::Kind::Symlink(b"two".to_vec()));
}

/// Old readers look for the trailer in the last 128 MiB only.
#[test]
fn a_trailer_is_found_however_long_it_is() {
    let home = Home::new();
    let mut options = in_format(IndexFormat::Ndjson);
    options.remove_index = true;
    home.create_with(&options).unwrap();
    let whole = fs::read(home.at("c")).unwrap();
    let magic = whole.windows(8).position(|window| window == b"CTNRv1__").unwrap();
    let mut long = whole[..magic].to_vec();
    let mut text = whole[magic + 16..].to_vec();
    text.resize(129 << 20, b'\n');
    long.extend(rangepack_core::trailer::trailer_header(text.len() as u64));
    long.extend(text);
    fs::write(home.at("c"), long).unwrap();
    assert_eq!(home.check().header().entries, 3);
    home.write("d", b"new");
    assert_eq!(home.create_with(&options).unwrap().summary.files, 1);
    home.check();
}
