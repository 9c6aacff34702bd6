/**
 * SQLite over a file of which only some blocks are at hand. A question that needs others is answered with their numbers; it is
 * asked again when they have come. So nothing waits in here, and the library needs no way to wait.
 */

import * as SQLite from '@journeyapps/wa-sqlite';
import { FacadeVFS } from '@journeyapps/wa-sqlite/src/FacadeVFS.js';
import makeModule from '@journeyapps/wa-sqlite/dist/wa-sqlite.mjs';
import wasm from '@journeyapps/wa-sqlite/dist/wa-sqlite.wasm?url';
import { BLOCK, MOST_COLUMNS, type Answer, type Place, type Question, type Rowid, type Table } from './sqlite.ts';
import { cellText } from './table.ts';

/** Blocks that are kept. */
const MOST_BLOCKS = 512;
const MOST_TABLES = 1000;
/** Steps of the machine that runs queries, after which one is given up; a page of rows takes some thousands. */
const MOST_STEPS = 50_000_000;
const STEPS = 100_000;
/** Bytes of one value. */
const LONGEST_VALUE = 16 * 1024 * 1024;
/** Databases up to this size are counted. */
const COUNTED = 4 * 1024 * 1024;

const blocks = new Map<number, Uint8Array>();
let missing = new Set<number>();
let size = 0;

/** One file that can only be read. */
class Blocks extends FacadeVFS {
  jOpen(name: string | null, _file: number, flags: number, outFlags: DataView) {
    if (name === null || !name.endsWith('pack.db')) return SQLite.SQLITE_CANTOPEN;
    outFlags.setInt32(0, flags, true);
    return SQLite.SQLITE_OK;
  }

  jAccess(_name: string, _flags: number, out: DataView) {
    out.setInt32(0, 0, true);
    return SQLite.SQLITE_OK;
  }

  jFileSize(_file: number, out: DataView) {
    out.setBigInt64(0, BigInt(size), true);
    return SQLite.SQLITE_OK;
  }

  jRead(_file: number, target: Uint8Array, offset: number) {
    const end = Math.min(offset + target.length, size);
    for (let at = offset; at < end; ) {
      const number = Math.floor(at / BLOCK);
      const block = blocks.get(number);
      if (block === undefined) {
        missing.add(number);
        return SQLite.SQLITE_IOERR;
      }
      const part = block.subarray(at - number * BLOCK, Math.min(end - number * BLOCK, BLOCK));
      if (part.length === 0) return SQLite.SQLITE_IOERR;
      target.set(part, at - offset);
      at += part.length;
    }
    if (end < offset + target.length) {
      target.fill(0, Math.max(end - offset, 0));
      return SQLite.SQLITE_IOERR_SHORT_READ;
    }
    // One with a log beside it is read without: nobody writes it any more.
    for (const at of [18, 19]) if (offset <= at && at < end && target[at - offset] === 2) target[at - offset] = 1;
    return SQLite.SQLITE_OK;
  }

  jDeviceCharacteristics() {
    return SQLite.SQLITE_IOCAP_IMMUTABLE;
  }
}

/** The library, loaded once. */
let loaded: Promise<SQLiteAPI> | undefined;
/** The database, once the blocks were there that opening takes. */
let opened: { api: SQLiteAPI; db: number } | undefined;
let steps = 0;

async function load(): Promise<SQLiteAPI> {
  const module = await (makeModule as (options: object) => Promise<unknown>)({ locateFile: () => new URL(wasm, import.meta.url).href });
  const api = (SQLite.Factory as (module: unknown) => SQLiteAPI)(module);
  api.vfs_register(new Blocks('blocks', module) as unknown as SQLiteVFS, false);
  return api;
}

async function open() {
  const api = await (loaded ??= load());
  const db = await api.open_v2('pack.db', SQLite.SQLITE_OPEN_READONLY, 'blocks');
  try {
    api.limit(db, SQLite.SQLITE_LIMIT_LENGTH, LONGEST_VALUE);
    api.progress_handler(db, STEPS, () => ((steps += STEPS) > MOST_STEPS ? 1 : 0), undefined);
    // What the schema of a stranger says is not trusted, and all of it together has a limit.
    await api.exec(db, 'PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA query_only = ON; PRAGMA hard_heap_limit = 268435456');
  } catch (error) {
    await api.close(db);
    throw error;
  }
  return { api, db };
}

type Value = number | bigint | string | Uint8Array | null;

