//! Everything that a pack says, as JSON: what every reader of the format must find in it.

use rangepack::Pack;
use rangepack_core::{Digest, Entry, Extent, Kind};
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

fn entry(entry: &Entry, content: Option<Vec<u8>>) -> Value {
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
    match &entry.kind {
        Kind::File(file) => {
            put("kind", json!("file"));
            put("volume", json!(file.volume));
            put("offset", json!(file.offset));
            put("stored_size", json!(file.stored_size));
            put("size", json!(file.size));
            put("codec", json!(file.codec.name()));
            put("sha256", json!(file.digest.map(|digest| digest.to_string())));
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
        }
        Kind::Symlink(target) => {
            put("kind", json!("symlink"));
            put("target", bytes(target));
        }
    }
    Value::Object(fields)
}

/// What the pack at `path` holds, everything read.
pub fn describe(path: &Path) -> rangepack::Result<Value> {
    describe_pack(&Pack::open(path)?)
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
                let payload = pack.payload(file)?;
                let limits = rangepack_core::Limits::default();
                Some(rangepack_core::decode_all(file, &payload, &limits).map_err(bad)?.into_owned())
            }
            _ => None,
        };
        entries.push(entry(&owned, content));
    }
    let header = pack.header();
    let whole = pack.read_extent(Extent { start: 0, len: pack.file_len() })?;
    Ok(json!({
        "file_sha256": Digest::of(&whole).to_string(),
        "file_len": pack.file_len(),
        "root_sha256": pack.digest().map(|digest| digest.to_string()),
        "pages": header.page_count,
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
