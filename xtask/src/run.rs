//! Starts commands, and knows where the repository is.

use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the repository.
///
/// Asked of the environment first: the binary may have been built in another clone that shares
/// its target directory.
pub(crate) fn root() -> PathBuf {
    let manifest = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| manifest.clone(), Path::to_path_buf)
}

/// Where cargo puts what it builds.
pub(crate) fn target_folder() -> Result<PathBuf> {
    let metadata = MetadataCommand::new().current_dir(root()).no_deps().exec()?;
    Ok(metadata.target_directory.into_std_path_buf())
}

/// The command `rangepack` as `cargo build` leaves it.
pub(crate) fn built_command() -> Result<PathBuf> {
    let name = format!("rangepack{}", env::consts::EXE_SUFFIX);
    Ok(target_folder()?.join("debug").join(name))
}

/// The cargo that started this program, at the repository's root.
pub(crate) fn cargo<I, S>(arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()), arguments)
}

/// `program` with `arguments`, at the repository's root.
pub(crate) fn command<I, S>(program: impl AsRef<OsStr>, arguments: I) -> Command
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root());
    // What cargo told this program of its own package. Build scripts look at it (ring's does): they would run again, and all
    // that stands on them be compiled again, whenever `cargo xtask` and plain cargo take turns.
    for (name, _) in env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// Shows the command line, runs it with this program's own output, and fails unless it exits with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    let status =
        command.status().with_context(|| format!("cannot start `{}`", program_name(command)))?;
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// Whether the command starts and exits with 0; says nothing.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// What a successful command printed, without white space at its ends.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("cannot start `{}`", program_name(command)))?;
    if !output.status.success() {
        bail!("`{}` failed ({})", shown(command), output.status);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The command line as one would type it: variables set for it, the program's bare name, arguments.
pub(crate) fn shown(command: &Command) -> String {
    let mut words: Vec<String> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_string_lossy(), value?.to_string_lossy())))
        .map(|(name, value)| format!("{name}={}", quoted(&value)))
        .collect();
    words.push(quoted(&program_name(command)));
    words.extend(command.get_args().map(|argument| quoted(&argument.to_string_lossy())));
    words.join(" ")
}

fn program_name(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program.file_stem().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
        assert!(manifest.contains("[workspace]"));
    }

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let mut command = command("/usr/bin/cargo", ["doc", "it's", ""]);
        command.env("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(shown(&command), r"RUSTDOCFLAGS='-D warnings' cargo doc 'it'\''s' ''");
    }

    #[test]
    fn commands_are_not_told_of_this_package() {
        let command = command("cargo", [""; 0]);
        let told = |wanted: &str| command.get_envs().any(|env| env == (OsStr::new(wanted), None));
        assert!(told("CARGO_MANIFEST_DIR") && told("CARGO_PKG_VERSION"));
    }

    #[test]
    fn failures_are_told_apart_from_success() {
        assert!(succeeds(&mut cargo(["--version"])));
        assert!(!succeeds(&mut cargo(["no-such-command"])));
        assert!(!succeeds(&mut command("no-such-program", [""; 0])));
        assert!(output(&mut cargo(["--version"])).unwrap().starts_with("cargo "));
        let error = run(&mut command("no-such-program", [""; 0])).unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-program`");
    }
}
