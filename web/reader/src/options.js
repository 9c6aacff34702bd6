/**
 * Options that callers give. One that nobody knows is a mistake, and its neighbours may be as well.
 */

import { PackError } from './errors.js';

/** Of calls that take nothing else. @type {readonly string[]} */
export const READ = ['signal'];

/**
 * @param {object | undefined} options
 * @param {readonly string[]} known
 */
export function checkOptions(options, known) {
  for (const name in options) {
    if (known.includes(name)) continue;
    throw new PackError('ERR_ARGUMENT', `there is no option \`${name}\` here; there are ${known.join(', ')}`);
  }
}
