//! The documentation as a site, by mdBook.
//!
//! The pages are those of the repository, where each lies beside what it tells of. They are gathered here with the same
//! folders; links from one to another stay, and those to other files lead to the repository's page.

use super::Made;
use super::links::{self, Target};
use super::place::Place;
use crate::{run, toolchain};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What makes the book. Later versions may need a later compiler than the workspace.
const TOOL: &str = "mdbook@0.5.4";

/// Which pages there are, in order.
const SUMMARY: &str = "docs/SUMMARY.md";

/// Gathers the pages, and builds and checks the book.
pub(super) fn make(place: &Place) -> Result<Made> {
    let source = place.empty("book")?;
    gather(place, &source)?;
    let tool = match toolchain::need_tool("mdbook", TOOL, &["--features", "search"]) {
        Ok(tool) => tool,
        Err(error) => return Ok(Made::Skipped(format!("{error:#}"))),
    };
    let out = place.out.join("book");
    run::run(run::command(tool, ["build", "--dest-dir"]).arg(&out).arg(&source))?;
    links::check(&out)?;
    Ok(Made::Files(vec![out]))
}

/// Whether each page became one, with its title.
pub(super) fn try_out(_: &Place, files: &[PathBuf]) -> Result<()> {
    let book = files.first().context("there is a book")?;
    for page in pages(&fs::read_to_string(run::root().join(SUMMARY))?)? {
        let built = book.join(in_book(&page)).with_extension("html");
        let text = fs::read_to_string(&built)
            .with_context(|| format!("{page} is not in the book: no {}", built.display()))?;
        anyhow::ensure!(text.contains("<h1"), "{} has no title", built.display());
    }
    Ok(())
}

/// The pages of a summary that lies in `docs`, as paths from the root.
fn pages(summary: &str) -> Result<Vec<String>> {
    let mut pages = Vec::new();
    links::changed(summary, |link| {
        if let Target::Inside(path, _) = links::target("docs", link)? {
            pages.push(path);
        }
        Ok(String::new())
    })?;
    Ok(pages)
}

/// Where a page of the repository lies in the book: those of folders are what a server shows for the folder.
fn in_book(page: &str) -> String {
    match page.strip_suffix("README.md") {
        Some(folder) => format!("{folder}index.md"),
        None => page.to_owned(),
    }
}

fn gather(place: &Place, book: &Path) -> Result<()> {
    let root = run::root();
    let read = |path: &str| {
        fs::read_to_string(root.join(path)).with_context(|| format!("cannot read {path}"))
    };
    let repository = place.metadata.packages.first().and_then(|package| package.repository.clone());
    let repository = repository.context("the manifests name no repository")?;
    let summary = read(SUMMARY)?;
    let all: BTreeSet<String> = pages(&summary)?.into_iter().collect();
    let mut pictures = BTreeSet::new();
    let mut moved = |from: &str, to: &str, link: &str| -> Result<String> {
        let Target::Inside(path, rest) = links::target(from, link)? else {
            return Ok(link.to_owned());
        };
        if all.contains(&path) {
            return Ok(links::way(to, &in_book(&path)) + &rest);
        }
        let file = root.join(&path);
        if file.is_dir() {
            return Ok(format!("{repository}/tree/main/{path}{rest}"));
        }
        if !file.is_file() {
            bail!("{link} leads to {path}, which is not there");
        }
        if !path.ends_with(".png") && !path.ends_with(".svg") {
            return Ok(format!("{repository}/blob/main/{path}{rest}"));
        }
        let way = links::way(to, &path);
        pictures.insert(path);
        Ok(way)
    };

    let mut put = |page: &str, to: &str| -> Result<()> {
        let text = links::changed(&read(page)?, |link| {
            moved(links::folder(page), links::folder(to), link)
        });
        let text = text.with_context(|| format!("on the page {page}"))?;
        let to = book.join("src").join(to);
        fs::create_dir_all(to.parent().context("it lies in a folder")?)?;
        Ok(fs::write(to, text)?)
    };
    for page in &all {
        put(page, &in_book(page))?;
    }
    put(SUMMARY, "SUMMARY.md")?;
    for picture in pictures {
        let to = book.join("src").join(&picture);
        fs::create_dir_all(to.parent().context("it lies in a folder")?)?;
        fs::copy(root.join(picture), to)?;
    }
    fs::copy(root.join("docs/book.toml"), book.join("book.toml"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_those_of_the_summary() {
        let summary = "# Summary\n\n[Start](../README.md)\n- [Other](other.md)\n";
        assert_eq!(pages(summary).unwrap(), ["README.md", "docs/other.md"]);
        assert_eq!(in_book("web/reader/README.md"), "web/reader/index.md");
        assert_eq!(in_book("README.md"), "index.md");
        assert_eq!(in_book("docs/other.md"), "docs/other.md");
    }
}
