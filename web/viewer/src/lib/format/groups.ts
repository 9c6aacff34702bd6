/** Kinds of files as a few groups, each of which has a colour. */

import type { Entry } from 'rangepack';
import { endingOf, kindOf, type Kind } from './kinds.ts';

export const GROUPS = { image: 'Images', media: 'Media', data: 'Data', text: 'Text', other: 'Others' } as const;

export type Group = keyof typeof GROUPS;

const OF: Partial<Record<Kind, Group>> = {
  image: 'image', audio: 'media', video: 'media', json: 'data', table: 'data', npy: 'data', tensors: 'data', sqlite: 'data', parquet: 'data',
  text: 'text', markdown: 'text', notebook: 'text', html: 'text', pdf: 'text',
};

export function groupOf(name: string): Group {
  return OF[kindOf(name) ?? 'hex'] ?? 'other';
}

/** What a file is counted under: its ending, where it has one that a person would call so. */
export function typeOf(entry: Entry): string {
  if (entry.kind === 'symlink') return 'links';
  // A name that begins with a dot has no ending by that: `.bashrc`.
  const ending = entry.name.lastIndexOf('.') > 0 ? endingOf(entry.name) : '';
  return /^[\p{L}\p{N}_+-]{1,12}$/u.test(ending) ? `.${ending}` : 'no ending';
}

/** The bytes it is counted with. Links have none: their size is the length of their target, which totals do not count. */
export const contentOf = (entry: Entry) => (entry.kind === 'symlink' ? 0 : entry.size);
