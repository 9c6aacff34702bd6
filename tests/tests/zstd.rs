//! Packs compressed with zstd: made, read in every way, damaged, saved.

use rangepack::{
    Compression, CreateOptions, Dictionaries, Error, IndexFormat, IndexOptions, NdjsonOptions,
    OpenOptions, Pack, PackOptions, RecoverOptions, Verify, VerifyOptions, create, pack, recover,
    verify, write_ndjson,
};
use rangepack_core::{Codec, DictionaryRef, Kind, Tag};
use std::fs;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use support::frames::record;

struct Home(tempfile::TempDir);

impl Home {
    /// Records, large files that shrink and that do not, some of both, and what is too short to shrink.
    fn new() -> Home {
        let home = Home(tempfile::tempdir().unwrap());
        fs::create_dir_all(home.at("tree/records")).unwrap();
        for number in 0..2000 {
            fs::write(home.at(&format!("tree/records/{number:04}.json")), record(number)).unwrap();
        }
        fs::write(home.at("tree/empty.json"), "").unwrap();
        fs::write(home.at("tree/short"), "abc").unwrap();
        fs::write(home.at("tree/large.txt"), home.large()).unwrap();
        fs::write(home.at("tree/noise.bin"), noise(700_000)).unwrap();
        home
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn large(&self) -> Vec<u8> {
        let line = |number: usize| format!("line {number} of a file that is long\n").into_bytes();
        let mut content: Vec<u8> = (0..20_000).flat_map(line).collect();
        content.extend(noise(300_000));
        content
    }

    fn pack(&self, name: &str, options: &PackOptions) -> Pack {
        let target = self.at(name);
        pack(self.at("tree"), &target, &options.clone().overwrite(true), &()).unwrap();
        Pack::open(target).unwrap()
    }

    /// Every way of reading gives what is on disk.
    fn check(&self, pack: &Pack) {
        let mut paths = Vec::new();
        for entry in pack.walk("").unwrap() {
            let entry = entry.unwrap();
            if entry.is_file() {
                paths.push(String::from_utf8(entry.path().unwrap().as_bytes().to_vec()).unwrap());
            }
        }
        assert_eq!(paths.len(), 2004);
        for path in &paths {
            let content = fs::read(self.at("tree").join(path)).unwrap();
            assert!(pack.read(path).unwrap() == content, "{path}");
            let mut file = pack.open_file(path).unwrap();
            let start = content.len() / 3;
            file.seek(SeekFrom::Start(start as u64)).unwrap();
            let mut rest = Vec::new();
            file.read_to_end(&mut rest).unwrap();
            assert!(rest == content[start..], "{path}");
        }
        let report = verify(pack, &VerifyOptions::new(), &()).unwrap();
        assert_eq!((report.bad, report.structural, report.files), (0, 0, 2004), "{report:?}");
    }
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..len).map(|_| next()).collect()
}

fn zstd() -> PackOptions {
    PackOptions::new().compress(Compression::Zstd(3)).index(IndexOptions::paged())
}

fn content(pack: &Pack, path: &str) -> rangepack_core::Content {
    let path = rangepack_core::PackPath::new(path.as_bytes()).unwrap();
    pack.find(path).unwrap().unwrap().content().unwrap().unwrap()
}

#[test]
fn what_is_packed_is_read_in_every_way() {
    let home = Home::new();
    let pack = home.pack("a.pack", &zstd());
    home.check(&pack);
    // Records need the dictionary that the pack begins with; what does not shrink is stored.
    let of_record = content(&pack, "records/0007.json");
    assert_eq!(
        (of_record.codec, of_record.dictionary),
        (Codec::Zstd, Some(DictionaryRef::Number(1)))
    );
    assert_eq!(pack.header().section(Tag::DICTIONARIES).unwrap().extent.start, 0);
    let large = content(&pack, "large.txt");
    assert!(large.codec == Codec::Zstd && large.blocks.is_some() && large.dictionary.is_none());
    for path in ["short", "noise.bin", "empty.json"] {
        assert_eq!(content(&pack, path).codec, Codec::Stored, "{path}");
    }
    let options = OpenOptions::new().verify(Verify::Payloads);
    home.check(&Pack::open_with(home.at("a.pack"), &options).unwrap());
}

#[test]
fn the_same_tree_is_the_same_pack_with_any_number_of_threads() {
    let home = Home::new();
    let all: Vec<_> = [1, 2, 7]
        .map(|threads| {
            home.pack("a.pack", &zstd().threads(threads));
            fs::read(home.at("a.pack")).unwrap()
        })
        .into();
    assert!(all[0] == all[1] && all[1] == all[2]);
}

