/**
 * What is open: a pack, and a path in it; perhaps another pack that it is compared with. The address of the page says all of it
 * (`?pack=URL&with=URL#/path`), so that back, forward and links work; everything else follows from it.
 */

import { cacheStorageCache, openPack, type Entry, type OpenOptions, type Pack } from 'rangepack';
import { Comparison } from '../pack/comparison.svelte.ts';
import { Directories } from '../pack/directory.svelte.ts';
import { Tree } from '../pack/tree.svelte.ts';
import { adviceFor, type Advice } from '../words/advice.ts';
import { decodePath, encodePath, nameOf } from '../words/paths.ts';
import { addresses } from './addresses.svelte.ts';
import { recentPacks, remember, forget } from './recent.ts';
import { followed, splitFragment } from './view.svelte.ts';

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

/** Two packs. */
export interface Pair {
  sides: readonly [Opened, Opened];
  comparison: Comparison;
}

/** A pack that the address of the page asks for. */
type Wanted =
  | {
      url: string;
      /** The index beside an old container. */
      index: string | undefined;
      root: string | undefined;
    }
  /** The name of a file of the user. */
  | { file: string };

export type Shown = { entry: Entry } | { failed: Advice } | undefined;

export class Session {
  opened: Opened | undefined = $state.raw();
  /** Whether the address asks for another pack, too. */
  comparing = $state(false);
  /** The open pack and the other one, once both are open. */
  pair: Pair | undefined = $state.raw();
  /** While a pack is being opened: what is read, and how far an old container's index has come (0 to 1). */
  opening: { name: string; progress: number | undefined } | undefined = $state.raw();
  failed: Advice | undefined = $state.raw();
  recent = $state.raw(recentPacks());
  path = $state('');
  /** What lies at `path`; undefined while that is being looked up. */
  shown: Shown = $state.raw();
  /** What was shown before `path`. */
  #before = '';
  /** Counts how often the address named another look at the same path. */
  looks = $state(0);
  /** Counts what was navigated to, for those who must follow. */
  visits = $state(0);
  #abort = new AbortController();
  #otherAbort = new AbortController();
  #lookup = new AbortController();
  /** The files that were chosen, by the name in the address that stands for them. */
  readonly #files = new Map<string, File[]>();
  /** What `opened` was opened for, and the other of `pair`. */
  #source: string | undefined;
  #otherSource: string | undefined;

  /** Follows the address from now on. */
  start(): void {
    addEventListener('popstate', () => void this.follow());
    addEventListener('hashchange', () => void this.follow());
    void this.follow();
  }

  /** Makes what is shown agree with the address. */
  async follow(): Promise<void> {
    const query = new URLSearchParams(location.search);
    const [wanted, other] = [wantedIn(query, ''), wantedIn(query, 'with')];
    const [source, otherSource] = [sourceOf(wanted), sourceOf(other)];
    this.comparing = wanted !== undefined && OTHER.some((name) => query.has(name));
    if (source !== this.#source) {
      this.#leave();
      this.#source = source;
      if (wanted === undefined) return;
      const { signal } = (this.#abort = new AbortController());
      const opened = await this.#open(wanted, signal);
      if (opened === undefined) return;
      this.opened = opened;
      followed.hash = location.hash;
      await this.#show(splitFragment(location.hash).path);
      // There may be another one to open.
      return this.follow();
    }
    const { opened } = this;
    if (opened === undefined) return;
    if (otherSource !== this.#otherSource) {
      this.#leaveOther();
      this.#otherSource = otherSource;
      if (other !== undefined) await this.#openOther(opened, other);
    }
    const { path } = splitFragment(location.hash);
    const isOther = location.hash !== followed.hash;
    followed.hash = location.hash;
    if (path !== this.path) await this.#show(path);
    else if (isOther) this.looks++;
  }

  async #openOther(opened: Opened, wanted: Wanted) {
    const { signal } = (this.#otherAbort = new AbortController());
    const other = await this.#open(wanted, signal);
    if (other !== undefined) this.pair = { sides: [opened, other], comparison: new Comparison(opened.pack, other.pack) };
  }

  #leave() {
    this.#leaveOther();
    this.#abort.abort();
    if (this.opened !== undefined) closed(this.opened);
    this.opened = this.opening = this.failed = this.shown = undefined;
    this.path = this.#before = '';
    document.title = 'Rangepack';
  }

