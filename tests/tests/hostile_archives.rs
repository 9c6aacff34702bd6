//! Hostile archives: what becomes of each, and that nothing panics, hangs or is written outside. And archives that are not what
//! their indexes say.

use rangepack::{
    Archive, ArchiveFormat, ArchiveIndexOptions, Error, Event, ExportOptions, ExtractOptions, Pack,
    PackOptions, Verify, VerifyOptions, export, extract, import, index_archive, sidecar_path,
    verify,
};
use rangepack::{OpenOptions, Result};
use rangepack_core::layout::Volume;
use rangepack_core::{Codec, Content, Digest, Entry, ErrorKind, Kind, PackPathBuf, Tag};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use support::forge::Forge;
use support::{archives, file, files};
use tempfile::TempDir;

/// What comes of a member: its content, where it can be read.
type Contents = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// What is in a pack, a line for each entry, and contents; what can be read is sound.
fn contents(pack: &Pack) -> (Vec<String>, Contents) {
    let (mut lines, mut contents) = (Vec::new(), Contents::new());
    for entry in pack.entries() {
        let entry = entry.unwrap();
        let owned = entry.to_entry().unwrap();
        let path = owned.path.display();
        match &owned.kind {
            Kind::Directory(_) => lines.push(format!("directory {path}")),
            Kind::Symlink(target) => {
                lines.push(format!("link {path} to {}", target.escape_ascii()));
                contents.insert(owned.path.as_bytes().to_vec(), Some(target.clone()));
            }
            Kind::File(content) => {
                let read = pack.read_entry(&entry).map(|read| read.to_vec());
                let how = match &read {
                    Ok(read) => format!("{} bytes", read.len()),
                    Err(error) => {
                        // Whatever else an index holds can be read.
                        assert!(matches!(content.codec, Codec::Other(_)), "{error}");
                        "not to be read".to_owned()
                    }
                };
                lines.push(format!("file {path}: {how}"));
                contents.insert(owned.path.as_bytes().to_vec(), read.ok());
            }
        }
    }
    (lines, contents)
}

/// Does something with an observer, and says what came of it: entries, and what was left out.
fn tried(
    what: impl FnOnce(&(dyn Fn(Event<'_>) + Sync)) -> Result<Pack>,
) -> (Vec<String>, Option<(Pack, Contents)>) {
    let told = Mutex::new(Vec::new());
    let observer = |event: Event<'_>| {
        if let Event::LeftOut { path, problem } = event {
            let name = path.file_name().filter(|_| path.is_absolute() && path.exists());
            let path = name.map_or(path, Path::new).as_os_str().as_encoded_bytes();
            // Of some names this is all.
            let path: String = path.escape_ascii().take(60).map(char::from).collect();
            told.lock().unwrap().push(format!("left out {path}: {problem}"));
        }
    };
    let made = what(&observer);
    let told = told.into_inner().unwrap();
    match made {
        Ok(pack) => {
            let (mut lines, contents) = contents(&pack);
            lines.extend(told);
            (lines, Some((pack, contents)))
        }
        Err(Error::Archive { problem, .. }) => (vec![problem.to_string()], None),
        Err(error) => panic!("{error:?}"),
    }
}

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.unwrap()).collect();
    names.sort();
    names
}

/// What comes of indexing and packing: what the index reads is what was packed.
fn outcome(archive: &Path, differing: &mut Vec<String>) -> Value {
    let root = tempfile::tempdir().unwrap();
    let name = archive.file_name().unwrap().to_str().unwrap();
    let here = root.path().join(name);
    fs::copy(archive, &here).unwrap();
    let (sidecar, target) = (sidecar_path(&here), root.path().join("a.pack"));
    let (index, indexed) = tried(|observer| {
        let options = ArchiveIndexOptions::default();
        let _ = index_archive(here.as_path(), &sidecar, &options, &observer)?;
        Pack::open(here.as_path())
    });
    let (pack, packed) = tried(|observer| {
        let _ = import(Archive::File(here.clone()), &target, &PackOptions::default(), &observer)?;
        Pack::open(target.as_path())
    });
    let mut expected = vec![name.to_owned()];
    expected.extend(indexed.is_some().then(|| format!("{name}.rpx")));
    expected.extend(packed.is_some().then(|| "a.pack".to_owned()));
    expected.sort();
    assert_eq!(names(root.path()), expected);
    for (pack, _) in [&indexed, &packed].into_iter().flatten() {
        let report = verify(pack, &VerifyOptions::default(), &()).unwrap();
        assert!(report.problems.iter().all(|problem| !problem.to_string().is_empty()));
        let place = root.path().join("below/target");
        let _ = extract(pack, &place, &ExtractOptions::default(), &()).unwrap();
        assert_eq!(names(&root.path().join("below")), ["target"], "{name}");
        fs::remove_dir_all(root.path().join("below")).unwrap();
    }
    assert!(!Path::new("/tmp/rangepack-outside").exists());
    if let (Some((_, indexed)), Some((_, packed))) = (&indexed, &packed) {
        for (path, content) in indexed.iter().filter(|(_, content)| content.is_some()) {
            if packed.get(path) != Some(content) {
                differing.push(format!("{name}: {} is indexed otherwise", path.escape_ascii()));
            }
        }
    }
    match index == pack {
        true => json!({ "both": index }),
        false => json!({ "index": index, "pack": pack }),
    }
}

