/** The rows of a Parquet file: its footer first, then the row groups that come into sight, by ranges. */

import { parquetMetadataAsync, parquetReadObjects, parquetSchema, type AsyncBuffer, type FileMetaData } from 'hyparquet';
import type { PackFile } from 'rangepack';
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
  error: unknown = $state.raw(undefined);
  readonly #file: AsyncBuffer;
  readonly #metadata: FileMetaData;
  readonly #blocks = new Map<number, Row[]>();
  readonly #coming = new Set<number>();
  /** Counts the blocks that came, for those who show them. */
  #version = $state(0);

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

  cell(row: number, column: number): string | undefined {
    void this.#version;
    const values = this.#blocks.get(Math.floor(row / BLOCK))?.[row % BLOCK];
    return values === undefined ? undefined : cellText(values[this.columns[column]?.name ?? '']);
  }

  want(first: number, last: number): void {
    if (this.error !== undefined) return;
    const end = Math.min(last, this.count);
    for (let block = Math.floor(first / BLOCK); block * BLOCK < end; block++) void this.#load(block);
  }

  async #load(block: number) {
    if (this.#blocks.has(block) || this.#coming.has(block)) return;
    this.#coming.add(block);
    try {
      const { compressors } = await import('hyparquet-compressors');
      const rowStart = block * BLOCK;
      const rowEnd = Math.min(rowStart + BLOCK, this.count);
      const rows = await parquetReadObjects({ file: this.#file, metadata: this.#metadata, rowStart, rowEnd, compressors });
      this.#blocks.set(block, rows as Row[]);
      for (const [oldest] of this.#blocks) {
        if (this.#blocks.size <= MOST) break;
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