  #leaveOther() {
    this.#otherAbort.abort();
    this.pair?.comparison.close();
    if (this.pair !== undefined) closed(this.pair.sides[1]);
    this.pair = this.opening = this.failed = this.#otherSource = undefined;
  }

  /** Opens a pack by its address, as a new step in the history. */
  openUrl(url: string): void {
    this.#go(`?${new URLSearchParams({ pack: completed(url) })}#/`);
  }

  /** Compares the open pack with another one, as a new step in the history; without an address that is asked for. */
  compareWith(url: string): void {
    this.#go(this.#with({ with: completed(url) }));
  }

  /** Compares the open pack with a file of the user. */
  compareWithFiles(files: File[]): void {
    const name = this.#choose(files);
    if (name === undefined) return;
    this.#otherSource = undefined;
    this.#go(this.#with({ 'with-file': name }));
  }

  /** Shows the first of two packs alone. */
  alone(): void {
    this.#go(this.#with({}));
  }

  /** The address of a pack; of the comparison with it, where one is asked for. */
  hrefOf({ url, index }: { url: string; index?: string | undefined }): string {
    if (!this.comparing || this.opened === undefined) return `${queryOf({ url, index })}#/`;
    return this.#with({ with: url, ...(index !== undefined && { 'with-index': index }) });
  }

  /** Follows a link to a pack without loading the page anew: a file of the user that is open stays so. */
  take(event: MouseEvent & { currentTarget: HTMLAnchorElement }): void {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    const { search, hash } = event.currentTarget;
    this.#go(search + hash);
  }

  #with(other: Record<string, string>): string {
    const query = new URLSearchParams(location.search);
    for (const name of OTHER) query.delete(name);
    for (const [name, value] of Object.entries(other)) query.set(name, value);
    return `?${query}#${encodePath(this.path)}`;
  }

  /** Opens a file of the user; nothing is sent anywhere. With it may come its `.idx` and its volumes. */
  openFiles(files: File[]): void {
    const name = this.#choose(files);
    if (name === undefined) return;
    this.#source = undefined;
    // Which the address leads into.
    if (new URLSearchParams(location.search).get('file') === name) return void this.follow();
    this.#go(`?${new URLSearchParams({ file: name })}#/`);
  }

  /** Keeps files, the pack among them first. Gives the name that stands for them. */
  #choose(files: File[]): string | undefined {
    // An index beside its container is the pack; the container is one of its volumes.
    const pack = files.find(({ name }) => name.endsWith('.rpx')) ?? files.find(({ name }) => !name.endsWith('.idx')) ?? files[0];
    if (pack !== undefined) this.#files.set(pack.name, [pack, ...files.filter((file) => file !== pack)]);
    return pack?.name;
  }

  /** Whether a file is known by this name. */
  has(file: string): boolean {
    return this.#files.has(file);
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
    const failed = opened !== undefined && this.comparing && this.pair === undefined;
    if (opened !== undefined && !failed && code !== 'ERR_CHANGED') return void this.#show(this.path);
    if (failed) this.#otherSource = undefined;
    else this.#source = undefined;
    void this.follow();
  }

  forget(url: string): void {
    this.recent = forget(url);
  }

  /** Undefined where it cannot be opened, which is said then, or is not wanted any more. */
  async #open(wanted: Wanted, signal: AbortSignal): Promise<Opened | undefined> {
    const name = 'url' in wanted ? nameFromUrl(wanted.url) : wanted.file;
    // Which file that was, the page has forgotten since: it asks for it.
    if ('file' in wanted && !this.#files.has(name)) return undefined;
    this.opening = { name, progress: undefined };
    const onProgress = ({ loaded, total }: { loaded: number; total: number }) => {
      if (!signal.aborted) this.opening = { name, progress: loaded / total };
    };
    try {
      const [input, options] = 'url' in wanted ? ofUrl(wanted) : ofFiles(this.#files.get(name) ?? []);
      const pack = await openPack(input, { ...options, onProgress, signal });
      if (signal.aborted) return void pack.close();
      const directories = new Directories(pack);
      const url = input instanceof URL ? input.href : undefined;
      const index = options.index instanceof URL ? options.index.href : undefined;
      addresses.offer(pack);
      if ('url' in wanted) {
        const { entries, bytes } = pack.info;
        this.recent = remember({ url: wanted.url, ...(index !== undefined && { index }), name, entries, bytes });
      }
      return { pack, url, index, name, directories, tree: new Tree(directories) };
    } catch (error) {
      if (!signal.aborted) this.failed = adviceFor(error);
      return undefined;
    } finally {
      if (!signal.aborted) this.opening = undefined;
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

/** What the address says of the other pack. */
const OTHER = ['with', 'with-file', 'with-index', 'with-root'];

/** Which pack a query asks for, or which one with it. */
function wantedIn(query: URLSearchParams, prefix: '' | 'with'): Wanted | undefined {
  const get = (name: string) => query.get(prefix === '' ? name : name === 'pack' ? prefix : `${prefix}-${name}`) ?? undefined;
  const [url, file] = [get('pack'), get('file')];
  // Which one it is compared with may still be asked.
  if (url !== undefined && (url !== '' || prefix === '')) return { url, index: get('index'), root: get('root') };
  return file === undefined ? undefined : { file };
}

function sourceOf(wanted: Wanted | undefined): string | undefined {
  return wanted && JSON.stringify(wanted);
}

/** Index pages that are kept in memory, in bytes: all of a million and a half files. */
const CACHE = 96 * 1024 * 1024;

/** How a pack at an address is opened. */
function ofUrl({ url, index, root }: { url: string; index: string | undefined; root: string | undefined }): [URL | string, OpenOptions] {
  // What was read stays for the next visit, where the browser has a place for it.
  const cache = globalThis.caches === undefined ? undefined : cacheStorageCache();
  // What is no address at all is refused by the package, with its words.
  return [resolved(url), { root, index: index && resolved(index), cache, cacheBytes: CACHE }];
}

/** How a file of the user is opened, with those that were chosen with it. */
function ofFiles([pack, ...beside]: File[]): [File, OpenOptions] {
  if (pack === undefined) throw new TypeError('no file was chosen');
  const index = beside.find(({ name }) => name.endsWith('.idx'));
  const volumes = Object.fromEntries(beside.map((file) => [file.name, file]));
  const container = beside.find(({ name }) => `${name}.rpx` === pack.name);
  return [pack, { index, volumes: { ...volumes, ...(container && { '': container }) } }];
}

function closed({ pack }: Opened) {
  addresses.withdraw(pack);
  pack.close();
}

/** An address as a person may have typed it: people leave out the beginning. */
function completed(url: string): string {
  return /^[\w-]+(\.[\w-]+)+(:\d+)?\//.test(url) ? `https://${url}` : url;
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