#[test]
fn every_hostile_archive_is_refused_or_does_no_harm() {
    let place = file("hostile-archives.json");
    let (mut found, mut differing) = (BTreeMap::new(), Vec::new());
    for path in files("hostile-archives", "").iter().filter(|path| !path.ends_with("README.md")) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        found.insert(name, outcome(path, &mut differing));
    }
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&place, serde_json::to_string_pretty(&found).unwrap() + "\n").unwrap();
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
    let expected: BTreeMap<String, Value> =
        serde_json::from_str(&fs::read_to_string(&place).unwrap()).unwrap();
    for (name, outcome) in &found {
        let known = expected.get(name);
        assert_eq!(known, Some(outcome), "{name}: run with UPDATE_SNAPSHOTS=1 if this is meant");
    }
    assert_eq!(found.len(), expected.len());
    let text = fs::read_to_string(file("hostile-archives/README.md")).unwrap();
    for name in found.keys() {
        assert!(text.contains(&format!("`{name}`")), "README.md does not tell of {name}");
    }
}

#[test]
fn zips_have_more_members_than_16_bits_count() {
    let root = tempfile::tempdir().unwrap();
    let here = root.path().join("many.zip");
    fs::write(&here, archives::zip_of_many(65_600)).unwrap();
    let options = ArchiveIndexOptions::default();
    let _ = index_archive(here.as_path(), sidecar_path(&here), &options, &()).unwrap();
    let files = |place: &Path| Pack::open(place).unwrap().header().totals.files;
    assert_eq!(files(&here), 65_600);
    // And so have those that are made.
    let (again, target) = (root.path().join("again.zip"), root.path().join("a.pack"));
    let options = ExportOptions::new().format(ArchiveFormat::Zip);
    let _ = export(&Pack::open(here.as_path()).unwrap(), &again, &options, &()).unwrap();
    let _ = import(Archive::File(again), &target, &PackOptions::default(), &()).unwrap();
    assert_eq!(files(&target), 65_600);
}

