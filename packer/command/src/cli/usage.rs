//! Command lines that cannot be understood, where the parser's own advice would mislead.

use super::compression::parse_compression;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

/// An error for what can be parsed, and is not what was meant.
pub(super) fn misread(arguments: &[OsString]) -> Option<clap::Error> {
    let options = arguments.split(|argument| argument == "--").next().unwrap_or_default();
    let how = options.windows(2).find_map(|pair| match pair {
        [option, how] if option == "--compress" => how.to_str().filter(|how| is_compression(how)),
        _ => None,
    })?;
    let problem = format!(
        "`--compress {how}` is an option and a path; write `--compress={how}` to compress so, or \
         `--compress ./{how}` for a path"
    );
    Some(super::command().error(ErrorKind::InvalidValue, problem))
}

fn is_compression(text: &str) -> bool {
    matches!(text.as_bytes(), [b'0'..=b'9'] | [b'0'..=b'9', b'0'..=b'9'])
        || parse_compression(text).is_ok()
}

/// The error with advice that helps: nobody who mistypes an option means a file of that name.
pub(super) fn advised(mut error: clap::Error) -> clap::Error {
    if !matches!(error.kind(), ErrorKind::UnknownArgument | ErrorKind::InvalidSubcommand) {
        return error;
    }
    let misleads = |tip: &clap::builder::StyledStr| tip.to_string().contains("as a value");
    let mut tips = match error.remove(ContextKind::Suggested) {
        Some(ContextValue::StyledStrs(tips)) => tips,
        _ => Vec::new(),
    };
    tips.retain(|tip| !misleads(tip));
    let is_similar = error.get(ContextKind::SuggestedArg).is_some();
    if tips.is_empty() && !is_similar && error.kind() == ErrorKind::UnknownArgument {
        tips.push("`-h` lists what there is, `--help` explains it".into());
    }
    if !tips.is_empty() {
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::super::Cli;
    use super::*;
    use clap::Parser;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn advice_does_not_mislead() {
        let said = |line: &str| advised(Cli::try_parse_from(words(line)).unwrap_err()).to_string();
        for line in ["rangepack ls -Q x.pack", "rangepack extract x.pack out -Q", "rangepack -Q"] {
            let said = said(line);
            assert!(!said.contains("as a value") && said.contains("`-h` lists"), "{said}");
        }
        let similar = said("rangepack pack a b --exclud x");
        assert!(similar.contains("--exclude") && !similar.contains("as a value"), "{similar}");
        let similar = said("rangepack extrct a b");
        assert!(similar.contains("extract") && !similar.contains("as a value"), "{similar}");
    }

    #[test]
    fn a_level_is_no_path() {
        for line in [
            "rangepack pack a b --compress 9",
            "rangepack pack --compress zstd:9 a b",
            "rangepack create --compress 12 --src a",
        ] {
            let said = misread(&words(line)).unwrap().to_string();
            assert!(said.contains("--compress="), "{said}");
        }
        for line in [
            "rangepack pack --compress a b",
            "rangepack pack --compress=9 a b",
            "rangepack pack -- --compress 9",
        ] {
            assert!(misread(&words(line)).is_none(), "{line}");
        }
    }
}
