/**
 * Opens a pack: the end of the file first, and whatever its format needs then.
 */

import { Engine, OPENING_ROUNDS } from './engine.js';
import { PackError } from './errors.js';
import { elseMissing, mayBeGrowing, readNote } from './growth.js';
import { HEAD, beginsLikeATar, beginsLikeAZip, endsLikeATar, endsLikeAZip, insteadOfAPack } from './foreign.js';
import { checkOptions } from './options.js';
import { Pack } from './pack.js';
import { wrongSize } from './sources/source.js';
import { loadWasm } from './wasm.js';
import { ZipMembers } from './zip.js';

/** @import { Info, OpenOptions, Pack as PublicPack, Volume } from '../types/index.d.ts' */
/** @import { ByteSource, Tail } from './sources/source.js' */
/** @import { Note } from './growth.js' */
/** @import { Wasm } from './wasm.js' */
/** @import { ZipReader } from './zip.js' */

/**
 * How much of the end is fetched first: footer and root page of any pack. Without an NDJSON trailer before them, the
 * three last pages as well: the whole index of some 1,900 files, or all inner pages of a million, so that a question
 * takes one request less. A new TCP connection brings it in three round trips, as it would 64 KiB.
 */
const TAIL = 100 * 1024;

/** Index pages that are kept in memory, unless told otherwise, in bytes. */
const CACHE = 32 * 1024 * 1024;

/** With less, one question could drop the pages that another needs. */
const LEAST_CACHE = 4 * 1024 * 1024;

/** @type {readonly (keyof OpenOptions)[]} */
const OPTIONS = [
  'signal', 'root', 'headers', 'fetch', 'credentials', 'cacheBytes', 'concurrency', 'retries', 'retryDelay', 'timeout', 'leastSpeed',
  'size', 'wholeLimit', 'index', 'volumes', 'cache', 'onProgress',
];

/** Where what one request waits for must not come from another one: that ends, and with it all that it fetches. */
const isolated = globalThis.navigator?.userAgent === 'Cloudflare-Workers';

/** The index of an old container is fetched in pieces of this many bytes, some at once. */
const PIECE = 4 * 1024 * 1024;

/**
 * How an environment makes sources of what it is given.
 *
 * @typedef {object} Environment
 * @property {(input: unknown, options: OpenOptions) => ByteSource} source
 * @property {(input: unknown, name: string, options: OpenOptions) => ByteSource | undefined} beside a file that
 *   lies beside a pack, or with an empty name the file beside which that lies; undefined where nothing can
 * @property {(input: unknown, options: OpenOptions) => ByteSource | undefined} note the note of a pack that grows; undefined where nothing can
 *   lie beside it
 * @property {(input: unknown, options: OpenOptions) => ByteSource | undefined} sidecar the index of an archive or old container, if
 *   it lies where it is looked for
 */

/**
 * @param {unknown} input
 * @param {OpenOptions} options
 * @param {Environment} environment
 * @returns {Promise<PublicPack>}
 */
export async function open(input, options, environment) {
  checkOptions(options, OPTIONS);
  try {
    return await openAsItIs(input, options, environment, false);
  } catch (error) {
    // What cannot be an address has no neighbours either: of those is thought only once a file was read.
    if (options.index !== undefined || !mayBeGrowing(error) || environment.note(input, options) === undefined) throw error;
    // One that was growing has its index before the note is taken away.
    return openAsItIs(input, options, environment, true).catch(async (again) => {
      const isOther = again instanceof PackError && again.code === 'ERR_NOT_A_PACK';
      const pack = isOther ? await openByNeighbour(input, options, environment) : undefined;
      if (pack === undefined) throw again;
      return pack;
    });
  }
}

/**
 * Opens what is no pack by the index beside it, if there is one.
 *
 * @param {unknown} input
 * @param {OpenOptions} options
 * @param {Environment} environment
 * @returns {Promise<PublicPack | undefined>}
 */
