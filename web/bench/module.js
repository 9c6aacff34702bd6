/**
 * How fast the package is by itself, in Node: look-ups with all pages at hand, and many files over the loopback beside one `fetch`
 * each. Prints JSON.
 *
 *   npm run module -w bench -- PACK ROUNDS
 */

import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { openPack } from 'rangepack';
import { serve } from './server.js';

const [path = '', rounds = '3'] = process.argv.slice(2);
/** `fetch`es at a time, more than which make Node no faster. */
const AT_ONCE = 32;

const server = await serve(dirname(path), 0);
const address = `${server.origin}/${basename(path)}`;
const local = await openPack(path);
const paths = [];
const extents = [];
for await (const entry of local.walk()) {
  if (entry.kind !== 'file') continue;
  paths.push(entry.path);
  extents.push({ start: Number(entry.offset), length: Number(entry.size) });
}

async function lookups() {
  let found = 0;
  const count = 200_000;
  const began = performance.now();
  for (let i = 0; i < count; i++) found += (await local.stat(paths[(i * 7919) % paths.length])).size > 0 ? 1 : 0;
  if (found !== count) throw new Error('some are missing');
  return (count / (performance.now() - began)) * 1000;
}

async function readMany() {
  const began = performance.now();
  const pack = await openPack(address);
  let read = 0;
  for await (const { bytes } of pack.readMany(pack.walk())) read += bytes === undefined ? 0 : 1;
  pack.close();
  if (read !== paths.length) throw new Error('some are missing');
  return (read / (performance.now() - began)) * 1000;
}

/** The bytes alone: nothing is looked up or verified. */
async function fetchEach() {
  const began = performance.now();
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < extents.length; i = next++) {
      const { start, length } = extents[i];
      const answer = await fetch(address, { headers: { Range: `bytes=${start}-${start + length - 1}` } });
      if ((await answer.arrayBuffer()).byteLength !== length) throw new Error('these are not the bytes of the file');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return (extents.length / (performance.now() - began)) * 1000;
}

/** @type {Record<string, number[]>} */
const rates = { lookups: [], readMany: [], fetchEach: [] };
for (let round = 0; round <= Number(rounds); round++) {
  for (const [name, run] of Object.entries({ lookups, readMany, fetchEach })) {
    const rate = await run();
    // The first one runs before the code is optimised.
    if (round > 0) rates[name].push(rate);
  }
}
const module = await readFile(fileURLToPath(import.meta.resolve('rangepack/rangepack.wasm')));
console.log(JSON.stringify({ ...rates, module: gzipSync(module, { level: 9 }).length }));
process.exit(0);
