/** Every kind of file is shown as what it is. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { GZIPPED, filesOf } from './gzipped.js';
import { lines } from './sample.js';
import { rangepack, startStage } from './stage.js';

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  stage = await startStage();
});
after(() => stage?.close());

/** @param {string} path @param {{ whole?: boolean }} [options] of the page */
async function show(path, options) {
  const page = await stage.page(options);
  await page.goto(stage.at(path));
  const view = page.getByRole('region', { name: 'Content' });
  await view.waitFor();
  return { page, view };
}

describe('text', () => {
  test('has colours, and what looks like markup stays text', async () => {
    const { page, view } = await show('code/main.rs');
    await view.locator('.hljs-keyword', { hasText: 'fn' }).waitFor();
    await view.getByText('// the <answer>').waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('of a large file is fetched as one looks at it, and from any place', async () => {
    const { page, view } = await show('notes/large.log');
    await view.getByText('request 0 took').waitFor();
    assert.equal(await view.getByText('request 30000 took').count(), 0);
    const slider = view.getByLabel('Place in the file');
    const size = Number(await slider.getAttribute('max'));
    await slider.evaluate((input, value) => {
      /** @type {HTMLInputElement} */ (input).value = String(value);
      input.dispatchEvent(new Event('change', { bubbles: true }));
    }, size - 2000);
    await view.getByText('request 59960 took').waitFor();
    assert.equal(await view.getByText('request 0 took').count(), 0);
    assert.deepEqual(page.errors, []);
  });

  test('of a file without line breaks is broken into rows', async () => {
    const { view } = await show('notes/one-line.txt');
    await view.locator('.line').nth(5).waitFor();
  });

  test('that is empty says so', async () => {
    const { view } = await show('notes/empty.txt');
    await view.getByText('This file is empty').waitFor();
  });
});

test('what is compressed with zstd is shown, and the module that decodes it comes with the first of it', async () => {
  const record = (/** @type {number} */ number) => JSON.stringify({ id: number, kind: 'record', owner: { name: `user ${number % 7}`, active: number % 2 === 0 }, tags: ['alpha', 'beta', number * 31], checked: '2026-11-27', by: `reviewer ${number % 5}` });
  const records = Array.from({ length: 1200 }, (_, number) => [`records/${number}.json`, record(number)]);
  stage.addPack('learnt', { ...Object.fromEntries(records), 'large.log': lines(60_000, (i) => `request ${i} took ${(i * 37) % 900} ms`) }, ['--compress=zstd', '--dict=4k']);
  const page = await stage.page();
  const loaded = () => stage.asked.filter((path) => path.includes('rangepack-zstd'));
  stage.asked.length = 0;
  await page.goto(`${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/learnt.pack` })}#/records`);
  await page.getByText('7.json').first().waitFor();
  assert.deepEqual(loaded(), []);
  const at = (/** @type {string} */ path) => page.evaluate((path) => void (location.hash = `#/${path}`), path);
  await at('records/7.json');
  await page.getByText('reviewer 2').waitFor();
  const facts = page.getByRole('complementary', { name: 'Facts' });
  await facts.getByText('zstd with a dictionary').waitFor();
  // The payload alone is of no use.
  assert.equal(await facts.getByText('curl -r').count(), 0);
  assert.equal(loaded().length, 1);
  await at('large.log');
  await page.getByText('request 0 took').waitFor();
  await facts.getByText('| zstd -d').waitFor();
  assert.deepEqual(page.errors, []);
});

