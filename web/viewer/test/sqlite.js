/** Databases of SQLite for the tests, made by the library that the viewer reads them with. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as SQLite from '@journeyapps/wa-sqlite';
import makeModule from '@journeyapps/wa-sqlite/dist/wa-sqlite.mjs';
import { MemoryVFS } from '@journeyapps/wa-sqlite/src/examples/MemoryVFS.js';

const wasm = fileURLToPath(import.meta.resolve('@journeyapps/wa-sqlite/dist/wa-sqlite.wasm'));

/** @type {any} */
const module = await /** @type {any} */ (makeModule)({ wasmBinary: readFileSync(wasm) });
const api = SQLite.Factory(module);
/** @type {any} */
const memory = await MemoryVFS.create('memory', module);
api.vfs_register(memory, true);
let made = 0;

/** The bytes of a database that these statements make. @param {string} sql @returns {Promise<Buffer>} */
export async function database(sql) {
  const name = `made-${made++}`;
  const db = await api.open_v2(name);
  await api.exec(db, sql);
  const file = memory.mapNameToFile.get(`/${name}`);
  const bytes = Buffer.from(new Uint8Array(file.data, 0, file.size));
  await api.close(db);
  return bytes;
}
