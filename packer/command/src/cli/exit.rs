//! How a command ends: exit codes, and errors with advice.

use super::console::Global;
#[cfg(all(feature = "mount", target_os = "linux"))]
use crate::mount::MountError;
#[cfg(feature = "serve")]
use crate::serve::ServeError;
use rangepack::{
    ArchiveProblem, ContainerProblem, Error, Expected, Format, GrowProblem, OtherFormat,
    RemoteProblem, VolumeProblem,
};
use rangepack_core::{ErrorKind, Tag};
use std::io;
use std::path::{Path, PathBuf};

/// How messages call it.
pub(super) const STDIN: &str = "standard input";

/// What the process tells its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Everything is fine.
    Fine,
    /// The pack is bad or lacks something, or some files failed.
    Bad,
    /// Wrong usage, or the system refused something.
    Trouble,
    /// Stopped by a signal.
    Interrupted,
}

impl Exit {
    /// The number.
    pub(super) fn code(self) -> u8 {
        match self {
            Exit::Fine => 0,
            Exit::Bad => 1,
            Exit::Trouble => 2,
            Exit::Interrupted => 130,
        }
    }

    /// What another process of this command came back with.
    #[cfg(all(feature = "mount", target_os = "linux"))]
    pub(super) fn of(status: std::process::ExitStatus) -> Exit {
        match status.code() {
            Some(0) => Exit::Fine,
            Some(1) => Exit::Bad,
            Some(130) => Exit::Interrupted,
            _ => Exit::Trouble,
        }
    }
}

/// Why a command cannot go on.
#[derive(Debug)]
pub(super) enum Failure {
    /// What the library says.
    Library(Error),
    /// The same, with better advice than that which fits all such errors.
    Hinted {
        /// What the library says.
        error: Box<Error>,
        /// What to do.
        hint: String,
    },
    /// The system refused something to the command itself.
    System {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Packs cannot be served.
    #[cfg(feature = "serve")]
    Serve(ServeError),
    /// A pack cannot be mounted.
    #[cfg(all(feature = "mount", target_os = "linux"))]
    Mount {
        /// Where.
        directory: PathBuf,
        /// Why.
        error: MountError,
    },
    /// Standard output cannot be written to.
    Output(io::Error),
    /// The arguments do not go together.
    Usage {
        /// What is wrong with them.
        problem: String,
        /// What to do instead.
        hint: &'static str,
    },
}

#[cfg(feature = "serve")]
impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Failure {
        match error {
            ServeError::Pack(error) => Failure::Library(error),
            error => Failure::Serve(error),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Library(error)
    }
}

/// For standard output only; errors of other files are the library's and name them.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

impl Failure {
    /// Wraps what the system said to the command itself.
    pub(super) fn system(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
        let path = path.to_owned();
        move |source| Failure::System { action, path, source }
    }

    /// What the process exits with.
    pub(super) fn exit(&self) -> Exit {
        match self {
            // Whoever closed the pipe has read enough.
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Fine,
            Failure::Output(_) | Failure::Usage { .. } | Failure::System { .. } => Exit::Trouble,
            #[cfg(feature = "serve")]
            Failure::Serve(_) => Exit::Trouble,
            #[cfg(all(feature = "mount", target_os = "linux"))]
            Failure::Mount { .. } => Exit::Trouble,
            Failure::Hinted { error, .. } => exit_of(error),
            Failure::Library(error) => exit_of(error),
        }
    }