/// A sound archive with an index, as another one is put in its place.
fn replaced(name: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> (TempDir, Result<Pack>) {
    let root = tempfile::tempdir().unwrap();
    let here = root.path().join(name);
    fs::copy(file("hostile-archives").join(name), &here).unwrap();
    let options = ArchiveIndexOptions::default();
    let _ = index_archive(here.as_path(), sidecar_path(&here), &options, &()).unwrap();
    let bytes = change(fs::read(&here).unwrap());
    fs::remove_file(&here).unwrap();
    fs::write(&here, bytes).unwrap();
    let options = OpenOptions::new().verify(Verify::Payloads);
    let opened = Pack::open_with(here.as_path(), &options);
    (root, opened)
}

#[test]
fn archives_that_are_not_what_their_index_says_are_not_read() {
    for name in ["size-binary-sound.tar", "zip64-sound.zip", "descriptor-sound.zip"] {
        let (_root, same) = replaced(name, |bytes| bytes);
        let same = same.unwrap();
        assert!(verify(&same, &VerifyOptions::default(), &()).unwrap().is_sound());
        let size = same.metadata("bad").unwrap().content().unwrap().extent();
        // Shorter and longer ones: the length stands in the index.
        type Change = fn(Vec<u8>) -> Vec<u8>;
        let shorter: Change = |bytes| bytes[..bytes.len() - 1].to_vec();
        let longer: Change = |bytes| [&bytes[..], &[0; 512]].concat();
        let nothing: Change = |_| Vec::new();
        for change in [shorter, longer, nothing] {
            let (_root, opened) = replaced(name, change);
            let error = opened.and_then(|pack| pack.read("bad").map(|_| ())).unwrap_err();
            assert!(!error.to_string().is_empty(), "{name}");
        }
        // Other bytes, and another file of that length.
        let (_root, opened) = replaced(name, |mut bytes| {
            bytes[size.start as usize] ^= 1;
            bytes
        });
        let opened = opened.unwrap();
        let error = opened.read("bad").unwrap_err();
        assert!(matches!(&error, Error::Entry { entry, .. } if entry.as_bytes() == b"bad"));
        assert!(opened.read("good").is_ok());
        assert_eq!(verify(&opened, &VerifyOptions::default(), &()).unwrap().bad, 1);
        let (_root, opened) = replaced(name, |bytes| vec![b'x'; bytes.len()]);
        if let Ok(opened) = opened {
            assert!(opened.read("bad").is_err() && opened.read("good").is_err());
            assert_eq!(verify(&opened, &VerifyOptions::default(), &()).unwrap().bad, 2);
        }
    }
}

/// An index that says of an archive of `archive` what these entries say.
fn forged(archive: &[u8], len: u64, contents: &[(&str, Content)]) -> (TempDir, Result<Pack>) {
    let root = tempfile::tempdir().unwrap();
    let here = root.path().join("x.tar");
    fs::write(&here, archive).unwrap();
    let entries: Vec<Entry> = contents
        .iter()
        .map(|(path, content)| {
            Entry::new(PackPathBuf::new((*path).into()).unwrap(), Kind::File(*content))
        })
        .collect();
    let list = Volume::list_to_bytes(&[Volume::beside(len)]).unwrap();
    let index = Forge::of(b"", &entries).unwrap().with(Tag::VOLUMES, &list).seal();
    fs::write(sidecar_path(&here), index).unwrap();
    let opened = Pack::open(here.as_path());
    (root, opened)
}

#[test]
fn forged_indexes_lead_nowhere_else() {
    let archive = fs::read(file("hostile-archives/size-binary-sound.tar")).unwrap();
    let len = archive.len() as u64;
    let at = |codec, offset, stored, size| Content::new(codec, offset, stored, size).with_volume(1);
    let sum = |content: Content| {
        let bytes = &archive[content.offset as usize..][..content.stored_size as usize];
        content.with_digest(Some(Digest::of(bytes)))
    };
    // Within the archive it may lie wherever it likes: two files in the same bytes, or in a header.
    let one = sum(at(Codec::Stored, 100, 600, 600));
    let (_root, opened) =
        forged(&archive, len, &[("a", one), ("b", sum(at(Codec::Stored, 300, 20, 20)))]);
    let opened = opened.unwrap();
    assert_eq!(opened.read("a").unwrap(), archive[100..700]);
    assert!(verify(&opened, &VerifyOptions::default(), &()).unwrap().is_sound());
    for (offset, stored) in
        [(len, 1), (len - 1, 2), (0, len + 1), (u64::MAX, 1), (1, u64::MAX), (u64::MAX, u64::MAX)]
    {
        for codec in [Codec::Stored, Codec::Deflate, Codec::Zstd] {
            let content = at(codec, offset, stored, stored.min(1 << 40));
            let content = content.with_digest(Some(Digest::of(b"")));
            let (root, opened) = forged(&archive, len, &[("a", content)]);
            let Ok(opened) = opened else { continue };
            let error = opened.read("a").unwrap_err();
            if let Error::Entry { source, .. } | Error::Pack { source, .. } = &error {
                assert!(matches!(source.kind(), ErrorKind::Corrupt | ErrorKind::OverLimit));
            }
            assert!(!verify(&opened, &VerifyOptions::default(), &()).unwrap().is_sound());
            let target = root.path().join("below/target");
            let report = extract(&opened, &target, &ExtractOptions::default(), &());
            assert!(report.is_ok_and(|report| !report.is_complete()) || !target.exists());
        }
    }
    // The length of the archive is another.
    for said in [0, len - 1, len + 1, u64::MAX] {
        let (_root, opened) = forged(&archive, said, &[("a", one)]);
        assert!(opened.and_then(|pack| pack.read("a").map(|_| ())).is_err(), "{said}");
    }
    // A file that is a deflate stream, or none.
    let noise = sum(at(Codec::Deflate, 0, 512, 1 << 18));
    let (_root, opened) = forged(&archive, len, &[("a", noise)]);
    assert!(opened.unwrap().read("a").is_err());
}
