/**
 * The scroll bar of a list that is taller than browsers can lay out. Where it begins and ends, a pixel of the bar is a
 * pixel of the list, so that both can be reached by small steps; between, a pixel of the bar is several of the list.
 */

/** Pixels that any browser lays out: Firefox knows some 17.8 million, others 33. */
export const TALLEST = 16_000_000;

/** So many pixels at both ends are not compressed. */
const END = 20_000;

export interface Sizes {
  /** Pixels of the list. */
  real: number;
  /** Pixels that are laid out for it. */
  height: number;
  /** Pixels in sight. */
  view: number;
}

/** Where the bar stands for a place in the list. */
export function barOf(place: number, sizes: Sizes): number {
  const [most, bar] = [sizes.real - sizes.view, sizes.height - sizes.view];
  if (place <= END) return place;
  if (place >= most - END) return bar - (most - place);
  return END + ((place - END) * (bar - 2 * END)) / (most - 2 * END);
}

/** The place in the list that the bar stands for. */
export function placeOf(bar: number, sizes: Sizes): number {
  const [most, longest] = [sizes.real - sizes.view, sizes.height - sizes.view];
  if (bar <= END) return bar;
  if (bar >= longest - END) return most - (longest - bar);
  return END + ((bar - END) * (most - 2 * END)) / (longest - 2 * END);
}

/**
 * Whether the bar itself was moved, rather than what is beside it. Its least step is a pixel of the screen, and that is
 * many thousands of the list: so far no wheel goes between two frames.
 */
export function isDragged(by: number, { height, view }: Sizes): boolean {
  return Math.abs(by) > Math.max(view, height / view / 4);
}
