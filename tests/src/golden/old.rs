//! What the old programs wrote (docs/old-formats.md), by hand.

use super::Files;
use crate::gzip::member;
use crate::tree::{MTIME, Node, Tree};
use rangepack_core::blocks::BlockTableBuilder;
use rangepack_core::{Attributes, Digest, Result, trailer};

/// Payloads, and lines that name them.
#[derive(Default)]
struct Container {
    payloads: Vec<u8>,
    lines: Vec<String>,
}

impl Container {
    /// Puts a payload there; returns its keys of every container.
    fn store(&mut self, path: &str, payload: &[u8], size: usize, is_gzip: bool) -> String {
        let (offset, digest) = (self.payloads.len(), Digest::of(payload));
        self.payloads.extend(payload);
        format!(
            "\"relpath\": \"{path}\", \"offset\": {offset}, \"payload_size\": {}, \"orig_size\": {size}, \
             \"sha256\": \"{digest}\", \"compressed\": {is_gzip}",
            payload.len()
        )
    }

    /// A stored file, and what else its line says.
    fn file(&mut self, path: &str, content: &str, more: &str) {
        let line = self.store(path, content.as_bytes(), content.len(), false);
        self.lines.push(format!("{{{line}{more}}}"));
    }

    fn gzip(&mut self, path: &str, content: &str, more: &str) {
        let line = self.store(path, &member(content.as_bytes()), content.len(), true);
        self.lines.push(format!("{{{line}{more}}}"));
    }

    fn line(&mut self, line: &str) {
        self.lines.push(line.to_owned());
    }

    /// With an index as its trailer.
    fn ended_by(&self, index: &str) -> Vec<u8> {
        let header = trailer::trailer_header(index.len() as u64);
        [&self.payloads[..], &header, index.as_bytes()].concat()
    }

