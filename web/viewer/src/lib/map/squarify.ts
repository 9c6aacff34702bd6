/** Rectangles whose areas are like weights. */

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

/**
 * One rectangle for each weight, in their order, each as square as can be: squarified treemaps (Bruls, Huizing and
 * van Wijk, 2000). It looks best with the largest first. Without room or weight all rectangles are empty.
 */
export function squarify(weights: readonly number[], area: Rect): Rect[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const scale = total > 0 ? (area.width * area.height) / total : 0;
  const rects: Rect[] = [];
  let { x, y, width, height } = area;
  for (let at = 0; at < weights.length; ) {
    const side = Math.min(width, height);
    const { end, size } = row(weights, at, scale, side);
    const depth = side > 0 ? size / side : 0;
    // A row lies along the shorter side of what is left.
    const upright = width >= height;
    let along = upright ? y : x;
    for (; at < end; at++) {
      const length = size > 0 ? ((weights[at] ?? 0) * scale * side) / size : 0;
      rects.push(upright ? { x, y: along, width: depth, height: length } : { x: along, y, width: length, height: depth });
      along += length;
    }
    if (upright) [x, width] = [x + depth, Math.max(0, width - depth)];
    else [y, height] = [y + depth, Math.max(0, height - depth)];
  }
  return rects;
}

/** As many weights from `start` on as make the longest rectangle of the row squarer. */
function row(weights: readonly number[], start: number, scale: number, side: number): { end: number; size: number } {
  let [end, size, worst] = [start, 0, Infinity];
  let [least, most] = [Infinity, 0];
  while (end < weights.length) {
    const next = (weights[end] ?? 0) * scale;
    [least, most] = [Math.min(least, next), Math.max(most, next)];
    const sum = size + next;
    const ratio = Math.max((side * side * most) / (sum * sum), (sum * sum) / (side * side * least));
    if (end > start && !(ratio <= worst)) break;
    [worst, size] = [ratio, sum];
    end++;
  }
  return { end, size };
}
