/**
 * Waiting that can be aborted.
 */

/**
 * Waits for a promise, but no longer than until the signal is aborted. The promise itself goes on.
 *
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>} rejects with the reason of the signal when that comes first
 */
export function abortable(promise, signal) {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} [signal]
 * @returns {Promise<void>} rejects with the reason of the signal when that is aborted meanwhile
 */
export async function sleep(milliseconds, signal) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  try {
    await abortable(new Promise((resolve) => (timer = setTimeout(resolve, milliseconds))), signal);
  } finally {
    clearTimeout(timer);
  }
}

/** An abort signal of one's own that follows another one and also fires when a wait takes too long. */
export class Watch {
  #controller = new AbortController();
  #timeout;
  #onTimeout;
  /** How long the waits took since `looked`, in milliseconds, and how many bytes they brought. */
  #waited = 0;
  #came = 0;
  /** @type {() => void} */
  #unfollow = () => {};

  /**
   * @param {AbortSignal | undefined} signal the one to follow
   * @param {number} timeout milliseconds for each wait; 0 or Infinity: no limit
   * @param {() => unknown} onTimeout makes the reason when a wait takes too long
   */
  constructor(signal, timeout, onTimeout) {
    this.#timeout = timeout;
    this.#onTimeout = onTimeout;
    if (signal === undefined) return;
    const follow = () => this.#controller.abort(signal.reason);
    if (signal.aborted) follow();
    signal.addEventListener('abort', follow, { once: true });
    this.#unfollow = () => signal.removeEventListener('abort', follow);
  }

  /** @returns {AbortSignal} */
  get signal() {
    return this.#controller.signal;
  }

  /**
   * One wait. The clock runs only here: a consumer may take its time between two of them.
   *
   * @template T
   * @param {Promise<T>} promise
   * @returns {Promise<T>}
   */
  async wait(promise) {
    const begun = performance.now();
    const limited = this.#timeout > 0 && this.#timeout < 2 ** 31;
    const timer = limited ? setTimeout(() => this.#controller.abort(this.#onTimeout()), this.#timeout) : undefined;
    try {
      return await abortable(promise, this.signal);
    } finally {
      clearTimeout(timer);
      this.#waited += performance.now() - begun;
    }
  }

  /**
   * Takes note of bytes that a wait brought. Whether they are enough is looked at whenever the waits took as long together as one of
   * them may take.
   *
   * @param {number} bytes
   * @param {number} leastSpeed bytes a second
   * @returns {boolean} whether they come fast enough
   */
  took(bytes, leastSpeed) {
    this.#came += bytes;
    if (!(this.#timeout > 0) || this.#waited < this.#timeout) return true;
    const enough = this.#came >= (leastSpeed * this.#waited) / 1000;
    [this.#waited, this.#came] = [0, 0];
    return enough;
  }

  /** Aborts whatever still hangs on the signal, and stops following. */
  end() {
    this.#unfollow();
    this.#controller.abort();
  }
}
