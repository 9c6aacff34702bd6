/**
 * Where the tests find the repository's packs.
 */

import { readFile, readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** The top folder of the repository. */
export const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

/** @param {string} file in the folder `tests` */
export function testFile(file) {
  return fileURLToPath(new URL(`../../../tests/${file}`, import.meta.url));
}

/** @param {string} file in the folder `tests` @returns {Promise<any>} */
export async function testJson(file) {
  return JSON.parse(await readFile(testFile(file), 'utf8'));
}

/** @returns {Promise<string[]>} names of the golden packs, without `.pack` */
export async function goldenNames() {
  return namesIn('golden');
}

/** @param {string} folder @returns {Promise<string[]>} */
export async function namesIn(folder) {
  const names = await readdir(testFile(folder));
  return names.filter((name) => name.endsWith('.pack')).map((name) => name.slice(0, -'.pack'.length));
}
