/** What datasets are made of: classes, captions, boxes. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { barriers } from './barriers.js';
import { makeDatasets } from './datasets.js';
import { png } from './sample.js';
import { database } from './sqlite.js';
import { startStage } from './stage.js';

/** @type {import('./stage.js').Stage} */
let stage;
before(async () => {
  stage = await startStage({ make: makeDatasets, name: 'datasets' });
});
after(() => stage?.close());

/** @param {string} path */
async function show(path) {
  const page = await stage.page();
  await page.goto(stage.at(path));
  return { page, view: page.getByRole('region', { name: 'Content' }) };
}

/** @param {string} path */
async function gallery(path) {
  const { page } = await show(path);
  await page.getByRole('button', { name: 'Gallery' }).click();
  return page;
}

describe('a gallery', () => {
  test('of directories of pictures shows the first of each class', async () => {
    const page = await gallery('birds/train');
    const row = page.getByRole('list', { name: 'First pictures of redstart' });
    await row.getByRole('link').nth(5).waitFor();
    await row.locator('img').first().waitFor();
    assert.equal(await row.getByRole('link').count(), 6);
    await page.getByRole('link', { name: 'redstart' }).and(page.locator('main *')).first().click();
    await page.getByRole('button', { name: 'Gallery' }).waitFor();
    assert.match(page.url(), /#\/birds\/train\/redstart$/);
    assert.deepEqual(page.errors, []);
  });

  test('of directories above those says which class each picture has', async () => {
    const page = await gallery('birds');
    await page.getByRole('list', { name: 'First pictures of val' }).getByRole('link', { name: 'goldcrest' }).waitFor();
    await page.getByRole('list', { name: 'First pictures of train' }).getByRole('link', { name: 'dipper' }).first().waitFor();
  });

  test('of a class has its name above', async () => {
    const page = await gallery('birds/train/wren');
    await page.getByRole('heading', { name: 'wren' }).waitFor();
  });

  test('has captions from files beside the pictures, in few requests, and not these files', async () => {
    const page = await gallery('captioned');
    await page.getByText('hills in the morning, number 4').waitFor();
    await page.getByText('dusk, number 9').waitFor();
    await page.getByText('camera: north · exposure: 0.01').waitFor();
    await page.getByText('<img src=x').first().waitFor();
    assert.equal(await page.locator('.thumbs').getByRole('link').count(), 12);
    assert.equal(await page.locator('.thumbs').getByText('shot-10.txt').count(), 0);
    await page.getByRole('link', { name: 'shot-11.png' }).and(page.locator('main *')).click();
    await page.getByRole('img', { name: 'shot-11.png' }).waitFor();
    await page.getByText('dusk, number 1').waitFor();
    assert.equal(await page.evaluate(() => 'attacked' in window), false);
    assert.deepEqual(page.errors, []);
  });

  test('of very many hides captions as well, and reads no more of them than are in sight', async () => {
    const picture = png(16, 12, 1);
    const names = Array.from({ length: 2_100 }, (_, i) => String(i).padStart(4, '0'));
    stage.addPack('many', Object.fromEntries(names.flatMap((name) => [[`shots/${name}.png`, picture], [`shots/${name}.txt`, `number ${name}`]])));
    const page = await stage.page();
    await page.goto(`${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/many.pack` })}#/shots`);
    await page.getByRole('button', { name: 'Gallery' }).click();
    const list = page.getByRole('list', { name: 'Entries as pictures' });
    await list.getByText('number 0007').waitFor();
    assert.equal(await list.getByText('.txt').count(), 0);
    await list.evaluate((list) => list.scrollTo(0, list.scrollHeight));
    await list.getByText('number 2099').waitFor();
    assert.equal(await list.getByText('.txt').count(), 0);
    const [last, box] = await Promise.all([list.getByRole('link').last().boundingBox(), list.boundingBox()]);
    assert.ok((last?.y ?? 0) + (last?.height ?? 0) > (box?.y ?? 0) + (box?.height ?? 0) - 60, 'nothing is below the last one');
    assert.deepEqual(page.errors, []);
  });
});

