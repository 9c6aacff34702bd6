/**
 * From which length on the engine's own SHA-256 and gzip are faster than those in WebAssembly: for `WEBCRYPTO_FROM`
 * in src/hash.js and `STREAM_FROM` in src/contents.js of the package. Prints microseconds, medians.
 *
 *   npm run thresholds -w bench
 *
 * In a browser: serve the folder `web`, open a page of it, and `import('/bench/thresholds.js')` in the console.
 */

import { loadWasm } from '../reader/src/wasm.js';

const isNode = globalThis.process?.versions?.node !== undefined;
if (isNode) await import('../reader/src/node/index.js');
const wasm = await loadWasm('packs');

/** @param {() => unknown} work */
async function microseconds(work) {
  const times = [];
  // The first ones run before the code is optimised.
  for (let i = 0; i < 80; i++) {
    const began = performance.now();
    await work();
    times.push(performance.now() - began);
  }
  const late = times.slice(20).sort((a, b) => a - b);
  return Math.round((late[late.length >> 1] ?? NaN) * 1000);
}

/** Text that shrinks to about a third. @param {number} length */
function text(length) {
  const bytes = new Uint8Array(length);
  let state = 1;
  for (let i = 0; i < length; i++) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + i;
    bytes[i] = 97 + ((state >>> 24) & 3) + (i % 7 === 0 ? (state >>> 8) & 15 : 0);
  }
  return bytes;
}

/** @param {Uint8Array} bytes @param {CompressionStream | DecompressionStream} stream */
async function through(bytes, stream) {
  const pieces = new Blob([/** @type {BlobPart} */ (bytes)]).stream().pipeThrough(stream);
  return new Uint8Array(await new Response(/** @type {BodyInit} */ (/** @type {unknown} */ (pieces))).arrayBuffer());
}

console.log('KiB  SHA-256: wasm, WebCrypto  gzip: wasm, DecompressionStream');
for (let length = 1024; length <= 1024 * 1024; length *= 2) {
  const content = text(length);
  const gzip = await through(content, new CompressionStream('gzip'));
  const digests = { sha256: wasm.sha256(gzip), originalSha256: wasm.sha256(content) };
  const entry = { path: 'x', kind: 'file', codec: 'gzip', volume: 0, size: length, storedSize: gzip.length, offset: 0 };
  const row = [
    await microseconds(() => wasm.sha256(content)),
    await microseconds(() => crypto.subtle.digest('SHA-256', content)),
    // With the digest of the content, as for files that Rangepack compressed.
    await microseconds(() => wasm.decodeAll(/** @type {any} */ ({ ...entry, ...digests }), gzip, true)),
    await microseconds(async () =>
      crypto.subtle.digest('SHA-256', await through(gzip, new DecompressionStream('gzip'))),
    ),
  ];
  console.log(String(length / 1024).padStart(4), ...row.map((value) => String(value).padStart(10)));
}
