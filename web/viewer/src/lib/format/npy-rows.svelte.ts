/** An array as a table: the last dimension gives the columns, all others the rows. Values are fetched by ranges. */

import { Blocks } from '../page/blocks.svelte.ts';
import { countOf, valueText, type Npy, type Source } from './npy.ts';
import type { Column, Rows } from './table.ts';

/** Bytes that are read at once. */
const BLOCK = 64 * 1024;
const MOST_BLOCKS = 128;
const MOST_COLUMNS = 200;

export class NpyRows implements Rows {
  readonly columns: Column[];
  readonly count: number;
  readonly complete = true;
  readonly #file: Source;
  readonly #npy: Npy;
  readonly #perRow: number;
  readonly #perBlock: number;
  readonly #blocks = new Blocks<DataView>(MOST_BLOCKS, (block) => this.#fetch(block));

  constructor(file: Source, npy: Npy) {
    this.#file = file;
    this.#npy = npy;
    const { shape } = npy;
    const total = countOf(shape);
    this.#perRow = shape.length < 2 ? 1 : (shape.at(-1) ?? 1);
    this.count = total === 0 ? 0 : total / this.#perRow;
    this.#perBlock = Math.max(1, Math.floor(BLOCK / Math.max(npy.itemSize, 1)));
    const columns = Math.min(this.#perRow, MOST_COLUMNS);
    this.columns = Array.from({ length: columns }, (_, i) => ({ name: shape.length < 2 ? 'value' : String(i), isNumber: true }));
  }

  /** Which value of the file stands in a cell: in Fortran's order the first dimension runs fastest. */
  #position(row: number, column: number): number {
    const { shape, fortran } = this.#npy;
    if (!fortran) return row * this.#perRow + column;
    let rest = row * this.#perRow + column;
    let position = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] ?? 1;
      const stride = shape.slice(0, axis).reduce((product, other) => product * other, 1);
      position += (rest % size) * stride;
      rest = Math.floor(rest / size);
    }
    return position;
  }

  get error(): unknown {
    return this.#blocks.error;
  }

  cell(row: number, column: number): string | undefined {
    const position = this.#position(row, column);
    const block = this.#blocks.get(Math.floor(position / this.#perBlock));
    const { read, itemSize } = this.#npy;
    if (block === undefined || read === undefined) return undefined;
    return valueText(read(block, (position % this.#perBlock) * itemSize));
  }

  retry(): void {
    this.#blocks.retry();
  }

  want(first: number, last: number): void {
    const wanted = new Set<number>();
    for (let row = first; row < Math.min(last, this.count); row++) {
      for (let column = 0; column < this.columns.length; column++) {
        wanted.add(Math.floor(this.#position(row, column) / this.#perBlock));
      }
    }
    this.#blocks.want([...wanted].slice(0, MOST_BLOCKS));
  }

  async #fetch(block: number): Promise<DataView> {
    const { offset, itemSize } = this.#npy;
    const start = offset + block * this.#perBlock * itemSize;
    const end = Math.min(start + this.#perBlock * itemSize, offset + countOf(this.#npy.shape) * itemSize);
    const bytes = await this.#file.slice(start, end).bytes();
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
}
