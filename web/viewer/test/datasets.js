/** A tree with the habits of datasets: classes, captions, boxes. All of it is made here. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { wavOf } from '../../reader/test/wav.js';
import { npy, png } from './sample.js';
import { database } from './sqlite.js';

const CLASSES = ['dipper', 'goldcrest', 'nuthatch', 'redstart', 'wren'];

/** Tables of every kind, with values of every kind. */
const BIRDS = await database(`
  CREATE TABLE sightings (id INTEGER PRIMARY KEY, site TEXT, species TEXT, count INT, weight REAL, photo BLOB);
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
    INSERT INTO sightings SELECT i * 3, 'site ' || (i % 4), substr('wren dippernuthatchredstart', (i % 4) * 7 + 1, 7), i % 12, i / 8.0, CASE WHEN i % 50 = 0 THEN zeroblob(i) END FROM n;
  CREATE TABLE species (name TEXT PRIMARY KEY, latin TEXT) WITHOUT ROWID;
  WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 250)
    INSERT INTO species SELECT printf('bird %03d', i), 'avis ' || i FROM n;
  CREATE TABLE "odd ""name"" <b>" (rowid TEXT, _rowid_ TEXT, oid TEXT);
  INSERT INTO "odd ""name"" <b>" VALUES ('<img src=x onerror=top.attacked=1>', NULL, 'ü');
  CREATE TABLE big (n INTEGER); INSERT INTO big VALUES (9007199254740993), (-9223372036854775808);
  CREATE VIEW counts AS SELECT species, sum(count) AS total FROM sightings GROUP BY species;
`);

/** Nothing that ends by itself, or fits into memory. */
const ENDLESS = await database(`
  CREATE TABLE fine (a); INSERT INTO fine VALUES (1);
  CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS all_of_them FROM n;
  CREATE VIEW huge AS SELECT length(zeroblob(1000000000)) AS bytes;
  CREATE VIEW memory AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT group_concat(i) AS text FROM n;
`);

