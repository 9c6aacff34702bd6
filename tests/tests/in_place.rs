//! Archives that are read where they lie, here and over a network.

use rangepack::{
    ArchiveFormat, ArchiveIndexOptions, Error, ExportOptions, Location, OpenOptions, Pack,
    PackOptions, VerifyOptions, export, index_archive, index_archives, sidecar_path, verify,
};
use std::fs;
use std::path::{Path, PathBuf};
use support::server::{Manner, Server};
use tempfile::TempDir;

/// A pack, and its archives `x.tar` and `x.zip`.
fn archives() -> (TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    fs::create_dir_all(at.join("src/sub")).unwrap();
    for number in 0..300 {
        let text = format!("file {number}\n").repeat(1 + number % 50);
        fs::write(at.join(format!("src/sub/{number:03}.txt")), text).unwrap();
    }
    let large: Vec<u8> = (0..3_000_000u32).flat_map(|n| (n / 5).to_le_bytes()).collect();
    fs::write(at.join("src/large"), &large[..9_000_000]).unwrap();
    rangepack::pack(at.join("src"), at.join("x.pack"), &PackOptions::new(), &()).unwrap();
    let pack = Pack::open(at.join("x.pack")).unwrap();
    for (name, format) in [("x.tar", ArchiveFormat::Tar), ("x.zip", ArchiveFormat::Zip)] {
        let options = ExportOptions::new().deflate(Some(6));
        export(&pack, at.join(name), &options.format(format), &()).unwrap();
    }
    let at = at.to_owned();
    (root, at)
}

fn same(found: &Pack, expected: &Pack) {
    assert_eq!(found.header().tree_digest, expected.header().tree_digest);
    let report = verify(found, &VerifyOptions::default(), &()).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    for entry in expected.entries() {
        let entry = entry.unwrap().to_entry().unwrap();
        if entry.content().is_some() {
            let (path, large) = (entry.path.as_bytes(), b"large");
            assert!(found.read(path).unwrap() == expected.read(path).unwrap());
            if path == large {
                let file = found.open_file(path).unwrap();
                let mut part = vec![0; 1000];
                let read = file.read_at(&mut part, 8_000_000).unwrap();
                let all = expected.read(path).unwrap();
                assert!(read > 0 && part[..read] == all[8_000_000..8_000_000 + read]);
            }
        }
    }
}

fn index(archive: impl Into<Location>, sidecar: &Path) -> rangepack::Result<()> {
    let options = ArchiveIndexOptions::new().overwrite(true);
    index_archive(archive, sidecar, &options, &()).map(|made| assert_eq!(made.failed, 0))
}

#[test]
fn an_archive_is_indexed_and_read_by_its_url() {
    let (_root, at) = archives();
    let expected = Pack::open(at.join("x.pack")).unwrap();
    let server = Server::start(Manner::Normal);
    for name in ["x.tar", "x.zip"] {
        let archive = at.join(name);
        let here = sidecar_path(&archive);
        index(archive.as_path(), &here).unwrap();
        same(&Pack::open(archive.as_path()).unwrap(), &expected);
        let bytes = fs::read(&archive).unwrap();
        let url = server.put(&format!("dir/{name}"), bytes.clone());
        let there = at.join(format!("far-{name}"));
        fs::create_dir(&there).unwrap();
        let sidecar = there.join(format!("{name}.rpx"));
        for manner in [Manner::Short, Manner::Busy, Manner::Normal] {
            server.behave(manner);
            server.taken();
            index(url.as_str(), &sidecar).unwrap();
            assert!(fs::read(&sidecar).unwrap() == fs::read(&here).unwrap());
        }
        let (requests, taken) = server.taken();
        let most = bytes.len() as u64 * 3 / 2 + (10 << 20);
        assert!(taken <= most && requests < 40, "{requests} requests, {taken} bytes");
        // The archive stays there; its folder is said, or both names are.
        assert!(Pack::open(sidecar.as_path()).unwrap().read("sub/001.txt").is_err());
        let elsewhere = OpenOptions::new().volumes(Location::from(server.url("dir").as_str()));
        same(&Pack::open_with(sidecar.as_path(), &elsewhere).unwrap(), &expected);
        let both = OpenOptions::new().index(Location::from(sidecar.as_path()));
        same(&Pack::open_with(url.as_str(), &both).unwrap(), &expected);
        // Both lie there.
        server.put(&format!("dir/{name}.rpx"), fs::read(&sidecar).unwrap());
        same(&Pack::open(url.as_str()).unwrap(), &expected);
        same(&Pack::open(format!("{url}.rpx").as_str()).unwrap(), &expected);
        // Another file of the same length gives nothing of it.
        server.put(&format!("dir/{name}"), vec![7; bytes.len()]);
        assert!(Pack::open(url.as_str()).unwrap().read("sub/001.txt").is_err());
        server.put(&format!("dir/{name}"), bytes[..bytes.len() - 1].to_vec());
        let error = Pack::open(url.as_str()).unwrap().read("sub/001.txt").unwrap_err();
        assert!(matches!(error, Error::Volume { .. }), "{error:?}");
        // One that is replaced while it is read has no index.
        server.put(&format!("dir/{name}"), bytes);
        server.taken();
        server.behave(Manner::Replaced(1));
        fs::remove_file(&sidecar).unwrap();
        assert!(index(url.as_str(), &sidecar).is_err());
        assert!(fs::read_dir(&there).unwrap().next().is_none());
        server.behave(Manner::Normal);
    }
}

#[test]
fn shards_have_one_index() {
    let root = tempfile::tempdir().unwrap();
    let at = root.path();
    let mut shards: Vec<Location> = Vec::new();
    for shard in 0..5 {
        let source = at.join(format!("src-{shard}"));
        fs::create_dir(&source).unwrap();
        for number in 0..20 {
            fs::write(source.join(format!("{shard}-{number:02}.txt")), format!("{shard} {number}"))
                .unwrap();
        }
    }
    for shard in 0..5 {
        let (pack, tar) = (at.join("x.pack"), at.join(format!("shard-{shard}.tar")));
        let options = PackOptions::new().overwrite(true);
        rangepack::pack(at.join(format!("src-{shard}")), &pack, &options, &()).unwrap();
        let pack = Pack::open(&pack).unwrap();
        export(&pack, &tar, &ExportOptions::new(), &()).unwrap();
        shards.push(tar.into());
    }
    let (one, two) = (at.join("all.rpx"), at.join("again.rpx"));
    let options = ArchiveIndexOptions::new();
    let made = index_archives(&shards, &one, &options, &()).unwrap();
    assert_eq!(made.finished.header.totals.files, 100);
    index_archives(&shards, &two, &options, &()).unwrap();
    assert!(fs::read(&one).unwrap() == fs::read(&two).unwrap(), "the same bytes each time");
    let pack = Pack::open(one.as_path()).unwrap();
    for shard in 0..5 {
        for number in 0..20 {
            let content = pack.read(format!("{shard}-{number:02}.txt")).unwrap();
            assert_eq!(content, format!("{shard} {number}").as_bytes());
        }
    }
    // A shard that is missing takes with it what it holds, and nothing else.
    fs::remove_file(at.join("shard-3.tar")).unwrap();
    let pack = Pack::open(one.as_path()).unwrap();
    assert!(matches!(pack.read("3-00.txt"), Err(Error::Volume { .. })));
    assert_eq!(pack.read("4-00.txt").unwrap(), b"4 0");
}
