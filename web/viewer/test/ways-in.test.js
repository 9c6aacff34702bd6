/** Every way into a pack, and what is said when one fails. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { rangepack, startStage } from './stage.js';

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  stage = await startStage();
});
after(() => stage?.close());

/** @param {import('playwright-core').Page} page @param {string} path */
const treeHas = (page, path) => page.locator('[role=treeitem]', { hasText: path }).first().waitFor();

describe('an address', () => {
  test('typed opens, is remembered, and can be forgotten', async () => {
    const page = await stage.page();
    await page.goto(stage.site);
    await page.getByLabel('Address of a pack').fill(stage.pack);
    await page.getByRole('button', { name: 'Open' }).click();
    await treeHas(page, 'README.md');
    assert.equal(new URL(page.url()).searchParams.get('pack'), stage.pack);
    assert.match(await page.title(), /sample\.pack/);
    await page.getByRole('button', { name: 'Close the pack' }).click();
    const recent = page.locator('li', { hasText: 'sample.pack' });
    await recent.getByRole('link').click();
    await treeHas(page, 'README.md');
    await page.getByRole('button', { name: 'Close the pack' }).click();
    await recent.getByRole('button').click();
    await recent.waitFor({ state: 'detached' });
    await page.reload();
    assert.equal(await recent.count(), 0);
    assert.deepEqual(page.errors, []);
  });

  test('with a path shows the file and where it is; back and forward work', async () => {
    const page = await stage.page();
    await page.goto(stage.at('code/main.rs'));
    await page.getByText('println!').waitFor();
    await page.locator('[role=treeitem][aria-selected=true]', { hasText: 'main.rs' }).waitFor();
    await page.getByRole('treeitem', { name: 'tool.py' }).click();
    await page.getByText('Says hello').waitFor();
    assert.match(page.url(), /#\/code\/tool\.py$/);
    await page.goBack();
    await page.getByText('println!').waitFor();
    await page.goForward();
    await page.getByText('Says hello').waitFor();
    await page.getByRole('navigation', { name: 'Path' }).getByRole('link', { name: 'code' }).click();
    await page.locator('[role=grid] [role=row]', { hasText: 'main.rs' }).waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('with a strange path survives being copied and opened', async () => {
    const page = await stage.page();
    await page.goto(stage.at());
    await page.locator('[role=grid] [role=row]', { hasText: 'names' }).click();
    await page.locator('[role=grid] [role=row]', { hasText: 'with space' }).click();
    await page.locator('[role=grid] [role=row]', { hasText: 'ä?#.txt' }).click();
    await page.getByText('a strange name').waitFor();
    const second = await stage.page();
    await second.goto(page.url());
    await second.getByText('a strange name').waitFor();
  });

  test('of an old container opens too', async () => {
    const page = await stage.page();
    await page.goto(`${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/old.ctnr` })}#/`);
    await page.getByText('CTNRv1').waitFor();
    await page.getByRole('treeitem', { name: 'main.rs' }).click();
    await page.getByText('println!').waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('of a zip archive without an index opens, by its own directory', async () => {
    execFileSync(rangepack(), ['export', '--quiet', stage.file, join(stage.folder, 'plain.zip'), '--deflate']);
    const page = await stage.page();
    await page.goto(`${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/plain.zip` })}#/`);
    await page.getByText('Zip archive').waitFor();
    await page.getByRole('treeitem', { name: 'code' }).click();
    await page.locator('[role=grid] [role=row]', { hasText: 'main.rs' }).click();
    await page.getByText('println!').waitFor();
    await page.goto(`${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/plain.zip` })}#/images/picture-01.png`);
    await page.getByText('160 × 120').waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('with the digest of another pack is refused', async () => {
    const page = await stage.page();
    await page.goto(`${stage.site}?${new URLSearchParams({ pack: stage.pack, root: '0'.repeat(64) })}#/`);
    await page.locator('[data-code=ERR_WRONG_PACK]').waitFor();
  });

  test('that is none is refused with words', async () => {
    const page = await stage.page();
    for (const pack of ['javascript:alert(1)', 'http://', 'data:text/plain,x']) {
      await page.goto(`${stage.site}?${new URLSearchParams({ pack })}#/`);
      await page.locator('[data-code=ERR_ARGUMENT]').waitFor();
    }
  });

  test('relative to the page is taken', async () => {
    const page = await stage.page();
    await page.route('**/some/folder/beside.pack', (route) => route.fulfill({ body: readFileSync(stage.file) }));
    await page.goto(`${stage.site}?pack=beside.pack#/`);
    await treeHas(page, 'README.md');
  });
});

describe('packs behind the server', () => {
  const pack = { name: 'sample.pack', url: '', bytes: 16_000_000, files: 3093, directories: 9, root: null };
  before(() => (pack.url = stage.pack));
  after(() => (stage.behind.list = undefined));

  test('are not asked for where the server names none', async () => {
    const page = await stage.page();
    const before = stage.asked.length;
    await page.goto(stage.site);
    await page.getByLabel('Address of a pack').waitFor();
    await page.evaluate(() => fetch('./index.html').then((response) => response.text()));
    assert.deepEqual(stage.asked.slice(before).filter((path) => path.endsWith('.json')), []);
    assert.equal(await page.getByText('On this server').count(), 0);
  });

  test('are listed first, and open', async () => {
    stage.behind.list = { packs: [{ ...pack, name: 'beside.pack', url: 'beside.pack' }, pack, { name: 'broken.pack', url: 'broken.pack', error: 'the file is 12 bytes long' }] };
    const page = await stage.page();
    await page.route('**/some/folder/beside.pack', (route) => route.fulfill({ body: readFileSync(stage.file) }));
    await page.goto(stage.site);
    const list = page.getByRole('list', { name: 'Packs on this server' });
    await list.getByText('3,093 files · 9 directories · 15.3 MiB').first().waitFor();
    await list.getByText('the file is 12 bytes long').waitFor();
    assert.equal(await list.getByRole('link').count(), 2);
    await list.getByRole('link', { name: 'beside.pack' }).click();
    await treeHas(page, 'README.md');
    assert.equal(new URL(page.url()).searchParams.get('pack'), 'beside.pack');
    await page.getByRole('button', { name: 'Close the pack' }).click();
    await list.getByRole('link', { name: 'sample.pack' }).click();
    await treeHas(page, 'README.md');
    assert.deepEqual(page.errors, []);
  });

  test('that come later are seen on a press, and when one comes back to the page', async () => {
    stage.behind.list = { packs: [] };
    const page = await stage.page();
    await page.goto(stage.site);
    await page.getByText('There are no packs in it yet').waitFor();
    stage.behind.list = { packs: [pack] };
    await page.getByRole('button', { name: 'Read the list again' }).click();
    await page.getByRole('link', { name: 'sample.pack' }).waitFor();
    stage.behind.list = { packs: [pack, { ...pack, name: 'second.pack' }] };
    await page.evaluate(() => dispatchEvent(new Event('focus')));
    await page.getByRole('link', { name: 'second.pack' }).waitFor();
  });

  test('may have their index beside them, which stays in links', async () => {
    const [file, name] = ['golden/unfinalized.container', 'unfinalized.container'];
    const folder = new URL('../../../tests/fixtures/seed-formats/', import.meta.url);
    for (const ending of ['', '.idx']) stage.packs.files.set(`/${file}${ending}`, readFileSync(new URL(name + ending, folder)));
    const { origin } = stage.packs;
    stage.behind.list = { packs: [{ name, url: `${origin}/${file}`, index: `${origin}/${file}.idx` }] };
    const page = await stage.page();
    await page.goto(stage.site);
    await page.getByRole('link', { name }).click();
    await page.getByText('CTNRv1').waitFor();
    assert.equal(new URL(page.url()).searchParams.get('index'), `${origin}/${file}.idx`);
    // From the list of recent packs, too.
    await page.getByRole('button', { name: 'Close the pack' }).click();
    await page.getByRole('list', { name: 'Recent packs' }).getByRole('link').click();
    await page.getByText('CTNRv1').waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('are only text to the page, whatever the list holds', async () => {
    stage.behind.list = {
      packs: [
        { name: '<img src=x onerror=top.attacked=1>', url: stage.pack, files: -1, bytes: 'many', error: undefined },
        { name: 'script', url: 'javascript:top.attacked=1' },
        { name: 'data', url: 'data:text/html,x' },
        { name: 7, url: 'x' }, { url: 'x' }, null, 'text', [],
      ],
    };
    const page = await stage.page();
    await page.goto(stage.site);
    const links = page.getByRole('list', { name: 'Packs on this server' }).getByRole('link');
    await links.first().waitFor();
    assert.deepEqual(await links.allTextContents().then((texts) => texts.map((text) => text.trim())), ['<img src=x onerror=top.attacked=1>']);
    assert.equal(await page.evaluate(() => 'attacked' in window), false);
    for (const list of ['no list', { packs: 7 }, null]) {
      stage.behind.list = list;
      await page.getByRole('button', { name: 'Read the list again' }).click();
      await page.getByText('the answer is no list of packs').waitFor();
    }
    assert.deepEqual(page.errors, []);
  });
});

describe('a file', () => {
  test('that is chosen opens without a request; a reload asks for it again', async () => {
    const page = await stage.page();
    await page.goto(stage.site);
    const before = stage.packs.log.length;
    await page.getByLabel('Choose a pack').setInputFiles(stage.file);
    await treeHas(page, 'README.md');
    await page.getByRole('treeitem', { name: /^notes/ }).click();
    await page.locator('[role=grid] [role=row]', { hasText: 'plain.txt' }).click();
    await page.getByText('second line').waitFor();
    assert.equal(stage.packs.log.length, before);
    await page.reload();
    await page.getByText('Choose it to go on').waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('that is dropped opens', async () => {
    const page = await stage.page();
    await page.goto(stage.site);
    const bytes = readFileSync(stage.file).toString('base64');
    const data = await page.evaluateHandle((bytes) => {
      const data = new DataTransfer();
      data.items.add(new File([Uint8Array.from(atob(bytes), (char) => char.charCodeAt(0))], 'dropped.pack'));
      return data;
    }, bytes);
    await page.dispatchEvent('body', 'dragover', { dataTransfer: data });
    await page.getByText('Drop a pack to open it').waitFor();
    await page.dispatchEvent('body', 'drop', { dataTransfer: data });
    await treeHas(page, 'README.md');
    assert.match(await page.title(), /dropped\.pack/);
  });

  test('that is none is refused with words', async () => {
    const page = await stage.page();
    await page.goto(stage.site);
    await page.getByLabel('Choose a pack').setInputFiles({ name: 'photo.jpg', mimeType: 'image/jpeg', buffer: Buffer.alloc(100_000, 7) });
    await page.getByText('This file is not a pack').waitFor();
  });
});

describe('failing says why and what to do', () => {
  for (const [query, code, words] of /** @type {const} */ ([
    ['?cors=no', 'ERR_CORS', 'Access-Control-Allow-Origin'],
    ['?status=404', 'ERR_NOT_FOUND', 'Check the address'],
    ['?status=403', 'ERR_FORBIDDEN', 'Presigned'],
  ])) {
    test(code, async () => {
      const page = await stage.page();
      await page.goto(stage.at('', query));
      await page.locator(`[data-code=${code}]`).waitFor();
      await page.getByText(words).first().waitFor();
    });
  }

  test('a path that is not there', async () => {
    const page = await stage.page();
    await page.goto(stage.at('no/such/file'));
    await page.getByText('There is nothing at this path').waitFor();
  });

  test('a network that is lost on the way, and comes back', async () => {
    const page = await stage.page();
    await page.goto(stage.at());
    await treeHas(page, 'README.md');
    await page.route('**/sample.pack', (route) => route.abort('connectionfailed'));
    await page.evaluate(() => (location.hash = '#/data/large.csv'));
    await page.locator('[data-code]').first().waitFor();
    await page.unroute('**/sample.pack');
    await page.getByRole('button', { name: 'Try again' }).click();
    await page.getByRole('cell', { name: '1', exact: true }).first().waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('while it opens it says so, and can be given up', async () => {
    const page = await stage.page();
    await page.goto(stage.at('', '?latency=60000'));
    await page.getByText('Opening').first().waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByLabel('Address of a pack').waitFor();
  });
});