describe('tables', () => {
  test('CSV: quotes, separators and line breaks in fields', async () => {
    const { view } = await show('data/people.csv');
    await view.getByRole('columnheader', { name: 'note' }).waitFor();
    await view.getByRole('cell', { name: 'first, of all' }).waitFor();
    await view.getByRole('cell', { name: 'two ⏎ lines' }).waitFor();
    await view.getByRole('cell', { name: 'a "quoted" word' }).waitFor();
  });

  test('CSV: the end of a large one is reached by scrolling', async () => {
    const { page, view } = await show('data/large.csv');
    await view.getByRole('cell', { name: '1', exact: true }).first().waitFor();
    await page.waitForFunction(() => {
      const table = document.querySelector('.table');
      table?.scrollTo(0, table.scrollHeight);
      return table?.textContent?.includes('1599920001');
    });
    await view.getByText('40,000 rows').waitFor();
  });

  test('JSONL: columns from the names, nested values as JSON', async () => {
    const { view } = await show('data/events.jsonl');
    await view.getByRole('columnheader', { name: 'kind' }).waitFor();
    await view.getByRole('cell', { name: '{"x":1,"y":-1}' }).waitFor();
  });

  test('Parquet: rows of any group, by ranges', async () => {
    const { page, view } = await show('data/table.parquet');
    await view.getByRole('cell', { name: 'Kyoto' }).first().waitFor();
    await view.getByText('5,000 rows').waitFor();
    await page.locator('.table').evaluate((table) => table.scrollTo(0, table.scrollHeight));
    await view.getByRole('cell', { name: '624.875' }).waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('NumPy: an image of two dimensions, and its values', async () => {
    const { page, view } = await show('data/matrix.npy');
    await view.getByText('(48, 64)').waitFor();
    await page.waitForFunction(() => document.querySelector('canvas')?.width === 64);
    await view.getByRole('button', { name: 'Image' }).click();
    await view.getByRole('cell', { name: '0.11088' }).first().waitFor();
  });

  test('NumPy: a vector', async () => {
    const { view } = await show('data/vector.npy');
    await view.getByText('<i2').waitFor();
    await view.getByRole('cell', { name: '-4' }).waitFor();
  });
});

describe('others', () => {
  test('JSON is a tree', async () => {
    const { view } = await show('data/config.json');
    await view.getByText('"sample"').waitFor();
    await view.getByRole('button', { name: 'list' }).click();
    await view.getByText('"<img src=x onerror=alert(1)>"').waitFor();
  });

  test('JSON that is none is text, with the reason', async () => {
    const { page } = await show('data/broken.json');
    await page.getByText('This is not JSON').waitFor();
    await page.getByText('{"name":').waitFor();
  });

  test('Markdown is a page; links lead into the pack', async () => {
    const { page, view } = await show('README.md');
    await view.getByRole('heading', { name: 'A sample' }).waitFor();
    assert.equal(await view.getByRole('link', { name: 'web' }).getAttribute('rel'), 'noopener noreferrer');
    await view.getByRole('link', { name: 'beside' }).click();
    await page.getByText('second line').waitFor();
  });

  test('an image is fitted, zoomed and moved', async () => {
    const { page, view } = await show('images/picture-07.png');
    const image = view.getByRole('img', { name: 'picture-07.png' });
    await image.waitFor();
    const width = async () => (await image.boundingBox())?.width ?? 0;
    assert.equal(Math.round(await width()), 160);
    await view.getByRole('button', { name: 'Larger' }).click();
    assert.equal(Math.round(await width()), 200);
    const before = await image.boundingBox();
    await page.mouse.move(500, 400);
    await page.mouse.down();
    await page.mouse.move(560, 420, { steps: 3 });
    await page.mouse.up();
    const after = await image.boundingBox();
    assert.equal(Math.round((after?.x ?? 0) - (before?.x ?? 0)), 60);
    await view.getByRole('button', { name: 'Fit' }).click();
    assert.equal(Math.round(await width()), 160);
  });

  test('a gallery shows the pictures of a directory, few requests for many', async () => {
    const page = await stage.page();
    await page.goto(stage.at('images'));
    await page.getByRole('button', { name: 'Gallery' }).waitFor();
    const since = stage.packs.log.length;
    await page.getByRole('button', { name: 'Gallery' }).click();
    await page.waitForFunction(() => document.querySelectorAll('.thumbs img').length > 20);
    await page.quiet();
    const shown = await page.locator('.thumbs img').count();
    const requests = stage.packs.log.length - since;
    assert.ok(requests <= shown / 3, `${requests} requests for ${shown} thumbnails`);
    await page.getByRole('link', { name: 'picture-05.png' }).click();
    await page.getByRole('img', { name: 'picture-05.png' }).waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('sound can be played', async () => {
    const { page } = await show('media/tone.wav');
    await page.waitForFunction(() => /** @type {HTMLAudioElement | null} */ (document.querySelector('audio'))?.duration === 1);
  });

  test('a document is given to the viewer of the browser, as a PDF and nothing else', async () => {
    const { page, view } = await show('media/paper.pdf', { whole: true });
    const source = (await view.locator('iframe').getAttribute('src')) ?? '';
    assert.match(source, /\/@pack\/[-0-9a-f]{36}\/media\/paper\.pdf$/);
    const type = await page.evaluate(async (source) => (await fetch(source)).headers.get('Content-Type'), source);
    assert.equal(type, 'application/pdf');
    assert.deepEqual(page.errors, []);
  });

  test('bytes, by choice and for what is nothing else', async () => {
    const { page, view } = await show('data/unnamed');
    await view.getByText('00 01 02 03 04 05 06 07  08 09').first().waitFor();
    await page.goto(stage.at('notes/plain.txt'));
    await page.locator('.text').waitFor();
    await page.getByRole('button', { name: 'Hex' }).click();
    await page.getByText('66 69 72 73 74').waitFor();
  });
});

describe('what is packed with gzip', () => {
  before(() => stage.addPack('gzipped', filesOf()));
  const at = (/** @type {string} */ path) => `${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/gzipped.pack` })}#/${path}`;
  /** @param {string} path */
  const open = async (path) => {
    const page = await stage.page();
    await page.goto(at(path));
    return page;
  };

  for (const [path, [, kind, ...texts]] of Object.entries(GZIPPED)) {
    test(`is shown as what it is: ${path}`, async () => {
      const page = await open(path);
      await page.locator(`[data-kind=${kind}]`).waitFor();
      for (const text of texts) await page.getByText(text).first().waitFor();
      assert.deepEqual(page.errors, []);
    });
  }

  test('is seen to its end, of whatever it is made', async () => {
    const page = await open('joined.txt.gz');
    await page.locator('.text').evaluate((list) => list.scrollTo(0, list.scrollHeight));
    await page.getByText('the last one').waitFor();
  });

  test('of a large file no more comes than is shown, and no line is cut', async () => {
    stage.packs.log.length = 0;
    const page = await open('large.csv.gz');
    await page.getByText('the first 1.00 MiB').waitFor();
    await page.quiet();
    const bytes = stage.packs.log.reduce((sum, { bytes }) => sum + bytes, 0);
    const [content] = GZIPPED['large.csv.gz'] ?? [new Uint8Array()];
    assert.ok(content.length > 900_000 && bytes < 800_000, `${bytes} bytes of ${content.length}`);
    await page.getByRole('button', { name: 'Text' }).click();
    await page.locator('.text').evaluate((list) => list.scrollTo(0, list.scrollHeight));
    await page.getByText(/^\d+\s*\d+,\d+$/).last().waitFor();
  });

  test('stays as it is when it is saved, and as bytes', async () => {
    const page = await open('notes.txt.gz');
    await page.getByText('schöne Grüße').waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
    assert.equal(download.suggestedFilename(), 'notes.txt.gz');
    const chunks = [];
    for await (const chunk of await download.createReadStream()) chunks.push(chunk);
    assert.deepEqual(Buffer.concat(chunks), Buffer.from(GZIPPED['notes.txt.gz']?.[0] ?? []));
    await page.getByRole('button', { name: 'Hex' }).click();
    await page.getByText('1f 8b 08').waitFor();
    assert.equal(await page.getByText('Unpacked from gzip').count(), 0);
  });
});

test('links of a zip archive without an index lead to what they name', async () => {
  execFileSync(rangepack(), ['export', '--quiet', stage.file, join(stage.folder, 'links.zip'), '--deflate']);
  const page = await stage.page();
  await page.goto(`${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/links.zip` })}#/link.txt`);
  await page.getByText('A symbolic link to notes/plain.txt').waitFor();
  await page.getByRole('link', { name: 'Go to /notes/plain.txt' }).click();
  await page.getByText('schöne Grüße').waitFor();
  await page.getByRole('treeitem', { name: 'nowhere' }).click();
  await page.getByText('It leads out of the pack, or to nothing.').waitFor();
  assert.deepEqual(page.errors, []);
});

