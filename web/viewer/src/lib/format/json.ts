/** JSON as it is met: Python writes `NaN` and `Infinity` into it, which its grammar does not have. */

/** A text that nobody writes stands for NaN until all is parsed. */
const NAN = '\u0000NaN\u0000';

/** The value of a text. Throws what `JSON.parse` says of it. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const plain = withoutWords(text);
    if (plain === undefined) throw error;
    try {
      return JSON.parse(plain, (_, value: unknown) => (value === NAN ? NaN : value)) as unknown;
    } catch {
      throw error;
    }
  }
}

/** With numbers and texts for the words that are none of JSON; undefined where there is none, or a text does not end. */
function withoutWords(text: string): string | undefined {
  const token = /"|NaN|Infinity/g;
  const parts: string[] = [];
  let at = 0;
  for (let found = token.exec(text); found !== null; found = token.exec(text)) {
    if (found[0] === '"') {
      const end = endOfText(text, token.lastIndex);
      if (end === undefined) return undefined;
      token.lastIndex = end;
    } else {
      // Beyond all numbers is infinite.
      parts.push(text.slice(at, found.index), found[0] === 'NaN' ? JSON.stringify(NAN) : '1e999');
      at = token.lastIndex;
    }
  }
  return parts.length === 0 ? undefined : parts.join('') + text.slice(at);
}

/** Behind the quotation mark that ends the text which starts at `start`. */
function endOfText(text: string, start: number): number | undefined {
  for (let at = text.indexOf('"', start); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (at - escapes > start && text[at - 1 - escapes] === '\\') escapes++;
    if (escapes % 2 === 0) return at + 1;
  }
  return undefined;
}
