//! Entries as plain objects, and back.

use crate::value::{
    self, Answered, JsString, KEYS, Keys, core_error, count, name, number, object, set,
};
use js_sys::{BigInt, Object, Reflect};
use rangepack_core::{
    BlockTable, Codec, Content, DictionaryRef, Entry, EntryRef, Error, Kind, PackPathBuf,
};
use wasm_bindgen::prelude::*;

/// The plain object of an entry: the fields of `Entry` in `index.d.ts`. Of one that cannot be read it says why; the
/// others beside it are not to be lost for that.
#[inline(never)]
pub fn to_object(entry: &EntryRef<'_>) -> Answered {
    KEYS.with(|keys| {
        let object = Object::new();
        let known = entry.to_entry().map_err(core_error);
        match known.and_then(|entry| whole(&object, keys, &entry)) {
            Ok(()) => Ok(object.into()),
            Err(why) => listed(keys, entry, &why),
        }
    })
}

/// An entry of which everything is known.
fn whole(into: &Object, keys: &Keys, entry: &Entry) -> Result<(), JsValue> {
    common(into, keys, &entry.path, entry.mode, entry.mtime);
    match &entry.kind {
        Kind::File(content) => file(into, keys, content)?,
        Kind::Directory(totals) => {
            set(into, &keys.kind, "directory".into());
            count(into, &keys.size, totals.bytes)?;
            count(into, &keys.stored_size, totals.stored_bytes)?;
            count(into, &keys.files, totals.files)?;
            count(into, &keys.directories, totals.directories)?;
            if let Some(digest) = &entry.tree_digest {
                set(into, &keys.tree_digest, value::hex(digest));
            }
        }
        Kind::Symlink(target) => {
            set(into, &keys.kind, "symlink".into());
            count(into, &keys.size, target.len() as u64)?;
            count(into, &keys.stored_size, target.len() as u64)?;
            set(into, &keys.target, name(target));
        }
    }
    if let Some(owner) = entry.owner {
        set(into, &keys.uid, owner.uid.into());
        set(into, &keys.gid, owner.gid.into());
    }
    if let Some(block) = &entry.attributes {
        let told = value::range(block.extent())?;
        set(&told, &keys.sha256, value::hex(&block.digest));
        set(into, &keys.attributes, told.into());
    }
    Ok(())
}

/// An entry that is damaged, that a later version wrote, or that JavaScript cannot count: what may be told of it, and
/// why not the rest.
#[inline(never)]
fn listed(keys: &Keys, entry: &EntryRef<'_>, why: &JsValue) -> Answered {
    let into = Object::new();
    let path = entry.path().map_err(core_error)?;
    let mode = entry.mode().ok().flatten();
    common(&into, keys, &path, mode, entry.mtime().ok().flatten());
    let kind = if entry.is_file() {
        "file"
    } else if entry.is_directory() {
        "directory"
    } else {
        "symlink"
    };
    set(&into, &keys.kind, kind.into());
    let size = entry.size().ok().and_then(|size| number(size).ok());
    set(&into, &keys.size, size.unwrap_or(0.into()));
    set(&into, &keys.stored_size, 0.into());
    set(&into, &keys.unreadable, unreadable(keys, why)?);
    Ok(into.into())
}

/// Why an entry cannot be read, as a plain object.
fn unreadable(keys: &Keys, why: &JsValue) -> Answered {
    let (code, message) = (get(why, &keys.code)?, get(why, &keys.message)?);
    Ok(object([(&keys.code, code), (&keys.message, message)]).into())
}

fn common(into: &Object, keys: &Keys, path: &PackPathBuf, mode: Option<u32>, mtime: Option<i64>) {
    set(into, &keys.path, name(path.as_bytes()));
    set(into, &keys.name, name(path.as_path().name()));
    if let Some(mode) = mode {
        set(into, &keys.mode, mode.into());
    }
    if let Some(mtime) = mtime {
        set(into, &keys.mtime_ms, (mtime as f64 / 1e6).into());
        // As digits: what holds a BigInt is no JSON.
        set(into, &keys.mtime_ns, digits(mtime));
    }
}

/// JavaScript writes them: the code that would do so here is larger.
fn digits(number: i64) -> JsValue {
    BigInt::from(number).to_string(10).map_or(JsValue::UNDEFINED, Into::into)
}

fn file(into: &Object, keys: &Keys, content: &Content) -> Result<(), JsValue> {
    set(into, &keys.kind, "file".into());
    count(into, &keys.size, content.size)?;
    count(into, &keys.stored_size, content.stored_size)?;
    set(into, &keys.codec, content.codec.name().into());
    set(into, &keys.volume, content.volume.into());
    count(into, &keys.offset, content.offset)?;
    if let Some(digest) = &content.digest {
        set(into, &keys.sha256, value::hex(digest));
    }
    if let Some(digest) = &content.original_digest {
        set(into, &keys.original_sha256, value::hex(digest));
    }
    if let Some(blocks) = &content.blocks {
        let table = object([
            (&keys.sha256, value::hex(&blocks.digest)),
            (&keys.block_log2, blocks.block_log2.into()),
        ]);
        count(&table, &keys.offset, blocks.offset)?;
        set(into, &keys.blocks, table.into());
    }
    if let Some(DictionaryRef::Number(number)) = content.dictionary {
        set(into, &keys.dictionary, number.into());
    }
    if let Some(group) = content.hard_link {
        count(into, &keys.hard_link, group)?;
    }
    if content.sparse {
        set(into, &keys.sparse, true.into());
    }
    if let Codec::Other(number) = content.codec {
        let why = core_error(Error::UnsupportedCodec { number });
        set(into, &keys.unreadable, unreadable(keys, &why)?);
    }
    Ok(())
}

/// Where and how a file is stored, from the object that [`to_object`] made.
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
