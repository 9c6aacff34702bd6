//! A table of what is in a pack, as a Parquet file, for programs that know no packs: where each payload lies, and what it is.

use crate::error::{Action, Error, Result};
use crate::progress::{Event, Observer, go_on};
use crate::read::pack::Pack;
use crate::setters::setters;
use crate::source::replace::{Finish, Replacement, refuse_same, refuse_to_replace};
use parquet::basic::{Compression, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::{ByteArray, ByteArrayType, DataType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{
    SerializedColumnWriter, SerializedFileWriter, SerializedRowGroupWriter,
};
use parquet::schema::parser::parse_message_type;
use rangepack_core::{Content, Digest, Entry, Escaped, Kind};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// So many entries are in memory at a time: a row group, which readers read as a whole.
const ROWS: u64 = 1 << 16;

/// The columns, in the order in which they are written. Names and meanings are those of `rangepack ls --json`.
const COLUMNS: &str = "message entries {
    required binary path (STRING);
    required binary directory (STRING);
    required binary name (STRING);
    required binary kind (STRING);
    optional int64 size (INTEGER(64,false));
    optional int64 mtime (TIMESTAMP(NANOS,true));
    optional int32 mode (INTEGER(32,false));
    optional binary volume (STRING);
    optional int64 offset (INTEGER(64,false));
    optional int64 stored_size (INTEGER(64,false));
    optional binary codec (STRING);
    optional binary sha256 (STRING);
    optional binary original_sha256 (STRING);
    optional binary link_target (STRING);
    optional binary path_hex (STRING);
}";

/// What the crate comes back with.
type Written = std::result::Result<(), ParquetError>;

/// How a table is written.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct TableOptions {
    /// Replace what is there.
    pub overwrite: bool,
}

setters!(TableOptions {
    overwrite(bool),
});

/// A table that was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableWritten {
    /// How many rows it has: one for each entry of the pack but its root.
    pub rows: u64,
    /// Its length in bytes.
    pub len: u64,
}

/// Writes a table of the entries of a pack, in key order, into the Parquet file `target`, which appears when it is whole.
///
/// The columns: `path`, `directory` and `name`, texts, in which bytes that are no UTF-8 are replaced, and then `path_hex` has the
/// bytes of the path; `kind`, `file`, `directory` or `symlink`; `mtime`, in nanoseconds, and `mode`; of a link `link_target`; of a
/// directory `size` is the sum of what is below it. Of a file: `size` in bytes; `volume`, the name of the file in which its
/// payload lies, at `offset`, `stored_size` bytes long; `codec` (FORMAT.md, "Payloads"); `sha256` of the payload as it lies
/// there, and `original_sha256` of the content where that is another.
///
/// Memory is bounded; nothing but the index is read.
///
/// # Errors
/// [`Error::Io`] when it cannot be written, and those of reading the index.
pub fn write_table(
    pack: &Pack,
    target: impl AsRef<Path>,
    options: TableOptions,
    observer: &dyn Observer,
) -> Result<TableWritten> {
    let target = target.as_ref();
    if let Some(own) = pack.location().disk() {
        refuse_same(target, own)?;
    }
    refuse_to_replace(target, options.overwrite)?;
    let replacement = Replacement::new(target)?;
    let failed = |error| Error::io(Action::Write, target)(of_system(error));
    let schema = parse_message_type(COLUMNS).map_err(failed)?;
    // Levels beyond the first make it hardly smaller.
    let level = ZstdLevel::try_new(1).map_err(failed)?;
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let mut out = replacement.writer();
    let mut writer = SerializedFileWriter::new(&mut out, Arc::new(schema), Arc::new(properties))
        .map_err(failed)?;
    let mut volumes = Volumes { pack, names: HashMap::new() };
    let (total, mut rows) = (pack.header().entries, 0);
    for start in (0..total).step_by(ROWS as usize) {
        go_on(observer, target)?;
        let mut entries = Vec::new();
        for entry in pack.entries_at(start..total.min(start + ROWS)) {
            let entry = entry?.to_entry().map_err(Error::pack(pack.location()))?;
            if let Kind::File(content) = &entry.kind {
                volumes.know(content)?;
            }
            observer.event(Event::Done { path: Escaped(entry.path.as_bytes()), bytes: 0 });
            entries.push(entry);
        }
        entries.retain(|entry| !entry.path.as_path().is_root());
        rows += entries.len() as u64;
        let group = writer.next_row_group().map_err(failed)?;
        write_group(&entries, &volumes, group).map_err(failed)?;
    }
    writer.close().map_err(failed)?;
    drop(out);
    let len = replacement.file().metadata().map_err(Error::io(Action::Examine, target))?.len();
    replacement.finish(Finish { overwrite: options.overwrite, sync: true })?;
    Ok(TableWritten { rows, len })
}

/// Names of the files that hold payloads.
struct Volumes<'p> {
    pack: &'p Pack,
    names: HashMap<u32, String>,
}

