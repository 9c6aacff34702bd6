//! `rangepack index` of tar and zip archives, which are read where they lie from then on.

use super::Result;
use super::arguments::{check_place, require_disk};
use super::console::{Global, When, note};
use super::exit::{Exit, Failure};
use super::follow::Follow;
use super::index::Args;
use super::merge::Conflict;
use super::progress::Steps;
use super::status::State;
use super::summary::Done;
use crate::format::Size;
use rangepack::{ArchiveIndexOptions, ArchiveProblem, Error, Location, sidecar_path};
use std::path::{Path, PathBuf};

/// How several archives become one.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Several archives")]
pub(super) struct SeveralArgs {
    /// Which file counts when two archives have a path with different content [default: that is an error]
    #[arg(long, value_name = "WHICH")]
    on_conflict: Option<Conflict>,
    /// Where the archives lie, if not below the directory of FILE: a directory, or the beginning of their URLs
    ///
    /// Whoever reads the index must say the same.
    #[arg(long, value_name = "DIR|URL")]
    volumes: Option<Location>,
}

impl SeveralArgs {
    /// The option that was given, if one was.
    pub(super) fn given(&self) -> Option<&'static str> {
        match self {
            SeveralArgs { on_conflict: Some(_), .. } => Some("--on-conflict"),
            SeveralArgs { volumes: Some(_), .. } => Some("--volumes"),
            SeveralArgs { .. } => None,
        }
    }
}

/// Makes an index of one archive, or one of several.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let archives: Vec<Location> = args.given.iter().map(Location::from).collect();
    archives.iter().try_for_each(check_place)?;
    if let ([archive], Some(_)) = (&archives[..], args.several.on_conflict) {
        return Err(Failure::Usage {
            problem: format!("--on-conflict is for several archives, and {archive} is one"),
            hint: "leave it out; of members of one name the last counts",
        });
    }
    if args.several.volumes.is_some() && args.out.is_none() {
        return Err(Failure::Usage {
            problem: "--volumes is for an index that lies elsewhere than its archive".to_owned(),
            hint: "-o FILE says where it goes",
        });
    }
    let target = args.target()?;
    require_disk(&target)?;
    let mut options = ArchiveIndexOptions::default();
    options.overwrite = args.force;
    options.on_conflict = Conflict::of(args.several.on_conflict);
    options.volumes = args.several.volumes.clone();
    let len = |path: &PathBuf| path.metadata().ok().map(|found| found.len());
    let total_bytes = args.given.iter().map(len).sum();
    let follow = Follow::new("indexing", When::Auto, global).stoppable();
    let follow = follow.steps(Steps { total_bytes, ..Steps::default() });
    let made = match &archives[..] {
        [archive] if options.volumes.is_none() => {
            rangepack::index_archive(archive.clone(), &target, &options, &follow)
        }
        archives => rangepack::index_archives(archives, &target, &options, &follow),
    };
    follow.finish(State::of(&made))?;
    let made = match made {
        Err(Error::Archive { archive, problem: ArchiveProblem::NotAnArchive }) => {
            return Err(Failure::Usage {
                problem: format!(
                    "{} is no tar or zip archive, and it is not said which index to make",
                    archive.display()
                ),
                hint: "of a container or pack --paged writes one beside it, --in-place into it, --ndjson OUT the one that the \
                       old programs read",
            });
        }
        made => made?,
    };
    if !global.quiet {
        let done = Done::indexed("indexed", &made.finished.header, follow.elapsed());
        let len = Size(made.finished.file_len);
        note(&format!("{done}, an index of {len} in {}", target.display()));
        if let [archive] = &archives[..]
            && options.volumes.is_none()
            && !is_beside(archive, &target)
        {
            note("to read by it, say where the archive lies: --volumes DIR|URL");
        }
    }
    Ok(if made.failed + made.unreadable > 0 { Exit::Bad } else { Exit::Fine })
}

impl Args {
    /// Where the index of archives goes.
    fn target(&self) -> Result<PathBuf> {
        let hint = "-o FILE says where it goes";
        match (&self.out, &self.given[..]) {
            (Some(out), _) => Ok(out.clone()),
            (None, [archive]) if Location::from(archive).is_url() => Err(Failure::Usage {
                problem: "the index of an archive at a URL needs a place on disk".to_owned(),
                hint,
            }),
            (None, [archive]) => Ok(sidecar_path(archive)),
            (None, _) => {
                Err(Failure::Usage { problem: "several archives have one index".to_owned(), hint })
            }
        }
    }
}

/// Whether an index lies in the directory of its archive.
fn is_beside(archive: &Location, index: &Path) -> bool {
    let folder = |path: &Path| {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        parent.unwrap_or(Path::new(".")).canonicalize().ok()
    };
    archive.disk().is_some_and(|archive| folder(archive) == folder(index))
}
