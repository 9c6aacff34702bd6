//! `rangepack mount`: a pack as a directory.

use super::Result;
use super::arguments::PackArgs;
use super::console::{Global, note, printable};
use super::exit::{Exit, Failure};
use super::interrupt;
use crate::format::count;
use crate::mount::{Daemon, MountError, MountOptions, Session, check};
use rangepack::{Error, Verify};
use std::io::Write;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

/// How long the end may take before it is said what it waits for.
const PATIENCE: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "\
Examples:
  rangepack mount photos.pack /mnt/photos
  rangepack mount https://host/photos.pack photos --daemon
  fusermount3 -u photos
  getfattr -n user.rangepack.sha256 --only-values photos/cats/1.jpg

It runs until Ctrl-C, or until `fusermount3 -u DIR`, and needs no special rights: on Linux, with /dev/fuse and the program
fusermount3. Its first line on standard output, the path of DIR, comes when everything is there.

What is read is compared with its SHA-256 first, large files block by block. What is damaged fails with an
input/output error (EIO), and is told on standard error. What was read once the kernel may give out again without that, for
as long as the pack is mounted.

What a server does not send fails in the same way, after some attempts, and so does everything of a file that was replaced there. It is
told once, and anew when it came in between.

A pack that is replaced by renaming another over it stays the one that was mounted.";

/// Show a pack as a directory, read-only
///
/// Every program can then read the files in it, as many at once as it likes: by paths, by ranges, mapped into memory.
/// A remote pack is fetched by ranges, as much of it as is asked for.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    pack: PackArgs,
    /// The directory to show it at; an empty one
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// Come back when it is mounted, and go on in the background
    #[arg(short, long)]
    daemon: bool,
    /// Stay until it is unmounted, which is what it does anyway
    #[arg(short, long, conflicts_with = "daemon")]
    foreground: bool,
    /// Let other users see it, too, as far as owners and modes in the pack let them
    #[arg(long)]
    allow_other: bool,
}

/// Mounts, and waits for the end.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let failed = |error| Failure::Mount { directory: args.directory.clone(), error };
    if args.daemon {
        match Daemon::start().map_err(|error| failed(MountError::Daemon(error)))? {
            Daemon::Itself => {}
            Daemon::Ready(line) => {
                let mut out = global.stdout();
                out.write_all(line.as_bytes())?;
                out.flush()?;
                return Ok(Exit::Fine);
            }
            Daemon::Ended(status) => return Ok(Exit::of(status)),
        }
    }
    check(&args.directory).map_err(failed)?;
    let pack = args.pack.open(Verify::Payloads, global)?;
    let (location, files) = (pack.location().clone(), pack.index().totals().files);
    let options = MountOptions { allow_other: args.allow_other };
    let of_all = global.clone();
    let tell = move |error: &Error| of_all.error(&error.in_one_line(), None);
    // From now on a signal unmounts.
    interrupt::flag();
    let main = thread::current();
    let session =
        Session::start(pack, &args.directory, &options, Box::new(tell), move || main.unpark());
    let session = session.map_err(failed)?;
    let place = session.directory().display().to_string();
    if !global.quiet {
        let end = if args.daemon { "" } else { "Ctrl-C, or " };
        note(&format!(
            "{location}: {}; {end}`fusermount3 -u {place}` ends it",
            count(files, "file")
        ));
    }
    if args.daemon {
        Daemon::detach(&printable(&place)).map_err(|error| failed(MountError::Daemon(error)))?;
    } else {
        let mut out = global.stdout();
        writeln!(out, "{}", printable(&place))?;
        out.flush()?;
    }
    interrupt::wait(|| session.is_over());
    if !session.is_over() {
        session.unmount().map_err(failed)?;
        thread::park_timeout(PATIENCE);
        if !session.is_over() && !global.quiet {
            note(
                "it is still in use, and goes on for those who use it; another Ctrl-C ends it for them, too",
            );
        }
    }
    while !session.is_over() {
        thread::park();
    }
    // To be unmounted is how it ends.
    Ok(Exit::Fine)
}
