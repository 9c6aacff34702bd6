//! The help of every command, compared with `tests/snapshots/help`.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test -p rangepack-cli help_texts` writes them anew.

use std::fs;
use std::path::PathBuf;

fn render(command: clap::Command) -> String {
    let long = command.clone().term_width(100).render_long_help().to_string();
    let short = command.term_width(100).render_help().to_string();
    format!("$ {{-h}}\n{short}\n$ {{--help}}\n{long}")
        .lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n")
        + "\n"
}

#[test]
fn help_texts_are_as_they_were() {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/snapshots/help");
    let mut command = super::command();
    command.build();
    let mut texts = vec![("rangepack".to_owned(), render(command.clone()))];
    for subcommand in command.get_subcommands().filter(|command| command.get_name() != "help") {
        texts.push((subcommand.get_name().to_owned(), render(subcommand.clone())));
    }
    let update = std::env::var_os("UPDATE_SNAPSHOTS").is_some();
    for (name, text) in texts {
        let path = directory.join(format!("{name}.txt"));
        if update {
            fs::write(&path, &text).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, expected, "{name}: run with UPDATE_SNAPSHOTS=1 if this is meant");
    }
}
