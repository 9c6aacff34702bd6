use super::*;
use crate::error::{ArchiveProblem, LeftOut};
use crate::filter::{Filter, FilterOptions};
use crate::pack::{Compression, pack};
use crate::progress::Event;
use crate::read::pack::Pack;
use ::tar::{Builder, EntryType, Header};
use rangepack_core::Kind;
use std::io::Cursor;
use std::sync::Mutex;
use tempfile::TempDir;

/// Writes tar archives member by member, right ones and others.
struct Making(Builder<Vec<u8>>);

impl Making {
    fn new() -> Making {
        Making(Builder::new(Vec::new()))
    }

    fn raw(&mut self, kind: EntryType, name: &str, link: &str, size: u64, content: &[u8]) {
        let mut header = Header::new_ustar();
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name.as_bytes());
        old.linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(0o640);
        header.set_uid(7);
        header.set_gid(8);
        header.set_mtime(9);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
    }

    fn file(&mut self, name: &str, content: &[u8]) {
        self.raw(EntryType::Regular, name, "", content.len() as u64, content);
    }

    fn link(&mut self, name: &str, target: &str) {
        self.raw(EntryType::Link, name, target, 0, b"");
    }

    /// Records whose lengths are right.
    fn pairs(&mut self, pairs: &[(&str, &str)]) {
        let mut text = String::new();
        for (key, value) in pairs {
            // All of those here have two digits.
            let len = key.len() + value.len() + 5;
            text.push_str(&format!("{len} {key}={value}\n"));
        }
        self.records(text.as_bytes());
    }

    fn records(&mut self, text: &[u8]) {
        self.raw(EntryType::XHeader, "x", "", text.len() as u64, text);
    }

    fn bytes(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// What came of an archive.
struct Imported {
    _root: TempDir,
    pack: Pack,
    packed: Packed,
    left_out: Vec<String>,
}

fn imported(archive: &[u8], options: &PackOptions) -> Result<Imported> {
    let root = tempfile::tempdir().unwrap();
    let (file, target) = (root.path().join("archive"), root.path().join("a.pack"));
    std::fs::write(&file, archive).unwrap();
    let heard = Mutex::new(Vec::new());
    let observer = |event: Event<'_>| {
        if let Event::LeftOut { path, problem } = event {
            heard.lock().unwrap().push(format!("{}: {problem}", path.display()));
        }
    };
    let made = import(Archive::File(file), &target, options, &observer);
    let there = target.exists();
    let packed = made.inspect_err(|_| assert!(!there))?;
    let pack = Pack::open(&target).unwrap();
    let report = crate::verify(&pack, &crate::VerifyOptions::default(), &()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    let left_out = heard.into_inner().unwrap();
    // A pipe gives the same pack.
    let archive = Archive::stream(Cursor::new(archive.to_vec()), "pipe");
    let again = root.path().join("b.pack");
    if import(archive, &again, options, &()).is_ok() {
        let read = |path| std::fs::read(path).unwrap();
        assert!(options.compress.is_some() || read(&again) == read(&target));
    }
    Ok(Imported { _root: root, pack, packed, left_out })
}

fn problem(archive: &[u8]) -> ArchiveProblem {
    match imported(archive, &PackOptions::new()).map(|_| ()).unwrap_err() {
        Error::Archive { problem, .. } => problem,
        error => panic!("{error:?}"),
    }
}

fn names(pack: &Pack) -> String {
    let names = pack.entries().map(|entry| entry.unwrap().path().unwrap().display().to_string());
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn the_last_member_of_a_name_counts_and_links_lead_to_what_was_there() {
    let mut making = Making::new();
    making.file("z/a", b"first");
    making.link("z/link", "z/a");
    making.file("z/a", b"second");
    making.link("again", "./z/link");
    making.link("new", "z/a");
    making.file("new", b"not a link any more");
    making.link("lost", "nowhere");
    making.link("before", "late");
    making.file("late", b"too late");
    making.raw(EntryType::Symlink, "s", "z/a", 0, b"");
    making.raw(EntryType::Fifo, "fifo", "", 0, b"");
    making.raw(EntryType::Directory, "z/", "", 0, b"");
    let found = imported(&making.bytes(), &PackOptions::new().owner(true)).unwrap();
    assert_eq!(names(&found.pack), "again late new s z z/a z/link");
    let read = |path: &str| String::from_utf8(found.pack.read(path).unwrap()).unwrap();
    assert_eq!([read("z/a"), read("z/link"), read("again")], ["second", "first", "first"]);
    assert_eq!(read("new"), "not a link any more");
    let group = |path: &str| found.pack.metadata(path).unwrap().content().unwrap().hard_link;
    assert_eq!([group("again"), group("z/link"), group("z/a")], [Some(1), Some(1), None]);
    let entry = found.pack.metadata("z").unwrap();
    let owner = rangepack_core::Owner { uid: 7, gid: 8 };
    assert_eq!((entry.mode, entry.mtime), (Some(0o640), Some(9_000_000_000)));
    assert_eq!(entry.owner, Some(owner));
    let summary = found.packed.summary;
    assert_eq!((summary.files, summary.failed, summary.special), (5, 2, 1));
    let text = found.left_out.join("\n");
    assert!(text.contains("lost: it is a hard link to nowhere, which is not packed"), "{text}");
}

#[test]
fn names_stay_in_the_pack() {
    let mut making = Making::new();
    for name in ["/etc/a", "/etc/b", "./c", "../d", "e/../f", "g/.."] {
        making.file(name, b"x");
    }
    making.raw(EntryType::Link, "h", "../../etc/passwd", 0, b"");
    making.raw(EntryType::new(b'Q'), "q", "", 600, &[1; 600]);
    let found = imported(&making.bytes(), &PackOptions::new()).unwrap();
    assert_eq!(names(&found.pack), "c etc etc/a etc/b");
    assert_eq!(found.packed.summary.failed, 5);
    let absolute = found.left_out.iter().filter(|text| text.contains("in front of")).count();
    assert_eq!((absolute, found.left_out.len()), (1, 6), "{:?}", found.left_out);
}

#[test]
fn records_count_more_than_headers() {
    let mut making = Making::new();
    making.records(b"18 path=a\nb/c\xff=d\n30 mtime=-1700000000.123456789\n");
    making.file("short", b"content");
    making.records(b"13 path=a\0b\n");
    making.file("nul", b"x");
    let bytes = making.bytes();
    let options = PackOptions::new();
    let error = imported(&bytes, &options).map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Archive { problem: ArchiveProblem::Records { at: 0 }, .. }));
    let mut making = Making::new();
    making.records(b"17 path=a\nb/c\xff=d\n31 mtime=-1700000000.123456789\n");
    making.file("short", b"content");
    let found = imported(&making.bytes(), &options).unwrap();
    let entry = found.pack.metadata(b"a\nb/c\xff=d").unwrap();
    assert_eq!(entry.mtime, Some(-1_700_000_000_123_456_789));
}

