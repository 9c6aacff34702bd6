/**
 * SHA-256, by whatever is faster for the length at hand.
 */

/** @import { Wasm } from './wasm.js' */

/**
 * From this many bytes on WebCrypto is as fast or faster, its detour through another thread included: in Node from here
 * on, in Chromium from 1 KiB on (`web/bench/thresholds.js` measures it).
 */
export const WEBCRYPTO_FROM = 8 * 1024;

/**
 * @param {Wasm} wasm
 * @param {Uint8Array} bytes
 * @returns {Promise<string>} 64 hexadecimal digits
 */
export async function sha256(wasm, bytes) {
  // There is none in pages that came over plain HTTP from another machine.
  const subtle = globalThis.crypto?.subtle;
  if (bytes.length < WEBCRYPTO_FROM || subtle === undefined) return wasm.sha256(bytes);
  return toHex(new Uint8Array(await subtle.digest('SHA-256', /** @type {BufferSource} */ (bytes))));
}

/** @param {Uint8Array} bytes */
function toHex(bytes) {
  let text = '';
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0');
  return text;
}