impl Volumes<'_> {
    fn know(&mut self, content: &Content) -> Result<()> {
        if self.names.contains_key(&content.volume) {
            return Ok(());
        }
        let name = match content.volume {
            0 => Vec::new(),
            number => self.pack.volume_name(number)?,
        };
        // The one without a name is the file that was opened, or the one that its index lies beside.
        let own = self.pack.location().name().as_encoded_bytes();
        let own = own.strip_suffix(b".rpx").filter(|_| content.volume > 0).unwrap_or(own);
        let name = text(if name.is_empty() { own } else { &name });
        self.names.insert(content.volume, name);
        Ok(())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What the system said, as far as it was the system.
fn of_system(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(source) => io::Error::other(source),
        },
        error => io::Error::other(error),
    }
}

/// Writes entries, column after column, as [`COLUMNS`] has them.
fn write_group<W: io::Write + Send>(
    entries: &[Entry],
    volumes: &Volumes<'_>,
    group: SerializedRowGroupWriter<'_, W>,
) -> Written {
    let mut rows = Rows { entries, group };
    let hex = |digest: Option<Digest>| digest.map(|digest| digest.to_string());
    rows.texts(|entry| Some(text(entry.path.as_bytes())))?;
    rows.texts(|entry| Some(text(entry.path.as_path().parent().as_bytes())))?;
    rows.texts(|entry| Some(text(entry.path.as_path().name())))?;
    rows.texts(|entry| Some(kind(entry).to_owned()))?;
    rows.numbers(|entry| match &entry.kind {
        Kind::File(content) => Some(content.size.cast_signed()),
        Kind::Directory(totals) => Some(totals.bytes.cast_signed()),
        Kind::Symlink(_) => None,
    })?;
    rows.numbers(|entry| entry.mtime)?;
    rows.numbers(|entry| entry.mode.map(i64::from))?;
    rows.texts(|entry| entry.content().and_then(|it| volumes.names.get(&it.volume).cloned()))?;
    rows.numbers(|entry| Some(entry.content()?.offset.cast_signed()))?;
    rows.numbers(|entry| Some(entry.content()?.stored_size.cast_signed()))?;
    rows.texts(|entry| Some(entry.content()?.codec.name().to_owned()))?;
    rows.texts(|entry| hex(entry.content()?.digest))?;
    rows.texts(|entry| hex(entry.content()?.original_digest))?;
    rows.texts(|entry| match &entry.kind {
        Kind::Symlink(target) => Some(text(target)),
        _ => None,
    })?;
    rows.texts(|entry| {
        let path = entry.path.as_bytes();
        let digits = || path.iter().map(|byte| format!("{byte:02x}")).collect();
        std::str::from_utf8(path).is_err().then(digits)
    })?;
    rows.group.close()?;
    Ok(())
}

/// A row group that is being written.
struct Rows<'e, 'g, W: io::Write> {
    entries: &'e [Entry],
    group: SerializedRowGroupWriter<'g, W>,
}

impl<W: io::Write + Send> Rows<'_, '_, W> {
    /// The next column, which has texts.
    fn texts(&mut self, of: impl Fn(&Entry) -> Option<String>) -> Written {
        self.column(
            |entry| of(entry).map(|text| ByteArray::from(text.into_bytes())),
            write::<ByteArrayType>,
        )
    }

    /// The next column, which has numbers; those that have no sign lie in the same bits.
    fn numbers(&mut self, of: impl Fn(&Entry) -> Option<i64>) -> Written {
        self.column(of, |column, values, levels| match column.untyped() {
            ColumnWriter::Int32ColumnWriter(_) => {
                let values: Vec<i32> = values.into_iter().map(|value| value as i32).collect();
                write::<Int32Type>(column, values, levels)
            }
            _ => write::<Int64Type>(column, values, levels),
        })
    }

    fn column<T>(
        &mut self,
        of: impl Fn(&Entry) -> Option<T>,
        write: impl FnOnce(&mut SerializedColumnWriter<'_>, Vec<T>, &[i16]) -> Written,
    ) -> Written {
        let values: Vec<Option<T>> = self.entries.iter().map(of).collect();
        let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
        let column = self.group.next_column()?;
        let mut column = column.ok_or_else(|| ParquetError::General("too many columns".into()))?;
        write(&mut column, values.into_iter().flatten().collect(), &levels)?;
        column.close()
    }
}

/// Writes the values that are there. Columns that always have one say nothing of that.
fn write<T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    values: Vec<T::T>,
    levels: &[i16],
) -> Written {
    let column = column.typed::<T>();
    let is_optional = column.get_descriptor().max_def_level() > 0;
    column.write_batch(&values, is_optional.then_some(levels), None)?;
    Ok(())
}

fn kind(entry: &Entry) -> &'static str {
    match entry.kind {
        Kind::File(_) => "file",
        Kind::Directory(_) => "directory",
        Kind::Symlink(_) => "symlink",
    }
}
