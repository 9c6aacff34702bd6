/** The parts that need no browser. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { wavOf } from '../../reader/test/wav.js';
import { load } from './load.js';

const { CsvParser, separatorOf } = await load('format/csv');
const bar = await load('page/bar');
const { onListKey } = await load('page/keys');
const paths = await load('words/paths');
const { quoted, catCommand, curlCommand } = await load('words/commands');
const { parseNpy } = await load('format/npy');
const { headerLength, parseSafetensors } = await load('format/tensors');
const { Statistics, statisticsOf } = await load('format/statistics');
const { memory } = await load('format/npz');
const { openWav, peaksOf } = await load('format/wav');
const { parseNotebook, withoutColours } = await load('format/notebook');
const { splitLines } = await load('format/highlight');
const { parseJson } = await load('format/json');
const { captionOf, captionNames } = await load('format/captions');
const { BoxFile } = await load('format/boxes');
const { ItemsInBlocks, itemsOf } = await load('pack/items.svelte');
const { matcher } = await load('pack/match');
const format = await load('words/numbers');
const { sniff, kindOf } = await load('format/kinds');
const { squarify } = await load('map/squarify');
const { sharesOf } = await load('map/shares');
const { Largest, walkRequests } = await load('pack/census.svelte');
const { typeOf, groupOf } = await load('format/groups');
const { readPacks } = await load('state/packs');

describe('the bar of a list that is too tall', () => {
  const view = 900;
  for (const rows of [500_001, 1_000_000, 10_000_000, 2 ** 40]) {
    const sizes = { real: rows * 32, height: bar.TALLEST, view };
    const [most, longest] = [sizes.real - view, sizes.height - view];

    test(`${rows} rows: places and positions agree, ends are ends`, () => {
      assert.equal(bar.barOf(0, sizes), 0);
      assert.equal(bar.barOf(most, sizes), longest);
      assert.equal(bar.placeOf(longest, sizes), most);
      let before = -1;
      for (let part = 0; part <= 1; part += 1 / 512) {
        const place = most * part;
        const at = bar.barOf(place, sizes);
        assert.ok(at > before && at <= longest, `${at} behind ${before}`);
        assert.ok(Math.abs(bar.placeOf(at, sizes) - place) <= place * 1e-9 + 0.001);
        before = at;
      }
      // Near the ends a pixel is a pixel.
      assert.equal(bar.barOf(1000, sizes) - bar.barOf(900, sizes), 100);
      assert.ok(Math.abs(bar.barOf(most - 900, sizes) - bar.barOf(most - 1000, sizes) - 100) < 0.01);
    });
  }

  test('is dragged by leaps, and the wheel makes none', () => {
    const sizes = { real: 32_000_000, height: bar.TALLEST, view };
    // A third of a pixel, on a screen with three to each.
    assert.equal(bar.isDragged(sizes.height / view / 3, sizes), true);
    assert.equal(bar.isDragged(-sizes.height / view, sizes), true);
    for (const by of [1, -120, 900, -2500]) assert.equal(bar.isDragged(by, sizes), false);
  });
});

describe('keys of a list', () => {
  /** @param {string} key @param {object} [more] @param {{ active?: number, count?: number, fitting?: number }} [rows] */
  function press(key, more = {}, { active = 50, count = 100, fitting = 20 } = {}) {
    /** @type {unknown[]} */
    const done = [];
    const event = { key, ctrlKey: false, metaKey: false, altKey: false, preventDefault: () => done.push('kept'), ...more };
    onListKey(event, { active, count, fitting, go: (/** @type {number} */ index) => done.push(index) }, { Enter: () => done.push('enter') });
    return done;
  }

  test('move, and stay inside', () => {
    const to = { ArrowDown: 51, ArrowUp: 49, PageDown: 69, PageUp: 31, Home: 0, End: 99 };
    for (const [key, index] of Object.entries(to)) assert.deepEqual(press(key), ['kept', index], key);
    assert.deepEqual(press('PageDown', {}, { active: 95 }), ['kept', 99]);
    assert.deepEqual(press('ArrowUp', {}, { active: 0 }), ['kept', 0]);
    assert.deepEqual(press('PageDown', {}, { fitting: 1 }), ['kept', 51]);
    assert.deepEqual(press('End', {}, { active: 0, count: 0 }), ['kept', 0]);
  });

  test('are left alone when they mean something else', () => {
    assert.deepEqual(press('Enter'), ['kept', 'enter']);
    for (const more of [{ ctrlKey: true }, { metaKey: true }, { altKey: true }]) assert.deepEqual(press('End', more), []);
    assert.deepEqual(press('a'), []);
  });
});

