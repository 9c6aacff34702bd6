/** Long work in steps, between which the page can breathe. */

/** So many things are looked at between two pauses. */
const STEP = 2000;

/** Whatever waits for its turn gets it: frames, keys, clicks. */
export const pause = (): Promise<void> => new Promise((done) => setTimeout(done));

/**
 * Looks at everything that comes, until `look` says that it is enough. `onPause` is called before each pause, to show what
 * was found so far. Rejects with the reason of the signal when that is aborted meanwhile.
 */
export async function inSteps<T>(
  items: AsyncIterable<T>,
  signal: AbortSignal,
  look: (item: T) => 'enough' | void,
  onPause: () => void,
): Promise<void> {
  let seen = 0;
  for await (const item of items) {
    if (look(item) === 'enough') return;
    if (++seen % STEP !== 0) continue;
    onPause();
    await pause();
    signal.throwIfAborted();
  }
}
