/** What a table is made of, wherever its rows come from. What is not loaded is asked for and comes later. */

export interface Column {
  name: string;
  /** Numbers stand at the right. */
  isNumber?: boolean;
  /** What the file says of it. */
  type?: string;
}

export interface Rows {
  readonly columns: Column[];
  /** Rows that are known so far. */
  readonly count: number;
  /** Whether there are more. */
  readonly complete: boolean;
  readonly error: unknown;
  /** A cell as text; undefined while it is not loaded. */
  cell(row: number, column: number): string | undefined;
  /** These rows are in sight. */
  want(first: number, last: number): void;
  /** After a failure: goes on where it stopped. */
  retry(): void;
}

/** Longer cells are cut; the whole is in the file. */
export const LONGEST_CELL = 300;

/** Any value in one line. */
export function cellText(value: unknown): string {
  const text = typeof value === 'string' ? value : valueText(value);
  return text.length > LONGEST_CELL ? `${text.slice(0, LONGEST_CELL)}…` : text;
}

function valueText(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (typeof value !== 'object') return String(value);
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? String(part) : part)) ?? '';
}

export const looksLikeNumber = (text: string) => /^\s*[-+]?(\d[\d_,]*)?\.?\d+([eE][-+]?\d+)?\s*$/.test(text);
