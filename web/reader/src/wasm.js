/**
 * The WebAssembly modules: each is loaded once, when it is first needed.
 */

// What surrounds them is imported beforehand, for service workers can import nothing later.
import * as legacy from '../wasm/rangepack-legacy.js';
import * as packs from '../wasm/rangepack.js';

/** @typedef {typeof import('../wasm/rangepack-legacy.js')} Wasm */

/** `packs` reads packs; `legacy`, twice as large, reads the old formats as well. @typedef {'packs' | 'legacy'} Which */

/** @type {Map<Which, Promise<Wasm>>} */
const loading = new Map();

// Written out, so that bundlers see both files.
const URLS = {
  packs: () => new URL('../wasm/rangepack_bg.wasm', import.meta.url),
  legacy: () => new URL('../wasm/rangepack-legacy_bg.wasm', import.meta.url),
};

/** @typedef {URL | Promise<BufferSource | WebAssembly.Module>} Source */

/** @type {(which: Which) => Source} */
let locate = (which) => URLS[which]();

/**
 * Says where the modules come from. It has no effect on one that was loaded before.
 *
 * @param {(which: Which) => Source} source
 */
export function setWasm(source) {
  locate = source;
}

/**
 * @param {Which} which
 * @returns {Promise<Wasm>} the module, ready for use
 */
export function loadWasm(which) {
  let module = loading.get(which);
  if (module === undefined) {
    module = instantiate(which);
    loading.set(which, module);
    // The next pack tries again.
    module.catch(() => loading.delete(which));
  }
  return module;
}

/** @param {Which} which */
async function instantiate(which) {
  const module = which === 'packs' ? packs : legacy;
  await module.default({ module_or_path: locate(which) });
  return /** @type {Wasm} */ (module);
}
