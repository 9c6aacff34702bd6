//! Packs a sample tree and reads it back, as a user would; then shows it.

use crate::{node, run, sample, viewer, wasm};
use anyhow::{Context, Result, bail};
use cargo_metadata::Message;
use std::fs;
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// What `cargo xtask demo` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Do not end by serving the sample; for scripts
    #[arg(long)]
    no_serve: bool,
    /// Try the release build as users have it, which takes several times as long to compile
    #[arg(long)]
    release: bool,
}

/// How the command is soonest there: a few files need no optimisation; and nothing here lies at URLs, which half of what would be
/// compiled is for.
const QUICK: [&str; 10] = [
    "--quiet",
    "--no-default-features",
    "--features",
    "serve",
    "--config",
    "profile.dev.opt-level=0",
    "--config",
    "profile.dev.package.zstd-sys.opt-level=0",
    "--config",
    "profile.dev.debug=false",
];

/// Every command line of the demo is shown, and its exit code and answer checked.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let program = if arguments.release {
        // It has the viewer inside, which so comes first.
        viewer(arguments)?;
        build()?
    } else {
        // And npm waits for the network while the compiler does not.
        thread::scope(|scope| {
            let building = scope.spawn(|| compile(&QUICK));
            viewer(arguments)?;
            building.join().expect("building does not panic")
        })?
    };
    try_out(arguments, program)
}

/// Builds the viewer, where that can be and it is wanted.
fn viewer(arguments: &Arguments) -> Result<()> {
    if arguments.no_serve {
        println!("The viewer is not needed: nothing will be served.");
    } else if node::is_there() {
        let wasm = wasm::Arguments { quick: !arguments.release };
        viewer::run(&wasm)?;
    } else if viewer::is_built() {
        println!(
            "The viewer is the one that was built last: to build it anew, install Node {} or later.",
            node::OLDEST
        );
    } else {
        println!("The viewer is left out: to build it, install Node {} or later.", node::OLDEST);
    }
    Ok(())
}

fn try_out(arguments: &Arguments, program: PathBuf) -> Result<()> {
    let folder = run::target_folder()?.join("demo");
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    let source = folder.join("sample");
    sample::write(&source).with_context(|| format!("cannot write {}", source.display()))?;
    println!("\nA sample tree, in {}", folder.display());

    let shell = Shell { program, folder };
    shell.answers(0, &["pack", "sample", "sample.pack"])?;
    shell.answers(0, &["pack", "sample", "small.pack", "--compress"])?;
    shell.answers(0, &["ls", "-l", "sample.pack"])?;
    shell.answers(0, &["ls", "-R", "-l", "sample.pack"])?;
    shell.answers(0, &["ls", "-l", "sample.pack", "notes"])?;
    for pack in ["sample.pack", "small.pack"] {
        shell.gives_back(pack, &[sample::NOTE, sample::DEEP])?;
        shell.gives_back(pack, &[sample::BOOK])?;
        shell.gives_back(pack, &[sample::TABLE])?;
        shell.gives_back(pack, &[sample::NOISE])?;
        shell.gives_back(pack, &[sample::PICTURE])?;
        shell.answers(0, &["verify", pack])?;
        shell.answers(0, &["info", pack])?;
    }

    println!("\nOne byte of a copy is changed; verify has to find it (exit code 1):");
    spoil(&shell.folder.join("sample.pack"), &shell.folder.join("spoilt.pack"))?;
    shell.answers(1, &["verify", "spoilt.pack"])?;

    println!("\ndemo: every answer was right; the files stay in {}", shell.folder.display());
    if arguments.no_serve { Ok(()) } else { shell.serve() }
}

/// Builds the command as users have it, and asks cargo where it put it.
pub(crate) fn build() -> Result<PathBuf> {
    compile(&["--release"])
}

/// Builds it in this way, without its tests, and asks cargo where it put it.
pub(crate) fn compile(how: &[&str]) -> Result<PathBuf> {
    let mut command = run::cargo(["build", "--locked", "--package", "rangepack-cli"]);
    command.args(["--bin", "rangepack"]).args(how);
    println!("$ {}", run::shown(&command));
    let mut child = command
        .arg("--message-format=json-render-diagnostics")
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let mut program = None;
    if let Some(output) = child.stdout.take() {
        for message in Message::parse_stream(BufReader::new(output)) {
            if let Message::CompilerArtifact(artifact) = message?
                && let Some(path) = artifact.executable
            {
                program = Some(path.into_std_path_buf());
            }
        }
    }
    if !child.wait()?.success() {
        bail!("the rangepack command does not build");
    }
    program.context("cargo built no rangepack command")
}

/// Copies a pack and changes the byte in its middle, which is one of the big text's.
fn spoil(pack: &Path, copy: &Path) -> Result<()> {
    let mut bytes = fs::read(pack).with_context(|| format!("cannot read {}", pack.display()))?;
    let middle = bytes.len() / 2;
    *bytes.get_mut(middle).context("the pack is empty")? ^= 1;
    fs::write(copy, bytes).with_context(|| format!("cannot write {}", copy.display()))
}

/// Where the commands run.
struct Shell {
    program: PathBuf,
    folder: PathBuf,
}

impl Shell {
    /// Runs a command that has to end with exit code `code`, and shows what it says.
    fn answers(&self, code: i32, arguments: &[&str]) -> Result<()> {
        let output = self.output(code, arguments)?;
        std::io::stdout().write_all(&output)?;
        Ok(())
    }

    /// Runs `cat`, which has to give back exactly the bytes of the sample's files.
    fn gives_back(&self, pack: &str, paths: &[&str]) -> Result<()> {
        /// What still fits on a screen.
        const SHORT: usize = 1000;

        let output = self.output(0, &[&["cat", pack], paths].concat())?;
        let mut expected = Vec::new();
        for path in paths {
            expected.extend(fs::read(self.folder.join("sample").join(path))?);
        }
        if output != expected {
            bail!("cat of {} gave other bytes than were packed", paths.join(" "));
        }
        if output.len() <= SHORT {
            std::io::stdout().write_all(&output)?;
        } else {
            println!("({} bytes, the same as were packed)", output.len());
        }
        Ok(())
    }

    /// Serves both packs at a port that is free, until it is interrupted. Where that is possible the server takes the
    /// place of this process, so that it ends with the demo, however that is ended.
    fn serve(&self) -> Result<()> {
        let mut command = Command::new(&self.program);
        command
            .args(["serve", "sample.pack", "small.pack", "--port", "0"])
            .current_dir(&self.folder);
        println!("\n$ {}", run::shown(&command));
        println!("Open this URL in a browser; Ctrl-C ends the demo.");
        #[cfg(unix)]
        {
            let error = std::os::unix::process::CommandExt::exec(&mut command);
            Err(error).with_context(|| format!("cannot start {}", self.program.display()))
        }
        #[cfg(not(unix))]
        run::run(&mut command)
    }

    fn output(&self, code: i32, arguments: &[&str]) -> Result<Vec<u8>> {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.folder);
        println!("\n$ {}", run::shown(&command));
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        if output.status.code() != Some(code) {
            std::io::stdout().write_all(&output.stdout)?;
            bail!("`{}`: {}, not {code}", run::shown(&command), output.status);
        }
        Ok(output.stdout)
    }
}
