/** Tables in text: CSV, TSV and JSONL, fetched block by block as one scrolls. */

import type { PackFile } from 'rangepack';
import { CsvParser, separatorOf } from './csv.ts';
import { parseJson } from './json.ts';
import { cellText, looksLikeNumber, type Column, type Rows } from './table.ts';

const BLOCK = 256 * 1024;
/** More columns are not shown. */
const MOST_COLUMNS = 500;
/** A line without end must not eat the memory. */
const LONGEST_LINE = 16 * 1024 * 1024;

abstract class TextRows implements Rows {
  columns: Column[] = $state.raw([]);
  count = $state(0);
  complete = $state(false);
  error: unknown = $state.raw(undefined);
  readonly #file: PackFile;
  readonly #decoder = new TextDecoder();
  #next = 0;
  #busy = false;

  constructor(file: PackFile) {
    this.#file = file;
  }

  /** Takes a piece of the text; gives how many rows there are now. */
  protected abstract take(text: string, isLast: boolean): number;
  abstract cell(row: number, column: number): string | undefined;

  want(_first: number, last: number): void {
    if (!this.complete && last >= this.count && this.error === undefined) void this.more();
  }

  retry(): void {
    void this.more();
  }

  async more(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    this.error = undefined;
    try {
      const end = Math.min(this.#next + BLOCK, this.#file.size);
      const bytes = await this.#file.slice(this.#next, end).bytes();
      const isLast = end >= this.#file.size;
      this.#next = end;
      this.count = this.take(this.#decoder.decode(bytes, { stream: !isLast }), isLast);
      this.complete = isLast;
    } catch (error) {
      this.error = error;
    } finally {
      this.#busy = false;
    }
  }
}

export class CsvRows extends TextRows {
  #parser: CsvParser | undefined;
  readonly #separator: string | undefined;
  readonly #rows: string[][] = [];

  constructor(file: PackFile, separator?: string) {
    super(file);
    this.#separator = separator;
  }

  protected take(text: string, isLast: boolean): number {
    this.#parser ??= new CsvParser(this.#separator ?? separatorOf(text));
    for (const row of this.#parser.push(text)) this.#rows.push(row);
    if (isLast) for (const row of this.#parser.end()) this.#rows.push(row);
    if (this.columns.length === 0 && this.#rows.length > 0) this.#head();
    return this.#rows.length;
  }

  /** The first row names the columns, unless there are numbers or gaps in it. */
  #head() {
    const [first = []] = this.#rows;
    const named = first.every((cell) => cell.trim() !== '' && !looksLikeNumber(cell));
    if (named) this.#rows.shift();
    const sample = this.#rows.slice(0, 50);
    this.columns = first.slice(0, MOST_COLUMNS).map((cell, i) => ({
      name: named ? cell : `column ${i + 1}`,
      isNumber: sample.length > 0 && sample.every((row) => (row[i] ?? '') === '' || looksLikeNumber(row[i] ?? '')),
    }));
  }

  cell(row: number, column: number): string | undefined {
    return row < this.count ? cellText(this.#rows[row]?.[column] ?? '') : undefined;
  }
}

export class JsonRows extends TextRows {
  #rest = '';
  /** Kept as text and parsed when they come into sight. */
  readonly #lines: string[] = [];
  #parsed = new Map<number, unknown>();

  protected take(text: string, isLast: boolean): number {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = isLast ? '' : (lines.pop() ?? '');
    if (this.#rest.length > LONGEST_LINE) throw new Error('A line of this file is too long for a table. Look at it as text.');
    for (const line of lines) if (line.trim() !== '') this.#lines.push(line);
    if (this.columns.length === 0 && this.#lines.length > 0) this.#head();
    return this.#lines.length;
  }

  /** Columns are the names in the first rows; rows that are no objects have one column. */
  #head() {
    const names = new Map<string, boolean>();
    let plain = false;
    for (let row = 0; row < Math.min(this.#lines.length, 100); row++) {
      const value = this.#value(row);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) plain = true;
      else for (const [name, cell] of Object.entries(value)) names.set(name, (names.get(name) ?? true) && typeof cell === 'number');
    }
    const columns = [...names].slice(0, MOST_COLUMNS).map(([name, isNumber]) => ({ name, isNumber }));
    this.columns = plain || columns.length === 0 ? [{ name: 'value' }, ...columns] : columns;
  }

  #value(row: number): unknown {
    if (!this.#parsed.has(row)) {
      if (this.#parsed.size > 2000) this.#parsed.clear();
      this.#parsed.set(row, parsed(this.#lines[row] ?? ''));
    }
    return this.#parsed.get(row);
  }

  cell(row: number, column: number): string | undefined {
    if (row >= this.count) return undefined;
    const value = this.#value(row);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    const { name } = this.columns[column] ?? { name: '' };
    if (column === 0 && name === 'value' && !isObject) return cellText(value);
    return isObject && Object.hasOwn(value, name) ? cellText((value as Record<string, unknown>)[name]) : '';
  }
}

function parsed(line: string): unknown {
  try {
    return parseJson(line);
  } catch {
    return line;
  }
}
