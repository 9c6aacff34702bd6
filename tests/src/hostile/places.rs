//! Where things lie, and what else fields may hold: ends, masks, columns, keys, sections, lines.

use super::{Packs, content, entry, flip, footer, line, read, trailer_start, v1};
use crate::forge::Forge;
use crate::leaf::leaf;
use rangepack_core::layout::{FOOTER_LEN, Section, Volume};
use rangepack_core::{
    AttributeBlock, Digest, Entry, Extent, Kind, MAX_METADATA, Result, Tag, hash, trailer,
};
use std::path::Path;

fn link(path: &str) -> Result<Entry> {
    entry(path, Kind::Symlink(b"to".to_vec()))
}

pub(super) fn make(golden: &Path) -> Result<Packs> {
    let mut packs = ends(golden)?;
    packs.extend(columns()?);
    packs.extend(sections(golden)?);
    packs.extend(hashes(golden)?);
    packs.extend(lines(golden)?);
    Ok(packs)
}

fn ends(golden: &Path) -> Result<Packs> {
    let smallest = read(golden, "smallest.pack");
    let good = Forge::open(&smallest)?;
    let masked = good.seal_masked(0x21);
    let unmasked = Digest::of(&smallest[good.before.len()..smallest.len() - FOOTER_LEN]);
    Ok(vec![
        ("footer-cut-off", smallest[smallest.len() - FOOTER_LEN + 1..].to_vec()),
        ("footer-alone", smallest[smallest.len() - FOOTER_LEN..].to_vec()),
        ("root-digest-of-the-unmasked", footer(&masked, 24, &unmasked.0)),
        ("root-mask-changed", flip(masked, smallest.len() - good.before.len())),
        ("section-len-too-long", good.clone().header(1, &[255]).seal()),
        ("page-size-131072", good.clone().header(8, &(128u32 << 10).to_le_bytes()).seal()),
        ("section-tag-upper-case", {
            let upper = Section::new(Tag(*b"SOON"), Extent { start: 0, len: 5 }, None);
            good.clone().section(upper).seal()
        }),
        ("section-reaches-into-the-root", {
            let len = good.before.len() as u64 + 1;
            let beyond = Section::new(Tag(*b"soon"), Extent { start: 0, len }, None);
            good.section(beyond).seal()
        }),
    ])
}

/// Columns and records of a leaf.
fn columns() -> Result<Packs> {
    let mut forge = Forge::of(b"", &[link("link")?])?;
    forge.node = leaf(&[link("link")?], |_| Vec::new());
    // A base that its row's eight bytes reach beyond 2^64 with.
    let over = |column: usize| forge.clone().node(16 + 8 * column, &[0xff; 8]).seal();
    let long = format!("{}/x", "d".repeat(8190));
    let nested = Forge::of(b"", &[link(&"d".repeat(8190))?, link(&long)?])?;
    let group = |group: u64| -> Result<Vec<u8>> {
        let file = content(b"hello").with_hard_link(Some(group));
        let file = Forge::of(b"hello", &[entry("file", Kind::File(file))?])?;
        Ok(file.seal())
    };
    let target = |len: usize| -> Result<Vec<u8>> {
        let mut forge = forge.clone();
        forge.node = leaf(&[entry("link", Kind::Symlink(vec![b't'; len]))?], |_| Vec::new());
        Ok(forge.seal())
    };
    let attributes = |block: &[u8]| -> Result<Vec<u8>> {
        let at = AttributeBlock { offset: 0, len: block.len() as u32, digest: Digest::of(block) };
        Ok(Forge::of(block, &[link("link")?.with_attributes(Some(at))])?.seal())
    };
    let zeros = forge.node.len() as u16;
    Ok(vec![
        ("leaf-by-hand-sound", forge.seal()),
        ("leaf-flags-overflow", over(0)),
        ("leaf-time-overflow", over(2)),
        ("leaf-records-past-heap", forge.clone().node(6, &zeros.to_le_bytes()).seal()),
        ("leaf-path-too-long", {
            // The run's prefix takes in the byte that follows it.
            nested.node(120 + 8 + 6, &[2]).seal()
        }),
        ("hard-link-0", group(0)?),
        ("hard-link-sound", group(1)?),
        ("hard-link-2", group(2)?),
        ("link-target-too-long", target(8193)?),
        ("attributes-empty", attributes(b"")?),
        ("attributes-name-empty", attributes(b"\0\0\x01\0\0\0x")?),
        ("attributes-name-nul", attributes(b"\x02\0\0\0\0\0a\0")?),
        ("attributes-names-equal", attributes(b"\x01\0\0\0\0\0a\x01\0\0\0\0\0a")?),
        ("attributes-and-more", attributes(b"\x01\0\0\0\0\0a\0")?),
        ("attributes-too-long", {
            // Refused for what it says, before anything is allocated.
            let at = AttributeBlock { offset: 0, len: (1 << 20) + 1, digest: Digest([1; 32]) };
            Forge::of(b"x", &[link("link")?.with_attributes(Some(at))])?.seal()
        }),
    ])
}

