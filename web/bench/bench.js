/**
 * What it costs to open an archive on a server and read one file out of it, in Node: time, requests, bytes, memory.
 * Prints a table; `cargo xtask bench web` puts it into docs/performance.md.
 *
 *   npm run bench -w bench -- [--folder DIR] [--runs N] [--rangepack COMMAND] [COUNT…]
 *
 * COMMAND is the path of the native one, as RANGEPACK is; without either cargo builds it. On a busy machine give all of
 * it a higher priority (`chrt -r 1 npm run …`). The archives, 4 GB for all of 1,000, 100,000 and 1,000,000 files, stay
 * in the folder for the next time. Node's own `fetch` is loaded before the clock starts, and so is the library.
 */

import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { makeArchives } from './archives.js';
import { nativeCommand } from './native.js';
import { serve } from './server.js';

/** Milliseconds that every answer takes. */
const LATENCY = 50;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    folder: { type: 'string', default: join(tmpdir(), 'rangepack-bench') },
    runs: { type: 'string', default: '5' },
    rangepack: { type: 'string' },
  },
});
const counts = positionals.length > 0 ? positionals.map(Number) : [1000, 100_000, 1_000_000];

/** @type {{ library: string, note?: string, tool: string, file: 'pack' | 'zip' | 'pmtiles' }[]} */
const contestants = [
  { library: 'rangepack', tool: 'rangepack', file: 'pack' },
  { library: '@zip.js/zip.js', tool: 'zip.js', file: 'zip' },
  { library: 'unzipit', tool: 'unzipit', file: 'zip' },
  { library: 'pmtiles', note: 'keys are numbers, not names', tool: 'pmtiles', file: 'pmtiles' },
];

/**
 * @param {string} tool
 * @param {string} address
 * @param {number} index
 */
async function measure(tool, address, index) {
  const script = fileURLToPath(new URL('read-one.js', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [script, tool, address, String(index)]);
  return /** @type {{ seconds: number, rss: number }} */ (JSON.parse(stdout));
}

/** @param {number[]} numbers */
const median = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1] ?? NaN;

/** @param {number} bytes */
const size = (bytes) => (bytes < 1e6 ? `${Math.round(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`);

/** @param {number} count */
const thousands = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ' ');

/** @param {string} library */
async function version(library) {
  return JSON.parse(await readFile(new URL(`../node_modules/${library}/package.json`, import.meta.url), 'utf8')).version;
}

const rangepack = nativeCommand(values.rangepack);
console.error(`packs are made by ${rangepack}`);
const server = await serve(values.folder, LATENCY);
const cells = contestants.map(() => /** @type {string[]} */ ([]));
for (const count of counts) {
  const archives = await makeArchives(values.folder, count, rangepack);
  // In the middle of the middle directory.
  const index = Math.floor(count / 2000) * 1000 + 500;
  const runs = contestants.map(() => /** @type {{ seconds: number, rss: number, requests: number, bytes: number }[]} */ ([]));
  for (let run = 0; run < Number(values.runs); run++) {
    // In turn, so that what else the machine does falls on all of them.
    for (const [i, { tool, file }] of contestants.entries()) {
      Object.assign(server.counted, { requests: 0, bytes: 0 });
      const measured = await measure(tool, `${server.origin}/${archives[file]}`, index);
      runs[i]?.push({ ...measured, ...server.counted });
    }
  }
  for (const [i, row] of cells.entries()) {
    /** @param {'seconds' | 'rss' | 'requests' | 'bytes'} what */
    const of = (what) => median((runs[i] ?? []).map((run) => run[what]));
    const time = of('seconds');
    row.push(`${time.toFixed(time < 1 ? 2 : 1)} s, ${of('requests')} requests, ${size(of('bytes'))}, ${size(of('rss'))}`);
  }
}
server.close();

console.log(`Node ${process.versions.node}, ${cpus().length} × ${cpus()[0]?.model}; medians of ${values.runs} runs.\n`);
console.log(`| ${LATENCY} ms a request | ${counts.map((count) => `${thousands(count)} files`).join(' | ')} |`);
console.log(`|---|${counts.map(() => '---|').join('')}`);
for (const [i, { library, note }] of contestants.entries()) {
  const name = `${library} ${await version(library)}${note === undefined ? '' : ` (${note})`}`;
  console.log(`| ${name} | ${cells[i]?.join(' | ')} |`);
}
