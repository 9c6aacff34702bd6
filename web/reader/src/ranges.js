/**
 * Many reads in few requests.
 */

import { PackError } from './errors.js';
import { planRequests, subtract, unite } from './plan.js';
import { isCount } from './sources/source.js';

/** @import { Extent } from './plan.js' */
/** @import { ByteSource } from './sources/source.js' */

/**
 * One call of `read`.
 * @typedef {object} Call
 * @property {number} order calls are numbered; the oldest is served first
 * @property {Want[]} wants
 * @property {number} left wants that are not complete
 * @property {AbortSignal | undefined} signal
 * @property {boolean} done
 * @property {(bytes: Uint8Array[]) => void} resolve
 * @property {(error: unknown) => void} reject
 */

/**
 * One extent of a call.
 * @typedef {object} Want
 * @property {Call} call
 * @property {Extent} extent
 * @property {Extent[]} todo what no request has been sent for
 * @property {number} left bytes that have not come
 * @property {Uint8Array | undefined} bytes made when the first part comes
 */

/**
 * What a request brings to a want.
 * @typedef {{ want: Want, extent: Extent }} Part
 */

/**
 * A request: planned, or in flight.
 * @typedef {object} Flight
 * @property {Extent} extent
 * @property {Part[]} parts
 * @property {AbortController} abort
 */

/**
 * Reads extents of a source with as few requests as make sense.
 *
 * - No byte is ever in flight twice: who asks for something that is already coming waits for that.
 * - Extents asked for together, or while all connections are busy, are merged where they lie close (`planRequests`).
 * - At most `concurrency` requests are in flight.
 * - An abort takes effect at once for its caller. The request is aborted when nobody else waits for it.
 */
export class Ranges {
  #source;
  #concurrency;
  #gap;
  #maxRequest;
  #calls = 0;
  /** @type {Set<Want>} those with something to do */
  #waiting = new Set();
  /** @type {Set<Flight>} */
  #flights = new Set();
  /** @type {Flight[] | undefined} requests for all that waits, the most urgent last; undefined: make a new plan */
  #plan;
  #scheduled = false;
  /** @type {Set<Call>} that are not done */
  #pending = new Set();
  /** @type {Map<AbortSignal, () => void>} listeners: one for each signal, however many calls have it */
  #listeners = new Map();
  /** @type {{ error: unknown } | undefined} */
  #closed;

  /**
   * @param {ByteSource} source
   * @param {object} [options]
   * @param {number} [options.concurrency] requests in flight; browsers open 6 connections to a server
   * @param {number} [options.gap] unwanted bytes that are fetched to save a request
   * @param {number} [options.maxRequest] longest request in bytes
   */
  constructor(source, { concurrency = 6, gap = 64 * 1024, maxRequest = 8 * 1024 * 1024 } = {}) {
    if (!isCount(concurrency) || concurrency < 1) throw wrong(`concurrency must be at least 1, not ${concurrency}`);
    if (!isCount(gap)) throw wrong(`gap must be a number of bytes, not ${gap}`);
    if (!isCount(maxRequest) || maxRequest < 1) throw wrong(`maxRequest must be at least 1 byte, not ${maxRequest}`);
    this.#source = source;
    this.#concurrency = concurrency;
    this.#gap = gap;
    this.#maxRequest = maxRequest;
  }

