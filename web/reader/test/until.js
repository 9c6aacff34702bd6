/**
 * Waiting: never for a time, always for a state. How long that takes is up to the machine and what else it does.
 */

import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds after which a test says what it waits for in vain. It turns a hang into a message; nothing is measured. (`PATIENCE` is for who looks for a mistake.) */
export const PATIENCE = Number(process.env.PATIENCE ?? 300_000);

/**
 * Waits until something holds.
 *
 * @param {() => unknown} holds may be asynchronous
 * @param {string} what is waited for
 */
export async function until(holds, what) {
  const deadline = Date.now() + PATIENCE;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await pause(2);
  }
}

/**
 * Timers of one length do not run by themselves any more: they fire when the test says so. All others run.
 *
 * @param {import('node:test').TestContext} t
 * @param {number} length milliseconds; best one that nobody else uses
 */
export function heldTimers(t, length) {
  const { setTimeout: set, clearTimeout: clear } = globalThis;
  /** @type {Map<object, () => void>} */
  const held = new Map();
  t.mock.method(globalThis, 'setTimeout', (/** @type {any} */ work, /** @type {number} */ time, /** @type {any[]} */ ...rest) => {
    if (time !== length) return set(work, time, ...rest);
    const timer = {};
    held.set(timer, work);
    return timer;
  });
  t.mock.method(globalThis, 'clearTimeout', (/** @type {any} */ timer) => {
    if (!held.delete(timer)) clear(timer);
  });
  return {
    /** How many there are. */
    get count() {
      return held.size;
    },
    /** The time has come. */
    fire() {
      const due = [...held.values()];
      held.clear();
      for (const work of due) work();
    },
  };
}
