#!/usr/bin/env node
/**
 * The command `rangepack` of the package: `ls`, `cat` and `info` for packs on disk and on servers.
 */

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { cat, info, ls, notes } from './cli/commands.js';
import { exitOf, hintOf } from './cli/exit.js';
import { count, parseSize, printable, size } from './cli/format.js';
import { Output, OutputError, complain, note } from './cli/output.js';
import { folderCache, openPack } from './index.js';

/** @import { FetchInit, Pack } from '../../types/index.d.ts' */

const HELP = `Reads packs on disk and on servers, by byte ranges

Usage: rangepack <COMMAND> [OPTIONS] <PACK-OR-URL> [PATH]...

Commands:
  ls    List what is in a pack
  cat   Print files from a pack
  info  Say what a pack is and how much is in it

\`rangepack COMMAND --help\` shows options and examples. Packs are made by the native command of the same name:
https://github.com/rangepack/rangepack

Exit codes:
  0  everything is fine
  1  the pack is damaged, or lacks what was asked for
  2  wrong usage, or the network or the system refused something
`;

const SHARED_HELP = `\
      --index <FILE>        Index (.idx) of an old container that lies in a file of its own; a path or address
      --root <DIGEST>       Accept only the pack with this root digest, 64 hexadecimal digits as \`info\` shows them
      --header <'K: V'>     Send this header with every request (repeatable)
      --cache <DIR>         Keep pages and contents in this folder for the next time
  -v, --verbose             Print requests and bytes to standard error
  -q, --quiet               Print no warnings
  -h, --help                Print help
  -V, --version             Print version
`;

const LS_HELP = `List what is in a pack

Usage: rangepack ls [OPTIONS] <PACK-OR-URL> [PATH]...

Arguments:
  <PACK-OR-URL>  The pack, CTNRv1 container or .fpack file: a path, or an address that begins with http(s):
  [PATH]...      Files and directories inside the pack [default: its root]

Options:
  -r, -R, --recursive       List everything below, too
  -l, --long                Print mode, size, stored size, time and name; for directories, the totals of all they hold
  -b, --bytes               Print sizes as exact numbers of bytes
  -d, --directories-only    List directories only
  -f, --files-only          List files and links only
      --json                Print one JSON object a line
  -0, --null                End names with a NUL byte instead of a line break
${SHARED_HELP}
Examples:
  rangepack ls -l https://example.org/photos.pack cats
  rangepack ls -R -f -0 logs.pack | xargs -0 rangepack cat logs.pack | grep error
  rangepack ls -R --json photos.pack | jq -r 'select(.size > 1e6) | .path'

With -l a + behind the mode means extended attributes. On a terminal, control characters in names are spelt out.
`;

const CAT_HELP = `Print files from a pack

Usage: rangepack cat [OPTIONS] <PACK-OR-URL> <PATH>...

Options:
      --offset <BYTES>      Begin at this byte of each file: 4096, 4k
      --length <BYTES>      Print at most so many bytes of each file
${SHARED_HELP}
Examples:
  rangepack cat https://example.org/photos.pack cats/1.jpg > 1.jpg
  rangepack cat data.pack table.bin --offset 1M --length 4k | xxd

Bytes are compared with their SHA-256 before they are printed. (Of files over 8 MiB in old containers, which have no
digests of their parts, afterwards: the exit code tells.)
`;

const INFO_HELP = `Say what a pack is and how much is in it

Usage: rangepack info [OPTIONS] <PACK-OR-URL>

Options:
      --json                Print one JSON object
${SHARED_HELP}
Examples:
  rangepack info https://example.org/photos.pack
  rangepack info --json photos.pack | jq -r .root
`;

/** @typedef {NonNullable<import('node:util').ParseArgsConfig['options']>} Options */

/** @type {Options} */
const SHARED = {
  index: { type: 'string' },
  root: { type: 'string' },
  header: { type: 'string', multiple: true },
  cache: { type: 'string' },
  verbose: { type: 'boolean', short: 'v' },
  quiet: { type: 'boolean', short: 'q' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'V' },
};

/**
 * What the command line may say, of all commands.
 *
 * @typedef {object} Flags
 * @property {string} [index]
 * @property {string} [root]
 * @property {string[]} [header]
 * @property {string} [cache]
 * @property {boolean} [verbose]
 * @property {boolean} [quiet]
 * @property {boolean} [help]
 * @property {boolean} [version]
 * @property {boolean} [recursive]
 * @property {boolean} [r] the same
 * @property {boolean} [long]
 * @property {boolean} [bytes]
 * @property {boolean} [directories-only]
 * @property {boolean} [files-only]
 * @property {boolean} [json]
 * @property {boolean} [null]
 * @property {string} [offset]
 * @property {string} [length]
 */

/**
 * @typedef {object} Command
 * @property {string} help
 * @property {Options} options
 * @property {[number, number]} paths fewest and most
 * @property {(flags: Flags) => void} [check] what does not go together
 * @property {(pack: Pack, name: string, paths: string[], flags: Flags, out: Output) => Promise<number>} run
 */