#[test]
fn damaged_archives_give_no_pack() {
    let mut making = Making::new();
    making.file("a", &[1; 700]);
    making.file("large", &[2; 400_000]);
    let good = making.bytes();
    assert!(imported(&good, &PackOptions::new()).unwrap().left_out.is_empty());
    for len in [512, 700, 1600, 2048, 300_000] {
        let problem = problem(&good[..len]);
        let at = len as u64;
        assert!(matches!(problem, ArchiveProblem::CutShort { at: found } if found == at));
    }
    assert!(matches!(problem(&good[..100]), ArchiveProblem::NotAnArchive));
    // Between two members nobody knows.
    assert_eq!(imported(&good[..1536], &PackOptions::new()).unwrap().packed.summary.failed, 1);
    let end = good.len() - 1024;
    let found = imported(&good[..end], &PackOptions::new()).unwrap();
    assert!(found.packed.summary.failed == 1 && found.left_out[0].contains("mark of its end"));
    let mut behind = good.clone();
    behind.extend(&good);
    let found = imported(&behind, &PackOptions::new()).unwrap();
    assert!(found.packed.summary.failed == 1 && found.left_out[0].contains("behind its end"));
    let mut damaged = good.clone();
    damaged[1536] ^= 1;
    assert!(matches!(problem(&damaged), ArchiveProblem::Header { at: 1536 }));
    assert!(matches!(problem(b""), ArchiveProblem::NotAnArchive));
    assert!(matches!(problem(b"\xfd7zXZ\0\0\0"), ArchiveProblem::Other(crate::OtherFormat::Xz)));
    // A size that no archive has, and records that no memory holds.
    let mut making = Making::new();
    making.raw(EntryType::Regular, "a", "", 0o777_7777_7777, b"short");
    assert!(matches!(problem(&making.bytes()), ArchiveProblem::CutShort { .. }));
    let mut making = Making::new();
    making.raw(EntryType::XHeader, "a", "", 1 << 32, b"");
    assert!(matches!(problem(&making.bytes()), ArchiveProblem::TooLong { .. }));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&good).unwrap();
    let gzip = gzip.finish().unwrap();
    assert!(imported(&gzip, &PackOptions::new()).unwrap().left_out.is_empty());
    assert!(matches!(problem(&gzip[..gzip.len() - 9]), ArchiveProblem::CutShort { .. }));
    let mut wrong = gzip.clone();
    let crc = wrong.len() - 8;
    wrong[crc] ^= 1;
    assert!(matches!(problem(&wrong), ArchiveProblem::Compressed(_)));
}

