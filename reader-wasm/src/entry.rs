//! Entries as plain objects, and back.

use crate::json::{Json, Unreadable};
use crate::value::{self, Answered, JsString, KEYS};
use js_sys::Reflect;
use rangepack_core::{
    BlockTable, Codec, Content, DictionaryRef, Entry, EntryRef, Error, Kind, PackPathBuf,
};
use wasm_bindgen::prelude::*;

/// The plain object of an entry: the fields of `Entry` in `index.d.ts`. Of one that cannot be read it says why; the
/// others beside it are not to be lost for that.
#[inline(never)]
pub fn write(json: &mut Json, entry: &EntryRef<'_>) -> Result<(), Error> {
    write_known(json, entry, known(entry))
}

/// All that is known of an entry.
///
/// # Errors
/// As of [`EntryRef::to_entry`].
#[inline(never)]
pub fn known(entry: &EntryRef<'_>) -> Result<Entry, Error> {
    entry.to_entry()
}

/// [`write()`] when it is known what is [`known`].
#[inline(never)]
pub fn write_known(
    json: &mut Json,
    entry: &EntryRef<'_>,
    known: Result<Entry, Error>,
) -> Result<(), Error> {
    json.begin(b'{');
    let mark = json.mark();
    let known = known.map_err(Unreadable::from);
    if let Err(why) = known.and_then(|entry| whole(json, &entry)) {
        json.back(mark);
        listed(json, entry, &why)?;
    }
    json.end(b'}');
    Ok(())
}

/// An entry of which everything is known.
fn whole(json: &mut Json, entry: &Entry) -> Result<(), Unreadable> {
    common(json, &entry.path, entry.mode, entry.mtime);
    match &entry.kind {
        Kind::File(content) => file(json, content)?,
        Kind::Directory(totals) => {
            json.key("kind").plain("directory");
            json.count("size", totals.bytes)?.count("storedSize", totals.stored_bytes)?;
            json.count("files", totals.files)?.count("directories", totals.directories)?;
            if let Some(digest) = &entry.tree_digest {
                json.digest("treeDigest", digest);
            }
        }
        Kind::Symlink(target) => {
            json.key("kind").plain("symlink");
            json.count("size", target.len() as u64)?.count("storedSize", target.len() as u64)?;
            json.key("target").name(target);
        }
    }
    if let Some(owner) = entry.owner {
        json.key("uid").small(owner.uid.into()).key("gid").small(owner.gid.into());
    }
    if let Some(block) = &entry.attributes {
        json.key("attributes").begin(b'{').extent(block.extent())?;
        json.digest("sha256", &block.digest).end(b'}');
    }
    Ok(())
}

/// An entry that is damaged, that a later version wrote, or that JavaScript cannot count: what may be told of it, and
/// why not the rest.
#[inline(never)]
fn listed(json: &mut Json, entry: &EntryRef<'_>, why: &Unreadable) -> Result<(), Error> {
    let path = entry.path()?;
    let mode = entry.mode().ok().flatten();
    common(json, &path, mode, entry.mtime().ok().flatten());
    let kind = if entry.is_file() {
        "file"
    } else if entry.is_directory() {
        "directory"
    } else {
        "symlink"
    };
    json.key("kind").plain(kind).key("size");
    if json.number(entry.size().unwrap_or(0)).is_err() {
        json.small(0);
    }
    json.key("storedSize").small(0).key("unreadable");
    why.write(json);
    Ok(())
}

fn common(json: &mut Json, path: &PackPathBuf, mode: Option<u32>, mtime: Option<i64>) {
    json.key("path").name(path.as_bytes()).key("name").name(path.as_path().name());
    if let Some(mode) = mode {
        json.key("mode").small(mode.into());
    }
    if let Some(mtime) = mtime {
        json.time("mtimeMs", "mtimeNs", mtime);
    }
}

fn file(json: &mut Json, content: &Content) -> Result<(), Unreadable> {
    json.key("kind").plain("file");
    json.count("size", content.size)?.count("storedSize", content.stored_size)?;
    json.key("codec").plain(content.codec.name()).key("volume").small(content.volume.into());
    json.count("offset", content.offset)?;
    if let Some(digest) = &content.digest {
        json.digest("sha256", digest);
    }
    if let Some(digest) = &content.original_digest {
        json.digest("originalSha256", digest);
    }
    if let Some(blocks) = &content.blocks {
        json.key("blocks").begin(b'{').digest("sha256", &blocks.digest);
        json.key("blockLog2").small(blocks.block_log2.into());
        json.count("offset", blocks.offset)?.end(b'}');
    }
    if let Some(DictionaryRef::Number(number)) = content.dictionary {
        json.key("dictionary").small(number.into());
    }
    if let Some(group) = content.hard_link {
        json.count("hardLink", group)?;
    }
    if content.sparse {
        json.key("sparse").flag(true);
    }
    if let Codec::Other(number) = content.codec {
        json.key("unreadable");
        Unreadable::from(Error::UnsupportedCodec { number }).write(json);
    }
    Ok(())
}

/// Where and how a file is stored, from the object that [`write()`] made.
///
/// The dictionary is not: it is needed where zstd is decoded, which is not here.
///
/// Fails when that is not known here: what a later version wrote is listed, and not read.
pub fn content_of(entry: &JsValue) -> Result<Content, JsValue> {
    KEYS.with(|keys| {
        let why = get(entry, &keys.unreadable)?;
        if !why.is_undefined() {
            let code = text(&why, &keys.code)?.unwrap_or_default();
            return Err(value::error(&code, &text(&why, &keys.message)?.unwrap_or_default()));
        }
        let codec = match text(entry, &keys.codec)?.as_deref() {
            Some("stored") => Codec::Stored,
            Some("gzip") => Codec::Gzip,
            Some("deflate") => Codec::Deflate,
            Some("zstd") => Codec::Zstd,
            _ => return Err(value::error("ERR_ARGUMENT", "this is not the entry of a file")),
        };
        let digest = |key| text(entry, key)?.map(|text| value::digest(&text)).transpose();
        let blocks = get(entry, &keys.blocks)?;
        let blocks = if blocks.is_undefined() {
            None
        } else {
            let sha256 = text(&blocks, &keys.sha256)?.unwrap_or_default();
            Some(BlockTable {
                offset: integer(&blocks, &keys.offset)?,
                digest: value::digest(&sha256)?,
                block_log2: u8::try_from(integer(&blocks, &keys.block_log2)?).unwrap_or(u8::MAX),
            })
        };
        Ok(Content::new(
            codec,
            integer(entry, &keys.offset)?,
            integer(entry, &keys.stored_size)?,
            integer(entry, &keys.size)?,
        )
        .with_volume(u32::try_from(integer(entry, &keys.volume)?).unwrap_or(u32::MAX))
        .with_digest(digest(&keys.sha256)?)
        .with_original_digest(digest(&keys.original_sha256)?)
        .with_blocks(blocks))
    })
}

fn get(object: &JsValue, key: &JsString) -> Answered {
    Reflect::get(object, key)
}

fn text(object: &JsValue, key: &JsString) -> Result<Option<String>, JsValue> {
    Ok(get(object, key)?.as_string())
}

pub(crate) fn integer(object: &JsValue, key: &JsString) -> Result<u64, JsValue> {
    value::integer(get(object, key)?.as_f64().unwrap_or(f64::NAN))
}

pub(crate) fn digest(object: &JsValue, key: &JsString) -> Result<rangepack_core::Digest, JsValue> {
    value::digest(&text(object, key)?.unwrap_or_default())
}
