/**
 * Addresses for the files of open packs, where the browser has service workers: players and the viewer of documents get
 * what they ask for by ranges. The worker (`public/worker.js`) passes their requests on to this page, which has the pack.
 */

import type { Pack } from 'rangepack';
import { decodePath, respond } from 'rangepack/respond';
import { encodePath } from '../words/paths.ts';

interface Question {
  id: string;
  path: string;
  url: string;
  method: string;
  headers: [string, string][];
  /** What it is wanted for, which a request that is made anew cannot say. */
  destination: string;
}

/** How long a worker may take to begin, in milliseconds. */
const PATIENCE = 5_000;

class Addresses {
  /** Undefined until it is known. What is false then stays so: what is shown should not begin anew. */
  available: boolean | undefined = $state();
  /** What names each, which nobody else can guess. */
  #open: ReadonlyMap<Pack, string> = $state.raw(new Map());

  async start(): Promise<void> {
    this.available = await this.#begin().catch(() => false);
  }

  /** Whether the worker answers for this page. */
  async #begin(): Promise<boolean> {
    const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
    if (workers === undefined) return false;
    const script = new URL('./worker.js', document.baseURI).href;
    const isOurs = () => workers.controller?.scriptURL === script;
    workers.addEventListener('message', ({ data, ports: [port] }) => port && void this.#answer(data as Question, port));
    workers.startMessages();
    const began = new Promise<boolean>((resolve) => {
      workers.addEventListener('controllerchange', () => resolve(isOurs()));
      setTimeout(resolve, PATIENCE, false);
    });
    const { active } = await workers.register(script);
    if (isOurs()) return true;
    active?.postMessage('claim');
    return began;
  }

  /** Says that a pack is open from now on. */
  offer(pack: Pack): void {
    if (globalThis.isSecureContext) this.#open = new Map([...this.#open, [pack, crypto.randomUUID()]]);
  }

  /** Says that it is not any more. */
  withdraw(pack: Pack): void {
    this.#open = new Map([...this.#open].filter(([open]) => open !== pack));
  }

  /** The address of a file, as long as its pack is open here. */
  of(pack: Pack, path: string): string | undefined {
    const id = this.#open.get(pack);
    if (this.available !== true || id === undefined) return undefined;
    return new URL(`./@pack/${id}${encodePath(path)}`, document.baseURI).href;
  }

  async #answer({ id, path, url, method, headers, destination }: Question, port: MessagePort) {
    const pack = [...this.#open].find(([, open]) => open === id)?.[0];
    port.postMessage(pack !== undefined);
    if (pack === undefined) return;
    const abort = new AbortController();
    port.onmessage = () => abort.abort();
    // Contents of packs are foreign: documents are put into a sandbox by their headers, and scripts are refused.
    const request = new Request(url, { method, headers, signal: abort.signal });
    const response = await respond(pack, decodePath(path), request, { destination }).catch((error: unknown) => {
      if (abort.signal.aborted) return undefined;
      throw error;
    });
    if (response === undefined) return;
    const reader = response.body?.getReader();
    port.onmessage = ({ data }) => {
      if (data !== 'next' || reader === undefined) return abort.abort();
      reader.read().then(
        ({ done, value }) => {
          // A copy: what is transferred may be part of something larger.
          const piece = value?.slice();
          port.postMessage({ done, piece }, piece ? [piece.buffer] : []);
        },
        (error: unknown) => port.postMessage({ failed: String(error) }),
      );
    };
    port.postMessage({ status: response.status, headers: [...response.headers], hasBody: reader !== undefined });
  }
}

export const addresses = new Addresses();