    /// Tells the user, and what the process exits with.
    pub(super) fn report(&self, global: &Global) -> Exit {
        let exit = self.exit();
        match self {
            _ if exit == Exit::Fine => {}
            _ if exit == Exit::Interrupted => global.error("interrupted", None),
            Failure::Library(error) => global.error(&error.in_one_line(), advice(error)),
            Failure::Hinted { error, hint } => global.error(&error.in_one_line(), Some(hint)),
            Failure::System { action, path, source } => {
                global.error(&format!("cannot {action} {}: {source}", path.display()), None);
            }
            #[cfg(feature = "serve")]
            Failure::Serve(error) => {
                let (problem, hint) = serving(error);
                global.error(&problem, hint);
            }
            #[cfg(all(feature = "mount", target_os = "linux"))]
            Failure::Mount { directory, error } => {
                let (problem, hint) = mounting(error, &directory.display().to_string());
                global.error(&problem, hint.as_deref());
            }
            Failure::Output(error) => {
                global.error(&format!("cannot write to standard output: {error}"), None);
            }
            Failure::Usage { problem, hint } => global.error(problem, Some(hint)),
        }
        exit
    }
}

/// What the process exits with after an error of the library.
fn exit_of(error: &Error) -> Exit {
    match error {
        error if error.is_cancelled() => Exit::Interrupted,
        Error::NoEntry { .. }
        | Error::BrokenLink { .. }
        | Error::WrongKind { .. }
        | Error::Incomplete { .. }
        | Error::Strict { .. } => Exit::Bad,
        Error::Archive {
            problem:
                ArchiveProblem::NotAnArchive
                | ArchiveProblem::Other(_)
                | ArchiveProblem::NeedsFile
                | ArchiveProblem::NotInPlace(_)
                | ArchiveProblem::Changed,
            ..
        } => Exit::Trouble,
        Error::Archive { .. } => Exit::Bad,
        error if error.is_bad_pack() => Exit::Bad,
        _ => Exit::Trouble,
    }
}

/// What a user can do about an error.
fn advice(error: &Error) -> Option<&'static str> {
    match error {
        Error::Pack { source, .. } => advice_on_pack(source.kind()),
        Error::OtherFormat { format, .. } => Some(advice_on_format(*format)),
        Error::Entry { source, .. } => match source.kind() {
            ErrorKind::Unsupported if is_of_archives(source) => Some(
                "its index lists it all the same; the archive's own program unpacks it, and \
                 `rangepack pack ARCHIVE OUT` packs files with holes",
            ),
            ErrorKind::Corrupt => Some(
                "its bytes were changed after packing; `rangepack verify` finds out what else is \
                 damaged; restore the pack from a copy",
            ),
            kind => advice_on_pack(kind),
        },
        Error::BrokenLink { .. } => {
            Some("links are followed inside the pack only; `rangepack ls` shows the link itself")
        }
        Error::Lost { .. } => Some(
            "try again when nobody writes it any more; replace packs by renaming another over them, \
             which disturbs no reader",
        ),
        Error::Remote { url, problem: RemoteProblem::Denied(_) }
            if url.to_string().starts_with("http") =>
        {
            Some(
                "the server wants a token or a password, or another one: `rangepack serve` prints its whole URL, token \
             included; a signed URL may have expired",
            )
        }
        Error::Remote { problem, .. } | Error::Upload { problem, .. } => advice_on_remote(problem),
        Error::Archive { archive, problem: ArchiveProblem::NotAnArchive }
            if archive == Path::new(STDIN) =>
        {
            Some("pipe an archive into it: `tar c DIR | rangepack pack - OUT`")
        }
        Error::Archive { problem, .. } => advice_on_archive(problem),
        Error::Volume { problem: VolumeProblem::Elsewhere, .. } => Some("name that file instead"),
        Error::Volume { problem: VolumeProblem::Missing, .. } => {
            Some("put it beside the index, under this name, or say with --volumes where it lies")
        }
        Error::Volume {
            problem: VolumeProblem::Length { .. } | VolumeProblem::OtherPack, ..
        } => Some(
            "bring back the file that it was, or make the index anew with `rangepack index` or `merge`",
        ),
        Error::Container { problem, .. } => advice_on_container(problem),
        Error::Grow { problem, .. } => Some(advice_on_growing(problem)),
        Error::Exists { .. } => Some("pass --force to replace it"),
        Error::Incomplete { .. } => Some(
            "mend what was warned about, or leave it out with --exclude; --incomplete replaces it all the same",
        ),
        Error::Scheme { .. } => Some("packs are read at http://, https://, s3://, gs:// and az://"),
        Error::TooMuch { .. } => Some(
            "--max-size and --max-entries keep a stranger's pack from filling the disk; raise them \
             if you trust this one",
        ),
        Error::SameFile { .. } => Some("give the output another name"),
        Error::NoEntry { .. } => Some("`rangepack ls -R PACK` lists every path there is"),
        Error::WrongKind { expected: Expected::File, .. } => {
            Some("`rangepack ls` lists a directory")
        }
        Error::Io { action: rangepack::Action::Read, source, .. }
            if source.kind() == io::ErrorKind::NotADirectory =>
        {
            Some("what is packed is a directory with everything in it")
        }
        _ => None,
    }
}

