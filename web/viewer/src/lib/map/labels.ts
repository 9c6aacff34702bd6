/** The cells of the map in words. */

import { bytes, count, counted, percent } from '../words/numbers.ts';
import { shown } from '../words/paths.ts';
import type { Measure, Share } from './shares.ts';

export function nameOfShare(share: Share): string {
  if (share.kind === 'entry') return shown(share.entry.name);
  return share.kind === 'others' ? `${count(share.count)} others` : 'Not listed yet';
}

export function amountOf({ weight }: Share, by: Measure): string {
  return by === 'bytes' ? bytes(weight) : counted(weight, 'file');
}

/** All that is known of a share, in a line. `total`: the weight of the directory. */
export function describe(share: Share, by: Measure, total: number): string {
  const part = percent(share.weight, total);
  if (share.kind !== 'entry') return `${nameOfShare(share)}: ${amountOf(share, by)}, ${part}`;
  const { entry } = share;
  const what = entry.kind === 'directory' ? `directory, ${counted(entry.files ?? 0, 'file')}` : entry.kind === 'file' ? 'file' : 'link';
  return `${nameOfShare(share)}: ${what}, ${bytes(entry.size)}, ${part}`;
}
