//! Packs merged with copies of what is in them, and packs that are compacted: nothing else is needed to read them.

use crate::merge::{Home, paths};
use rangepack::{
    CompactOptions, Compacted, ContainerProblem, CreateOptions, Error, IndexOptions, Location,
    MergeInput, MergeOptions, Merged, OpenOptions, Pack, PackOptions, Verify, VerifyOptions,
    compact, create, merge, pack, verify,
};
use std::fs;
use std::path::Path;
use support::server::{Manner, Server};

fn copy(home: &Home, inputs: &[MergeInput], out: &str) -> rangepack::Result<Merged> {
    merge(inputs, home.at(out), &MergeOptions::new().copy(true), &())
}

fn open(path: &Path) -> Pack {
    Pack::open_with(path, &OpenOptions::new().verify(Verify::Payloads)).unwrap()
}

/// Fails unless two packs hold the same, and the first needs no other file.
fn are_same(copied: &Pack, other: &Pack) {
    assert_eq!((copied.volume_count(), paths(copied)), (0, paths(other)));
    assert_eq!(copied.header().totals.bytes, other.header().totals.bytes);
    for path in paths(other) {
        let (ours, theirs) = (copied.metadata(&path).unwrap(), other.metadata(&path).unwrap());
        assert_eq!(ours.mode, theirs.mode);
        if theirs.is_file() {
            assert_eq!(copied.read(&path).unwrap(), other.read(&path).unwrap());
        }
    }
    let report = verify(copied, &VerifyOptions::new(), &()).unwrap();
    assert!(report.is_sound() && report.unverifiable == 0, "{report:?}");
}

#[test]
fn a_copy_needs_no_part_and_is_the_same_from_wherever_they_come() {
    let home = Home::new();
    let inputs = home.thirds();
    let made = copy(&home, &inputs, "copied.pack").unwrap();
    assert_eq!((made.volumes, made.finished.header.totals.files), (0, 902));
    let whole = home.at("whole.pack");
    pack(home.at("whole"), &whole, &PackOptions::new(), &()).unwrap();

    let server = Server::start(Manner::Normal);
    let remote: Vec<MergeInput> = inputs
        .iter()
        .map(|part| {
            let path = part.location.disk().unwrap();
            let name = path.file_name().unwrap().to_str().unwrap();
            MergeInput::new(server.put(name, fs::read(path).unwrap()).as_str())
        })
        .collect();
    let (before, _) = server.taken();
    copy(&home, &remote, "fetched.pack").unwrap();
    let requests = server.taken().0 - before;
    assert!(requests < 60, "{requests} requests for 900 small files and a large one");
    // So does a merged pack, whose parts they are.
    home.merge(&inputs).unwrap();
    copy(&home, &[MergeInput::new(home.at("all.pack"))], "again.pack").unwrap();

    for part in ["a.pack", "b.pack", "c.pack", "all.pack"] {
        fs::remove_file(home.at(part)).unwrap();
    }
    let copied = fs::read(home.at("copied.pack")).unwrap();
    assert!(copied == fs::read(home.at("fetched.pack")).unwrap());
    assert!(copied == fs::read(home.at("again.pack")).unwrap());
    let whole = Pack::open(whole).unwrap();
    are_same(&open(&home.at("copied.pack")), &whole);
    assert_eq!(open(&home.at("copied.pack")).header().tree_digest, whole.header().tree_digest);
}

#[test]
fn what_is_there_twice_is_stored_once() {
    let home = Home::new();
    let content = b"the same in both".repeat(50);
    for part in ["a", "b"] {
        home.write(&format!("{part}/{part}"), &content);
    }
    home.write("a/linked", "one file of two names");
    #[cfg(unix)]
    fs::hard_link(home.at("a/linked"), home.at("a/other")).unwrap();
    let inputs = ["a", "b"].map(|name| home.pack(name, &PackOptions::new()));
    copy(&home, &inputs, "copied.pack").unwrap();
    let copied = open(&home.at("copied.pack"));
    let offset = |path: &str| copied.metadata(path).unwrap().content().unwrap().offset;
    assert_eq!(offset("a"), offset("b"));
    #[cfg(unix)]
    {
        let group = |path: &str| copied.metadata(path).unwrap().content().unwrap().hard_link;
        assert_eq!((group("linked"), offset("linked")), (Some(1), offset("other")));
        assert_eq!(group("other"), Some(1));
    }
    assert_eq!(copied.header().payload_end(), content.len() as u64 + 21);
    assert!(verify(&copied, &VerifyOptions::new(), &()).unwrap().is_sound());

    let options = MergeOptions::new().copy(true).align(4096).index(IndexOptions::default());
    merge(&inputs, home.at("aligned.pack"), &options, &()).unwrap();
    let aligned = open(&home.at("aligned.pack"));
    for path in ["a", "b", "linked"] {
        assert_eq!(aligned.metadata(path).unwrap().content().unwrap().offset % 4096, 0);
    }
    assert!(verify(&aligned, &VerifyOptions::new(), &()).unwrap().is_sound());
}

