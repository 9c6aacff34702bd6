#!/usr/bin/env node
/**
 * The command `rangepack` of the package: `ls`, `cat` and `info` for packs on disk and on servers.
 */

import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { cat, info, ls, notes } from './cli/commands.js';
import { exitOf, hintOf, wordsOf } from './cli/exit.js';
import { count, parseSize, printable, size } from './cli/format.js';
import { CAT_HELP, HELP, INFO_HELP, LS_HELP } from './cli/help.js';
import { Output, OutputError, complain, note } from './cli/output.js';
import { PackError, folderCache, openPack } from './index.js';

/** @import { FetchInit, OpenOptions, Pack } from '../../types/index.d.ts' */

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
    const { values, positionals } = parseArgs({ args: joined(args, options), options, allowPositionals: true });
    return { flags: values, positionals };
  } catch (error) {
    throw new UsageError(/** @type {Error} */ (error).message);
  }
}

/**
 * A negative number behind an option is what it is given, and no option: which then says what is wrong with it.
 *
 * @param {string[]} args
 * @param {Options} options
 */
function joined(args, options) {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  return args.flatMap((arg, at) => {
    /** @param {number} at */
    const takesNext = (at) => options[(args[at] ?? '').replace(/^--/, '')]?.type === 'string' && /^-\d/.test(args[at + 1] ?? '') && at + 1 < end;
    if (takesNext(at)) return `${arg}=${args[at + 1]}`;
    return takesNext(at - 1) ? [] : arg;
  });
}

/**
 * An old container may have its index beside it.
 *
 * @param {string} input
 * @param {OpenOptions} options
 */
async function opened(input, options) {
  try {
    return await openPack(input, options);
  } catch (error) {
    if (!(error instanceof PackError) || error.code !== 'ERR_NOT_A_PACK' || options.index !== undefined) throw error;
    const isAddress = /^https?:/i.test(input);
    const index = isAddress ? new URL(input) : `${input}.idx`;
    if (index instanceof URL) index.pathname += '.idx';
    return openPack(input, { ...options, index }).catch((failure) => {
      // Servers answer names that they do not have with anything.
      throw isAddress || failure.code === 'ERR_NOT_FOUND' ? error : failure;
    });
  }
}

/** @param {string[]} args */
async function run(args) {
  const given = args[0] === 'help' ? [...args.slice(1), '--help'] : args;
  const [name = '', ...rest] = given;
  const out = new Output();
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const { options, help } = command ?? { options: {}, help: HELP };
  const { flags, positionals } = parse(command === undefined ? given : rest, { ...SHARED, ...options });
  const isUnknown = command === undefined && positionals[0] !== undefined;
  if ((flags.version || flags.help) && !isUnknown) {
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
  const pack = await opened(input, {
    root,
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
    complain(wordsOf(error), hint);
    process.exitCode = exitOf(error);
  }
}
