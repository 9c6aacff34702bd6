/**
 * Against a real server, as people will have it.
 */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { openPack } from '../src/node/index.js';
import { checkGolden, checkOld } from './expectations.js';
import { inTemporaryFolder } from './packs.js';
import { testFile, testJson } from './places.js';
import { until } from './until.js';

/**
 * A port of this machine that nobody uses, and that nobody is given who asks for any: systems take those from 32,768 on.
 * So it is still free when nginx comes to it.
 *
 * @returns {Promise<number>}
 */
async function freePort() {
  for (let i = 0; i < 1000; i++) {
    const port = 10_000 + ((process.pid * 31 + i) % 20_000);
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(() => true, () => false);
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error('no port is free');
}

/** @param {string} folder @param {number} port */
const configuration = (folder, port) => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr notice;
events {}
http {
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  log_format request '$request_method $http_range $status $body_bytes_sent';
  access_log ${folder}/access.log request;
  default_type application/octet-stream;
  server {
    listen 127.0.0.1:${port};
    root ${folder}/www;
    location /squeezed/ {
      alias ${folder}/www/;
      gzip on;
      gzip_types *;
      gzip_proxied any;
      gzip_min_length 0;
      gzip_http_version 1.0;
    }
  }
}
`;

/**
 * Runs nginx while `work` goes on.
 *
 * @param {(origin: string, log: () => Promise<string[]>) => Promise<void>} work
 */
async function withNginx(work) {
  await inTemporaryFolder(async (folder) => {
    const www = join(folder, 'www');
    await mkdir(www);
    await cp(testFile('golden'), join(www, 'golden'), { recursive: true });
    await mkdir(join(www, 'fixtures'));
    await cp(testFile('fixtures/seed-formats'), join(www, 'fixtures/seed-formats'), { recursive: true });
    const port = await freePort();
    await writeFile(join(folder, 'nginx.conf'), configuration(folder, port));
    // Debian keeps it where only administrators look.
    const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` };
    const args = ['-p', folder, '-c', join(folder, 'nginx.conf')];
    const server = spawn('nginx', args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = once(server, 'close').catch(() => {});
    try {
      await started(server);
      await work(`http://127.0.0.1:${port}`, async () => {
        return (await readFile(join(folder, 'access.log'), 'utf8')).split('\n').filter((line) => line !== '');
      });
    } finally {
      server.kill();
      await ended;
    }
  });
}

/** @param {import('node:child_process').ChildProcessByStdio<null, null, import('node:stream').Readable>} server */
async function started(server) {
  const said = [];
  await once(server, 'spawn').catch((error) => {
    throw new Error(`nginx cannot be started (${error.message}); install it: apt-get install nginx-light`);
  });
  for await (const line of createInterface(server.stderr)) {
    if (line.includes('start worker processes') || line.includes('using the "epoll"') || line.includes('OS:')) {
      server.stderr.resume();
      return;
    }
    said.push(line);
  }
  throw new Error(`nginx ended: ${said.join('\n')}`);
}

test('nginx serves packs as it is', async () => {
  await withNginx(async (origin, log) => {
    const place = (/** @type {string} */ base) => ({
      open: (/** @type {string} */ file, /** @type {{}} */ options = {}) => openPack(`${base}/${file}`, options),
      input: (/** @type {string} */ file) => `${base}/${file}`,
      json: testJson,
    });
    const pack = await openPack(`${origin}/golden/stored-blocks.pack`);
    const content = await pack.readFile('large');
    assert.equal(content.length, 262_244);
    // nginx writes the line of an answer when its last byte is gone.
    await until(async () => (await log()).length >= 2, 'two lines in the log');
    assert.deepEqual(await log(), [`GET bytes=-102400 206 102400`, `GET bytes=0-262243 206 262244`]);

    for (const name of ['all-kinds', 'compressed', 'sidecar', 'two-levels']) await checkGolden(place(origin), name);
    await checkOld(place(origin), 'gzip.container');
    // Ranges are never compressed by nginx, whatever it is told.
    await checkGolden(place(`${origin}/squeezed`), 'compressed');
    for (const line of await log()) assert.match(line, / 206 \d+$/);
    await assert.rejects(openPack(`${origin}/none.pack`), { code: 'ERR_NOT_FOUND' });
  });
});
