/**
 * The packs behind a server that says where their list lies: `<meta name="rangepack-packs" content="packs.json">`. Plain
 * static hosts say nothing, and are not asked. What the list holds is not trusted.
 */

export interface Served {
  name: string;
  /** As in `?pack=`: relative to the page where it lies below. */
  url: string;
  /** An index beside an old container, as in `?index=`. */
  index?: string;
  bytes?: number;
  files?: number;
  directories?: number;
  /** Why it cannot be opened. */
  error?: string;
}

/** More would help nobody. */
const MOST = 1000;
const LONGEST = 4 * 1024 * 1024;

/** Where the list lies, if there is one. */
export function packsAddress(): URL | undefined {
  const content = document.querySelector<HTMLMetaElement>('meta[name=rangepack-packs]')?.content;
  return content && URL.canParse(content, location.href) ? new URL(content, location.href) : undefined;
}

/** The list as it is now. Throws where there is none. */
export async function fetchPacks(address: URL, signal: AbortSignal): Promise<Served[]> {
  const response = await fetch(address, { signal, cache: 'no-cache', headers: { Accept: 'application/json' } });
  if (!response.ok) throw new Error(`the server answers with status ${response.status}`);
  const text = await response.text();
  if (text.length > LONGEST) throw new Error('the list is too long');
  return readPacks(JSON.parse(text), address, location.href);
}

/** What makes sense of a list. */
export function readPacks(json: unknown, address: URL, page: string): Served[] {
  const list = typeof json === 'object' && json !== null && 'packs' in json ? json.packs : undefined;
  if (!Array.isArray(list)) throw new Error('the answer is no list of packs');
  return list.slice(0, MOST).flatMap((item: unknown) => {
    if (typeof item !== 'object' || item === null) return [];
    const { name, url, index, bytes, files, directories, error } = item as Record<string, unknown>;
    const found = addressOf(url, address, page);
    if (typeof name !== 'string' || name === '' || found === undefined) return [];
    const counts = Object.fromEntries(Object.entries({ bytes, files, directories }).filter(([, value]) => Number.isSafeInteger(value) && Number(value) >= 0));
    const beside = addressOf(index, address, page);
    return [{ name, url: found, ...(beside !== undefined && { index: beside }), ...counts, ...(typeof error === 'string' && { error }) }];
  });
}

function addressOf(url: unknown, base: URL, page: string): string | undefined {
  if (typeof url !== 'string' || url === '' || !URL.canParse(url, base)) return undefined;
  const { protocol, href } = new URL(url, base);
  if (protocol !== 'http:' && protocol !== 'https:') return undefined;
  const folder = new URL('.', page).href;
  const short = href.startsWith(folder) ? href.slice(folder.length) : '';
  // What begins like `word:` would be another address; and an empty one is the page itself.
  return short === '' || !/^[^:/?#]+([/?#]|$)/.test(short) ? href : short;
}
