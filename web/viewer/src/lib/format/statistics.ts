/** What many numbers are like, from one look at each: ends, mean, deviation, and how they are spread. */

import { pause } from '../page/pause.ts';
import { countOf, type Npy, type Source } from './npy.ts';

/** Bytes that are read at once. */
const CHUNK = 1024 * 1024;
const BINS = 128;

export interface Summary {
  count: number;
  min: number;
  max: number;
  mean: number;
  deviation: number;
  nan: number;
  infinite: number;
  zeros: number;
  /** From the least to the greatest bin that is not empty. */
  bins: { from: number; width: number; counts: number[] };
}

/**
 * Bins whose width is a power of two. As values come that lie outside, pairs of bins become one: so no value is looked at
 * twice, and every count is exact.
 */
class Bins {
  #counts = new Float64Array(BINS);
  #exponent = 0;
  #width = 1;
  /** Number of the first bin, counted from that which begins at zero. */
  #first = 0;
  #empty = true;
  readonly #least: number;

  /** `whole`: there are only whole numbers. */
  constructor(whole: boolean) {
    this.#least = whole ? 0 : -1060;
  }

  add(value: number): void {
    if (this.#empty) this.#begin(value);
    let bin = Math.floor(value / this.#width) - this.#first;
    while (!(bin >= 0 && bin < BINS)) {
      if (!this.#shift(bin)) this.#widen();
      bin = Math.floor(value / this.#width) - this.#first;
    }
    this.#counts[bin] = (this.#counts[bin] ?? 0) + 1;
  }

  get result(): Summary['bins'] {
    const used = [...this.#counts.keys()].filter((bin) => this.#counts[bin] !== 0);
    const [first = 0, last = -1] = [used[0], used.at(-1)];
    return { from: (this.#first + first) * this.#width, width: this.#width, counts: [...this.#counts.subarray(first, last + 1)] };
  }

  #begin(value: number) {
    this.#empty = false;
    const size = value === 0 ? this.#least : Math.floor(Math.log2(Math.abs(value))) - 40;
    this.#setExponent(Math.max(size, this.#least));
    this.#first = Math.floor(value / this.#width) - BINS / 2;
  }

  /** Moves the bins, where those that are used leave room; false where they do not. */
  #shift(bin: number): boolean {
    if (!Number.isSafeInteger(bin)) return false;
    const used = this.#counts.findIndex((count) => count !== 0);
    const last = this.#counts.findLastIndex((count) => count !== 0);
    const by = bin < 0 ? bin : bin - BINS + 1;
    if (used - by < 0 || last - by >= BINS) return false;
    const counts = new Float64Array(BINS);
    for (let i = used; i <= last; i++) counts[i - by] = this.#counts[i] ?? 0;
    this.#counts = counts;
    this.#first += by;
    return true;
  }

  #widen() {
    const counts = new Float64Array(BINS);
    // An even number, and the old bins in the middle of the new ones.
    const first = Math.floor(this.#first / 2) - BINS / 4;
    for (const [i, count] of this.#counts.entries()) {
      if (count === 0) continue;
      const bin = Math.floor((this.#first + i) / 2) - first;
      counts[bin] = (counts[bin] ?? 0) + count;
    }
    this.#counts = counts;
    this.#first = first;
    this.#setExponent(this.#exponent + 1);
  }

  #setExponent(exponent: number) {
    this.#exponent = exponent;
    this.#width = 2 ** exponent;
  }
}

export class Statistics {
  count = 0;
  nan = 0;
  infinite = 0;
  zeros = 0;
  #min = Infinity;
  #max = -Infinity;
  /** Sums of what is above the first value, so that little is lost where all are alike. */
  #base: number | undefined;
  #sum = 0;
  #squares = 0;
  readonly #bins: Bins;

  constructor(whole = false) {
    this.#bins = new Bins(whole);
  }

  add(value: number): void {
    this.count++;
    if (!Number.isFinite(value)) {
      if (Number.isNaN(value)) this.nan++;
      else this.infinite++;
      return;
    }
    if (value === 0) this.zeros++;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
    this.#base ??= value;
    const above = value - this.#base;
    this.#sum += above;
    this.#squares += above * above;
    this.#bins.add(value);
  }

  get summary(): Summary {
    const { count, nan, infinite, zeros } = this;
    const finite = count - nan - infinite;
    const mean = this.#sum / finite;
    const variance = this.#squares / finite - mean * mean;
    return {
      count, nan, infinite, zeros, min: this.#min, max: this.#max,
      mean: (this.#base ?? NaN) + mean,
      deviation: Math.sqrt(Math.max(variance, 0)),
      bins: this.#bins.result,
    };
  }
}

/** Whether there is something to count in values of this type. */
export const isCountable = ({ dtype, read, shape }: Npy) => read !== undefined && !/c(8|16)$/.test(dtype) && countOf(shape) > 0;

/** Reads all values in pieces. `onPiece` is told after each what is known so far, and how many bytes were read. */
export async function statisticsOf(source: Source, npy: Npy, signal: AbortSignal, onPiece: (summary: Summary, read: number) => void): Promise<void> {
  const { read, itemSize, offset, shape, dtype } = npy;
  if (read === undefined) return;
  const statistics = new Statistics(/^([<>|=]?[biu]\d|[IU]\d+|BOOL)/.test(dtype));
  const end = offset + countOf(shape) * itemSize;
  const step = Math.max(Math.floor(CHUNK / itemSize), 1) * itemSize;
  for (let at = offset; at < end; at += step) {
    const bytes = await source.slice(at, Math.min(at + step, end)).bytes({ signal });
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let i = 0; i + itemSize <= bytes.length; i += itemSize) statistics.add(Number(read(view, i)));
    onPiece(statistics.summary, Math.min(at + step, end) - offset);
    await pause();
    signal.throwIfAborted();
  }
}
