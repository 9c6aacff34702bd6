//! The Python package: built, checked and tested in an environment of its own below `target/`.

use crate::outcome::Outcome;
use crate::{notices, run};
use anyhow::{Context, Result, bail};
use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest Python that the package supports, as `(major, minor)`.
const OLDEST: (u32, u32) = (3, 10);

/// The oldest C library that the wheel runs with, in the words of Python's packagers.
const OLDEST_LINUX: &str = "manylinux_2_28";

/// What only the wheel takes: zig links it for older systems, auditwheel looks whether that came out.
const FOR_WHEELS: [&str; 2] = ["ziglang==0.17.1", "auditwheel==6.8.2"];

/// What reading is timed beside.
const PEERS: [&str; 3] = ["lmdb", "array_record", "webdataset"];

/// What `cargo xtask python` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Build the wheel and the source archive into target/wheels, and try each in an empty environment
    #[arg(long)]
    wheel: bool,
}

/// Tests the package, or makes what is published.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.wheel {
        return wheel();
    }
    match check()? {
        Outcome::Passed => Ok(()),
        Outcome::Skipped(reason) => bail!(reason),
    }
}

/// Style, types and tests.
pub(crate) fn check() -> Result<Outcome> {
    let tools = match tools() {
        Ok(tools) => tools,
        Err(error) => return Ok(Outcome::Skipped(format!("{error:#}"))),
    };
    // Without optimisation, and as the tests of the workspace build it.
    run::run(&mut tools.command("maturin", ["develop", "--locked", "--quiet"]))?;
    run::run(&mut tools.command("ruff", ["check", "."]))?;
    run::run(&mut tools.command("ruff", ["format", "--check", "."]))?;
    run::run(&mut tools.command("mypy", ["rangepack", "tests", "examples"]))?;
    let python = tools.program("python");
    let mut types = tools.command("pyright", ["--warnings", "rangepack", "examples"]);
    run::run(types.arg("--pythonpath").arg(python))?;
    let stubs = ["-m", "mypy.stubtest", "rangepack", "--allowlist", "stubtest.txt"];
    let mut stubs = tools.command("python", stubs);
    run::run(stubs.args(["--mypy-config-file", "pyproject.toml"]))?;
    run::run(&mut tools.command("python", ["-m", "pytest", "-q"]))?;
    Ok(Outcome::Passed)
}

/// Makes the wheel and the source archive; installs and tries both.
fn wheel() -> Result<()> {
    let out = run::target_folder()?.join("wheels");
    build_wheel(&out, false, None)?;
    let tools = tools()?;
    for built in fs::read_dir(&out)? {
        let built = built?.path();
        if built.extension().is_some_and(|ending| ending == "whl") {
            run::run(tools.command("auditwheel", ["show"]).arg(&built))?;
        }
        let clean = Environment::new(run::target_folder()?.join("python-clean"))?;
        run::run(clean.command("python", ["-m", "pip", "install", "--quiet"]).arg(&built))?;
        let tried =
            "import doctest, rangepack; print(rangepack.__version__, doctest.testmod(rangepack))";
        run::run(clean.command("python", ["-c", tried]).current_dir(env::temp_dir()))?;
        let size = fs::metadata(&built)?.len();
        println!("{}: {:.1} MB", built.display(), size as f64 / 1e6);
    }
    Ok(())
}

/// Makes both in place of what `out` holds: for old systems, or as fast as can be for this one. What has a time in them has
/// this one, in seconds since 1970.
pub(crate) fn build_wheel(out: &Path, is_dev: bool, time: Option<u64>) -> Result<()> {
    let tools = tools()?;
    if out.exists() {
        fs::remove_dir_all(out)?;
    }
    notices::write(notices::Into::Python, &package().join(notices::NAME))?;
    let maturin = |command| {
        let mut maturin = tools.command("maturin", [command, "--out"]);
        maturin.arg(out).envs(time.map(|time| ("SOURCE_DATE_EPOCH", time.to_string())));
        maturin
    };
    let mut build = maturin("build");
    if is_dev {
        build.args(["--profile", "dev", "--compatibility", "linux"]);
    } else {
        run::run(tools.command("python", ["-m", "pip", "install", "--quiet"]).args(FOR_WHEELS))?;
        build.args(["--release", "--zig", "--compatibility", OLDEST_LINUX]);
        // It looks for zig in the path.
        build.env("PATH", tools.path()?);
    }
    run::run(build.arg("--locked"))?;
    run::run(&mut maturin("sdist"))
}

