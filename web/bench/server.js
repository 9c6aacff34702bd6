/**
 * A server of byte ranges that takes its time and keeps count.
 */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

/**
 * @param {string} folder
 * @param {number} latency milliseconds before each answer
 */
export async function serve(folder, latency) {
  const counted = { requests: 0, bytes: 0 };
  const server = createServer(async (request, response) => {
    counted.requests++;
    await wait(latency);
    const path = join(folder, basename(request.url ?? ''));
    const { size } = await stat(path);
    const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const start = first === '' ? (last === '' ? 0 : Math.max(size - Number(last), 0)) : Number(first);
    const end = first === '' || last === '' ? size : Math.min(Number(last) + 1, size);
    const isWhole = first === '' && last === '';
    response.writeHead(isWhole ? 200 : 206, {
      'Accept-Ranges': 'bytes',
      'Content-Length': end - start,
      ETag: `"${size}"`,
      ...(isWhole ? {} : { 'Content-Range': `bytes ${start}-${end - 1}/${size}` }),
    });
    if (request.method === 'HEAD') return void response.end();
    counted.bytes += end - start;
    createReadStream(path, { start, end: end - 1, highWaterMark: 1024 * 1024 }).pipe(response);
  });
  // Some need longer than the usual five seconds from one request to the next.
  server.keepAliveTimeout = 600_000;
  await new Promise((done) => server.listen(0, '127.0.0.1', () => done(undefined)));
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { origin: `http://127.0.0.1:${port}`, counted, close: () => server.close() };
}