async function openByNeighbour(input, options, environment) {
  const sidecar = environment.sidecar(input, { ...options, size: undefined });
  if (sidecar === undefined) return undefined;
  const pack = await openBySidecar(sidecar, input, options, environment).catch(elseMissing);
  if (pack === undefined) await sidecar.close?.();
  return pack;
}

/**
 * Opens a zip archive by its own directory, if it has one.
 *
 * @param {ByteSource} source
 * @param {Tail} tail
 * @param {OpenOptions} options
 * @returns {Promise<PublicPack | undefined>}
 */
async function openZip(source, tail, options) {
  const wasm = await loadWasm('zip');
  // What the types of the others say holds for this module as far as it is asked.
  const known = /** @type {Wasm} */ (/** @type {unknown} */ (wasm));
  const reader = readerOf(known, tail, options);
  const zip = new ZipMembers(wasm, /** @type {ZipReader} */ (/** @type {unknown} */ (reader)));
  const { cache, concurrency, signal } = options;
  const { name } = source;
  const volume = () => {
    throw new PackError('ERR_NO_VOLUME', 'a zip archive has no other files', { url: name });
  };
  const engine = new Engine({ name, wasm: known, reader, source, cache, concurrency, isolated, zip, volume });
  const info = await engine.ask(() => zip.open(), signal, undefined, OPENING_ROUNDS);
  if (info === undefined) return undefined;
  if (options.root === undefined) return opened(engine, info);
  throw engine.error('ERR_WRONG_PACK', 'a zip archive has no root digest that could be compared with `root`');
}

/**
 * @param {unknown} input
 * @param {OpenOptions} options
 * @param {Environment} environment
 * @param {boolean} thorough there is a note, perhaps, though the file does not look as if it grew
 * @returns {Promise<PublicPack>}
 */
async function openAsItIs(input, options, environment, thorough) {
  const { signal } = options;
  const root = options.root?.toLowerCase();
  signal?.throwIfAborted();
  const beside = options.index === undefined ? undefined : environment.source(options.index, { ...options, size: undefined });
  const bySidecar = beside && (await openBySidecar(beside, input, options, environment));
  if (bySidecar !== undefined) return bySidecar;
  const source = environment.source(input, options);
  /** @type {Engine | undefined} */
  let engine;
  try {
    // The end of the pack and the module come side by side; the request goes first, for it takes longer.
    const [tail, wasm] = await Promise.all([source.tail(TAIL, { signal }), loadWasm('packs')]);
    if (options.size !== undefined && options.size !== tail.size) throw wrongSize(source.name, options.size, tail.size);
    /**
     * @param {Wasm} wasm
     * @param {number} [size] where the file is taken to end
     */
    const engineOf = (wasm, size = tail.size) => {
      return new Engine({
        name: source.name,
        wasm,
        reader: readerOf(wasm, size === tail.size ? tail : { size, bytes: new Uint8Array() }, options),
        source,
        cache: options.cache,
        concurrency: options.concurrency,
        isolated,
        volume: (volume) => volumeSource(input, options, environment, volume, source.name),
      });
    };
    engine = engineOf(wasm);
    /** @type {Info | undefined} */
    let info;
    /** @type {unknown} */
    let broken;
    if (options.index === undefined) {
      info = await askForIndex(engine, root, signal).catch((error) => {
        if (!mayBeGrowing(error)) throw error;
        broken = error;
        return undefined;
      });
      if (info === undefined && broken === undefined && endsLikeAZip(tail.bytes) && beginsLikeAZip(await source.read(0, 4, { signal }))) {
        const indexed = await openByNeighbour(input, options, environment);
        if (indexed !== undefined) {
          engine.close();
          return indexed;
        }
        const zip = await openZip(source, tail, options);
        if (zip !== undefined) return zip;
      }
      // A file that grows ends with zeros, or a footer. (Of old containers nothing is asked that is not there, for browsers show that.)
      if (info === undefined && (thorough || broken !== undefined || tail.bytes.at(-1) === 0)) {
        const note = await readNote(environment.note(input, options), signal);
        if (note !== undefined && note.size < tail.size) {
          const before = engineOf(wasm, note.size);
          info = await openBefore(before, note, root, signal);
          if (info !== undefined) engine = before;
        }
      }
      if (info === undefined && broken !== undefined) throw broken;
      // Before the index of an old container is looked for, which takes much of a file that has none.
      if (info === undefined && endsLikeATar(tail.bytes) && beginsLikeATar(await source.read(0, HEAD, { signal }))) {
        const indexed = await openByNeighbour(input, options, environment);
        if (indexed !== undefined) {
          engine.close();
          return indexed;
        }
      }
    }
    if (info === undefined) {
      engine = engineOf(await loadWasm('legacy'));
      info = await openLegacy(engine, options, beside);
    }
    return opened(engine, info);
  } catch (error) {
    engine?.close();
    await source.close?.();
    await beside?.close?.();
    throw error;
  }
}

