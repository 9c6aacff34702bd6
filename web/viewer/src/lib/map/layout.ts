/**
 * Where the map is drawn, in pixels: the children of a directory as cells, and faintly what is in them.
 */

import { groupOf, type Group } from '../format/groups.ts';
import { shown } from '../words/paths.ts';
import { sharesOf, type Listed, type Measure, type Share } from './shares.ts';
import { squarify, type Rect } from './squarify.ts';

/** Pixels that a cell has on average; with more children than that the lightest are one cell. */
const AREA = 500;
const MOST = 500;
/** Pixels under which a child is gathered with others; and that each cell has at least, so that it can be seen and pressed. */
const LEAST = { own: 40, drawn: 160 };
/** The head of a directory, with its name. */
const HEAD = 21;
/** How deep that goes which is drawn inside of cells. */
const DEPTH = 3;

/** A share of the directory that is shown, and its place. */
export interface Cell {
  share: Share;
  rect: Rect;
}

export interface Wanted {
  by: Measure;
  /** The weight of the directory. */
  total: number;
  /** The heaviest so many children are left out. */
  skip: number;
  width: number;
  height: number;
}

/** The cells of a directory, the heaviest first. */
export function cellsOf(listed: Listed, { by, total, skip, width, height }: Wanted): Cell[] {
  const room = Math.max(width * height, 1);
  const most = Math.min(MOST, Math.max(1, Math.floor((width * height) / AREA)));
  const shares = sharesOf(listed, { by, total, most, skip, least: LEAST.own / room });
  const least = (shares.reduce((sum, { weight }) => sum + weight, 0) * LEAST.drawn) / room;
  const rects = squarify(shares.map(({ weight }) => Math.max(weight, least)), { x: 0, y: 0, width, height });
  return shares.flatMap((share, i) => (rects[i] === undefined ? [] : [{ share, rect: rects[i] }]));
}

/** What is drawn inside of a cell. */
export interface Inner extends Rect {
  /** Directories have none. */
  group: Group | undefined;
  /** A name that fits; or ''. */
  label: string;
}

export interface Inside {
  drawn: Inner[];
  /** Directories that would have to be read to draw what is in them. */
  unread: string[];
  /** The numbers of the cells in which something is drawn. */
  filled: ReadonlySet<number>;
}

/** What lies in the cells, as far as it is known. `level` gives the children of a directory, if they were listed. */
export function insideOf(cells: readonly Cell[], level: (path: string) => Listed | undefined, by: Measure): Inside {
  const drawn: Inner[] = [];
  const unread: string[] = [];
  const filled = new Set<number>();
  const draw = (directory: string, weight: number, area: Rect, depth: number) => {
    if (area.width < 20 || area.height < 14) return;
    const listed = level(directory);
    if (listed === undefined) return void unread.push(directory);
    const shares = sharesOf(listed, { by, total: weight, most: Math.min(60, Math.floor((area.width * area.height) / 260)) });
    for (const [i, rect] of squarify(shares.map(({ weight }) => weight), area).entries()) {
      const share = shares[i];
      if (share === undefined || rect.width < 2 || rect.height < 2) continue;
      drawn.push(innerOf(share, inset(rect, 0.75)));
      if (isDirectory(share) && depth < DEPTH) draw(share.entry.path, share.weight, inset(rect, 2.5), depth + 1);
    }
  };
  for (const [i, { share, rect }] of cells.entries()) {
    if (!isDirectory(share) || !hasHead(rect)) continue;
    const { x, y, width, height } = inset(rect, 4);
    const before = drawn.length;
    draw(share.entry.path, share.weight, { x, y: y + HEAD - 3, width, height: height - HEAD + 3 }, 1);
    if (drawn.length > before) filled.add(i);
  }
  return { drawn, unread, filled };
}

type DirectoryShare = Extract<Share, { kind: 'entry' }> & { entry: { kind: 'directory' } };

/** Whether a cell stands for a directory. */
export function isDirectory(share: Share): share is DirectoryShare {
  return share.kind === 'entry' && share.entry.kind === 'directory';
}

/** The colour of a cell; directories have none. */
export function groupOfShare(share: Share): Group | undefined {
  if (share.kind !== 'entry') return 'other';
  return isDirectory(share) ? undefined : groupOf(share.entry.name);
}

/** What there is room for in a cell: its name (`wide`), and its size (`tall`), which stands beside the name of a directory. */
export function roomIn({ share, rect: { width, height } }: Cell, name: string): { wide: boolean; tall: boolean } {
  const wide = width >= 44 && height >= 20;
  const tall = isDirectory(share) ? height >= 20 && width >= 8 * name.length + 78 : height >= 38 && width >= 44;
  return { wide, tall };
}

function innerOf(share: Share, rect: Rect): Inner {
  const group = groupOfShare(share);
  const name = share.kind === 'entry' ? shown(share.entry.name) : '';
  return { ...rect, group, label: group !== undefined && rect.height >= 16 && fits(name, rect.width) ? name : '' };
}

const hasHead = ({ width, height }: Rect) => width >= 52 && height >= HEAD + 14;

/** Whether a text fits, roughly: half of a name tells little where it stands fifty times. */
const fits = (text: string, width: number) => text.length * 5.9 + 12 <= width;

function inset({ x, y, width, height }: Rect, by: number): Rect {
  return { x: x + by, y: y + by, width: Math.max(0, width - 2 * by), height: Math.max(0, height - 2 * by) };
}