/** @type {{ [name: string]: Command }} */
const COMMANDS = {
  ls: {
    help: LS_HELP,
    options: {
      recursive: { type: 'boolean', short: 'R' },
      r: { type: 'boolean', short: 'r' },
      long: { type: 'boolean', short: 'l' },
      bytes: { type: 'boolean', short: 'b' },
      'directories-only': { type: 'boolean', short: 'd' },
      'files-only': { type: 'boolean', short: 'f' },
      json: { type: 'boolean' },
      null: { type: 'boolean', short: '0' },
    },
    paths: [0, Infinity],
    check(flags) {
      refuseTogether(flags, [['long', 'json'], ['null', 'json'], ['directories-only', 'files-only']]);
      if (flags.bytes && !flags.long) throw new UsageError('--bytes goes with --long');
    },
    run(pack, name, paths, flags, out) {
      warn(pack, name, flags);
      if (flags.null) out.escape = false;
      return ls(pack, paths, { ...flags, recursive: flags.recursive ?? flags.r }, out);
    },
  },
  cat: {
    help: CAT_HELP,
    options: { offset: { type: 'string' }, length: { type: 'string' } },
    paths: [1, Infinity],
    run(pack, name, paths, { offset, length, quiet }, out) {
      warn(pack, name, { quiet });
      return cat(pack, paths, { offset: bytesOf('offset', offset), length: bytesOf('length', length) }, out);
    },
  },
  info: {
    help: INFO_HELP,
    options: { json: { type: 'boolean' } },
    paths: [0, 0],
    run: (pack, name, _, flags, out) => info(pack, name, flags, out),
  },
};

/** The arguments do not go together. */
class UsageError extends Error {}

/** @param {Flags} flags @param {(keyof Flags)[][]} pairs */
function refuseTogether(flags, pairs) {
  for (const pair of pairs) {
    const names = pair.map((name) => `--${name}`).join(' and ');
    if (pair.every((name) => flags[name])) throw new UsageError(`${names} do not go together`);
  }
}

/** @param {Pack} pack @param {string} name @param {Flags} flags */
function warn(pack, name, { quiet }) {
  if (quiet) return;
  for (const text of notes(pack.info)) note(`warning: ${printable(name)}: ${text}`);
}

/** @param {string} option @param {string | undefined} text */
function bytesOf(option, text) {
  if (text === undefined) return undefined;
  const bytes = parseSize(text);
  if (bytes === undefined) throw new UsageError(`--${option} is a number of bytes, like 4096, 4k or 1M, not ${text}`);
  return bytes;
}

/** @param {string[]} lines */
function headersOf(lines) {
  const headers = new Headers();
  for (const line of lines) {
    const [, name, value] = /^([^:\s]+):\s*(.*)$/.exec(line) ?? [];
    try {
      headers.append(name ?? '', value ?? '');
    } catch {
      // The line may hold a secret.
      throw new UsageError("a header has the form 'Name: value'");
    }
  }
  return headers;
}

/**
 * Tells of every request.
 *
 * @param {string} address
 * @param {FetchInit} init
 */
async function verboseFetch(address, init) {
  const began = performance.now();
  const answer = await fetch(address, init);
  const range = init.headers.get('Range');
  const milliseconds = Math.round(performance.now() - began);
  note(`${init.method} ${range ?? ''} → ${answer.status}, ${milliseconds} ms`);
  return answer;
}

/**
 * @param {string[]} args
 * @param {Options} options
 * @returns {{ flags: Flags, positionals: string[] }}
 */
function parse(args, options) {
  try {
    const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
    return { flags: values, positionals };
  } catch (error) {
    throw new UsageError(/** @type {Error} */ (error).message);
  }
}

/** @param {string[]} given */
async function run(given) {
  const [name = '', ...rest] = given;
  const out = new Output();
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const { options, help } = command ?? { options: {}, help: HELP };
  const { flags, positionals } = parse(command === undefined ? given : rest, { ...SHARED, ...options });
  if (flags.version || flags.help) {
    await out.write(flags.version ? `rangepack ${await version()}\n` : help);
    await out.flush();
    return 0;
  }
  if (command === undefined) throw new UsageError(name === '' ? 'which command?' : `there is no command ${name} here`);
  const [input, ...paths] = positionals;
  const { root, cache, index, verbose, header } = flags;
  if (input === undefined) throw new UsageError('which pack?');
  if (paths.length < command.paths[0]) throw new UsageError('which file?');
  if (paths.length > command.paths[1]) throw new UsageError(`${name} takes no paths`);
  command.check?.(flags);
  if (root !== undefined && !/^[0-9a-f]{64}$/i.test(root)) throw new UsageError('a digest has 64 hexadecimal digits');
  const pack = await openPack(input, {
    root: root?.toLowerCase(),
    index,
    headers: headersOf(header ?? []),
    cache: cache === undefined ? undefined : folderCache(cache),
    fetch: verbose ? verboseFetch : undefined,
  });
  try {
    const exit = await command.run(pack, input, paths, flags, out);
    await out.flush();
    return exit;
  } finally {
    if (verbose) {
      const { requests, bytes } = pack.metrics;
      note(`${count(requests, 'request')}, ${size(bytes)}`);
    }
    pack.close();
  }
}

async function version() {
  return JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')).version;
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  if (error instanceof OutputError && error.isClosedPipe) {
    process.exitCode = 0;
  } else {
    const hint = error instanceof UsageError ? '`rangepack --help` shows how it is used' : hintOf(error);
    complain(error instanceof Error ? error.message : String(error), hint);
    process.exitCode = exitOf(error);
  }
}