/**
 * @param {Engine} engine
 * @param {Info} found
 * @returns {PublicPack}
 */
function opened(engine, found) {
  // Of packs there is nothing to tell here.
  const info = Object.assign({ refused: 0, badLines: 0, lostNames: 0, misfit: false, unfinished: false }, found);
  engine.opened(info);
  // What `using` calls is added to the class where there are such symbols.
  return /** @type {PublicPack} */ (/** @type {unknown} */ (new Pack(engine, info)));
}

/**
 * Opens a container or archive by the paged index that lies in a file of its own.
 *
 * @param {ByteSource} beside that file
 * @param {unknown} input
 * @param {OpenOptions} options
 * @param {Environment} environment
 * @returns {Promise<PublicPack | undefined>} undefined when it has an index of the old kind
 */
async function openBySidecar(beside, input, options, environment) {
  const { signal } = options;
  /** @type {Engine | undefined} */
  let engine;
  try {
    const [tail, wasm] = await Promise.all([beside.tail(TAIL, { signal }), loadWasm('packs')]);
    engine = new Engine({
      name: beside.name,
      wasm,
      reader: readerOf(wasm, tail, options),
      source: beside,
      cache: options.cache,
      concurrency: options.concurrency,
      isolated,
      // The file without a name is the one that was given.
      volume: (volume) =>
        volume.name === ''
          ? environment.source(input, options)
          : volumeSource(options.index ?? input, options, environment, volume, beside.name),
    });
    const info = await askForIndex(engine, options.root?.toLowerCase(), signal);
    return info && opened(engine, info);
  } catch (error) {
    engine?.close();
    await beside.close?.();
    throw error;
  }
}

/**
 * @param {Wasm} wasm
 * @param {Tail} tail
 * @param {OpenOptions} options
 */
function readerOf(wasm, tail, { cacheBytes = CACHE }) {
  const reader = new wasm.Reader(tail.size, Math.max(cacheBytes, LEAST_CACHE));
  reader.provide(tail.size - tail.bytes.length, tail.bytes);
  return reader;
}

/**
 * @param {Engine} engine
 * @param {string | undefined} root
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<Info | undefined>} what the paged index says of the pack; undefined when there is none
 */
function askForIndex(engine, root, signal) {
  return engine.ask((reader) => reader.open(root), signal, undefined, OPENING_ROUNDS);
}

/**
 * @param {Engine} engine of the file as it was
 * @param {Note} note
 * @param {string | undefined} root
 * @param {AbortSignal | undefined} signal
 * @returns {Promise<Info | undefined>} undefined when the note speaks of another file
 */
async function openBefore(engine, note, root, signal) {
  const info = await askForIndex(engine, undefined, signal).catch((error) => {
    if (!mayBeGrowing(error)) throw error;
  });
  if (info?.root !== note.root) return undefined;
  return root === undefined ? info : askForIndex(engine, root, signal);
}

/**
 * @param {Engine} engine
 * @param {OpenOptions} options
 * @param {ByteSource | undefined} beside where its index lies, if that is a file of its own
 * @returns {Promise<Info>}
 */
