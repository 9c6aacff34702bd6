/** From one cell of the map to the next, by arrows. */

import type { Rect } from './squarify.ts';

/** How far a cell that lies aside counts, against one that lies ahead. */
const ASIDE = 4;

/** The number of the nearest rectangle in a direction; the same where there is none. */
export function nearest(rects: readonly Rect[], from: number, dx: number, dy: number): number {
  const start = rects[from];
  if (start === undefined) return from;
  let [best, least] = [from, Infinity];
  for (const [i, rect] of rects.entries()) {
    const ahead = dx > 0 ? after(start, rect) : dx < 0 ? after(rect, start) : dy > 0 ? below(start, rect) : below(rect, start);
    if (i === from || ahead < -1) continue;
    // Of those that lie as near, the one whose corner is level with this one's.
    const aside = dx === 0
      ? Math.max(0, after(start, rect), after(rect, start)) + Math.abs(rect.x - start.x) / 1e4
      : Math.max(0, below(start, rect), below(rect, start)) + Math.abs(rect.y - start.y) / 1e4;
    const far = ahead + ASIDE * aside;
    if (far < least) [best, least] = [i, far];
  }
  return best;
}

/** Pixels from the right side of `a` to the left side of `b`. */
const after = (a: Rect, b: Rect) => b.x - a.x - a.width;

/** Pixels from the lower side of `a` to the upper side of `b`. */
const below = (a: Rect, b: Rect) => b.y - a.y - a.height;
