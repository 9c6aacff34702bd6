/**
 * A `fetch` that treats another origin as a browser does: preflights, hidden headers, TypeErrors that say nothing.
 */

const ALWAYS_READABLE = ['cache-control', 'content-language', 'content-length', 'content-type', 'expires', 'last-modified'];

/**
 * @param {string} pageOrigin
 * @returns {typeof fetch}
 */
export function browserFetch(pageOrigin) {
  return async (input, init) => {
    const url = new URL(String(input));
    if (url.origin === pageOrigin) return fetch(url, init);

    const asked = [...new Headers(init?.headers)]
      .filter(([name, value]) => !(name === 'range' && /^bytes=\d+-\d*$/.test(value)))
      .map(([name]) => name);
    if (asked.length > 0) {
      const preflight = await fetch(url, {
        method: 'OPTIONS',
        headers: { 'Access-Control-Request-Headers': asked.join(), 'Access-Control-Request-Method': init?.method ?? 'GET' },
      });
      const granted = (preflight.headers.get('Access-Control-Allow-Headers') ?? '').split(/\s*,\s*/);
      if (!preflight.ok || !asked.every((name) => granted.includes(name))) throw new TypeError('Failed to fetch');
    }
    const response = await fetch(url, init);
    if (response.headers.get('Access-Control-Allow-Origin') !== '*') throw new TypeError('Failed to fetch');
    const exposed = (response.headers.get('Access-Control-Expose-Headers') ?? '').toLowerCase().split(/\s*,\s*/);
    const headers = [...response.headers].filter(([name]) => ALWAYS_READABLE.includes(name) || exposed.includes(name));
    return new Response(response.body, { status: response.status, headers });
  };
}