#[test]
fn dictionaries_pay_or_are_left_out() {
    let home = Home::new();
    let stored = |options: &PackOptions| {
        let pack = home.pack("a.pack", options);
        (pack.header().totals.stored_bytes, pack.header().section(Tag::DICTIONARIES).is_some())
    };
    let (with, listed) = stored(&zstd());
    let (without, none) = stored(&zstd().dictionaries(Dictionaries::None));
    assert!(listed && !none && with < without, "{with} {without}");
    let (small, _) = stored(&zstd().dictionaries(Dictionaries::Size(1024)));
    assert!(small < without);
    // Files with nothing in common, and too few of them.
    fs::remove_dir_all(home.at("tree/records")).unwrap();
    assert!(!stored(&zstd()).1);
    for number in 0..200_usize {
        let content = &noise(200 * 300)[number * 300..][..300];
        fs::write(home.at(&format!("tree/{number}.dat")), content).unwrap();
    }
    assert!(!stored(&zstd()).1);
}

#[test]
fn an_ndjson_index_says_as_much() {
    let home = Home::new();
    let both = IndexOptions::new();
    let pack = home.pack("a.pack", &zstd().index(both));
    home.check(&pack);
    // Its trailer alone, behind a container that lost its footer.
    let whole = fs::read(home.at("a.pack")).unwrap();
    fs::write(home.at("cut"), &whole[..whole.len() - 72]).unwrap();
    let old = Pack::open(home.at("cut")).unwrap();
    assert!(old.digest().is_none());
    home.check(&old);
    // Lines in a file of their own.
    write_ndjson(&pack, home.at("lines"), NdjsonOptions::default(), &()).unwrap();
    let options = OpenOptions::new().index(Some(home.at("lines").into()));
    let old = Pack::open_with(home.at("cut"), &options).unwrap();
    home.check(&old);
}

#[test]
fn the_old_programs_are_not_given_what_they_cannot_read() {
    let home = Home::new();
    let lines = IndexOptions::new().format(IndexFormat::Ndjson);
    let refused = pack(home.at("tree"), home.at("a.pack"), &zstd().index(lines), &());
    assert!(matches!(refused, Err(Error::OnlyGzip)));
    let options = CreateOptions::new().pack(zstd());
    let refused = create(home.at("tree"), home.at("container"), &options, &());
    assert!(matches!(refused, Err(Error::OnlyGzip)));
    assert!(!home.at("a.pack").exists() && !home.at("container").exists());
}

#[test]
fn a_damaged_dictionary_takes_only_what_needs_it() {
    let home = Home::new();
    home.pack("a.pack", &zstd());
    let mut bytes = fs::read(home.at("a.pack")).unwrap();
    bytes[500] ^= 1;
    fs::write(home.at("a.pack"), bytes).unwrap();
    let pack = Pack::open(home.at("a.pack")).unwrap();
    let error = pack.read("records/0001.json").unwrap_err();
    assert!(error.is_bad_pack(), "{error:?}");
    assert!(pack.read("large.txt").unwrap() == home.large());
    let report = verify(&pack, &VerifyOptions::new(), &()).unwrap();
    assert!(!report.is_sound());
    let recovered =
        recover(home.at("a.pack"), home.at("b.pack"), &RecoverOptions::new(), &()).unwrap();
    assert!(recovered.lost > 1500 && recovered.problems[0].1.contains("dictionary"));
    let pack = Pack::open(home.at("b.pack")).unwrap();
    assert!(pack.read("large.txt").unwrap() == home.large());
    assert!(content(&pack, "large.txt").blocks.is_some());
    assert!(verify(&pack, &VerifyOptions::new(), &()).unwrap().is_sound());
}

#[test]
fn a_pack_that_lost_its_end_is_saved_with_its_dictionaries() {
    let home = Home::new();
    let pack = home.pack("a.pack", &zstd());
    let bytes = fs::read(home.at("a.pack")).unwrap();
    // The index pages are there, the root page is not.
    let end = pack.header().pages().end() as usize;
    fs::write(home.at("cut"), &bytes[..end]).unwrap();
    let recovered =
        recover(home.at("cut"), home.at("b.pack"), &RecoverOptions::new(), &()).unwrap();
    let found = Pack::open(home.at("b.pack")).unwrap();
    for entry in found.walk("").unwrap() {
        let entry = entry.unwrap().to_entry().unwrap();
        if let Kind::File(_) = entry.kind {
            let path = String::from_utf8(entry.path.as_bytes().to_vec()).unwrap();
            assert!(found.read(&path).unwrap() == fs::read(home.at("tree").join(&path)).unwrap());
        }
    }
    assert_eq!(recovered.lost, 0);
    assert!(found.header().totals.files > 0);
    // Whole ones are saved as they are.
    recover(home.at("a.pack"), home.at("c.pack"), &RecoverOptions::new(), &()).unwrap();
    home.check(&Pack::open(home.at("c.pack")).unwrap());
}

#[test]
fn streams_are_the_same_as_files() {
    let home = Home::new();
    home.pack("a.pack", &zstd());
    let mut sources = rangepack::Sources::new(&std::env::temp_dir());
    sources.add(&home.at("tree"), rangepack_core::PackPath::ROOT).unwrap();
    let out = fs::File::create(home.at("stream")).unwrap();
    rangepack::pack_stream(sources, Box::new(out), Path::new("-"), &zstd(), &()).unwrap();
    assert!(fs::read(home.at("stream")).unwrap() == fs::read(home.at("a.pack")).unwrap());
}
