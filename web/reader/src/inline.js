/**
 * The package `rangepack` with the WebAssembly inside the code, for bundlers that leave other files behind.
 */

import { setWasm } from './wasm.js';

export * from './index.js';

setWasm(inlined);

/** Written out, so that bundlers see all files. */
const MODULES = {
  packs: () => import('../wasm/inline.js'),
  legacy: () => import('../wasm/inline-legacy.js'),
  zip: () => import('../wasm/inline-zip.js'),
  zstd: () => import('../wasm/inline-zstd.js'),
};

/**
 * @param {keyof typeof MODULES} which
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function inlined(which) {
  const { default: base64 } = await MODULES[which]();
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
