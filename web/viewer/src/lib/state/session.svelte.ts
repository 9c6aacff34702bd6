/**
 * What is open: a pack, and a path in it. The address of the page says both (`?pack=URL#/path`), so that back, forward
 * and links work; everything else follows from it.
 */

import { cacheStorageCache, openPack, type Entry, type OpenOptions, type Pack } from 'rangepack';
import { Directories } from '../pack/directory.svelte.ts';
import { Tree } from '../pack/tree.svelte.ts';
import { adviceFor, type Advice } from '../words/advice.ts';
import { decodePath, encodePath, nameOf } from '../words/paths.ts';
import { addresses } from './addresses.svelte.ts';
import { recentPacks, remember, forget } from './recent.ts';

export interface Opened {
  pack: Pack;
  /** The address it was opened by; undefined for a file of the user. */
  url: string | undefined;
  /** The address of the index beside it, where one was given. */
  index: string | undefined;
  name: string;
  directories: Directories;
  tree: Tree;
}

/** What the address of the page asks for. */
interface Wanted {
  url: string | null;
  /** The index beside an old container. */
  index: string | undefined;
  root: string | undefined;
  path: string;
}

export type Shown = { entry: Entry } | { failed: Advice } | undefined;

export class Session {
  opened: Opened | undefined = $state.raw();
  /** While a pack is being opened: what is read, and how far an old container's index has come (0 to 1). */
  opening: { name: string; progress: number | undefined } | undefined = $state.raw();
  failed: Advice | undefined = $state.raw();
  recent = $state.raw(recentPacks());
  path = $state('');
  /** What lies at `path`; undefined while that is being looked up. */
  shown: Shown = $state.raw();
  /** What was shown before `path`. */
  #before = '';
  /** Counts what was navigated to, for those who must follow. */
  visits = $state(0);
  #abort = new AbortController();
  #lookup = new AbortController();
  /** The files last chosen, and the name in the address that stands for them. */
  #files: { name: string; files: File[] } | undefined;
  #source: string | undefined;

  /** Follows the address from now on. */
  start(): void {
    addEventListener('popstate', () => void this.follow());
    addEventListener('hashchange', () => void this.follow());
    void this.follow();
  }

