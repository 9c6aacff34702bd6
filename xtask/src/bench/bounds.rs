//! What bounds the figures that are aimed at, where they are missed: profiles tell that, not the runs that are timed.

/// What an aim is called, or how that begins, and what bounds it.
const BOUNDS: &[(&str, &str)] = &[
    (
        "pack / tar",
        "Rangepack hashes every byte and writes two indexes; tar does neither. With files of 4 KiB half of the processor's time is the system's. In an npm tree a third is, \
         and where instructions for SHA-256 are missing another third is hashing in one piece: files of more than 256 KiB (their blocks, then the whole) and the NDJSON index. \
         With cold caches it is what the disk gives to as many readers.",
    ),
    (
        "pack / floor",
        "The floor keeps no names, looks for no equal contents and writes no index, which has some 300 bytes for each file.",
    ),
    (
        "size of zstd / gzip",
        "Without dictionaries zstd 3 takes 1.02 to 1.08 of what gzip 6 takes in this tree; these win below 32 KiB, and 40 % of the bytes lie in files of more than 256 KiB.",
    ),
    (
        "time of zstd /",
        "Walking, reading and hashing (contents and payloads) take as long as with gzip, and learning the dictionaries takes 1.3 s of the processor; a tar is one stream that nobody hashes.",
    ),
    (
        "extract /",
        "A file gets its name when it was written and verified as a whole, then its mode and its time: more calls of the system for each file than the floor makes, and a lock of the directory for each of them. tar \
         verifies nothing, and names a file before it has its content.",
    ),
    (
        "verify / cores",
        "Beside its hashing each file costs its entry, its slot of the hash section and its line of the NDJSON index, which are decoded and compared.",
    ),
    (
        "create, nothing to do",
        "Of a million nearly empty files 1.3 s is reading the journal, on two threads, and 2.1 s walking the tree and asking for each file, on all cores; the first run opens them for little more.",
    ),
    (
        "open and first file",
        "The end of the file, a page for each level of the index, the payload; ten million files take a level more than a million.",
    ),
    (
        "raw ranges / nginx",
        "What is left is in hyper, axum and the allocator; the file system is asked once for a request.",
    ),
    (
        "verified ranges",
        "Each request looks its path up, and is handed to a thread that may wait for the disk.",
    ),
    (
        "tar of everything /",
        "Each file is hashed before it is given out, one after the other as tar asks for them; squashfuse hashes nothing.",
    ),
    (
        "look-ups a second",
        "The search in the module is a fifth of it; the rest is text across the border to JavaScript, promises, the entry's object and its garbage.",
    ),
];

/// Those that this aim is among, and what bounds them, if that is known.
pub(super) fn of(aim: &str) -> Option<(&'static str, &'static str)> {
    BOUNDS.iter().copied().find(|(what, _)| aim.starts_with(what))
}
