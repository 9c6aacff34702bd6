/**
 * Where the links of a zip archive without an index lead: its directory does not say so, for that is the content of each. Those of a
 * page of entries come together.
 */

import { isErrorCode } from './errors.js';
import { Recent } from './recent.js';

/** @import { Entry, LinkEntry } from '../types/index.d.ts' */
/** @import { Engine } from './engine.js' */

/** Targets that are kept, in bytes. */
const KEPT = 4 * 1024 * 1024;

/** What a target takes beside its characters, about. */
const OVERHEAD = 100;

/** How often one target may ask for bytes: for what it should take, and for more if the fields in front of it are long. */
const ROUNDS = 2;

/** Makes of entries as the index has them what is told of them. */
export class Links {
  #engine;
  /** @type {Recent<string>} */
  #known = new Recent(KEPT);

  /** @param {Engine} engine */
  constructor(engine) {
    this.#engine = engine;
  }

  /**
   * @template {Entry} E
   * @param {E[]} entries
   * @param {boolean} targets whether it is told where links lead
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<E[]>}
   */
  async told(entries, targets, signal) {
    if (this.#engine.zip === undefined || !entries.some(isLink)) return entries;
    // All at once, so that neighbours share requests.
    return Promise.all(
      entries.map(async (entry) => {
        if (!isLink(entry)) return entry;
        const { target = '', ...rest } = entry;
        const [number = '', length] = target.split(' ');
        const [size, found] = [Number(length), targets ? await this.#found(number, entry.path, signal) : {}];
        return /** @type {E} */ (/** @type {Entry} */ ({ ...rest, size, storedSize: size, ...found }));
      }),
    );
  }

  /**
   * @param {string} number of the link
   * @param {string} path
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Partial<LinkEntry>>}
   */
  async #found(number, path, signal) {
    const known = this.#known.get(number);
    if (known !== undefined) {
      this.#engine.metrics.cacheHits++;
      return { target: known };
    }
    const answer = await this.#read(Number(number), path, signal);
    if (answer.target !== undefined) this.#known.set(number, answer.target, answer.target.length * 2 + OVERHEAD);
    return answer;
  }

  /**
   * @param {number} number
   * @param {string} path
   * @param {AbortSignal | undefined} signal
   * @returns {Promise<Partial<LinkEntry>>}
   */
  async #read(number, path, signal) {
    let bytes = new Uint8Array();
    for (let round = 0; ; round++) {
      const answer = this.#ask(number, bytes);
      if ('value' in answer) return { target: answer.value };
      if ('unreadable' in answer) return answer;
      // A server that gives something else each time would be asked for ever.
      if (round === ROUNDS) throw this.#engine.error('ERR_CHANGED', `${path}: what lies in front of the target is another thing each time`);
      bytes = await this.#engine.read(0, answer.need.offset, answer.need.length, signal, path);
    }
  }

  /**
   * @param {number} number
   * @param {Uint8Array} bytes
   */
  #ask(number, bytes) {
    try {
      return /** @type {import('./zip.js').ZipMembers} */ (this.#engine.zip).target(number, bytes);
    } catch (error) {
      if (!(error instanceof Error) || !('code' in error) || !isErrorCode(error.code)) throw error;
      // It is listed all the same; those beside it are not to be lost for that.
      return { size: 0, storedSize: 0, unreadable: { code: error.code, message: error.message } };
    }
  }
}

/** @param {Entry} entry @returns {entry is LinkEntry} that the index knows where to find */
function isLink(entry) {
  return entry.kind === 'symlink' && entry.unreadable === undefined;
}
