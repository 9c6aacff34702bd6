/** A small tree with something for every preview, and with things that mean harm. */

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { wavOf } from '../../reader/test/wav.js';

/** Says that a script ran, where one should never run. */
const ATTACK = 'parent.postMessage("ran","*");top.attacked=1;window.attacked=1;document.title="attacked";fetch("/attacked")';

/** @param {string} folder */
export function makeSample(folder) {
  /** @param {string} path @param {string | Uint8Array} content */
  const file = (path, content) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), content);
  };

  file('README.md', markdown());
  file('notes/plain.txt', 'first line\nsecond line\nschöne Grüße\n');
  file('notes/empty.txt', '');
  file('notes/large.log', lines(60_000, (i) => `2024-05-${String((i % 28) + 1).padStart(2, '0')} INFO request ${i} took ${(i * 37) % 900} ms`));
  file('notes/one-line.txt', 'x'.repeat(50_000));
  file('code/main.rs', 'fn main() {\n    let answer = 42; // the <answer>\n    println!("{answer}");\n}\n');
  file('code/tool.py', 'def greet(name: str) -> str:\n    """Says hello."""\n    return f"hello {name}"\n');
  file('data/people.csv', 'name,age,note\nAda,36,"first, of all"\nGrace,85,"two\nlines"\nLinus,,"a ""quoted"" word"\n');
  file('data/large.csv', 'id,square\n' + lines(40_000, (i) => `${i},${i * i}`));
  file('data/events.jsonl', lines(2_000, (i) => JSON.stringify({ id: i, kind: i % 2 ? 'click' : 'view', at: { x: i, y: -i } })));
  file('data/config.json', JSON.stringify({ name: 'sample', list: [1, 2, { deep: true }], none: null, html: '<img src=x onerror=alert(1)>' }, null, 2));
  file('data/broken.json', '{"name": ');
  file('data/matrix.npy', npy('<f4', [48, 64], Float32Array.from({ length: 48 * 64 }, (_, i) => Math.sin((i % 64) / 9) * Math.cos(i / 64 / 7))));
  file('data/vector.npy', npy('<i2', [5], Int16Array.of(1, -2, 3, -4, 500)));
  file('data/table.parquet', new Uint8Array(parquet()));
  file('data/blob.bin', Uint8Array.from({ length: 70_000 }, (_, i) => (i * 7) & 255));
  // Taller than a browser can lay out, as hexadecimal rows.
  file('data/zeros.bin', Buffer.concat([Buffer.alloc(12_000_000), Buffer.from('THE VERY END')]));
  file('data/unnamed', Uint8Array.from({ length: 600 }, (_, i) => i & 255));
  file('media/tone.wav', wav());
  file('media/paper.pdf', pdf());
  for (let i = 0; i < 60; i++) file(`images/picture-${String(i).padStart(2, '0')}.png`, png(160, 120, i));
  file('images/drawing.svg', '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100"><rect width="200" height="100" fill="teal"/></svg>');
  for (let i = 0; i < 3_000; i++) file(`many/file-${String(i).padStart(5, '0')}.txt`, `number ${i}\n`);
  file('names/with space & 100%/ä?#.txt', 'a strange name\n');
  file("names/quote's.txt", 'quoted\n');
  file('hostile/page.html', `<!doctype html><title>harmless</title><h1>Hello</h1><script>${ATTACK}</script><img src="x" onerror='${ATTACK}'><a href='javascript:${ATTACK}'>click</a><form action="/attacked"><button>send</button></form><meta http-equiv="refresh" content="0;url=/attacked"><img src="/attacked.png"><link rel="stylesheet" href="/attacked.css"><iframe srcdoc="<script>${ATTACK.replaceAll('"', '&quot;')}</script>"></iframe>`);
  file('hostile/drawing.svg', `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="80" onload='${ATTACK}'><script>${ATTACK}</script><image href="/attacked.png"/><circle cx="40" cy="40" r="30" fill="crimson"/></svg>`);
  file('hostile/page.md', `# Heading\n\n<script>${ATTACK}</script>\n<img src=x onerror='${ATTACK}'>\n<style>body{display:none}</style>\n<svg onload='${ATTACK}'></svg>\n[link](javascript:${encodeURIComponent(ATTACK)})\n![pixel](/attacked.png)\n<video src="/attacked.webm" autoplay></video><iframe src="/attacked.html"></iframe><object data="/attacked.html"></object>\n<form action="/attacked"><input name="session"></form>\n\nStill here.\n`);
  file('hostile/<img src=x onerror=top.attacked=1>.txt', 'a name that is markup\n');
  file('hostile/data.csv', `name\n<img src=x onerror='${ATTACK.replaceAll('"', '""')}'>\n`);
  file('hostile/fake.png', '<svg xmlns="http://www.w3.org/2000/svg"/>');
  file('hostile/fake.npy', npy('<f8', [9_999_999, 9_999_999], new Int16Array(4)));
  file('hostile/fake.parquet', 'PAR1 this is none PAR1');
  symlinkSync('notes/plain.txt', join(folder, 'link.txt'));
  symlinkSync('../outside', join(folder, 'nowhere'));
}

