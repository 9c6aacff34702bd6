/** Modules of the viewer, for tests that need no browser. */

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { fileURLToPath } from 'node:url';
import { runnerImport } from 'vite';

/** @param {string} name below `src/lib/`, without its ending @returns {Promise<any>} */
export async function load(name) {
  const path = fileURLToPath(new URL(`../src/lib/${name}.ts`, import.meta.url));
  const { module } = await runnerImport(path, { configFile: false, logLevel: 'error', plugins: [svelte({ configFile: false })] });
  return module;
}
