/**
 * Registers a service worker that shows a pack as a site (`service-worker.js`). Needs nothing else of the package.
 */

import { ARGUMENTS, checkArgument, checkOptions } from './options.js';

/** @import { MountOptions } from '../types/mount.d.ts' */

/**
 * @param {string | URL} pack
 * @param {MountOptions} [options]
 * @returns {Promise<string>}
 */
export async function mount(pack, options = {}) {
  checkOptions(options, ['worker', 'scope', 'root']);
  checkArgument('the pack', pack, ARGUMENTS.address);
  const { worker = './sw.js', scope = './', root } = options;
  const workers = globalThis.navigator?.serviceWorker;
  if (workers === undefined) {
    throw new Error('this browser gives the page no service workers: it takes https (or localhost), and no private window');
  }
  const base = document.baseURI;
  const script = new URL(worker, base);
  script.searchParams.set('pack', new URL(pack, base).href);
  if (root !== undefined) script.searchParams.set('root', root);
  const registration = await workers.register(script, { type: 'module', scope: new URL(scope, base).href });
  await activated(registration.installing ?? registration.waiting ?? registration.active);
  return registration.scope;
}

/**
 * @param {ServiceWorker | null} worker
 * @returns {Promise<void>}
 */
function activated(worker) {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (worker?.state === 'activated') resolve();
      else if (worker === null || worker.state === 'redundant') reject(new Error('the service worker could not start'));
    };
    worker?.addEventListener('statechange', look);
    look();
  });
}
