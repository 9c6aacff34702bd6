/** How a directory is shared out among its children: the heaviest alone, the rest as one. */

import type { Entry } from 'rangepack';
import { contentOf } from '../format/groups.ts';

/** What areas stand for. */
export type Measure = 'bytes' | 'files';

/** What an entry weighs. */
export function weigh(entry: Entry, by: Measure): number {
  return by === 'bytes' ? contentOf(entry) : entry.kind === 'directory' ? (entry.files ?? 0) : 1;
}

/** The children of a directory, as far as they were listed. */
export interface Listed {
  entries: Entry[];
  complete: boolean;
}

/** A child, or many of them together: those too small to be seen, or those that were not read yet. */
export type Share =
  | { kind: 'entry'; entry: Entry; weight: number }
  | { kind: 'others'; count: number; weight: number }
  | { kind: 'unread'; weight: number };

export interface Wanted {
  by: Measure;
  /** The weight of the directory: what the children that are known do not weigh was not read yet. */
  total: number;
  /** So many children at most. */
  most: number;
  /** The heaviest so many are left out. */
  skip?: number;
  /** The part of the total under which a child is not shown on its own. */
  least?: number;
}

/** Children by weight, and the rest of them as one. */
export function sharesOf({ entries, complete }: Listed, { by, total, most, skip = 0, least = 0 }: Wanted): Share[] {
  const { sorted, weight: known } = heaviest(entries, by);
  const shares: Share[] = [];
  let [at, left] = [0, known];
  for (; at < sorted.length && shares.length < most; at++) {
    const entry = sorted[at];
    if (entry === undefined) break;
    const weight = weigh(entry, by);
    if (weight === 0 || (shares.length > 0 && weight < least * total)) break;
    left -= weight;
    if (at >= skip) shares.push({ kind: 'entry', entry, weight });
  }
  const [last] = sorted.slice(at);
  // One that is left alone may as well be shown itself.
  if (last !== undefined && at === sorted.length - 1 && left > 0) shares.push({ kind: 'entry', entry: last, weight: left });
  else if (left > 0) shares.push({ kind: 'others', count: sorted.length - at, weight: left });
  // Totals are the pack's own words: they may be wrong.
  if (!complete && total > known && skip === 0) shares.push({ kind: 'unread', weight: total - known });
  return shares;
}

interface Order {
  sorted: Entry[];
  weight: number;
}

/** Lists of children are replaced, never changed: their order is found out once. */
const orders = new WeakMap<Entry[], Partial<Record<Measure, Order>>>();

function heaviest(entries: Entry[], by: Measure): Order {
  let known = orders.get(entries);
  if (known === undefined) orders.set(entries, (known = {}));
  return (known[by] ??= {
    sorted: [...entries].sort((a, b) => weigh(b, by) - weigh(a, by)),
    weight: entries.reduce((sum, entry) => sum + weigh(entry, by), 0),
  });
}
