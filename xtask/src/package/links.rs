//! Links between pages: in the repository, where they lead by folders, and in the book that is made of them.

use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where a link leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// Out of here, or within the page: it stays as it is.
    Elsewhere,
    /// A path from the repository's root, and what follows it (`#…`).
    Inside(String, String),
}

/// Where a link on a page in `folder` (from the root; empty for the root itself) leads.
pub(super) fn target(folder: &str, link: &str) -> Result<Target> {
    let is_address = link.split_once(':').is_some_and(|(scheme, _)| {
        scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    });
    if link.is_empty() || link.starts_with(['#', '/']) || is_address {
        return Ok(Target::Elsewhere);
    }
    let end = link.find(['#', '?']).unwrap_or(link.len());
    let (path, rest) = link.split_at(end);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop().with_context(|| format!("{link} leads out of here"))?),
            name => parts.push(name),
        }
    }
    Ok(Target::Inside(parts.join("/"), rest.to_owned()))
}

/// The way from a folder to a path, both from the root.
pub(super) fn way(folder: &str, path: &str) -> String {
    let from: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    let to: Vec<&str> = path.split('/').collect();
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    let up = from.iter().skip(common).map(|_| "..");
    up.chain(to.iter().skip(common).copied()).collect::<Vec<_>>().join("/")
}

/// The folder of a path.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// The text with each link of Markdown or HTML replaced by what `change` makes of it. Code is left alone.
pub(super) fn changed(
    text: &str,
    mut change: impl FnMut(&str) -> Result<String>,
) -> Result<String> {
    const BEGINNINGS: [(&str, char); 4] =
        [("](", ')'), ("href=\"", '"'), ("src=\"", '"'), ("srcset=\"", '"')];
    let mut out = String::with_capacity(text.len());
    let mut is_code = false;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        let next = |rest: &str| {
            let found = BEGINNINGS.iter().filter_map(|(beginning, end)| {
                Some((rest.find(beginning)? + beginning.len(), *end))
            });
            found.min().filter(|_| !is_code)
        };
        let mut rest = line;
        while let Some((start, end)) = next(rest) {
            let (before, after) = rest.split_at(start);
            let link = after.split(end).next().unwrap_or_default();
            out.push_str(before);
            // An odd number of them: it stands in code.
            let is_quoted = line[..line.len() - after.len()].matches('`').count() % 2 == 1;
            let is_link = !is_quoted && !link.contains(' ');
            out.push_str(&if is_link { change(link)? } else { link.to_owned() });
            rest = &after[link.len()..];
        }
        out.push_str(rest);
    }
    Ok(out)
}

/// Fails if a page of a built site has a link that leads to no file, or to no place in it.
pub(super) fn check(site: &Path) -> Result<()> {
    let files: BTreeSet<String> = super::sums::files(site)?
        .iter()
        .map(|file| file.to_string_lossy().replace('\\', "/"))
        .collect();
    // That of errors is shown at any address.
    let is_page = |file: &&String| file.ends_with(".html") && *file != "404.html";
    let read = |file: &str| fs::read_to_string(site.join(file));
    let mut broken = Vec::new();
    let mut links = 0;
    for page in files.iter().filter(is_page) {
        let text = read(page)?;
        for beginning in ["href=\"", "src=\"", "srcset=\""] {
            for after in text.split(beginning).skip(1) {
                let link = after.split('"').next().unwrap_or_default().replace("&amp;", "&");
                links += 1;
                let (path, place) = match target(folder(page), &link)? {
                    Target::Inside(path, place) => (path, place),
                    Target::Elsewhere if link.starts_with('#') => (page.clone(), link.clone()),
                    Target::Elsewhere => continue,
                };
                let path = if path.is_empty() { "index.html".to_owned() } else { path };
                let is_there = files.contains(&path)
                    && (!place.starts_with('#')
                        || place == "#"
                        || read(&path)?.contains(&format!("id=\"{}\"", &place[1..])));
                if !is_there {
                    broken.push(format!("  {page}: {link}"));
                }
            }
        }
    }
    if !broken.is_empty() {
        bail!("links that lead nowhere:\n{}", broken.join("\n"));
    }
    println!(
        "{links} links on {} pages, and each leads somewhere",
        files.iter().filter(is_page).count()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_through_folders() {
        let inside = |path: &str, rest: &str| Target::Inside(path.to_owned(), rest.to_owned());
        assert_eq!(target("", "docs/a.md#b").unwrap(), inside("docs/a.md", "#b"));
        assert_eq!(target("web/reader", "../../README.md").unwrap(), inside("README.md", ""));
        assert_eq!(target("docs", "./a.md").unwrap(), inside("docs/a.md", ""));
        for link in ["#a", "https://example.org/a", "mailto:a@b", "/a", ""] {
            assert_eq!(target("docs", link).unwrap(), Target::Elsewhere, "{link}");
        }
        assert!(target("docs", "../../a").is_err());
        assert_eq!(way("", "docs/a.md"), "docs/a.md");
        assert_eq!(way("docs", "README.md"), "../README.md");
        assert_eq!(way("web/reader", "web/viewer/index.md"), "../viewer/index.md");
        assert_eq!(way("docs", "docs/b.md"), "b.md");
    }

    #[test]
    fn links_change_and_code_stays() {
        let text =
            "[a](b.md), `[a](b.md)` <img src=\"c.png\"> [d](e f)\n```\n[a](b.md)\n```\n[g](b.md)\n";
        let mut found = Vec::new();
        let out = changed(text, |link| {
            found.push(link.to_owned());
            Ok("X".to_owned())
        });
        let expected =
            "[a](X), `[a](b.md)` <img src=\"X\"> [d](e f)\n```\n[a](b.md)\n```\n[g](X)\n";
        assert_eq!(
            (out.unwrap().as_str(), found),
            (expected, ["b.md", "c.png", "b.md"].map(str::to_owned).into())
        );
    }

    #[test]
    fn what_leads_nowhere_is_named() {
        let site = tempfile::tempdir().unwrap();
        let page = |text: &str| fs::write(site.path().join("index.html"), text).unwrap();
        page(
            "<a href=\"#x\" id=\"x\"></a><img src=\"p.png\"><a href=\"https://example.org/\"></a>",
        );
        fs::write(site.path().join("p.png"), "").unwrap();
        check(site.path()).unwrap();
        for link in ["none.html", "index.html#none", "#none"] {
            page(&format!("<a href=\"{link}\"></a>"));
            let error = check(site.path()).unwrap_err().to_string();
            assert!(error.ends_with(&format!("index.html: {link}")), "{error}");
        }
    }
}
