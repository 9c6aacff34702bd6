/** Packs that were opened by their address, kept in this browser only. */

export interface Recent {
  url: string;
  /** Of the index beside an old container. */
  index?: string;
  name: string;
  entries: number;
  bytes: number;
}

const KEY = 'rangepack.recent';
const MOST = 8;

/** The latest first. What other programs may have left in the storage is not trusted. */
export function recentPacks(): Recent[] {
  try {
    const list: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(list) ? list.filter(isRecent).slice(0, MOST) : [];
  } catch {
    return [];
  }
}

function isRecent(value: unknown): value is Recent {
  if (typeof value !== 'object' || value === null) return false;
  const { url, index, name, entries, bytes } = value as Record<string, unknown>;
  if (index !== undefined && typeof index !== 'string') return false;
  return typeof url === 'string' && typeof name === 'string' && typeof entries === 'number' && typeof bytes === 'number';
}

export function remember(pack: Recent): Recent[] {
  return save([pack, ...recentPacks().filter(({ url }) => url !== pack.url)].slice(0, MOST));
}

export function forget(url: string): Recent[] {
  return save(recentPacks().filter((pack) => pack.url !== url));
}

function save(list: Recent[]): Recent[] {
  try {
    localStorage.setItem(KEY, JSON.stringify(list));
  } catch {
    // The storage is full or forbidden: the list lives as long as the page.
  }
  return list;
}