/// Why nothing is served, and what a user can do about it.
#[cfg(feature = "serve")]
fn serving(error: &ServeError) -> (String, Option<&'static str>) {
    match error {
        ServeError::Pack(error) => (error.in_one_line(), advice(error)),
        ServeError::Listen { address, source } => {
            let hint = match source.kind() {
                io::ErrorKind::AddrInUse => {
                    "another program listens there; choose another with --port, or --port 0 for any"
                }
                io::ErrorKind::PermissionDenied => "ports below 1024 take special rights",
                _ => "--host is a name or an address of this machine",
            };
            (format!("cannot listen at {address}: {source}"), Some(hint))
        }
        ServeError::Origin(origin) => {
            (format!("{origin}: an origin is a scheme and a host: https://example.org"), None)
        }
        ServeError::Threads(error) => (format!("cannot start threads: {error}"), None),
        ServeError::Clock => {
            let hint = "set it; times of HTTP lie between 1970 and 9999";
            ("this machine's clock is wrong".to_owned(), Some(hint))
        }
        ServeError::Random(error) => (format!("cannot make a token: {error}"), None),
    }
}

/// Why a pack is not mounted at a directory, and what a user can do about it.
#[cfg(all(feature = "mount", target_os = "linux"))]
fn mounting(error: &MountError, directory: &str) -> (String, Option<String>) {
    let (problem, hint) = match error {
        MountError::Missing => {
            ("there is no such directory".to_owned(), Some(format!("make it: `mkdir {directory}`")))
        }
        MountError::NotADirectory => {
            let hint = "a pack is shown at an empty directory; make one".to_owned();
            ("it is not a directory".to_owned(), Some(hint))
        }
        MountError::NotEmpty => {
            let hint = format!(
                "a pack is shown at an empty directory, for what is in it could not be seen any more; if it is a \
                 mount, `fusermount3 -u {directory}` ends it"
            );
            ("it is not empty".to_owned(), Some(hint))
        }
        MountError::Stale => {
            let hint = format!("`fusermount3 -u {directory}` takes it away; then try again");
            ("the program that something was mounted there by has ended".to_owned(), Some(hint))
        }
        MountError::Directory(source) => (source.to_string(), None),
        MountError::NoDevice(source) => {
            let hint = "`modprobe fuse` as root loads it into the kernel; containers are given it by `--device \
                        /dev/fuse --cap-add SYS_ADMIN`. `rangepack serve` and `extract` do without";
            (format!("this system has no FUSE: /dev/fuse: {source}"), Some(hint.to_owned()))
        }
        MountError::Denied(source) => {
            let hint = "ask who runs this machine for access to it (often by the group `fuse`)";
            (format!("this user may not use /dev/fuse: {source}"), Some(hint.to_owned()))
        }
        MountError::NoHelper => {
            let hint = "install it: the package is called `fuse3`";
            (
                "users need the program fusermount3, which is not there".to_owned(),
                Some(hint.to_owned()),
            )
        }
        MountError::OthersRefused => {
            let hint = "root allows it by the line `user_allow_other` in /etc/fuse.conf";
            ("users may not show mounts to others here".to_owned(), Some(hint.to_owned()))
        }
        MountError::Refused(source) => {
            let told = source.to_string();
            (told.trim().trim_start_matches("fusermount3: ").to_owned(), None)
        }
        MountError::Unmount(source) => {
            let hint = format!("`fusermount3 -u -z {directory}` does it by force");
            return (format!("cannot unmount {directory}: {source}"), Some(hint));
        }
        MountError::Daemon(source) => (format!("cannot go on in the background: {source}"), None),
    };
    (format!("cannot mount at {directory}: {problem}"), hint)
}

