/** Every way into a pack, and what is said when one fails. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { startStage } from './stage.js';

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
    await page.locator('[data-code]').first().waitFor({ timeout: 30_000 });
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
