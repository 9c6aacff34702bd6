//! `--compress` and `--dict`.

use super::arguments::parse_size;
use super::exit::Failure;
use clap::Args;
use rangepack::{Compression, Dictionaries};

/// Reads how files are compressed: `gzip`, `gzip:9`, `zstd`, `zstd:19`, or a level of gzip alone.
pub(super) fn parse_compression(text: &str) -> Result<Compression, String> {
    const MEANT: &str = "gzip, zstd, gzip:LEVEL or zstd:LEVEL is meant";
    let (codec, level) = match text.split_once(':') {
        Some((codec, level)) => (codec, Some(level)),
        None if text.starts_with(|first: char| first.is_ascii_digit()) => ("gzip", Some(text)),
        None => (text, None),
    };
    let level = |default: u32, most: u32| match level.map(str::parse::<u32>) {
        None => Ok(default),
        Some(Ok(level)) if (1..=most).contains(&level) => Ok(level),
        Some(_) => Err(format!("levels of {codec} are 1 to {most}")),
    };
    match codec {
        "gzip" => level(6, 9).map(Compression::Gzip),
        "zstd" => level(3, 22).map(Compression::Zstd),
        _ => Err(MEANT.to_owned()),
    }
}

/// Which dictionaries there are.
#[derive(Debug, Args)]
pub(super) struct DictArgs {
    /// Dictionaries for small files, with --compress=zstd: `auto` learns one for each common extension where that pays, up to
    /// 112 KiB; a size in bytes sets another bound; `none`
    #[arg(long, value_name = "SIZE", default_value = "auto", value_parser = parse_dictionaries)]
    dict: Dictionaries,
}

impl DictArgs {
    /// What the library is told. Fails for a bound of what nothing is compressed with.
    pub(super) fn dictionaries(
        &self,
        compress: Option<Compression>,
    ) -> super::Result<Dictionaries> {
        match (self.dict, compress) {
            (Dictionaries::Size(_), None | Some(Compression::Gzip(_))) => Err(Failure::Usage {
                problem: "--dict is for Zstandard".to_owned(),
                hint: "add --compress=zstd, or leave --dict out",
            }),
            (dictionaries, _) => Ok(dictionaries),
        }
    }
}

/// Reads which dictionaries there are.
fn parse_dictionaries(text: &str) -> Result<Dictionaries, String> {
    match text {
        "auto" => Ok(Dictionaries::Auto),
        "none" => Ok(Dictionaries::None),
        size => match parse_size(size).map(u32::try_from) {
            Ok(Ok(size @ 1024..=0x10_0000)) => Ok(Dictionaries::Size(size)),
            _ => Err("auto, none or a number of bytes from 1k to 1M is meant".to_owned()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_is_said_in_several_ways() {
        for (text, expected) in [
            ("gzip", Compression::Gzip(6)),
            ("9", Compression::Gzip(9)),
            ("gzip:1", Compression::Gzip(1)),
            ("zstd", Compression::Zstd(3)),
            ("zstd:22", Compression::Zstd(22)),
        ] {
            assert_eq!(parse_compression(text), Ok(expected), "{text}");
        }
        for text in ["", "0", "10", "gzip:10", "gzip:", "zstd:0", "zstd:23", "zstd:x", "xz", "Zstd"]
        {
            assert!(parse_compression(text).is_err(), "{text}");
        }
        assert_eq!(parse_dictionaries("16k"), Ok(Dictionaries::Size(16 << 10)));
        for text in ["0", "1", "2M", "some"] {
            assert!(parse_dictionaries(text).is_err(), "{text}");
        }
    }
}