fn advice_on_growing(problem: &GrowProblem) -> &'static str {
    match problem {
        GrowProblem::Format(Format::Fpack) => {
            "nothing was changed; `rangepack index --in-place` gives it a paged index inside, behind which it can grow"
        }
        GrowProblem::Format(_) => {
            "nothing was changed; `rangepack create` goes on with a container; `rangepack index --in-place` gives a finished \
             one a paged index inside, behind which it can grow"
        }
        GrowProblem::Beside { .. } => {
            "nothing was changed; `rangepack index --in-place` puts the index into it, behind which it can grow"
        }
        GrowProblem::Generations { .. } => {
            "nothing was changed; `rangepack compact` makes one generation of them, without what older ones alone need"
        }
        GrowProblem::Kind { is_directory: true, .. } => {
            "nothing was changed; `rangepack remove` takes the directory out first; --rename gives what is added another name"
        }
        _ => {
            "nothing was changed; `rangepack remove` takes the file out first; --rename gives what is added another name"
        }
    }
}

/// Whether it is about a payload that lies in an archive in a way that nobody reads in place.
fn is_of_archives(error: &rangepack_core::Error) -> bool {
    use rangepack_core::{ENCRYPTED, FOREIGN_METHOD, IN_PIECES};
    matches!(
        error,
        rangepack_core::Error::UnsupportedCodec { number: ENCRYPTED | FOREIGN_METHOD | IN_PIECES }
    )
}

fn advice_on_archive(problem: &ArchiveProblem) -> Option<&'static str> {
    Some(match problem {
        ArchiveProblem::NotAnArchive => "--as-file packs the file itself",
        ArchiveProblem::Other(_) => {
            "decompress it on the way: `xz -dc SRC | rangepack pack - OUT`, with bzip2 likewise; --as-file packs the file itself"
        }
        ArchiveProblem::NotInPlace(_) => {
            "`rangepack pack ARCHIVE OUT` packs what is in a tar.gz or tar.zst; other packed files are to be unpacked first"
        }
        ArchiveProblem::Changed => "try again when nobody writes it any more",
        ArchiveProblem::NeedsFile => {
            "its directory is at its end: save it, and name the file instead of `-`"
        }
        ArchiveProblem::Compressed(_)
        | ArchiveProblem::CutShort { .. }
        | ArchiveProblem::Header { .. }
        | ArchiveProblem::NoDirectory
        | ArchiveProblem::Directory => {
            "no pack was made; fetch the archive anew; or unpack what is left of it, and pack that"
        }
        _ => return None,
    })
}

fn advice_on_container(problem: &ContainerProblem) -> Option<&'static str> {
    Some(match problem {
        ContainerProblem::Empty { .. } => {
            "nothing was changed; bring the index back or name it with --index; or, to begin anew, remove \
             the container and the index"
        }
        ContainerProblem::IndexMissing { .. } => {
            "nothing was changed; bring the index back or name it with --index; or, to begin anew, remove \
             the container"
        }
        ContainerProblem::BadLine { problem: None, .. } => {
            "nothing was changed; bring the index back from a copy, or take the line out of it (`sed -i \
             NUMBERd INDEX`): its file is packed again then"
        }
        ContainerProblem::BadLine { .. } => {
            "nothing was changed; take the line out of it (`sed -i NUMBERd INDEX`)"
        }
        ContainerProblem::Tail { .. } => {
            "nothing was changed; an index that lacks lines looks like this: bring back the one that belongs to \
             it. Or go on with --tail keep, which leaves the bytes where they are, or --tail cut"
        }
        ContainerProblem::KeepsNoTail => {
            "give it a paged index, too, or cut them off with --tail cut"
        }
        ContainerProblem::Foreign { .. } => {
            "nothing was changed; name the index that belongs to the container with --index. If it is this one, \
             that payload is damaged: take its line out"
        }
        ContainerProblem::WouldLose { .. } => "give the new index another name",
        ContainerProblem::NothingLeft => {
            "name an index of it with --index, if there is a copy of one"
        }
        ContainerProblem::Damaged { .. } => {
            "nothing was changed; `rangepack recover` makes a new pack of all that is whole in it"
        }
        ContainerProblem::Differs { .. } => {
            "move it away to go on from the index inside; or, if the bytes from there on are the rest of a \
             file that was being packed, cut the container to that length"
        }
        ContainerProblem::TooShort { .. } => {
            "the container was cut or is another's; restore it, or, to begin anew, remove it and its index"
        }
        ContainerProblem::Section { tag } if *tag == Tag::PREVIOUS => {
            "nothing was changed; it is a pack that has grown: `rangepack add` goes on"
        }
        ContainerProblem::Section { .. } => {
            "nothing was changed; make a new pack of what is to be added"
        }
        ContainerProblem::Finished => {
            "nothing was changed; --reopen adds to it: until `finalize`, or --finalize at the end of this run, it \
             cannot be read without the index beside it. `rangepack pack` makes a new pack"
        }
        ContainerProblem::Locked => "wait for it to end",
        ContainerProblem::NoPagedIndex => {
            "nothing was changed; `rangepack index CONTAINER --in-place` gives an old container one"
        }
        ContainerProblem::SidecarElsewhere => {
            "an index beside a container must lie in the same directory, or it is not found"
        }
        _ => return None,
    })
}