describe('CSV', () => {
  /** @param {string} text @param {number} [piece] */
  const parse = (text, piece = text.length) => {
    const parser = new CsvParser(',');
    const rows = [];
    for (let at = 0; at < text.length; at += piece) rows.push(...parser.push(text.slice(at, at + piece)));
    return [...rows, ...parser.end()];
  };

  test('gives the same rows however it is cut into pieces', () => {
    const text = 'a,"b ""c"" d",\r\n"two\r\nlines",,"x,y"\n\n"",last\rplain"quote,"open';
    const rows = [['a', 'b "c" d', ''], ['two\r\nlines', '', 'x,y'], ['', 'last'], ['plain"quote', 'open']];
    for (let piece = 1; piece <= text.length; piece++) assert.deepEqual(parse(text, piece), rows, `pieces of ${piece}`);
  });

  test('does not gather a quote without end for ever', () => {
    const rows = parse(`"${'x'.repeat(1_100_000)}\nnext,row\n`, 1000);
    assert.ok(rows.length > 0 && rows.every((row) => row.every((cell) => cell.length < 1_200_000)));
  });

  test('finds the separator', () => {
    assert.equal(separatorOf('a;b;c\n1,5;2;3'), ';');
    assert.equal(separatorOf('a\tb'), '\t');
    assert.equal(separatorOf('"x;y;z",b'), ',');
    assert.equal(separatorOf('alone'), ',');
  });
});

describe('paths', () => {
  test('come back from an address as they went in, bytes that are no text too', () => {
    for (const path of ['', 'a', 'a/b c', 'ä/?#%/100%25', 'x\udcff\udc80y/\udce4', 'emoji 😀/\udcf0\udc9f', "quote'\"<>&"]) {
      assert.equal(paths.decodePath('#' + paths.encodePath(path)), path);
    }
  });

  test('of bytes are those bytes', () => {
    assert.equal(paths.encodePath('\udcff'), '/%FF');
    assert.deepEqual([...paths.pathBytes('ä/\udcff')], [0xc3, 0xa4, 0x2f, 0xff]);
    assert.equal(paths.pathBytes('plain'), undefined);
  });

  test('as people type them are taken', () => {
    assert.equal(paths.decodePath('#//a//b/'), 'a/b');
    assert.equal(paths.decodePath('#/50%'), '50%');
  });

  test('are shown without letters that hide or turn text', () => {
    assert.equal(paths.shown('a\u202eexe.txt\n\udcff'), 'a\ufffdexe.txt\ufffd\ufffd');
    assert.equal(paths.shown('schön 😀'), 'schön 😀');
  });
});

describe('commands', () => {
  const entry = { kind: 'file', path: "it's; rm -rf $HOME", storedSize: 10, offset: 5, codec: 'stored' };

  test('quote whatever is in a name', () => {
    assert.equal(quoted('plain/name.txt'), 'plain/name.txt');
    assert.equal(catCommand('a.pack', entry), `rangepack cat -- a.pack 'it'\\''s; rm -rf $HOME'`);
    assert.equal(catCommand('https://a/b', { path: 'x' }, 'https://a/b.idx'), 'rangepack cat --index https://a/b.idx -- https://a/b x');
    assert.equal(quoted('-rf'), "'-rf'");
    assert.equal(quoted("a\n'\udcff"), "$'a\\x0a\\x27\\xff'");
  });

  test('name the range of a payload, where it is one', () => {
    assert.equal(curlCommand('https://a/b.pack', entry), 'curl -r 5-14 https://a/b.pack');
    assert.equal(curlCommand('https://a/b?x=1&y', { ...entry, codec: 'gzip' }), "curl -r 5-14 'https://a/b?x=1&y' | gunzip");
    assert.equal(curlCommand('https://a/b', { ...entry, codec: 'zstd' }), 'curl -r 5-14 https://a/b | zstd -d');
    assert.equal(curlCommand('https://a/b', { ...entry, codec: 'zstd', dictionary: 1 }), undefined);
    assert.equal(curlCommand('https://a', { ...entry, volume: 1 }), undefined);
    assert.equal(curlCommand('https://a', { ...entry, storedSize: 0 }), undefined);
  });
});

