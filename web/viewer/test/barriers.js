/** What axe finds in a page. */

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** @import { Page } from 'playwright-core' */

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What a person with a screen reader, or weak eyes, could not use. @param {Page} page */
export async function barriers(page) {
  // The policy of the page forbids scripts in it; the browser's own evaluation is not bound by it.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() =>
    /** @type {any} */ (globalThis).axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] }),
  );
  return violations
    .filter((/** @type {{ impact: string }} */ { impact }) => impact === 'serious' || impact === 'critical')
    .map((/** @type {any} */ { id, nodes }) => `${id}: ${nodes.map((/** @type {any} */ node) => node.html).join(' ').slice(0, 300)}`);
}
