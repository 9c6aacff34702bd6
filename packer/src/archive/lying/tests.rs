use super::*;
use crate::error::LeftOut;
use crate::progress::Event;
use crate::read::pack::Pack;
use crate::verify::{VerifyOptions, verify};
use ::tar::{Builder, EntryType, Header};
use ::zip::write::SimpleFileOptions;
use rangepack_core::{Codec, ENCRYPTED, FOREIGN_METHOD, IN_PIECES, PackPath};
use std::io::{Cursor, Write};
use std::sync::Mutex;
use tempfile::TempDir;

/// An archive in a directory of its own, and its index.
struct Indexed {
    _root: TempDir,
    path: PathBuf,
    done: ArchiveIndexed,
    left_out: Vec<String>,
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Observer for Told {
    fn event(&self, event: Event<'_>) {
        if let Event::LeftOut { path, problem } = event {
            self.0.lock().unwrap().push(format!("{}: {problem}", path.display()));
        }
    }
}

fn indexed(archive: &[u8]) -> Result<Indexed> {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("x.archive");
    std::fs::write(&path, archive).unwrap();
    let told = Told::default();
    let sidecar = crate::sidecar_path(&path);
    let options = ArchiveIndexOptions::new();
    let done = index_archive(path.as_path(), &sidecar, &options, &told)?;
    assert_eq!(std::fs::read(&path).unwrap(), archive, "the archive stays as it is");
    Ok(Indexed { _root: root, path, done, left_out: told.0.into_inner().unwrap() })
}

impl Indexed {
    fn pack(&self) -> Pack {
        Pack::open(self.path.as_path()).unwrap()
    }

    fn content(&self, path: &str) -> Vec<u8> {
        self.pack().read(path).unwrap()
    }

    fn codec(&self, path: &str) -> Codec {
        let pack = self.pack();
        let entry = pack.find(at(path)).unwrap().unwrap().to_entry().unwrap();
        entry.content().unwrap().codec
    }

    fn names(&self) -> String {
        let pack = self.pack();
        let names =
            pack.entries().map(|it| it.unwrap().to_entry().unwrap().path.display().to_string());
        names.collect::<Vec<_>>().join(" ")
    }

    fn is_sound(&self) -> bool {
        verify(&self.pack(), &VerifyOptions::default(), &()).unwrap().problems.is_empty()
    }
}

fn member(tar: &mut Builder<Vec<u8>>, kind: EntryType, name: &str, link: &str, content: &[u8]) {
    let mut header = Header::new_gnu();
    let old = header.as_old_mut();
    old.name[..name.len()].copy_from_slice(name.as_bytes());
    old.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o640);
    header.set_uid(7);
    header.set_gid(8);
    header.set_mtime(9);
    header.set_cksum();
    tar.append(&header, content).unwrap();
}

fn at(path: &str) -> PackPath<'_> {
    PackPath::new(path.as_bytes()).unwrap()
}

