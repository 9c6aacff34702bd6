//! Brings the servers against which remote reading is tested. Without them those tests are skipped.

use crate::run;
use anyhow::Result;
use std::path::Path;

/// A server that speaks S3. Later versions need a later compiler than the workspace.
const S3: &str = "s3s-fs@0.14.1";

/// Installs what is missing, as far as that is possible here, and tells what is not.
pub(crate) fn need() -> Result<()> {
    let places = ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx"];
    if !places.iter().any(|place| Path::new(place).is_file()) && !install_nginx() {
        println!("nginx is missing: its test will be skipped; `apt-get install nginx-light`");
    }
    let tools = run::target_folder()?.join("tools");
    let s3 = tools.join(format!("bin/s3s-fs{}", std::env::consts::EXE_SUFFIX));
    if !s3.is_file() {
        // Without optimisation it is there in a minute or two, and fast enough.
        let mut install =
            run::cargo(["install", S3, "--features", "binary", "--debug", "--locked"]);
        if run::run(install.arg("--root").arg(tools)).is_err() {
            println!("{S3} cannot be installed: its test will be skipped");
        }
    }
    Ok(())
}

/// Only root may, and only Debian and its like have apt-get.
fn install_nginx() -> bool {
    let is_root = run::output(&mut run::command("id", ["-u"])).is_ok_and(|id| id == "0");
    if !is_root || !run::succeeds(&mut run::command("apt-get", ["--version"])) {
        return false;
    }
    let apt = |words: &[&str]| {
        let mut command = run::command("apt-get", words);
        // Nothing is asked, and the server that comes with the system is not started.
        run::run(command.env("DEBIAN_FRONTEND", "noninteractive").env("RUNLEVEL", "1")).is_ok()
    };
    apt(&["update", "-q"]) && apt(&["install", "-qy", "--no-install-recommends", "nginx-light"])
}
