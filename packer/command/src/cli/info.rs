//! `rangepack info`: a pack as a whole.

use super::Result;
use super::arguments::{PackArgs, TrafficArgs};
use super::console::{Global, Out, Paint, printable};
use super::exit::Exit;
use crate::format::{Size, count, files, percent};
use rangepack::{Error, Format, Pack, Verify};
use rangepack_core::{DictionaryPlace, Escaped};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;

const EXAMPLES: &str = "\
Examples:
  rangepack info photos.pack
  rangepack info --json photos.pack | jq -r .root

The root digest is the pack's name: it covers the index, which covers every byte of every file.
`--root` of the other commands accepts no other pack (or earlier state of it that lies in the same
file). The tree digest is that of the files alone: two packs of the same names, modes and contents
have the same one, however they are compressed or laid out, and whatever their times.";

/// Say what a pack is and how much is in it
///
/// Reads the pack's last pages only, so the answer is there at once, whatever the size.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(super) struct Args {
    #[command(flatten)]
    pack: PackArgs,
    #[command(flatten)]
    traffic: TrafficArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Tells.
pub(super) fn run(args: &Args, global: &Global) -> Result<Exit> {
    let pack = args.pack.open_quietly(Verify::Index, global)?;
    // What is wrong with the metadata harms nothing else.
    let (metadata, exit) = match pack.user_metadata() {
        Ok(metadata) => (metadata, Exit::Fine),
        Err(Error::Pack { source, .. }) => {
            global.warning_of(pack.location(), &source.to_string());
            (BTreeMap::new(), Exit::Bad)
        }
        Err(error) => return Err(error.into()),
    };
    let info = Info::of(&pack, metadata, if args.json { usize::MAX } else { SHOWN })?;
    let mut out = global.stdout();
    if args.json {
        out.json(&info)?;
    } else {
        info.print(&mut out)?;
    }
    out.flush()?;
    args.traffic.tell(&pack);
    Ok(exit)
}

/// So many volumes are shown to people.
const SHOWN: usize = 10;

#[derive(Debug, Serialize)]
struct Info {
    format: &'static str,
    path: String,
    file_len: u64,
    root: Option<String>,
    entries: u64,
    /// Regular files and links.
    files: u64,
    directories: u64,
    /// How many of the files are links.
    symlinks: u64,
    bytes: u64,
    /// Payloads, each counted for every file that has it.
    stored_bytes: u64,
    /// Where the payloads end; `None` where they lie in other files.
    payload_bytes: Option<u64>,
    index: Option<PagedIndex>,
    /// The NDJSON trailer, with its magic and length; `None` without one.
    trailer_bytes: Option<u64>,
    volumes: Vec<Volume>,
    #[serde(skip)]
    volume_count: u32,
    /// What is in the pack, whatever its layout and times; `None` when not known.
    tree: Option<String>,
    /// The parts of the file that are not told of elsewhere.
    sections: Vec<Section>,
    metadata: BTreeMap<String, String>,
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct PagedIndex {
    page_size: u32,
    pages: u32,
    bytes: u64,
    bytes_per_entry: f64,
    /// What of `bytes` is the hash section, which speeds up looking up; 0 without one.
    hash_bytes: u64,
}

#[derive(Debug, Serialize)]
struct Section {
    tag: String,
    offset: u64,
    bytes: u64,
    sha256: Option<String>,
    /// Whether this program knows what it is.
    known: bool,
}

#[derive(Debug, Serialize)]
struct Volume {
    name: String,
    bytes: u64,
    /// Its own root digest, where it is a pack and the index says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
}

impl Info {
    fn of(pack: &Pack, metadata: BTreeMap<String, String>, most: usize) -> Result<Info> {
        let header = pack.header();
        let is_paged = pack.format() == Format::Paged;
        let is_in_volumes = pack.volume_count() > 0;
        let trailer_bytes = header.trailer().len;
        // Pages, root page and footer: what is neither payload nor trailer.
        let whole = pack.index_len();
        let index_bytes = whole.saturating_sub(header.payload_end()).saturating_sub(trailer_bytes);
        let index = is_paged.then(|| PagedIndex {
            page_size: header.page_size,
            pages: header.page_count(),
            bytes: index_bytes,
            bytes_per_entry: index_bytes as f64 / header.entries.max(1) as f64,
            hash_bytes: header.hash().map_or(0, |hash| hash.extent().len),
        });
        let volumes = pack.volumes().take(most).map(|volume| {
            let volume = volume?;
            let sha256 = volume.digest.map(|digest| digest.to_string());
            let (name, bytes) = (Escaped(&volume.name).to_string(), volume.len);
            Ok(Volume { name, bytes, root: sha256 })
        });
        let volumes = volumes.collect::<Result<_>>()?;
        let section = |section: &rangepack_core::layout::Section| Section {
            tag: section.tag.to_string(),
            offset: section.extent.start,
            bytes: section.extent.len,
            sha256: section.digest.map(|digest| digest.to_string()),
            known: section.is_known(),
        };
        Ok(Info {
            format: pack.format().name(),
            path: pack.location().to_string(),
            file_len: pack.file_len(),
            root: pack.digest().map(|digest| digest.to_string()),
            entries: header.entries,
            files: header.totals.files,
            directories: header.totals.directories,
            symlinks: header.symlinks,
            bytes: header.totals.bytes,
            stored_bytes: header.totals.stored_bytes,
            payload_bytes: (is_paged && !is_in_volumes).then_some(header.payload_end()),
            index,
            trailer_bytes: Some(trailer_bytes).filter(|len| is_paged && *len > 0),
            volumes,
            volume_count: pack.volume_count(),
            tree: header.tree_digest.map(|digest| digest.to_string()),
            sections: if is_paged {
                header.sections().iter().map(section).collect()
            } else {
                vec![]
            },
            metadata,
            notes: super::notes::of(pack),
        })
    }

