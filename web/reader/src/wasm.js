/**
 * The WebAssembly modules: each is loaded once, when it is first needed.
 */

// What surrounds them is imported beforehand, for service workers can import nothing later.
import * as legacy from '../wasm/rangepack-legacy.js';
import * as zip from '../wasm/rangepack-zip.js';
import * as zstd from '../wasm/rangepack-zstd.js';
import * as packs from '../wasm/rangepack.js';
import { PackError, displayUrl } from './errors.js';
import { ARGUMENTS, checkArgument } from './options.js';

/** @typedef {typeof import('../wasm/rangepack-legacy.js')} Wasm */

/** @typedef {typeof import('../wasm/rangepack-zip.js')} Zip */

/** @typedef {typeof import('../wasm/rangepack-zstd.js')} Zstd */

/**
 * `packs` reads packs; `legacy`, twice as large, reads the old formats as well, and `zip` zip archives; `zstd` decodes files for any of them.
 *
 * @typedef {{ packs: Wasm, legacy: Wasm, zip: Zip, zstd: Zstd }} Modules
 */

/** @typedef {keyof Modules} Which */

// What the types of `legacy` say holds for `packs`: it lacks what is never asked of it.
const MODULES = /** @type {Modules} */ (/** @type {unknown} */ ({ packs, legacy, zip, zstd }));

/** @type {Map<Which, Promise<Modules[Which]>>} */
const loading = new Map();

// Written out, so that bundlers see all files.
const URLS = {
  packs: () => new URL('../wasm/rangepack_bg.wasm', import.meta.url),
  legacy: () => new URL('../wasm/rangepack-legacy_bg.wasm', import.meta.url),
  zip: () => new URL('../wasm/rangepack-zip_bg.wasm', import.meta.url),
  zstd: () => new URL('../wasm/rangepack-zstd_bg.wasm', import.meta.url),
};

/** @import { WasmSource } from '../types/index.d.ts' */

/** @type {(which: Which) => WasmSource | PromiseLike<WasmSource>} */
let locate = (which) => URLS[which]();

/** @type {(url: URL) => Promise<Response | Uint8Array>} how an environment reads a file by its address */
let load = (url) => fetch(url);

/**
 * Says where the modules come from. It has no effect on one that was loaded before.
 *
 * @param {(which: Which) => WasmSource | PromiseLike<WasmSource>} source
 */
export function setWasm(source) {
  checkArgument('what `setWasm` takes', source, ARGUMENTS.function);
  locate = source;
}

/** @param {(url: URL) => Promise<Response | Uint8Array>} loader for environments whose `fetch` does not read files */
export function setLoader(loader) {
  load = loader;
}

/**
 * @template {Which} W
 * @param {W} which
 * @returns {Promise<Modules[W]>} the module, ready for use
 */
export function loadWasm(which) {
  let module = loading.get(which);
  if (module === undefined) {
    module = instantiate(which);
    loading.set(which, module);
    // The next pack tries again.
    module.catch(() => loading.delete(which));
  }
  return /** @type {Promise<Modules[W]>} */ (module);
}

/** @param {Which} which */
async function instantiate(which) {
  const module = MODULES[which];
  let where = '';
  try {
    const source = await locate(which);
    if (source instanceof URL) where = ` at ${displayUrl(source)}`;
    const found = source instanceof URL ? await load(source) : source;
    if (found instanceof Response && !found.ok) throw new Error(`status ${found.status}`);
    await module.default({ module_or_path: await found });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const message =
      `the WebAssembly of this package could not be loaded${where} (${why}). If a bundler left it behind, or a content ` +
      'security policy forbids it, say where it is with setWasm, or import from rangepack/inline, which has it inside';
    throw new PackError('ERR_WASM', message, { cause });
  }
  return module;
}
