//! Archives as what `pack` packs.

use super::Result;
use super::exit::Failure;
use super::sources::SourceArgs;
use rangepack::{Archive, ArchiveFormat, Dictionaries, PackOptions};
use std::fs::File;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};

/// Whether SRC is an archive.
#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Where it comes from")]
pub(super) struct ArchiveArgs {
    /// Pack SRC itself though it is called like a tar or zip archive, instead of what is in it
    #[arg(long)]
    as_file: bool,
    /// Pack what is in SRC, a tar or zip archive of whatever name, or a pipe that gives a tar
    #[arg(long, conflicts_with = "as_file")]
    as_archive: bool,
}

/// Names of tar archives that are compressed in ways that are not read: better told than packed as files.
const OTHERS: [&str; 5] = [".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".tbz"];

impl ArchiveArgs {
    /// The archive that is to be packed, if SRC is one.
    pub(super) fn find(&self, given: &[PathBuf], source: &SourceArgs) -> Result<Option<Archive>> {
        let single = match given {
            [path] if !source.is_set() => Some(path.as_path()),
            _ => None,
        };
        let is_stream = single == Some(Path::new("-"));
        match single {
            Some(_) if is_stream && !self.as_file => {
                let stdin = std::io::stdin();
                if stdin.is_terminal() {
                    return Err(Failure::Usage {
                        problem: "standard input is a terminal, and gives no archive".to_owned(),
                        hint: "pipe a tar archive into it: tar c DIR | rangepack pack - OUT",
                    });
                }
                Ok(Some(Archive::stream(stdin, super::exit::STDIN)))
            }
            Some(path) if self.as_archive && path.is_dir() => Err(Failure::Usage {
                problem: format!("{} is a directory, and no archive", path.display()),
                hint: "without --as-archive what is in it is packed",
            }),
            Some(path) if self.as_archive || is_called_archive(path) && !self.as_file => {
                if path.is_file() {
                    return Ok(Some(Archive::File(path.to_owned())));
                }
                // What is not there is told of as any other SRC.
                if !self.as_archive || !path.exists() {
                    return Ok(None);
                }
                // A pipe, such as what a shell puts in place of `<(ssh HOST tar c DIR)`.
                let stream = File::open(path).map_err(Failure::system("open", path))?;
                Ok(Some(Archive::stream(stream, path)))
            }
            _ if self.as_archive => Err(Failure::Usage {
                problem: "--as-archive is for a single SRC".to_owned(),
                hint: "pack archives one by one, and `rangepack merge` the packs; -C, --rename and --files-from are for files",
            }),
            _ => Ok(None),
        }
    }

    /// Fails for options that archives have nothing to do with.
    pub(super) fn check(
        &self,
        archive: &Archive,
        options: &PackOptions,
        dry_run: bool,
    ) -> Result<()> {
        let hint = match archive {
            Archive::File(_) => "--as-file packs the archive itself",
            _ => "unpack the archive first, and pack the directory",
        };
        for (is_given, option) in [
            (dry_run, "--dry-run"),
            (options.filter.honours_ignore_files(), "--gitignore"),
            (options.follow_links, "--follow-links"),
        ] {
            if is_given {
                let hint = match option {
                    "--dry-run" => "`tar tvf` and `unzip -l` list what is in archives",
                    _ => hint,
                };
                let problem = format!("{option} is for trees, and SRC is an archive");
                return Err(Failure::Usage { problem, hint });
            }
        }
        if let (Archive::Stream { name, .. }, Dictionaries::Size(_)) =
            (archive, options.dictionaries)
        {
            let problem = format!("--dict: nothing is learnt of {}", name.display());
            let hint = "dictionaries take reading twice, and a stream is read once; leave --dict out, or pack a file";
            return Err(Failure::Usage { problem, hint });
        }
        Ok(())
    }
}

/// Whether a file is called like an archive.
fn is_called_archive(path: &Path) -> bool {
    let name = path.to_string_lossy().to_lowercase();
    ArchiveFormat::of_name(path).is_some() || OTHERS.iter().any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_known_by_their_names() {
        for name in ["a.tar", "A.TAR.GZ", "b/a.tgz", "a.tar.zst", "a.zip", "a.tar.xz"] {
            assert!(is_called_archive(Path::new(name)), "{name}");
        }
        for name in ["tar", ".tar", "a.gz", "a.docx", "a.zip/b", "a.zipx", "a.npz"] {
            assert!(!is_called_archive(Path::new(name)), "{name}");
        }
    }
}
