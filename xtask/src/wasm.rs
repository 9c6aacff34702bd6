//! Builds the WebAssembly reader into the npm package, and keeps it small.

use crate::{node, notices, run, toolchain};
use anyhow::{Context, Result, bail};
use base64::prelude::{BASE64_STANDARD, Engine};
use flate2::{Compression, write::GzEncoder};
use std::fs;
use std::io::Write;
use std::path::Path;
use std::thread;
use wasm_bindgen_cli_support::Bindgen;

/// What `cargo xtask wasm` is asked for, and `cargo xtask viewer`.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Arguments {
    /// Leave out wasm-opt: the modules are there in half the time, are longer, and do the same
    #[arg(long)]
    pub(crate) quick: bool,
}

/// Where the npm package keeps what is made here.
const FOLDER: &str = "web/reader/wasm";

/// The modules: one for packs, one that reads the old formats as well, one that reads zip archives, and one that decodes zstd for
/// any of them.
const MODULES: [Module; 4] = [
    Module { name: "rangepack", inline: "inline.js", features: "module", budget: 80 * 1000 },
    Module {
        name: "rangepack-legacy",
        inline: "inline-legacy.js",
        features: "legacy",
        budget: 170 * 1000,
    },
    Module { name: "rangepack-zip", inline: "inline-zip.js", features: "zip", budget: 150 * 1000 },
    Module {
        name: "rangepack-zstd",
        inline: "inline-zstd.js",
        features: "zstd",
        budget: 30 * 1000,
    },
];

struct Module {
    name: &'static str,
    /// The module as text in JavaScript, for `rangepack/inline`.
    inline: &'static str,
    features: &'static str,
    /// How long it may be for a browser that fetches it compressed, in bytes.
    budget: usize,
}

pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Compiles, makes the JavaScript side, optimises, and checks the budgets.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    toolchain::need_target(TARGET)?;
    node::install()?;
    let folder = &run::root().join(FOLDER);
    let _ = fs::remove_dir_all(folder);
    // wasm-opt runs on one processor: it works on one module while the next is compiled.
    thread::scope(|scope| {
        let mut finishing = Vec::new();
        for module in &MODULES {
            compile(module, folder)?;
            finishing.push(scope.spawn(move || finish(module, folder, arguments)));
        }
        finishing.into_iter().try_for_each(|one| one.join().expect("finishing does not panic"))
    })?;
    notices::write(notices::Into::WebAssembly, &folder.join(notices::NAME))
}

/// Whether all of them are there.
pub(crate) fn is_built() -> bool {
    let folder = run::root().join(FOLDER);
    MODULES.iter().all(|module| folder.join(format!("{}_bg.wasm", module.name)).is_file())
}

fn compile(module: &Module, folder: &Path) -> Result<()> {
    let profile = ["build", "--locked", "--package", "rangepack-wasm", "--profile", "wasm"];
    let features = ["--target", TARGET, "--no-default-features", "--features", module.features];
    run::run(run::cargo(profile).args(features))?;
    let built = run::target_folder()?.join(TARGET).join("wasm/rangepack_wasm.wasm");
    bind(&built, module.name, folder)
}

fn finish(module: &Module, folder: &Path, arguments: &Arguments) -> Result<()> {
    let (name, budget) = (module.name, module.budget);
    let file = folder.join(format!("{name}_bg.wasm"));
    if !arguments.quick {
        optimise(&file, &folder.join(format!("{name}.optimised")))?;
    }
    let bytes = fs::read(&file)?;
    let text = BASE64_STANDARD.encode(&bytes);
    fs::write(folder.join(module.inline), format!("export default '{text}';\n"))?;
    let compressed = compressed_len(&bytes)?;
    println!("{name}: {} bytes, {compressed} with gzip (at most {budget})", bytes.len());
    if compressed > budget && !arguments.quick {
        bail!("the module {name} is {compressed} bytes long with gzip; {budget} is the most");
    }
    Ok(())
}

fn optimise(file: &Path, optimised: &Path) -> Result<()> {
    let mut optimise = node::tool("wasm-opt");
    // Nothing lies in the first KiB of memory, where the stack would end.
    optimise.args([
        "-O3",
        "--converge",
        "--low-memory-unused",
        "--strip-debug",
        "--strip-producers",
    ]);
    run::run(optimise.args(FEATURES).arg(file).arg("-o").arg(optimised))?;
    fs::rename(optimised, file)?;
    Ok(())
}

/// Makes the JavaScript side of a module that was compiled.
pub(crate) fn bind(built: &Path, name: &str, folder: &Path) -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.input_path(built).web(true)?.typescript(true).out_name(name);
    bindgen.generate(folder).context("wasm-bindgen cannot process the module")
}

/// What the compiler uses by default, and every browser since 2021 knows.
const FEATURES: [&str; 5] = [
    "--enable-bulk-memory",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

fn compressed_len(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
