import { readFileSync } from 'node:fs';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';

/** A package of npm's, as the beginning of a module's path. */
const PACKAGE = /^.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/;

/** The licences of what workers bundle, which Vite's own list leaves out. */
function licencesOfWorkers(): Plugin {
  return {
    name: 'licences-of-workers',
    generateBundle(_, bundle) {
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== 'chunk' || !chunk.isEntry) continue;
        const texts = new Map<string, string>();
        for (const match of chunk.moduleIds.map((id) => PACKAGE.exec(id))) {
          if (match !== null) texts.set(match[1] ?? '', readFileSync(`${match[0]}/LICENSE`, 'utf8'));
        }
        if (texts.size === 0) continue;
        const source = [...texts].sort().map(([name, text]) => `## ${name}\n\n${text.trim()}\n`);
        this.emitFile({ type: 'asset', fileName: `licences-${chunk.name}.md`, source: source.join('\n') });
      }
    },
  };
}

/** The licences of what is compiled into the WebAssembly of the npm package. */
function licencesOfModules(): Plugin {
  return {
    name: 'licences-of-modules',
    generateBundle() {
      const source = readFileSync(new URL('../reader/wasm/THIRD-PARTY-LICENCES.txt', import.meta.url), 'utf8');
      this.emitFile({ type: 'asset', fileName: 'licences-webassembly.txt', source });
    },
  };
}

export default defineConfig({
  // Relative paths: the site works from any folder of any host.
  base: './',
  plugins: [svelte(), licencesOfModules()],
  build: {
    target: 'es2022',
    // No data: addresses for scripts and modules; the page's policy would refuse them.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What others wrote is passed on with its licences.
    license: { fileName: 'licences.md' },
  },
  // Workers are modules, which find what belongs to them beside themselves.
  worker: { format: 'es', plugins: () => [licencesOfWorkers()] },
  // Its modules find the WebAssembly files beside themselves.
  optimizeDeps: { exclude: ['rangepack'] },
});