/// Whether there is a Python that the package can be built and tried with.
pub(crate) fn need() -> Result<()> {
    tools().map(drop)
}

/// The Python of a new environment that has this package and nothing else.
pub(crate) fn installed(package: &Path, folder: PathBuf) -> Result<Command> {
    let clean = Environment::new(folder)?;
    let install = ["-m", "pip", "install", "--quiet", "--no-index", "--no-deps"];
    run::run(clean.command("python", install).arg(package))?;
    Ok(clean.command("python", [""; 0]))
}

/// Times reading so many files, which lie below `home`, and returns what came of it.
pub(crate) fn bench(home: &Path, files: u64, rounds: usize) -> Result<String> {
    let tools = tools()?;
    run::run(tools.command("python", ["-m", "pip", "install", "--quiet"]).args(PEERS))?;
    run::run(&mut tools.command("maturin", ["develop", "--release", "--locked", "--quiet"]))?;
    let mut bench = tools.command("python", ["bench/reads.py"]);
    bench.arg(home).args(["--rounds", &rounds.to_string(), "--files", &files.to_string()]);
    run::output(&mut bench)
}

/// A virtual environment of Python.
struct Environment(PathBuf);

impl Environment {
    /// An empty one in place of what is there.
    fn new(folder: PathBuf) -> Result<Environment> {
        let python = interpreter()?;
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let made = run::run(run::command(python, ["-m", "venv"]).arg(&folder));
        made.context("on Debian `apt-get install python3-venv` brings what is missing")?;
        Ok(Environment(folder))
    }

    fn programs(&self) -> PathBuf {
        self.0.join(if cfg!(windows) { "Scripts" } else { "bin" })
    }

    fn program(&self, name: &str) -> PathBuf {
        self.programs().join(name)
    }

    /// The path with the environment in front.
    fn path(&self) -> Result<OsString> {
        let before = env::var_os("PATH").unwrap_or_default();
        let folders = [self.programs()].into_iter().chain(env::split_paths(&before));
        Ok(env::join_paths(folders)?)
    }

    /// A program of the environment, run in the package's folder.
    fn command<const N: usize>(&self, program: &str, arguments: [&str; N]) -> Command {
        let mut command = run::command(self.program(program), arguments);
        command.current_dir(package()).env("VIRTUAL_ENV", &self.0);
        command
    }
}

/// Where the package lies.
fn package() -> PathBuf {
    run::root().join("python")
}

/// The environment with all that `python/requirements.txt` names.
fn tools() -> Result<Environment> {
    let folder = run::target_folder()?.join("python");
    let wanted = package().join("requirements.txt");
    // Written when all is there.
    let installed = folder.join("installed.txt");
    let read = |path: &Path| fs::read(path).ok();
    if read(&installed) == read(&wanted) {
        return Ok(Environment(folder));
    }
    let tools = Environment::new(folder)?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
    let mut install = tools.command("python", install);
    // What is imported is compiled then; all of it takes half a minute.
    run::run(install.args(["--no-compile", "-r"]).arg(&wanted))?;
    fs::copy(&wanted, &installed)?;
    Ok(tools)
}

fn interpreter() -> Result<&'static str> {
    let asked = "import sys; print(*sys.version_info[:2])";
    let version = run::output(&mut run::command("python3", ["-c", asked]))?;
    let mut numbers = version.split(' ').map_while(|number| number.parse().ok());
    let found = numbers.next().zip(numbers.next());
    if found.is_none_or(|found: (u32, u32)| found < OLDEST) {
        bail!("Python {}.{} or later is needed, and this is {version}", OLDEST.0, OLDEST.1);
    }
    Ok("python3")
}
