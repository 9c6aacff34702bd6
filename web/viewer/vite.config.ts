import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

export default defineConfig({
  // Relative paths: the site works from any folder of any host.
  base: './',
  plugins: [svelte()],
  build: {
    target: 'es2022',
    // No data: addresses for scripts and modules; the page's policy would refuse them.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  // Workers are modules, which find what belongs to them beside themselves.
  worker: { format: 'es' },
  // Its modules find the WebAssembly files beside themselves.
  optimizeDeps: { exclude: ['rangepack'] },
});
