//! `rangepack create`: a container that can be continued after any interruption.

use super::Result;
use super::arguments::{
    IndexArgs, SelectArgs, StoreArgs, TailArgs, parse_size, refuse_same, require_disk,
};
use super::console::{Global, note};
use super::exit::{Exit, Failure};
use super::follow::Follow;
use super::progress::{OldProgressArgs, Steps};
use super::status::{State, StatusArgs};
use super::summary::Done;
use crate::format::{Size, count};
use rangepack::Error;
use rangepack::{CreateOptions, Created};
use rangepack::{Observer, PackOptions};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  rangepack create --src photos --container photos.container --finalize
  rangepack create --src photos --container photos.container --progress always --scan-sizes
  rangepack create --container photos.container --finalize-only --remove-index-on-finalize

The same command continues after an interruption: files that are in the container, and have not
changed since, are passed over, and keep the attributes that they have there. Entries are written to
the index beside the container only when their payloads are on disk. `rangepack pack` is faster
where nothing needs to be continued.

What becomes of a file that another program writes to while it is read: `rangepack pack --help`.";

/// Make a container that can be continued after an interruption
///
/// Appends the files below --src to the container, and their entries to the index beside it;
/// --finalize puts the index into the container at the end.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    /// The directory whose content is packed
    #[arg(long, value_name = "DIR", required_unless_present = "finalize_only")]
    pub(super) src: Option<PathBuf>,
    /// The container to make or continue
    #[arg(long, value_name = "FILE")]
    pub(super) container: PathBuf,
    /// The index beside it [default: CONTAINER.idx]
    #[arg(long, value_name = "FILE")]
    pub(super) index: Option<PathBuf>,
    /// Put the index into the container when everything is packed
    #[arg(long)]
    pub(super) finalize: bool,
    /// Pack nothing, only put the index into the container
    #[arg(long)]
    pub(super) finalize_only: bool,
    /// Remove the index beside the container when it is in the container
    #[arg(long)]
    pub(super) remove_index_on_finalize: bool,
    /// Read and compress everything, but write nothing
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Print each path as it is packed, to standard error
    #[arg(long)]
    pub(super) print_each: bool,
    /// Print more: once, what was continued; twice, each path
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Add to a container that is finished; until it is finished again it is read through the index beside it
    #[arg(long)]
    pub(super) reopen: bool,
    #[command(flatten)]
    pub(super) tail: TailArgs,
    #[command(flatten)]
    pub(super) durability: DurabilityArgs,
    #[command(flatten)]
    pub(super) show: ShowArgs,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    #[command(flatten)]
    pub(super) store: StoreArgs,
    #[command(flatten)]
    pub(super) indexes: IndexArgs,
}

/// When something is on disk for good.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "How much an interruption can cost")]
pub(super) struct DurabilityArgs {
    /// Wait for the disk after so many files
    #[arg(long, value_name = "N", default_value = "1",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) fsync_every: u64,
    /// Write the index after so many entries, --fsync-every at least [default: as --fsync-every]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) index_batch: Option<u64>,
    /// Accepted as the old program did; files are read in pieces of a size that suits them
    #[arg(long, value_name = "BYTES", default_value = "1048576", value_parser = parse_chunk_size)]
    pub(super) chunk_size: u64,
}

/// What is shown while it goes on.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "What is shown")]
pub(super) struct ShowArgs {
    #[command(flatten)]
    pub(super) progress: OldProgressArgs,
    /// Count the files first, so that progress knows how many are left
    #[arg(long)]
    count: bool,
    /// Sum up the sizes first, too, so that progress knows how many bytes are left
    #[arg(long)]
    scan_sizes: bool,
    #[command(flatten)]
    pub(super) status: StatusArgs,
}

/// Reads the size of a piece of a file: 1024 at least.
pub(super) fn parse_chunk_size(text: &str) -> std::result::Result<u64, String> {
    match parse_size(text)? {
        0..1024 => Err("it is at least 1024".to_owned()),
        size => Ok(size),
    }
}

