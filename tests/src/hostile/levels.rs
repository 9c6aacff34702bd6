//! Inner pages, and what they state of the pages below.

use super::{Packs, entry, two_leaves};
use crate::forge::{Child, Forge, node};
use rangepack_core::layout::PAGE_SIZE;
use rangepack_core::{Entry, Kind, Result};

/// A child: its separator, which page it is, and of how many entries.
type Stated = (&'static [u8], usize, u64);

/// Four leaves of one link each, `a` to `d`; above them inner pages over these children, above those an
/// inner root of this level.
fn three(level: u8, pages: &[(u8, &[Stated])], root: &[Stated]) -> Result<Vec<u8>> {
    let link = |path: &str| entry(path, Kind::Symlink(b"to".to_vec()));
    let links = [[link("a")?], [link("b")?], [link("c")?], [link("d")?]];
    let leaves: Vec<&[Entry]> = links.iter().map(|leaf| &leaf[..]).collect();
    let mut forge = Forge::of_leaves(b"", &leaves)?;
    let mut made: Vec<Vec<u8>> =
        forge.before.chunks(PAGE_SIZE as usize).map(<[u8]>::to_vec).collect();
    let children = |pages: &[Vec<u8>], level, stated: &[Stated]| {
        let child = |(separator, page, entries): &Stated| (*separator, *page, *entries);
        let children: Vec<Child<'_>> = stated
            .iter()
            .map(child)
            .map(|(separator, page, entries)| Child { separator, page: &pages[page], entries })
            .collect();
        node(level, stated[0].1 as u32, &children)
    };
    for (level, stated) in pages {
        let mut page = children(&made, *level, stated);
        page.resize(PAGE_SIZE as usize, 0);
        made.push(page);
    }
    forge.node = children(&made, level, root);
    forge.before = made.concat();
    let len = forge.before.len() as u64;
    Ok(forge.record(16, &len.to_le_bytes()).seal())
}

/// The same with two inner pages, which have these separators (that of the second, in the root, is `c`).
fn separators(left: &'static [u8], right: &'static [u8]) -> Result<Vec<u8>> {
    three(
        2,
        &[(1, &[(b"", 0, 1), (left, 1, 1)]), (1, &[(b"", 2, 1), (right, 3, 1)])],
        &[(b"", 4, 2), (b"\0\0c", 5, 2)],
    )
}

/// The same with one inner page over all leaves.
fn one(first: &'static [u8], second: &'static [u8], third: &'static [u8]) -> Result<Vec<u8>> {
    let children = [(&b""[..], 0, 1), (first, 1, 1), (second, 2, 1), (third, 3, 1)];
    three(2, &[(1, &children)], &[(b"", 4, 4)])
}

pub(super) fn make() -> Result<Packs> {
    let link = |path: &str| entry(path, Kind::Symlink(b"to".to_vec()));
    let (left, right) = ([link("a")?, link("b")?], [link("c")?, link("d")?]);
    let root = two_leaves([&left, &right], [b"", b"\0\0c"], [2, 2])?;
    let with = |at: usize, value: &[u8]| root.clone().node(at, value).seal();
    // Of two children: three offsets, two counts of eight bytes, two digests.
    let (offsets, counts) = (16, 22);
    let pages: &[(u8, &[Stated])] =
        &[(1, &[(b"", 0, 1), (b"\0\0b", 1, 1)]), (1, &[(b"", 2, 1), (b"\0\0d", 3, 1)])];
    let above: &[Stated] = &[(b"", 4, 2), (b"\0\0c", 5, 2)];
    Ok(vec![
        ("levels-sound", three(2, pages, above)?),
        ("levels-root-level-wrong", three(3, pages, above)?),
        ("levels-page-level-wrong", three(2, &[pages[0], (2, pages[1].1)], above)?),
        ("levels-count-wrong", three(2, pages, &[(b"", 4, 1), (b"\0\0c", 5, 3)])?),
        ("levels-separators-sound", one(b"\0\0b", b"\0\0c", b"\0\0d")?),
        ("levels-separators-equal", one(b"\0\0b", b"\0\0c", b"\0\0c")?),
        ("levels-separators-descend", one(b"\0\0b", b"\0\0d", b"\0\0c")?),
        ("levels-separator-below-its-page", separators(b"\0\0b", b"\0\0b")?),
        ("levels-separator-above-the-next", separators(b"\0\0cc", b"\0\0d")?),
        ("inner-reserved", with(7, &[1])),
        ("inner-count-width-9", with(6, &[9])),
        ("inner-prefix-past-heap", with(4, &[4])),
        ("inner-heap-past-end", with(12, &[200])),
        ("inner-offsets-descend", with(offsets + 2, &[3, 0, 2])),
        ("inner-offset-past-heap", with(offsets + 4, &[4])),
        ("inner-first-count-not-0", with(counts, &[1])),
        ("inner-count-past-entries", with(counts + 8, &[4])),
    ])
}
