/** Comma-separated values (RFC 4180), fed piece by piece. */

/** Quoted fields may go on for lines; one that never ends must not eat the memory. */
const LONGEST_FIELD = 1024 * 1024;

export class CsvParser {
  readonly #separator: string;
  #row: string[] = [];
  #field = '';
  #inQuotes = false;
  /** A quote inside of quotes: the end of the field, or half of a doubled one. */
  #quote = false;
  #skipLineFeed = false;

  constructor(separator: string) {
    this.#separator = separator;
  }

  /** The rows that are complete with this piece. */
  push(text: string): string[][] {
    const rows: string[][] = [];
    for (let at = 0; at < text.length; ) {
      const plain = this.#plainUntil(text, at);
      if (plain > at) {
        this.#settleQuote();
        this.#skipLineFeed = false;
        this.#field += text.slice(at, plain);
        if (this.#field.length > LONGEST_FIELD) this.#inQuotes = false;
        at = plain;
        continue;
      }
      this.#special(text[at] ?? '', rows);
      at++;
    }
    return rows;
  }

  /** What is left at the end of the file. */
  end(): string[][] {
    this.#settleQuote();
    if (this.#field === '' && this.#row.length === 0) return [];
    const rows: string[][] = [];
    this.#endRow(rows);
    return rows;
  }

  /** Where the next letter with a meaning stands. */
  #plainUntil(text: string, at: number): number {
    for (; at < text.length; at++) {
      const char = text[at];
      if (char === '"' || char === '\n' || char === '\r' || char === this.#separator) break;
    }
    return at;
  }

  #special(char: string, rows: string[][]) {
    if (this.#skipLineFeed) {
      this.#skipLineFeed = false;
      if (char === '\n') return;
    }
    if (char === '"') {
      if (this.#quote) {
        this.#field += '"';
        this.#quote = false;
      } else if (this.#inQuotes) this.#quote = true;
      else if (this.#field === '') this.#inQuotes = true;
      else this.#field += '"';
      return;
    }
    this.#settleQuote();
    if (this.#inQuotes) this.#field += char;
    else if (char === this.#separator) this.#endField();
    else {
      this.#skipLineFeed = char === '\r';
      this.#endRow(rows);
    }
  }

  #settleQuote() {
    if (this.#quote) this.#quote = this.#inQuotes = false;
  }

  #endField() {
    this.#row.push(this.#field);
    this.#field = '';
  }

  #endRow(rows: string[][]) {
    this.#endField();
    // Empty lines are no rows.
    if (this.#row.length > 1 || this.#row[0] !== '') rows.push(this.#row);
    this.#row = [];
    this.#inQuotes = false;
  }
}

/** The letter that separates the fields, told from the first line. */
export function separatorOf(head: string): string {
  const [line = ''] = head.split(/[\r\n]/, 1);
  const bare = line.replace(/"[^"]*"/g, '');
  const counts = [',', '\t', ';', '|'].map((separator) => [bare.split(separator).length, separator] as const);
  return counts.reduce((best, next) => (next[0] > best[0] ? next : best))[1];
}
