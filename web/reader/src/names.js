/**
 * Names as text and as bytes. Bytes that are not UTF-8 stand in text as the lone surrogates U+DC80 to U+DCFF.
 */

/** Such a byte: no second half of a pair. */
const BYTE = /(?<![\ud800-\udbff])([\udc80-\udcff])/;

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * @param {string} text
 * @returns {Uint8Array}
 */
export function nameBytes(text) {
  if (!BYTE.test(text)) return new TextEncoder().encode(text);
  // Split into stretches without such bytes, and the bytes.
  const pieces = text.split(BYTE);
  const encoded = pieces.map((piece, at) => {
    return at % 2 === 1 ? Uint8Array.of(piece.charCodeAt(0) - 0xdc00) : new TextEncoder().encode(piece);
  });
  const bytes = new Uint8Array(encoded.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of encoded) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

/**
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function nameText(bytes) {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes, at);
    if (length > 0) text += strict.decode(bytes.subarray(at, at + length));
    else text += String.fromCharCode(0xdc00 + /** @type {number} */ (bytes[at]));
    at += Math.max(length, 1);
  }
  return text;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 * @returns {number} of the character that begins there; 0: none does
 */
function characterLength(bytes, at) {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  try {
    strict.decode(bytes.subarray(at, at + length));
    return at + length <= bytes.length ? length : 0;
  } catch {
    return 0;
  }
}
