//! Entries as plain objects, and back.

use crate::value::{self, Answered, JsString, KEYS, Keys, core_error, name, number, object, set};
use js_sys::{BigInt, Object, Reflect};
use rangepack_core::{
    BlockTable, Codec, Content, Entry, EntryRef, Error, ErrorKind, Kind, PackPathBuf,
};
use wasm_bindgen::prelude::*;

/// The plain object of an entry: the fields of `Entry` in `index.d.ts`.
pub fn to_object(entry: &EntryRef<'_>) -> Answered {
    KEYS.with(|keys| {
        let object = Object::new();
        match entry.to_entry() {
            Ok(entry) => whole(&object, keys, &entry)?,
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                listed(&object, keys, entry, &error)?;
            }
            Err(error) => return Err(core_error(error)),
        }
        Ok(object.into())
    })
}

/// An entry of which everything is known.
fn whole(into: &Object, keys: &Keys, entry: &Entry) -> Result<(), JsValue> {
    common(into, keys, &entry.path, entry.mode, entry.mtime);
    match &entry.kind {
        Kind::File(content) => file(into, keys, content)?,
        Kind::Directory(totals) => {
            set(into, &keys.kind, "directory".into());
            set(into, &keys.size, number(totals.bytes)?);
            set(into, &keys.stored_size, number(totals.stored_bytes)?);
            set(into, &keys.files, number(totals.files)?);
            set(into, &keys.directories, number(totals.directories)?);
            if let Some(digest) = &entry.tree_digest {
                set(into, &keys.tree_digest, value::hex(digest));
            }
        }
        Kind::Symlink(target) => {
            set(into, &keys.kind, "symlink".into());
            set(into, &keys.size, number(target.len() as u64)?);
            set(into, &keys.stored_size, number(target.len() as u64)?);
            set(into, &keys.target, name(target));
        }
    }
    if let Some(owner) = entry.owner {
        set(into, &keys.uid, owner.uid.into());
        set(into, &keys.gid, owner.gid.into());
    }
    Ok(())
}

/// An entry that a later version wrote: what may be told of it, and why not the rest.
fn listed(into: &Object, keys: &Keys, entry: &EntryRef<'_>, why: &Error) -> Result<(), JsValue> {
    let path = entry.path().map_err(core_error)?;
    let mode = entry.mode().map_err(core_error)?;
    common(into, keys, &path, mode, entry.mtime().map_err(core_error)?);
    let kind = if entry.is_file() {
        "file"
    } else if entry.is_directory() {
        "directory"
    } else {
        "symlink"
    };
    set(into, &keys.kind, kind.into());
    set(into, &keys.size, number(entry.size().map_err(core_error)?)?);
    set(into, &keys.stored_size, 0.into());
    set(into, &keys.unsupported, why.to_string().into());
    Ok(())
}

fn common(into: &Object, keys: &Keys, path: &PackPathBuf, mode: Option<u32>, mtime: Option<i64>) {
    set(into, &keys.path, name(path.as_bytes()));
    set(into, &keys.name, name(path.as_path().name()));
    if let Some(mode) = mode {
        set(into, &keys.mode, mode.into());
    }
    if let Some(mtime) = mtime {
        set(into, &keys.mtime_ms, (mtime as f64 / 1e6).into());
        set(into, &keys.mtime_ns, BigInt::from(mtime).into());
    }
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
    if let Some(group) = content.hard_link {
        set(into, &keys.hard_link, number(group)?);
    }
    if content.sparse {
        set(into, &keys.sparse, true.into());
    }
    if let Codec::Other(number) = content.codec {
        let why = Error::UnsupportedCodec { number }.to_string();
        set(into, &keys.unsupported, why.into());
    }
    Ok(())
}

/// Where and how a file is stored, from the object that [`to_object`] made.
///
/// Fails when that is not known here: what a later version wrote is listed, and not read.
pub fn content_of(entry: &JsValue) -> Result<Content, JsValue> {
    KEYS.with(|keys| {
        if let Some(why) = text(entry, &keys.unsupported)? {
            return Err(value::error("ERR_UNSUPPORTED", &why));
        }
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