/** @param {string} folder */
export function makeDatasets(folder) {
  /** @param {string} path @param {string | Uint8Array} content */
  const file = (path, content) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };
  // The stage makes an old container of it.
  file('code/Dockerfile', 'FROM debian:trixie\n# nothing else\nRUN true\n');
  for (const [i, name] of CLASSES.entries()) {
    for (let shot = 0; shot < 9 - i; shot++) file(`birds/train/${name}/${String(shot).padStart(4, '0')}.png`, png(160, 120, i * 17 + shot));
  }
  for (const name of CLASSES.slice(0, 2)) file(`birds/val/${name}/0001.png`, png(160, 120, name.length));

  for (let i = 0; i < 12; i++) file(`captioned/shot-${i + 10}.png`, png(240, 180, i * 5));
  for (let i = 0; i < 10; i += 2) file(`captioned/shot-${i + 10}.txt`, `hills in the morning, number ${i}, with the sun above the second ridge and haze in the valley\n`);
  for (let i = 1; i < 10; i += 2) file(`captioned/shot-${i + 10}.json`, JSON.stringify({ id: i, caption: `dusk, number ${i}`, score: 0.5 }));
  file('captioned/shot-20.json', JSON.stringify({ camera: 'north', exposure: 0.01, tags: ['a'] }));
  file('captioned/shot-21.txt', `<img src=x onerror="top.attacked=1"> ${'long '.repeat(2_000)}`);

  for (let i = 0; i < 3; i++) file(`boxed/images/view-${i}.png`, png(480, 320, 40 + i));
  file('boxed/annotations/instances_all.json', JSON.stringify(coco()));
  file('boxed/single/own.png', png(480, 320, 50));
  file('boxed/single/own.json', JSON.stringify({ objects: [{ bbox: [10, 20, 100, 50], label: 'ridge' }], caption: 'one ridge' }));
  file('boxed/none/nan.png', png(480, 320, 51));
  // As Python writes what is no number.
  file('boxed/none/nan.json', '{"score": NaN, "boxes": [{"bbox": [10, 20, NaN, 50]}, {"bbox": [10, 20, 100, 50], "label": "NaN, \\"Infinity\\"", "area": -Infinity}]}');
  file('boxed/none/torn.png', png(480, 320, 52));
  file('boxed/none/torn.json', '{"boxes": [{"bbox": [10, 20,');
  file('tensors/model.safetensors', safetensors(weights(), { format: 'pt', license: '<b>MIT</b>' }));
  file('tensors/large.safetensors', safetensors({ 'embed.weight': { dtype: 'F32', shape: [1500, 1024], bytes: Buffer.from(normal(1500 * 1024).buffer) } }));
  file('tensors/image.npy', npy('<f4', [60, 90], Float32Array.from({ length: 5_400 }, (_, i) => Math.sin((i % 90) / 9) * Math.cos(i / 90 / 7))));
  file('tensors/arrays.npz', zip([
    ['images.npy', npy('<i2', [4, 5], Int16Array.from({ length: 20 }, (_, i) => i - 5)), false],
    ['packed.npy', npy('<f4', [300, 40], normal(12_000)), true],
    ['labels.npy', npy('<i2', [1_000], Int16Array.from({ length: 1_000 }, (_, i) => i % 10)), true],
    ['readme.npy', Buffer.from('no array'), false],
  ]));
  file('notebook.ipynb', JSON.stringify(notebook(png(320, 200, 9))));
  file('hostile/notebook.ipynb', JSON.stringify(hostileNotebook()));
  file('hostile/deep.ipynb', `{"cells": ${'['.repeat(20_000)}`);
  file('hostile/old.ipynb', JSON.stringify({ nbformat: 3, worksheets: [] }));
  file('hostile/odd.ipynb', JSON.stringify({ nbformat: 4, metadata: 7, cells: [null, 1, 'x', {}, { cell_type: 'code', source: 5, outputs: 'x' }, { cell_type: 'code', source: ['ok = 1'], outputs: [null, { output_type: 'display_data', data: { 'image/png': '%%%', 'text/plain': 'no picture' } }] }] }));
  file('tables/birds.sqlite', BIRDS);
  // The header of a log has 32 bytes; behind them are changes.
  file('tables/logged.db', ENDLESS);
  file('tables/logged.db-wal', Buffer.alloc(4_152));
  file('tables/calm.db', ENDLESS);
  file('tables/calm.db-wal', Buffer.alloc(32));
  file('hostile/endless.db', ENDLESS);
  file('hostile/none.db', 'no database');
  file('hostile/torn.sqlite', BIRDS.subarray(0, 20_000));
  for (const seed of [1, 2, 3, 4]) file(`hostile/wrong-${seed}.sqlite`, damaged(BIRDS, seed));
  file('sounds/call.wav', wavOf(song(20)));
  file('sounds/night.wav', wavOf(song(400)));
  file('hostile/chunks.wav', Buffer.concat([Buffer.from('RIFF\xff\xff\xff\xffWAVE', 'latin1'), Buffer.from(`LIST\0\0\0\0`.repeat(5_000))]));
  file('hostile/long-header.safetensors', Buffer.concat([Buffer.from('ffffffffffffff7f', 'hex'), Buffer.from('{}')]));
  file('hostile/no-json.safetensors', safetensorsOf('{"a": ', Buffer.alloc(9)));
  file('hostile/lies.safetensors', safetensorsOf(JSON.stringify(lies()), Buffer.alloc(16)));
  file('hostile/bomb.npz', bomb());
  file('hostile/none.npz', 'PK no zip at all');
  file('hostile/boxes/x.png', png(120, 90, 3));
  file('hostile/boxes/annotations.json', hostileBoxes());
}

function coco() {
  const categories = [{ id: 1, name: 'sun' }, { id: 2, name: 'hill' }, { id: 3, name: 'sky' }];
  const images = [0, 1, 2].map((id) => ({ id, file_name: `view-${id}.png`, width: 480, height: 320 }));
  // As if it was made of pictures twice as large.
  Object.assign(images[1] ?? {}, { width: 960, height: 640 });
  return {
    images,
    categories,
    annotations: [
      { id: 1, image_id: 0, category_id: 1, bbox: [60, 70, 70, 60] },
      { id: 2, image_id: 0, category_id: 2, bbox: [0, 160, 300, 160] },
      { id: 3, image_id: 0, category_id: 2, bbox: [250, 190, 400, 200] },
      { id: 4, image_id: 0, category_id: 3, bbox: [4, 2, 470, 100] },
      { id: 5, image_id: 1, category_id: 1, bbox: [480, 320, 480, 320] },
    ],
  };
}

/** Numbers that are none, lie outside or are beyond all measure; and far too many. */
function hostileBoxes() {
  const bad = ['[1e308, 1e308, 1e308, 1e308]', '["a", {}, null, []]', '[-1e999, 0, 1e999, 1]', '[0, 0, -5, -5]', '[500, 500, 10, 10]', '[]', '"no box"', 'null', '[-1e9, -1e9, 2e9, 2e9]'];
  const annotations = bad.map((bbox, id) => `{"id": ${id}, "image_id": 1, "category_id": {"__proto__": 1}, "bbox": ${bbox}}`);
  const many = Array.from({ length: 40_000 }, (_, i) => `{"image_id":1,"category_id":7,"bbox":[${i % 100},${i % 80},9,9]}`);
  return `{"images": [{"id": 1, "file_name": "x.png", "width": 1e400, "height": "tall"}, null, 7], "categories": [{"id": 7, "name": "<img src=x onerror='top.attacked=1'>"}, []], "annotations": [null, 3, ${[...annotations, ...many].join(',')}]}`;
}