#[test]
fn files_with_holes_come_whole() {
    let mut whole = vec![0; 1 << 20];
    whole[700_000..700_005].copy_from_slice(b"piece");
    let mut making = Making::new();
    let version = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0")];
    let file = [("GNU.sparse.name", "a"), ("GNU.sparse.realsize", "1048576")];
    making.pairs(&[version, file].concat());
    let mut content = b"1\n700000\n5\n".to_vec();
    content.resize(512, 0);
    content.extend(b"piece");
    making.file("GNUSparseFile.0/a", &content);
    let map = ("GNU.sparse.map", "700000,5");
    making.pairs(&[("GNU.sparse.size", "1048576"), map, ("GNU.sparse.name", "b")]);
    making.file("GNUSparseFile.0/b", b"piece");
    let bytes = making.bytes();
    for compress in [None, Some(Compression::Zstd(3))] {
        let found = imported(&bytes, &PackOptions::new().compress(compress)).unwrap();
        for path in ["a", "b"] {
            let entry = found.pack.metadata(path).unwrap();
            assert!(found.pack.read(path).unwrap() == whole);
            let content = entry.content().unwrap();
            assert!(content.sparse && content.stored_size < 100_000);
        }
    }
    // Pieces that overlap, or have other lengths than there are bytes.
    for map in ["0,5,3,5", "0,4", "5,5,0,0", "1048574,5", "0,18446744073709551615"] {
        let mut making = Making::new();
        making.pairs(&[("GNU.sparse.map", map), ("GNU.sparse.size", "1048576")]);
        making.file("a", b"piece");
        assert!(matches!(problem(&making.bytes()), ArchiveProblem::Records { .. }), "{map}");
    }
}

#[test]
fn filters_narrow_archives_as_they_do_trees() {
    let root = tempfile::tempdir().unwrap();
    let tree = root.path().join("tree");
    std::fs::create_dir_all(tree.join("a/b/empty")).unwrap();
    std::fs::create_dir_all(tree.join("c")).unwrap();
    for path in ["a/b/1.txt", "a/2.jpg", "c/3.jpg", "4.txt"] {
        std::fs::write(tree.join(path), path).unwrap();
    }
    let at = root.path().join("whole.pack");
    let _ = pack(&tree, &at, &PackOptions::new(), &()).unwrap();
    let mut tar = Vec::new();
    let options = crate::ExportOptions::new();
    let whole = Pack::open(&at).unwrap();
    let _ = crate::export_stream(&whole, &mut tar, Path::new("-"), &options, &()).unwrap();
    for (include, exclude) in [("*.txt", ""), ("", "a"), ("a/b", ""), ("", "*.jpg"), ("", "")] {
        let list = |text: &str| (!text.is_empty()).then(|| text.to_owned()).into_iter().collect();
        let (include, exclude): (Vec<_>, Vec<_>) = (list(include), list(exclude));
        let filter = FilterOptions::new().include(include).exclude(exclude);
        let options = PackOptions::new().filter(Filter::new(filter).unwrap()).overwrite(true);
        let _ = pack(&tree, root.path().join("x.pack"), &options, &()).unwrap();
        let expected = Pack::open(root.path().join("x.pack")).unwrap();
        let found = imported(&tar, &options).unwrap();
        let tree_of = |pack: &Pack| pack.header().clone().totals;
        assert_eq!(names(&found.pack), names(&expected));
        assert_eq!(tree_of(&found.pack), tree_of(&expected));
    }
}