fn advice_on_pack(kind: ErrorKind) -> Option<&'static str> {
    Some(match kind {
        ErrorKind::NotAPack => {
            "rangepack reads its own packs, CTNRv1 containers and .fpack files; a pack that was cut \
             short has lost its index, which is at its end; a container that was never finished \
             needs `rangepack finalize`, or --index FILE; an .idx beside it counts when it names something"
        }
        ErrorKind::Unsupported => "a newer rangepack made it; a newer one is needed to read it",
        ErrorKind::Corrupt => {
            "the file was changed or cut short; restore it from a copy; `rangepack verify` finds out what is damaged, \
             `rangepack recover` saves the rest"
        }
        ErrorKind::OverLimit => {
            "limits keep a stranger's file from filling memory; this command has none higher, programs raise them: `Limits` of the library"
        }
        ErrorKind::WrongPack => "`rangepack info` shows the root digest of the pack that is there",
        ErrorKind::BadQuestion => "paths inside a pack are relative and hold no `..`",
        _ => return None,
    })
}

fn advice_on_format(format: OtherFormat) -> &'static str {
    match format {
        OtherFormat::Tar => {
            "`rangepack index FILE` makes an index beside it, by which it is read where it lies; `rangepack pack FILE OUT` packs what \
             is in it. A pack that was cut short may look like its first file: `rangepack recover` saves what is left of it"
        }
        OtherFormat::Zip => {
            "`rangepack index FILE` makes an index beside it, by which it is read where it lies; `rangepack pack FILE OUT` packs what \
             is in it. A pack that was cut short may look like its first file: `rangepack recover` saves what is left of it"
        }
        OtherFormat::SevenZip => {
            "`7z l` lists it; unpack it with `7z x`, then `rangepack pack DIR OUT`"
        }
        OtherFormat::Squashfs => {
            "`unsquashfs -l` lists it; unpack it with `unsquashfs`, then `rangepack pack DIR OUT`"
        }
        OtherFormat::Gzip => {
            "`gzip -d` unpacks it: what is inside may be a pack, or a tar archive, which `rangepack pack FILE OUT` packs. Packs \
             compress each file: `rangepack pack --compress`. A pack that was cut short may look like its first file: `rangepack \
             recover` saves what is left of it"
        }
        OtherFormat::Zstd => {
            "`zstd -d` unpacks it: what is inside may be a pack, or a tar archive, which `rangepack pack FILE OUT` packs"
        }
        OtherFormat::Xz => "`xz -d` unpacks it: what is inside may be a pack, or a tar archive",
        OtherFormat::Bzip2 => {
            "`bzip2 -d` unpacks it: what is inside may be a pack, or a tar archive"
        }
        _ => "its own programs read it",
    }
}

