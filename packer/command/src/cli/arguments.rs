//! Arguments that several commands share.

use super::Result;
use super::compression::parse_compression;
use super::console::{Global, When, note};
use super::exit::Failure;
use super::follow::Follow;
use super::status::State;
use crate::format::{Size, count};
use rangepack::{Compression, PackOptions, default_readers, default_threads};
use rangepack::{DirectoryLines, IndexFormat, IndexOptions, Tail};
use rangepack::{Filter, FilterOptions};
use rangepack::{Location, Url};
use rangepack::{OpenOptions, Pack, Verify};
use rangepack_core::Digest;
use std::path::Path;

/// A pack that is read.
#[derive(Debug, clap::Args)]
pub(super) struct PackArgs {
    /// The pack, CTNRv1 container or .fpack file: a path, or a URL (http, https, s3, gs, az)
    #[arg(value_name = "PACK")]
    pub(super) pack: Location,
    #[command(flatten)]
    pub(super) open: OpenArgs,
}

/// How a pack is opened.
#[derive(Debug, clap::Args)]
pub(super) struct OpenArgs {
    /// Index of a container that lies in a file of its own, or at a URL [default: PACK.rpx or
    /// PACK.idx, if there]
    #[arg(long, value_name = "FILE")]
    pub(super) index: Option<Location>,
    /// Accept only the pack with this root digest, 64 hexadecimal digits as `info` shows them
    #[arg(long, value_name = "DIGEST", value_parser = parse_digest)]
    pub(super) root: Option<Digest>,
    /// Where the parts of a merged pack lie, if not below its directory: a directory, or the beginning of their URLs
    #[arg(long, value_name = "DIR|URL")]
    pub(super) volumes: Option<Location>,
}

impl PackArgs {
    /// Opens it.
    pub(super) fn open(&self, verify: Verify, global: &Global) -> Result<Pack> {
        let pack = self.open_quietly(verify, global)?;
        for text in super::notes::of(&pack) {
            global.warning_of(pack.location(), &text);
        }
        Ok(pack)
    }

    /// Opens it, and leaves it to the caller to tell what is strange in its index.
    pub(super) fn open_quietly(&self, verify: Verify, global: &Global) -> Result<Pack> {
        let (index, expected) = (self.open.index.clone(), self.open.root);
        let mut options = OpenOptions::default();
        (options.verify, options.expected, options.index) = (verify, expected, index);
        options.volumes.clone_from(&self.open.volumes);
        open_telling(&self.pack, &options, global)
    }
}

/// Opens a pack; shows how far it has come when that means to fetch a long index.
pub(super) fn open_telling(
    location: &Location,
    options: &OpenOptions,
    global: &Global,
) -> Result<Pack> {
    check_place(location)?;
    options.index.as_ref().map_or(Ok(()), check_place)?;
    let follow = Follow::new("reading the index", When::Auto, global);
    let opened = Pack::open_observed(location, options, &follow);
    follow.finish(State::of(&opened))?;
    Ok(opened?)
}

/// Whether it is told what a remote pack cost.
#[derive(Debug, clap::Args)]
pub(super) struct TrafficArgs {
    /// Say how many requests and bytes a remote pack took
    #[arg(short, long)]
    verbose: bool,
}

impl TrafficArgs {
    /// Tells, if it is wanted.
    pub(super) fn tell(&self, pack: &Pack) {
        if self.verbose {
            tell_traffic(pack);
        }
    }
}

/// Says what a remote pack cost.
pub(super) fn tell_traffic(pack: &Pack) {
    let traffic = pack.traffic();
    if traffic.requests > 0 {
        let (requests, bytes) = (count(traffic.requests, "request"), Size(traffic.bytes));
        note(&format!("fetched {bytes} in {requests}"));
    }
}

/// How many threads read a pack when nobody says.
pub(super) fn threads_for(pack: &Pack) -> usize {
    if pack.is_remote() { default_readers() } else { default_threads() }
}