describe('boxes', () => {
  test('of COCO are drawn over the picture, with the names of their categories, and can be hidden', async () => {
    const { page, view } = await show('boxed/images/view-0.png');
    const boxes = view.getByRole('img', { name: '4 boxes: 1 sun, 2 hill, 1 sky' });
    await boxes.waitFor();
    const [picture, drawn] = await Promise.all([view.getByRole('img', { name: 'view-0.png' }).boundingBox(), boxes.locator('.box').first().boundingBox()]);
    const scale = (picture?.width ?? 0) / 480;
    assert.ok(Math.abs((drawn?.x ?? 0) - (picture?.x ?? 0) - 60 * scale) < 1, 'left');
    assert.ok(Math.abs((drawn?.width ?? 0) - 70 * scale) < 1, 'width');
    await view.getByRole('button', { name: 'Boxes: 4' }).click();
    await boxes.waitFor({ state: 'detached' });
    assert.deepEqual(page.errors, []);
  });

  test('of a picture that was made smaller lie where they belong', async () => {
    const { view } = await show('boxed/images/view-1.png');
    const [picture, drawn] = await Promise.all([view.getByRole('img', { name: 'view-1.png' }).boundingBox(), view.locator('.box').boundingBox()]);
    assert.ok(Math.abs((drawn?.x ?? 0) - (picture?.x ?? 0) - (picture?.width ?? 0) / 2) < 1);
  });

  test('of one picture come from the file of its name', async () => {
    const { view } = await show('boxed/single/own.png');
    await view.getByRole('img', { name: '1 box: 1 ridge' }).waitFor();
    await view.getByText('one ridge').waitFor();
  });

  test('beside numbers that are none are drawn; a file that is no JSON is named', async () => {
    const { page, view } = await show('boxed/none/nan.png');
    await view.getByRole('img', { name: '1 box: 1 NaN, "Infinity"' }).waitFor();
    await page.goto(stage.at('boxed/none/nan.json'));
    await view.getByText('score NaN').waitFor();
    await page.goto(stage.at('boxed/none/torn.png'));
    await view.getByRole('img', { name: 'torn.png' }).waitFor();
    await view.getByText('torn.json is not JSON').waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('that are nonsense, or far too many, do no harm', async () => {
    const { page, view } = await show('hostile/boxes/x.png');
    await view.getByRole('button', { name: 'Boxes: 500 of 40,00' }).waitFor();
    await view.getByRole('img', { name: /^500 boxes: .*499 <img src=x onerror='top.attacked=1'>/ }).waitFor();
    assert.equal(await view.locator('.box').count(), 500);
    assert.equal(await page.evaluate(() => 'attacked' in window), false);
    assert.deepEqual(page.errors, []);
  });
});

describe('tensors', () => {
  test('of safetensors are listed; one shows its statistics and values', async () => {
    const { page, view } = await show('tensors/model.safetensors');
    await view.getByText('7 tensors · 12,307 values').waitFor();
    await view.getByText('license: <b>MIT</b>').waitFor();
    await view.getByRole('button', { name: 'model.layers.0.norm.weight' }).click();
    const statistics = view.getByRole('region', { name: 'Statistics' });
    await statistics.getByText('±Inf').waitFor();
    assert.match((await statistics.locator('dl').textContent()) ?? '', /Min-2Max1Mean-0\.5Std1\.5Zeros0 %NaN1±Inf1/);
    for (const value of ['1', '-2', 'Infinity', 'NaN']) await view.getByRole('cell', { name: value, exact: true }).waitFor();
    await view.getByRole('button', { name: 'All tensors' }).click();
    await view.getByRole('button', { name: 'down_proj' }).click();
    await view.getByText('BF16').waitFor();
    await view.getByRole('img', { name: /^Histogram from -0\.\d+ to 0\.\d+/ }).waitFor();
    await view.getByRole('img', { name: 'The array as an image' }).waitFor();
    await view.getByRole('button', { name: 'All tensors' }).click();
    await view.getByRole('button', { name: 'scalar' }).click();
    await view.getByRole('cell', { name: '2.5' }).waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('that are large are counted when asked, and values come by ranges', async () => {
    const { page, view } = await show('tensors/large.safetensors');
    await view.getByRole('button', { name: 'embed.weight' }).click();
    const statistics = view.getByRole('region', { name: 'Statistics' });
    const button = statistics.getByRole('button', { name: 'Statistics' });
    await button.waitFor();
    await view.getByRole('button', { name: 'Image' }).click();
    await view.getByRole('cell').first().waitFor();
    await button.click();
    await view.getByRole('img', { name: /^Histogram/ }).waitFor();
    await page.waitForFunction(() => document.querySelector('[aria-label=Statistics]')?.getAttribute('aria-busy') === 'false');
    assert.equal(await statistics.getByRole('progressbar').count(), 0);
    assert.deepEqual(page.errors, []);
  });

  test('of a zip are read where they lie, or unpacked', async () => {
    const { page, view } = await show('tensors/arrays.npz');
    await view.getByRole('button', { name: 'images <i2 (4, 5)' }).click();
    await view.getByRole('button', { name: 'Image' }).click();
    await view.getByRole('cell', { name: '-5', exact: true }).waitFor();
    await view.getByRole('button', { name: 'All tensors' }).click();
    await view.getByRole('button', { name: 'labels <i2 (1,000) deflated' }).click();
    await view.getByRole('img', { name: 'Histogram from 0 to 10' }).waitFor();
    await view.getByRole('button', { name: 'All tensors' }).click();
    await view.getByRole('button', { name: 'readme' }).click();
    await view.getByText('This is not a NumPy array.').waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('that lie are refused, each with the reason', async () => {
    for (const [path, reason] of [['long-header.safetensors', 'longer than the file'], ['no-json.safetensors', 'JSON'], ['none.npz', 'cannot be read as tensors']]) {
      const { page } = await show(`hostile/${path}`);
      await page.getByText(reason ?? '').first().waitFor();
      await page.getByText('00000000').or(page.getByText('000000')).first().waitFor();
      assert.deepEqual(page.errors, []);
    }
    const { page, view } = await show('hostile/lies.safetensors');
    for (const [name, reason] of [['far away', 'outside of its file'], ['too many', 'do not fit'], ['backwards', 'outside'], ['negative', 'makes no sense'], ['texts unknown', 'makes no sense'], ['null unknown', 'makes no sense'], ['unknown Q9', 'Values of this type cannot be shown'], ['empty', '0 rows'], ['<img', 'U8']]) {
      await view.getByRole('button', { name }).click();
      await view.getByText(reason ?? '').first().waitFor();
      await view.getByRole('button', { name: 'All tensors' }).click();
    }
    await page.goto(stage.at('hostile/bomb.npz'));
    for (const [name, reason] of [['longer', 'longer than its zip says'], ['endless', 'too large to be unpacked'], ['absurd', 'cannot be as long'], ['header', 'longer than its file']]) {
      await view.getByRole('button', { name }).click();
      await view.getByText(reason ?? '').first().waitFor();
      await view.getByRole('button', { name: 'All tensors' }).click();
    }
    assert.equal(await page.evaluate(() => 'attacked' in window), false);
    assert.deepEqual(page.errors, []);
  });
});

describe('a notebook', () => {
  test('shows text, code in colours, and what came out of it', async () => {
    const { page, view } = await show('notebook.ipynb');
    await view.getByRole('heading', { name: 'Spectra of dawn' }).waitFor();
    await view.getByText('5 cells · Python 3').waitFor();
    await view.locator('.hljs-keyword', { hasText: 'import' }).waitFor();
    await view.getByText('(64, 512)').waitFor();
    await view.getByRole('cell', { name: '0.25' }).waitFor();
    await page.waitForFunction(() => document.querySelector('img[alt="Output of cell 4"]')?.getAttribute('src')?.startsWith('blob:'));
    await page.waitForFunction(() => document.querySelector('img[alt=held]')?.getAttribute('src')?.startsWith('blob:'));
    await view.getByText('IndexError: index 99 is out of bounds').waitFor();
    await view.getByRole('link', { name: 'the arrays' }).click();
    await view.getByText('shape (60, 90)').waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('of a stranger runs nothing and calls nobody', async () => {
    const { page, view } = await show('hostile/notebook.ipynb');
    await view.getByRole('heading', { name: 'Harm' }).waitFor();
    await view.getByText('bold stays').first().waitFor();
    await page.waitForFunction(() => document.querySelector('img[alt="Output of cell 2"]')?.getAttribute('src')?.startsWith('data:image/svg+xml'));
    await view.getByText('The rest of this output is not shown.').waitFor();
    assert.equal(await view.locator('iframe, form, script, article svg, article style, a[href^=javascript]').count(), 0);
    await view.getByRole('button', { name: 'Show 100 more of 402 cells' }).click();
    await view.getByText('cell = 150').waitFor();
    await page.quiet();
    assert.equal(await page.evaluate(() => 'attacked' in window), false);
    assert.deepEqual(stage.asked.filter((path) => path.includes('attacked')), []);
    assert.deepEqual(page.errors, []);
  });

  test('that is none, or an odd one, is no trouble', async () => {
    const { page, view } = await show('hostile/odd.ipynb');
    await view.getByText('no picture').waitFor();
    await page.goto(stage.at('hostile/old.ipynb'));
    await page.getByText('notebooks of format 3 are not shown').waitFor();
    await page.goto(stage.at('hostile/deep.ipynb'));
    await page.getByText('This is not a notebook').waitFor();
    assert.deepEqual(page.errors, []);
  });
});

test('code that has no ending but a name has colours, too', async () => {
  const { view } = await show('code/Dockerfile');
  await view.locator('.hljs-keyword', { hasText: 'FROM' }).waitFor();
});

describe('a sound', () => {
  const painted = () => {
    const canvas = document.querySelector('canvas');
    const pixels = canvas?.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data;
    return pixels?.some((value) => value > 0);
  };

  test('has its shape above the player, which goes where one points, and by keys', async () => {
    const { page, view } = await show('sounds/call.wav');
    const slider = view.getByRole('slider', { name: 'Place in the sound' });
    await slider.waitFor();
    await page.waitForFunction(painted);
    assert.equal(await slider.getAttribute('aria-valuetext'), '0:00 of 0:20');
    const { width = 0 } = (await slider.boundingBox()) ?? {};
    await slider.click({ position: { x: width / 2, y: 40 } });
    await page.waitForFunction(() => Math.abs((document.querySelector('audio')?.currentTime ?? 0) - 10) < 0.2);
    await slider.focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => Math.abs((document.querySelector('audio')?.currentTime ?? 0) - 15) < 0.2);
    await page.keyboard.press('Home');
    await page.waitForFunction(() => document.querySelector('audio')?.currentTime === 0);
    assert.deepEqual(page.errors, []);
  });

  test('that is long is drawn when asked, from samples', async () => {
    const { page, view } = await show('sounds/night.wav');
    await view.getByRole('button', { name: 'Draw its shape' }).click();
    await view.getByRole('slider').waitFor();
    await page.waitForFunction(painted);
    assert.deepEqual(page.errors, []);
  });

  test('that is none is shown as bytes', async () => {
    const { page } = await show('hostile/chunks.wav');
    await page.getByText('This browser cannot play it.').waitFor();
    assert.deepEqual(page.errors, []);
  });
});

describe('a database of SQLite', () => {
  test('shows its tables, and rows page by page', async () => {
    const { page, view } = await show('tables/birds.sqlite');
    await view.getByText('5 tables').waitFor();
    await view.getByRole('button', { name: 'sightings' }).click();
    await view.getByRole('cell', { name: 'site 1' }).first().waitFor();
    await view.getByText('100 rows, 6 columns').waitFor();
    await view.getByRole('button', { name: 'Next' }).click();
    await view.getByRole('cell', { name: '303', exact: true }).first().waitFor();
    await view.getByRole('button', { name: 'Previous' }).click();
    await view.getByRole('cell', { name: '3', exact: true }).first().waitFor();
    await view.getByRole('button', { name: 'Last' }).click();
    await view.getByRole('button', { name: 'Previous', disabled: false }).waitFor();
    await page.locator('.table').evaluate((table) => table.scrollTo(0, table.scrollHeight));
    await view.getByRole('cell', { name: '15000', exact: true }).first().waitFor();
    await view.getByRole('cell', { name: '5000 bytes' }).waitFor();
    assert.equal(await view.getByRole('button', { name: 'Next' }).isDisabled(), true);
    await view.getByLabel('Rows from number').fill('7000');
    await page.keyboard.press('Enter');
    await view.getByRole('cell', { name: '7002', exact: true }).first().waitFor();
    // What is asked for while another page is read comes next.
    await view.getByRole('button', { name: 'First' }).click();
    await view.getByLabel('Rows from number').fill('9000');
    await page.keyboard.press('Enter');
    await view.getByRole('cell', { name: '9000', exact: true }).first().waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('tables without row numbers, views, odd names and large numbers', async () => {
    const { page, view } = await show('tables/birds.sqlite');
    const table = async (/** @type {string} */ name, /** @type {string[]} */ cells) => {
      await view.getByRole('button', { name }).click();
      for (const cell of cells) await view.getByRole('cell', { name: cell, exact: true }).first().waitFor();
    };
    const back = () => view.getByRole('button', { name: 'All tables' }).click();
    await table('species name', ['bird 001']);
    await view.getByRole('button', { name: 'Next' }).click();
    await view.getByRole('cell', { name: 'bird 101' }).waitFor();
    await view.getByRole('button', { name: 'Previous' }).click();
    await view.getByRole('cell', { name: 'bird 001' }).waitFor();
    await back();
    await table('odd "name" <b>', ['<img src=x onerror=top.attacked=1>', 'ü']);
    await back();
    await table('big', ['9007199254740993', '-9223372036854775808']);
    await back();
    await table('counts', ['wren di']);
    assert.equal(await page.evaluate(() => 'attacked' in window), false);
    assert.deepEqual(page.errors, []);
  });

  test('with changes in a log beside it says that they are not shown', async () => {
    const { page, view } = await show('tables/logged.db');
    await view.getByText('4.05 KiB in logged.db-wal are not read: changes there that were not checkpointed are not shown.').waitFor();
    await page.goto(stage.at('tables/calm.db'));
    await view.getByText('4 tables').waitFor();
    await page.quiet();
    assert.equal(await view.getByText('checkpointed').count(), 0);
    assert.deepEqual(page.errors, []);
  });

  test('that is large is read by ranges, and only where one looks', async () => {
    const large = await database(`CREATE TABLE readings (id INTEGER PRIMARY KEY, text TEXT);
      WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000) INSERT INTO readings SELECT i, printf('%0200d', i) FROM n; ANALYZE`);
    stage.addPack('large', { 'readings.db': large });
    const sent = () => stage.packs.log.filter(({ path }) => path === '/large.pack').reduce((sum, { bytes }) => sum + bytes, 0);
    const page = await stage.page();
    await page.goto(`${stage.site}?${new URLSearchParams({ pack: `${stage.packs.origin}/large.pack` })}#/readings.db`);
    await page.getByRole('button', { name: 'readings ~60,000 rows' }).or(page.getByRole('button', { name: 'readings id, text ~60,000 rows' })).click();
    await page.getByRole('cell', { name: '1', exact: true }).first().waitFor();
    await page.getByRole('button', { name: 'Last' }).click();
    await page.getByRole('cell', { name: '59901', exact: true }).first().waitFor();
    await page.getByLabel('Rows from number').fill('30000');
    await page.keyboard.press('Enter');
    await page.getByRole('cell', { name: '30000', exact: true }).first().waitFor();
    assert.ok(large.length > 12_000_000 && sent() < 3_000_000, `${sent()} of ${large.length} bytes`);
    assert.deepEqual(page.errors, []);
  });

  test('without end, or beyond all measure, is given up; the page goes on', async () => {
    const { page, view } = await show('hostile/endless.db');
    for (const [name, words] of [['endless', 'takes too long'], ['huge', 'too big'], ['memory', /too long|too big|out of memory/]]) {
      await view.getByRole('button', { name: String(name) }).click();
      await view.getByText(words ?? '').first().waitFor();
      await view.getByRole('button', { name: 'All tables' }).click();
    }
    // Who leaves does not wait for it.
    await view.getByRole('button', { name: 'endless' }).click();
    await view.getByRole('button', { name: 'All tables' }).click();
    await view.getByRole('button', { name: 'fine' }).click();
    await view.getByText('1 row, 2 columns').waitFor();
    assert.deepEqual(page.errors, []);
  });

  test('that is none, torn or damaged says so, or shows what can be read', async () => {
    const { page, view } = await show('hostile/none.db');
    await page.getByText('not a database of SQLite').waitFor();
    for (const name of ['torn', 'wrong-1', 'wrong-2', 'wrong-3', 'wrong-4']) {
      await page.goto(stage.at(`hostile/${name}.sqlite`));
      const rows = view.locator('.choices button');
      const refused = page.getByText('SQLite cannot read this');
      await rows.first().or(refused).or(view.getByText('There are no tables')).first().waitFor();
      for (let i = 0; i < (await rows.count()); i++) {
        await rows.nth(i).click();
        await view.getByRole('cell').or(view.locator('.note [role=status], .note')).or(view.getByText(/^\d+ rows/)).first().waitFor();
        await page.waitForFunction(() => ![...document.querySelectorAll('[role=status]')].some((status) => status.textContent === 'Reading …'));
        await view.getByRole('button', { name: 'All tables' }).click();
      }
      assert.deepEqual(page.errors, [], name);
    }
  });
});

/** @typedef {Awaited<ReturnType<import('./stage.js').Stage['page']>>} Page */

/** @type {[path: string, text: string, button?: string][]} */
const VIEWS = [
  ['birds', 'goldcrest', 'Gallery'],
  ['captioned', 'dusk, number 9', 'Gallery'],
  ['captioned/shot-11.png', 'dusk, number 1'],
  ['boxed/images/view-0.png', 'Boxes: 4'],
  ['tensors/model.safetensors', '7 tensors'],
  ['tensors/image.npy', '±Inf'],
  ['tensors/arrays.npz', '±Inf', 'packed'],
  ['notebook.ipynb', 'IndexError'],
  ['sounds/night.wav', 'Draw its shape'],
  ['tables/birds.sqlite', '5 tables'],
  ['tables/birds.sqlite', 'hatchre', 'sightings'],
];

for (const width of [1440, 390]) {
  test(`axe finds nothing serious in both themes (${width} pixels wide)`, async () => {
    const page = await stage.page({ viewport: { width, height: width === 390 ? 844 : 900 } });
    for (const [path, text, button] of VIEWS) {
      await page.goto('about:blank');
      await page.goto(stage.at(path));
      if (button) await page.locator('main').getByRole('button', { name: button }).first().click();
      await page.locator('main').getByText(text).first().waitFor();
      assert.deepEqual(await barriers(page), [], path);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      assert.ok(wide <= width, `${path}: the page is ${wide} pixels wide`);
    }
    await page.goto(stage.at('sounds/call.wav'));
    await page.getByRole('slider', { name: 'Place in the sound' }).waitFor();
    assert.deepEqual(await barriers(page), [], 'the shape of a sound');
    assert.deepEqual(page.errors, []);
  });
}

test('the first page takes 150 KiB of script at most, and none of what it takes to show files', async () => {
  stage.asked.length = 0;
  const page = await stage.page();
  await page.goto(stage.at());
  await page.locator('main [aria-busy=false]').getByText('birds.sqlite').waitFor();
  await page.quiet();
  const scripts = [...new Set(stage.asked.filter((path) => path.endsWith('.js')))];
  const bytes = scripts.reduce((sum, path) => sum + gzipSync(readFileSync(new URL(`../dist/${path.replace('/some/folder/', '')}`, import.meta.url))).length, 0);
  assert.ok(scripts.length > 0 && bytes <= 150 * 1024, `${bytes} bytes: ${scripts}`);
  assert.deepEqual(stage.asked.filter((path) => /sqlite|View-|npz|highlight|markdown/i.test(path)), []);
});
