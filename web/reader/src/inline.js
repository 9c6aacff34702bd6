/**
 * The package `rangepack` with the WebAssembly inside the code, for bundlers that leave other files behind.
 */

import { setWasm } from './wasm.js';

export * from './index.js';

setWasm(inlined);

/**
 * @param {'packs' | 'legacy'} which
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function inlined(which) {
  const { default: base64 } = await (which === 'packs' ? import('../wasm/inline.js') : import('../wasm/inline-legacy.js'));
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