describe('NumPy headers', () => {
  /** @param {string} dict @param {number} [version] */
  const head = (dict, version = 1) => {
    const text = Buffer.from(dict);
    const start = version === 1 ? 10 : 12;
    const bytes = Buffer.alloc(start + text.length);
    bytes.set([0x93, 78, 85, 77, 80, 89, version, 0]);
    if (version === 1) bytes.writeUInt16LE(text.length, 8);
    else bytes.writeUInt32LE(text.length, 8);
    bytes.set(text, start);
    return bytes;
  };

  test('of both versions', () => {
    for (const version of [1, 2]) {
      const bytes = head("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }", version);
      const npy = parseNpy(bytes, bytes.length + 12);
      assert.deepEqual([npy.dtype, npy.shape, npy.fortran, npy.itemSize, npy.offset], ['>i2', [2, 3], true, 2, bytes.length]);
      assert.equal(npy.read(new DataView(Uint8Array.of(255, 254).buffer), 0), -2);
    }
  });

  test('of half precision', () => {
    const npy = parseNpy(head("{'descr': '<f2', 'fortran_order': False, 'shape': (), }"), 1000);
    const value = (/** @type {number} */ bits) => npy.read(new DataView(Uint16Array.of(bits).buffer), 0);
    assert.deepEqual([0x3c00, 0xc000, 0x0001, 0x7c00, 0x3555].map(value), [1, -2, 2 ** -24, Infinity, 0.333251953125]);
  });

  test('that lie are refused', () => {
    const refused = (/** @type {Buffer} */ bytes, /** @type {RegExp} */ why) => assert.throws(() => parseNpy(bytes, 1000), why);
    refused(Buffer.from('nothing of the kind'), /not a NumPy array/);
    refused(head("{'descr': '<f8', 'fortran_order': False, 'shape': (1000,), }"), /longer than its file/);
    refused(head("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,), }"), /makes no sense/);
    refused(head("{'descr': '<f8'}"), /does not say its shape/);
    refused(head(`{'descr': '<f8', 'fortran_order': True, 'shape': (${'1, '.repeat(100)}), }`), /makes no sense/);
    refused(head("{'descr': '<f8', 'shape': (1,), }", 2).subarray(0, 30), /too long/);
  });

  test('of records are read, their values are not', () => {
    assert.equal(parseNpy(head("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (9999,), }"), 1000).read, undefined);
  });
});

describe('JSON with words for what is no number', () => {
  test('is read as it is meant', () => {
    for (const [text, value] of /** @type {[string, unknown][]} */ ([
      ['NaN', NaN],
      ['[NaN, -Infinity,Infinity, 1]', [NaN, -Infinity, Infinity, 1]],
      ['{"NaN": "NaN", "a\\"NaN": NaN, "b\\\\": Infinity}', { NaN: 'NaN', 'a"NaN': NaN, 'b\\': Infinity }],
      ['{"__proto__": NaN}', JSON.parse('{"__proto__": null}')],
    ])) {
      const found = parseJson(text);
      if (text.includes('proto')) assert.ok(Number.isNaN(Object.getOwnPropertyDescriptor(found, '__proto__')?.value));
      else assert.deepEqual(found, value, text);
    }
  });

  test('is refused where it is none, in the words of the browser', () => {
    for (const text of ['', 'NaN NaN', '[NaN', 'xNaN', '--Infinity', '"NaN', '{"a": NaN', `"${'\\'.repeat(99_999)}`, `[NaN, "${'x\\"'.repeat(99_999)}`, '['.repeat(99_999)]) {
      const said = (() => { try { JSON.parse(text); } catch (error) { return String(error); } })();
      assert.throws(() => parseJson(text), (/** @type {unknown} */ error) => String(error) === said, text.slice(0, 20));
    }
  });
});

