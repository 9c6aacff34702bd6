//! Starts commands, and knows where the repository is.

use anyhow::{Context, Result, bail};
use cargo_metadata::MetadataCommand;
use std::env;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

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

/// The command `rangepack`, built as the tests build it: after them there is nothing to compile, and the same with other features
/// would take minutes.
pub(crate) fn built_command() -> Result<PathBuf> {
    run(&mut cargo(["test", "--workspace", "--locked", "--no-run", "--quiet"]))?;
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
    // What cargo tells this program of itself. A build script that looks at it (ring's does) would run anew, and all that
    // stands on it be compiled anew, whenever cargo is started now by hand and now from here.
    let told = env::vars_os().map(|(name, _)| name);
    for name in told.filter(|name| is_about_this_package(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
}

fn is_about_this_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

/// Commands that take as long are told of when they end: who looks for time looks there.
const LONG: Duration = Duration::from_secs(10);

/// Shows the command line, runs it with this program's own output, and fails unless it exits with 0.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    let start = Instant::now();
    let status =
        command.status().with_context(|| format!("cannot start `{}`", program_name(command)))?;
    let took = start.elapsed();
    if took >= LONG {
        println!("… {:.0} s: {}", took.as_secs_f64(), shown(command));
    }
    if !status.success() {
        bail!("`{}` failed ({status})", shown(command));
    }
    Ok(())
}

/// As [`run`], but what the command says is shown only when it fails: for commands that run side by side.
pub(crate) fn quietly(command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    said(command).map(drop)
}

/// Runs both at once; what the second says is shown when both have ended.
pub(crate) fn both(first: &mut Command, second: &mut Command) -> Result<()> {
    println!("$ {}    # at the same time", shown(second));
    thread::scope(|scope| {
        let beside = scope.spawn(|| said(second));
        let outcome = run(first);
        println!("{}", beside.join().expect("this does not panic")?);
        outcome
    })
}

/// What a successful command says on both of its streams.
fn said(command: &mut Command) -> Result<String> {
    let output =
        command.output().with_context(|| format!("cannot start `{}`", program_name(command)))?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    if !output.status.success() {
        bail!("`{}` failed ({}):\n{text}", shown(command), output.status);
    }
    Ok(text.into_owned())
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
    fn cargo_is_not_told_of_this_package() {
        let command = cargo(["build"]);
        let removed: Vec<_> =
            command.get_envs().filter(|(_, value)| value.is_none()).map(|(name, _)| name).collect();
        assert!(removed.contains(&OsStr::new("CARGO_MANIFEST_DIR")), "{removed:?}");
        assert!(removed.contains(&OsStr::new("CARGO_PKG_NAME")), "{removed:?}");
    }

    #[test]
    fn failures_are_told_apart_from_success() {
        assert!(succeeds(&mut cargo(["--version"])));
        assert!(!succeeds(&mut cargo(["no-such-command"])));
        assert!(!succeeds(&mut command("no-such-program", [""; 0])));
        assert!(output(&mut cargo(["--version"])).unwrap().starts_with("cargo "));
        let error = run(&mut command("no-such-program", [""; 0])).unwrap_err();
        assert_eq!(error.to_string(), "cannot start `no-such-program`");
        quietly(&mut cargo(["--version"])).unwrap();
        let error = quietly(&mut cargo(["no-such-command"])).unwrap_err();
        assert!(error.to_string().contains("no such command"), "{error}");
        let [good, bad] = ["--version", "no-such-command"];
        both(&mut cargo([good]), &mut cargo([good])).unwrap();
        both(&mut cargo([good]), &mut cargo([bad])).unwrap_err();
        both(&mut cargo([bad]), &mut cargo([good])).unwrap_err();
    }
}
