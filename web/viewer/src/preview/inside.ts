/** Text that is packed with gzip, for the views that show what is inside: all of it where they take no part, else its beginning. */

import type { PackFile } from 'rangepack';
import { Inside, unpack, wholeLines } from '../lib/format/gzip.ts';
import { kindOf, sniff, type Kind } from '../lib/format/kinds.ts';
import { bytes } from '../lib/words/numbers.ts';

/** So much is shown of what is longer. */
const PART = 1024 * 1024;

/** Views that take the whole, and the most that they show. */
const WHOLE: Partial<Record<Kind, number>> = { json: 8 * 1024 * 1024, html: 8 * 1024 * 1024, markdown: 2 * 1024 * 1024 };

export interface Shown {
  file: PackFile;
  kind: Kind;
  /** What is said beside it. */
  words: string;
  isDamaged: boolean;
}

/** Undefined: what is inside is no text. */
export async function shownInside(file: PackFile, name: string, signal: AbortSignal): Promise<Shown | undefined> {
  const told = kindOf(name);
  const { content, isWhole, isDamaged } = await unpack(file, (told && WHOLE[told]) ?? PART, signal);
  if (content.length === 0 && isDamaged) return { file, kind: 'hex', words: 'This is no gzip file, or a damaged one.', isDamaged };
  const kind = told ?? sniff(content.subarray(0, 4096));
  if (kind === 'hex') return undefined;
  const begin = (part: Uint8Array<ArrayBuffer>) => new Inside(file.entry, name, part);
  if (isWhole) return { file: begin(content), kind, words: 'Unpacked from gzip', isDamaged };
  const part = wholeLines(content.subarray(0, PART));
  const words = isDamaged
    ? `Unpacked from gzip; it is damaged: these are the first ${bytes(part.length)}.`
    : `Unpacked from gzip: the first ${bytes(part.length)}`;
  return { file: begin(part), kind: kind === 'table' ? 'table' : 'text', words, isDamaged };
}
