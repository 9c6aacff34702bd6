/// <reference path="./globals.d.ts" />
/**
 * Shows a pack as a site, by a service worker: everything beneath its scope comes from the pack from now on, reloads
 * and links into its depth too. The worker is a script of your own that imports `rangepack/service-worker`.
 *
 * Resolves with the address of the site when the worker is ready. Rejects where there are no service workers
 * (pages without https, private windows), and when the worker cannot start.
 */
export function mount(pack: string | URL, options?: MountOptions): Promise<string>;

/** Addresses are relative to the page's base, as that of the pack is. */
export interface MountOptions {
  /** The script (`./sw.js`). Its scope cannot lie above it. */
  worker?: string | URL | undefined;
  /** What is shown from the pack: everything that begins with this address (`./`). It ends with a slash. */
  scope?: string | URL | undefined;
  /** Only the pack whose root page has this SHA-256 is shown. */
  root?: string | undefined;
}
