/** The parts that need no browser. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

/** @param {string} name @returns {Promise<any>} */
async function load(name) {
  const { module } = await runnerImport(fileURLToPath(new URL(`../src/lib/${name}.ts`, import.meta.url)), { configFile: false, logLevel: 'error' });
  return module;
}

const { CsvParser, separatorOf } = await load('csv');
const bar = await load('bar');
const { onListKey } = await load('keys');
const paths = await load('paths');
const { quoted, catCommand, curlCommand } = await load('commands');
const { parseNpy } = await load('npy');
const { splitLines } = await load('highlight');
const { matcher } = await load('match');
const format = await load('format');
const { sniff, kindOf } = await load('kinds');

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
  const entry = { path: "it's; rm -rf $HOME", storedSize: 10, offset: 5, codec: 'stored' };

  test('quote whatever is in a name', () => {
    assert.equal(quoted('plain/name.txt'), 'plain/name.txt');
    assert.equal(catCommand('a.pack', entry), `rangepack cat -- a.pack 'it'\\''s; rm -rf $HOME'`);
    assert.equal(quoted('-rf'), "'-rf'");
    assert.equal(quoted("a\n'\udcff"), "$'a\\x0a\\x27\\xff'");
  });

  test('name the range of a payload, where it is one', () => {
    assert.equal(curlCommand('https://a/b.pack', entry), 'curl -r 5-14 https://a/b.pack');
    assert.equal(curlCommand('https://a/b?x=1&y', { ...entry, codec: 'gzip' }), "curl -r 5-14 'https://a/b?x=1&y' | gunzip");
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
    refused(head("{'descr': '<f8', 'shape': (1,), }", 2).subarray(0, 30), /too long/);
  });

  test('of records are read, their values are not', () => {
    assert.equal(parseNpy(head("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (9999,), }"), 1000).read, undefined);
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

  test('the first bytes tell text from others', () => {
    assert.equal(sniff(Buffer.from('schön').subarray(0, 4)), 'text');
    assert.equal(sniff(Uint8Array.of(65, 0, 66)), 'hex');
    assert.equal(sniff(Uint8Array.of(255, 254, 65)), 'hex');
    assert.equal(kindOf('A.JPEG'), 'image');
    assert.equal(kindOf('Makefile'), 'text');
    assert.equal(kindOf('strange'), undefined);
  });
});
