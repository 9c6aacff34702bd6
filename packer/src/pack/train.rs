//! Dictionaries: what small files of a kind have in common, learnt from a sample of them before they are packed.
//!
//! The sample depends on names alone, and what is learnt of it on its content: so the same tree gives the same dictionaries.

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
const DEFAULT_SIZE: usize = 64 << 10;

/// Longer files are compressed without: they have enough in common with themselves.
const LONGEST: usize = 32 << 10;

/// Fewer files of a kind are not worth the look.
const FEW: u64 = 64;

/// So many kinds of files are told apart at most, of so many samples are taken, and so many get a dictionary.
const KINDS: usize = 4096;
const SAMPLED: usize = 64;
const TRAINED: usize = 8;

/// So many samples are taken of a kind, of so many times the dictionary's length, and so many bytes in any case.
const SAMPLES: usize = 2048;
const SAMPLE_TIMES: usize = 10;
const SAMPLE_BYTES: usize = 128 << 10;

/// A kind gets a dictionary when so much of the tree's small content is of it, as a part of it.
const SHARE: u64 = 50;

/// One that saves less than this part of what it is used for costs more time than it is worth.
const PAYS: u64 = 16;

/// The extension of a name in small letters, which stands for what the file is; nothing when it has none.
fn kind_of(name: &[u8]) -> Vec<u8> {
    let start = memchr::memrchr(b'.', name).map_or(name.len(), |dot| dot + 1);
    match name.get(start..) {
        Some(extension) if extension.len() <= 16 => extension.to_ascii_lowercase(),
        _ => Vec::new(),
    }
}

/// Takes samples while a tree is walked.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    kinds: HashMap<Vec<u8>, Kind>,
    sampled: usize,
}

/// Files with one extension.
#[derive(Debug, Default)]
struct Kind {
    files: u64,
    /// Those with the lowest hashes; only when there are more than a few.
    samples: Option<BinaryHeap<(u64, PathBuf)>>,
}

impl Sampler {
    /// Sees a file.
    fn see(&mut self, name: &[u8], path: &[u8], disk_path: impl FnOnce() -> PathBuf) {
        let kind = kind_of(name);
        if self.kinds.len() >= KINDS && !self.kinds.contains_key(&kind) {
            return;
        }
        let kind = self.kinds.entry(kind).or_default();
        kind.files += 1;
        if kind.files == FEW / 2 && self.sampled < SAMPLED {
            self.sampled += 1;
            kind.samples = Some(BinaryHeap::new());
        }
        if let Some(samples) = &mut kind.samples {
            let hash = hash::hash_of(path);
            if samples.len() < SAMPLES {
                samples.push((hash, disk_path()));
            } else if samples.peek().is_some_and(|(highest, _)| hash < *highest) {
                samples.pop();
                samples.push((hash, disk_path()));
            }
        }
    }

