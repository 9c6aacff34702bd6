//! Rust in the browser: the page of `examples/web`, and the tests of `rangepack_wasm::web` in Chromium.

use crate::{demo, node, run, toolchain, wasm};
use anyhow::Result;
use std::fs;
use std::path::{Path, PathBuf};

/// What `cargo xtask page` is asked for.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run the tests of Rust in the browser instead, as the step `web` does
    #[arg(long)]
    test: bool,
}

/// What the page shows.
const SAMPLE: &str = "packer/examples/sample";

/// Runs tests in browsers. It has the version of wasm-bindgen in the lock file.
const RUNNER: &str = "wasm-bindgen-cli@0.2.106";

/// Builds the page, and says how to look at it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.test {
        return test(&run::built_command()?);
    }
    let folder = build(&demo::compile(&[])?)?;
    println!(
        "The page is in {}. Serve it by ranges, for example:\n  \
         node web/reader/test/range-server.js {0} 8080     # http://127.0.0.1:8080/index.html",
        folder.display()
    );
    Ok(())
}

/// Builds the page into a folder that can be served as it is; `command` packs the sample.
fn build(command: &Path) -> Result<PathBuf> {
    toolchain::need_target(wasm::TARGET)?;
    let profile = ["build", "--locked", "--package", "rangepack-example-web", "--profile", "wasm"];
    run::run(run::cargo(profile).args(["--target", wasm::TARGET]))?;
    let target = run::target_folder()?;
    let folder = target.join("page");
    let _ = fs::remove_dir_all(&folder);
    let built = target.join(wasm::TARGET).join("wasm/rangepack_example_web.wasm");
    wasm::bind(&built, "page", &folder)?;
    fs::copy(run::root().join("examples/web/index.html"), folder.join("index.html"))?;
    run::run(run::command(command, ["pack", SAMPLE]).arg(folder.join("sample.pack")))?;
    Ok(folder)
}

/// The tests of `rangepack_wasm::web`, and that the page shows what it is to show; `command` packs and serves.
pub(crate) fn test(command: &Path) -> Result<()> {
    toolchain::need_target(wasm::TARGET)?;
    toolchain::need_program("chromium", "chromium")?;
    toolchain::need_program("chromedriver", "chromium-driver")?;
    node::install()?;
    let features = ["--package", "rangepack-wasm", "--no-default-features", "--features", "web"];
    let warnings = ["--all-targets", "--target", wasm::TARGET, "--", "-D", "warnings"];
    run::run(run::cargo(["clippy", "--locked"]).args(features).args(warnings))?;
    let doc = run::cargo(["doc", "--no-deps", "--locked"]);
    run::run({ doc }.args(features).env("RUSTDOCFLAGS", "-D warnings"))?;
    // What needs no browser: headers, pauses, and that the documentation compiles.
    run::run(run::cargo(["test", "--locked"]).args(features))?;

    let runner = runner()?;
    let mut serve =
        run::command("node", ["reader-wasm/tests/serve.js", "cargo", "test", "--locked"]);
    serve.args(features).args(["--target", wasm::TARGET, "--test", "web"]);
    serve.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", runner);
    serve.env("RANGEPACK", command);
    // No test waits for time to pass; this is for machines that have other things to do.
    serve.env("CHROMEDRIVER", "chromedriver").env("WASM_BINDGEN_TEST_TIMEOUT", "600");
    serve.env("WASM_BINDGEN_TEST_DRIVER_TIMEOUT", "120");
    run::run(&mut serve)?;

    let page = run::command("node", ["--test", "reader-wasm/tests/page.test.js"]);
    run::run({ page }.env("RANGEPACK_PAGE", build(command)?))
}

/// Brings the program that runs tests in browsers. It talks to drivers on this machine, and needs no TLS for that.
fn runner() -> Result<PathBuf> {
    let tools = run::target_folder()?.join("tools");
    let name = format!("wasm-bindgen-test-runner{}", std::env::consts::EXE_SUFFIX);
    let runner = tools.join("bin").join(name);
    let (package, version) = RUNNER.split_once('@').unwrap_or((RUNNER, ""));
    let is_right = || {
        run::output(&mut run::command(&runner, ["--version"]))
            .is_ok_and(|said| said.ends_with(version))
    };
    if !runner.is_file() || !is_right() {
        let mut install = run::cargo(["install", package, "--version", version, "--locked"]);
        install.args(["--force", "--no-default-features", "--bin", "wasm-bindgen-test-runner"]);
        run::run(toolchain::in_haste(&mut install).arg("--root").arg(&tools))?;
    }
    Ok(runner)
}