/** Numbers as weights have them, the same each time. @param {number} length */
function normal(length) {
  let state = 7;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
  return Float32Array.from({ length }, () => (random() + random() + random() + random() - 2) * 0.05);
}

/** @typedef {{ dtype: string, shape: number[], bytes: Uint8Array }} Weight */

/** @returns {Record<string, Weight>} */
function weights() {
  const floats = normal(64 * 96);
  const upper = Uint16Array.from(floats, (value) => (new Uint32Array(Float32Array.of(value).buffer)[0] ?? 0) >>> 16);
  const bytes = (/** @type {{ buffer: ArrayBufferLike }} */ { buffer }) => Buffer.from(/** @type {ArrayBuffer} */ (buffer));
  return {
    'model.embed_tokens.weight': { dtype: 'F32', shape: [64, 96], bytes: bytes(floats) },
    'model.layers.0.mlp.down_proj.weight': { dtype: 'BF16', shape: [64, 96], bytes: bytes(upper) },
    'model.layers.0.norm.weight': { dtype: 'F16', shape: [4], bytes: bytes(Uint16Array.of(0x3c00, 0xc000, 0x7c00, 0x7e00)) },
    'model.layers.0.mask': { dtype: 'BOOL', shape: [2, 3], bytes: Buffer.from([1, 0, 1, 1, 0, 0]) },
    'model.layers.0.scale': { dtype: 'F8_E4M3', shape: [3], bytes: Buffer.from([0x38, 0xb8, 0x7f]) },
    'model.positions': { dtype: 'I64', shape: [5], bytes: bytes(BigInt64Array.of(1n, 2n, 3n, 4n, -5n)) },
    'model.scalar': { dtype: 'F64', shape: [], bytes: bytes(Float64Array.of(2.5)) },
  };
}

/** @param {Record<string, Weight>} weights @param {Record<string, string>} [metadata] */
function safetensors(weights, metadata) {
  let at = 0;
  const header = Object.entries(weights).map(([name, { dtype, shape, bytes }]) => [name, { dtype, shape, data_offsets: [at, (at += bytes.length)] }]);
  const parts = Object.values(weights).map(({ bytes }) => bytes);
  return safetensorsOf(JSON.stringify({ ...(metadata && { __metadata__: metadata }), ...Object.fromEntries(header) }), Buffer.concat(parts));
}

/** @param {string} header @param {Uint8Array} data */
function safetensorsOf(header, data) {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), data]);
}

const lies = () => ({
  __metadata__: { html: '<img src=x onerror=top.attacked=1>' },
  'far away': { dtype: 'F32', shape: [4], data_offsets: [1e15, 1e15 + 16] },
  'too many': { dtype: 'F32', shape: [1e9, 1e9], data_offsets: [0, 16] },
  backwards: { dtype: 'F32', shape: [4], data_offsets: [16, 0] },
  negative: { dtype: 'F32', shape: [-4], data_offsets: [0, 16] },
  texts: { dtype: 7, shape: 'x', data_offsets: 'y' },
  'null': null,
  unknown: { dtype: 'Q9', shape: [4], data_offsets: [0, 16] },
  empty: { dtype: 'F32', shape: [0], data_offsets: [0, 0] },
  '<img src=x onerror=top.attacked=1>': { dtype: 'U8', shape: [16], data_offsets: [0, 16] },
});

/**
 * A zip as NumPy writes it.
 *
 * @param {[name: string, content: Uint8Array, deflated: boolean, size?: number][]} members
 */
export function zip(members) {
  const [locals, directory] = [/** @type {Buffer[]} */ ([]), /** @type {Buffer[]} */ ([])];
  let at = 0;
  for (const [name, content, deflated, size = content.length] of members) {
    const stored = deflated ? deflateRawSync(content) : content;
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(deflated ? 8 : 0, 4);
    fields.writeUInt32LE(stored.length, 14);
    fields.writeUInt32LE(size, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), stored]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(at, 10);
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), fields, place, Buffer.from(name)]));
    locals.push(local);
    at += local.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(members.length, 4);
  end.writeUInt16LE(members.length, 6);
  end.writeUInt32LE(Buffer.concat(directory).length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...locals, ...directory, Buffer.from('PK\x05\x06'), end]);
}

/** Arrays that would be longer than their zip says, or than memory. */
const bomb = () => zip([
  ['longer.npy', Buffer.alloc(3_000_000), true, 4_096],
  ['endless.npy', Buffer.alloc(1_000), true, 0xffffff00],
  ['absurd.npy', Buffer.alloc(1_000), true, 100_000_000],
  ['header.npy', npy('<f8', [9_999_999, 9_999_999], Int16Array.of(1, 2)), false],
]);

