/**
 * How a file is looked at, as the address of the page says it behind the path: `#/people.csv?row=120`. So links, and a page that is
 * loaded anew, show the same.
 */

import { untrack } from 'svelte';
import { decodePath } from '../words/paths.ts';

/** What an address may say. In names a question mark is written `%3F`; where a person typed one, what follows is none of these. */
const KEYS = ['as', 'row', 'byte', 'zoom', 'x', 'y', 'time'] as const;
export type ViewKey = (typeof KEYS)[number];

/** Milliseconds until what was scrolled to stands in the address: browsers take few changes a second. */
const CALM = 300;

/** By which context previews know of it. */
export const VIEW = Symbol('view');

/** A fragment, without or with its `#`, in its parts. */
export function splitFragment(fragment: string): { path: string; view: URLSearchParams } {
  const at = fragment.lastIndexOf('?');
  const view = new URLSearchParams(at < 0 ? '' : fragment.slice(at + 1));
  const isView = view.size > 0 && [...view.keys()].every((key) => (KEYS as readonly string[]).includes(key));
  return isView ? { path: decodePath(fragment.slice(0, at)), view } : { path: decodePath(fragment), view: new URLSearchParams() };
}

/** The fragment that what is shown follows. An address that is followed twice, as two events tell of it, is one. */
export const followed = { hash: '' };

export class View {
  /** What stands in the address, or will in a moment: `?row=120`, or nothing. */
  query = $state('');
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const { view } = splitFragment(location.hash);
    this.query = view.size === 0 ? '' : `?${view}`;
  }

  get(key: ViewKey): string | undefined {
    return new URLSearchParams(this.query).get(key) ?? undefined;
  }

  /** A number that is at least 0, or less where `signed` says so; undefined for everything else. */
  number(key: ViewKey, signed = false): number | undefined {
    const text = this.get(key);
    const number = text === undefined || text.trim() === '' ? NaN : Number(text);
    return Number.isFinite(number) && (signed || number >= 0) ? number : undefined;
  }

  /** Undefined: as it is at first. */
  set(key: ViewKey, value: string | number | undefined): void {
    // Effects that tell of something do not follow what others tell.
    const view = new URLSearchParams(untrack(() => this.query));
    if (value === undefined) view.delete(key);
    else view.set(key, String(value));
    this.#become(view);
  }

  /** All is as it is at first, but for what is said here. */
  reset(view: Partial<Record<ViewKey, string>> = {}): void {
    this.#become(new URLSearchParams(view));
  }

  #become(view: URLSearchParams) {
    const query = view.size === 0 ? '' : `?${view}`;
    if (query === this.query) return;
    this.query = query;
    clearTimeout(this.#timer);
    const before = location.hash;
    this.#timer = setTimeout(() => {
      // Whoever went on meanwhile has another address.
      if (location.hash !== before) return;
      const at = before.lastIndexOf('?');
      const path = splitFragment(before).view.size === 0 ? before : before.slice(0, at);
      history.replaceState(history.state, '', (path || '#/') + query);
      followed.hash = location.hash;
    }, CALM);
  }

  /** What is shown has gone: the address stays as it is. */
  close(): void {
    clearTimeout(this.#timer);
  }
}