#[test]
fn zips_are_read_by_their_directory() {
    let mut zip = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    let deflated = ::zip::write::SimpleFileOptions::default().unix_permissions(0o640);
    let stored = deflated.compression_method(::zip::CompressionMethod::Stored);
    zip.add_directory("d", deflated).unwrap();
    zip.start_file("d/deflated", deflated).unwrap();
    zip.write_all(&[b'a'; 600_000]).unwrap();
    zip.start_file("d/stored", stored).unwrap();
    zip.write_all(b"as it is").unwrap();
    zip.add_symlink("d/link", "stored", deflated).unwrap();
    zip.start_file("../out", stored).unwrap();
    zip.write_all(b"out").unwrap();
    zip.add_symlink("d/nul", "sto\0red", deflated).unwrap();
    let good = zip.finish().unwrap().into_inner();
    for compress in [None, Some(Compression::Gzip(6))] {
        let found = imported(&good, &PackOptions::new().compress(compress)).unwrap();
        assert_eq!(names(&found.pack), "d d/deflated d/link d/stored");
        assert_eq!(found.packed.summary.failed, 2);
        assert!(found.left_out.iter().any(|line| line == "d/nul: its target has a NUL byte"));
        assert!(found.pack.read("d/deflated").unwrap() == [b'a'; 600_000]);
        let link = found.pack.symlink_metadata("d/link").unwrap();
        assert!(matches!(&link.kind, Kind::Symlink(target) if target == b"stored"));
        assert_eq!(found.pack.metadata("d/stored").unwrap().mode, Some(0o640));
    }
    let stream = Archive::stream(Cursor::new(good.clone()), "-");
    let made = import(stream, "/nowhere/at/all", &PackOptions::new(), &());
    assert!(matches!(made, Err(Error::Archive { problem: ArchiveProblem::NeedsFile, .. })));

    let find = |bytes: &[u8], what: &[u8], from| {
        from + memchr::memmem::find(&bytes[from..], what).unwrap()
    };
    let directory = find(&good, b"PK\x01\x02", 0);
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        change(&mut bytes);
        bytes
    };
    // The entry of d/stored in the directory.
    let entry = find(&good, b"d/stored", directory) - 46;
    let refused = |bytes: &[u8], text: &str| {
        let found = imported(bytes, &PackOptions::new()).unwrap();
        let said = found.left_out.join("\n");
        assert!(said.contains(text) && !names(&found.pack).contains("d/stored"), "{said}");
    };
    let content = find(&good, b"as it is", 0);
    refused(&changed(&|bytes| bytes[content] ^= 1), "d/stored: its content is damaged");
    refused(&changed(&|bytes| bytes[entry + 8] |= 1), "d/stored: it is encrypted");
    refused(&changed(&|bytes| bytes[entry + 10] = 12), "d/stored: it is compressed by method 12");
    refused(&changed(&|bytes| bytes[entry + 24] += 1), "d/stored: its content is damaged");
    let other = find(&good, b"d/deflated", directory) - 46;
    let place: [u8; 4] = good[other + 42..other + 46].try_into().unwrap();
    let overlap = changed(&|bytes| bytes[entry + 42..entry + 46].copy_from_slice(&place));
    let found = imported(&overlap, &PackOptions::new()).unwrap();
    assert!(found.left_out.join("\n").contains("lies where another member does"));
    assert!(matches!(problem(&good[..directory + 60]), ArchiveProblem::NoDirectory));
    let count = good.len() - 12;
    let lying = changed(&|bytes| {
        bytes[count] += 1;
        bytes[count - 2] += 1;
    });
    assert!(matches!(problem(&lying), ArchiveProblem::Directory), "{:?}", problem(&lying));
    let strict = imported(&good, &PackOptions::new().strict(true)).map(|_| ()).unwrap_err();
    assert!(matches!(strict, Error::Strict { problem: LeftOut::Name(_), .. }));
}
