//! Brings the servers against which remote reading is tested. Without them those tests are skipped.

use crate::{run, toolchain};
use anyhow::Result;

/// A server that speaks S3. Later versions need a later compiler than the workspace.
const S3: &str = "s3s-fs@0.14.1";

/// Installs what is missing, as far as that is possible here, and tells what is not.
pub(crate) fn need() -> Result<()> {
    if let Err(error) = toolchain::need_program("nginx", "nginx-light") {
        println!("{error:#}: its test will be skipped");
    }
    let tools = run::target_folder()?.join("tools");
    let s3 = tools.join(format!("bin/s3s-fs{}", std::env::consts::EXE_SUFFIX));
    if !s3.is_file() {
        let install = ["install", S3, "--features", "binary", "--locked"];
        if run::run(toolchain::in_haste(&mut run::cargo(install)).arg("--root").arg(tools)).is_err()
        {
            println!("{S3} cannot be installed: its test will be skipped");
        }
    }
    Ok(())
}