/// What is done with bytes of a container that nothing names.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(super) struct TailArgs {
    /// What to do with bytes behind the last payload that the index names, when an interrupted run
    /// cannot have left them [default: refuse to go on]
    #[arg(long, value_name = "WHAT")]
    tail: Option<TailChoice>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum TailChoice {
    /// Leave them where they are; nothing will name them
    Keep,
    /// Cut them off
    Cut,
}

impl TailArgs {
    /// The option, if it was given.
    pub(super) fn given(self) -> Option<&'static str> {
        self.tail.map(|_| "--tail")
    }

    /// The library's word for it.
    pub(super) fn tail(self) -> Tail {
        match self.tail {
            None => Tail::Refuse,
            Some(TailChoice::Keep) => Tail::Keep,
            Some(TailChoice::Cut) => Tail::Cut,
        }
    }
}

/// The URL of an object store, if a file is to be written there.
pub(super) fn store_url(place: &Path) -> Option<Url> {
    match Location::from(place) {
        Location::Url(url) if !url.to_string().starts_with("http") => Some(url),
        _ => None,
    }
}

/// Fails when what is written, or read in other ways than packs, lies on no disk: at a URL, or in a stream.
pub(super) fn require_disk(place: &Path) -> Result<()> {
    let location = Location::from(place);
    check_place(&location)?;
    if location.disk().is_some() {
        return Ok(());
    }
    Err(Failure::Usage {
        problem: format!("{location} is a URL; this has to lie on disk"),
        hint: "ls, tree, find, du, cat, info, log, verify, diff, extract, merge, sync and serve read packs at URLs, pack and merge \
               write to s3://, gs:// and az://; for the rest, copy the file here, or the result there",
    })
}

/// Fails for what can be no file that is meant: a stream, or a URL of an unknown kind.
pub(super) fn check_place(location: &Location) -> Result<()> {
    let Some(path) = location.disk() else { return Ok(()) };
    if path == Path::new("-") {
        return Err(Failure::Usage {
            problem: "`-` is a stream, and this has to be a file or folder".to_owned(),
            hint: "packs are read here and there, not from front to back; `pack SRC -`, `index PACK --ndjson -` \
                   and `extract PACK - PATH` write to standard output; ./- is a file of that name",
        });
    }
    match unknown_scheme(path) {
        Some(scheme) if path.symlink_metadata().is_err() => Err(Failure::Usage {
            problem: format!("unsupported scheme {scheme}://"),
            hint: if scheme.eq_ignore_ascii_case("file") {
                "give the path alone"
            } else {
                "packs are read at http://, https://, s3://, gs:// and az://"
            },
        }),
        _ => Ok(()),
    }
}

/// The scheme of what looks like a URL and is none that can be read.
fn unknown_scheme(path: &Path) -> Option<&str> {
    let (scheme, _) = path.to_str()?.split_once("://")?;
    let mut bytes = scheme.bytes();
    let is_scheme = bytes.next()?.is_ascii_alphabetic()
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte));
    is_scheme.then_some(scheme)
}

/// Fails when a file that is written is one that is read.
pub(super) fn refuse_same(output: &Path, input: &Path) -> Result<()> {
    if !rangepack::same_file(output, input) {
        return Ok(());
    }
    Err(Failure::Usage {
        problem: format!("{}: it is read and written at once", output.display()),
        hint: "give the output another name",
    })
}

/// Which files of a tree are packed.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "What is packed")]
pub(super) struct SelectArgs {
    /// Pack only what matches (repeatable): `*.jpg` at any depth, `docs/*.md` and `/docs` from the root; of directories
    /// all they hold
    #[arg(long, value_name = "GLOB")]
    include: Vec<String>,
    /// Leave out what matches (repeatable), directories with all they hold: `*.tmp`, `/build/`
    #[arg(long, value_name = "GLOB")]
    exclude: Vec<String>,
    /// Pack only files with these extensions: `jpg,png`
    #[arg(long, value_name = "EXT", value_delimiter = ',')]
    ext: Vec<String>,
    /// Leave out what .gitignore and .ignore files name, and .git itself
    #[arg(long)]
    gitignore: bool,
    /// Leave out names that begin with a dot
    #[arg(long)]
    no_hidden: bool,
    /// Pack what symbolic links lead to, rather than the links
    #[arg(long)]
    pub(super) follow_links: bool,
}