#[test]
fn what_is_damaged_is_named_and_nothing_appears() {
    let home = Home::new();
    let inputs = home.thirds();
    let part = home.at("b.pack");
    let sound = fs::read(&part).unwrap();
    for path in ["data/large.bin", "data/1/1.json"] {
        let content = *Pack::open(&part).unwrap().metadata(path).unwrap().content().unwrap();
        let table = content.blocks.map(|blocks| blocks.offset);
        for place in [Some(content.offset + content.stored_size / 2), table].into_iter().flatten() {
            let mut damaged = sound.clone();
            damaged[place as usize] ^= 1;
            fs::write(&part, &damaged).unwrap();
            let error = copy(&home, &inputs, "copied.pack").unwrap_err();
            let Error::Entry { pack, entry, .. } = &error else { panic!("{error}") };
            assert_eq!((pack, entry.as_bytes()), (&Location::from(&*part), path.as_bytes()));
            assert!(!home.at("copied.pack").exists());
        }
    }
    fs::write(&part, &sound).unwrap();
    let out = home.at("b.pack");
    let options = MergeOptions::new().copy(true).overwrite(true);
    let error = merge(&inputs, &out, &options, &()).unwrap_err();
    assert!(matches!(error, Error::SameFile { .. }), "{error}");
    assert!(fs::read(&out).unwrap() == sound);
}

#[test]
fn old_containers_get_digests() {
    let home = Home::new();
    let golden = |name: &str| support::file("golden").join(name);
    for name in ["fpack.fpack", "json-array.container", "sidecar.pack", "attributes.pack"] {
        let out = format!("{name}.pack");
        copy(&home, &[MergeInput::new(golden(name))], &out).unwrap();
        are_same(&open(&home.at(&out)), &Pack::open(golden(name)).unwrap());
    }
}

/// Whatever they say: it comes to an end, and what appears is a pack.
#[test]
fn hostile_packs_are_copied_or_refused() {
    let home = Home::new();
    for path in support::files("hostile", "") {
        let out = home.at("copied.pack");
        let options = MergeOptions::new().copy(true).overwrite(true);
        if merge(&[MergeInput::new(&path)], &out, &options, &()).is_ok() {
            Pack::open(&out).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        fs::copy(&path, home.at("itself.pack")).unwrap();
        let _ = compact(home.at("itself.pack"), &CompactOptions::new(), &());
    }
}

/// A pack of which some bytes are named by nothing any more, with all that is to be kept.
fn grown(home: &Home) -> std::path::PathBuf {
    home.write("src/kept", "kept");
    home.write("src/changed", b"before ".repeat(1000));
    let container = home.at("grown.pack");
    create(home.at("src"), &container, &CreateOptions::new(), &()).unwrap();
    home.write("src/changed", "after");
    create(home.at("src"), &container, &CreateOptions::new().finalize(true), &()).unwrap();
    container
}

#[test]
fn compacting_gives_back_what_nothing_names() {
    let home = Home::new();
    let pack = grown(&home);
    let before = Pack::open(&pack).unwrap();
    let run = || compact(&pack, &CompactOptions::new(), &());
    let Compacted { finished, file_len_before, .. } = run().unwrap();
    assert!(file_len_before - finished.file_len >= 7000);
    assert_eq!(fs::metadata(&pack).unwrap().len(), finished.file_len);
    let after = open(&pack);
    are_same(&after, &before);
    for path in paths(&before) {
        assert_eq!(after.metadata(&path).unwrap().mtime, before.metadata(&path).unwrap().mtime);
    }
    let has_trailer = |pack: &Pack| pack.header().section(rangepack::Tag::TRAILER).is_some();
    assert_eq!(has_trailer(&after), has_trailer(&before));
    // Once more changes nothing.
    let bytes = fs::read(&pack).unwrap();
    run().unwrap();
    assert!(fs::read(&pack).unwrap() == bytes);

    // Somebody packs into it.
    let locked = fs::File::options().write(true).open(&pack).unwrap();
    locked.lock().unwrap();
    let error = run().unwrap_err();
    assert!(matches!(error, Error::Container { problem: ContainerProblem::Locked, .. }), "{error}");
    drop(locked);
    // What is damaged is not made sound by it, and stays.
    let mut damaged = bytes.clone();
    damaged[0] ^= 1;
    fs::write(&pack, &damaged).unwrap();
    assert!(run().unwrap_err().is_bad_pack());
    assert!(fs::read(&pack).unwrap() == damaged);
}

#[test]
fn compacting_keeps_what_is_said_of_a_pack_and_takes_parts_in() {
    let home = Home::new();
    home.write("src/a", "a");
    let path = home.at("said.pack");
    let options = PackOptions::new().metadata([("license", "CC0")]);
    pack(home.at("src"), &path, &options, &()).unwrap();
    let bytes = fs::read(&path).unwrap();
    compact(&path, &CompactOptions::new(), &()).unwrap();
    assert!(fs::read(&path).unwrap() == bytes, "there was nothing to give back");

    let inputs = home.thirds();
    home.merge(&inputs).unwrap();
    let all = home.at("all.pack");
    let before: Vec<_> = paths(&Pack::open(&all).unwrap());
    let compacted = compact(&all, &CompactOptions::new(), &()).unwrap();
    assert_eq!(compacted.volumes_before, 3);
    for part in ["a.pack", "b.pack", "c.pack"] {
        fs::remove_file(home.at(part)).unwrap();
    }
    let after = open(&all);
    assert_eq!(paths(&after), before);
    are_same(&after, &after);

    let old = home.at("old.container");
    fs::copy(support::file("golden").join("json-array.container"), &old).unwrap();
    let error = compact(&old, &CompactOptions::new(), &()).unwrap_err();
    assert!(
        matches!(error, Error::Container { problem: ContainerProblem::NoPagedIndex, .. }),
        "{error}"
    );
}