/// Packs, or only finalizes.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    args.check()?;
    require_disk(&args.container)?;
    for path in [&args.src, &args.index].into_iter().flatten() {
        require_disk(path)?;
    }
    if let Some(status) = &args.show.status.status_file {
        require_disk(status)?;
        refuse_same(status, &args.container)?;
        let index = args.index.clone().unwrap_or_else(|| rangepack::idx_path(&args.container));
        refuse_same(status, &index)?;
    }
    let (container, source) = match (&args.container, &args.src) {
        (container, Some(source)) if !args.finalize_only => (container, source),
        (container, _) if args.dry_run => {
            note(&format!("would finalize {}", container.display()));
            return Ok(Exit::Fine);
        }
        _ => return super::finalize::run(&args.finalize_args(), global),
    };
    let mut options = CreateOptions::default();
    options.pack = args.options()?;
    options.index.clone_from(&args.index);
    options.fsync_every = args.durability.fsync_every;
    options.index_batch = args.durability.index_batch;
    options.dry_run = args.dry_run;
    options.finalize = args.finalize && !args.dry_run;
    options.remove_index = args.remove_index_on_finalize;
    options.tail = args.tail.tail();
    options.reopen = args.reopen;
    let steps = args.survey(&options.pack, super::interrupt::flag())?;
    let follow = Follow::new("packing", args.show.progress.when(), global).stoppable();
    let follow = follow.status(args.show.status.file("bytes_written")).steps(steps);
    let follow = follow.print_each(args.prints_each());
    let create = || rangepack::create(source, container, &options, &follow);
    // How much of what is there is in the container already is not known before.
    let created = match steps == Steps::default() && !container.exists() {
        true => follow.while_counting(
            |stop| {
                let skip = vec![container.clone(), rangepack::idx_path(container)];
                rangepack::survey(source, &options.pack, skip, true, stop).ok()
            },
            create,
        ),
        false => create(),
    };
    let interrupted = matches!(created.as_ref().map_err(Error::is_cancelled), Err(true));
    follow.finish(match &created {
        Ok(created) if created.summary.failed > 0 => State::Failed,
        created => State::of(created),
    })?;
    if interrupted && !global.quiet {
        note("what was packed is kept; the same command goes on from there");
    }
    let created = created?;
    let summary = &created.summary;
    if summary.files + summary.symlinks + summary.unchanged + summary.failed == 0 {
        super::pack::warn_of_nothing(&options.pack, global);
    }
    if !global.quiet {
        report(args, &created, follow.elapsed());
    }
    Ok(if created.summary.failed == 0 { Exit::Fine } else { Exit::Bad })
}

/// Says what was found and what was done.
fn report(args: &Args, created: &Created, elapsed: std::time::Duration) {
    if let Some(resumed) = &created.resumed {
        let [went_on, dropped] = match args.dry_run {
            true => ["would go on", "drop"],
            false => ["went on", "dropped"],
        };
        let mut text = format!("{went_on} from {}", count(resumed.journal.entries, "entry"));
        if resumed.reopened {
            text.push_str(" of a finalized container");
        }
        if resumed.journal.torn > 0 {
            text.push_str(&format!(
                ", {dropped} what was being added to its index ({})",
                Size(resumed.journal.torn)
            ));
        }
        if resumed.cut > 0 {
            text.push_str(&format!(", cut off {} that no line names", Size(resumed.cut)));
        }
        note(&text);
    }
    let summary = &created.summary;
    let verb = if args.dry_run { "would pack" } else { "packed" };
    if summary.files + summary.directories + summary.symlinks == 0 {
        note(&format!("nothing to add: {} unchanged", count(summary.unchanged, "entry")));
    } else {
        let mut text = Done::packed(verb, summary, elapsed).to_string();
        for (number, what) in [
            (summary.changed, "changed since"),
            (summary.unchanged, "unchanged"),
            (summary.failed, "failed"),
            (summary.attributes_left_out, "without all attributes"),
        ] {
            if number > 0 {
                text.push_str(&format!(", {number} {what}"));
            }
        }
        if summary.special > 0 {
            text.push_str(&format!(", {} left out", count(summary.special, "special file")));
        }
        note(&text);
    }
    if let Some(finished) = &created.finished {
        super::finalize::report(finished, &created.replaced, None);
    } else if !args.dry_run && !created.is_finalized {
        note("the container is open; `rangepack finalize` puts the index into it");
    }
}

impl Args {
    /// The same as arguments of `finalize`.
    fn finalize_args(&self) -> super::finalize::Args {
        super::finalize::Args {
            container: self.container.clone(),
            index: self.index.clone(),
            remove_index: self.remove_index_on_finalize,
            tail: self.tail,
            indexes: self.indexes,
        }
    }

