use super::*;
use crate::pack::{Compression, PackOptions, pack};
use std::fs;
use std::io::Read;
use tempfile::TempDir;

/// A tree with whatever is difficult in archives, and a pack of it.
fn packed(options: &PackOptions) -> (TempDir, Pack) {
    let root = tempfile::tempdir().unwrap();
    let tree = root.path().join("tree");
    let long = format!("{}/{}", "d".repeat(90), "e".repeat(120));
    fs::create_dir_all(tree.join("a/deep/er")).unwrap();
    fs::create_dir_all(tree.join(&long)).unwrap();
    for (path, text) in [("a.txt", "a text"), ("a/b", "b"), ("a/deep/c", ""), ("z", "last")] {
        fs::write(tree.join(path), text.repeat(100)).unwrap();
    }
    fs::write(tree.join(&long).join("f".repeat(101)), "long").unwrap();
    let large: Vec<u8> = (0..700_000u32).map(|n| (n / 1000 * 7) as u8).collect();
    fs::write(tree.join("a/large"), &large).unwrap();
    fs::write(tree.join("sch\u{f6}n\nzeile"), "odd").unwrap();
    fs::hard_link(tree.join("a/b"), tree.join("a/deep/again")).unwrap();
    std::os::unix::fs::symlink("a/b", tree.join("link")).unwrap();
    std::os::unix::fs::symlink("x".repeat(300), tree.join("far")).unwrap();
    let at = root.path().join("a.pack");
    pack(&tree, &at, options, &()).unwrap();
    (root, Pack::open(at).unwrap())
}

fn exported(pack: &Pack, options: &ExportOptions) -> (Vec<u8>, Exported) {
    let mut out = Vec::new();
    let exported = export_stream(pack, &mut out, Path::new("-"), options, &()).unwrap();
    assert_eq!(exported.archive_len, out.len() as u64);
    (out, exported)
}

#[test]
fn an_archive_holds_what_the_pack_holds_each_directory_at_a_stretch() {
    for compress in [None, Some(Compression::Gzip(6)), Some(Compression::Zstd(3))] {
        let (_root, pack) = packed(&PackOptions::new().compress(compress));
        let (bytes, counts) = exported(&pack, &ExportOptions::new());
        assert_eq!((counts.files, counts.hard_links, counts.directories), (8, 1, 5));
        assert_eq!(counts.symlinks, 2);
        assert!(exported(&pack, &ExportOptions::new()).0 == bytes);
        let mut archive = ::tar::Archive::new(&bytes[..]);
        let mut names = Vec::new();
        for member in archive.entries().unwrap() {
            let mut member = member.unwrap();
            let path = member.path_bytes().into_owned();
            let mut content = Vec::new();
            member.read_to_end(&mut content).unwrap();
            names.push(path.clone());
            let odd = path.contains(&b'\n');
            let Ok(entry) = pack.symlink_metadata(rangepack_core::trim_path(&path)) else {
                assert!(odd, "{path:?}");
                continue;
            };
            match &entry.kind {
                Kind::File(_) if member.header().entry_type() == ::tar::EntryType::Link => {
                    assert_eq!(member.link_name_bytes().unwrap().as_ref(), b"a/b");
                }
                Kind::File(_) => assert!(content == pack.read(&path).unwrap()),
                Kind::Symlink(target) => assert_eq!(&*member.link_name_bytes().unwrap(), target),
                Kind::Directory(_) => assert!(path.ends_with(b"/")),
            }
            assert_eq!(member.header().mode().unwrap(), entry.mode.unwrap());
        }
        let order: Vec<_> = names.iter().map(|name| name.escape_ascii().to_string()).collect();
        let at = |name: &str| order.iter().position(|one| one == name).unwrap();
        assert!(at("z") < at("a/") && at("a/") < at("a/b") && at("a/large") < at("a/deep/"));
        assert!(at("a/deep/") < at("a/deep/c") && at("a/deep/er/") > at("a/deep/c"));
    }
}

#[test]
fn a_zip_takes_gzip_members_over() {
    let (_root, pack) = packed(&PackOptions::new().compress(Compression::Gzip(9)));
    let options = ExportOptions::new().format(ArchiveFormat::Zip);
    let (bytes, counts) = exported(&pack, &options);
    assert_eq!((counts.files, counts.hard_links), (8, 0));
    assert!(exported(&pack, &options).0 == bytes);
    let entry = pack.metadata("a/large").unwrap();
    let payload = pack.payload(entry.content().unwrap()).unwrap();
    let deflated = &payload[10..payload.len() - 8];
    assert!(memchr::memmem::find(&bytes, deflated).is_some());
    let mut archive = ::zip::ZipArchive::new(io::Cursor::new(&bytes)).unwrap();
    for number in 0..archive.len() {
        let mut member = archive.by_index(number).unwrap();
        let name = member.name_raw().to_vec();
        let entry = pack.symlink_metadata(rangepack_core::trim_path(&name)).unwrap();
        let mut content = Vec::new();
        member.read_to_end(&mut content).unwrap();
        match &entry.kind {
            Kind::File(_) => assert!(content == pack.read(&name).unwrap()),
            Kind::Symlink(target) => assert!(member.is_symlink() && content == *target),
            Kind::Directory(_) => assert!(member.is_dir()),
        }
        assert_eq!(member.unix_mode().map(|mode| mode & 0o7777), entry.mode);
    }
}

#[test]
fn parts_come_with_the_directories_above_them() {
    let (_root, pack) = packed(&PackOptions::new());
    let selection = Selection::new(["a/deep", "nothing", "*.txt"], crate::Filter::default());
    let (bytes, counts) = exported(&pack, &ExportOptions::new().selection(selection));
    assert_eq!(counts.unmatched, [EntryPath::from(&b"nothing"[..])]);
    let mut archive = ::tar::Archive::new(&bytes[..]);
    let names = archive
        .entries()
        .unwrap()
        .map(|member| String::from_utf8(member.unwrap().path_bytes().into_owned()).unwrap());
    let expected = ["a.txt", "a/", "a/deep/", "a/deep/again", "a/deep/c", "a/deep/er/"];
    assert_eq!(names.collect::<Vec<_>>(), expected);
}

#[test]
fn of_a_damaged_pack_no_archive_is_left() {
    let (root, pack) = packed(&PackOptions::new());
    let content = *pack.metadata("a/large").unwrap().content().unwrap();
    let at = root.path().join("a.pack");
    drop(pack);
    let mut bytes = fs::read(&at).unwrap();
    bytes[content.offset as usize + 600_000] ^= 1;
    fs::write(&at, bytes).unwrap();
    let pack = Pack::open(&at).unwrap();
    for format in [ArchiveFormat::Tar, ArchiveFormat::TarGzip, ArchiveFormat::Zip] {
        let target = root.path().join("x");
        let error = export(&pack, &target, &ExportOptions::new().format(format), &()).unwrap_err();
        assert!(matches!(error, Error::Entry { .. }), "{error:?}");
        assert!(!target.exists());
    }
    let error = export(&pack, &at, &ExportOptions::new().overwrite(true), &()).unwrap_err();
    assert!(matches!(error, Error::SameFile { .. }), "{error:?}");
}
