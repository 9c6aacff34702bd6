/** Text that is packed with gzip, as it comes and as it should not: files of a pack, and what is said of each. */

import { gzipSync } from 'node:zlib';
import { lines } from './sample.js';

const record = (/** @type {number} */ i) => ({ id: i, kind: i % 2 ? 'click' : 'view' });
const table = `id,square\n${lines(200_000, (i) => `${i},${i * i}`)}`;

/** What every file is, and one text that it shows. @type {Record<string, [content: Uint8Array, kind: string, ...texts: string[]]>} */
export const GZIPPED = {
  'notes.txt.gz': [gzipSync('first line\nschöne Grüße\n'), 'text', 'schöne Grüße', 'Unpacked from gzip'],
  'tool.py.gz': [gzipSync('def greet(name):\n    return name\n'), 'text', 'def greet', 'Unpacked from gzip'],
  'config.json.gz': [gzipSync('{"name": "sample", "list": [1, 2, {"deep": true}]}'), 'json', '"sample"', 'Unpacked from gzip'],
  'people.csv.gz': [gzipSync('name,age\nAda,36\nGrace,85\n'), 'table', 'Grace', 'Unpacked from gzip'],
  'people.tsv.gz': [gzipSync('name\tage\nAda\t36\n'), 'table', 'Ada', 'Unpacked from gzip'],
  'events.jsonl.gz': [gzipSync(lines(2_000, (i) => JSON.stringify(record(i)))), 'table', 'click', 'Unpacked from gzip'],
  'README.md.gz': [gzipSync('# A heading\n\nAnd *text*.\n'), 'markdown', 'A heading', 'Unpacked from gzip'],
  'changelog.Debian.gz': [gzipSync('hello (1.0) unstable; urgency=low\n'), 'text', 'urgency=low', 'Unpacked from gzip'],
  'empty.txt.gz': [gzipSync(''), 'text', 'This file is empty'],
  'large.csv.gz': [gzipSync(table), 'table', 'square', 'Unpacked from gzip: the first 1.00 MiB'],
  'large.json.gz': [gzipSync(JSON.stringify(Array.from({ length: 400_000 }, (_, i) => record(i)), null, 1)), 'text', '"kind": "view"', 'Unpacked from gzip: the first 1.00 MiB'],
  // Made of many, as `cat a.gz b.gz` and bgzip make them.
  'joined.txt.gz': [Buffer.concat([gzipSync('one\n'), gzipSync(''), gzipSync('two\n'.repeat(5_000)), gzipSync(lines(5_000, (i) => `line ${i} ${Math.sin(i)}`)), gzipSync('the last one')]), 'text', 'one', 'Unpacked from gzip'],
  'parts.txt.gz': [Buffer.concat(['one\n', '', 'two\n', 'three\n'].map((text) => gzipSync(text))), 'text', 'one', 'two', 'three', 'Unpacked from gzip'],
  'torn.log.gz': [gzipSync(lines(60_000, (i) => `line ${i} ${Math.sin(i)}`)).subarray(0, 300_000), 'text', 'line 5 ', 'it is damaged: these are the first'],
  'followed.log.gz': [Buffer.concat([gzipSync(lines(60_000, (i) => `line ${i} ${Math.cos(i)}`)), Buffer.from('what is no gzip')]), 'text', 'line 5 ', 'Unpacked from gzip'],
  'bomb.txt.gz': [gzipSync(Buffer.alloc(400_000_000, 'never again\n'), { level: 1 }), 'text', 'never again', 'Unpacked from gzip: the first'],
  'bombs.txt.gz': [gzipSync(gzipSync(Buffer.alloc(100_000_000, 'x'))), 'text', '\ufffd', 'Unpacked from gzip'],
  'none.txt.gz': [Buffer.from('this is plain text\n'), 'hex', '74 68 69 73', 'This is no gzip file, or a damaged one.'],
  'archive.tar.gz': [gzipSync(Buffer.alloc(10_240)), 'hex', '1f 8b 08'],
  'unknown.gz': [gzipSync(Buffer.from([0, 1, 2, 3, 255])), 'hex', '1f 8b 08'],
};

export const filesOf = () => Object.fromEntries(Object.entries(GZIPPED).map(([name, [content]]) => [name, content]));
