/** The rows of a Parquet file: its footer first, then the row groups that come into sight, by ranges. */

import { parquetMetadataAsync, parquetReadObjects, parquetSchema, type AsyncBuffer, type FileMetaData } from 'hyparquet';
import type { PackFile } from 'rangepack';
import { Blocks } from '../page/blocks.svelte.ts';
import { part } from '../page/parts.ts';
import { cellText, type Column, type Rows } from './table.ts';

/** Rows that are read at once. */
const BLOCK = 200;
/** Blocks that are kept. */
const MOST = 50;

type Row = Record<string, unknown>;

export class ParquetRows implements Rows {
  columns: Column[];
  readonly count: number;
  readonly complete = true;
  readonly #file: AsyncBuffer;
  readonly #metadata: FileMetaData;
  readonly #blocks = new Blocks<Row[]>(MOST, (block) => this.#fetch(block));

  private constructor(file: AsyncBuffer, metadata: FileMetaData) {
    this.#file = file;
    this.#metadata = metadata;
    this.count = Number(metadata.num_rows);
    this.columns = parquetSchema(metadata).children.map(({ element }) => {
      const { name, type, logical_type, converted_type } = element;
      const kind = logical_type?.type ?? converted_type ?? type ?? 'group';
      return { name, type: kind.toLowerCase(), isNumber: /^(INT|FLOAT|DOUBLE|UINT|DECIMAL)/.test(kind) };
    });
  }

  static async open(file: PackFile): Promise<ParquetRows> {
    const buffer: AsyncBuffer = {
      byteLength: file.size,
      slice: (start, end) => file.slice(start, end).arrayBuffer(),
    };
    return new ParquetRows(buffer, await parquetMetadataAsync(buffer));
  }

  get createdBy(): string {
    return this.#metadata.created_by ?? '';
  }

  get error(): unknown {
    return this.#blocks.error;
  }

  cell(row: number, column: number): string | undefined {
    const values = this.#blocks.get(Math.floor(row / BLOCK))?.[row % BLOCK];
    return values === undefined ? undefined : cellText(values[this.columns[column]?.name ?? '']);
  }

  retry(): void {
    this.#blocks.retry();
  }

  want(first: number, last: number): void {
    const end = Math.min(last, this.count);
    const wanted: number[] = [];
    for (let block = Math.floor(first / BLOCK); block * BLOCK < end; block++) wanted.push(block);
    this.#blocks.want(wanted);
  }

  async #fetch(block: number): Promise<Row[]> {
    const { compressors } = await part(() => import('hyparquet-compressors'));
    const rowStart = block * BLOCK;
    const rowEnd = Math.min(rowStart + BLOCK, this.count);
    // Where the file says where its pages lie, not whole columns of a row group are read.
    const rows = await parquetReadObjects({ file: this.#file, metadata: this.#metadata, rowStart, rowEnd, compressors, useOffsetIndex: true });
    return rows as Row[];
  }
}
