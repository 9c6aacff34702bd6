/** What a file beside a picture says of it: `x.txt` or `x.json` for `x.jpg`. */

import { parseJson } from './json.ts';

/** Letters of a caption that are shown. */
export const LONGEST_CAPTION = 2048;
/** Of a longer text the beginning is read. */
export const CAPTION_TEXT = 2048;
/** JSON is read whole or not at all. */
export const CAPTION_JSON = 64 * 1024;

/** Names under which JSON says what is to be seen, the first one first. */
const SAYING = ['caption', 'captions', 'text', 'prompt', 'description', 'title', 'label', 'labels', 'class', 'category', 'name'];
const MOST_FACTS = 6;

/** A name without its ending; '' where nothing is left. */
export const stemOf = (name: string) => name.slice(0, Math.max(name.lastIndexOf('.'), 0));

/** What the file with the caption of a picture may be called, the best first. */
export function captionNames(picture: string): string[] {
  const stem = stemOf(picture);
  return stem === '' ? [] : [`${stem}.txt`, `${stem}.json`];
}

/** The caption in such a file; '' where it says nothing. */
export function captionOf(name: string, content: string): string {
  if (!name.endsWith('.json')) return short(content);
  try {
    return short(said(parseJson(content)));
  } catch {
    return '';
  }
}

function said(value: unknown): string {
  if (Array.isArray(value)) return value.slice(0, MOST_FACTS).filter(isPlain).join('\n');
  if (typeof value !== 'object' || value === null) return isPlain(value) ? String(value) : '';
  const fields = new Map(Object.entries(value));
  for (const key of SAYING) {
    const found = said(isDeep(fields.get(key)) ? undefined : fields.get(key));
    if (found !== '') return found;
  }
  const facts = [...fields].filter(([, value]) => isPlain(value));
  return facts.slice(0, MOST_FACTS).map(([key, value]) => `${key}: ${String(value)}`).join(' · ');
}

const isPlain = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value);
const isDeep = (value: unknown) => typeof value === 'object' && !Array.isArray(value);

function short(text: string): string {
  const clean = text.trim();
  return clean.length > LONGEST_CAPTION ? `${clean.slice(0, LONGEST_CAPTION)}…` : clean;
}