  /**
   * @param {Extent[]} extents
   * @param {{ signal?: AbortSignal }} [options]
   * @returns {Promise<Uint8Array[]>} the bytes of each extent, in order; every array has a buffer that is the
   *   caller's own. Rejects with the first error; then the rest of this call is dropped.
   */
  async read(extents, { signal } = {}) {
    signal?.throwIfAborted();
    if (this.#closed !== undefined) throw this.#closed.error;
    for (const { offset, length } of extents) {
      if (!isCount(offset) || !isCount(length)) throw wrong(`no such range: ${length} bytes at ${offset}`);
    }
    return new Promise((resolve, reject) => {
      /** @type {Call} */
      const call = { order: this.#calls++, wants: [], left: extents.length, signal, done: false, resolve, reject };
      this.#pending.add(call);
      this.#listen(signal);
      for (const extent of extents) this.#add(call, { ...extent });
      if (call.left === 0) this.#finish(call);
    });
  }

  /**
   * Gives up everything that is under way.
   *
   * @param {unknown} error what all calls reject with, later ones too
   */
  close(error) {
    this.#closed ??= { error };
    for (const call of [...this.#pending]) this.#fail(call, error);
  }

  /** @param {AbortSignal | undefined} signal */
  #listen(signal) {
    if (signal === undefined || this.#listeners.has(signal)) return;
    const onAbort = () => {
      for (const call of [...this.#pending]) if (call.signal === signal) this.#fail(call, signal.reason);
    };
    this.#listeners.set(signal, onAbort);
    signal.addEventListener('abort', onAbort);
  }

  /** @param {Call} call that is done */
  #leave(call) {
    call.done = true;
    this.#pending.delete(call);
    const { signal } = call;
    if (signal === undefined) return;
    for (const other of this.#pending) if (other.signal === signal) return;
    signal.removeEventListener('abort', this.#listeners.get(signal) ?? (() => {}));
    this.#listeners.delete(signal);
  }

  /**
   * @param {Call} call
   * @param {Extent} extent
   */
  #add(call, extent) {
    /** @type {Want} */
    const want = { call, extent, todo: [], left: extent.length, bytes: undefined };
    call.wants.push(want);
    if (extent.length === 0) {
      want.bytes = new Uint8Array(0);
      call.left--;
      return;
    }
    for (const flight of this.#flights) {
      const part = intersection(extent, flight.extent);
      if (part !== undefined) flight.parts.push({ want, extent: part });
    }
    want.todo = subtract([extent], this.#busy());
    if (want.todo.length === 0) return;
    this.#waiting.add(want);
    this.#plan = undefined;
    this.#schedule();
  }

  /** Sends requests a little later, so that all that is asked for in one go is planned together. */
  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      while (this.#flights.size < this.#concurrency && this.#waiting.size > 0) {
        this.#plan ??= this.#makePlan();
        const next = this.#plan.pop();
        if (next !== undefined) this.#launch(next);
      }
    });
  }

  /** @returns {Flight[]} */
  #makePlan() {
    const wants = [...this.#waiting];
    const requests = planRequests(
      wants.flatMap((want) => want.todo),
      { gap: this.#gap, maxRequest: this.#maxRequest, busy: this.#busy() },
    );
    const flights = requests.map((extent) => ({
      extent,
      parts: /** @type {Part[]} */ ([]),
      abort: new AbortController(),
      order: Infinity,
    }));
    for (const want of wants) {
      for (const todo of want.todo) {
        for (let i = firstEndingAfter(requests, todo.offset); i < flights.length; i++) {
          const flight = /** @type {typeof flights[number]} */ (flights[i]);
          const extent = intersection(todo, flight.extent);
          if (extent === undefined) break;
          flight.parts.push({ want, extent });
          flight.order = Math.min(flight.order, want.call.order);
        }
      }
    }
    return flights.sort((a, b) => b.order - a.order || b.extent.offset - a.extent.offset);
  }

  /** @param {Flight} flight */
  async #launch(flight) {
    this.#flights.add(flight);
    for (const { want, extent } of flight.parts) {
      want.todo = subtract(want.todo, [extent]);
      if (want.todo.length === 0) this.#waiting.delete(want);
    }
    const { offset, length } = flight.extent;
    try {
      const bytes = await this.#source.read(offset, length, { signal: flight.abort.signal });
      if (this.#flights.delete(flight)) this.#land(flight, bytes);
    } catch (error) {
      if (this.#flights.delete(flight)) for (const { want } of flight.parts) this.#fail(want.call, error);
    }
    this.#schedule();
  }

  /**
   * @param {Flight} flight
   * @param {Uint8Array} bytes
   */
  #land({ extent: whole, parts }, bytes) {
    for (const { want, extent } of parts) {
      if (parts.length === 1 && extent.length === whole.length && want.extent.length === whole.length) {
        want.bytes = bytes; // nobody else gets it: no need to copy
      } else {
        const start = extent.offset - whole.offset;
        want.bytes ??= new Uint8Array(want.extent.length);
        want.bytes.set(bytes.subarray(start, start + extent.length), extent.offset - want.extent.offset);
      }
      want.left -= extent.length;
      if (want.left === 0 && --want.call.left === 0) this.#finish(want.call);
    }
  }

  /** @param {Call} call */
  #finish(call) {
    this.#leave(call);
    call.resolve(call.wants.map((want) => /** @type {Uint8Array} */ (want.bytes)));
  }

  /**
   * @param {Call} call
   * @param {unknown} error
   */
  #fail(call, error) {
    if (call.done) return;
    this.#leave(call);
    call.reject(error);
    for (const want of call.wants) {
      if (this.#waiting.delete(want)) this.#plan = undefined;
    }
    for (const flight of this.#flights) {
      flight.parts = flight.parts.filter((part) => part.want.call !== call);
      if (flight.parts.length > 0) continue;
      this.#flights.delete(flight);
      flight.abort.abort(error);
    }
    this.#schedule();
  }

  /** @returns {Extent[]} */
  #busy() {
    return unite([...this.#flights].map((flight) => flight.extent));
  }
}

/** @param {string} message */
function wrong(message) {
  return new PackError('ERR_ARGUMENT', message);
}

/**
 * @param {Extent} a
 * @param {Extent} b
 * @returns {Extent | undefined}
 */
function intersection(a, b) {
  const offset = Math.max(a.offset, b.offset);
  const length = Math.min(a.offset + a.length, b.offset + b.length) - offset;
  return length > 0 ? { offset, length } : undefined;
}

/**
 * @param {Extent[]} sorted
 * @param {number} offset
 * @returns {number} index of the first extent that ends behind `offset`
 */
function firstEndingAfter(sorted, offset) {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const extent = /** @type {Extent} */ (sorted[middle]);
    if (extent.offset + extent.length > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}
