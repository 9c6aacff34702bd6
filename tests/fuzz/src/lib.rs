//! What several targets need: packs whose digests are right, whatever they say.

use rangepack_core::layout::{FOOTER_LEN, Footer, Header, INNER_HEADER_LEN, Inner, InnerHeader};
use rangepack_core::{Digest, Extent, Tag};

/// The same pack with all digests and check sums of its index made right, and without a mask, so that the fuzzer
/// comes past them. The root page is where the footer says, or takes up the whole file.
pub fn seal(pack: &[u8]) -> Vec<u8> {
    let end = pack.len().saturating_sub(FOOTER_LEN);
    let mut sealed = pack[..end].to_vec();
    let said = pack.get(end + 8..).and_then(|footer| footer.first_chunk());
    let start = said.map_or(0, |start| u64::from_le_bytes(*start)).min(end as u64) as usize;
    let (before, root) = sealed.split_at_mut(start);
    let mask = root.first().copied().unwrap_or(0);
    root.iter_mut().for_each(|byte| *byte ^= mask);
    seal_root(before, root);
    let footer = Footer {
        root: Extent { start: start as u64, len: root.len() as u64 },
        file_len: (end + FOOTER_LEN) as u64,
        digest: Digest::of(root),
    };
    if let Ok(footer) = footer.to_bytes() {
        sealed.extend(footer);
    }
    sealed
}

fn seal_root(before: &mut [u8], root: &mut [u8]) {
    let Ok((header, node)) = Header::from_bytes(root, before.len() as u64) else { return };
    let bytes = |extent: Extent| extent.start as usize..extent.end() as usize;
    // Pages come after those that they name.
    let tree = &mut before[bytes(header.extent(Tag::TREE))];
    let len = header.page_size as usize;
    for number in 0..tree.len() / len {
        let (done, rest) = tree.split_at_mut(number * len);
        seal_node(&mut rest[..len], done, len);
    }
    seal_node(&mut root[node..], tree, len);
    for (number, section) in header.sections().iter().enumerate() {
        if section.digest.is_some() {
            let at = usize::from(root[2]) + (usize::from(root[3]) << 8);
            let record = at + number * usize::from(root[1]);
            let digest = Digest::of(&before[bytes(section.extent)]);
            root[record + 24..record + 56].copy_from_slice(&digest.0);
        }
    }
}

/// Gives an inner node the digests of those of its children that are among `pages`.
fn seal_node(node: &mut [u8], pages: &[u8], len: usize) {
    let Ok(header) = InnerHeader::from_bytes(node) else { return };
    if Inner::parse(node).is_err() {
        return;
    }
    let children = usize::from(header.children);
    let digests =
        INNER_HEADER_LEN + 2 * (children + 1) + children * usize::from(header.count_width);
    let pages = pages.chunks_exact(len).skip(header.first_child as usize);
    for (digest, page) in node[digests..].chunks_exact_mut(32).take(children).zip(pages) {
        digest.copy_from_slice(&Digest::of(page).0);
    }
}
