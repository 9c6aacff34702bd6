/** What axe finds in a page. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** @import { Page } from 'playwright-core' */

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const ALL = ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'];
/** The rules that look at colours; the others find the same in both themes. */
const OF_COLOURS = ['color-contrast', 'link-in-text-block'];

/** What a person with a screen reader, or weak eyes, could not use: in light colours, then in dark ones. @param {Page} page */
export async function barriers(page) {
  await page.emulateMedia({ colorScheme: 'light' });
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'light');
  // The policy of the page forbids scripts in it; the browser's own evaluation is not bound by it.
  await page.evaluate(axe);
  const light = await violations(page, ALL);
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark');
  return [...light, ...(await violations(page, OF_COLOURS))];
}

/** @param {Page} page @param {string[]} runOnly @returns {Promise<string[]>} */
async function violations(page, runOnly) {
  const { violations } = await page.evaluate((runOnly) => /** @type {any} */ (globalThis).axe.run(document, { runOnly, resultTypes: ['violations'] }), runOnly);
  return violations
    .filter((/** @type {{ impact: string }} */ { impact }) => impact === 'serious' || impact === 'critical')
    .map((/** @type {any} */ { id, nodes }) => `${id}: ${nodes.map((/** @type {any} */ node) => node.html).join(' ').slice(0, 300)}`);
}
