/**
 * Runs tasks in a module worker.
 */

import { tasks } from './browser-tasks.js';

globalThis.onmessage = async (/** @type {MessageEvent} */ { data: { name, argument } }) => {
  try {
    const task = /** @type {(argument: unknown) => Promise<unknown>} */ (Reflect.get(tasks, name));
    globalThis.postMessage({ result: await task(argument) });
  } catch (error) {
    globalThis.postMessage({ error: error instanceof Error ? `${error.message}\n${error.stack}` : String(error) });
  }
};
