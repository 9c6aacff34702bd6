/** A database of SQLite, read by ranges: the library runs in a worker, and says which blocks it lacks. */

import type { PackFile } from 'rangepack';
import { Calls } from '../page/calls.ts';
import { BLOCK, type Answer, type Place, type Question, type Table, type Task } from './sqlite.ts';
import type { Column, Rows } from './table.ts';

export type { Place, Table } from './sqlite.ts';

/** Rows of a page. */
export const PAGE = 100;
/** What one question may read. */
const MOST_READ = 64 * 1024 * 1024;
/** Blocks that are fetched together, where one follows another. */
const MOST_AHEAD = 16;

/** What is wrong with the database, in the library's words. */
export class DatabaseError extends Error {}

export class Database {
  readonly #file: PackFile;
  #calls: Calls<Question, Answer> | undefined;
  readonly #abort = new AbortController();
  /** Bytes that were read. */
  read = $state(0);

  constructor(file: PackFile) {
    this.#file = file;
  }

  async tables(): Promise<{ tables: Table[]; more: boolean }> {
    const answer = await this.#ask({ tables: true });
    if ('tables' in answer) return answer;
    throw new DatabaseError('no tables');
  }

  async rows(table: Table, place: Place): Promise<PageOfRows> {
    const answer = await this.#ask({ table, place, limit: PAGE + 1 });
    if ('rows' in answer) return new PageOfRows(table, place, answer);
    throw new DatabaseError('no rows');
  }

  close(): void {
    this.#abort.abort();
    this.#calls?.end();
  }

  async #ask(task: Task): Promise<Answer> {
    const { signal } = this.#abort;
    // A module of its own is made when it is first needed, and ended with all that it was doing.
    this.#calls ??= new Calls<Question, Answer>(new Worker(new URL('./sqlite.worker.ts', import.meta.url), { type: 'module' }));
    let blocks: [number, Uint8Array][] = [];
    let [read, ahead, last] = [0, 1, -2];
    for (;;) {
      const answer = await this.#calls.ask({ size: this.#file.size, blocks, task }, blocks.map(([, { buffer }]) => buffer));
      signal.throwIfAborted();
      if ('error' in answer) throw new DatabaseError(answer.error);
      if (!('missing' in answer)) return answer;
      const first = Math.min(...answer.missing);
      ahead = first === last + 1 ? Math.min(ahead * 2, MOST_AHEAD) : 1;
      if (read > MOST_READ) throw new DatabaseError('This reads too much to be shown here.');
      blocks = await this.#fetch(first, ahead, signal);
      last = first + blocks.length - 1;
      read += blocks.reduce((sum, [, { length }]) => sum + length, 0);
    }
  }

  async #fetch(first: number, count: number, signal: AbortSignal): Promise<[number, Uint8Array][]> {
    const bytes = await this.#file.slice(first * BLOCK, (first + count) * BLOCK).bytes({ signal });
    this.read += bytes.length;
    return Array.from({ length: Math.ceil(bytes.length / BLOCK) }, (_, i) => [first + i, bytes.slice(i * BLOCK, (i + 1) * BLOCK)]);
  }
}

/** Some rows of a table. */
export class PageOfRows implements Rows {
  readonly columns: Column[];
  readonly count: number;
  readonly complete = true;
  readonly error = undefined;
  readonly #rows: string[][];
  readonly place: Place;
  /** Number of the first and the last row, where rows have numbers. */
  readonly first: number | bigint | undefined;
  readonly last: number | bigint | undefined;
  /** Whether there are rows before and behind these. */
  readonly before: boolean;
  readonly behind: boolean;

  constructor(table: Table, place: Place, { rows, ids }: { rows: string[][]; ids: (number | bigint)[] }) {
    const backwards = 'before' in place || 'last' in place;
    const more = rows.length > PAGE;
    const [from, to] = more ? (backwards ? [1, rows.length] : [0, PAGE]) : [0, rows.length];
    this.place = place;
    this.#rows = rows.slice(from, to);
    [this.first, this.last] = [ids[from], ids[to - 1]];
    this.count = this.#rows.length;
    this.before = backwards ? more : 'offset' in place ? place.offset > 0 : true;
    this.behind = backwards ? 'before' in place : more;
    this.columns = table.columns.map(({ name, type }) => ({ name, type: type || 'any', isNumber: /int|real|floa|doub|num|dec/.test(type) }));
    if (table.rowid !== undefined && !table.isColumn) {
      this.columns.unshift({ name: table.rowid, type: 'row', isNumber: true });
      this.#rows = this.#rows.map((row, i) => [String(ids[from + i]), ...row]);
    }
  }

  cell(row: number, column: number): string | undefined {
    return this.#rows[row]?.[column];
  }

  want(): void {}
  retry(): void {}
}
