/** Pictures of the main views: node test/screenshots.js FOLDER */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startStage } from './stage.js';

const folder = process.argv[2] ?? 'screenshots';
mkdirSync(folder, { recursive: true });

const VIEWS = /** @type {const} */ ([
  ['overview', '', 'Root digest'],
  ['directory', 'many', 'file-00000.txt'],
  ['code', 'code/tool.py', 'Says hello'],
  ['csv', 'data/people.csv', 'Grace'],
  ['jsonl', 'data/events.jsonl', 'click'],
  ['json', 'data/config.json', '"sample"'],
  ['npy', 'data/matrix.npy', 'black'],
  ['hex', 'data/blob.bin', '00 07 0e'],
  ['parquet', 'data/table.parquet', 'Kyoto'],
  ['markdown', 'README.md', 'A tree with'],
  ['image', 'images/picture-11.png', '160 × 120'],
  ['audio', 'media/tone.wav', ''],
  ['pdf', 'media/paper.pdf', ''],
  ['gallery', 'images', 'picture-00'],
  ['missing', 'no/such/path', 'There is nothing'],
]);

const stage = await startStage();
for (const [width, height] of [[1440, 900], [390, 844]]) {
  for (const colorScheme of /** @type {const} */ (['light', 'dark'])) {
    const page = await stage.page({ colorScheme, viewport: { width: width ?? 0, height: height ?? 0 } });
    const take = (/** @type {string} */ name) => page.screenshot({ path: join(folder, `${name}-${colorScheme}-${width}.png`) });
    for (const [name, path, text] of VIEWS) {
      await page.goto(stage.at(path));
      if (text !== '') await page.locator('main').getByText(text).first().waitFor();
      if (name === 'audio') await page.locator('audio').waitFor();
      if (name === 'pdf') await page.locator('iframe').waitFor().then(() => page.waitForTimeout(1500));
      if (name === 'gallery') {
        await page.getByRole('button', { name: 'Gallery' }).click();
        await page.waitForFunction(() => document.querySelectorAll('.thumbs img').length >= 8);
      }
      await take(name);
    }
    if (width === 390) {
      await page.getByRole('button', { name: 'Show the tree' }).click();
      await take('tree');
    }
    await page.goto(stage.at('', '?cors=no'));
    await page.getByText('lets this page see nothing').waitFor();
    await take('cors');
    await page.goto(stage.site);
    await page.getByText('Recent').waitFor();
    await take('start');
  }
}
await stage.close();
