//! Entries as plain objects, and back.

use crate::value::{self, Answered, JsString, KEYS, Keys, name, number, object, set};
use js_sys::{BigInt, Object, Reflect};
use rangepack_core::{BlockTable, Codec, Content, EntryRef, Kind};
use wasm_bindgen::prelude::*;

/// The plain object of an entry: the fields of `Entry` in `index.d.ts`.
pub fn to_object(entry: &EntryRef<'_>) -> Answered {
    let entry = entry.to_entry().map_err(value::core_error)?;
    KEYS.with(|keys| {
        let bytes = entry.path.as_bytes();
        let object = Object::new();
        set(&object, &keys.path, name(bytes));
        set(&object, &keys.name, name(entry.path.as_path().name()));
        match &entry.kind {
            Kind::File(content) => file(&object, keys, content)?,
            Kind::Directory(totals) => {
                set(&object, &keys.kind, "directory".into());
                set(&object, &keys.size, number(totals.bytes)?);
                set(&object, &keys.stored_size, number(totals.stored_bytes)?);
                set(&object, &keys.files, number(totals.files)?);
                set(&object, &keys.directories, number(totals.directories)?);
            }
            Kind::Symlink(target) => {
                set(&object, &keys.kind, "symlink".into());
                set(&object, &keys.size, number(target.len() as u64)?);
                set(&object, &keys.stored_size, number(target.len() as u64)?);
                set(&object, &keys.target, name(target));
            }
        }
        if let Some(mode) = entry.mode {
            set(&object, &keys.mode, mode.into());
        }
        if let Some(mtime) = entry.mtime {
            set(&object, &keys.mtime_ms, (mtime as f64 / 1e6).into());
            set(&object, &keys.mtime_ns, BigInt::from(mtime).into());
        }
        if let Some(owner) = entry.owner {
            set(&object, &keys.uid, owner.uid.into());
            set(&object, &keys.gid, owner.gid.into());
        }
        Ok(object.into())
    })
}

fn file(into: &Object, keys: &Keys, content: &Content) -> Result<(), JsValue> {
    set(into, &keys.kind, "file".into());
    set(into, &keys.size, number(content.size)?);
    set(into, &keys.stored_size, number(content.stored_size)?);
    set(into, &keys.codec, content.codec.name().into());
    set(into, &keys.volume, content.volume.into());
    set(into, &keys.offset, number(content.offset)?);
    if let Some(digest) = &content.digest {
        set(into, &keys.sha256, value::hex(digest));
    }
    if let Some(digest) = &content.original_digest {
        set(into, &keys.original_sha256, value::hex(digest));
    }
    if let Some(blocks) = &content.blocks {
        let table = object([
            (&keys.offset, number(blocks.offset)?),
            (&keys.sha256, value::hex(&blocks.digest)),
            (&keys.block_log2, blocks.block_log2.into()),
        ]);
        set(into, &keys.blocks, table);
    }
    Ok(())
}

/// Where and how a file is stored, from the object that [`to_object`] made.
pub fn content_of(entry: &JsValue) -> Result<Content, JsValue> {
    KEYS.with(|keys| {
        let codec = match text(entry, &keys.codec)?.as_deref() {
            Some("stored") => Codec::Stored,
            Some("gzip") => Codec::Gzip,
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
        .with_volume(u16::try_from(integer(entry, &keys.volume)?).unwrap_or(u16::MAX))
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
