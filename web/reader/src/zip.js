/**
 * Zip archives without an index beside them: where payloads lie, what little vouches for their contents, and where links lead.
 */

import { PackError } from './errors.js';

/** @import { FileEntry, Info } from '../types/index.d.ts' */
/** @import { Zip } from './wasm.js' */

/** What the module knows of an archive. @typedef {InstanceType<Zip['Reader']>} ZipReader */

/** An entry, and the CRC-32 of its content. @typedef {FileEntry & { crc32?: number }} Member */

/** The members of one archive. */
export class ZipMembers {
  #wasm;
  #reader;

  /**
   * @param {Zip} wasm
   * @param {ZipReader} reader
   */
  constructor(wasm, reader) {
    this.#wasm = wasm;
    this.#reader = reader;
  }

  /** @returns {{ value: Info | undefined } | { need: { offset: number, length: number } }} what there is to tell of it; undefined when it is no archive */
  open() {
    return this.#reader.openZip();
  }

  /** @param {FileEntry} entry whose offset is that of the header in front of it @returns {{ value: { offset: number, crc32?: number } } | { need: { offset: number, length: number } }} */
  member(entry) {
    return this.#reader.zipMember(entry.offset ?? 0);
  }

  /**
   * @param {number} number of a link
   * @param {Uint8Array} bytes that were needed; at first none
   * @returns {{ value: string } | { need: { offset: number, length: number } }} where it leads
   */
  target(number, bytes) {
    return this.#reader.zipTarget(number, bytes);
  }

  /** @returns {{ push: (bytes: Uint8Array) => void, end: (entry: Member) => void, free: () => void }} what compares a content with its CRC-32 */
  sum() {
    const sum = new this.#wasm.Crc32();
    return {
      push: (bytes) => sum.push(bytes),
      end: ({ crc32, offset }) => {
        if (crc32 === undefined || sum.value() === crc32) return;
        throw new PackError('ERR_CORRUPT', `the content whose payload lies at offset ${offset} does not have its CRC-32`);
      },
      free: () => sum.free(),
    };
  }
}