async function query(sql: string, values: Value[] = [], most = Infinity): Promise<Value[][]> {
  const { api, db } = (opened ??= await open());
  const rows: Value[][] = [];
  for await (const statement of api.statements(db, sql)) {
    if (values.length > 0) api.bind_collection(statement, values as SQLiteCompatibleType[]);
    while (rows.length < most && (await api.step(statement)) === SQLite.SQLITE_ROW) {
      // Bytes in there are only lent.
      rows.push(api.row(statement).map((value) => (value instanceof Uint8Array ? value.slice() : value) as Value));
    }
  }
  return rows;
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

async function tables(): Promise<Answer> {
  const list = await query("SELECT name, type, wr FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type = 'shadow', name", [], MOST_TABLES + 1);
  const hints = await estimates();
  const found: Table[] = [];
  for (const [name, kind, withoutRowid] of list.slice(0, MOST_TABLES)) found.push(await tableOf(String(name), String(kind), withoutRowid !== 0, hints));
  return { tables: found, more: list.length > MOST_TABLES };
}

async function tableOf(name: string, kind: string, withoutRowid: boolean, hints: Map<string, number>): Promise<Table> {
  const described = await orNothing(query('SELECT name, type, pk FROM pragma_table_xinfo(?) WHERE hidden <> 1', [name], MOST_COLUMNS));
  const keys = described.filter(([, , key]) => key !== 0);
  const columns = described.map(([column, type]) => ({ name: String(column), type: String(type).toLowerCase() }));
  const taken = new Set(columns.map((column) => column.name.toLowerCase()));
  const hasRowid = kind === 'table' && !withoutRowid;
  const rowid = hasRowid ? ['rowid', '_rowid_', 'oid'].find((word) => !taken.has(word)) : undefined;
  const counts = kind === 'table' && size <= COUNTED ? await orNothing(query(`SELECT count(*) FROM ${quoted(name)}`)) : [];
  const counted = counts[0]?.[0];
  const isColumn = keys.length === 1 && String(keys[0]?.[1]).toLowerCase() === 'integer';
  return { name, kind, columns, rowid, isColumn, rows: typeof counted === 'number' ? counted : hints.get(name), about: typeof counted !== 'number' };
}

/** What `ANALYZE` has found, where it was run. */
async function estimates(): Promise<Map<string, number>> {
  const rows = await orNothing(query('SELECT tbl, stat FROM sqlite_stat1', [], 10_000));
  return new Map(rows.flatMap(([table, stat]) => {
    const count = Number.parseInt(String(stat), 10);
    return Number.isSafeInteger(count) && count >= 0 ? [[String(table), count] as const] : [];
  }));
}

/** What cannot be told is left out; what is missing is not. */
async function orNothing(rows: Promise<Value[][]>): Promise<Value[][]> {
  try {
    return await rows;
  } catch (error) {
    if (missing.size > 0) throw error;
    return [];
  }
}

async function rows(table: Table, place: Place, limit: number): Promise<Answer> {
  const { name, rowid } = table;
  // Of bytes only their length is read.
  const columns = table.columns.slice(0, MOST_COLUMNS).map((column) => `typeof(${quoted(column.name)}), CASE typeof(${quoted(column.name)}) WHEN 'blob' THEN length(${quoted(column.name)}) ELSE ${quoted(column.name)} END`);
  const what = [rowid ?? '0', ...columns].join(', ');
  const backwards = 'before' in place || 'last' in place;
  const [where, values] = 'after' in place ? [`WHERE ${rowid} > ?`, [place.after]] : 'before' in place ? [`WHERE ${rowid} < ?`, [place.before]] : 'from' in place ? [`WHERE ${rowid} >= ?`, [place.from]] : ['', []];
  const order = rowid === undefined ? '' : `ORDER BY ${rowid} ${backwards ? 'DESC' : ''}`;
  const offset = 'offset' in place ? `OFFSET ${Math.max(0, Math.floor(place.offset))}` : '';
  const found = await query(`SELECT ${what} FROM ${quoted(name)} ${where} ${order} LIMIT ${limit} ${offset}`, values, limit);
  if (backwards) found.reverse();
  return { rows: found.map(([, ...cells]) => textOf(cells)), ids: rowid === undefined ? [] : found.map(([id]) => id as Rowid) };
}

function textOf(cells: Value[]): string[] {
  return Array.from({ length: cells.length / 2 }, (_, i) => {
    const value = cells[i * 2 + 1];
    return cells[i * 2] === 'blob' ? `${value} bytes` : cellText(value);
  });
}

async function answer({ task, blocks: came, ...rest }: Question): Promise<Answer> {
  size = rest.size;
  for (const [number, bytes] of came) blocks.set(number, bytes);
  for (const [oldest] of blocks) {
    if (blocks.size <= MOST_BLOCKS) break;
    blocks.delete(oldest);
  }
  missing = new Set();
  steps = 0;
  try {
    return 'tables' in task ? await tables() : await rows(task.table, task.place, task.limit);
  } catch (error) {
    if (missing.size > 0) return { missing: [...missing] };
    const message = error instanceof Error ? error.message : String(error);
    return { error: steps > MOST_STEPS ? 'This takes too long to be shown here.' : message };
  }
}

addEventListener('message', ({ data }: MessageEvent<Question>) => void answer(data).then((found) => postMessage(found)));
