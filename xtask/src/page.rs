//! Rust in the browser: the page of `examples/web`, and the tests of `rangepack_wasm::web` in Chromium.

use crate::{demo, node, run, toolchain, wasm};
use anyhow::{Context, Result};
use cargo_metadata::Message;
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

/// Builds the page, and says how to look at it.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.test {
        return test(&run::built_command()?);
    }
    let folder = build(&demo::compile(&[])?, "wasm")?;
    println!(
        "The page is in {}. Serve it by ranges, for example:\n  \
         node web/reader/test/range-server.js {0} 8080     # http://127.0.0.1:8080/index.html",
        folder.display()
    );
    Ok(())
}

/// Builds the page with this profile into a folder that can be served as it is; `command` packs the sample.
fn build(command: &Path, profile: &str) -> Result<PathBuf> {
    toolchain::need_target(wasm::TARGET)?;
    let package = ["build", "--locked", "--package", "rangepack-example-web"];
    run::run(run::cargo(package).args(["--profile", profile, "--target", wasm::TARGET]))?;
    let target = run::target_folder()?;
    let folder = target.join("page");
    let _ = fs::remove_dir_all(&folder);
    // Cargo keeps what it builds for development below another name than that of the profile.
    let below = if profile == "dev" { "debug" } else { profile };
    let built = target.join(wasm::TARGET).join(below).join("rangepack_example_web.wasm");
    wasm::bind(&built, "page", &folder)?;
    fs::copy(run::root().join("examples/web/index.html"), folder.join("index.html"))?;
    run::run(run::command(command, ["pack", SAMPLE]).arg(folder.join("sample.pack")))?;
    Ok(folder)
}

/// The tests of `rangepack_wasm::web`, and that the page shows what it is to show; `command` packs and serves.
pub(crate) fn test(command: &Path) -> Result<()> {
    toolchain::need_target(wasm::TARGET)?;
    toolchain::need_program("chromium", "chromium")?;
    node::install()?;
    let features = ["--package", "rangepack-wasm", "--no-default-features", "--features", "web"];
    let warnings = ["--all-targets", "--target", wasm::TARGET, "--", "-D", "warnings"];
    run::run(run::cargo(["clippy", "--locked"]).args(features).args(warnings))?;
    let doc = run::cargo(["doc", "--no-deps", "--locked"]);
    run::run({ doc }.args(features).env("RUSTDOCFLAGS", "-D warnings"))?;
    // What needs no browser: headers, pauses, and that the documentation compiles.
    run::run(run::cargo(["test", "--locked"]).args(features))?;

    let tests = run::target_folder()?.join("web-tests");
    let _ = fs::remove_dir_all(&tests);
    wasm::bind(&built_tests(&features)?, "web", &tests)?;
    let files = ["reader-wasm/tests/web.test.js", "reader-wasm/tests/page.test.js"];
    let limits = ["--test", "--test-concurrency=1", "--test-timeout=1800000"];
    let mut test = run::command("node", limits);
    test.args(files).env("RANGEPACK", command).env("RANGEPACK_WEB_TESTS", tests);
    run::run(test.env("RANGEPACK_PAGE", build(command, "dev")?))
}

/// The module that exports the tests.
fn built_tests(features: &[&str]) -> Result<PathBuf> {
    let mut build =
        run::cargo(["test", "--locked", "--no-run", "--message-format", "json-render-diagnostics"]);
    build.args(features).args(["--target", wasm::TARGET, "--test", "web"]);
    let said = run::output(&mut build)?;
    let module = Message::parse_stream(said.as_bytes()).find_map(|message| match message {
        Ok(Message::CompilerArtifact(artifact)) => artifact.executable,
        _ => None,
    });
    Ok(module.context("cargo names no module with the tests")?.into_std_path_buf())
}