describe('captions', () => {
  test('stand in files of the same stem', () => {
    assert.deepEqual(captionNames('a.b.jpg'), ['a.b.txt', 'a.b.json']);
    assert.deepEqual(captionNames('.png'), []);
    const file = (/** @type {string} */ name) => ({ kind: 'file', name, size: 9 });
    const items = itemsOf(['a.jpg', 'a.json', 'a.txt', 'b.txt', 'c.png'].map(file));
    assert.deepEqual(items.map((/** @type {any} */ { entry, caption }) => [entry.name, caption?.name]), [['a.jpg', 'a.txt'], ['b.txt', undefined], ['c.png', undefined]]);
  });

  test('of a directory that comes block by block hide, too', () => {
    const file = (/** @type {string} */ name) => ({ kind: 'file', name, size: 9 });
    const numbered = (/** @type {number} */ length, /** @type {(number: string, i: number) => string[]} */ names) =>
      Array.from({ length }, (_, i) => names(String(i).padStart(6, '0'), i)).flat().sort().map(file);
    const trees = {
      pairs: numbered(3_100, (n) => [`${n}.png`, `${n}.txt`]),
      triples: numbered(2_101, (n) => [`${n}.jpg`, `${n}.json`, `${n}.txt`]),
      between: numbered(2_101, (n) => [`${n}.json`, `${n}.png`, `${n}.txt`]),
      pictures: numbered(5_003, (n) => [`${n}.jpg`]),
      irregular: numbered(4_000, (n, i) => [`${n}.jpg`, ...(i % 7 < 3 ? [`${n}.txt`] : []), ...(i % 5 === 0 ? [`${n}.md`] : [])]),
      notes: numbered(5_000, (n) => [`${n}.txt`]),
    };
    for (const [name, entries] of Object.entries(trees)) {
      /** @type {Map<number, object[]>} */
      const blocks = new Map();
      const place = (/** @type {number} */ block) => entries.slice(block * 500, (block + 1) * 500);
      /** @type {[number, number][]} */
      const wanted = [];
      const items = new ItemsInBlocks({ count: entries.length, blocks, at: () => undefined, want: (/** @type {number} */ first, /** @type {number} */ last) => wanted.push([first, last]) });
      const all = itemsOf(entries);
      blocks.set(0, place(0));
      if (name !== 'irregular') assert.ok(Math.abs(items.count - all.length) <= 1, `${name}: ${items.count} of ${all.length}`);
      // What is wanted is in the blocks that show it.
      items.want(items.count - 10, items.count);
      assert.ok((wanted.at(-1)?.[1] ?? 0) >= entries.length - 2, name);
      const last = Math.ceil(entries.length / 500) - 1;
      for (const block of [last, ...Array.from({ length: last }, (_, i) => (i * 3) % last), ...Array(last).keys()]) {
        blocks.set(block, place(block));
        void items.count;
      }
      assert.equal(items.count, all.length, name);
      assert.equal(items.captioned, name !== 'pictures' && name !== 'notes', name);
      for (let i = 0; i < all.length; i += i % 250 < 8 ? 1 : 11) assert.equal(items.at(i)?.entry, all[i]?.entry, `${name}: ${i}`);
      assert.equal(items.at(all.length), undefined);
      // What went away keeps its length.
      blocks.clear();
      assert.equal(items.count, all.length, name);
      assert.equal(items.at(7), undefined);
    }
  });

  test('are text, what JSON calls so, or its plain fields', () => {
    assert.equal(captionOf('a.txt', ' a bird \n'), 'a bird');
    assert.equal(captionOf('a.txt', 'x'.repeat(9_999)).length, 2049);
    for (const [json, said] of [['"a bird"', 'a bird'], ['{"id":1,"text":"t","caption":"c"}', 'c'], ['["one","two",{}]', 'one\ntwo'], ['{"a":1,"b":{"c":2},"d":"x"}', 'a: 1 · d: x'], ['{"caption":{"deep":1},"label":"l"}', 'l'], ['{"caption":', ''], ['null', ''], ['[[[["deep"]]]]', '']]) {
      assert.equal(captionOf('a.json', json), said, json);
    }
  });
});

describe('boxes', () => {
  const size = { width: 100, height: 50 };

  test('of a picture of many, by the path that fits best', () => {
    const file = new BoxFile({
      images: [{ id: 1, file_name: 'b/x.png', width: 200, height: 100 }, { id: 2, file_name: 'a/x.png' }],
      annotations: [{ image_id: 1, category_id: 5, bbox: [20, 10, 100, 50] }, { image_id: 2, bbox: [0, 0, 50, 25] }],
      categories: [{ id: 5, name: 'cat' }],
    });
    assert.deepEqual(file.of('set/b/x.png', size, false), { total: 1, boxes: [{ x: 0.1, y: 0.1, width: 0.5, height: 0.5, label: 'cat' }] });
    assert.deepEqual(file.of('set/a/x.png', size, false).boxes, [{ x: 0, y: 0, width: 0.5, height: 0.5, label: '' }]);
    assert.deepEqual(file.of('set/a/y.png', size, false), { total: 0, boxes: [] });
  });

  test('of one picture, however they are written', () => {
    const all = { x: 0, y: 0, width: 0.5, height: 0.5 };
    for (const value of [
      [[0, 0, 50, 25]],
      { boxes: [[0, 0, 50, 25]] },
      { objects: [{ bbox: [0, 0, 50, 25] }] },
      { annotations: [{ box: { xmin: 0, ymin: 0, xmax: 50, ymax: 25 } }] },
      { boxes: [{ x: 0, y: 0, width: 50, height: 25 }] },
      { shapes: [{ points: [[50, 0], [0, 25]] }], imageWidth: 100, imageHeight: 50 },
    ]) assert.deepEqual(new BoxFile(value).of('x.png', size, true).boxes, [{ ...all, label: '' }], JSON.stringify(value));
    assert.deepEqual(new BoxFile({ boxes: [[0, 0, 50, 25]], labels: ['dog'] }).of('x', size, true).boxes, [{ ...all, label: 'dog' }]);
    assert.equal(new BoxFile({ boxes: [[0, 0, 50, 25]] }).of('x', size, false).total, 0);
  });

  test('that are nonsense are left out, and there is an end', () => {
    const bad = [null, 1, 'x', [], [1, 2, 3], ['1', 2, 3, 4], [NaN, 0, 1, 1], [0, 0, -1, 5], [1e308, 0, 1e308, 5], [200, 0, 5, 5], [0, 0, 0, 5], { bbox: [0, 0, Infinity, NaN] }, { points: [['a']] }, { bbox: {} }];
    assert.deepEqual(new BoxFile({ boxes: bad, width: -1, height: 'x' }).of('x', size, true), { total: 0, boxes: [] });
    assert.deepEqual(new BoxFile([[-1e308, -1e308, 1.7e308, 1.7e308]]).of('x', size, true).boxes, [{ x: 0, y: 0, width: 1, height: 1, label: '' }]);
    const { boxes, total } = new BoxFile(Array.from({ length: 9_000 }, () => [0, 0, 9, 9])).of('x', size, true);
    assert.deepEqual([boxes.length, total], [500, 9_000]);
    for (const value of [undefined, null, 7, 'x', { images: 5, annotations: { length: 9 } }, { images: [{ file_name: 7 }] }]) assert.equal(new BoxFile(value).of('x', size, true).total, 0);
  });
});

