/** What is inside of a gzip file, as far as it is looked at. The browser unpacks it. */

import type { FileEntry, PackFile } from 'rangepack';

/** What was unpacked. */
export interface Unpacked {
  content: Uint8Array<ArrayBuffer>;
  /** Whether there is nothing more. */
  isWhole: boolean;
  /** Whether what follows is no gzip, or damaged. */
  isDamaged: boolean;
}

/** Packed bytes that are fetched at once: as many as the package verifies at once in a large file. */
const STEP = 256 * 1024;

/** Packed bytes that the browser is given at once: it unpacks all of them, and each may become a thousand. */
const PIECE = 4 * 1024;

/** So much longer than its content a gzip file may be. */
const OVERHEAD = 1024 * 1024;

/** A file may be made of many, one behind the other; of so many it is found out where each ends. */
const MOST_MEMBERS = 2000;

/** So many places are tried, each of which looks like the beginning of the next one. */
const MOST_PLACES = 16;

/** The packed bytes as they come; those that came are kept. */
class Packed {
  readonly limit: number;
  /** What went wrong with fetching them. */
  failure: unknown;
  /** Whether more was wanted than is read at most. */
  isCut = false;
  #bytes = new Uint8Array(STEP);
  #length = 0;
  readonly #coming: AsyncIterator<Uint8Array<ArrayBuffer>>;

  constructor(file: PackFile, limit: number, signal: AbortSignal) {
    this.limit = limit;
    this.#coming = pieces(file, signal);
  }

  async slice(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    try {
      while (this.#length < end && !this.isCut) {
        const { value } = await this.#coming.next();
        if (value === undefined) break;
        this.#add(value);
        this.isCut = this.#length > this.limit;
      }
    } catch (error) {
      throw (this.failure = error);
    }
    return this.#bytes.subarray(Math.min(start, this.#length), Math.min(end, this.#length));
  }

  #add(piece: Uint8Array) {
    const length = this.#length + piece.length;
    if (length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  close(): void {
    void this.#coming.return?.();
  }
}

async function* pieces(file: PackFile, signal: AbortSignal): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  if (file.entry.blocks !== undefined) {
    for (let at = 0; at < file.size; at += STEP) yield await file.slice(at, at + STEP).bytes({ signal });
    return;
  }
  // Any part of it would cost the whole, each time.
  const reader = file.stream({ signal }).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}

interface Member {
  content: Uint8Array<ArrayBuffer>[];
  length: number;
  /** Up to where it was read. */
  read: number;
  outcome: 'ended' | 'full' | 'failed';
}

/** What is packed from `start` on, up to `end` if that is known. */
async function unpackMember(packed: Packed, start: number, end: number, room: number): Promise<Member> {
  const member: Member = { content: [], length: 0, read: start, outcome: 'ended' };
  const source = new ReadableStream<Uint8Array<ArrayBuffer>>(
    {
      async pull(controller) {
        const piece = await packed.slice(member.read, Math.min(member.read + PIECE, end));
        member.read += piece.length;
        if (piece.length === 0) controller.close();
        // A copy: the browser may take it away.
        else controller.enqueue(piece.slice());
      },
    },
    { highWaterMark: 0 },
  );
  const reader = source.pipeThrough(new DecompressionStream('gzip')).getReader();
  try {
    while (member.outcome === 'ended') {
      const { done, value } = await reader.read();
      if (done) break;
      member.content.push(value);
      member.length += value.length;
      if (member.length > room) member.outcome = 'full';
    }
  } catch {
    member.outcome = 'failed';
  }
  await reader.cancel().catch(() => {});
  if (packed.failure !== undefined) throw packed.failure;
  return member;
}

/** The same, when another one follows: browsers take that for damage, and do not say where it begins. */
async function unpackFirst(packed: Packed, start: number, { read }: Member, room: number): Promise<Member | undefined> {
  // A piece or two more were read than were unpacked.
  const from = Math.max(start + 18, read - 4 * PIECE);
  const bytes = await packed.slice(from, read + 2);
  let places = 0;
  for (let at = 0; at + 2 < bytes.length && places < MOST_PLACES; at++) {
    if (bytes[at] !== 0x1f || bytes[at + 1] !== 0x8b || bytes[at + 2] !== 8) continue;
    places++;
    const member = await unpackMember(packed, start, from + at, room);
    if (member.outcome !== 'failed') return member;
  }
  return undefined;
}

/** The beginning of what is inside, `most` bytes at most. */
export async function unpack(file: PackFile, most: number, signal: AbortSignal): Promise<Unpacked> {
  const packed = new Packed(file, most + OVERHEAD, signal);
  const content: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const take = (member: Member) => {
    content.push(...member.content);
    length += member.length;
  };
  const end = (isDamaged: boolean) => {
    const isWhole = length <= most && !isDamaged && !packed.isCut;
    return { content: joined(content, Math.min(length, most)), isWhole, isDamaged };
  };
  try {
    let start = 0;
    for (let members = 0; members < MOST_MEMBERS && length <= most; members++) {
      signal.throwIfAborted();
      const room = most - length;
      const member = await unpackMember(packed, start, Infinity, room);
      if (member.outcome !== 'failed' || packed.isCut) return take(member), end(false);
      const first = await unpackFirst(packed, start, member, room);
      if (first === undefined) return take(member), end(true);
      take(first);
      start = first.read;
    }
    packed.isCut = true;
    return end(false);
  } finally {
    packed.close();
  }
}

function joined(parts: Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    if (at >= length) break;
    bytes.set(part.subarray(0, length - at), at);
    at += part.length;
  }
  return bytes;
}

/** Without a line that is cut at the end. One that is all there is goes without a letter that is cut. */
export function wholeLines(content: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const end = content.lastIndexOf(10) + 1;
  if (end > 0) return content.subarray(0, end);
  let letter = content.length;
  while (letter > 0 && content.length - letter < 4 && ((content[letter - 1] ?? 0) & 0xc0) === 0x80) letter--;
  return ((content[letter - 1] ?? 0) & 0x80) === 0 ? content : content.subarray(0, letter - 1);
}

/** What is inside, as a file. */
export class Inside implements PackFile {
  readonly entry: FileEntry;
  readonly type = '';
  readonly lastModified = 0;
  readonly #content: Uint8Array<ArrayBuffer>;

  constructor(entry: FileEntry, name: string, content: Uint8Array<ArrayBuffer>) {
    this.entry = { ...entry, name, size: content.length };
    this.#content = content;
  }

  get name(): string {
    return this.entry.name;
  }

  get size(): number {
    return this.#content.length;
  }

  slice(start?: number, end?: number): PackFile {
    return new Inside(this.entry, this.name, this.#content.subarray(start, end));
  }

  stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new Blob([this.#content]).stream();
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return (await this.bytes()).buffer;
  }

  async bytes(): Promise<Uint8Array<ArrayBuffer>> {
    return this.#content.slice();
  }

  async blob(): Promise<Blob> {
    return new Blob([this.#content]);
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(this.#content);
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text());
  }
}
