//! The golden packs: small trees that show everything that the format can hold.

mod parts;
mod by_hand;
mod old;

use crate::frames;
use crate::tree::Tree;
use rangepack::Result;
use rangepack::{Compression, PackOptions, pack};
use rangepack::{DirectoryLines, IndexFormat, IndexOptions};
use rangepack::{FinalizeOptions, finalize};
use rangepack::{IndexTarget, RebuildOptions, rebuild, sidecar_path};
use rangepack_core::Digest;
use std::fs;
use std::path::{Path, PathBuf};

/// One golden pack.
#[derive(Debug)]
pub struct Case {
    /// Its file; `<name>.json` beside it says what a reader must find.
    pub file: &'static str,
    /// What is packed; empty for packs that no tree is the source of.
    pub tree: Tree,
    make: Make,
}

/// Files by name: first the pack itself, without one, then those that lie beside it.
type Files = Vec<(&'static str, Vec<u8>)>;

/// Packs a folder to a file, with so many threads.
type Packer = fn(&Path, &Path, usize) -> Result<()>;

#[derive(Debug)]
enum Make {
    /// The packer makes it.
    Packed(Packer),
    /// It is made by hand.
    ByHand(fn(&Tree) -> rangepack_core::Result<Files>),
}

fn options(threads: usize) -> PackOptions {
    let mut options = PackOptions::default();
    options.threads = threads;
    options.overwrite = true;
    options
}

fn run(source: &Path, target: &Path, options: &PackOptions) -> Result<()> {
    pack(source, target, options, &()).map(|_| ())
}

fn plain(source: &Path, target: &Path, threads: usize) -> Result<()> {
    run(source, target, &options(threads))
}

fn compressed(source: &Path, target: &Path, threads: usize) -> Result<()> {
    let mut options = options(threads);
    options.compress = Some(Compression::Gzip(6));
    run(source, target, &options)
}

fn aligned(source: &Path, target: &Path, threads: usize) -> Result<()> {
    let mut options = options(threads);
    options.align = 512;
    run(source, target, &options)
}

fn paged(source: &Path, target: &Path, threads: usize) -> Result<()> {
    let mut options = options(threads);
    options.index = IndexOptions::paged();
    run(source, target, &options)
}

fn ndjson(source: &Path, target: &Path, threads: usize) -> Result<()> {
    let mut options = options(threads);
    options.index =
        IndexOptions::new().format(IndexFormat::Ndjson).directories(DirectoryLines::Always);
    run(source, target, &options)
}

fn sidecar(source: &Path, target: &Path, threads: usize) -> Result<()> {
    ndjson(source, target, threads)?;
    rebuild(target, &IndexTarget::Beside(sidecar_path(target)), &RebuildOptions::default(), &())
        .map(|_| ())
}

fn metadata(source: &Path, target: &Path, threads: usize) -> Result<()> {
    let mut options = options(threads);
    options.index = IndexOptions::paged();
    for (key, value) in [("made for", "tests"), ("", "an empty key"), ("\u{e9}\n\"", "\u{1f600}\0")]
    {
        options.metadata.insert(key.to_owned(), value.to_owned());
    }
    run(source, target, &options)
}

/// Through a journal, so that the ids do not depend on who runs this.
fn owner(_: &Path, target: &Path, _: usize) -> Result<()> {
    let io = |source| rangepack::Error::Io {
        action: rangepack::Action::Write,
        path: target.to_owned(),
        source,
    };
    let index = target.with_extension("pack.idx");
    let line = |path: &str, offset: usize, content: &str, owner: &str| {
        let digest = Digest::of(content.as_bytes());
        let size = content.len();
        format!(
            "{{\"relpath\": \"{path}\", \"offset\": {offset}, \"payload_size\": {size}, \"orig_size\": {size}, \
             \"sha256\": \"{digest}\", \"compressed\": false, \"mode\": 420, \"mtime\": 1700000000{owner}}}\n"
        )
    };
    let lines = line("home/ann", 0, "ann's", ", \"uid\": 1000, \"gid\": 100")
        + &line("home/root", 5, "root's", ", \"uid\": 0, \"gid\": 0")
        + &line("home/nobody", 11, "nobody's", ", \"uid\": 4294967295, \"gid\": 65534")
        + &line("unknown", 19, "?", "");
    fs::write(target, "ann'sroot'snobody's?").map_err(io)?;
    fs::write(&index, lines).map_err(io)?;
    let mut options = FinalizeOptions::default();
    options.remove_index = true;
    finalize(target, Some(&index), &options, &()).map(|_| ())
}

/// Text that deflate makes about forty times shorter, different everywhere.
fn text(len: usize) -> Vec<u8> {
    let lines = (0u32..).flat_map(|n| {
        format!("{n:07} a line of a file that is longer than one block, and compresses well, ")
            .into_bytes()
    });
    lines.take(len).collect()
}

fn kinds() -> Tree {
    Tree::default()
        .file("CTNRv1__", "a name that is the magic")
        .file("back\\slash", "a backslash")
        .directory("empty directory")
        .mode(0o700)
        .file("empty file", "")
        .file("executable", "#!/bin/sh\n")
        .mode(0o755)
        .link("link", "nested/deep/file")
        .link("link to nowhere", "../\u{e9}/no\u{2028}where")
        .directory("nested")
        .directory("nested/deep")
        .file("nested/deep/file", "at the bottom")
        .link("nested/deep/link", b"not \xff UTF-8")
        .file("nested/sibling", "beside")
        .directory("nested-too")
        .file("nested-too/x", "sorts behind nested/deep")
        .file("new\nline", "a newline")
        .file(b"not \xff\xfe UTF-8", "a name of raw bytes")
        .file("quote\"s", "quotation marks")
        .file("read only", "read only")
        .mode(0o444)
        .file("\u{fc}n\u{ef}c\u{f6}d\u{e9} \u{4e2d}\u{6587} \u{1f600}.txt", "unicode")
}

/// All golden packs.
pub fn cases() -> Vec<Case> {
    let duplicates = Tree::default()
        .file("a", "the same content")
        .directory("b")
        .file("b/a", "the same content")
        .file("b/empty", "")
        .file("b/other", "other content")
        .file("c", "the same content");
    let sizes = Tree::default()
        .directory("sub")
        .file("eleven", "eleven more")
        .file("one", "1")
        .file("sub/five", "five5");
    let mut pages = Tree::default().directory("train");
    for class in 0..3 {
        pages = pages.directory(format!("train/n0144{class:04}"));
    }
    for class in 0..3 {
        for number in 0..400 {
            let name = format!("train/n0144{class:04}/n0144{class:04}_{number}.JPEG");
            pages = pages.file(name, format!("{class}:{number}"));
        }
    }
    let blocks = Tree::default()
        .file("incompressible", b"\x8f\x12\xee\x41\x07")
        .file("large", text(600 << 10))
        .file("small", "small, small, small, small, small, small, small, small")
        .file("twin of large", text(600 << 10));
    let mut cases = Vec::new();
    for (file, tree, make) in [
        ("smallest.pack", Tree::default().file("hello", "Hello!\n"), paged as Packer),
        ("smallest-with-trailer.pack", Tree::default().file("hello", "Hello!\n"), plain),
        ("empty.pack", Tree::default(), plain),
        ("all-kinds.pack", kinds(), plain),
        ("paged-only.pack", kinds(), paged),
        ("ndjson-only.pack", kinds(), ndjson),
        ("compressed.pack", blocks, compressed),
        ("stored-blocks.pack", Tree::default().file("large", text((256 << 10) + 100)), paged),
        ("aligned.pack", sizes, aligned),
        ("deduplicated.pack", duplicates.clone(), plain),
        ("sidecar.pack", duplicates, sidecar),
        ("owners.pack", Tree::default(), owner),
        ("two-levels.pack", pages, paged),
        ("metadata.pack", Tree::default().file("hello", "Hello!\n"), metadata),
    ] {
        cases.push(Case { file, tree, make: Make::Packed(make) });
    }
    for (file, tree, make) in by_hand() {
        cases.push(Case { file, tree, make: Make::ByHand(make) });
    }
    cases
}

type ByHand = (&'static str, Tree, fn(&Tree) -> rangepack_core::Result<Files>);

fn by_hand() -> Vec<ByHand> {
    let levels = Tree::default()
        .directory("a")
        .directory("b")
        .file("c", "")
        .file("a/1", "")
        .link("a/2", "1")
        .file("b/1", "")
        .link("b/2", "../c");
    let long = |number: u32| format!("{number:02} {}", "a long name ".repeat(60));
    let large = (0..50)
        .fold(Tree::default(), |tree, number| tree.file(long(number), format!("content {number}")));
    let volumes = Tree::default()
        .file("empty", "")
        .file("in one", "a whole volume")
        .file("in the pack", "volume 0")
        .file("large", text(5000));
    let merged = Tree::default()
        .file("empty", "")
        .directory("shared")
        .file("shared/in both", "the same in both")
        .file("shared/large", text(300_000))
        .link("shared/link", "large")
        .directory("two")
        .file("two/alone", "only in the second");
    let unknown = Tree::default()
        .directory("content unknown")
        .file("content unknown/gzip", "encoded, encoded")
        .directory("known")
        .file("known/file", "with a digest")
        .file("stored with a table", text(5000))
        .directory("unknown")
        .file("unknown/stored", "without a digest");
    let small = Tree::default()
        .directory("directory")
        .link("directory/link", "../file")
        .file("file", "a file");
    let reserved = Tree::default()
        .file("known", "stored")
        .file("reserved for later", "")
        .directory("somewhere")
        .file("somewhere/reserved", "");
    let generations = Tree::default()
        .file("added", "only in the second")
        .file("changed", "and as it was then")
        .directory("kept")
        .file("kept/file", "the same in both");
    let attributes = Tree::default()
        .file("a", "one of two names")
        .file("attributes", "with attributes")
        .file("c", "two of two names")
        .directory("directory")
        .file("directory/b", "one of two names")
        .file("directory/c", "two of two names")
        .link("directory/link", "../a")
        .file("sparse", vec![0; 20_000]);
    let encoded = Tree::default()
        .file("empty", "")
        .file("large", by_hand::noise_between_text())
        .file("plain", "plain, plain, plain, plain, plain")
        .directory("records")
        .file("records/1", frames::record(1))
        .file("records/2", frames::record(2))
        .file("records/3", frames::record(3));
    let deflated = Tree::default()
        .file("deflated", "one raw deflate stream")
        .file("empty", "")
        .file("stored", "and one that is stored");
    let extremes = Tree::default()
        .directory("d")
        .mode(0)
        .mtime(i64::MIN + 1)
        .file([b"d/", &[b'n'; 8190][..]].concat(), "a path of 8192 bytes")
        .mode(0o7777)
        .mtime(i64::MAX)
        .file("empty", "")
        .unknown()
        .link("link", vec![b't'; 8192])
        .mtime(0)
        .file("payload", "payload inside it")
        .mtime(-1)
        .file("payload inside", "inside it")
        .file([b'n'; 8192], "a name of 8192 bytes");
    vec![
        ("three-levels.pack", levels, by_hand::three_levels),
        ("large-pages.pack", large, by_hand::large_pages),
        ("large-table.pack", large_table_tree(), by_hand::large_table),
        ("unknown-digests.pack", unknown, by_hand::unknown_digests),
        ("unknown-parts.pack", small.clone(), by_hand::unknown_parts),
        ("unknown-codec.pack", reserved, by_hand::unknown_codec),
        ("longer-records.pack", small.clone(), by_hand::longer_records),
        ("masked.pack", small, by_hand::masked),
        ("volumes.pack", volumes, by_hand::volumes),
        ("merged.pack", merged, by_hand::merged),
        ("two-generations.pack", generations, by_hand::two_generations),
        ("attributes.pack", attributes, by_hand::attributes),
        ("gzip-header.pack", Tree::default().file("file", "one member"), by_hand::gzip_header),
        ("extremes.pack", extremes, by_hand::extremes),
        ("zstd.pack", encoded, by_hand::zstd),
        ("deflate.pack", deflated, by_hand::deflate),
        ("oldest-keys.container", old::plain_tree(), old::oldest_keys),
        ("json-array.container", old::plain_tree(), old::json_array),
        ("json-object.container", old::plain_tree(), old::json_object),
        ("all-keys.container", old::all_keys_tree(), old::all_keys),
        ("unfinished.container", old::unfinished_tree(), old::unfinished),
        ("fpack.fpack", old::fpack_tree(), old::fpack),
        ("fpack-lost-name.fpack", old::fpack_lost_name_tree(), old::fpack_lost_name),
    ]
}

fn large_table_tree() -> Tree {
    Tree::default().file("large", by_hand::many_blocks().content)
}

/// The tree of the first of the two generations.
pub fn first_generation() -> Tree {
    by_hand::first_generation()
}

impl Case {
    /// Makes the pack in `folder`; returns its path and those of the files beside it.
    pub fn make(&self, folder: &Path, threads: usize) -> Result<Vec<PathBuf>> {
        let io = |source| rangepack::Error::Io {
            action: rangepack::Action::Write,
            path: folder.to_owned(),
            source,
        };
        let target = folder.join(self.file);
        match self.make {
            Make::Packed(make) => {
                let source = tempfile::tempdir_in(folder).map_err(io)?;
                #[cfg(unix)]
                self.tree.write(source.path()).map_err(io)?;
                make(source.path(), &target, threads)?;
                let sidecar = sidecar_path(&target);
                Ok(if sidecar.exists() { vec![target, sidecar] } else { vec![target] })
            }
            Make::ByHand(make) => {
                let wrong = |source| rangepack::Error::Pack {
                    pack: target.as_path().into(),
                    source: Box::new(source),
                };
                let mut made = Vec::new();
                for (name, bytes) in make(&self.tree).map_err(wrong)? {
                    made.push(folder.join(if name.is_empty() { self.file } else { name }));
                    fs::write(&made[made.len() - 1], bytes).map_err(io)?;
                }
                Ok(made)
            }
        }
    }
}