    fn print(&self, out: &mut Out) -> Result<()> {
        writeln!(out, "{}", printable(&self.path))?;
        let mut row = |name: &str, value: &str| -> Result<()> {
            out.name(&[format!("  {name:<9}").as_bytes()], Paint::Dim)?;
            Ok(writeln!(out, " {value}")?)
        };
        row("format", self.format_name())?;
        if let Some(root) = &self.root {
            row("root", root)?;
        }
        if let Some(tree) = &self.tree {
            row("tree", tree)?;
        }
        row("length", &exact(self.file_len))?;
        let mut kinds = Vec::new();
        if self.files > 0 {
            kinds.push(files(self.files, self.symlinks));
        }
        if self.directories > 0 {
            kinds.push(count(self.directories, "directory"));
        }
        row(
            "entries",
            if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") }.as_str(),
        )?;
        row("content", &exact(self.bytes))?;
        if self.stored_bytes != self.bytes {
            let share = percent(self.stored_bytes, self.bytes);
            row("stored", &format!("{}, {share} of the content", exact(self.stored_bytes)))?;
        }
        if let Some(payload) = self.payload_bytes.filter(|payload| *payload < self.stored_bytes) {
            row("payloads", &format!("{}, identical ones once", exact(payload)))?;
        }
        if let Some(index) = &self.index {
            let (bytes, each) = (Size(index.bytes), index.bytes_per_entry);
            let mut text = format!("{bytes}, {each:.1} bytes an entry");
            if index.pages > 0 {
                let pages = count(index.pages.into(), "page");
                text.push_str(&format!(", in {pages} of {} KiB", index.page_size >> 10));
            }
            if index.hash_bytes > 0 {
                text.push_str(&format!(" and a hash section of {}", Size(index.hash_bytes)));
            }
            row("index", &text)?;
        }
        if let Some(trailer) = self.trailer_bytes {
            row("trailer", &format!("{} of NDJSON, for the old programs", exact(trailer)))?;
        }
        if let Some(list) = self.sections.iter().find(|section| section.tag == "dict") {
            let dictionaries = DictionaryPlace::count_in(list.bytes) as u64;
            row("zstd", &count(dictionaries, "dictionary"))?;
        }
        for volume in &self.volumes {
            row("volume", &format!("{}: {}", volume.name, exact(volume.bytes)))?;
        }
        let more = u64::from(self.volume_count).saturating_sub(self.volumes.len() as u64);
        if more > 0 {
            row("", &format!("and {more} more, which --json lists"))?;
        }
        for section in &self.sections {
            let length = exact(section.bytes);
            match (section.tag.as_str(), section.known) {
                ("prev", _) => row("earlier", section.sha256.as_deref().unwrap_or_default())?,
                (_, true) => {}
                (tag, false) => {
                    row("section", &format!("{tag}: {length}, unknown to this version"))?
                }
            }
        }
        for (key, value) in &self.metadata {
            row("meta", &format!("{}: {}", printable(key), printable(value)))?;
        }
        self.notes.iter().try_for_each(|text| row("note", text))
    }

    fn format_name(&self) -> &'static str {
        match self.format {
            "ctnrv1" => "CTNRv1 container, its index read into memory; nothing vouches for that",
            "fpack" => "FilePacker's .fpack, which has no check sums",
            _ if self.sections.iter().any(|section| section.tag == "vtab") => {
                "Rangepack 1, merged: an index of other packs"
            }
            _ if !self.volumes.is_empty() => "Rangepack 1, an index beside its container",
            _ if self.trailer_bytes.is_some() => "Rangepack 1, also readable as a CTNRv1 container",
            _ => "Rangepack 1",
        }
    }
}

/// A size as people read it, and to the byte.
fn exact(bytes: u64) -> String {
    if bytes < 1024 {
        count(bytes, "byte")
    } else {
        format!("{} ({})", Size(bytes), count(bytes, "byte"))
    }
}
