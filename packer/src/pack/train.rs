//! Dictionaries: what small files of a kind have in common, learnt from a sample of them before they are packed.
//!
//! The sample depends on names alone, and what is learnt of it on its content: so the same tree gives the same dictionaries.

mod cover;

use super::compress::{Compression, FrameEncoder};
use super::output::Output;
use super::walk::{Batch, ItemKind};
use super::{PackOptions, walk};
use crate::error::{Action, Error, Result};
use crate::progress::{Observer, go_on};
use rangepack_core::{DictionaryPlace, Digest, Extent, hash};
use std::collections::{BinaryHeap, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use zstd::dict::EncoderDictionary;

/// Whether files are compressed with dictionaries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Dictionaries {
    /// With one for each common extension, where that pays.
    #[default]
    Auto,
    /// With none.
    None,
    /// As `Auto`, each of them so long at most, in bytes: 1024 to 2^20.
    Size(u32),
}

impl Dictionaries {
    /// How long each may be, in bytes; `None` when there are none.
    fn size(self) -> Option<usize> {
        match self {
            Dictionaries::Auto => Some(DEFAULT_SIZE),
            Dictionaries::None => None,
            Dictionaries::Size(size) => Some(size as usize),
        }
    }
}

/// How long a dictionary is at most unless told otherwise, in bytes.
const DEFAULT_SIZE: usize = 112 << 10;

/// Longer files are compressed without: they have enough in common with themselves.
const LONGEST: usize = 32 << 10;

/// Fewer files of a kind are not worth the look.
const FEW: u64 = 64;

/// So many kinds of files are told apart at most, of so many are samples taken, and so many get a dictionary.
const KINDS: usize = 4096;
const SAMPLED: usize = 32;
const TRAINED: usize = 8;

/// So many samples are taken of a kind, of so many times the dictionary's length, and so many bytes in any case.
const SAMPLES: usize = 2048;
const SAMPLE_TIMES: usize = 16;
const SAMPLE_BYTES: usize = 128 << 10;

/// A kind gets a dictionary when so much of the tree's small content is of it, as a part of it.
const SHARE: u64 = 50;

/// Files that are shorter than this on average may do better with a dictionary of so many bytes: it takes less to say where in
/// it something lies.
const TINY: usize = 1024;
const FOR_TINY: usize = 8 << 10;

/// One that saves less than this part of what it is used for costs more time than it is worth.
const PAYS: u64 = 16;

/// The extension of a path in small letters, which stands for what the file is; nothing when it has none.
fn kind_of(path: &[u8]) -> Vec<u8> {
    let name = path.get(memchr::memrchr(b'/', path).map_or(0, |slash| slash + 1)..).unwrap_or(path);
    let start = memchr::memrchr(b'.', name).map_or(name.len(), |dot| dot + 1);
    match name.get(start..) {
        Some(extension) if extension.len() <= 16 => extension.to_ascii_lowercase(),
        _ => Vec::new(),
    }
}

/// Takes samples while a tree is walked: files are opened as they are for packing, which follows no link that is not to be
/// followed.
#[derive(Debug)]
pub(crate) struct Sampler {
    kinds: HashMap<Vec<u8>, Kind>,
    sampled: usize,
    /// So many bytes are taken of a kind.
    most: usize,
}

/// Files with one extension.
#[derive(Debug, Default)]
struct Kind {
    files: u64,
    /// Of those with the lowest hashes what they hold; only when there are more than a few.
    samples: Option<BinaryHeap<(u64, Vec<u8>)>>,
    /// How much that is together.
    bytes: usize,
    /// How many files were looked into for it, and how much the short ones of them hold.
    seen: u64,
    short: u64,
}

impl Kind {
    /// Takes a file into the sample if its hash is low enough; `read` gives what it holds if it is short.
    fn sample(&mut self, hash: u64, most: usize, read: impl FnOnce() -> Option<Vec<u8>>) {
        let Some(samples) = &mut self.samples else { return };
        let is_full = samples.len() >= SAMPLES || self.bytes >= most;
        if is_full && samples.peek().is_none_or(|(highest, _)| hash >= *highest) {
            return;
        }
        self.seen += 1;
        let Some(content) = read() else { return };
        self.short += content.len() as u64;
        self.bytes += content.len();
        samples.push((hash, content));
        while samples.len() > SAMPLES
            || samples.peek().is_some_and(|(_, content)| self.bytes - content.len() >= most)
        {
            let Some((_, content)) = samples.pop() else { return };
            self.bytes -= content.len();
        }
    }
}

