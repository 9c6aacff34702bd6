//! Everything that a pack says, as JSON: what every reader of the format must find in it.

use rangepack::{Notes, OpenOptions, Pack, Verify};
use rangepack_core::layout::{Header, Section};
use rangepack_core::{Attributes, Codec, DictionaryRef, Digest, Entry, Extent, Kind, Tag};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Raw bytes: text where they are UTF-8, else an object with hexadecimal digits.
fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => json!(text),
        Err(_) => {
            let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "hex": digits })
        }
    }
}

fn entry(entry: &Entry, content: Option<Vec<u8>>, attributes: Option<&Attributes>) -> Value {
    let mut fields = Map::new();
    let mut put = |key: &str, value: Value| {
        fields.insert(key.to_owned(), value);
    };
    put("path", bytes(entry.path.as_bytes()));
    if let Some(mode) = entry.mode {
        put("mode", json!(mode));
    }
    if let Some(mtime) = entry.mtime {
        // Nanoseconds do not fit into the numbers of JavaScript.
        put("mtime", json!(mtime.to_string()));
    }
    if let Some(owner) = entry.owner {
        put("uid", json!(owner.uid));
        put("gid", json!(owner.gid));
    }
    if let Some(block) = entry.attributes {
        let at = json!({
            "offset": block.offset,
            "bytes": block.len,
            "sha256": block.digest.to_string(),
        });
        put("attribute_block", at);
    }
    if let Some(attributes) = attributes {
        let hex = |value: &[u8]| value.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let pairs: Vec<Value> = attributes
            .iter()
            .map(|(name, value)| json!({ "name": bytes(name), "hex": hex(value) }))
            .collect();
        put("attributes", json!(pairs));
    }
    match &entry.kind {
        Kind::File(file) => {
            put("kind", json!("file"));
            put("volume", json!(file.volume));
            put("offset", json!(file.offset));
            put("stored_size", json!(file.stored_size));
            put("size", json!(file.size));
            put("codec", json!(file.codec.name()));
            if let Codec::Other(number) = file.codec {
                put("codec_number", json!(number));
            }
            put("sha256", json!(file.digest.map(|digest| digest.to_string())));
            if let Some(DictionaryRef::Number(number)) = file.dictionary {
                put("dictionary", json!(number));
            }
            if let Some(group) = file.hard_link {
                put("hard_link", json!(group));
            }
            if file.sparse {
                put("sparse", json!(true));
            }
            if let Some(digest) = file.original_digest {
                put("orig_sha256", json!(digest.to_string()));
            }
            if let Some(blocks) = file.blocks {
                put(
                    "block_table",
                    json!({
                        "offset": blocks.offset,
                        "block_log2": blocks.block_log2,
                        "sha256": blocks.digest.to_string(),
                    }),
                );
            }
            if let Some(content) = content {
                put("content_sha256", json!(Digest::of(&content).to_string()));
            }
        }
        Kind::Directory(totals) => {
            put("kind", json!("directory"));
            put("files", json!(totals.files));
            put("directories", json!(totals.directories));
            put("bytes", json!(totals.bytes));
            put("stored_bytes", json!(totals.stored_bytes));
            put("tree_sha256", json!(entry.tree_digest.map(|digest| digest.to_string())));
        }
        Kind::Symlink(target) => {
            put("kind", json!("symlink"));
            put("target", bytes(target));
        }
    }
    Value::Object(fields)
}

fn sections(header: &Header) -> Value {
    let section = |section: &Section| {
        json!({
            "tag": section.tag.to_string(),
            "offset": section.extent.start,
            "bytes": section.extent.len,
            "sha256": section.digest.map(|digest| digest.to_string()),
        })
    };
    header.sections().iter().map(section).collect()
}

/// What the pack at `path` holds, everything read; with what the generation before it held, if there is
/// one, as `previous`.
pub fn describe(path: &Path) -> rangepack::Result<Value> {
    describe_with(path, None)
}

fn describe_with(path: &Path, expected: Option<Digest>) -> rangepack::Result<Value> {
    let mut options = OpenOptions::default();
    options.expected = expected;
    options.verify = Verify::Payloads;
    let pack = Pack::open_with(path, &options)?;
    let mut description = describe_pack(&pack)?;
    if pack.digest().is_none() {
        description["notes"] = notes(pack.notes());
    }
    let previous = pack.header().section(Tag::PREVIOUS).and_then(|section| section.digest);
    if previous.is_some() {
        description["previous"] = describe_with(path, previous)?;
    }
    Ok(description)
}

/// What is strange in the index of an old program.
fn notes(notes: &Notes) -> Value {
    json!({
        "bad_lines": notes.bad_lines,
        "refused_names": notes.refused.len(),
        "lost_names": notes.lost_names,
    })
}

/// What an open pack holds, everything read.
pub fn describe_pack(pack: &Pack) -> rangepack::Result<Value> {
    let bad = |source| pack.error(source);
    let mut entries = Vec::new();
    for found in pack.entries() {
        let found = found?;
        let owned = found.to_entry().map_err(bad)?;
        let content = match &owned.kind {
            Kind::File(file) => {
                let known = !matches!(file.codec, Codec::Other(_));
                known.then(|| pack.read_entry(&owned)).transpose()?
            }
            _ => None,
        };
        let attributes = owned.attributes.map(|block| pack.attributes(&block)).transpose()?;
        entries.push(entry(&owned, content, attributes.as_ref()));
    }
    let header = pack.header();
    let whole = pack.read_extent(Extent { start: 0, len: pack.file_len() })?;
    Ok(json!({
        "file_sha256": Digest::of(&whole).to_string(),
        "file_len": pack.file_len(),
        "root_sha256": pack.digest().map(|digest| digest.to_string()),
        "pages": header.page_count(),
        "sections": pack.digest().map(|_| sections(header)),
        "tree_sha256": header.tree_digest.map(|digest| digest.to_string()),
        "volumes": pack.volumes().map(|volume| volume.map(|volume| json!({
            "name": bytes(&volume.name),
            "bytes": volume.len,
        }))).collect::<rangepack::Result<Vec<_>>>()?,
        "metadata": pack.user_metadata()?,
        "totals": {
            "entries": header.entries,
            "files": header.totals.files,
            "directories": header.totals.directories,
            "symlinks": header.symlinks,
            "bytes": header.totals.bytes,
            "stored_bytes": header.totals.stored_bytes,
        },
        "entries": entries,
    }))
}

/// As text: one line for each entry.
pub fn to_text(description: &Value) -> String {
    let mut text = String::from("{\n");
    for (key, value) in description.as_object().into_iter().flatten() {
        if key != "entries" {
            text += &format!("{}: {value},\n", json!(key));
        }
    }
    text += "\"entries\": [\n";
    let lines: Vec<String> =
        description["entries"].as_array().into_iter().flatten().map(Value::to_string).collect();
    text + &lines.join(",\n") + "\n]\n}\n"
}
