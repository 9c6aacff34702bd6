//! The golden packs: small trees that show everything that the format can hold.

use crate::tree::Tree;
use rangepack::{DirectoryLines, IndexFormat, IndexOptions};
use rangepack::{FinalizeOptions, finalize};
use rangepack::{IndexTarget, rebuild, sidecar_path};
use rangepack::{OpenOptions, Result};
use rangepack::{PackOptions, pack};
use rangepack_core::Digest;
use std::fs;
use std::path::{Path, PathBuf};

/// One golden pack.
#[derive(Debug)]
pub struct Case {
    /// `<name>.pack` is its file.
    pub name: &'static str,
    /// What is packed; empty for packs that are not made from a tree.
    pub tree: Tree,
    make: fn(&Path, &Path, usize) -> Result<()>,
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
    options.compress = Some(6);
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
    options.index = IndexOptions::new(IndexFormat::Ndjson, DirectoryLines::Always);
    run(source, target, &options)
}

fn sidecar(source: &Path, target: &Path, threads: usize) -> Result<()> {
    ndjson(source, target, threads)?;
    rebuild(target, &IndexTarget::Beside(sidecar_path(target)), &OpenOptions::default(), &())
        .map(|_| ())
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
    let case = |name, tree, make| Case { name, tree, make };
    vec![
        case("smallest", Tree::default().file("hello", "Hello!\n"), paged),
        case("smallest-with-trailer", Tree::default().file("hello", "Hello!\n"), plain),
        case("empty", Tree::default(), plain),
        case("all-kinds", kinds(), plain),
        case("paged-only", kinds(), paged),
        case("ndjson-only", kinds(), ndjson),
        case("compressed", blocks, compressed),
        case("stored-blocks", Tree::default().file("large", text((256 << 10) + 100)), paged),
        case("aligned", sizes, aligned),
        case("deduplicated", duplicates.clone(), plain),
        case("sidecar", duplicates, sidecar),
        case("owners", Tree::default(), owner),
        case("two-levels", pages, paged),
    ]
}

impl Case {
    /// Makes the pack in `folder`; returns its path and that of a sidecar.
    pub fn make(&self, folder: &Path, threads: usize) -> Result<Vec<PathBuf>> {
        let io = |source| rangepack::Error::Io {
            action: rangepack::Action::Write,
            path: folder.to_owned(),
            source,
        };
        let source = tempfile::tempdir_in(folder).map_err(io)?;
        #[cfg(unix)]
        self.tree.write(source.path()).map_err(io)?;
        let target = folder.join(format!("{}.pack", self.name));
        let sidecar = sidecar_path(&target);
        (self.make)(source.path(), &target, threads)?;
        Ok(if sidecar.exists() { vec![target, sidecar] } else { vec![target] })
    }
}
