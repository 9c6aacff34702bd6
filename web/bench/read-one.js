/**
 * Opens an archive on a server and reads one file out of it; in a process of its own, so that time and memory are
 * those of that alone.
 *
 *   node read-one.js TOOL ADDRESS INDEX
 */

import { readFile } from 'node:fs/promises';
import { contentOf, nameOf } from './archives.js';

const [tool = '', address = '', number = '0'] = process.argv.slice(2);
const index = Number(number);

/** @type {Record<string, () => Promise<() => Promise<Uint8Array>>>} loads the library, then gives what is measured */
const tools = {
  async rangepack() {
    const { openPack } = await import('rangepack');
    return async () => (await openPack(address)).readFile(nameOf(index));
  },
  async 'zip.js'() {
    const { HttpReader, Uint8ArrayWriter, ZipReader, configure } = await import('@zip.js/zip.js');
    configure({ useWebWorkers: false });
    return async () => {
      const reader = new ZipReader(new HttpReader(address, { useRangeHeader: true, combineSizeEocd: true }));
      // One after the other: it need not hold them all, and stops at the one that it is looking for.
      for await (const entry of reader.getEntriesGenerator()) {
        if (entry.filename === nameOf(index) && !entry.directory) return entry.getData(new Uint8ArrayWriter());
      }
      throw new Error('not found');
    };
  },
  async unzipit() {
    const { HTTPRangeReader, unzip } = await import('unzipit');
    return async () => {
      const { entries } = await unzip(new HTTPRangeReader(address));
      const entry = entries[nameOf(index)];
      if (entry === undefined) throw new Error('not found');
      return new Uint8Array(await entry.arrayBuffer());
    };
  },
  async pmtiles() {
    const { FetchSource, PMTiles, tileIdToZxy } = await import('pmtiles');
    return async () => {
      const answer = await new PMTiles(new FetchSource(address)).getZxy(...tileIdToZxy(index));
      if (answer === undefined) throw new Error('not found');
      return new Uint8Array(answer.data);
    };
  },
};

const load = tools[tool];
if (load === undefined) throw new Error(`TOOL is one of ${Object.keys(tools).join(', ')}`);
const readOne = await load();
// Node loads its own `fetch` when that is first called; browsers have it.
await fetch('data:,');
const began = performance.now();
const bytes = await readOne();
const seconds = (performance.now() - began) / 1000;
if (Buffer.compare(bytes, contentOf(index)) !== 0) throw new Error('these are not the bytes of the file');
console.log(JSON.stringify({ seconds, rss: await peak() }));
process.exit(0);

/** The most memory that the process had, in bytes. What `getrusage` says includes that of the process before `exec`. */
async function peak() {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '');
  const found = /^VmHWM:\s*(\d+) kB$/m.exec(status);
  return found === null ? process.resourceUsage().maxRSS * 1024 : Number(found[1]) * 1024;
}