describe('statistics', () => {
  /** @param {number[]} values @param {boolean} [whole] */
  const of = (values, whole) => {
    const statistics = new Statistics(whole);
    for (const value of values) statistics.add(value);
    return statistics.summary;
  };

  test('agree with what is counted by hand', () => {
    const { min, max, mean, deviation, nan, infinite, zeros, count } = of([1, 2, 3, 4, 0, -10, NaN, Infinity, -Infinity]);
    assert.deepEqual([min, max, mean, nan, infinite, zeros, count], [-10, 4, 0, 1, 2, 1, 9]);
    assert.ok(Math.abs(deviation - Math.sqrt(130 / 6)) < 1e-12);
    // Far from zero, and close together.
    assert.ok(Math.abs(of([1e9 + 1, 1e9 + 2, 1e9 + 3]).deviation - Math.sqrt(2 / 3)) < 1e-9);
  });

  test('every value is in one bin, and the bins cover all, however far apart they are', () => {
    let state = 5;
    const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const lists = [[0], [5, 5, 5], [-1, 1], [1e-300, 1e300, -1e300], [5e-324, 0, -5e-324], [1.7e308, -1.7e308], [2 ** 53, 2 ** 53 + 2], Array.from({ length: 999 }, () => random() * 1e5 - 3), Array.from({ length: 99 }, (_, i) => (i % 2 ? 1 : -1) * 7 ** (i % 40))];
    for (const list of lists) {
      const { bins: { from, width, counts }, min, max } = of(list);
      assert.equal(counts.reduce((/** @type {number} */ sum, /** @type {number} */ one) => sum + one, 0), list.length, String(list.slice(0, 4)));
      assert.ok(counts.length <= 128 && from <= min && max <= from + width * counts.length, `${list.slice(0, 4)}: ${from}, ${width} × ${counts.length}`);
    }
    assert.deepEqual(of([0, 1, 1, 9], true).bins, { from: 0, width: 1, counts: [1, 2, 0, 0, 0, 0, 0, 0, 0, 1] });
  });

  test('are read in pieces, and end when they are stopped', async () => {
    const values = Float32Array.from({ length: 600_000 }, (_, i) => i % 100);
    const npy = { dtype: '<f4', shape: [600_000], fortran: false, offset: 0, itemSize: 4, read: (/** @type {DataView} */ view, /** @type {number} */ at) => view.getFloat32(at, true) };
    const source = memory(new Uint8Array(values.buffer));
    /** @type {any[]} */
    const pieces = [];
    await statisticsOf(source, npy, new AbortController().signal, (/** @type {any} */ summary, /** @type {number} */ read) => pieces.push([summary.count, read]));
    assert.deepEqual(pieces.at(-1), [600_000, 2_400_000]);
    assert.equal(pieces.length, 3);
    const abort = new AbortController();
    await assert.rejects(statisticsOf(source, npy, abort.signal, () => abort.abort()), { name: 'AbortError' });
  });
});