fn problem(archive: &[u8]) -> ArchiveProblem {
    match indexed(archive).map(|_| ()) {
        Err(Error::Archive { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[test]
fn tar_members_are_read_where_they_lie() {
    let large: Vec<u8> = (0..700_000u32).map(|n| (n / 7) as u8).collect();
    let mut tar = Builder::new(Vec::new());
    member(&mut tar, EntryType::Regular, "d/a", "", b"first");
    member(&mut tar, EntryType::Regular, "d/large", "", &large);
    member(&mut tar, EntryType::Link, "hard", "d/large", b"");
    member(&mut tar, EntryType::Symlink, "link", "d/a", b"");
    member(&mut tar, EntryType::Regular, "d/a", "", b"second");
    member(&mut tar, EntryType::Regular, "/absolute", "", b"absolute");
    member(&mut tar, EntryType::Regular, "../out", "", b"out");
    member(&mut tar, EntryType::Link, "lost", "nowhere", b"");
    member(&mut tar, EntryType::Fifo, "pipe", "", b"");
    let archive = tar.into_inner().unwrap();
    let it = indexed(&archive).unwrap();
    assert_eq!(it.names(), "absolute d hard link d/a d/large");
    assert_eq!(it.content("d/a"), b"second");
    assert_eq!(it.content("hard"), large);
    assert_eq!(it.content("absolute"), b"absolute");
    assert_eq!((it.done.failed, it.done.unreadable, it.done.special), (2, 0, 1));
    assert_eq!(it.left_out.len(), 4, "{:?}", it.left_out);
    assert!(it.is_sound());
    let pack = it.pack();
    let of =
        |path: &str| *pack.find(at(path)).unwrap().unwrap().to_entry().unwrap().content().unwrap();
    assert!(of("d/large").blocks.is_some() && of("hard").hard_link == Some(1));
    assert_eq!(&archive[of("d/a").offset as usize..][..6], b"second");
    // Another file of the same length has none of the payloads; one of another length is not read at all.
    std::fs::write(&it.path, vec![7; archive.len()]).unwrap();
    let strict = OpenOptions::new().verify(crate::Verify::Payloads);
    let other = Pack::open_with(it.path.as_path(), &strict).unwrap();
    assert!(other.read("d/a").is_err() && !it.is_sound());
    std::fs::write(&it.path, &archive[1..]).unwrap();
    let error = it.pack().read("d/a").map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Volume { .. }), "{error:?}");
}

#[test]
fn files_with_holes_are_listed() {
    let mut header = Header::new_gnu();
    header.set_path("holes").unwrap();
    header.set_entry_type(EntryType::GNUSparse);
    header.set_size(512);
    header.set_mode(0o600);
    header.set_uid(7);
    header.set_gid(8);
    header.set_mtime(9);
    let gnu = header.as_gnu_mut().unwrap();
    gnu.sparse[0].set_offset(1024);
    gnu.sparse[0].set_length(512);
    gnu.set_real_size(4096);
    header.set_cksum();
    let mut tar = Builder::new(Vec::new());
    tar.append(&header, &[7; 512][..]).unwrap();
    member(&mut tar, EntryType::Regular, "behind", "", b"behind");
    let it = indexed(&tar.into_inner().unwrap()).unwrap();
    assert_eq!((it.codec("holes"), it.done.unreadable), (Codec::Other(IN_PIECES), 1));
    assert!(it.pack().read("holes").is_err());
    assert_eq!(it.content("behind"), b"behind");
}

/// A zip of `deflated`, `stored`, `d/link` and `nothing`.
fn zip() -> Vec<u8> {
    let mut zip = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    let deflated = SimpleFileOptions::default().unix_permissions(0o640);
    let stored = deflated.compression_method(::zip::CompressionMethod::Stored);
    zip.start_file("deflated", deflated).unwrap();
    zip.write_all(&[b'a'; 600_000]).unwrap();
    zip.start_file("stored", stored).unwrap();
    zip.write_all(b"as it is").unwrap();
    zip.add_symlink("d/link", "../stored", deflated).unwrap();
    zip.start_file("nothing", deflated).unwrap();
    zip.finish().unwrap().into_inner()
}

/// Where the record of the first member begins in the directory.
fn record(zip: &[u8]) -> usize {
    zip.windows(4).position(|bytes| bytes == b"PK\x01\x02").unwrap()
}

#[test]
fn zip_members_are_read_where_they_lie() {
    let it = indexed(&zip()).unwrap();
    assert_eq!(it.names(), "d deflated nothing stored d/link");
    assert_eq!(it.content("deflated"), [b'a'; 600_000]);
    assert_eq!((it.content("stored"), it.content("nothing")), (b"as it is".to_vec(), vec![]));
    assert_eq!((it.codec("deflated"), it.codec("stored")), (Codec::Deflate, Codec::Stored));
    assert!(it.left_out.is_empty() && it.is_sound());
}

#[test]
fn zips_that_lie_have_no_such_members() {
    let good = zip();
    let at = record(&good);
    let patched = |place: usize, bytes: &[u8]| {
        let mut zip = good.clone();
        zip[at + place..at + place + bytes.len()].copy_from_slice(bytes);
        indexed(&zip).unwrap()
    };
    let mut links = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    links.add_symlink("nul", "sto\0red", SimpleFileOptions::default()).unwrap();
    let found = indexed(&links.finish().unwrap().into_inner()).unwrap();
    assert_eq!((found.names(), found.left_out.len()), (String::new(), 1), "{:?}", found.left_out);
    // Flags, method, CRC-32, length of the content: more, less, and more than any payload of that length has.
    let encrypted = patched(8, &[1]);
    assert_eq!(encrypted.codec("deflated"), Codec::Other(ENCRYPTED));
    let error = encrypted.pack().read("deflated").map(|_| ()).unwrap_err();
    assert!(matches!(error, Error::Entry { .. } | Error::Pack { .. }), "{error:?}");
    for method in [12, 14, 93] {
        let other = patched(10, &[method]);
        assert_eq!(other.codec("deflated"), Codec::Other(FOREIGN_METHOD), "{method}");
        assert_eq!(other.content("stored"), b"as it is");
    }
    let stored = patched(10, &[0]);
    for it in [
        stored,
        patched(16, &[1, 2, 3, 4]),
        patched(24, &600_001u32.to_le_bytes()),
        patched(24, &599_999u32.to_le_bytes()),
        patched(24, &0xffff_fff0u32.to_le_bytes()),
    ] {
        assert_eq!(it.names(), "d nothing stored d/link", "{:?}", it.left_out);
        assert_eq!((it.done.failed, it.left_out.len()), (1, 1));
        assert!(it.is_sound());
    }
    // A payload that takes in the next member.
    let longer = patched(20, &700u32.to_le_bytes());
    assert!(longer.done.failed > 0 && longer.is_sound(), "{:?}", longer.left_out);
    // One that begins behind the end of the archive.
    let beyond = patched(42, &0x7fff_ffffu32.to_le_bytes());
    assert!(beyond.done.failed > 0 && beyond.is_sound(), "{:?}", beyond.left_out);
}

#[test]
fn frames_of_zstandard_are_taken_where_they_are_such() {
    let content = b"content of a frame ".repeat(90);
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.set_pledged_src_size(Some(content.len() as u64)).unwrap();
    encoder.include_contentsize(true).unwrap();
    encoder.write_all(&content).unwrap();
    let frame = encoder.finish().unwrap();
    let mut zip = ::zip::ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(::zip::CompressionMethod::Stored);
    zip.start_file("frame", stored).unwrap();
    zip.write_all(&frame).unwrap();
    let mut zip = zip.finish().unwrap().into_inner();
    let at = record(&zip);
    zip[at + 10] = 93;
    zip[at + 16..at + 20].copy_from_slice(&crc32fast::hash(&content).to_le_bytes());
    zip[at + 24..at + 28].copy_from_slice(&(content.len() as u32).to_le_bytes());
    let it = indexed(&zip).unwrap();
    assert_eq!((it.codec("frame"), it.content("frame")), (Codec::Zstd, content));
    assert!(it.is_sound());
}

#[test]
fn what_is_no_archive_has_no_index() {
    let mut tar = Builder::new(Vec::new());
    member(&mut tar, EntryType::Regular, "a", "", &[1; 5000]);
    let tar = tar.into_inner().unwrap();
    assert!(matches!(problem(&tar[..3000]), ArchiveProblem::CutShort { .. }));
    assert!(matches!(problem(b"nothing at all"), ArchiveProblem::NotAnArchive));
    assert!(matches!(problem(b""), ArchiveProblem::NotAnArchive));
    assert!(matches!(problem(b"\x1f\x8b\x08 and so on"), ArchiveProblem::NotInPlace(_)));
    assert!(matches!(problem(b"\x28\xb5\x2f\xfd and so on"), ArchiveProblem::NotInPlace(_)));
    let zip = zip();
    assert!(matches!(problem(&zip[..zip.len() - 30]), ArchiveProblem::NoDirectory));
    // Every byte that is changed gives an error, or an index that is sound.
    for place in (0..zip.len()).step_by(7) {
        let mut changed = zip.clone();
        changed[place] ^= 0x55;
        if let Ok(it) = indexed(&changed) {
            assert!(it.is_sound() || it.done.unreadable > 0, "{place}");
        }
    }
}

#[test]
fn an_archive_that_is_written_to_has_no_index() {
    struct Writer(PathBuf);
    impl Observer for Writer {
        fn event(&self, event: Event<'_>) {
            if let Event::Done { .. } = event {
                let mut file = std::fs::OpenOptions::new().append(true).open(&self.0).unwrap();
                file.write_all(b"more").unwrap();
            }
        }
    }
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("x.zip");
    std::fs::write(&path, zip()).unwrap();
    let (writer, options) = (Writer(path.clone()), ArchiveIndexOptions::new());
    let made = index_archive(path.as_path(), crate::sidecar_path(&path), &options, &writer);
    let changed = ArchiveProblem::Changed;
    assert!(
        matches!(&made, Err(Error::Archive { problem, .. }) if problem.to_string() == changed.to_string()),
        "{made:?}"
    );
    assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 1);
    assert!(
        matches!(LeftOut::Unreadable { codec: 240 }.to_string().as_str(), text if text.contains("encrypted"))
    );
    let kinds = Pack::open(path.as_path()).map(|_| ()).unwrap_err();
    assert!(matches!(kinds, Error::OtherFormat { .. }), "{kinds:?}");
}
