/**
 * Blocks of a table or a list, fetched as they come into sight: the last ones are kept, none is fetched twice at once,
 * and of those that one scrolls past most are never asked for.
 */

/** Fetched at the same time. */
const AT_ONCE = 3;
/** So many wait for their turn. What was wanted longer ago is out of sight by now. */
const QUEUE = 12;

export class Blocks<T> {
  error: unknown = $state.raw(undefined);
  readonly #most: number;
  readonly #fetch: (block: number) => Promise<T>;
  /** The last ones that were looked at are at the end. */
  readonly #blocks = new Map<number, T>();
  readonly #coming = new Set<number>();
  #queue: number[] = [];
  /** Counts what came and went, for those who show it. */
  #version = $state(0);

  constructor(most: number, fetch: (block: number) => Promise<T>) {
    this.#most = most;
    this.#fetch = fetch;
  }

  get(block: number): T | undefined {
    void this.#version;
    const found = this.#blocks.get(block);
    if (found !== undefined) {
      this.#blocks.delete(block);
      this.#blocks.set(block, found);
    }
    return found;
  }

  /** What is at hand, by number. */
  get all(): ReadonlyMap<number, T> {
    void this.#version;
    return this.#blocks;
  }

  put(block: number, value: T): void {
    this.#blocks.set(block, value);
    for (const [oldest] of this.#blocks) {
      if (this.#blocks.size <= this.#most) break;
      this.#blocks.delete(oldest);
    }
    this.#version++;
  }

  /** Fetches what is lacking of these, the first ones first. Effects that call it do so again when something comes. */
  want(blocks: Iterable<number>): void {
    void this.#version;
    if (this.error !== undefined) return;
    const lacking = new Set([...blocks].filter((block) => !this.#blocks.has(block) && !this.#coming.has(block)));
    this.#queue = [...this.#queue.filter((block) => !lacking.has(block)), ...[...lacking].reverse()].slice(-QUEUE);
    this.#start();
  }

  /** After a failure: whoever looks at something that is lacking may want it again. */
  retry(): void {
    this.error = undefined;
    this.#version++;
  }

  #start() {
    while (this.#coming.size < AT_ONCE) {
      const block = this.#queue.pop();
      if (block === undefined) return;
      void this.#load(block);
    }
  }

  async #load(block: number) {
    this.#coming.add(block);
    try {
      this.put(block, await this.#fetch(block));
    } catch (error) {
      this.error = error;
      this.#queue = [];
    } finally {
      this.#coming.delete(block);
    }
    this.#start();
  }
}