/// Metadata, volumes, generations.
fn sections(golden: &Path) -> Result<Packs> {
    let good = Forge::open(&read(golden, "smallest.pack"))?;
    let metadata = |json: &[u8]| good.clone().with(Tag::METADATA, json).seal();
    let mut file = content(b"hello");
    file.volume = 1;
    let volume = |name: &[u8], len: u64| -> Result<Vec<u8>> {
        let list = Volume::list_to_bytes(&[Volume::new(name.to_vec(), len)])?;
        let forge = Forge::of(b"", &[entry("file", Kind::File(file))?])?;
        Ok(forge.with(Tag::VOLUMES, &list).seal())
    };
    Ok(vec![
        ("metadata-too-long", metadata(&[b"{}", &[b' '; MAX_METADATA as usize - 1][..]].concat())),
        ("metadata-with-a-mark", metadata(b"\xef\xbb\xbf{}")),
        ("metadata-lone-surrogate", metadata(br#"{"a": "\ud800"}"#)),
        ("metadata-not-utf-8", metadata(b"{\"a\": \"\xff\"}")),
        ("metadata-and-more", metadata(b"{} {}")),
        ("metadata-key-twice", metadata(br#"{"a": "b", "a": "c"}"#)),
        ("metadata-no-object", metadata(br#"["a"]"#)),
        // It has no bytes, not five.
        ("volume-length-wrong", volume(b"nothing.pack", 5)?),
        ("volume-payload-past-end", volume(b"nothing.pack", 0)?),
        ("section-empty-elsewhere", {
            let nothing = Extent { start: 3, len: 0 };
            good.section(Section::new(Tag::VOLUMES, nothing, Some(Digest([1; 32])))).seal()
        }),
    ])
}

/// The hash section of the golden pack with two levels.
fn hashes(golden: &Path) -> Result<Packs> {
    let pack = read(golden, "two-levels.pack");
    let forge = Forge::open(&pack)?;
    let record = forge.sections.iter().find(|record| record[..4] == Tag::HASH.0);
    let number =
        |at| record.and_then(|record| Some(record.get(at..at + 8)?.try_into().unwrap_or([0; 8])));
    let (start, len) =
        (number(8).map_or(0, u64::from_le_bytes), number(16).map_or(6, u64::from_le_bytes));
    let start = start as usize;
    // The place of a path that is there, and the first slot that is free.
    let (place, _) = hash::probed(hash::hash_of(b"train"), len / 6);
    let at = start + 6 * place as usize;
    let mut missing = pack.clone();
    missing[at..at + 6].fill(0xff);
    let mut more = pack.clone();
    let free = (0..).map(|slot| start + 6 * slot).find(|at| pack[*at..*at + 6] == [0xff; 6]);
    let free = free.unwrap_or(start);
    more[free..free + 6].fill(0);
    Ok(vec![("hash-entry-missing", missing), ("hash-slot-of-nothing", more)])
}

/// The trailer of a pack, and lines of old containers.
fn lines(golden: &Path) -> Result<Packs> {
    let pack = read(golden, "smallest-with-trailer.pack");
    let at = trailer_start(&pack);
    let mut length = pack.clone();
    length[at + 8] ^= 1;
    let forge = Forge::open(&pack)?;
    let text = forge.before[at + 16..].to_vec();
    let of = |text: &[u8]| -> Vec<u8> {
        let mut forge = forge.clone();
        forge.before.truncate(at);
        forge.before.extend(trailer::trailer_header(text.len() as u64));
        forge.sections.retain(|record| record[..4] != Tag::TRAILER.0);
        forge.with(Tag::TRAILER, text).seal()
    };
    let array = String::from_utf8_lossy(&text);
    let one = array.trim().trim_start_matches('[').trim_end_matches(']').to_owned();
    let two = line("a", 0, 5) + &line("b", 0, 5);
    let twice = line("a", 0, 5).replace("}", ", \"mode\": 1, \"mode\": 2}") + &line("b", 0, 5);
    Ok(vec![
        ("trailer-sound", of(&text)),
        ("trailer-length-wrong", length),
        ("trailer-line-twice", of(format!("[{one}, {one}]").as_bytes())),
        ("v1-key-twice", v1(b"hello", &twice)),
        ("v1-array-breaks-off", v1(b"hello", &format!("[{},", two.lines().next().unwrap_or("")))),
        ("v1-volume", v1(b"hello", &two.replacen("}", ", \"volume\": 1}", 1))),
    ])
}