    pub(super) fn batch(&mut self, batch: &Batch) {
        for item in batch.items().filter(|item| item.kind == ItemKind::File) {
            let path = batch.directory.pack_path_of(item.name);
            self.see(item.name, &path, || batch.directory.disk_path_of(item.name));
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
    /// Looks through the tree below `roots` and learns what its files have in common, on some threads; nothing when these
    /// options want no dictionaries.
    pub(super) fn new(
        roots: &[PathBuf],
        options: &PackOptions,
        skip: &[PathBuf],
        observer: &dyn Observer,
    ) -> Result<Trained> {
        let (Some(Compression::Zstd(level)), Some(size)) =
            (options.compress, options.dictionaries.size())
        else {
            return Ok(Trained::default());
        };
        let mut sampler = Sampler::default();
        for root in roots {
            if root.is_dir() {
                for batch in walk(root, options, skip.to_vec(), &())? {
                    go_on(observer, root)?;
                    sampler.batch(&batch);
                }
            } else if let Some(name) = root.file_name() {
                let name = name.as_encoded_bytes();
                sampler.see(name, root.as_os_str().as_encoded_bytes(), || root.clone());
            }
        }
        let at = roots.first().map_or(Path::new("."), PathBuf::as_path);
        Trained::learn(sampler, level, size, options.threads, observer, at)
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
            Some((name, kind.files, samples.into_sorted_vec()))
        });
        let mut kinds: Vec<_> = sampled.collect();
        // The most common first, and the same ones each time.
        kinds.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        kinds.truncate(2 * TRAINED);
        let read = in_threads(&kinds, threads, observer, |(_, files, samples)| {
            Sample::read(samples, *files, (size * SAMPLE_TIMES).max(SAMPLE_BYTES))
        });
        go_on(observer, at)?;
        let all: u64 = read.iter().map(|sample| sample.total).sum();
        let mut samples: Vec<_> = kinds.into_iter().map(|(name, ..)| name).zip(read).collect();
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

    /// Which dictionary a file of this name and length is compressed with.
    pub(super) fn for_file(&self, name: &[u8], len: usize) -> Option<usize> {
        match self.dictionaries.is_empty() || len > LONGEST {
            true => None,
            false => self.kinds.get(&kind_of(name)).copied(),
        }
    }

    /// Writes the list of them and then themselves, as the first thing in a pack: so they are found when the end of the pack
    /// is lost. Where the list lies, if there are any.
    pub(super) fn store(
        &mut self,
        output: &mut Output,
    ) -> Result<Option<(Extent, &[DictionaryPlace])>> {
        if self.dictionaries.is_empty() {
            return Ok(None);
        }
        let start = output.position();
        let len = DictionaryPlace::list_len(self.dictionaries.len());
        let mut offset = start + len;
        for Dictionary { bytes, .. } in &self.dictionaries {
            // They are at most 2^20 bytes long.
            let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            let digest = Digest::of(bytes);
            self.places.push(DictionaryPlace { volume: 0, offset, len, digest });
            offset += u64::from(len);
        }
        output.write(&DictionaryPlace::list_to_bytes(&self.places))?;
        self.dictionaries.iter().try_for_each(|dictionary| output.write(&dictionary.bytes))?;
        Ok(Some((Extent { start, len }, &self.places)))
    }

    /// Where a dictionary lies.
    pub(super) fn place(&self, number: usize) -> Option<DictionaryPlace> {
        self.places.get(number).copied()
    }
}

/// Some files of a kind.
#[derive(Default)]
struct Sample {
    bytes: Vec<u8>,
    lens: Vec<usize>,
    /// How much content all short files of the kind have together, as far as can be told.
    total: u64,
}

impl Sample {
    /// Reads short files until there are `most` bytes; what cannot be read is not missed here.
    fn read(samples: &[(u64, PathBuf)], files: u64, most: usize) -> Sample {
        let mut sample = Sample::default();
        let (mut seen, mut short) = (0u64, 0u64);
        for (_, path) in samples {
            if sample.bytes.len() >= most {
                break;
            }
            seen += 1;
            let start = sample.bytes.len();
            let read = File::open(path).and_then(|file| {
                let len = file.metadata()?.len();
                match usize::try_from(len) {
                    Ok(len) if len > 0 && len <= LONGEST => {
                        crate::source::platform::read_whole(&file, len, &mut sample.bytes)
                    }
                    _ => Ok(0),
                }
            });
            match read {
                Ok(len) if len > 0 && sample.bytes.len() == start + len => {
                    short += len as u64;
                    sample.lens.push(len);
                }
                _ => sample.bytes.truncate(start),
            }
        }
        sample.total = (short / seen.max(1)).saturating_mul(files);
        sample
    }

    /// The dictionary, if there is one that pays: judged by files that it was not made from.
    fn train(&self, level: u32, size: usize) -> io::Result<Option<Vec<u8>>> {
        let known = self.lens.len() - self.lens.len() / 4;
        let (lens, rest) = self.lens.split_at(known);
        let (bytes, mut others) = self.bytes.split_at(lens.iter().sum());
        let mut plain = FrameEncoder::new(level);
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
        let Ok(dictionary) = zstd::dict::from_continuous(bytes, lens, size) else {
            return Ok(None);
        };
        let prepared = EncoderDictionary::copy(&dictionary, level.cast_signed());
        let mut with = FrameEncoder::with(&prepared, level)?;
        let (mut without_len, mut with_len) = (0u64, 0u64);
        let tried = others.len() as u64;
        for len in rest {
            let (content, behind) = others.split_at(*len);
            others = behind;
            out.clear();
            plain.append(content, &mut out)?;
            without_len += out.len().min(content.len()) as u64;
            out.clear();
            with.append(content, &mut out)?;
            with_len += out.len().min(content.len()) as u64;
        }
        let saved = without_len.saturating_sub(with_len);
        let saved_of_all = saved.saturating_mul(self.total) / tried.max(1);
        let pays = saved * PAYS >= without_len && saved_of_all >= 2 * dictionary.len() as u64;
        Ok(pays.then_some(dictionary))
    }
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