impl Sampler {
    /// One that takes so many bytes of a kind.
    fn new(most: usize) -> Sampler {
        Sampler { kinds: HashMap::new(), sampled: 0, most }
    }

    /// Sees a file.
    pub(crate) fn see(&mut self, path: &[u8], read: impl FnOnce() -> Option<Vec<u8>>) {
        let kind = kind_of(path);
        if self.kinds.len() >= KINDS && !self.kinds.contains_key(&kind) {
            return;
        }
        let kind = self.kinds.entry(kind).or_default();
        kind.files += 1;
        if kind.files == FEW / 2 && self.sampled < SAMPLED {
            self.sampled += 1;
            kind.samples = Some(BinaryHeap::new());
        }
        kind.sample(hash::hash_of(path), self.most, read);
    }

    fn batch(&mut self, batch: &Batch) {
        let directory = &batch.directory;
        for item in batch.items().filter(|item| item.kind == ItemKind::File) {
            let path = directory.pack_path_of(item.name);
            self.see(&path, || {
                let file = directory.open_file(item.name).ok()?;
                let metadata = directory.metadata_of(&file).ok()?;
                short(&file, metadata.kind == ItemKind::File, metadata.size)
            });
        }
    }
}

/// Dictionaries, ready for compressing.
#[derive(Default)]
pub(crate) struct Trained {
    dictionaries: Vec<Dictionary>,
    kinds: HashMap<Vec<u8>, usize>,
    /// Where they lie, once they were written.
    places: Vec<DictionaryPlace>,
}

pub(crate) struct Dictionary {
    bytes: Vec<u8>,
    prepared: EncoderDictionary<'static>,
}

impl Dictionary {
    pub(super) fn prepared(&self) -> &EncoderDictionary<'static> {
        &self.prepared
    }
}

impl Trained {
    /// Looks through the tree below `roots`, which have these paths in the pack, and learns what its files have in common, on some threads; nothing when these
    /// options want no dictionaries.
    pub(crate) fn new(
        roots: &[(PathBuf, Vec<u8>)],
        options: &PackOptions,
        skip: &[PathBuf],
        observer: &dyn Observer,
    ) -> Result<Trained> {
        let (Some(Compression::Zstd(level)), Some(size)) =
            (options.compress, options.dictionaries.size())
        else {
            return Ok(Trained::default());
        };
        let mut sampler = Sampler::new((size * SAMPLE_TIMES).max(SAMPLE_BYTES));
        for (root, path) in roots {
            if root.is_dir() {
                for batch in walk(root, options, skip.to_vec(), &())? {
                    go_on(observer, root)?;
                    sampler.batch(&batch);
                }
            } else {
                sampler.see(path, || {
                    let file = File::open(root).ok()?;
                    let metadata = file.metadata().ok()?;
                    short(&file, metadata.is_file(), metadata.len())
                });
            }
        }
        let at = roots.first().map_or(Path::new("."), |(root, _)| root);
        Trained::learn(sampler, level, size, options.threads, observer, at)
    }

    /// What takes samples for these options; `None` when they want no dictionaries.
    #[cfg(feature = "archives")]
    pub(crate) fn sampler(options: &PackOptions) -> Option<Sampler> {
        match (options.compress, options.dictionaries.size()) {
            (Some(Compression::Zstd(_)), Some(size)) => {
                Some(Sampler::new((size * SAMPLE_TIMES).max(SAMPLE_BYTES)))
            }
            _ => None,
        }
    }

    /// Learns of what it took; `at` is what errors name.
    #[cfg(feature = "archives")]
    pub(crate) fn of(
        sampler: Sampler,
        options: &PackOptions,
        observer: &dyn Observer,
        at: &Path,
    ) -> Result<Trained> {
        match (options.compress, options.dictionaries.size()) {
            (Some(Compression::Zstd(level)), Some(size)) => {
                Trained::learn(sampler, level, size, options.threads, observer, at)
            }
            _ => Ok(Trained::default()),
        }
    }