impl SelectArgs {
    pub(super) fn filter(&self) -> Result<Filter> {
        let mut options = FilterOptions::default();
        options.include.clone_from(&self.include);
        options.exclude.clone_from(&self.exclude);
        options.extensions.clone_from(&self.ext);
        (options.no_hidden, options.gitignore) = (self.no_hidden, self.gitignore);
        Filter::new(options).map_err(|error| super::paths::bad_glob(&error))
    }
}

/// How payloads are stored.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How it is stored")]
pub(super) struct StoreArgs {
    /// Compress each file where that makes it shorter: `gzip` (the default), `zstd`, `gzip:LEVEL` or `zstd:LEVEL`
    ///
    /// Levels of gzip are 1 to 9 [default: 6], and a number alone is one of them. Those of zstd are 1 to 22 [default: 3];
    /// it is faster and shorter than gzip, and old programs cannot read it. Without this option files are stored as they
    /// are, save those over 256 KiB that have holes: these are compressed with gzip, so that holes take little room.
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true,
          default_missing_value = "gzip", value_parser = parse_compression)]
    compress: Option<Compression>,
    /// Store identical content as often as it occurs, not once
    ///
    /// Hard links are stored once all the same.
    #[arg(long)]
    no_dedup: bool,
    /// Begin each file at a multiple of N bytes: `512`, `4k`
    #[arg(long, value_name = "N", value_parser = parse_alignment)]
    align: Option<u64>,
    /// Keep the numbers of user and group
    #[arg(long)]
    owner: bool,
    /// Keep extended attributes and access control lists
    ///
    /// Those of files and directories, all that this user may read; not those of symbolic links. What cannot be read is
    /// warned about, and the rest is packed. `extract --xattrs` sets them again.
    #[arg(long)]
    xattrs: bool,
    /// Threads that read, hash and compress [default: one per processor, 8 at least]; the result is the same
    #[arg(short = 'j', long, value_name = "N", value_parser = parse_threads)]
    threads: Option<usize>,
    /// Stop at the first file that cannot be packed
    #[arg(long)]
    strict: bool,
}

impl StoreArgs {
    /// Everything that the library wants to know; the caller adds what is its own.
    pub(super) fn options(
        &self,
        select: &SelectArgs,
        index: Option<&IndexArgs>,
    ) -> Result<PackOptions> {
        let mut options = PackOptions::default();
        options.filter = select.filter()?;
        options.follow_links = select.follow_links;
        options.compress = self.compress;
        options.dedup = !self.no_dedup;
        options.align = self.align.unwrap_or(1);
        options.owner = self.owner;
        options.attributes = self.xattrs;
        options.threads = self.threads.unwrap_or_else(default_readers);
        options.strict = self.strict;
        if let Some(index) = index {
            options.index = index.options(self.compress);
        }
        Ok(options)
    }
}

/// Which indexes a pack gets.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "Which indexes it gets")]
pub(super) struct IndexArgs {
    /// Which indexes the pack carries [default: both; paged with --compress=zstd]
    #[arg(long, value_name = "FORMAT")]
    index_format: Option<IndexFormatChoice>,
    /// Whether the NDJSON index names directories, on which the old extractor fails
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    ndjson_dirs: DirectoryLinesChoice,
}

