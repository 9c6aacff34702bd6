/**
 * The native command `rangepack`: the one that makes packs.
 */

import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What makes it. This is the only place that knows. */
const BUILD = ['build', '--release', '--locked', '--bin', 'rangepack', '--message-format', 'json-render-diagnostics'];

/**
 * It is never looked for in the path: under npm the command of the same name that the package brings comes first there,
 * and that one only reads.
 *
 * @param {string} [named] its path; without it that in RANGEPACK, or else what cargo builds of this repository
 * @returns {string} an absolute path
 */
export function nativeCommand(named = process.env.RANGEPACK) {
  // npm starts scripts in the folder of their package, whatever the one was that it was started in.
  if (named !== undefined) return resolve(process.env.INIT_CWD ?? '.', named);
  const said = execFileSync(process.env.CARGO ?? 'cargo', BUILD, {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    encoding: 'utf8',
    maxBuffer: 2 ** 30,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for (const line of said.split('\n')) {
    const { reason, executable } = line.startsWith('{') ? JSON.parse(line) : {};
    if (reason === 'compiler-artifact' && typeof executable === 'string') return executable;
  }
  throw new Error('cargo has built no command');
}
