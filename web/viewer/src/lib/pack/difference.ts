/** In what two entries of one path differ, as `rangepack diff` tells it: not in times, owners or attributes. */

import type { Entry, FileEntry } from 'rangepack';

/** What both packs have at a path, the one and the other; undefined where one has nothing. */
export type Sides = readonly [Entry | undefined, Entry | undefined];

export type Mark =
  /** The first has it alone. */
  | 'removed'
  /** The second has it alone. */
  | 'added'
  | 'changed'
  /** Directories, in which something differs, or may. */
  | 'inside'
  /** Nobody knows, for something cannot be read or has no digest. */
  | 'unknown';

export interface Difference {
  mark: Mark;
  /** What differs, in words. */
  what: string;
}

/** In what they differ; undefined where they are the same. */
export function differenceOf([ours, theirs]: Sides): Difference | undefined {
  if (ours === undefined) return theirs && { mark: 'added', what: 'Only in the second' };
  if (theirs === undefined) return { mark: 'removed', what: 'Only in the first' };
  return differenceInKind(ours, theirs) ?? differenceInMode(ours, theirs) ?? differenceInside(ours, theirs);
}

function differenceInKind(ours: Entry, theirs: Entry): Difference | undefined {
  // Of what cannot be read nothing may be known but its name.
  const unreadable = [ours, theirs].some((entry) => entry.unreadable !== undefined && contentOf(entry) === undefined);
  if (unreadable) return { mark: 'unknown', what: 'One of them cannot be read' };
  if (ours.kind !== theirs.kind) return { mark: 'changed', what: 'Of another kind' };
  if (ours.kind === 'symlink' && theirs.kind === 'symlink') {
    return ours.target === theirs.target ? undefined : { mark: 'changed', what: 'The target of the link differs' };
  }
  if (ours.kind !== 'file' || theirs.kind !== 'file') return undefined;
  if (ours.size !== theirs.size) return { mark: 'changed', what: 'The content differs' };
  const [here, there] = [contentOf(ours), contentOf(theirs)];
  // `.fpack` files have no digests, and what has no bytes needs none.
  if (here === undefined || there === undefined) return ours.size === 0 ? undefined : { mark: 'unknown', what: 'The content has no digest that could be compared' };
  return here === there ? undefined : { mark: 'changed', what: 'The content differs' };
}

/** The digest of a file's content. */
export function contentOf(entry: Entry): string | undefined {
  if (entry.kind !== 'file') return undefined;
  const { codec, sha256, originalSha256 }: FileEntry = entry;
  return originalSha256 ?? (codec === 'stored' ? sha256 : undefined);
}

function differenceInMode(ours: Entry, theirs: Entry): Difference | undefined {
  // Links have no modes of their own, and old containers none at all.
  if (ours.kind === 'symlink' || ours.mode === undefined || theirs.mode === undefined || ours.mode === theirs.mode) return undefined;
  return { mark: 'changed', what: 'The mode differs' };
}

function differenceInside(ours: Entry, theirs: Entry): Difference | undefined {
  if (ours.kind !== 'directory' || theirs.kind !== 'directory') return undefined;
  if (ours.treeDigest === undefined || theirs.treeDigest === undefined) return { mark: 'inside', what: 'Something in it may differ' };
  return ours.treeDigest === theirs.treeDigest ? undefined : { mark: 'inside', what: 'Something in it differs' };
}