fn advice_on_remote(problem: &RemoteProblem) -> Option<&'static str> {
    Some(match problem {
        RemoteProblem::NotFound(_) => "look at the URL: host, bucket and path must be exact",
        RemoteProblem::NoBucket => "look at its name, or make it first",
        RemoteProblem::Denied(_) => {
            "credentials come from the environment: AWS_*, GOOGLE_* or AZURE_*; public buckets of S3 want \
             AWS_SKIP_SIGNATURE=true"
        }
        RemoteProblem::Status(_) => "try again later; the server's log knows more",
        RemoteProblem::Connect(_) => {
            "look at the name of the host, at the network, and at HTTPS_PROXY if you need one"
        }
        RemoteProblem::Timeout(_) => "try again later, or from a place nearer to the server",
        RemoteProblem::Changed => {
            "start again, to read the new one; `extract --skip-existing` keeps what is there"
        }
        RemoteProblem::NoRanges(_) => {
            "download it and read it here, or serve it with a server that knows range requests, \
             as nginx, Apache, Caddy and all object stores do"
        }
        RemoteProblem::BadAnswer(_) => {
            "a proxy on the way may be at fault; `curl -r 0-99 -v URL` shows what comes"
        }
        RemoteProblem::NotBuilt => "install it with `cargo install --path packer/command`",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rangepack_core::Digest;

    fn io(kind: io::ErrorKind) -> Error {
        Error::Io { action: rangepack::Action::Open, path: "a.pack".into(), source: kind.into() }
    }

    #[test]
    fn exit_codes() {
        let exit = |error: Error| Failure::from(error).exit();
        let pack = |source| Error::Pack { pack: "a.pack".into(), source: Box::new(source) };
        assert_eq!(exit(pack(rangepack_core::Error::NotAPack { file_len: 1 })), Exit::Bad);
        assert_eq!(exit(io(io::ErrorKind::NotFound)), Exit::Trouble);
        assert_eq!(exit(Error::Cancelled { at: "a.pack".into() }), Exit::Interrupted);
        let (pack, entry) = ("a.pack".into(), "x".into());
        assert_eq!(exit(Error::NoEntry { pack, entry }), Exit::Bad);
        let (path, problem) = ("a.idx".into(), ContainerProblem::Locked);
        assert_eq!(exit(Error::Container { path, problem }), Exit::Trouble);
        assert_eq!(exit(Error::Exists { path: "a.pack".into() }), Exit::Trouble);
        assert_eq!(exit(Error::SameFile { path: "a.pack".into() }), Exit::Trouble);
        let url = rangepack::Url::parse("http://h/a.pack").unwrap();
        let problem = RemoteProblem::NotFound(404);
        assert_eq!(exit(Error::Remote { url, problem }), Exit::Trouble);
        let output = |kind: io::ErrorKind| Failure::from(io::Error::from(kind)).exit();
        assert_eq!(output(io::ErrorKind::BrokenPipe), Exit::Fine);
        assert_eq!(output(io::ErrorKind::StorageFull), Exit::Trouble);
    }

    #[test]
    fn advice_fits_the_error() {
        let of = |source| {
            let error = Error::Pack { pack: "a.pack".into(), source: Box::new(source) };
            advice(&error).unwrap_or("")
        };
        assert!(of(rangepack_core::Error::NotAPack { file_len: 1 }).contains("finalize"));
        let (expected, found) = (Digest([1; 32]), Digest([2; 32]));
        assert!(of(rangepack_core::Error::WrongRoot { expected, found }).contains("info"));
        assert!(of(rangepack_core::Error::BadDeflate { decoded: 1 }).contains("verify"));
        assert_eq!(advice(&io(io::ErrorKind::NotFound)), None);
        let of = |problem| {
            advice(&Error::Container { path: "c".into(), problem }).unwrap_or("").to_owned()
        };
        let (index, container) = ("c.idx".into(), "c".into());
        assert!(of(ContainerProblem::IndexMissing { index, len: 1 }).contains("--index"));
        assert!(of(ContainerProblem::Differs { container, end: 1 }).contains("move it away"));
        assert!(of(ContainerProblem::Empty { bytes: 1 }).contains("nothing was changed"));
    }
}
