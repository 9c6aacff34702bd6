/**
 * A cache in memory with a cap.
 */

/**
 * Keeps the values that were used last.
 *
 * @template T
 */
export class Recent {
  #limit;
  #bytes = 0;
  /** @type {Map<string, { value: T, bytes: number }>} in the order of their use */
  #values = new Map();
  #drop;

  /**
   * @param {number} limit in bytes
   * @param {(value: T) => void} [drop] is told what is kept no longer
   */
  constructor(limit, drop = () => {}) {
    this.#limit = limit;
    this.#drop = drop;
  }

  /**
   * @param {string} key
   * @returns {T | undefined}
   */
  get(key) {
    const found = this.#values.get(key);
    if (found === undefined) return undefined;
    this.#values.delete(key);
    this.#values.set(key, found);
    return found.value;
  }

  /**
   * @param {string} key
   * @param {T} value
   * @param {number} bytes that it takes
   */
  set(key, value, bytes) {
    const old = this.#values.get(key);
    this.#bytes += bytes - (old?.bytes ?? 0);
    this.#values.delete(key);
    if (old !== undefined) this.#drop(old.value);
    this.#values.set(key, { value, bytes });
    for (const [oldest, { value, bytes }] of this.#values) {
      if (this.#bytes <= this.#limit) break;
      this.#values.delete(oldest);
      this.#drop(value);
      this.#bytes -= bytes;
    }
  }
}