describe('safetensors', () => {
  const source = memory(new Uint8Array(100));
  const head = (/** @type {bigint} */ length) => new Uint8Array(BigUint64Array.of(length).buffer);

  test('headers that are too long are refused before anything is read', () => {
    assert.equal(headerLength(head(92n), 100), 92);
    assert.throws(() => headerLength(head(93n), 100), /longer than the file/);
    assert.throws(() => headerLength(head(2n ** 64n - 1n), 100), /longer than the file/);
    assert.throws(() => headerLength(head(50n * 2n ** 20n), 2 ** 40), /too long/);
    assert.throws(() => headerLength(new Uint8Array(3), 3), /too short/);
  });

  test('values of all types', () => {
    const types = { BF16: [[0x80, 0x3f], 1], F16: [[0, 0x3c], 1], F8_E4M3: [[0x77], 240], F8_E5M2: [[0x3c], 1], BOOL: [[1], true], U16: [[1, 1], 257], I8: [[255], -1], U64: [[1, 0, 0, 0, 0, 0, 0, 0], 1n] };
    for (const [dtype, [bytes, value]] of /** @type {[string, [number[], any]][]} */ (Object.entries(types))) {
      const { tensors } = parseSafetensors(JSON.stringify({ t: { dtype, shape: [], data_offsets: [0, bytes.length] } }), 10, source);
      assert.equal(tensors[0].npy.offset, 10);
      assert.equal(tensors[0].npy.read(new DataView(Uint8Array.from(bytes).buffer), 0), value, dtype);
    }
  });

  test('tensors that lie outside, or do not fit, are not opened', async () => {
    for (const offsets of [[0, 91], [91, 95], [4, 0], [-4, 0], [0.5, 4.5], [0, 8], 'x', null, [0]]) {
      const { tensors } = parseSafetensors(JSON.stringify({ t: { dtype: 'F32', shape: [1], data_offsets: offsets } }), 10, source);
      await assert.rejects(tensors[0].open(), /outside|fit/, String(offsets));
    }
    for (const header of ['[]', '7', 'null', '{']) assert.throws(() => parseSafetensors(header, 10, source));
  });
});

describe('sounds', () => {
  const { signal } = new AbortController();

  test('their loudness, whole and by samples', async () => {
    const samples = Int16Array.from({ length: 100_000 }, (_, i) => (i < 50_000 ? 0 : i % 2 ? 16_384 : -32_768));
    const source = memory(new Uint8Array(wavOf(samples)));
    const wav = await openWav(source, signal);
    assert.deepEqual([wav.channels, wav.rate, wav.offset, wav.frames, wav.frameSize], [1, 8_000, 44, 100_000, 2]);
    for (const [columns, count] of /** @type {const} */ ([[10, 10], ['samples', 64]])) {
      /** @type {any} */
      let peaks;
      await peaksOf(source, wav, columns, signal, (/** @type {any} */ found) => (peaks = found));
      assert.equal(peaks.columns, count);
      assert.deepEqual([peaks.low[0], peaks.high[0], peaks.low[count - 1], peaks.high[count - 1]], [0, 0, -1, 0.5]);
    }
  });

  test('headers that lie end somewhere', async () => {
    const whole = new Uint8Array(wavOf(Int16Array.of(1, 2, 3)));
    const changed = (/** @type {number} */ at, /** @type {number[]} */ bytes) => {
      const copy = whole.slice();
      copy.set(bytes, at);
      return openWav(memory(copy), signal);
    };
    assert.equal((await changed(40, [255, 255, 255, 255])).frames, 3);
    assert.equal((await changed(40, [255, 255, 255, 127])).frames, 3);
    for (const [at, bytes] of /** @type {[number, number[]][]} */ ([[0, [0]], [20, [2]], [22, [0, 0]], [24, [0, 0, 0, 0]], [32, [0]], [34, [7]], [16, [255, 255, 255, 255]]])) assert.equal(await changed(at, bytes), undefined, String(at));
    for (let length = 0; length < whole.length; length++) assert.ok(((await openWav(memory(whole.subarray(0, length)), signal))?.frames ?? 0) < 3, String(length));
  });
});

describe('notebooks', () => {
  test('text loses the commands for terminals, and lines that were written anew', () => {
    assert.equal(withoutColours('\u001b[1;31mred\u001b[0m\r\n10 %\r50 %\r100 %\nend\u001b]0;title\u0007'), 'red\n100 %\nend');
  });

  test('how much is made a page of has an end; the rest is text', () => {
    const page = 'x'.repeat(500_000);
    const cell = { cell_type: 'code', source: 'y', outputs: [{ output_type: 'display_data', data: { 'text/html': page, 'text/plain': 'plain' } }] };
    const { cells } = parseNotebook({ cells: Array.from({ length: 20 }, () => cell) });
    const kinds = cells.map((/** @type {any} */ { outputs }) => outputs[0].kind);
    assert.deepEqual([kinds[0], kinds.filter((/** @type {string} */ kind) => kind === 'html').length, kinds.at(-1)], ['html', 8, 'text']);
    assert.equal(parseNotebook({ cells: [{ cell_type: 'markdown', source: [page, page, 5, null] }] }).cells[0].kind, 'raw');
    for (const value of [null, 7, [], {}, { cells: 'x' }]) assert.throws(() => parseNotebook(value));
  });
});

