/**
 * Which ranges to ask for. Pure functions; nothing here fetches.
 */

/**
 * @typedef {object} Extent a range of bytes
 * @property {number} offset
 * @property {number} length
 */

/**
 * The same bytes as sorted extents that neither overlap nor touch. Empty ones vanish.
 *
 * @param {Iterable<Extent>} extents
 * @returns {Extent[]}
 */
export function unite(extents) {
  /** @type {Extent[]} */
  const united = [];
  for (const { offset, length } of [...extents].sort((a, b) => a.offset - b.offset)) {
    if (length === 0) continue;
    const last = united.at(-1);
    if (last !== undefined && offset <= last.offset + last.length) {
      last.length = Math.max(last.length, offset + length - last.offset);
    } else {
      united.push({ offset, length });
    }
  }
  return united;
}

/**
 * The bytes of `extents` that are not in `holes`. Both must be sorted and free of overlaps (as `unite` makes them).
 *
 * @param {Extent[]} extents
 * @param {Extent[]} holes
 * @returns {Extent[]}
 */
export function subtract(extents, holes) {
  /** @type {Extent[]} */
  const rest = [];
  let first = 0;
  for (const { offset, length } of extents) {
    const end = offset + length;
    let at = offset;
    while (first < holes.length && endOf(holes, first) <= offset) first++;
    for (let h = first; h < holes.length; h++) {
      const hole = /** @type {Extent} */ (holes[h]);
      if (hole.offset >= end) break;
      if (hole.offset > at) rest.push({ offset: at, length: hole.offset - at });
      at = hole.offset + hole.length;
    }
    if (at < end) rest.push({ offset: at, length: end - at });
  }
  return rest;
}

/**
 * The requests that bring all of `extents` save what is already under way.
 *
 * They are sorted, overlap neither each other nor `busy`, and are at most `maxRequest` long. Neighbours with no more
 * than `gap` unwanted bytes between them become one request, as long as that is not too long: below a certain
 * distance bytes are cheaper than another request. What is longer than `maxRequest` in one piece is cut into equal
 * parts: those come side by side, and an abort or a broken connection wastes less.
 *
 * @param {Iterable<Extent>} extents in any order, may overlap
 * @param {object} options
 * @param {number} options.gap bytes
 * @param {number} options.maxRequest bytes
 * @param {Iterable<Extent>} [options.busy] ranges that are already being fetched
 * @returns {Extent[]}
 */
export function planRequests(extents, { gap, maxRequest, busy = [] }) {
  const holes = unite(busy);
  /** @type {Extent[]} */
  const merged = [];
  let hole = 0;
  for (const extent of subtract(unite(extents), holes)) {
    while (hole < holes.length && endOf(holes, hole) <= extent.offset) hole++;
    const last = merged.at(-1);
    const length = last === undefined ? 0 : extent.offset + extent.length - last.offset;
    if (
      last !== undefined &&
      length <= maxRequest &&
      extent.offset - (last.offset + last.length) <= gap &&
      (hole === 0 || endOf(holes, hole - 1) <= last.offset)
    ) {
      last.length = length;
    } else {
      merged.push({ ...extent });
    }
  }
  return merged.flatMap((extent) => cut(extent, maxRequest));
}

/**
 * @param {Extent} extent
 * @param {number} maxRequest
 * @returns {Extent[]}
 */
function cut({ offset, length }, maxRequest) {
  const part = Math.ceil(length / Math.ceil(length / maxRequest));
  const parts = [];
  for (let at = 0; at < length; at += part) {
    parts.push({ offset: offset + at, length: Math.min(part, length - at) });
  }
  return parts;
}

/**
 * @param {Extent[]} extents
 * @param {number} i
 */
function endOf(extents, i) {
  const { offset, length } = /** @type {Extent} */ (extents[i]);
  return offset + length;
}
