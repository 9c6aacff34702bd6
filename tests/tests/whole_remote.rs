//! Verifying and extracting whole packs at URLs: no byte is fetched twice, and every request brings much.

use rangepack::{
    Compression, CreateOptions, ExtractOptions, Filter, FilterOptions, IndexOptions, OpenOptions,
    Pack, PackOptions, RemoteOptions, Selection, VerifyOptions, create, extract, pack, verify,
};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use support::frames::record;
use support::server::{Manner, Server};
use tempfile::TempDir;

/// Besides one for each MiB: opening, the list of dictionaries and these, the last share of each thread, what a section leaves.
const FEW: u64 = 10;

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let words = (0..len.div_ceil(8)).flat_map(|_| next().to_le_bytes());
    words.take(len).collect()
}

struct Home {
    directory: TempDir,
    server: Server,
}

impl Home {
    fn new() -> Home {
        Home { directory: tempfile::tempdir().unwrap(), server: Server::start(Manner::Normal) }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) {
        let path = self.at("tree").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn pack(&self, options: &PackOptions) {
        let options = options.clone().overwrite(true);
        let packed = pack(self.at("tree"), self.at("x.pack"), &options, &()).unwrap();
        assert!(packed.summary.failed == 0, "{packed:?}");
    }

    /// Opens the pack at a URL.
    fn open(&self) -> Pack {
        let url = self.server.put("x.pack", fs::read(self.at("x.pack")).unwrap());
        self.server.taken();
        let mut options = OpenOptions::default();
        // Nothing is asked for again because an answer is late.
        options.remote = RemoteOptions::default();
        options.remote.timeout = Duration::from_secs(300);
        Pack::open_with(Path::new(&url), &options).unwrap()
    }

    /// What was asked for: first bytes and last ones.
    fn ranges(&self, len: u64) -> Vec<(u64, u64)> {
        let mut ranges = Vec::new();
        for line in self.server.log() {
            let (first, last) = line.split_once("bytes=").unwrap().1.split_once('-').unwrap();
            let last: u64 = last.parse().unwrap();
            let suffix = || (len.saturating_sub(last), len - 1);
            ranges.push(first.parse().map_or_else(|_| suffix(), |first| (first, last)));
        }
        ranges.sort_unstable();
        ranges
    }

    /// No byte came twice, and no more requests than there are MiB of `wanted`.
    fn check(&self, what: &str, wanted: u64) {
        let len = fs::metadata(self.at("x.pack")).unwrap().len();
        let ranges = self.ranges(len);
        let (requests, bytes) = self.server.taken();
        println!("{what}: {bytes} of {len} bytes, {wanted} wanted, {requests} requests");
        for pair in ranges.windows(2) {
            assert!(pair[0].1 < pair[1].0, "{what}: {:?} and {:?}", pair[0], pair[1]);
        }
        assert!(bytes <= len && bytes <= wanted / 50 * 51 + (256 << 10), "{what}: {bytes} bytes");
        assert!(requests <= wanted.div_ceil(1 << 20) + FEW, "{what}: {requests} requests");
    }

    /// Verifies all of it, extracts all of it, and compares that with the tree.
    fn whole(&self, what: &str) {
        let len = fs::metadata(self.at("x.pack")).unwrap().len();
        for threads in [1, 4] {
            let found = verify(&self.open(), &VerifyOptions::default().threads(threads), &());
            let report = found.unwrap();
            assert!(report.is_sound(), "{what}: {report:?}");
            self.check(&format!("verify {what}, {threads} threads"), len);
            let target = self.at(&format!("out-{threads}"));
            let options = ExtractOptions::default().threads(threads).attributes(true);
            let report = extract(&self.open(), &target, &options, &()).unwrap();
            assert!(report.is_complete(), "{what}: {report:?}");
            self.check(&format!("extract {what}, {threads} threads"), len);
            same(&self.at("tree"), &target);
            fs::remove_dir_all(target).unwrap();
        }
    }
}

/// Whether two directories hold the same files.
fn same(one: &Path, other: &Path) {
    let names = |path: &Path| {
        let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.collect();
        names.sort();
        names
    };
    assert_eq!(names(one), names(other), "{}", one.display());
    for name in names(one) {
        let (one, other) = (one.join(&name), other.join(&name));
        match one.is_dir() {
            true => same(&one, &other),
            false => {
                assert!(fs::read(&one).unwrap() == fs::read(other).unwrap(), "{}", one.display())
            }
        }
    }
}

#[test]
fn small_files() {
    let home = Home::new();
    for number in 0..3000u64 {
        home.write(
            &format!("{:02}/{number}", number % 40),
            &noise(number, 2500 + number as usize % 3000),
        );
    }
    home.pack(&PackOptions::default());
    home.whole("small files");
    let paged = PackOptions::default().index(IndexOptions::paged());
    home.pack(&paged.align(4096));
    home.whole("aligned ones");
}

#[test]
fn empty_files() {
    let home = Home::new();
    for number in 0..5000 {
        home.write(&format!("{:02}/{number}", number % 40), b"");
    }
    home.pack(&PackOptions::default());
    home.whole("empty files");
}

#[test]
fn large_files() {
    let home = Home::new();
    for (number, size) in
        [300, 900, 1100, 1700, 2500, 4100, 5000, 8100, 8300, 21_000].into_iter().enumerate()
    {
        for name in ["a", "b"] {
            home.write(
                &format!("{name}-{number}"),
                &noise(number as u64 + 77, size << 10)[usize::from(name == "b")..],
            );
        }
    }
    home.pack(&PackOptions::default());
    home.whole("large files");
}

#[test]
fn compressed_ones() {
    let home = Home::new();
    for number in 0..4000 {
        home.write(&format!("records/{number}.json"), record(number).as_ref());
    }
    let line = |number: usize| format!("line {number} of a file that is long\n").into_bytes();
    let text: Vec<u8> = (0..400_000).flat_map(line).collect();
    // Much content in a short payload; a long payload, with and without a block that shrinks.
    home.write("zeros", &vec![0; 40 << 20]);
    home.write("text", &text);
    home.write("mixed", &[noise(1, 12 << 20), text, noise(2, 3 << 20)].concat());
    for codec in [Compression::Gzip(6), Compression::Zstd(3)] {
        home.pack(&PackOptions::default().compress(codec).index(IndexOptions::paged()));
        home.whole("compressed files");
    }
}

/// Content that lies far before where it is named for the last time; and files with several names.
#[test]
fn the_same_content_again() {
    let home = Home::new();
    let (small, large) = (noise(5, 3000), noise(6, 11 << 20));
    for directory in ["a", "b", "c"] {
        for number in 0..100u64 {
            home.write(&format!("{directory}/{number}"), &noise(number, 70_000));
            home.write(&format!("{directory}/again-{number}"), &small);
        }
        home.write(&format!("{directory}/large"), &large);
        home.write(&format!("{directory}/zother"), &noise(directory.as_bytes()[0].into(), 9 << 20));
    }
    fs::hard_link(home.at("tree/a/large"), home.at("tree/c/link")).unwrap();
    fs::hard_link(home.at("tree/a/1"), home.at("tree/c/link-1")).unwrap();
    home.pack(&PackOptions::default());
    let len = fs::metadata(home.at("x.pack")).unwrap().len();
    assert!(len < 50 << 20, "{len}");
    home.whole("what is there twice");
    home.pack(&PackOptions::default().compress(Compression::Gzip(6)));
    home.whole("what is there twice, compressed");
}

/// Payloads lie in the order of several runs, and entries in that of their keys.
#[test]
fn a_container_of_several_runs() {
    let home = Home::new();
    let container = home.at("x.pack");
    for run in 0..4u64 {
        for number in 0..400u64 {
            home.write(
                &format!("{:03}-{run}", (number * 37) % 400),
                &noise(number * 4 + run, 9000),
            );
        }
        let options = CreateOptions::default().fsync_every(1000).finalize(run == 3);
        let _ = create(home.at("tree"), &container, &options, &()).unwrap();
    }
    home.whole("several runs");
}

#[test]
#[cfg(target_os = "linux")]
fn attributes_that_differ() {
    let home = Home::new();
    for number in 0..500 {
        let name = format!("{number}");
        home.write(&name, &noise(number, 2000));
        let path = home.at("tree").join(&name);
        let set = |name: &str, value: &[u8]| {
            rustix::fs::setxattr(&path, name, value, rustix::fs::XattrFlags::empty())
        };
        if set("user.number", name.as_bytes()).is_err() {
            return println!("skipped: this file system keeps no attributes");
        }
    }
    home.write("large", &noise(1, 2 << 20));
    home.pack(&PackOptions::default().attributes(true));
    home.whole("attributes");
}

#[test]
fn a_selection() {
    let home = Home::new();
    let mut wanted = 0;
    for number in 0..3000u64 {
        let content = noise(number, 10_000);
        let name = if number % 1000 < 300 { "in" } else { "out" };
        wanted += if name == "in" { content.len() as u64 } else { 0 };
        home.write(&format!("{}/{name}/{number}", number / 1000), &content);
    }
    home.pack(&PackOptions::default());
    let filter = Filter::new(FilterOptions::default().include(["in/"])).unwrap();
    let selection = Selection::new(&[] as &[&str], filter);
    let pack = home.open();
    let index = u64::from(pack.header().page_count()) * u64::from(pack.header().page_size);
    let target = home.at("out");
    let options = ExtractOptions::default().selection(selection).threads(2);
    let report = extract(&pack, &target, &options, &()).unwrap();
    assert!(report.is_complete() && report.files == 900, "{report:?}");
    home.check("a selection", wanted + index);
    let paths =
        ["1/in"].map(|path| rangepack_core::PackPathBuf::new(path.as_bytes().to_vec()).unwrap());
    let options = VerifyOptions::default().paths(paths.to_vec());
    let report = verify(&home.open(), &options, &()).unwrap();
    assert!(report.is_sound() && report.files == 300, "{report:?}");
    home.check("a directory", wanted / 3 + index);
}

/// What was written for another name is read again, and not believed when somebody changed it.
#[test]
fn a_copy_that_was_changed_is_fetched() {
    struct Changes(PathBuf);
    impl rangepack::Observer for Changes {
        fn event(&self, event: rangepack::Event<'_>) {
            if let rangepack::Event::Done { .. } = event
                && self.0.exists()
            {
                fs::write(&self.0, noise(9, 9 << 20)).unwrap();
            }
        }
    }
    let home = Home::new();
    for name in ["a", "b"] {
        home.write(name, &noise(8, 9 << 20));
    }
    home.pack(&PackOptions::default());
    let target = home.at("out");
    let options = ExtractOptions::default().threads(1);
    let report = extract(&home.open(), &target, &options, &Changes(target.join("a"))).unwrap();
    assert!(report.is_complete(), "{report:?}");
    assert!(fs::read(target.join("b")).unwrap() == noise(8, 9 << 20));
    assert!(fs::read(target.join("a")).unwrap() == noise(9, 9 << 20));
    assert!(home.server.taken().1 > 17 << 20);
}
