/** Blocks of a table that were fetched: the last ones are kept, and none is fetched twice at once. */
export class Blocks<T> {
  error: unknown = $state.raw(undefined);
  readonly #most: number;
  readonly #fetch: (block: number) => Promise<T>;
  readonly #blocks = new Map<number, T>();
  readonly #coming = new Set<number>();
  /** Counts the blocks that came, for those who show them. */
  #version = $state(0);

  constructor(most: number, fetch: (block: number) => Promise<T>) {
    this.#most = most;
    this.#fetch = fetch;
  }

  get(block: number): T | undefined {
    void this.#version;
    return this.#blocks.get(block);
  }

  want(blocks: Iterable<number>): void {
    if (this.error !== undefined) return;
    for (const block of blocks) void this.#load(block);
  }

  async #load(block: number) {
    if (this.#blocks.has(block) || this.#coming.has(block)) return;
    this.#coming.add(block);
    try {
      this.#blocks.set(block, await this.#fetch(block));
      for (const [oldest] of this.#blocks) {
        if (this.#blocks.size <= this.#most) break;
        this.#blocks.delete(oldest);
      }
      this.#version++;
    } catch (error) {
      this.error = error;
    } finally {
      this.#coming.delete(block);
    }
  }
}
