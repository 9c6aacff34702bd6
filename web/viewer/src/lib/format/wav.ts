/** Sound as WAV has it: where its samples lie, and how loud they are at every place. */

import { pause } from '../page/pause.ts';
import type { Source } from './npy.ts';

export interface Wav {
  channels: number;
  /** Samples a second. */
  rate: number;
  /** Where they begin, in bytes. */
  offset: number;
  /** Samples of each channel. */
  frames: number;
  /** Bytes of one sample of all channels. */
  frameSize: number;
  /** A sample from −1 to 1. */
  read: (view: DataView, at: number) => number;
  sampleSize: number;
}

/** Bytes of a file that are read at once. */
const CHUNK = 1024 * 1024;
const HEAD = 4096;
/** Parts before the samples; more have no honest reason. */
const MOST_PARTS = 24;

const READS: Record<string, Wav['read']> = {
  '1-8': (view, at) => (view.getUint8(at) - 128) / 128,
  '1-16': (view, at) => view.getInt16(at, true) / 0x8000,
  '1-24': (view, at) => (view.getUint16(at, true) + view.getInt8(at + 2) * 0x10000) / 0x800000,
  '1-32': (view, at) => view.getInt32(at, true) / 0x80000000,
  '3-32': (view, at) => view.getFloat32(at, true),
  '3-64': (view, at) => view.getFloat64(at, true),
};

/** Undefined where it is no WAV, or of a kind that is packed. */
export async function openWav(source: Source, signal: AbortSignal): Promise<Wav | undefined> {
  const bytes = async (at: number, length: number) => {
    const part = await source.slice(at, Math.min(at + length, source.size)).bytes({ signal });
    return new DataView(part.buffer, part.byteOffset, part.byteLength);
  };
  let view = await bytes(0, HEAD);
  let from = 0;
  if (view.byteLength < 12 || !/^(RIFF|RF64)WAVE$/.test(tag(view, 0) + tag(view, 8))) return undefined;
  let format: Omit<Wav, 'offset' | 'frames'> | undefined;
  for (let at = 12, parts = 0; at + 8 <= source.size && parts < MOST_PARTS; parts++) {
    if (at + 40 > from + view.byteLength && from + view.byteLength < source.size) [view, from] = [await bytes(at, HEAD), at];
    const here = at - from;
    const [name, length] = [tag(view, here), view.getUint32(here + 4, true)];
    if (name === 'fmt ' && here + 24 <= view.byteLength) format = formatOf(view, here + 8, length);
    if (name === 'data') {
      // In a stream, or beyond 4 GiB, the length is not told: it goes to the end.
      const end = length === 0xffffffff || length === 0 ? source.size : Math.min(at + 8 + length, source.size);
      return format && { ...format, offset: at + 8, frames: Math.floor((end - at - 8) / format.frameSize) };
    }
    at += 8 + length + (length % 2);
  }
  return undefined;
}

const tag = (view: DataView, at: number) => (at + 4 <= view.byteLength ? String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(at + i))) : '');

function formatOf(view: DataView, at: number, length: number): Omit<Wav, 'offset' | 'frames'> | undefined {
  const [channels, rate, frameSize, bits] = [view.getUint16(at + 2, true), view.getUint32(at + 4, true), view.getUint16(at + 12, true), view.getUint16(at + 14, true)];
  let kind = view.getUint16(at, true);
  // Of the extensible kind the real one stands further on.
  if (kind === 0xfffe && length >= 26 && at + 26 <= view.byteLength) kind = view.getUint16(at + 24, true);
  const read = READS[`${kind}-${bits}`];
  if (read === undefined || channels === 0 || rate === 0 || frameSize !== (channels * bits) / 8) return undefined;
  return { channels, rate, frameSize, sampleSize: bits / 8, read };
}

/** The least and the greatest sample of each of some equal parts of a sound. */
export class Peaks {
  readonly low: Float32Array;
  readonly high: Float32Array;

  constructor(readonly columns: number) {
    this.low = new Float32Array(columns);
    this.high = new Float32Array(columns);
  }

  add(column: number, value: number): void {
    // What is no number is silence.
    if (value < (this.low[column] ?? 0)) this.low[column] = Math.max(value, -1);
    if (value > (this.high[column] ?? 0)) this.high[column] = Math.min(value, 1);
  }
}

/** How many places of a long sound are looked at, and for how many bytes each. */
const PLACES = 64;
const SAMPLE = 32 * 1024;
/** As much of a large file is verified at once, and so read. */
const BLOCK = 256 * 1024;

/** What `peaksOf` reads of a sound at most, by samples. */
export const sampledBytes = ({ frames, frameSize }: Wav) => Math.min(frames * frameSize, PLACES * BLOCK);

/** Reads all of it (`columns` parts), or samples of a long one. `onPiece` is told when more is known. */
export async function peaksOf(source: Source, wav: Wav, columns: number | 'samples', signal: AbortSignal, onPiece: (peaks: Peaks) => void): Promise<void> {
  const { offset, frames, frameSize } = wav;
  const sampled = columns === 'samples';
  const peaks = new Peaks(Math.min(sampled ? PLACES : columns, Math.max(frames, 1)));
  const step = Math.max(Math.floor((sampled ? SAMPLE : CHUNK) / frameSize), 1);
  const pieces = sampled ? peaks.columns : Math.ceil(frames / step);
  for (let piece = 0; piece < pieces; piece++) {
    const first = sampled ? Math.floor((piece / pieces) * frames) : piece * step;
    const end = Math.min(first + step, frames);
    const bytes = await source.slice(offset + first * frameSize, offset + end * frameSize).bytes({ signal });
    measure(peaks, wav, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), (frame) => (sampled ? piece : Math.floor(((first + frame) / frames) * peaks.columns)));
    onPiece(peaks);
    await pause();
    signal.throwIfAborted();
  }
}

function measure(peaks: Peaks, { frameSize, sampleSize, read }: Wav, view: DataView, columnOf: (frame: number) => number) {
  for (let at = 0, frame = 0; at + frameSize <= view.byteLength; at += frameSize, frame++) {
    const column = columnOf(frame);
    for (let sample = 0; sample < frameSize; sample += sampleSize) peaks.add(column, read(view, at + sample));
  }
}

/** The same of a sound that the browser has decoded. */
export function peaksOfChannels(channels: Float32Array[], columns: number): Peaks {
  const frames = channels[0]?.length ?? 0;
  const peaks = new Peaks(Math.min(columns, Math.max(frames, 1)));
  for (const channel of channels) for (let i = 0; i < channel.length; i++) peaks.add(Math.floor((i / frames) * peaks.columns), channel[i] ?? 0);
  return peaks;
}