async function openLegacy(engine, options, beside) {
  const { root, signal } = options;
  const nameless = () =>
    engine.error('ERR_WRONG_PACK', 'an old container has no root digest that could be compared with `root`');
  if (beside !== undefined) {
    if (root !== undefined) throw nameless();
    engine.sources.push(beside);
    const { size } = await beside.tail(0, { signal });
    return loadIndex(engine, size, options, (offset, length) => beside.read(offset, length, { signal }));
  }
  const opened = await engine.ask((reader) => reader.openLegacy(), signal).catch(async (error) => {
    throw error.code === 'ERR_NOT_A_PACK' ? await notAPack(engine, error, options) : error;
  });
  if (root !== undefined) throw nameless();
  if (!('legacy' in opened)) return opened;
  const { offset, length } = opened.legacy;
  return loadIndex(engine, length, options, (at, count) => engine.read(0, offset + at, count, signal));
}

/**
 * Says what may be there instead.
 *
 * @param {Engine} engine
 * @param {PackError} error
 * @param {OpenOptions} options
 */
async function notAPack(engine, { message }, { size, signal }) {
  const { name, size: length = 0 } = engine.sources[0] ?? {};
  const head = await engine.read(0, 0, Math.min(HEAD, length), signal).catch(() => undefined);
  signal?.throwIfAborted();
  const what = message.replace(`${name}: `, '') + (head === undefined ? '' : `. ${insteadOfAPack(head)}`);
  const given = size === undefined ? '' : `; or the option \`size\`, ${size}, is not its length`;
  const advice = 'If its index lies in a file beside it (.idx), pass that one as `index`';
  return new PackError('ERR_NOT_A_PACK', `${what}${given}.`, { url: name, advice });
}

/**
 * The index of an old container, all of it: the format has no other way.
 *
 * @param {Engine} engine
 * @param {number} total
 * @param {OpenOptions} options
 * @param {(offset: number, length: number) => Promise<Uint8Array>} fetch
 * @returns {Promise<Info>}
 */
async function loadIndex(engine, total, options, fetch) {
  const { onProgress, concurrency = 6, signal } = options;
  await engine.ask((reader) => ({ value: reader.indexBegin(total) }), signal);
  /** @type {Promise<Uint8Array>[]} */
  const coming = [];
  let next = 0;
  for (let loaded = 0; loaded < total; ) {
    for (; coming.length < concurrency && next < total; next += PIECE) {
      const piece = fetch(next, Math.min(PIECE, total - next));
      piece.catch(() => {});
      coming.push(piece);
    }
    const bytes = await /** @type {Promise<Uint8Array>} */ (coming.shift());
    await engine.ask((reader) => ({ value: reader.indexFill(bytes) }), signal);
    loaded += bytes.length;
    onProgress?.({ loaded, total });
  }
  return engine.ask((reader) => reader.indexFinish(options.index !== undefined), signal);
}

/**
 * @param {OpenOptions['volumes']} volumes
 * @returns {volumes is string | URL} whether it says in which folder all of them lie
 */
function isFolder(volumes) {
  return typeof volumes === 'string' || volumes instanceof URL;
}

/**
 * @param {unknown} input
 * @param {OpenOptions} options
 * @param {Environment} environment
 * @param {Volume} volume
 * @param {string} url of the pack
 */
function volumeSource(input, options, environment, { name }, url) {
  // The true size is asked for, and compared with the one that the pack speaks of.
  const others = { ...options, size: undefined };
  const { volumes } = options;
  const given = isFolder(volumes) ? undefined : Object.entries(volumes ?? {}).find(([key]) => key === name)?.[1];
  const neighbour = isFolder(volumes) && name !== '' ? `${String(volumes).replace(/\/$/, '')}/_` : input;
  const found = given === undefined ? environment.beside(neighbour, name, others) : environment.source(given, others);
  if (found !== undefined) return found;
  const what = name === '' ? 'the file that the index belongs to' : `another file, ${name}`;
  const advice = `Pass that one as \`volumes: { '${name}': … }\``;
  throw new PackError('ERR_NO_VOLUME', `its files lie in ${what}, which is not where it is looked for.`, { url, advice });
}
