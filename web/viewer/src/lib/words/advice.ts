/**
 * What to do when something fails, told from the code of the error. The error's own message says what and where.
 */

import { PackError, type Entry, type ErrorCode } from 'rangepack';
import { PartMissing } from '../page/parts.ts';

export interface Advice {
  title: string;
  /** What to do, a sentence or two. */
  todo: string;
  /** Lines for the configuration of a server. */
  headers?: string;
  /** The error in its own words. */
  detail: string;
  /** Of errors of the package; or ''. */
  code: ErrorCode | '';
  /** Whether trying again may help without changing anything. */
  retry: boolean;
}

const CORS = `Access-Control-Allow-Origin: *
Access-Control-Allow-Methods: GET, HEAD, OPTIONS
Access-Control-Allow-Headers: Range
Access-Control-Expose-Headers: Content-Range, ETag`;

type Plan = { title: string; todo: string; headers?: string; retry?: boolean };

const SERVER: Plan = {
  title: 'The server does not answer as it should',
  todo: 'Try again in a moment. If it stays so, look at the log of the server.',
  retry: true,
};

const PLANS: Partial<Record<ErrorCode, Plan>> = {
  ERR_NOT_FOUND: {
    title: 'There is nothing at this address',
    todo: 'Check the address for a mistake in writing, and whether the file has been moved.',
  },
  ERR_FORBIDDEN: {
    title: 'The server does not give this file to you',
    todo: 'Presigned addresses expire: ask for a new one. Otherwise the file must be readable without signing in.',
  },
  ERR_CORS: {
    title: 'The browser lets this page see nothing of that server',
    todo: 'Either the server cannot be reached, or it does not allow other sites to read its files. Whoever runs it sets these headers; or download the pack and open the file here.',
    headers: CORS,
    retry: true,
  },
  ERR_OFFLINE: { title: 'There is no network', todo: 'Connect, then try again.', retry: true },
  ERR_NETWORK: { title: 'The connection broke', todo: 'Check the network, then try again.', retry: true },
  ERR_TIMEOUT: { title: 'The server is silent', todo: 'Try again; the network or the server may be busy.', retry: true },
  ERR_RANGE_IGNORED: {
    title: 'This server cannot send parts of a file',
    todo: 'A pack is read by byte ranges. Put the file on a server that supports them (nearly every static host and object store does), or download it and open the file here.',
    headers: 'Accept-Ranges: bytes',
  },
  ERR_CONTENT_ENCODING: {
    title: 'The server compresses on the fly',
    todo: 'Turn compression off for this file; compressed ranges cannot be put together.',
    headers: 'Content-Encoding: identity\nCache-Control: no-transform',
  },
  ERR_NO_SIZE: {
    title: 'The server does not tell how long the file is',
    todo: 'Whoever runs the server exposes these headers to other sites.',
    headers: CORS,
  },
  ERR_CHANGED: { title: 'The pack has been replaced meanwhile', todo: 'Open it again to read the new one.', retry: true },
  ERR_TOO_MANY_REQUESTS: { title: 'The server asks for a pause', todo: 'Wait a minute, then try again.', retry: true },
  ERR_SERVER: SERVER,
  ERR_STATUS: SERVER,
  ERR_SHORT_BODY: SERVER,
  ERR_CONTENT_RANGE: SERVER,
  ERR_RANGE_NOT_SATISFIABLE: SERVER,
  ERR_NOT_A_PACK: {
    title: 'This file is not a pack',
    todo: 'Choose a file made by “rangepack pack”, a CTNRv1 container, an .fpack file, or a zip archive. Or the address leads to a web page that only talks about the pack.',
  },
  ERR_CORRUPT: {
    title: 'The pack is damaged',
    todo: 'Nothing doubtful is shown. Fetch the pack again; “rangepack verify” says what is wrong with it.',
  },
  ERR_WRONG_PACK: {
    title: 'This is another pack than the link names',
    todo: 'It was replaced since the link was made. Open it without its digest if that is what you want.',
  },
  ERR_UNSUPPORTED: { title: 'The pack is newer than this page', todo: 'Use a newer version of the viewer.' },
  ERR_LIMIT: { title: 'The pack is too large for this page', todo: 'Use the rangepack command.' },
  ERR_NO_ENTRY: { title: 'There is nothing at this path', todo: 'Go up to a directory that exists, or check the link.' },
  ERR_BAD_PATH: { title: 'No pack can hold this path', todo: 'Check the link.' },
  ERR_NO_VOLUME: {
    title: 'The contents lie in another file',
    todo: 'Choose or drop the pack together with its volumes.',
  },
  ERR_ARGUMENT: { title: 'This is no address of a pack', todo: 'An address begins with https:// or http://.' },
  ERR_IO: { title: 'The file cannot be read', todo: 'Choose it again.' },
};

/** Of an entry in a pack that is read otherwise. */
const NEWER: Plan = {
  title: 'This was made by a newer version',
  todo: 'The rest of the pack can be read. Use a newer version of the viewer for this one.',
};

const PART: Plan = {
  title: 'A part of this page did not come',
  todo: 'Check the network, then try again. If that does not help, reload the page.',
  retry: true,
};

/** Words for an entry that cannot be read here; undefined when it can be. */
export function adviceForEntry({ unreadable }: Entry): Advice | undefined {
  if (unreadable === undefined) return undefined;
  const { code, message } = unreadable;
  const plan = code === 'ERR_UNSUPPORTED' ? NEWER : PLANS[code];
  return { retry: false, ...(plan ?? NEWER), detail: `${message}.`, code };
}

/** Words for any error. */
export function adviceFor(error: unknown): Advice {
  const detail = error instanceof Error ? error.message : String(error);
  const code = error instanceof PackError ? error.code : '';
  const known = code === '' ? undefined : PLANS[code];
  const plan = (error instanceof PartMissing ? PART : known) ?? { title: 'This did not work', todo: 'Try again.', retry: true };
  return { retry: false, ...plan, detail, code };
}