describe('the map', () => {
  /** @typedef {{ x: number, y: number, width: number, height: number }} Rect */
  // Numbers that look like sizes, the same each time.
  let state = 3;
  const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;

  test('has areas like the weights, in the room that is there, none over another', () => {
    for (const [count, width, height] of /** @type {const} */ ([[1, 100, 50], [2, 50, 400], [60, 1019, 300], [400, 358, 300]])) {
      const weights = Array.from({ length: count }, () => Math.exp(random() * 9)).sort((a, b) => b - a);
      const total = weights.reduce((a, b) => a + b);
      /** @type {Rect[]} */
      const rects = squarify(weights, { x: 10, y: 20, width, height });
      assert.equal(rects.length, count);
      for (const [i, rect] of rects.entries()) {
        const wanted = ((weights[i] ?? 0) / total) * width * height;
        assert.ok(Math.abs(rect.width * rect.height - wanted) < 1e-6 * width * height, `${i} of ${count}`);
        assert.ok(rect.x >= 10 - 1e-6 && rect.y >= 20 - 1e-6 && rect.x + rect.width <= 10 + width + 1e-6 && rect.y + rect.height <= 20 + height + 1e-6);
        for (const other of rects.slice(0, i)) {
          const across = Math.min(rect.x + rect.width, other.x + other.width) - Math.max(rect.x, other.x);
          const down = Math.min(rect.y + rect.height, other.y + other.height) - Math.max(rect.y, other.y);
          assert.ok(across < 1e-6 || down < 1e-6, `${i} of ${count} overlaps`);
        }
      }
    }
  });

  test('is made of near squares, as in the paper that describes it', () => {
    /** @type {Rect[]} */
    const rects = squarify([6, 6, 4, 3, 2, 2, 1], { x: 0, y: 0, width: 6, height: 4 });
    const round = (/** @type {number} */ value) => Math.round(value * 100) / 100;
    assert.deepEqual(rects.slice(0, 3).map(({ x, y, width, height }) => [x, y, width, height].map(round)), [[0, 0, 3, 2], [0, 2, 3, 2], [3, 0, 1.71, 2.33]]);
    const ratios = squarify(Array.from({ length: 100 }, () => 1), { x: 0, y: 0, width: 300, height: 300 }).map(({ width, height }) => Math.max(width / height, height / width));
    assert.ok(Math.max(...ratios) < 2);
  });

  test('of nothing, or in no room, is empty and never NaN', () => {
    assert.deepEqual(squarify([], { x: 0, y: 0, width: 5, height: 5 }), []);
    for (const rect of [...squarify([3, 2, 1], { x: 0, y: 0, width: 0, height: 0 }), ...squarify([0, 0], { x: 0, y: 0, width: 9, height: 9 })]) {
      assert.ok(Object.values(rect).every(Number.isFinite), JSON.stringify(rect));
    }
  });

  const file = (/** @type {number} */ size) => ({ kind: 'file', name: `f${size}`, path: `f${size}`, size });
  const parts = (/** @type {any[]} */ shares) => shares.map(({ kind, weight, count }) => `${kind} ${weight}${count ? ` (${count})` : ''}`);

  test('gathers the lightest, and what was not read yet', () => {
    const entries = [3, 9, 1, 0, 5, 2].map(file);
    assert.deepEqual(parts(sharesOf({ entries, complete: true }, { by: 'bytes', total: 20, most: 3 })), ['entry 9', 'entry 5', 'entry 3', 'others 3 (3)']);
    assert.deepEqual(parts(sharesOf({ entries, complete: false }, { by: 'bytes', total: 100, most: 3 })), ['entry 9', 'entry 5', 'entry 3', 'others 3 (3)', 'unread 80']);
    assert.deepEqual(parts(sharesOf({ entries, complete: true }, { by: 'bytes', total: 20, most: 3, skip: 3 })), ['entry 2', 'entry 1']);
    assert.deepEqual(parts(sharesOf({ entries, complete: true }, { by: 'bytes', total: 20, most: 9, least: 0.2 })), ['entry 9', 'entry 5', 'others 6 (4)']);
    assert.deepEqual(parts(sharesOf({ entries: [3, 1].map(file), complete: true }, { by: 'bytes', total: 4, most: 1 })), ['entry 3', 'entry 1']);
    assert.deepEqual(parts(sharesOf({ entries, complete: true }, { by: 'files', total: 6, most: 9 })), Array(6).fill('entry 1'));
  });

  test('believes no total that its children exceed', () => {
    assert.deepEqual(parts(sharesOf({ entries: [file(50)], complete: false }, { by: 'bytes', total: 10, most: 3 })), ['entry 50']);
  });
});

