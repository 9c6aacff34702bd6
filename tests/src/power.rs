//! What a power cut may leave: of what was not synced, any part.

use crate::trace::{Inode, Op, Trace};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// A disk writes so much at once or not at all.
const SECTOR: u64 = 512;

/// Numbers that look random, the same for the same seed.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The same numbers for the same seed.
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

/// A file while it is replayed: what is on disk for good, and what came after.
#[derive(Debug, Clone, Default)]
struct Replayed {
    durable: Vec<u8>,
    pending: Vec<Op>,
}

/// Makes in `target`, an empty directory, a state that a power cut after the first `done` operations can leave.
///
/// Writes that were not synced are there, or not, sector by sector; a file may have grown to where they end all the
/// same, and hold zeros there. Cuts happen in order. Of the names in a directory that was not synced the first are
/// there.
pub fn cut(trace: &Trace, done: usize, dice: &mut Dice, target: &Path) {
    let mut files: BTreeMap<Inode, Replayed> = trace
        .files
        .iter()
        .map(|(inode, bytes)| (*inode, Replayed { durable: bytes.clone(), pending: Vec::new() }))
        .collect();
    let mut directories: BTreeMap<Inode, (HashMap<String, Inode>, Vec<Op>)> = trace
        .directories
        .iter()
        .map(|(inode, names)| (*inode, (names.clone(), Vec::new())))
        .collect();
    for op in &trace.ops[..done] {
        match op {
            Op::Write { inode, .. } | Op::Cut { inode, .. } => {
                files.entry(*inode).or_default().pending.push(op.clone());
            }
            Op::Link { directory, .. } | Op::Unlink { directory, .. } => {
                directories.entry(*directory).or_default().1.push(op.clone());
            }
            Op::Directory { inode } => _ = directories.entry(*inode).or_default(),
            Op::Symlink { .. } => {}
            Op::Sync { inode } => {
                if let Some((names, pending)) = directories.get_mut(inode) {
                    let all = pending.len();
                    named(names, &std::mem::take(pending)[..all]);
                }
                if let Some(file) = files.get_mut(inode) {
                    for op in std::mem::take(&mut file.pending) {
                        apply(&mut file.durable, &op, &mut |_| true);
                    }
                }
            }
        }
    }
    // What is a directory that was made, and what a file that was never written to.
    for (names, pending) in directories.values_mut() {
        let kept = dice.below(pending.len() as u64 + 1) as usize;
        // Most cuts come when the system has written names down long ago.
        let kept = if dice.below(2) == 0 { pending.len() } else { kept };
        named(names, &pending[..kept]);
    }
    // How eagerly the system writes: not at all, now and then, often, always.
    let eagerness = [0, 10, 50, 90, 100][dice.below(5) as usize];
    let mut written: BTreeMap<Inode, Vec<u8>> = BTreeMap::new();
    for (inode, file) in files {
        let mut bytes = file.durable;
        let cuts = file.pending.iter().filter(|op| matches!(op, Op::Cut { .. })).count() as u64;
        let mut cuts = dice.below(cuts + 1);
        let grows = dice.below(2) == 0;
        for op in &file.pending {
            match op {
                Op::Cut { .. } if cuts > 0 => {
                    cuts -= 1;
                    apply(&mut bytes, op, &mut |_| true);
                }
                Op::Write { offset, bytes: new, .. } => {
                    let end = (offset + new.len() as u64) as usize;
                    if grows && bytes.len() < end {
                        bytes.resize(end, 0);
                    }
                    apply(&mut bytes, op, &mut |_| dice.below(100) < eagerness);
                }
                _ => {}
            }
        }
        written.insert(inode, bytes);
    }
    place(0, target, &directories, &written);
}

/// The bytes of a file that are on disk for good after the first `done` operations.
pub fn durable(trace: &Trace, done: usize, name: &str) -> Vec<u8> {
    let named = |op: &&Op| matches!(op, Op::Link { name: linked, .. } if linked == name);
    let linked = trace.ops.iter().rfind(named);
    let inode = match linked {
        Some(Op::Link { inode, .. }) => Some(*inode),
        _ => trace.directories[&0].get(name).copied(),
    };
    let Some(inode) = inode else { return Vec::new() };
    let (mut bytes, mut pending) =
        (trace.files.get(&inode).cloned().unwrap_or_default(), Vec::new());
    for op in &trace.ops[..done] {
        match op {
            Op::Write { inode: of, .. } | Op::Cut { inode: of, .. } if *of == inode => {
                pending.push(op)
            }
            Op::Sync { inode: of } if *of == inode => {
                pending.drain(..).for_each(|op| apply(&mut bytes, op, &mut |_| true));
            }
            _ => {}
        }
    }
    bytes
}

fn place(
    directory: Inode,
    target: &Path,
    directories: &BTreeMap<Inode, (HashMap<String, Inode>, Vec<Op>)>,
    files: &BTreeMap<Inode, Vec<u8>>,
) {
    for (name, inode) in &directories[&directory].0 {
        let path = target.join(name);
        if directories.contains_key(inode) {
            std::fs::create_dir(&path).unwrap();
            place(*inode, &path, directories, files);
        } else {
            std::fs::write(path, files.get(inode).map_or(&[][..], Vec::as_slice)).unwrap();
        }
    }
}

fn named(names: &mut HashMap<String, Inode>, ops: &[Op]) {
    for op in ops {
        match op {
            Op::Link { name, inode, .. } => _ = names.insert(name.clone(), *inode),
            Op::Unlink { name, .. } => _ = names.remove(name),
            _ => {}
        }
    }
}

/// Does to a file what was done, as far as each sector is `kept`.
fn apply(file: &mut Vec<u8>, op: &Op, kept: &mut dyn FnMut(u64) -> bool) {
    match op {
        Op::Cut { len, .. } => file.resize(*len as usize, 0),
        Op::Write { offset, bytes, .. } => {
            let (mut at, end) = (*offset, offset + bytes.len() as u64);
            while at < end {
                let stop = ((at / SECTOR + 1) * SECTOR).min(end);
                if kept(at / SECTOR) {
                    if file.len() < stop as usize {
                        file.resize(stop as usize, 0);
                    }
                    let piece = &bytes[(at - offset) as usize..(stop - offset) as usize];
                    file[at as usize..stop as usize].copy_from_slice(piece);
                }
                at = stop;
            }
        }
        _ => {}
    }
}
