/// <reference path="./globals.d.ts" />
import type { Pack, PackError } from './index.d.ts';

/**
 * Answers a request of Fetch with a file of a pack, as a good static host would: in service workers, in Node, Deno and
 * the like.
 *
 * ```js
 * import { decodePath, respond } from 'rangepack/respond';
 * const { pathname } = new URL(request.url);
 * return respond(pack, decodePath(pathname.slice('/photos/'.length)), request);
 * ```
 *
 * - `path`: relative to the pack's root, names as the pack has them. A directory answers with its `index.html`, and
 *   without a slash at its end with a redirection to itself with one.
 * - GET and HEAD (all else: 405); one `Range` (206, 416; several at once: the whole file) and `If-Range`; `ETag` from the
 *   SHA-256 of the content, `Last-Modified`, `If-None-Match` and `If-Modified-Since` (304).
 * - 403: a script, a worker or the like is wanted, and contents are not `trusted`.
 * - 404: there is nothing at that path. 502, 503, 504: the pack cannot be read, with the code of the error as text.
 * - The body is a stream that is verified as it comes (see `PackFile`); cancelling it, or aborting the request, ends the
 *   fetching. What fails after the first piece breaks the body off.
 *
 * Rejects only with the reason of the request's signal, when that is aborted.
 */
export function respond(pack: Pack | PromiseLike<Pack>, path: string, request: Request, options?: RespondOptions): Promise<Response>;

export interface RespondOptions {
  /**
   * Whether the contents are the owner's own (false). If not, documents that can run scripts (HTML, SVG, XML) come with
   * `Content-Security-Policy: sandbox …`: their scripts run in an origin of their own, and see nothing of yours.
   * And what would run in the page that asks (scripts, workers, worklets, XSLT) is refused: a page of the pack has only the
   * scripts that stand in it.
   */
  trusted?: boolean | undefined;
  /**
   * What the file is wanted for: `Request.destination` of the browser's own request, where `request` was made anew of it, as
   * scripts cannot set that. Else it is taken from `request`, or from its header `Sec-Fetch-Dest`.
   */
  destination?: string | undefined;
  /** Told of what is wrong with the pack, for logs; also of what breaks a body off. */
  onError?: ((error: PackError) => void) | undefined;
}

/**
 * The path that part of an address stands for: `cats/1%202.jpg` is `cats/1 2.jpg`. Bytes that are no UTF-8 (`%FF`) become
 * lone surrogates, as in the names of a pack. Anything is taken.
 */
export function decodePath(pathname: string): string;