describe('the census', () => {
  test('keeps the largest, whatever the order', () => {
    const sizes = Array.from({ length: 500 }, (_, i) => (i * 7919) % 503);
    const largest = new Largest(20);
    for (const [i, size] of sizes.entries()) largest.add({ path: `p${i}`, size });
    const found = largest.sorted().map((/** @type {{ size: number }} */ { size }) => size);
    assert.deepEqual(found, [...sizes].sort((a, b) => b - a).slice(0, 20));
  });

  test('counts a file under an ending that a person would call so', () => {
    const type = (/** @type {string} */ name, kind = 'file') => typeOf({ name, kind });
    assert.deepEqual(['a.PNG', 'b.tar.gz', 'Makefile', '.bashrc', 'x.', 'a.b c', `y.${'z'.repeat(40)}`, 'ü.größe'].map((name) => type(name)), ['.png', '.gz', 'no ending', 'no ending', 'no ending', 'no ending', 'no ending', '.größe']);
    assert.equal(type('a.png', 'symlink'), 'links');
    assert.deepEqual(['a.png', 'a.wav', 'a.csv', 'a.rs', 'a.zip', 'a'].map(groupOf), ['image', 'media', 'data', 'text', 'other', 'other']);
  });

  test('knows what a walk costs', () => {
    assert.deepEqual([0, 1, 32_768, 32_769, 1_000_000, 50 * 2 ** 20].map(walkRequests), [0, 1, 1, 2, 5, 55]);
  });
});

describe('a list of packs', () => {
  const read = (/** @type {unknown} */ packs) => readPacks({ packs }, new URL('https://host/data/packs.json'), 'https://host/data/index.html?x#y');

  test('has addresses relative to itself, short where they lie below the page', () => {
    const urls = read(['a.pack', 'sub/b.pack', '/c.pack', 'https://other/d.pack', './x:y.pack', '.', 'ftp://host/e', 'javascript:1', ''].map((url) => ({ name: 'n', url }))).map((/** @type {{ url: string }} */ { url }) => url);
    assert.deepEqual(urls, ['a.pack', 'sub/b.pack', 'https://host/c.pack', 'https://other/d.pack', 'https://host/data/x:y.pack', 'https://host/data/']);
  });

  test('keeps what is a number or a text, and of many a thousand', () => {
    assert.deepEqual(read([{ name: 'n', url: 'a', index: 'a.idx', bytes: 5, files: 1.5, directories: '2', root: {}, error: 'e' }]), [{ name: 'n', url: 'a', index: 'a.idx', bytes: 5, error: 'e' }]);
    assert.equal(read(Array.from({ length: 3000 }, () => ({ name: 'n', url: 'a' }))).length, 1000);
    assert.throws(() => read('no list'), /no list of packs/);
  });
});

describe('others', () => {
  test('names are found by a part, or by a pattern for the whole', () => {
    const found = (/** @type {string} */ query) => ['Cat.JPG', 'cat.txt', 'concat', 'a+b.(c)'].filter(matcher(query));
    assert.deepEqual(found('cat'), ['Cat.JPG', 'cat.txt', 'concat']);
    assert.deepEqual(found('cat*'), ['Cat.JPG', 'cat.txt']);
    assert.deepEqual(found('?at.*'), ['Cat.JPG', 'cat.txt']);
    assert.deepEqual(found('*.txt'), ['cat.txt']);
    assert.deepEqual(found('?+b.(?)'), ['a+b.(c)']);
  });

  test('colours are closed at the end of each line', () => {
    assert.deepEqual(splitLines('<span class="a">x\ny</span>\nz'), ['<span class="a">x</span>', '<span class="a">y</span>', 'z']);
  });

  test('sizes have three digits', () => {
    assert.deepEqual([0, 999, 1000, 1024, 1536, 10_200, 123_456_789].map(format.bytes), ['0 B', '999 B', '0.98 KiB', '1.00 KiB', '1.50 KiB', '9.96 KiB', '118 MiB']);
  });

  test('parts of a whole are never rounded to nothing', () => {
    assert.deepEqual([[0, 5], [1, 1], [1, 3], [1, 30], [1, 30_000], [5, 0]].map(([a, b]) => format.percent(a, b)), ['0 %', '100 %', '33 %', '3.3 %', '< 0.1 %', '0 %']);
  });

  test('the first bytes tell text from others', () => {
    assert.equal(sniff(Buffer.from('schön').subarray(0, 4)), 'text');
    assert.equal(sniff(Uint8Array.of(65, 0, 66)), 'hex');
    assert.equal(sniff(Uint8Array.of(255, 254, 65)), 'hex');
    assert.equal(kindOf('A.JPEG'), 'image');
    assert.equal(kindOf('Makefile'), 'text');
    assert.equal(kindOf('strange'), undefined);
  });
});
