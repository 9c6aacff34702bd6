//! What docs/cluster.md tells to do, done.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// The code of the page, in the order in which it stands there.
fn blocks() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cluster.md");
    let page = fs::read_to_string(page).unwrap();
    let blocks = page.split("```bash\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().to_owned()).collect()
}

fn write_program(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn tasks_of_an_array_pack_a_tree_that_one_pack_holds() {
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    for directory in ["a", "b/c"] {
        fs::create_dir_all(at("source").join(directory)).unwrap();
        for number in 0..60 {
            let path = at("source").join(directory).join(format!("file {number}\n"));
            fs::write(path, format!("{directory} {number}")).unwrap();
        }
    }
    let [task, by_hand] = blocks().try_into().unwrap();
    assert!(task.contains("--array=0-15") && by_hand.contains("-n 16"));
    fs::write(at("pack.sbatch"), task).unwrap();
    // What stands in for Slurm runs the tasks of the array one after the other.
    fs::create_dir(at("bin")).unwrap();
    write_program(
        &at("bin/sbatch"),
        "#!/bin/bash\nset -e\nfor task in $(seq 0 15); do SLURM_ARRAY_TASK_ID=$task bash \"$2\"; done\n",
    );
    let program = Path::new(env!("CARGO_BIN_EXE_rangepack"));
    std::os::unix::fs::symlink(program, at("bin/rangepack")).unwrap();
    let by_hand = by_hand.replace("/data/photos", "source");
    let run = |script: &str| {
        let path = format!("{}:{}", at("bin").display(), std::env::var("PATH").unwrap());
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", script]).current_dir(home.path()).env("PATH", path);
        let output = bash.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    run(&by_hand);
    run("rangepack verify -q photos.pack && rangepack diff photos.pack source");
    // A task that is started again makes its part anew only if that is not sound.
    let made = |name: &str| fs::metadata(at("parts").join(name)).unwrap().modified().unwrap();
    let before = (made("part-003.pack"), made("part-004.pack"));
    let mut damaged = fs::read(at("parts/part-004.pack")).unwrap();
    damaged[0] ^= 1;
    fs::write(at("parts/part-004.pack"), damaged).unwrap();
    run("export SRC=source; sbatch --wait pack.sbatch");
    assert_eq!(made("part-003.pack"), before.0);
    run("rangepack verify -q photos.pack && rangepack diff photos.pack source");
}