test('a list taller than browsers lay out scrolls row by row, and to its end', async () => {
  const { page, view } = await show('data/zeros.bin');
  await view.getByText('000000', { exact: true }).waitFor();
  await page.locator('.hex').hover();
  await page.mouse.wheel(0, 2000);
  await view.getByText((102 * 16).toString(16).padStart(6, '0'), { exact: true }).waitFor();
  assert.equal(await view.getByText('000000', { exact: true }).count(), 0);
  await page.locator('.hex').evaluate((list) => list.scrollTo(0, list.scrollHeight));
  await view.getByText('THE VERY END').waitFor();
  await page.locator('.hex').evaluate((list) => list.scrollTo(0, 0));
  await view.getByText('000000', { exact: true }).waitFor();
  assert.deepEqual(page.errors, []);
});

describe('facts', () => {
  test('say what the pack knows, with commands to copy', async () => {
    const { page } = await show('notes/plain.txt');
    const facts = page.getByRole('complementary', { name: 'Facts' });
    await facts.getByText('compared with their SHA-256').waitFor();
    await facts.getByText(`rangepack cat -- ${stage.pack} notes/plain.txt`).waitFor();
    const curl = (await facts.locator('pre').last().textContent()) ?? '';
    const [, start = '', end = ''] = /^curl -r (\d+)-(\d+) /.exec(curl) ?? [];
    const part = await fetch(stage.pack, { headers: { Range: `bytes=${start}-${end}` } });
    assert.match(await part.text(), /^first line\n/);
  });

  test('a link that is copied leads to the file', async () => {
    const page = await stage.page({ permissions: ['clipboard-read', 'clipboard-write'] });
    await page.goto(stage.at('code/main.rs'));
    await page.getByRole('button', { name: 'Copy a link' }).click();
    await page.getByText('Copied').waitFor({ state: 'attached' });
    assert.equal(await page.evaluate(() => navigator.clipboard.readText()), stage.at('code/main.rs'));
  });

  test('a file can be saved', async () => {
    const { page } = await show("names/quote's.txt");
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
    assert.equal(download.suggestedFilename(), "quote's.txt");
  });

  test('the overview counts what was fetched', async () => {
    const page = await stage.page();
    await page.goto(stage.at());
    await page.getByText('Root digest').waitFor();
    assert.match((await page.getByTestId('fetched').textContent()) ?? '', /of .* · \d+ requests, \d+ from memory/);
  });
});
