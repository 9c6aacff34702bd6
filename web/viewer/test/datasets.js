/** A tree with the habits of datasets: classes, captions, boxes. All of it is made here. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { png } from './sample.js';

const CLASSES = ['dipper', 'goldcrest', 'nuthatch', 'redstart', 'wren'];

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