    fn ndjson(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

fn alone(bytes: Vec<u8>) -> Result<Files> {
    Ok(vec![("", bytes)])
}

/// The tree that the simple containers hold.
pub(super) fn plain_tree() -> Tree {
    Tree::default()
        .file("first", "stored")
        .unknown()
        .file("folder/second", "encoded, encoded")
        .unknown()
        .directory("folder")
        .unknown()
        .file("folder/empty", "")
        .unknown()
}

fn plain() -> Container {
    let mut container = Container::default();
    container.file("first", "stored", "");
    container.gzip("folder/second", "encoded, encoded", "");
    container.file("folder/empty", "", "");
    container
}

/// Lines with the oldest keys only.
pub(super) fn oldest_keys(_: &Tree) -> Result<Files> {
    let container = plain();
    alone(container.ended_by(&container.ndjson()))
}

/// An index that is an array, with white space as a program for people writes it.
pub(super) fn json_array(_: &Tree) -> Result<Files> {
    let container = plain();
    let index = format!("[\n  {}\n]\n", container.lines.join(",\n  "));
    alone(container.ended_by(&index))
}

/// An index that is an object whose `entries` counts, with zeros behind the trailer.
pub(super) fn json_object(_: &Tree) -> Result<Files> {
    let container = plain();
    let entries = container.lines.join(", ");
    let index =
        format!("{{\"version\": 1, \"entries\": [{entries}], \"made by\": [\"a program\", {{}}]}}");
    alone([container.ended_by(&index), vec![0; 100]].concat())
}

/// The tree of the next one, as far as its lines are entries.
pub(super) fn all_keys_tree() -> Tree {
    Tree::default()
        .file("again", "the last line counts")
        .unknown()
        .directory("directory")
        .mode(0o750)
        .mtime(1_700_000_000_000_000_000)
        .link("directory/link", b"to \xff")
        .mode(0o777)
        .mtime(-1_500_000_000)
        .file("directory/one", "one of two names")
        .mode(0o644)
        .mtime(MTIME)
        .file("directory/two", "one of two names")
        .mode(0o644)
        .mtime(MTIME)
        .directory("empty directory")
        .unknown()
        .file("gzip", "encoded, encoded, encoded")
        .mode(0o7777)
        .mtime(i64::MAX)
        .directory("implied")
        .unknown()
        .file("implied/file", "its directory has no line")
        .unknown()
        .file("null", "keys without values")
        .unknown()
        .file(b"not \xff UTF-8", "a lone surrogate")
        .unknown()
        .file("sparse", vec![0; 5000])
        .unknown()
}

/// Lines with all keys, and some that are no entries.
pub(super) fn all_keys(_: &Tree) -> Result<Files> {
    let mut container = Container::default();
    container.file("again", "the first line does not", "");
    let times = ", \"mode\": 488, \"mtime\": 1700000000";
    container.line(&format!("{{\"relpath\": \"directory\", \"entry_type\": \"dir\"{times}}}"));
    let block =
        Attributes::new(vec![(b"user.comment".to_vec(), b"of a link".to_vec())]).to_bytes()?;
    let (offset, digest) = (container.payloads.len(), Digest::of(&block));
    container.payloads.extend(&block);
    let xattrs =
        format!("{{\"offset\": {offset}, \"size\": {}, \"sha256\": \"{digest}\"}}", block.len());
    container.line(&format!(
        "{{\"relpath\": \"directory/link\", \"entry_type\": \"symlink\", \"link_target\": \"to \\udcff\", \
         \"mode\": 511, \"mtime\": -1.5, \"uid\": 1000, \"gid\": 100, \"xattrs\": {xattrs}}}"
    ));
    let (seconds, nanoseconds) = (MTIME / 1_000_000_000, MTIME % 1_000_000_000);
    let mode = 0o100_644;
    let linked = format!(
        ", \"mode\": {mode}, \"mtime\": {seconds}, \"mtime_ns\": {nanoseconds}, \"hardlink\": 1"
    );
    container.file("directory/one", "one of two names", &linked);
    let last = container.lines.last().cloned().unwrap_or_default();
    container.line(&last.replace("directory/one", "directory/two"));
    container.line("{\"relpath\": \"empty directory\", \"entry_type\": \"directory\"}");
    let content = "encoded, encoded, encoded";
    let original = Digest::of(content.as_bytes());
    let encoded = format!(
        ", \"codec\": \"gzip\", \"orig_sha256\": \"{original}\", \"mode\": 4095, \"mtime\": 9223372036, \
         \"mtime_ns\": 854775807, \"uid\": 7"
    );
    container.gzip("gzip", content, &encoded);
    container.file("implied/file", "its directory has no line", "");
    container.file(
        "null",
        "keys without values",
        ", \"mode\": null, \"codec\": null, \"new\": [{}]",
    );
    container.file("not \\udcff UTF-8", "a lone surrogate", "");
    let zeros = "\0".repeat(5000);
    let line = container.store("sparse", zeros.as_bytes(), 5000, false);
    let mut table = BlockTableBuilder::new();
    table.push(4096, Digest::of(&[0; 4096]));
    table.push(904, Digest::of(&[0; 904]));
    let (table, digest) = table.finish();
    let offset = container.payloads.len();
    container.payloads.extend(table);
    container.line(&format!(
        "{{{line}, \"block_table\": {{\"offset\": {offset}, \"block_log2\": 12, \"sha256\": \"{digest}\"}}, \
         \"sparse\": true}}"
    ));
    container.line("a line that is no JSON");
    container.line("{\"relpath\": \"no places\"}");
    container.line("");
    container.file("again", "the last line counts", "");
    alone(container.ended_by(&container.ndjson()))
}

/// The tree of an unfinished container, as far as its journal goes.
pub(super) fn unfinished_tree() -> Tree {
    Tree::default()
        .directory("folder")
        .mode(0o755)
        .mtime(1_700_000_000_000_000_000)
        .file("folder/file", "durable before its line")
        .mode(0o644)
        .mtime(1_700_000_001_000_000_000)
}

/// A journal whose last line is torn, beside the container.
pub(super) fn unfinished(_: &Tree) -> Result<Files> {
    let mut container = Container::default();
    container.line("");
    container.line(
        "{\"relpath\": \"folder\", \"entry_type\": \"dir\", \"mode\": 493, \"mtime\": 1700000000}",
    );
    container.file(
        "folder/file",
        "durable before its line",
        ", \"mode\": 420, \"mtime\": 1700000001",
    );
    let mut index = container.ndjson();
    index += "{\"relpath\": \"folder/torn\", \"off";
    container.payloads.extend(*b"its line was not");
    Ok(vec![("", container.payloads), ("unfinished.container.idx", index.into_bytes())])
}

/// The tree of an `.fpack`.
pub(super) fn fpack_tree() -> Tree {
    Tree::default()
        .file("cut", "")
        .unknown()
        .directory("folder")
        .unknown()
        .file(
            "folder/\u{e4}\u{f6}\u{fc}",
            "names of several bytes push out the padding of the last",
        )
        .unknown()
        .file("with spaces  inside", "first")
        .unknown()
}

/// Whose last name is cut, but has padding enough.
pub(super) fn fpack(tree: &Tree) -> Result<Files> {
    alone(fpack_of(tree, &[]))
}

/// Whose last name is lost: its padding is not there, so more of it may be missing.
pub(super) fn fpack_lost_name(tree: &Tree) -> Result<Files> {
    alone(fpack_of(
        tree,
        &[("lost, for the names before it take too much of the room", b"of no name")],
    ))
}

/// An `.fpack` of the files of a tree, and of some that no reader can name.
fn fpack_of(tree: &Tree, more: &[(&str, &[u8])]) -> Vec<u8> {
    // In the order of the tree, backwards: no order is asked for.
    let files = tree.0.iter().rev().filter_map(|item| match &item.node {
        Node::File(content) => Some((std::str::from_utf8(&item.path).ok()?, content.as_slice())),
        _ => None,
    });
    let files: Vec<(&str, &[u8])> = files.chain(more.iter().copied()).collect();
    let names: String = files.iter().map(|(name, _)| format!("{name:128}")).collect();
    let mut out = vec![1];
    out.extend((files.len() as u64).to_le_bytes());
    out.extend(format!("{:256}", "/the/base/path").bytes());
    out.extend(names.bytes().take(128 * files.len()));
    files.iter().for_each(|(_, content)| out.extend((content.len() as u64).to_le_bytes()));
    files.iter().for_each(|(_, content)| out.extend(*content));
    out
}

/// The tree of the `.fpack` with a lost name: its first name takes 80 bytes more than it has characters.
pub(super) fn fpack_lost_name_tree() -> Tree {
    let long = "\u{4e2d}".repeat(40);
    Tree::default().file("second", "of a name").unknown().file(long, "of a long name").unknown()
}