impl IndexArgs {
    /// `--index-format`, if it was given.
    pub(super) fn format_given(&self) -> Option<&'static str> {
        self.index_format.map(|_| "--index-format")
    }

    /// `--ndjson-dirs`, if it was given.
    pub(super) fn directories_given(&self) -> Option<&'static str> {
        (self.ndjson_dirs != DirectoryLinesChoice::Auto).then_some("--ndjson-dirs")
    }

    /// Both choices for the library.
    pub(super) fn options(&self, compress: Option<Compression>) -> IndexOptions {
        let format = match (self.index_format, compress) {
            (Some(IndexFormatChoice::Both), _) => IndexFormat::Both,
            (Some(IndexFormatChoice::Paged), _) => IndexFormat::Paged,
            (Some(IndexFormatChoice::Ndjson), _) => IndexFormat::Ndjson,
            // The old programs could not read what the trailer is for.
            (None, Some(Compression::Zstd(_))) => IndexFormat::Paged,
            (None, _) => IndexFormat::Both,
        };
        let directories = match self.ndjson_dirs {
            DirectoryLinesChoice::Auto => DirectoryLines::Auto,
            DirectoryLinesChoice::Always => DirectoryLines::Always,
            DirectoryLinesChoice::Never => DirectoryLines::Never,
        };
        IndexOptions::new().format(format).directories(directories)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum IndexFormatChoice {
    /// The paged index, and the NDJSON trailer that the old programs read
    Both,
    /// The paged index alone: some 250 bytes less for each file
    Paged,
    /// The NDJSON trailer alone, as the old programs wrote it
    Ndjson,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum DirectoryLinesChoice {
    /// Only where no paged index keeps them
    Auto,
    /// In every pack
    Always,
    /// In none: without a paged index, empty directories are lost
    Never,
}

/// Reads a number of bytes: `4096`, `4k`, `4KiB`, `1M`; each letter is a power of 1024.
pub(super) fn parse_size(text: &str) -> std::result::Result<u64, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let shift = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err("a number of bytes is meant, like 4096, 4k or 1M".to_owned()),
    };
    let number: u64 =
        number.parse().map_err(|_| "a number of bytes is meant, like 4096, 4k or 1M".to_owned())?;
    number.checked_mul(1 << shift).ok_or_else(|| "that is more than any file holds".to_owned())
}

/// Reads an alignment in bytes.
pub(super) fn parse_alignment(text: &str) -> std::result::Result<u64, String> {
    match parse_size(text)? {
        0 => Err("it is at least 1".to_owned()),
        align if align > 1 << 30 => Err("it is at most 1G".to_owned()),
        align => Ok(align),
    }
}

/// Reads a number of threads.
pub(super) fn parse_threads(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(threads @ 1..=4096) => Ok(threads),
        _ => Err("a number from 1 to 4096 is meant".to_owned()),
    }
}

fn parse_digest(text: &str) -> std::result::Result<Digest, String> {
    Digest::from_hex(text).ok_or_else(|| "a digest has 64 hexadecimal digits".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("4096"), Ok(4096));
        assert_eq!(parse_size("4k"), Ok(4096));
        assert_eq!(parse_size("4 KiB"), Ok(4096));
        assert_eq!(parse_size("2M"), Ok(2 << 20));
        assert_eq!(parse_size("16777215T"), Ok(16_777_215 << 40));
        for bad in ["", "k", "-1", "4x", "1.5k", "16777216T", "99999999999999999999", "é"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
        assert!(parse_alignment("0").is_err());
        assert!(parse_alignment("2G").is_err());
        assert_eq!(parse_alignment("4k"), Ok(4096));
    }

    #[test]
    fn urls_are_refused_where_files_are_written() {
        assert!(
            require_disk(Path::new("a.pack")).is_ok() && require_disk(Path::new("./-")).is_ok()
        );
        let said = |place: &str| match require_disk(Path::new(place)).unwrap_err() {
            Failure::Usage { problem, .. } => problem,
            other => format!("{other:?}"),
        };
        assert!(said("s3://bucket/a.pack").contains("is a URL"));
        assert!(said("-").contains("is a stream"));
        for scheme in ["file", "ftp", "sftp", "x+y"] {
            assert_eq!(said(&format!("{scheme}://h/a")), format!("unsupported scheme {scheme}://"));
        }
        assert!(require_disk(Path::new("1://a")).is_ok());
    }

    #[test]
    fn threads() {
        assert_eq!(parse_threads("8"), Ok(8));
        assert!(parse_threads("0").is_err());
        assert!(parse_threads("-1").is_err());
    }
}
