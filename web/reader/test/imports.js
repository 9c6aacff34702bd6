/** What the modules of a folder import: which way the arrows point. */

import { readFile, readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

/** `import … from '…'`, `export … from '…'`, `import '…'`, `import('…')`; types in comments (`@import … from '…'`) as well. */
const IMPORT = /(?:\bfrom\s*|\bimport\s*\(?\s*)'([^']+)'/g;

/**
 * @param {string} folder
 * @returns {Promise<Map<string, string[]>>} by path in the folder: what each module imports, as paths relative to the
 *   folder (those outside begin with `..`), and packages by their names
 */
export async function importsOf(folder) {
  /** @type {Map<string, string[]>} */
  const found = new Map();
  const names = await readdir(folder, { recursive: true });
  for (const name of names.filter((name) => /\.(js|ts|svelte)$/.test(name)).sort()) {
    const text = await readFile(join(folder, name), 'utf8');
    const imports = [...text.matchAll(IMPORT)].map(([, target = '']) =>
      target.startsWith('.') ? relative(folder, resolve(folder, dirname(name), target)) : target,
    );
    found.set(name, imports);
  }
  return found;
}

/**
 * @param {Map<string, string[]>} imports
 * @returns {string[]} one way round a circle; empty where there is none
 */
export function circle(imports) {
  /** @type {Set<string>} */
  const done = new Set();
  /** @param {string} module @param {string[]} path @returns {string[]} */
  function from(module, path) {
    if (path.includes(module)) return [...path.slice(path.indexOf(module)), module];
    if (done.has(module)) return [];
    for (const next of imports.get(module) ?? []) {
      const found = from(next, [...path, module]);
      if (found.length > 0) return found;
    }
    done.add(module);
    return [];
  }
  for (const module of imports.keys()) {
    const found = from(module, []);
    if (found.length > 0) return found;
  }
  return [];
}