/** @param {Buffer} picture */
function notebook(picture) {
  const code = (/** @type {number} */ number, /** @type {string} */ source, /** @type {object[]} */ outputs) => ({ cell_type: 'code', execution_count: number, metadata: {}, source: source.split(/(?<=\n)/), outputs });
  return {
    nbformat: 4,
    nbformat_minor: 5,
    metadata: { kernelspec: { display_name: 'Python 3', name: 'python3' }, language_info: { name: 'python', file_extension: '.py' } },
    cells: [
      { cell_type: 'markdown', metadata: {}, source: ['# Spectra of dawn\n', '\n', 'How loud is **each band** an hour before sunrise? See [the arrays](tensors/image.npy).\n', '\n', '![held](attachment:map.png)'], attachments: { 'map.png': { 'image/png': picture.toString('base64') } } },
      code(1, 'import numpy as np\n\nspectra = np.load("arrays/spectra.npy")  # bands x frames\nprint(spectra.shape)', [{ output_type: 'stream', name: 'stdout', text: ['(64, 512)\n'] }]),
      code(2, 'table.head(3)', [{ output_type: 'execute_result', execution_count: 2, metadata: {}, data: { 'text/plain': ['   band\n'], 'text/html': ['<style>td{color:red}</style><table border="1" class="dataframe"><thead><tr><th></th><th>band</th><th>level</th></tr></thead>', '<tbody><tr><th>0</th><td>12</td><td>0.25</td></tr><tr><th>1</th><td>13</td><td>0.5</td></tr></tbody></table>'] } }]),
      code(3, 'plot(spectra.mean(axis=1))', [{ output_type: 'display_data', metadata: {}, data: { 'image/png': picture.toString('base64').replace(/.{76}/g, '$&\n'), 'text/plain': ['<Figure>'] } }]),
      code(4, 'spectra[99]', [{ output_type: 'error', ename: 'IndexError', evalue: 'out of bounds', traceback: ['\u001b[0;31mIndexError\u001b[0m: index 99 is out of bounds'] }]),
    ],
  };
}

/** Scripts, forms and addresses, wherever a notebook has a place for HTML. */
function hostileNotebook() {
  const attack = 'top.attacked=1;fetch(\'/attacked\')';
  const html = `<script>${attack}</script><img src="/attacked.png" onerror="${attack}"><img src=x onerror="${attack}"><iframe srcdoc="<script>${attack}</script>"></iframe><form action="/attacked"><button>go</button></form><link rel=stylesheet href=/attacked.css><a href="javascript:${attack}">link</a><svg onload="${attack}"></svg><b>bold stays</b>`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30" onload="${attack}"><script>${attack}</script><rect width="40" height="30" fill="teal"/></svg>`;
  const output = (/** @type {object} */ data) => ({ output_type: 'display_data', metadata: {}, data });
  return {
    nbformat: 4,
    metadata: { language_info: { name: html, file_extension: '.<img src=x>' } },
    cells: [
      { cell_type: 'markdown', source: `# Harm\n\n${html}\n\n![x](/attacked.png) ![y](http://127.0.0.1:1/attacked.png)`, attachments: { 'x.png': { 'text/html': html } } },
      { cell_type: 'code', execution_count: html, source: html, outputs: [output({ 'text/html': html }), output({ 'image/svg+xml': svg }), output({ 'application/javascript': attack, 'text/plain': html }), output({ 'text/markdown': html }), { output_type: 'stream', name: 'stdout', text: `${html}\u001b[31m${'x'.repeat(50_000)}` }] },
      ...Array.from({ length: 400 }, (_, i) => ({ cell_type: 'code', source: `cell = ${i}`, outputs: [] })),
    ],
  };
}

/** Calls that come and go. @param {number} seconds */
function song(seconds) {
  return Int16Array.from({ length: 8_000 * seconds }, (_, i) => {
    const at = i / 8_000;
    const call = Math.max(0, Math.sin(at * 1.3) * Math.sin(at * 0.41 + 1)) ** 1.5;
    return Math.sin(at * 2 * Math.PI * (500 + 200 * Math.sin(at * 9))) * (600 + 26_000 * call);
  });
}

/** With bytes that are wrong, everywhere but in the first ones. @param {Buffer} bytes @param {number} seed */
function damaged(bytes, seed) {
  const copy = Buffer.from(bytes);
  let state = seed * 7_919;
  for (let i = 0; i < 400; i++) copy[100 + ((state = (state * 48_271) % 2_147_483_647) % (i % 2 ? 4_000 : copy.length - 100))] = state >> 8;
  return copy;
}