    fn learn(
        sampler: Sampler,
        level: u32,
        size: usize,
        threads: usize,
        observer: &dyn Observer,
        at: &Path,
    ) -> Result<Trained> {
        let sampled = sampler.kinds.into_iter().filter_map(|(name, kind)| {
            let samples = kind.samples.filter(|_| kind.files >= FEW)?;
            let total = (kind.short / kind.seen.max(1)).saturating_mul(kind.files);
            Some((name, Sample::new(samples, total)))
        });
        let mut samples: Vec<_> = sampled.collect();
        // Those that hold the most first, and the same ones each time.
        samples.sort_by(|a, b| b.1.total.cmp(&a.1.total).then_with(|| a.0.cmp(&b.0)));
        let all: u64 = samples.iter().map(|(_, sample)| sample.total).sum();
        samples.retain(|(_, sample)| sample.total.saturating_mul(SHARE) >= all);
        samples.truncate(TRAINED);
        let trained = in_threads(&samples, threads, observer, |(_, sample)| {
            sample.train(level, size).transpose()
        });
        go_on(observer, at)?;
        let mut found = Trained::default();
        for ((name, _), bytes) in samples.into_iter().zip(trained) {
            let Some(bytes) = bytes else { continue };
            let bytes = bytes.map_err(Error::io(Action::Compress, at))?;
            let prepared = EncoderDictionary::copy(&bytes, level.cast_signed());
            found.kinds.insert(name, found.dictionaries.len());
            found.dictionaries.push(Dictionary { bytes, prepared });
        }
        Ok(found)
    }

    pub(super) fn dictionaries(&self) -> &[Dictionary] {
        &self.dictionaries
    }

    /// Which dictionary a file of this path in the pack and this length is compressed with.
    pub(super) fn for_file(&self, path: impl FnOnce() -> Vec<u8>, len: usize) -> Option<usize> {
        match self.dictionaries.is_empty() || len > LONGEST {
            true => None,
            false => self.kinds.get(&kind_of(&path())).copied(),
        }
    }

    /// Writes the list of them and then themselves, as the first thing in a pack: so they are found when the end of the pack
    /// is lost. Where the list lies, if there are any.
    pub(crate) fn store(
        &mut self,
        output: &mut Output,
    ) -> Result<Option<(Extent, &[DictionaryPlace])>> {
        let list = self.store_new(output, &[])?;
        Ok(list.map(|extent| (extent, &self.places[..])))
    }

    /// The same of those only that are not among `known`, which lie in the file already.
    pub(crate) fn store_new(
        &mut self,
        output: &mut Output,
        known: &[DictionaryPlace],
    ) -> Result<Option<Extent>> {
        let all = self.dictionaries.iter().map(|dictionary| {
            let digest = Digest::of(&dictionary.bytes);
            (dictionary, digest, known.iter().find(|place| place.digest == digest))
        });
        let all: Vec<_> = all.collect();
        let count = all.iter().filter(|(_, _, known)| known.is_none()).count();
        let start = output.position();
        let len = DictionaryPlace::list_len(count);
        let mut offset = start + len;
        let (mut places, mut new) = (Vec::new(), Vec::new());
        for (Dictionary { bytes, .. }, digest, known) in all {
            if let Some(known) = known {
                places.push(*known);
                continue;
            }
            // They are at most 2^20 bytes long.
            let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let place = DictionaryPlace { volume: 0, offset, len, digest };
            offset += u64::from(len);
            places.push(place);
            new.push((place, bytes));
        }
        self.places = places;
        if new.is_empty() {
            return Ok(None);
        }
        let list: Vec<_> = new.iter().map(|(place, _)| *place).collect();
        output.write(&DictionaryPlace::list_to_bytes(&list))?;
        new.iter().try_for_each(|(_, bytes)| output.write(bytes))?;
        Ok(Some(Extent { start, len }))
    }

    /// Where a dictionary lies.
    pub(crate) fn place(&self, number: usize) -> Option<DictionaryPlace> {
        self.places.get(number).copied()
    }
}

/// The length of a file of which samples are taken: a short one that is not empty.
#[cfg(feature = "archives")]
pub(crate) fn is_short(len: u64) -> Option<usize> {
    usize::try_from(len).ok().filter(|len| (1..=LONGEST).contains(len))
}