/** @param {number} count @param {(i: number) => string} line */
export const lines = (count, line) => Array.from({ length: count }, (_, i) => line(i) + '\n').join('');

const markdown = () => `# A sample

A tree with *something* for every preview, **packed** into one file.

| folder | what is in it |
|---|---|
| \`images\` | sixty pictures and a drawing |
| \`data\` | tables, arrays and bytes |

1. Choose a file at the left.
2. Look at it.

\`\`\`python
print("hello")
\`\`\`

> Every byte is verified before it is shown.

- [a link to the web](https://example.org/)
- [a file beside this one](notes/plain.txt)
`;

/** @param {string} descr @param {number[]} shape @param {Float32Array | Int16Array} values */
export function npy(descr, shape, values) {
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const header = dict.padEnd(117) + '\n';
  return Buffer.concat([Buffer.from('\x93NUMPY\x01\x00v\x00', 'latin1'), Buffer.from(header), Buffer.from(values.buffer)]);
}

/**
 * A landscape: a sky with a sun, and ranges of hills, the nearer the darker.
 *
 * @param {number} width @param {number} height @param {number} seed
 */
export function png(width, height, seed) {
  // Skies as there are: of the day, of dawn, of dusk.
  const hue = ([208, 22, 262, 196, 338, 36, 226, 300][seed % 8] ?? 0) + ((seed * 13) % 17);
  const sky = [rgb(hue, 0.42, 0.5), rgb(hue + 28, 0.6, 0.84)];
  const sun = { x: width * (0.2 + ((seed * 0.37) % 0.6)), y: height * (0.25 + ((seed * 0.23) % 0.3)), size: height * (0.06 + ((seed * 0.13) % 0.06)) };
  const hills = [0.52, 0.64, 0.76, 0.88].map((level, i) => ({
    colour: rgb(hue + 150 + (seed % 3) * 50 + i * 12, 0.2 + i * 0.05, 0.56 - i * 0.12),
    top: Array.from({ length: width }, (_, x) => {
      const at = (x / width) * Math.PI * 2 + seed * (i + 1);
      return height * (level + 0.07 * Math.sin(at * (1.1 + i * 0.4)) + 0.03 * Math.sin(at * 4.3 + i) + 0.012 * Math.sin(at * 11));
    }),
  }));
  const raw = Buffer.alloc((width * 3 + 1) * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const hill = hills.findLast(({ top }) => y >= (top[x] ?? 0));
      const glow = Math.exp(-((Math.hypot(x - sun.x, y - sun.y) / sun.size) ** 2) / 6);
      const part = y / height;
      for (let c = 0; c < 3; c++) {
        const above = (sky[0]?.[c] ?? 0) * (1 - part) + (sky[1]?.[c] ?? 0) * part;
        const isSun = Math.hypot(x - sun.x, y - sun.y) < sun.size;
        raw[y * (width * 3 + 1) + 1 + x * 3 + c] = hill ? (hill.colour[c] ?? 0) : isSun ? 250 - c * 12 : above + (250 - above) * glow * 0.6;
      }
    }
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([signature, chunk('IHDR', head), chunk('IDAT', deflateSync(raw)), chunk('IEND', Buffer.alloc(0))]);
}

/** @param {number} hue in degrees @param {number} saturation @param {number} light */
function rgb(hue, saturation, light) {
  const part = (/** @type {number} */ n) => {
    const k = (n + hue / 30) % 12;
    return 255 * (light - saturation * Math.min(light, 1 - light) * Math.max(-1, Math.min(k - 3, 9 - k, 1)));
  };
  return [part(0), part(8), part(4)];
}

/** @param {string} type @param {Buffer} data */
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

/** A tone. @param {number} [seconds] */
export function wav(seconds = 1) {
  const samples = Int16Array.from({ length: Math.round(8_000 * seconds) }, (_, i) => Math.sin((i * 440 * 2 * Math.PI) / 8_000) * 8_000);
  return wavOf(samples);
}

export function pdf() {
  const stream = 'BT /F1 24 Tf 72 700 Td (A page in a pack) Tj ET';
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${stream.length} >>\nstream\n${stream}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ];
  let text = '%PDF-1.4\n';
  const offsets = objects.map((object, i) => {
    const offset = text.length;
    text += `${i + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const table = offsets.map((offset) => `${String(offset).padStart(10, '0')} 00000 n \n`).join('');
  return `${text}xref\n0 6\n0000000000 65535 f \n${table}trailer << /Size 6 /Root 1 0 R >>\nstartxref\n${text.length}\n%%EOF\n`;
}

function parquet() {
  const ids = Array.from({ length: 5_000 }, (_, i) => i);
  return parquetWriteBuffer({
    columnData: [
      { name: 'id', data: ids, type: 'INT32' },
      { name: 'city', data: ids.map((i) => ['Oslo', 'Lima', 'Kyoto'][i % 3]), type: 'STRING' },
      { name: 'score', data: ids.map((i) => i / 8), type: 'DOUBLE' },
    ],
    rowGroupSize: 1_000,
  });
}

// Node has its own since version 22.
/** @param {Uint8Array} bytes */
function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
