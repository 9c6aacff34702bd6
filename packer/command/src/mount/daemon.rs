//! A process that goes on when the command comes back.
//!
//! The command starts itself once more, before it has threads, and waits for a line by a pipe: then the pack is mounted. Until then
//! both are in the hands of the terminal, and whatever is wrong is said there.

use rustix::process::setsid;
use rustix::stdio::{dup2_stderr, dup2_stdout};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};

/// Tells the second process that it is that.
const MARK: &str = "RANGEPACK_MOUNT_DAEMON";

/// Which of the two processes this is.
#[derive(Debug)]
pub(crate) enum Daemon {
    /// The one that goes on.
    Itself,
    /// The one that was called, when the other has mounted; the line that it said.
    Ready(String),
    /// The other ended before that.
    Ended(ExitStatus),
}

impl Daemon {
    /// Starts the second process, unless this is it, and waits until it has mounted.
    pub(crate) fn start() -> io::Result<Daemon> {
        if std::env::var_os(MARK).is_some() {
            return Ok(Daemon::Itself);
        }
        let mut arguments = std::env::args_os();
        // The program itself, even if another has its name by now.
        let mut command = Command::new("/proc/self/exe");
        command.arg0(arguments.next().unwrap_or_else(|| "rangepack".into())).args(arguments);
        command.env(MARK, "1").stdin(Stdio::null()).stdout(Stdio::piped());
        Daemon::wait(command.spawn()?)
    }

    fn wait(mut child: Child) -> io::Result<Daemon> {
        let mut line = String::new();
        if let Some(out) = child.stdout.take() {
            BufReader::new(out).read_line(&mut line)?;
        }
        if line.ends_with('\n') {
            return Ok(Daemon::Ready(line));
        }
        child.wait().map(Daemon::Ended)
    }

    /// Lets go of the terminal, and says to the first process that everything is well. Standard error stays what it is if
    /// that is a file.
    pub(crate) fn detach(line: &str) -> io::Result<()> {
        setsid()?;
        let nothing = File::options().read(true).write(true).open("/dev/null")?;
        let is_file = File::open("/proc/self/fd/2").and_then(|file| file.metadata());
        if !is_file.is_ok_and(|found| found.is_file()) {
            dup2_stderr(&nothing)?;
        }
        let mut out = io::stdout();
        writeln!(out, "{line}")?;
        out.flush()?;
        dup2_stdout(&nothing)?;
        Ok(())
    }
}