  #wanted(): Wanted {
    const query = new URLSearchParams(location.search);
    return { url: query.get('pack'), index: query.get('index') ?? undefined, root: query.get('root') ?? undefined, path: decodePath(location.hash) };
  }

  /** Makes what is shown agree with the address. */
  async follow(): Promise<void> {
    const { url, index, root, path } = this.#wanted();
    const file = new URLSearchParams(location.search).get('file');
    const source = url !== null ? `url ${url} ${index ?? ''} ${root ?? ''}` : file !== null ? `file ${file}` : undefined;
    if (source !== this.#source) {
      this.#leave();
      this.#source = source;
      if (url !== null) return this.#open(url, { root, index: index && resolved(index) });
      if (file !== null && this.#files?.name === file) return this.#openFiles();
      return;
    }
    if (this.opened !== undefined && path !== this.path) await this.#show(path);
  }

  #leave() {
    this.#abort.abort();
    this.opened?.pack.close();
    addresses.offer(undefined);
    this.opened = this.opening = this.failed = this.shown = undefined;
    this.path = this.#before = '';
    document.title = 'Rangepack';
  }

  /** Opens a pack by its address, as a new step in the history. */
  openUrl(url: string): void {
    // People leave out the beginning.
    const pack = /^[\w-]+(\.[\w-]+)+(:\d+)?\//.test(url) ? `https://${url}` : url;
    this.#go(`?${new URLSearchParams({ pack })}#/`);
  }

  /** Opens a file of the user; nothing is sent anywhere. With it may come its `.idx` and its volumes. */
  openFiles(files: File[]): void {
    // An index beside its container is the pack; the container is one of its volumes.
    const pack = files.find(({ name }) => name.endsWith('.rpx')) ?? files.find(({ name }) => !name.endsWith('.idx')) ?? files[0];
    if (pack === undefined) return;
    this.#files = { name: pack.name, files: [pack, ...files.filter((file) => file !== pack)] };
    this.#source = undefined;
    this.#go(`?${new URLSearchParams({ file: pack.name })}#/`);
  }

  close(): void {
    this.#go('?');
  }

  #go(address: string) {
    history.pushState(null, '', address === '?' ? location.pathname : address);
    void this.follow();
  }

  /** Tries again what failed. An open pack stays open, and the tree as it is, unless the pack was replaced. */
  retry(): void {
    const { opened, shown } = this;
    const code = shown !== undefined && 'failed' in shown ? shown.failed.code : '';
    if (opened !== undefined && code !== 'ERR_CHANGED') return void this.#show(this.path);
    this.#source = undefined;
    void this.follow();
  }

  forget(url: string): void {
    this.recent = forget(url);
  }

  #openFiles() {
    const [pack, ...beside] = this.#files?.files ?? [];
    if (pack === undefined) return;
    const index = beside.find(({ name }) => name.endsWith('.idx'));
    const volumes = Object.fromEntries(beside.map((file) => [file.name, file]));
    const container = beside.find(({ name }) => `${name}.rpx` === pack.name);
    return this.#open(pack, { index, volumes: { ...volumes, ...(container && { '': container }) } });
  }

  async #open(input: string | File, options: OpenOptions) {
    const abort = (this.#abort = new AbortController());
    const name = input instanceof File ? input.name : nameFromUrl(input);
    this.opening = { name, progress: undefined };
    const progress = ({ loaded, total }: { loaded: number; total: number }) => {
      if (!abort.signal.aborted) this.opening = { name, progress: loaded / total };
    };
    try {
      // What is no address at all is refused by the package, with its words.
      const address = input instanceof File ? input : resolved(input);
      // What was read stays for the next visit, where the browser has a place for it.
      const cache = input instanceof File || globalThis.caches === undefined ? undefined : cacheStorageCache();
      const pack = await openPack(address, { ...options, cache, onProgress: progress, signal: abort.signal });
      if (abort.signal.aborted) return pack.close();
      const directories = new Directories(pack);
      const url = address instanceof URL ? address.href : undefined;
      const index = options.index instanceof URL ? options.index.href : undefined;
      addresses.offer(pack);
      this.opened = { pack, url, index, name, directories, tree: new Tree(directories) };
      if (typeof input === 'string') {
        const { entries, bytes } = pack.info;
        this.recent = remember({ url: input, ...(index !== undefined && { index }), name, entries, bytes });
      }
      await this.#show(this.#wanted().path);
    } catch (error) {
      if (!abort.signal.aborted) this.failed = adviceFor(error);
    } finally {
      if (!abort.signal.aborted) this.opening = undefined;
    }
  }

  /** The address of a path in the open pack. */
  href(path: string): string {
    return `${location.search}#${encodePath(path)}`;
  }

  navigate(path: string): void {
    if (path === this.path) this.visits++;
    else this.#go(this.href(path));
  }

  /** The name of the child of a directory that was shown before it, or something below that child. */
  cameFrom(directory: string): string | undefined {
    const prefix = directory === '' ? '' : `${directory}/`;
    if (this.#before === '' || !this.#before.startsWith(prefix)) return undefined;
    return this.#before.slice(prefix.length).split('/')[0];
  }

  async #show(path: string) {
    const { opened } = this;
    if (opened === undefined) return;
    this.#lookup.abort();
    const { signal } = (this.#lookup = new AbortController());
    if (path !== this.path) this.#before = this.path;
    this.path = path;
    this.visits++;
    document.title = path === '' ? opened.name : `${nameOf(path)} · ${opened.name}`;
    try {
      // Links are shown as links.
      const entry = await opened.pack.lstat(path, { signal });
      const found = entry ?? (await opened.pack.stat(path, { signal }));
      if (signal.aborted) return;
      const missing = { title: 'There is nothing at this path', todo: 'Go up to a directory that exists, or check the link.' };
      this.shown = found
        ? { entry: found }
        : { failed: { ...missing, detail: `/${path}`, code: 'ERR_NO_ENTRY', retry: false } };
    } catch (error) {
      if (!signal.aborted) this.shown = { failed: adviceFor(error) };
    }
  }
}

/** An address, relative to the page; as it is where it is none. */
function resolved(address: string): URL | string {
  return URL.canParse(address, location.href) ? new URL(address, location.href) : address;
}

/** The query of the page that shows a pack. */
export function queryOf({ url, index }: { url: string; index?: string | undefined }): string {
  return `?${new URLSearchParams({ pack: url, ...(index !== undefined && { index }) })}`;
}

/** The last name in an address; its host if there is none. */
function nameFromUrl(url: string): string {
  try {
    const { pathname, host } = new URL(url, location.href);
    return decodePath(nameOf(pathname)) || host;
  } catch {
    return url;
  }
}

export const session = new Session();