/// What a file holds, if it is short and not empty.
fn short(file: &File, is_file: bool, len: u64) -> Option<Vec<u8>> {
    let len = usize::try_from(len).ok().filter(|len| is_file && (1..=LONGEST).contains(len))?;
    let mut content = Vec::with_capacity(len);
    let read = crate::source::platform::read_whole(file, len, &mut content).ok()?;
    (read == len).then_some(content)
}

/// Some files of a kind.
struct Sample {
    bytes: Vec<u8>,
    lens: Vec<usize>,
    /// How much content all short files of the kind have together, as far as can be told.
    total: u64,
}

impl Sample {
    /// In the order of their hashes.
    fn new(samples: BinaryHeap<(u64, Vec<u8>)>, total: u64) -> Sample {
        let samples = samples.into_sorted_vec();
        let lens = samples.iter().map(|(_, content)| content.len()).collect();
        let bytes = samples.into_iter().flat_map(|(_, content)| content).collect();
        Sample { bytes, lens, total }
    }

    /// The dictionary, if there is one that pays: judged by files that it was not made from.
    fn train(&self, level: u32, size: usize) -> io::Result<Option<Vec<u8>>> {
        let known = self.lens.len() - self.lens.len() / 4;
        let (lens, rest) = self.lens.split_at(known);
        let (bytes, others) = self.bytes.split_at(lens.iter().sum());
        let mut plain = FrameEncoder::new(level)?;
        // What does not shrink together either is compressed already.
        let mut out = Vec::new();
        let some: usize = rest.iter().take(32).sum();
        plain.append(&others[..some], &mut out)?;
        if out.len() * 20 > some * 19 {
            return Ok(None);
        }
        // The trainer wants some samples, and to be longer than what comes of them.
        let size = size.min(bytes.len() / 8);
        if size < 1024 || lens.len() < 16 {
            return Ok(None);
        }
        let is_tiny = bytes.len() < lens.len() * TINY && size > FOR_TINY;
        let sizes = [Some(size), is_tiny.then_some(FOR_TINY)];
        let without_len = frames_len(&mut plain, others, rest)?;
        let of_all = |len: u64| len.saturating_mul(self.total) / (others.len() as u64).max(1);
        let mut best = None;
        for size in sizes.into_iter().flatten() {
            let Some(dictionary) = cover::dictionary(bytes, lens, size, level) else { continue };
            let prepared = EncoderDictionary::copy(&dictionary, level.cast_signed());
            let with_len = frames_len(&mut FrameEncoder::with(&prepared)?, others, rest)?;
            let saved = without_len.saturating_sub(with_len);
            let pays = saved * PAYS >= without_len && of_all(saved) >= 2 * dictionary.len() as u64;
            let gain = of_all(saved).saturating_sub(dictionary.len() as u64);
            if pays && best.as_ref().is_none_or(|(most, _)| gain > *most) {
                best = Some((gain, dictionary));
            }
        }
        Ok(best.map(|(_, dictionary)| dictionary))
    }
}

/// How much the files of these lengths take that lie side by side in `contents`, each in a frame or as it is.
fn frames_len(
    encoder: &mut FrameEncoder<'_>,
    mut contents: &[u8],
    lens: &[usize],
) -> io::Result<u64> {
    let (mut out, mut sum) = (Vec::new(), 0);
    for len in lens {
        let (content, behind) = contents.split_at(*len);
        contents = behind;
        out.clear();
        encoder.append(content, &mut out)?;
        sum += out.len().min(content.len()) as u64;
    }
    Ok(sum)
}

/// Does `work` with each of `things`, on some threads; answers stand in the order of the things. Those that are left when the
/// observer stops it are empty.
fn in_threads<T: Sync, A: Send + Default>(
    things: &[T],
    threads: usize,
    observer: &dyn Observer,
    work: impl Fn(&T) -> A + Sync,
) -> Vec<A> {
    let next = AtomicUsize::new(0);
    let answers: Vec<Mutex<A>> = things.iter().map(|_| Mutex::default()).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads.min(things.len()) {
            scope.spawn(|| {
                while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed))
                    && let (Some(thing), Some(answer)) = (things.get(number), answers.get(number))
                    && !observer.cancelled()
                {
                    let done = work(thing);
                    *answer.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = done;
                }
            });
        }
    });
    let inner = |answer: Mutex<A>| answer.into_inner().unwrap_or_default();
    answers.into_iter().map(inner).collect()
}