    /// Refuses options that do not go together.
    pub(super) fn check(&self) -> Result<()> {
        let DurabilityArgs { fsync_every, index_batch, .. } = self.durability;
        if let Some(batch) = index_batch.filter(|batch| *batch < fsync_every) {
            return Err(Failure::Usage {
                problem: format!(
                    "--index-batch {batch} is smaller than --fsync-every {fsync_every}"
                ),
                hint: "the index would name payloads that are not on disk yet, and lie after a \
                       power failure; make it as large, or leave it out",
            });
        }
        if self.remove_index_on_finalize && !self.finalize && !self.finalize_only {
            return Err(Failure::Usage {
                problem: "--remove-index-on-finalize without --finalize".to_owned(),
                hint: "the index beside the container can only go once it is inside",
            });
        }
        Ok(())
    }

    /// How the tree is packed.
    pub(super) fn options(&self) -> Result<PackOptions> {
        self.store.options(&self.select, Some(&self.indexes))
    }

    /// Whether each path is printed.
    pub(super) fn prints_each(&self) -> bool {
        self.print_each || self.verbose > 1
    }

    /// Goes through the tree beforehand, if that is wanted, to find out how much there is to do.
    ///
    /// What cannot be read is not counted; packing will tell of it.
    pub(super) fn survey(&self, options: &PackOptions, observer: &dyn Observer) -> Result<Steps> {
        let mut steps = Steps::default();
        let Some(source) = &self.src else { return Ok(steps) };
        if !self.show.count && !self.show.scan_sizes {
            return Ok(steps);
        }
        let skip = [Some(self.container.clone()), self.index.clone()];
        let skip = skip.into_iter().flatten().collect();
        let found = rangepack::survey(source, options, skip, self.show.scan_sizes, observer)?;
        steps.total_files = Some(found.files);
        steps.total_bytes = self.show.scan_sizes.then_some(found.bytes);
        Ok(steps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::console::When;
    use crate::cli::parse;

    #[test]
    fn the_old_command_line() {
        let line = "create --src a --container b --index c --compress --tqdm --count --scan-sizes \
                    --print-each --status-file s --status-format json --fsync-every 10 \
                    --index-batch 20 --chunk-size 2048 -vv --dry-run --finalize \
                    --remove-index-on-finalize";
        let args = parse::<Args>(line).unwrap();
        args.check().unwrap();
        assert_eq!(args.show.progress.when(), When::Always);
        assert_eq!(args.durability.index_batch, Some(20));
        assert_eq!(args.options().unwrap().compress, Some(rangepack::Compression::Gzip(6)));
        assert!(args.prints_each());
    }

    #[test]
    fn what_does_not_go_together() {
        for line in
            ["create --container b --finalize-only", "create --src a --container b --finalize-only"]
        {
            parse::<Args>(line).unwrap().check().unwrap();
        }
        for line in [
            "create --container b",
            "create --src a --container b --fsync-every 0",
            "create --src a --container b --chunk-size 1023",
            "create --src a --container b --compress=10",
        ] {
            assert!(parse::<Args>(line).is_err(), "{line}");
        }
        for line in [
            "create --src a --container b --fsync-every 10 --index-batch 9",
            "create --src a --container b --remove-index-on-finalize",
        ] {
            assert!(parse::<Args>(line).unwrap().check().is_err(), "{line}");
        }
    }

    #[test]
    fn counts_what_will_be_packed() {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in [("a.txt", "12345"), ("b.txt", "1"), ("c.bin", "123")] {
            std::fs::write(directory.path().join(name), content).unwrap();
        }
        let mut args =
            parse::<Args>("create --src a --container b --ext txt --scan-sizes").unwrap();
        args.src = Some(directory.path().to_owned());
        let options = args.options().unwrap();
        let steps = args.survey(&options, &()).unwrap();
        assert_eq!((steps.total_files, steps.total_bytes), (Some(2), Some(6)));
        assert!(args.survey(&options, &std::sync::atomic::AtomicBool::new(true)).is_err());
        args.show.scan_sizes = false;
        assert_eq!(
            args.survey(&options, &std::sync::atomic::AtomicBool::new(true)).unwrap(),
            Steps::default()
        );
    }
}
