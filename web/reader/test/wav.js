/**
 * @param {Uint8Array | Int16Array} samples 8000 of them a second, of 8 or 16 bits
 * @returns {Buffer} the same as a sound
 */
export function wavOf(samples) {
  const width = samples.BYTES_PER_ELEMENT;
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples.byteLength, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.set([1, 0, 1, 0], 20);
  head.writeUInt32LE(8_000, 24);
  head.writeUInt32LE(8_000 * width, 28);
  head.set([width, 0, width * 8, 0], 32);
  head.write('data', 36);
  head.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([head, new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)]);
}
