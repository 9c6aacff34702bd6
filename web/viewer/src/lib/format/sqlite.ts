/** What is said between the page and the worker that has SQLite. */

export interface Table {
  name: string;
  kind: string;
  columns: { name: string; type: string }[];
  /** Its name for the number of a row; undefined where it has none. */
  rowid: string | undefined;
  /** Whether a column has the same numbers. */
  isColumn: boolean;
  /** Undefined where counting would read too much. */
  rows: number | undefined;
  /** Whether that is an estimate. */
  about: boolean;
}

/** Rows behind or before one, the last ones; or from a position, where rows have no numbers. */
export type Place = { after: Rowid } | { before: Rowid } | { from: Rowid } | { last: true } | { offset: number };
export type Rowid = number | bigint;

export type Task = { tables: true } | { table: Table; place: Place; limit: number };
export interface Question {
  size: number;
  /** Blocks that were missing, by number. */
  blocks: [number, Uint8Array][];
  task: Task;
}
export type Answer =
  | { missing: number[] }
  | { tables: Table[]; more: boolean }
  /** Numbers of rows stand apart, where rows have some. */
  | { rows: string[][]; ids: Rowid[] }
  | { error: string };

/** Bytes of a block: as much as is verified at once in a large file. */
export const BLOCK = 256 * 1024;

/** Columns that are shown. */
export const MOST_COLUMNS = 200;
